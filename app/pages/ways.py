"""The published ways to paint, in the words of the page."""

from __future__ import annotations

from dataclasses import dataclass

from app.jobs.options import Preset
from app.translation import N_


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
        N_("Our studio’s"),
        N_("Every spot is painted as the painting has its most similar one, broad strokes first, then detail."),
        N_("after Kolkin et al. 2022, and Li and Wand 2016"),
    ),
    Way(
        "instant",
        N_("Instant"),
        N_("The same, drawn by our own network in one pass: at once, and a little softer."),
        N_("after Johnson et al. 2016, and Chen and Schmidt 2016"),
    ),
    Way(
        "mrf",
        N_("Patch by patch"),
        N_("Pieces of the painting, laid like a mosaic where your photo is most like them."),
        N_("Li and Wand 2016"),
    ),
    Way(
        "gatys-2016",
        N_("The classic, of 2016"),
        N_("The paper to the letter, from random dots: slow, and close to the photo."),
        N_("Gatys, Ecker and Bethge 2016"),
    ),
    Way(
        "gatys-2015",
        N_("The first of all, of 2015"),
        N_("The paper that began it, to the letter: small steps from random dots, close to the photo."),
        N_("Gatys, Ecker and Bethge 2015"),
    ),
    Way(
        "gatys-code",
        N_("The first authors’ program"),
        N_("What their own program does, which differs from their papers: from the photo, and bolder."),
        "PytorchNeuralStyleTransfer",
    ),
    Way(
        "seed",
        N_("Until nothing gets better"),
        N_("From random dots, until no stroke would make it better."),
        N_("Gatys, Ecker and Bethge 2016, in eight steps"),
    ),
    Way(
        "multiscale-w2",
        N_("Slow and even"),
        N_("Many small steps from small to large, averaged; soft, even surfaces."),
        "Crowson, style-transfer-pytorch",
    ),
    Way(
        "inetwork-paper",
        N_("Rich texture"),
        N_("Counts much more of the painting, and how neighbouring strokes go together."),
        N_("Novak and Nikulin 2016"),
    ),
    Way(
        "inetwork-as-shipped",
        N_("Rich texture, harder contrasts"),
        N_("The same as a well-known program computes it: harder contrasts."),
        "Majumdar, Neural-Style-Transfer",
    ),
)
