"""What the controls of the home page offer, and what each choice is called on screen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Choices = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Offer:
    """One choice of a control, and whether it is the chosen one."""

    value: str
    words: str
    chosen: bool


@dataclass(frozen=True)
class Scale:
    """A slider as a row of labelled stops, from `low` to `high`."""

    name: str
    legend: str
    low: str
    high: str
    stops: Choices


STRENGTH = Scale(
    "strength",
    "Strength",
    "my photo",
    "the painting",
    (
        ("0.25", "Much gentler"),
        ("0.5", "Gentler"),
        ("0.7", "A little gentler"),
        ("1", "Balanced"),
        ("1.4", "A little bolder"),
        ("2", "Bolder"),
        ("4", "Much bolder"),
    ),
)
BRUSH = Scale(
    "brush",
    "Brush size",
    "fine",
    "broad",
    (
        ("0.35", "Very fine"),
        ("0.5", "Fine"),
        ("0.7", "Rather fine"),
        ("1", "As in the painting"),
        ("1.4", "Rather broad"),
        ("2", "Broad"),
        ("2.8", "Very broad"),
    ),
)
COLORS = Scale(
    "keep_colors",
    "Colours",
    "the painting’s",
    "my photo’s",
    (
        ("0", "The painting’s"),
        ("0.25", "Mostly the painting’s"),
        ("0.5", "Half of each"),
        ("0.75", "Mostly my photo’s"),
        ("1", "My photo’s"),
    ),
)
SMOOTHING = Scale(
    "smoothing",
    "Smoothing",
    "grainy",
    "smooth",
    (("0", "None"), ("0.5", "A little"), ("1", "As usual"), ("2", "More"), ("4", "Much more")),
)
DEFAULT_STOPS = {STRENGTH.name: "1", BRUSH.name: "1", COLORS.name: "0", SMOOTHING.name: "1"}
SIZES: Choices = (
    ("256", "a sketch"),
    ("512", "for a screen"),
    ("768", "for a large screen"),
    ("1024", "for a postcard"),
    ("1536", "for a small frame"),
    ("2048", "for a large frame"),
    ("4096", "for a poster"),
    ("8192", "for a wall"),
)
QUALITIES: Choices = (("draft", "Draft"), ("good", "Good"), ("best", "Best"))
OUTPUT_SIZES: Choices = (
    ("", "As painted"),
    ("512", "512 pixels"),
    ("1024", "1024 pixels"),
    ("1536", "1536 pixels"),
    ("2048", "2048 pixels"),
    ("3072", "3072 pixels"),
    ("4096", "4096 pixels"),
    ("6144", "6144 pixels"),
    ("8192", "8192 pixels"),
)
COLOR_METHODS: Choices = (
    ("luminance", "Only light and dark are painted"),
    ("histogram", "As often as in the photo (histogram)"),
    ("linear", "As few changes as can be (optimal transport)"),
    ("linear-cholesky", "Channel after channel (Cholesky)"),
    ("linear-pca", "Along the main colours (PCA)"),
)
STARTS: Choices = (
    ("", "As usual"),
    ("photo", "The photo"),
    ("noise", "Noise"),
    ("grey", "The photo in greys"),
)
FROM_ARTWORK = ("artwork", "An earlier artwork")
USUAL = ("", "As usual")
COLOR_WHENS: Choices = (("after", "After painting"), ("before", "Before: paint in the photo’s colours"))
GUIDES: Choices = (
    ("simple", "All that a patch touches"),
    ("inside", "Only what lies inside"),
    ("all", "All, spread by the network"),
)
CONTENT_SCALINGS: Choices = (
    USUAL,
    ("relative", "Relative to the photo"),
    ("half-sse", "Half the sum of squares"),
    ("mse", "Mean of squares"),
    ("sse", "Sum of squares"),
    ("nst-1", "Sum over 2·√C·√(H·W)"),
    ("nst-2", "Sum over C·H·W"),
)
STYLE_LOSSES: Choices = (
    USUAL,
    ("nearest", "Nearest cells"),
    ("nearest-and-gram", "Nearest cells, and Gram"),
    ("relative-gram", "Gram, relative to the painting"),
    ("gram-2015", "Gram, Gatys 2015"),
    ("gram-code", "Gram, Gatys’ notebook"),
    ("gram-nst", "Gram, Neural-Style-Transfer"),
    ("wasserstein", "Wasserstein-2"),
)
POOLINGS: Choices = (USUAL, ("max", "Maximum"), ("average", "Average"), ("l2", "L2"))
OPTIMIZERS: Choices = (USUAL, ("lbfgs", "L-BFGS"), ("adam", "Adam"))
RESAMPLES: Choices = (
    ("lanczos", "Lanczos"),
    ("network", "Our network: sharper where it enlarges"),
    ("bicubic", "Bicubic"),
    ("bilinear", "Bilinear"),
    ("nearest", "Nearest pixel"),
)
EXTRACTORS: Choices = (
    ("auto", "As set up here"),
    ("compact", "Compact, our own"),
    ("vgg19", "VGG-19"),
    ("vgg16", "VGG-16"),
)


@dataclass(frozen=True)
class Way:
    """A published way to paint, as a person chooses it."""

    id: str
    title: str
    sentence: str
    paper: str


WAYS = (
    Way(
        "studio",
        "Our studio’s",
        "Every spot is painted as the painting has its most similar one, broad strokes first, then detail.",
        "after Kolkin et al. 2022, and Li and Wand 2016",
    ),
    Way(
        "instant",
        "Instant",
        "The same, drawn by our own network in one pass: at once, and a little softer.",
        "after Johnson et al. 2016, and Chen and Schmidt 2016",
    ),
    Way(
        "gatys-2016",
        "The classic",
        "The paper to the letter, from white noise: slow, and close to the photo.",
        "Gatys, Ecker and Bethge 2016",
    ),
    Way(
        "gatys-2015",
        "The first",
        "The paper that began it, to the letter: small steps from white noise, close to the photo.",
        "Gatys, Ecker and Bethge 2015",
    ),
    Way(
        "gatys-code",
        "The authors’ notebook",
        "What their own program does, which differs from their papers: from the photo, and bolder.",
        "PytorchNeuralStyleTransfer",
    ),
    Way(
        "seed",
        "Until it rests",
        "From white noise, until no stroke would make it better.",
        "Gatys, Ecker and Bethge 2016, in eight steps",
    ),
    Way(
        "multiscale-w2",
        "Slow and even",
        "Many small steps from small to large, averaged; soft, even surfaces.",
        "Crowson, style-transfer-pytorch",
    ),
    Way(
        "inetwork-paper",
        "All layers",
        "Every layer counts, and so does how neighbours go together; rich texture.",
        "Novak and Nikulin 2016",
    ),
    Way(
        "inetwork-as-shipped",
        "All layers, as shipped",
        "The same as a well-known program computes it: harder contrasts.",
        "Majumdar, Neural-Style-Transfer",
    ),
)


def number(value: float) -> str:
    """A number as the form and the address write it: no more digits than give the same number back, and no ".0"."""
    return repr(value).removesuffix(".0")


def as_number(text: str) -> float | None:
    """The finite number that a text says, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def offers(choices: Choices, text: str) -> list[Offer]:
    """The choices with the one that `text` says chosen; none is where it says something else."""
    return [Offer(value, words, value == text) for value, words in choices]


def stops(choices: Choices, text: str, default: str, unit: str = "") -> list[Offer]:
    """Numbers in their order. A number that is not among them gets a stop of its own; for anything else, `default`."""
    value = as_number(text)
    if value is None:
        text, value = default, as_number(default)
    if all(as_number(each) != value for each, _ in choices):
        choices = sorted([*choices, (text, f"{text}{unit}")], key=lambda each: as_number(each[0]) or 0)
    return [Offer(each, words, as_number(each) == value) for each, words in choices]
