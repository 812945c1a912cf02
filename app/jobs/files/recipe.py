"""The recipe that every artwork carries in its file: all that was asked for, and what it was made with.

It holds no id of a photo, a job, a mask or a person's own painting, and nothing of what was uploaded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import metadata
from typing import Any, NamedTuple

from PIL import ExifTags, Image
from pydantic import ValidationError

from app.jobs.ids import own_painting
from app.jobs.models import PaintRequest
from app.jobs.options import Frozen

KEYWORD = "Atelier"  # of the text in a PNG
ASCII = b"ASCII\0\0\0"  # a user comment's encoding


class Label(NamedTuple):
    """What a painting is called, and who painted it."""

    title: str
    artist: str


OWN = Label("Own painting", "")


class Ingredient(Frozen):
    """A style in a recipe: its id if it hangs in the gallery, and by number the mask of where it was painted; its part
    if no more of it was painted after.
    """

    title: str
    artist: str = ""
    id: str | None = None
    weight: float = 1.0
    mask: int | None = None
    color: str | None = None
    part: str | None = None


class Network(Frozen):
    """A network, the hash of its weights, and of an extractor that of the decoder's, if one drew what was matched."""

    name: str
    weights: str
    decoder: str | None = None


class Recipe(Frozen):
    """All that an artwork was made with. `options` are the engine's, without those that were left to the preset.

    `network` is the image transformation network that painted it, where no extractor saw it.
    `upscaler` is the hash of the weights of the network that enlarged it, if one did. A picture that was enlarged, and
    that nobody knows the painting of, has no styles.
    """

    atelier: str
    styles: list[Ingredient]
    extractor: Network | None = None
    network: Network | None = None
    options: dict[str, Any]
    keep: bool = False
    color_mask: bool = False
    keep_transparency: bool = False
    upscaler: str | None = None

    def recolored(self, options: Mapping[str, Any], color_mask: bool) -> Recipe:
        """The same for an artwork whose strokes were kept, and whose colours were asked for anew."""
        return self.model_copy(update={"options": {**self.options, **options}, "color_mask": color_mask})

    def enlarged(self, output_size: int, resample: str, upscaler: str | None) -> Recipe:
        """The same for an artwork that was resampled to a size in pixels."""
        size = {"output_size": output_size, "resample": resample}
        return self.model_copy(update={"options": {**self.options, **size}, "upscaler": upscaler})

    def text(self) -> str:
        """The recipe as a PNG carries it: JSON."""
        return json.dumps(self.model_dump(exclude_none=True), ensure_ascii=False)


def recipe_of(
    wish: PaintRequest, labels: Mapping[str, Label], extractor: Network | None, upscaler: str | None = None
) -> Recipe:
    """The recipe of a request; `labels` are those of its styles by their ids."""
    masks = list(dict.fromkeys(style.mask for style in wish.styles if style.mask))
    return Recipe(
        atelier=version(),
        styles=[
            Ingredient(
                title=labels[style.id].title,
                artist=labels[style.id].artist,
                id=None if own_painting(style.id) else style.id,
                weight=style.weight,
                mask=masks.index(style.mask) + 1 if style.mask else None,
                color=style.color,
                part=style.part,
            )
            for style in wish.styles
        ],
        extractor=extractor,
        options=options_of(wish),
        keep=wish.keep is not None,
        color_mask=wish.color_mask is not None,
        keep_transparency=wish.keep_transparency,
        upscaler=upscaler,
    )


def options_of(wish: PaintRequest) -> dict[str, Any]:
    """The engine's options in a request, without those that are left to the preset."""
    return {name: value for name, value in wish.painting().items() if value is not None}


def read(text: str) -> Recipe | None:
    """The recipe that a file carries as text; None where it is none of ours."""
    try:
        return Recipe.model_validate_json(text)
    except ValidationError:
        return None


def exif(text: str) -> bytes:
    """A recipe's text as the EXIF of a JPEG or WebP: a user comment (Exif 2.32, section 4.6.5), and nothing else."""
    found = Image.Exif()
    found.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = ASCII + json.dumps(json.loads(text)).encode()
    return found.tobytes()


def version() -> str:
    """Of this program, as it is installed."""
    try:
        return metadata.version("atelier")
    except metadata.PackageNotFoundError:  # run from its folder
        return "unknown"
