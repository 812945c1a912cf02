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
        "mrf",
        "Patch by patch",
        "Pieces of the painting, laid like a mosaic where your photo is most like them.",
        "Li and Wand 2016",
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
