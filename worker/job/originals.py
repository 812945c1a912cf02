"""The originals of the built-in paintings, which ship as fingerprints alone: what Wikimedia Commons has of them.

Whoever has the internet can fetch them once; then any extractor can measure the painting itself. They lie in a folder
as `<style id>.jpg` (or .png, .webp), and nothing but a whole picture is given such a name.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from PIL import Image

from app.jobs.files.recipe import version
from app.jobs.styles import Style
from app.reading.errors import RefusedError
from app.reading.picture import read_photo
from worker import engine

COMMONS = "https://commons.wikimedia.org"
# Where its pictures lie: upload.wikimedia.org and, since 2026, thumb.wikimedia.org.
DOMAINS = ("wikimedia.org", "wikipedia.org")
# Commons renders these widths and refuses the ones between (https://www.mediawiki.org/wiki/Common_thumbnail_sizes);
# of a narrower file it gives the file itself. 1920 is above the largest scale of fingerprints.
WIDTHS = (960, 1280, 1920, 3840)
WIDTH = 1920
LIMIT_BYTES = 64_000_000
# How a file's name ends, by Pillow's word for its format. Commons renders TIFF as JPEG.
SUFFIXES = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp"}
# Scans of one painting are cut and framed differently; more than that is another picture.
MOST_STRETCH = 1.25
LEAST_SIDE = 256
# What came, by the codes of the reader's refusals.
REFUSED = {
    "photo-empty": "an empty file",
    "photo-damaged": "a damaged picture",
    "photo-wrong-type": "{what}",
    "photo-too-many-pixels": "a picture of {megapixels:.0f} megapixels",
}

Size = tuple[int, int]


class NotOriginalError(Exception):
    """A file is no picture of the painting; the message says what it is instead."""


def original_of(style_id: str, folder: Path) -> Path | None:
    """The fetched original of a built-in painting, if it is in the folder."""
    paths = (folder / f"{style_id}{suffix}" for suffix in dict.fromkeys(SUFFIXES.values()))
    return next((path for path in paths if path.is_file()), None)


def address(style: Style, width: int, site: str = COMMONS) -> str | None:
    """Where Commons gives a painting's file at a width in pixels; None if its label names no file there."""
    page = urlsplit(style.commons)
    path = unquote(page.path)
    name = path.removeprefix("/wiki/File:")
    if f"{page.scheme}://{page.netloc}" != COMMONS or name in ("", path):
        return None
    return f"{site}/wiki/Special:FilePath/{quote(name, safe='')}?width={width}"


def suffix_of(path: Path, measured: Size | None) -> str:
    """The suffix for a file, which is decoded to see that it is a picture.

    `measured` is the width and height of the scan that the painting's fingerprint was made from, if that is known.

    Raises:
        NotOriginalError: it is none, or one of another shape, or too small to be measured.
    """
    try:
        with path.open("rb") as file:
            width, height = read_photo(file).size
        with Image.open(path) as image:
            suffix = SUFFIXES.get(image.format or "")
    except RefusedError as refused:
        raise NotOriginalError(REFUSED.get(refused.code, "no picture").format(**refused.values)) from refused
    if suffix is None:
        raise NotOriginalError("a picture of a kind that Commons does not render")
    if max(width, height) < LEAST_SIDE:
        raise NotOriginalError(f"a picture of {width} × {height} pixels, too small to be measured")
    ratio = measured[0] / measured[1] if measured else width / height
    if not 1 / MOST_STRETCH < width / height / ratio < MOST_STRETCH:
        raise NotOriginalError(
            f"a picture of {width} × {height} pixels, while the painting is {ratio:.2f} times as wide as it is high"
        )
    return suffix


@dataclass(frozen=True)
class Collector:
    """Fetches originals into a folder, one at a time.

    Attributes:
        width: of the pictures, one of WIDTHS.
        contact: how Wikimedia can reach who fetches, which its User-Agent policy asks for.
        wait: makes a pause of so many seconds.
    """

    folder: Path
    width: int = WIDTH
    contact: str = ""
    site: str = COMMONS
    wait: Callable[[float], None] = time.sleep

    def has(self, style: Style, measured: Size | None) -> bool:
        """Whether a whole original is there."""
        path = original_of(style.id, self.folder)
        if path is None:
            return False
        try:
            return bool(suffix_of(path, measured))
        except NotOriginalError:
            return False

    def fetch(self, style: Style, measured: Size | None, report: Callable[[int, int], None] | None = None) -> Path:
        """Fetch a painting's original, going on with a download that was cut off. What was there is replaced by it.

        `report(done_bytes, total_bytes)` is called as it goes on, with 0 where Commons does not say how much there is.

        Raises:
            NotOriginalError: the label names no file at Commons, or what came is no picture of the painting; then
                nothing of it is kept.
            DownloadError: it could not be fetched; what has come is kept for the next time.
            OSError: the folder cannot be written to.
        """
        url = address(style, self.width, self.site)
        if url is None:
            raise NotOriginalError("its label names no file at Wikimedia Commons")
        self.folder.mkdir(parents=True, exist_ok=True)
        # With the width, so that nothing is gone on with in another size.
        partial = self.folder / f"{style.id}.{self.width}.partial"
        headers = {"User-Agent": self._user_agent, "Referer": _ascii(style.commons)}
        engine.download(engine.Remote(url, LIMIT_BYTES, headers, DOMAINS), partial, report, self.wait)
        try:
            suffix = suffix_of(partial, measured)
        except NotOriginalError as error:
            partial.unlink()
            raise NotOriginalError(f"what came from {url} is {error}; it was not kept") from error
        before, path = original_of(style.id, self.folder), self.folder / f"{style.id}{suffix}"
        partial.replace(path)
        if before and before != path:
            before.unlink()
        return path

    @property
    def _user_agent(self) -> str:
        """As https://foundation.wikimedia.org/wiki/Policy:Wikimedia_Foundation_User-Agent_Policy wants it."""
        whose = self.contact or "photos become paintings"
        return f"Atelier/{version()} ({whose}) Python-urllib/{platform.python_version()}"


def _ascii(url: str) -> str:
    """An address as headers have it; what is encoded stays so."""
    return quote(url, safe="/:?&=%#,;'()!*@+$~")
