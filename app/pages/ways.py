"""The published ways to paint, in the words of the page."""

from __future__ import annotations

from dataclasses import dataclass

from app.jobs.options import Preset


@dataclass(frozen=True)
class Way:
    """A published way to paint, as a person chooses it."""

    id: Preset
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
        "The classic, of 2016",
        "The paper to the letter, from random dots: slow, and close to the photo.",
        "Gatys, Ecker and Bethge 2016",
    ),
    Way(
        "gatys-2015",
        "The first of all, of 2015",
        "The paper that began it, to the letter: small steps from random dots, close to the photo.",
        "Gatys, Ecker and Bethge 2015",
    ),
    Way(
        "gatys-code",
        "The first authors’ program",
        "What their own program does, which differs from their papers: from the photo, and bolder.",
        "PytorchNeuralStyleTransfer",
    ),
    Way(
        "seed",
        "Until nothing gets better",
        "From random dots, until no stroke would make it better.",
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
        "Rich texture",
        "Counts much more of the painting, and how neighbouring strokes go together.",
        "Novak and Nikulin 2016",
    ),
    Way(
        "inetwork-as-shipped",
        "Rich texture, harder contrasts",
        "The same as a well-known program computes it: harder contrasts.",
        "Majumdar, Neural-Style-Transfer",
    ),
)
