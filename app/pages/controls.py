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
}
MOST_PARTS = 5  # paintings of a blend
USUAL = ("", "As usual")


@dataclass(frozen=True)
class Offer:
    """One choice of a control, and whether it is the chosen one."""

    value: str
    words: str
    chosen: bool


@dataclass(frozen=True)
class Control:
    """An option on the page and in an artwork's recipe.

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
        return [Offer(value, words, value == text) for value, words in self.choices]

    def stops(self, text: str) -> list[Offer]:
        """Choices that are numbers, in their order. A number that is not among them gets a stop of its own; anything
        else is taken for what the page starts with.
        """
        value = as_number(text)
        if value is None:
            text = DEFAULTS[self.name]
            value = as_number(text)
        choices = self.choices
        if all(as_number(each) != value for each, _ in choices):
            choices = sorted([*choices, (text, text)], key=lambda each: as_number(each[0]) or 0)
        return [Offer(each, words, as_number(each) == value) for each, words in choices]


# fmt: off
ROWS = (
    Control(
        "strength", "Strength", "options", "scale",
        (
            ("0.25", "Much gentler"), ("0.5", "Gentler"), ("0.7", "A little gentler"), ("1", "Balanced"),
            ("1.4", "A little bolder"), ("2", "Bolder"), ("4", "Much bolder"),
        ),
        ends=("my photo", "the painting"), is_always_told=True,
    ),
    Control(
        "brush", "Brush size", "options", "scale",
        (
            ("0.35", "Very fine"), ("0.5", "Fine"), ("0.7", "Rather fine"), ("1", "As in the painting"),
            ("1.4", "Rather broad"), ("2", "Broad"), ("2.8", "Very broad"),
        ),
        ends=("fine", "broad"), is_always_told=True,
    ),
    Control(
        "keep_colors", "Colours", "options", "scale",
        (
            ("0", "The painting’s"), ("0.25", "Mostly the painting’s"), ("0.5", "Half of each"),
            ("0.75", "Mostly my photo’s"), ("1", "My photo’s"),
        ),
        ends=("the painting’s", "my photo’s"), is_always_told=True,
    ),
    Control(
        "size", "Size", "size", "special",
        (
            ("256", "a sketch"), ("512", "for a screen"), ("768", "for a large screen"), ("1024", "for a postcard"),
            ("1536", "for a small frame"), ("2048", "for a large frame"), ("4096", "for a poster"),
            ("8192", "for a wall"),
        ),
        telling="{} pixels", is_always_told=True,
    ),
    Control(
        "quality", "Quality", "size", "special",
        (("draft", "Draft"), ("good", "Good"), ("best", "Best")),
        is_always_told=True,
    ),
    Control(
        "output_size", "Size of the finished artwork", "size", "pick",
        (
            ("", "As painted"),
            *((str(size), f"{size} pixels") for size in (512, 1024, 1536, 2048, 3072, 4096, 6144, 8192)),
        ),
        told="Finished size", telling="{} pixels",
    ),
    Control(
        "keep_transparency", "Keep transparency", "size", "special",
        hint="Where your photo is transparent, PNG, WebP and TIFF are too. Any other photo is painted as usual.",
        told="Transparency", telling="the photo’s",
    ),
    Control(
        "preset", "Way of painting", "ways", "special",
        tuple((way.id, way.title) for way in WAYS),
        unoffered=(("doodle", "From a drawing"),), is_always_told=True,
    ),
    # The id of a mask means nothing to a person, and is nobody else's business, so it is not told.
    Control("keep", "Parts of the photo", "part", "special", told="Part of the photo", telling="kept as it was"),
    Control(
        "feather", "Soft edges of all parts", "part", "special",
        told="Soft edges", telling="{} of the longer side",
    ),
    Control(
        "color_method", "How colours of the photo are kept", "tones", "pick",
        (
            ("luminance", "The photo’s colours, painted light and dark"),
            ("histogram", "As often as in the photo (histogram)"),
            ("linear", "As few changes as can be (optimal transport)"),
            ("linear-cholesky", "Channel after channel (Cholesky)"),
            ("linear-pca", "Along the main colours (PCA)"),
        ),
        told="How colours are kept",
    ),
    Control(
        "color_mask", "Where they are kept", "tones", "special",
        told="Colours", telling="kept in a part of the photo",
    ),
    Control(
        "smoothing", "Smoothing", "fine", "scale",
        (("0", "None"), ("0.5", "A little"), ("1", "As usual"), ("2", "More"), ("4", "Much more")),
        ends=("grainy", "smooth"),
    ),
    Control(
        "start", "Begin from", "fine", "pick",
        (USUAL, ("photo", "My photo"), ("noise", "Random dots"), ("grey", "My photo without colours")),
        unoffered=(("artwork", "An earlier artwork"),), told="Begun from",
    ),
    Control(
        "seed", "Variation", "fine", "entry", placeholder="0", mode="numeric",
        hint="Any whole number. Another one gives another version; the same one gives the same again.",
        is_always_told=True,
    ),
    Control(
        "iterations", "Evaluations in all", "experts", "entry", placeholder="as usual", mode="numeric",
        hint="1 to 5000.", told="Evaluations",
    ),
    Control(
        "min_improvement", "Least improvement", "experts", "entry", placeholder="0",
        hint="Percent in 20 evaluations, or a stage ends.", telling="{} %",
    ),
    Control("optimizer", "Optimiser", "experts", "pick", (USUAL, ("lbfgs", "L-BFGS"), ("adam", "Adam"))),
    Control(
        "extractor", "Network", "experts", "pick",
        (("auto", "As set up here"), ("compact", "Compact, our own"), ("vgg19", "VGG-19"), ("vgg16", "VGG-16")),
    ),
    Control("pooling", "Pooling", "experts", "pick", (USUAL, ("max", "Maximum"), ("average", "Average"), ("l2", "L2"))),
    Control("content_layers", "Content layers", "experts", "entry", placeholder="relu4_2 1", mode="text"),
    Control(
        "content_scaling", "Content loss", "experts", "pick",
        (
            USUAL,
            ("relative", "Relative to the photo"),
            ("half-sse", "Half the sum of squares"),
            ("mse", "Mean of squares"),
            ("sse", "Sum of squares"),
            ("nst-1", "Sum over 2·√C·√(H·W)"),
            ("nst-2", "Sum over C·H·W"),
        ),
    ),
    Control("style_layers", "Style layers", "experts", "entry", placeholder="relu1_1 1, relu2_1 1", mode="text"),
    Control(
        "style_loss", "Style loss", "experts", "pick",
        (
            USUAL,
            ("nearest", "Nearest cells"),
            ("nearest-and-gram", "Nearest cells, and Gram"),
            ("relative-gram", "Gram, relative to the painting"),
            ("gram-2015", "Gram, Gatys 2015"),
            ("gram-code", "Gram, Gatys’ notebook"),
            ("gram-nst", "Gram, Neural-Style-Transfer"),
            ("wasserstein", "Wasserstein-2"),
        ),
    ),
    Control(
        "guides", "Masks in the layers", "experts", "pick",
        (
            ("simple", "All that a patch touches"),
            ("inside", "Only what lies inside"),
            ("all", "All, spread by the network"),
        ),
    ),
    Control(
        "color_when", "When colours are kept", "experts", "pick",
        (("after", "After painting"), ("before", "Before: paint in the photo’s colours")),
    ),
    Control(
        "resample", "Resampling", "experts", "pick",
        (
            ("lanczos", "Lanczos"), ("network", "Our network: sharper where it enlarges"), ("bicubic", "Bicubic"),
            ("bilinear", "Bilinear"), ("nearest", "Nearest pixel"),
        ),
    ),
)
# fmt: on
CONTROLS = {control.name: control for control in ROWS}
