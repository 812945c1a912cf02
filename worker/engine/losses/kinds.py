"""The kinds of style losses, each with its formula and its traits: whoever paints asks for traits, never for a name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from worker.engine.losses.terms import Measure, gram_2015, gram_code, gram_nst, relative_gram, wasserstein
from worker.engine.style.statistics import LayerStatistics

StyleLoss = Literal[
    "nearest", "nearest-and-gram", "mrf", "relative-gram", "gram-2015", "gram-code", "gram-nst", "wasserstein"
]  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A way to compare a picture's style with a painting's.

    Attributes:
        measure: what it makes of a painting's statistics: the loss of an iterate's. Whatever depends on the painting
            alone is computed once, not at every evaluation. None compares no statistics.
        matches_cells: whether cells are matched (style/match.py) and compared with what they are to become, for which
            there must be a codebook.
        matches_patches: whether patches are, of a painting's own activations (style/patches.py), for which its pixels
            must be there.
        statistics_weight: what the distance of statistics counts, beside that of matched cells where both are compared.
        needs_means: whether statistics' means count, and not their second moments alone.
        correlates: whether it can compare two neighbouring layers' correlation, and not one layer's statistics alone.
        is_static: whether its evaluations run without the host reading anything in between.
    """

    measure: Callable[[LayerStatistics], Measure] | None = None
    matches_cells: bool = False
    matches_patches: bool = False
    statistics_weight: float = 1.0
    needs_means: bool = False
    correlates: bool = True
    is_static: bool = True

    @property
    def compares_statistics(self) -> bool:
        """Whether statistics of layers are compared, for which a fingerprint must hold them."""
        return self.measure is not None


KINDS: dict[StyleLoss, Kind] = {
    "nearest": Kind(matches_cells=True),
    # The mean relative distance of Gram matrices is a tenth of that of matched cells.
    "nearest-and-gram": Kind(relative_gram, matches_cells=True, statistics_weight=3.0),
    "mrf": Kind(matches_patches=True),
    "relative-gram": Kind(relative_gram),
    "gram-2015": Kind(gram_2015),
    "gram-code": Kind(gram_code),
    "gram-nst": Kind(gram_nst),
    # Between two layers there is no covariance that could be a Gaussian's; and eigenvalues are checked on the host.
    "wasserstein": Kind(wasserstein, needs_means=True, correlates=False, is_static=False),
}
STYLE_LOSSES: tuple[StyleLoss, ...] = tuple(KINDS)
# What compares any layers, where cells have none such.
OF_ANY_LAYERS: StyleLoss = "relative-gram"
