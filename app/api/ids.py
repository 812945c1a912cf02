"""The ids in the API's addresses, as its routes declare them."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path

JobId = Annotated[str, Path(description="The job's id, 32 hexadecimal digits.")]
SeriesId = Annotated[str, Path(description="The series's id, 32 hexadecimal digits.")]
PhotoId = Annotated[str, Path(description="The photo's id, 32 hexadecimal digits.")]
PaintingId = Annotated[str, Path(description="The painting's id as a style, `own_` and 32 hexadecimal digits.")]
