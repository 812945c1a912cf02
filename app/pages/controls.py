"""The options as a person meets them, one row each in the order of the page.

A row is all that the pages know of an option: where it stands, what it offers, how an artwork's recipe tells it. What
values it may have, and which of them holds where nothing is said, is the contract's (app/jobs/options.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.pages.values import DEFAULTS, as_number
from app.pages.ways import WAYS
from app.translation import N_, _

Choices = Sequence[tuple[str, str]]
# How a control is drawn: a slider as a row of labelled stops, a select, a text field, or as a template says.
Kind = Literal["scale", "pick", "entry", "special"]
Place = Literal["options", "size", "blend", "ways", "part", "tones", "fine", "experts"]

# The folds of the page, from the outermost on, that have to be open for a place to be seen.
FOLDS: dict[Place, tuple[str, ...]] = {
    "options": ("options",),
    "size": ("options", "more"),
    "blend": ("options", "more"),
    "ways": ("options", "more"),
    "part": ("options", "more"),
    "tones": ("options", "more"),
    "fine": ("options", "more"),
    "experts": ("options", "more", "experts"),
}
# Fields of a request that are no control among the options, and why. What only programs and the shell can ask for
# stands here as well.
ELSEWHERE = {
    "photo": "stands above the options",
    "styles": "are the cards of the gallery, and the rows of the blend",
    "start_job": "is brought by an artwork's page, and then stands below the photo",
    "variety": "stands on the page to draw on",
    "fidelity": "stands on the page to draw on",
}
MOST_PARTS = 5  # paintings of a blend
USUAL = ("", N_("As usual"))


@dataclass(frozen=True)
class Offer:
    """One choice of a control, and whether it is the chosen one."""

    value: str
    words: str
    chosen: bool


@dataclass(frozen=True)
class Control:
    """An option on the page and in an artwork's recipe. Its texts are English, and looked up when they are shown.

    Attributes:
        name: of the request's field.
        words: what the page calls it.
        place: where on the page it stands, inside which folds (`FOLDS`).
        kind: how it is drawn.
        choices: values with their words, as the form sends them; "" is left to the preset.
        ends: what a scale has at its two ends.
        placeholder, hint, mode: of a text field; `mode` is its keyboard.
        unoffered: values that it may have, but that cannot be chosen here.
        told: what the recipe calls it, if not `words`.
        telling: how the recipe says its value, if not by the words of the choice.
        is_always_told: whether the recipe tells it even where it is as the page starts with it.
    """

    name: str
    words: str
    place: Place
    kind: Kind
    choices: Choices = ()
    ends: tuple[str, str] = ("", "")
    placeholder: str = ""
    hint: str = ""
    mode: Literal["numeric", "decimal", "text"] = "decimal"
    unoffered: Choices = ()
    told: str = ""
    telling: str = ""
    is_always_told: bool = False

    def offers(self, text: str) -> list[Offer]:
        """The choices with the one that `text` says chosen; none is where it says something else."""
        return [Offer(value, told(value, words), value == text) for value, words in self.choices]

    def stops(self, text: str) -> list[Offer]:
        """Choices that are numbers, in their order. A number that is not among them gets a stop of its own; anything
        else is taken for what the page starts with.
        """
        value = as_number(text)
        if value is None:
            text = DEFAULTS[self.name]
            value = as_number(text)
        choices = self.choices
        if all(as_number(each) != value for each, _words in choices):
            choices = sorted([*choices, (text, text)], key=lambda each: as_number(each[0]) or 0)
        return [Offer(each, told(each, words), as_number(each) == value) for each, words in choices]


def told(value: str, words: str) -> str:
    """The words of a value in the language of whoever asked; they may have a place for it."""
    return _(words).format(value)


# fmt: off
ROWS = (
    Control(
        "strength", N_("Strength"), "options", "scale",
        (
            ("0.25", N_("Much gentler")), ("0.5", N_("Gentler")), ("0.7", N_("A little gentler")),
            ("1", N_("Balanced")), ("1.4", N_("A little bolder")), ("2", N_("Bolder")), ("4", N_("Much bolder")),
        ),
        ends=(N_("my photo"), N_("the painting")), is_always_told=True,
    ),
    Control(
        "brush", N_("Brush size"), "options", "scale",
        (
            ("0.35", N_("Very fine")), ("0.5", N_("Fine")), ("0.7", N_("Rather fine")), ("1", N_("As in the painting")),
            ("1.4", N_("Rather broad")), ("2", N_("Broad")), ("2.8", N_("Very broad")),
        ),
        ends=(N_("fine"), N_("broad")), is_always_told=True,
    ),
    Control(
        "keep_colors", N_("Colours"), "options", "scale",
        (
            ("0", N_("The painting’s")), ("0.25", N_("Mostly the painting’s")), ("0.5", N_("Half of each")),
            ("0.75", N_("Mostly my photo’s")), ("1", N_("My photo’s")),
        ),
        ends=(N_("the painting’s"), N_("my photo’s")), is_always_told=True,
    ),
    Control(
        "size", N_("Size"), "size", "special",
        (
            ("256", N_("a sketch")), ("512", N_("for a screen")), ("768", N_("for a large screen")),
            ("1024", N_("for a postcard")), ("1536", N_("for a small frame")),
            ("2048", N_("for a large frame")), ("4096", N_("for a poster")),
            ("8192", N_("for a wall")),
        ),
        telling=N_("{} pixels"), is_always_told=True,
    ),
    Control(
        "quality", N_("Quality"), "size", "special",
        (("draft", N_("Draft")), ("good", N_("Good")), ("best", N_("Best"))),
        is_always_told=True,
    ),
    Control(
        "output_size", N_("Size of the finished artwork"), "size", "pick",
        (
            ("", N_("As painted")),
            *((str(size), N_("{} pixels")) for size in (512, 1024, 1536, 2048, 3072, 4096, 6144, 8192)),
        ),
        told=N_("Finished size"), telling=N_("{} pixels"),
    ),
    Control(
        "keep_transparency", N_("Keep transparency"), "size", "special",
        hint=N_("Where your photo is transparent, PNG, WebP and TIFF are too. Any other photo is painted as usual."),
        told=N_("Transparency"), telling=N_("the photo’s"),
    ),
    Control(
        "preset", N_("Way of painting"), "ways", "special",
        tuple((way.id, way.title) for way in WAYS),
        unoffered=(("doodle", N_("From a drawing")),), is_always_told=True,
    ),
    # The id of a mask means nothing to a person, and is nobody else's business, so it is not told.
    Control(
        "keep", N_("Parts of the photo"), "part", "special",
        told=N_("Part of the photo"), telling=N_("kept as it was"),
    ),
    Control(
        "feather", N_("Soft edges of all parts"), "part", "special",
        told=N_("Soft edges"), telling=N_("{} of the longer side"),
    ),
    Control(
        "color_method", N_("How colours of the photo are kept"), "tones", "pick",
        (
            ("luminance", N_("The photo’s colours, painted light and dark")),
            ("histogram", N_("As often as in the photo (histogram)")),
            ("linear", N_("As few changes as can be (optimal transport)")),
            ("linear-cholesky", N_("Channel after channel (Cholesky)")),
            ("linear-pca", N_("Along the main colours (PCA)")),
        ),
        told=N_("How colours are kept"),
    ),
    Control(
        "color_mask", N_("Where they are kept"), "tones", "special",
        told=N_("Colours"), telling=N_("kept in a part of the photo"),
    ),
    Control(
        "smoothing", N_("Smoothing"), "fine", "scale",
        (
            ("0", N_("None")), ("0.5", N_("A little")), ("1", N_("As usual")), ("2", N_("Smoother")),
            ("4", N_("Much smoother")),
        ),
        ends=(N_("grainy"), N_("smooth")),
    ),
    Control(
        "start", N_("Begin from"), "fine", "pick",
        (USUAL, ("photo", N_("My photo")), ("noise", N_("Random dots")), ("grey", N_("My photo without colours"))),
        unoffered=(("artwork", N_("An earlier artwork")),), told=N_("Begun from"),
    ),
    Control(
        "seed", N_("Variation"), "fine", "entry", placeholder="0", mode="numeric",
        hint=N_("Any whole number. Another one gives another version; the same one gives the same again."),
        is_always_told=True,
    ),
    Control(
        "iterations", N_("Evaluations in all"), "experts", "entry", placeholder=N_("as usual"), mode="numeric",
        hint=N_("1 to 5000."), told=N_("Evaluations"),
    ),
    Control(
        "min_improvement", N_("Least improvement"), "experts", "entry", placeholder="0",
        hint=N_("Percent in 20 evaluations, or a stage ends."), telling="{} %",
    ),
    Control("optimizer", N_("Optimiser"), "experts", "pick", (USUAL, ("lbfgs", "L-BFGS"), ("adam", "Adam"))),
    Control(
        "extractor", N_("Network"), "experts", "pick",
        (("auto", N_("As set up here")), ("compact", N_("Compact, our own")), ("vgg19", "VGG-19"), ("vgg16", "VGG-16")),
    ),
    Control(
        "pooling", N_("Pooling"), "experts", "pick",
        (USUAL, ("max", N_("Maximum")), ("average", N_("Average")), ("l2", "L2")),
    ),
    Control("content_layers", N_("Content layers"), "experts", "entry", placeholder="relu4_2 1", mode="text"),
    Control(
        "content_scaling", N_("Content loss"), "experts", "pick",
        (
            USUAL,
            ("relative", N_("Relative to the photo")),
            ("half-sse", N_("Half the sum of squares")),
            ("mse", N_("Mean of squares")),
            ("sse", N_("Sum of squares")),
            ("nst-1", N_("Sum over 2·√C·√(H·W)")),
            ("nst-2", N_("Sum over C·H·W")),
        ),
    ),
    Control("style_layers", N_("Style layers"), "experts", "entry", placeholder="relu1_1 1, relu2_1 1", mode="text"),
    Control(
        "style_loss", N_("Style loss"), "experts", "pick",
        (
            USUAL,
            ("nearest", N_("Nearest cells")),
            ("nearest-and-gram", N_("Nearest cells, and Gram")),
            ("mrf", N_("Nearest patches")),
            ("relative-gram", N_("Gram, relative to the painting")),
            ("gram-2015", N_("Gram, Gatys 2015")),
            ("gram-code", N_("Gram, Gatys’ notebook")),
            ("gram-nst", N_("Gram, Neural-Style-Transfer")),
            ("wasserstein", "Wasserstein-2"),
        ),
    ),
    Control(
        "guides", N_("Masks in the layers"), "experts", "pick",
        (
            ("simple", N_("All that a patch touches")),
            ("inside", N_("Only what lies inside")),
            ("all", N_("All, spread by the network")),
        ),
    ),
    Control(
        "color_when", N_("When colours are kept"), "experts", "pick",
        (("after", N_("After painting")), ("before", N_("Before: paint in the photo’s colours"))),
    ),
    Control(
        "resample", N_("Resampling"), "experts", "pick",
        (
            ("lanczos", "Lanczos"), ("network", N_("Our network: sharper where it enlarges")),
            ("bicubic", N_("Bicubic")), ("bilinear", N_("Bilinear")), ("nearest", N_("Nearest pixel")),
        ),
    ),
)
CONTROLS = {control.name: control for control in ROWS}
# Of a drawing: they stand on its page, and in the recipe of what is painted from it.
DRAWN = {
    control.name: control
    for control in (
        Control(
            "variety", N_("Pieces of the painting"), "options", "pick",
            (
                ("0", N_("Repeated as they fit best")), ("1", N_("As usual")), ("2", N_("Varied")),
                ("4", N_("Varied as much as can be")),
            ),
        ),
        Control(
            "fidelity", N_("Each part of the drawing"), "options", "pick",
            (
                ("1", N_("Painted as that part alone")), ("0.75", N_("Mostly as that part")),
                ("0.4", N_("Mixed with the others")), ("0", N_("As whatever is most like it")),
            ),
        ),
    )
}
# fmt: on
