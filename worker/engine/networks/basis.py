"""The directions in which columns vary most: a cell is kept by how far it goes in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

DIRECTIONS = 64


@dataclass(frozen=True)
class Basis:
    """Principal directions of columns' deviations from their paintings' means.

    Attributes:
        unit: [C], the size of a layer's deviations, the same for all its channels.
        directions: [C, D], orthonormal, of deviations in these units.
    """

    unit: Tensor
    directions: Tensor

    @staticmethod
    def of(deviations: Tensor, widths: Sequence[int]) -> Basis:
        """Those of deviations [N, C], whose layers have these numbers of channels."""
        unit = unit_of(deviations, widths)
        scaled = (deviations / unit).double()
        directions = torch.linalg.eigh(scaled.T @ scaled)[1].flip(1)[:, :DIRECTIONS]
        # As they are kept, so that who writes codes and who reads them have the same.
        return Basis(unit.half().float(), directions.half().float().contiguous())

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor]) -> Basis | None:
        """What `tensors` gave, if it is there."""
        parts = [tensors.get(f"basis.{part}") for part in ("unit", "directions")]
        return None if None in parts else Basis(*(part.float() for part in parts if part is not None))

    def tensors(self) -> dict[str, Tensor]:
        """What a file holds of it."""
        return {"basis.unit": self.unit.half(), "basis.directions": self.directions.half()}

    def codes(self, deviations: Tensor) -> Tensor:
        """Deviations [N, C] as how far they go in each direction [N, D]."""
        return (deviations / self.unit) @ self.directions

    @cached_property
    def of_columns(self) -> Tensor:
        """[C, D], the directions in the columns' own units: codes @ of_columnsᵀ are the deviations."""
        return self.directions * self.unit[:, None]


def unit_of(deviations: Tensor, widths: Sequence[int]) -> Tensor:
    """[C]: for each channel the root mean square of its layer's deviations [N, C]."""
    parts = torch.split(deviations, list(widths), 1)
    return torch.cat([part.square().mean().sqrt().clamp_min(1e-6).expand(part.shape[1]) for part in parts])
