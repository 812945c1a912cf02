"""Tries: a photo in small after one painting, to choose by. Cheap and losable: no job, no record, no artwork.

A try is known by its name. Who wants some asks for them by name, a worker paints them, and each lies beside the photo
under its name, and goes with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Annotated, NamedTuple

from pydantic import Field, field_validator
from pydantic.config import JsonDict

from app.jobs.options import Frozen

SIZE = 256  # pixels on the longer side of a try
MOST_ASKED = 200  # tries of a photo that may be asked for at once
MOST_KEPT = 600  # tries that may lie beside a photo
NAME = re.compile(r"([a-z0-9_]{1,64})-(\d{1,2}(?:\.\d{1,2})?)-(\d{1,2}(?:\.\d{1,2})?)")

UNIQUE: JsonDict = {"uniqueItems": True}
StyleId = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]
Strength = Annotated[float, Field(ge=0.1, le=10, allow_inf_nan=False)]
Brush = Annotated[float, Field(ge=0.25, le=4, allow_inf_nan=False)]


class Try(NamedTuple):
    """After which painting a photo is tried, with which strength and brush, as in `PaintingOptions`."""

    style: str
    strength: float = 1.0
    brush: float = 1.0

    @property
    def name(self) -> str:
        """How it is called in Redis, in the storage and in its address; numbers have at most two decimals there."""
        return f"{self.style}-{_number(self.strength)}-{_number(self.brush)}"

    @staticmethod
    def named(name: str) -> Try | None:
        """The try of this name; None for what names none."""
        found = NAME.fullmatch(name)
        return Try(found[1], float(found[2]), float(found[3])) if found else None


class TriesRequest(Frozen):
    """What is to be tried: each painting with each strength and each brush."""

    styles: list[StyleId] = Field(
        min_length=1,
        max_length=MOST_ASKED,
        json_schema_extra=UNIQUE,
        description="paintings, in the order in which they are wanted",
    )
    strengths: list[Strength] = Field(
        default=[1.0], min_length=1, max_length=5, json_schema_extra=UNIQUE, description="as a job’s `strength`"
    )
    brushes: list[Brush] = Field(
        default=[1.0], min_length=1, max_length=5, json_schema_extra=UNIQUE, description="as a job’s `brush`"
    )

    @field_validator("styles", "strengths", "brushes")
    @classmethod
    def values_differ(cls, values: Sequence[object]) -> Sequence[object]:
        if len(set(values)) < len(values):
            raise ValueError("each may be named once")
        return values

    @property
    def tries(self) -> list[Try]:
        """All that is asked for, in its order."""
        return [Try(*each) for each in product(self.styles, self.strengths, self.brushes)]


def known(names: Iterable[str]) -> list[Try]:
    """The tries of those names that name any."""
    return [each for each in map(Try.named, names) if each]


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
