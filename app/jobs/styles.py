"""Which styles there are: the built-in gallery and the owner's folder. Read by front end and worker alike."""

from __future__ import annotations

import logging
import re
import tomllib
import unicodedata
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

BUILT_IN = Path(__file__).parents[2] / "styles"
# In a style's folder.
LABEL, NETWORK = "style.toml", "network.safetensors"
PARTS, PART_MAP = "parts.toml", "parts.png"
PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".avif", ".tif", ".tiff", ".bmp", ".gif", ".jp2", ".heic")
# How a painting looks at a glance. Of one that ships, the first six are what its fingerprint's sketch says
# (training/moods.py), the others are judged by what it makes of photos.
Mood = Literal["blue", "gold", "red", "green", "dark", "bright", "bold", "soft", "print", "portraits"]
log = logging.getLogger(__name__)


class StylePart(BaseModel):
    """A part of a painting that a doodle can ask for: its name, and the colour that means it in a map."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[^\x00-\x1f]{1,40}$")
    color: str = Field(pattern=r"^#[0-9a-f]{6}$")


class Style(BaseModel):
    """What a museum label says, and where the style's files are.

    A built-in style has a `folder` with its fingerprint; an owner's has an `image`, and in a folder of its own it may
    have a `network` that paints after it in one pass.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    id: str = Field(pattern=r"^[a-z0-9_]{1,64}$")
    title: str
    artist: str = ""
    born: int | None = None
    died: int | None = None
    year: str = ""
    museum: str = ""
    movement: str = ""
    description: str = ""
    moods: tuple[Mood, ...] = ()
    commons: str = Field("", pattern=r"^(https?://\S+)?$")  # it becomes a link, which else could be a script
    folder: Path | None = None
    image: Path | None = None
    network: Path | None = None
    parts: tuple[StylePart, ...] = ()

    def fingerprint(self, extractor: str) -> Path | None:
        """The shipped fingerprint for an extractor, if there is one."""
        return self._shipped("fingerprint", extractor)

    def measured_parts(self, extractor: str) -> Path | None:
        """What was measured of its parts with an extractor, if that ships."""
        return self._shipped("parts", extractor)

    @property
    def part_map(self) -> Path | None:
        """The picture with a palette that says where its parts are, in their order."""
        return self.folder / PART_MAP if self.folder and self.parts else None

    def _shipped(self, what: str, extractor: str) -> Path | None:
        name = f"{what}.safetensors" if extractor == "compact" else f"{what}.{extractor}.safetensors"
        path = self.folder / name if self.folder else None
        return path if path and path.is_file() else None


def find_styles(builtin: Path = BUILT_IN, own: Path | None = None) -> list[Style]:
    """All styles by id. An owner's style replaces a built-in one of the same id.

    What cannot be read is left out with a warning in the log: one bad file must not close the gallery.
    """
    found = {style.id: style for style in map(_from_folder, _folders(builtin)) if style}
    if own:
        pictures = [(path, path.with_suffix(".toml")) for path in _pictures(own)]
        pictures += [(path, folder / LABEL) for folder in _folders(own) for path in _pictures(folder)[:1]]
        for picture, label in pictures:
            name = label.parent.name if label.name == LABEL else picture.stem
            style = _from_picture(picture, label, name)
            if style:
                found[style.id] = style
    return [found[key] for key in sorted(found)]


def _from_folder(folder: Path) -> Style | None:
    label = folder / LABEL
    if not label.is_file() or not (folder / "fingerprint.safetensors").is_file():
        return None
    return _style(label, {"folder": folder, "parts": _parts(folder)}, {})


def _parts(folder: Path) -> list[object]:
    """What `parts.toml` says, to be validated; nothing where there is no map."""
    written = folder / PARTS
    if not (written.is_file() and (folder / PART_MAP).is_file()):
        return []
    try:
        parts: list[object] = tomllib.loads(written.read_text(encoding="utf-8")).get("parts", [])
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        log.warning("The parts described in %s are left out: %s", written, error)
        return []
    return parts


def _from_picture(picture: Path, label: Path, name: str) -> Style | None:
    defaults = {"id": _slug(name), "title": name.replace("_", " ").replace("-", " ").strip().capitalize()}
    network = label.with_name(NETWORK)
    in_folder = label.name == LABEL and network.is_file()
    return _style(label, {"image": picture, "network": network if in_folder else None}, defaults)


def _style(label: Path, where: dict[str, object], defaults: dict[str, str]) -> Style | None:
    try:
        written = tomllib.loads(label.read_text(encoding="utf-8")) if label.is_file() else {}
        return Style.model_validate(defaults | written | where)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError) as error:
        log.warning("The style described in %s is left out: %s", label, error)
        return None


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:64] or "painting"


def _folders(parent: Path) -> list[Path]:
    return sorted(path for path in parent.iterdir() if path.is_dir()) if parent.is_dir() else []


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES) if folder.is_dir() else []
