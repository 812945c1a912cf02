"""The paintings that jobs take their styles from, and what is measured of each: its fingerprint, made once and kept.

There are three kinds: built-in ones ship fingerprints and no pixels; the owner's lie in a folder; people's own lie in
the storage. Where a shipped fingerprint does not cover what the options need, the original is measured if it was
fetched; else the painting is drawn again from the fingerprint, once, and measured instead: a stand-in.
"""

from __future__ import annotations

import hashlib
import io
import logging
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from app.jobs.files.recipe import OWN, Label
from app.jobs.ids import own_painting
from app.jobs.masks import find_part_map
from app.jobs.models import StyleChoice
from app.jobs.storage import keys
from app.jobs.storage.protocol import BlobNotFoundError, Storage
from app.jobs.styles import Style, find_styles
from app.reading.errors import RefusedError
from app.reading.picture import read_photo
from worker import engine
from worker.job.failures import PAINTING_GONE, JobFailedError, part_gone, style_damaged, style_gone
from worker.job.originals import original_of

After = Callable[[], None] | None  # called after each evaluation of a stand-in that is drawn
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Painting:
    """A painting that styles are taken from: of the gallery, or a person's own, of which the storage has this id.

    `part_map` is a person's map of its parts, whose colours `part_colors` are their names.
    """

    style: Style | None = None
    own_id: str = ""
    part_map: Image.Image | None = None
    part_colors: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return self.style.title if self.style else OWN.title

    @property
    def has_pixels(self) -> bool:
        """Whether its pixels are here, so that any extractor can measure it."""
        return self.style is None or self.style.image is not None

    def shipped(self, extractor: str) -> Path | None:
        """The fingerprint that was shipped for an extractor, if there is one."""
        return self.style.fingerprint(extractor) if self.style else None


class _Pixels(NamedTuple):
    """The way to a picture, and the prefix of what is kept that was measured of it."""

    prefix: str
    picture: Callable[[], Image.Image]
    is_stand_in: bool = False


class Paintings:
    """Finds paintings, and measures them with the extractors that `load` gives by their names.

    `folder` has the owner's, `originals` what was fetched of the built-in ones.
    """

    def __init__(
        self, storage: Storage, folder: Path | None, originals: Path, load: Callable[[str], engine.Extractor]
    ) -> None:
        self.storage = storage
        self.folder = folder
        self.originals = originals
        self._load = load

    def hanging(self) -> dict[str, Style]:
        """The gallery's styles by their ids."""
        return {style.id: style for style in find_styles(own=self.folder)}

    def find(self, ids: Iterable[str]) -> dict[str, Painting]:
        """The paintings of these styles.

        Raises:
            JobFailedError: one is not here.
        """
        hanging = self.hanging()
        found = {}
        for style_id in ids:
            own = own_painting(style_id)
            if own:
                if not self.storage.exists(keys.painting_meta_key(own)):
                    raise JobFailedError(PAINTING_GONE)
                found[style_id] = Painting(own_id=own)
            elif style_id in hanging:
                found[style_id] = Painting(hanging[style_id])
            else:
                raise style_gone(style_id)
        return found

    def mapped(self, painting: Painting, choice: StyleChoice, all_choices: Iterable[StyleChoice]) -> Painting:
        """A person's own painting with the map of its parts that a choice names, if it names one.

        Those that any of the choices asks for are parts, however rare their colours are.

        Raises:
            JobFailedError: there is no such map.
        """
        own = painting.own_id
        if not own or choice.part_map is None:
            return painting
        facts = find_part_map(own, choice.part_map, self.storage)
        if facts is None:
            raise part_gone(choice.part or "", painting.title)
        asked = [each.part for each in all_choices if each.part_map == choice.part_map and each.part in facts.colors]
        content = self.storage.get(keys.part_map_key(own, choice.part_map))
        picture = Image.open(io.BytesIO(content), formats=["PNG"]).convert("RGB")
        return replace(painting, part_map=picture, part_colors=tuple(sorted(facts.rivals(filter(None, asked)))))

    def labels(self, ids: Iterable[str]) -> dict[str, Label]:
        """What the paintings of these styles are called, also of those that are not here any more."""
        hanging = {style.id: Label(style.title, style.artist) for style in self.hanging().values()}
        return {each: OWN if own_painting(each) else hanging.get(each, Label(each, "")) for each in ids}

    def fingerprint(
        self,
        painting: Painting,
        extractor: engine.Extractor,
        needs: engine.Needs,
        after: After = None,
        part: str | None = None,
    ) -> engine.Fingerprint:
        """What `extractor` measures of a painting, or of the part of this name, covering what is needed.

        `after` is called after each evaluation, should a stand-in have to be made; what it raises ends that.

        Raises:
            JobFailedError: it is gone, or cannot be read, or has no such part.
        """
        measured, where = needs._replace(exemplar=False), None
        found = self._whole(painting, extractor, measured, after)
        if part is not None:
            parts, where = self._parts(painting, extractor, measured, after), _part_map(painting)
            if parts is None or where is None or part not in parts.names:
                raise part_gone(part, painting.title)
            found = parts.of(found, part)
        if needs.exemplar:
            inside = None if where is None else where.numbers == where.names.index(part or "")
            exemplar = engine.Exemplar.of(self._pixels(painting, after).picture(), inside)
            found = replace(found, exemplars=((exemplar, 1.0),))
        return found

    def _whole(
        self, painting: Painting, extractor: engine.Extractor, needs: engine.Needs, after: After
    ) -> engine.Fingerprint:
        if not painting.has_pixels:
            return self._of_shipped(painting, extractor, needs, after)
        pixels = self._pixels(painting, after)
        return self._measured(pixels.prefix, pixels.picture, extractor, needs)

    def _parts(
        self, painting: Painting, extractor: engine.Extractor, needs: engine.Needs, after: After
    ) -> engine.Parts | None:
        """A painting's parts; None of one without a map."""
        where = _part_map(painting)
        if where is None:
            return None
        shipped = painting.style.measured_parts(extractor.name) if painting.style else None
        if shipped and needs.pooling == engine.USUAL.pooling:
            try:
                return engine.load_parts(shipped, extractor)
            except (engine.FingerprintFormatError, engine.FingerprintMismatchError) as error:
                raise style_damaged(painting.title) from error
        pixels = self._pixels(painting, after)
        digest = hashlib.sha256(repr((where.names, where.numbers.shape)).encode() + where.numbers.tobytes())
        measured_by = f"{extractor.name}-{extractor.weights_hash[:12]}"
        key = keys.parts_key(pixels.prefix, digest.hexdigest()[:12], measured_by, needs.pooling)
        return self._measured_parts(key, pixels.picture, where, extractor, needs)

    def _measured_parts(
        self,
        key: str,
        picture: Callable[[], Image.Image],
        where: engine.PartMap,
        extractor: engine.Extractor,
        needs: engine.Needs,
    ) -> engine.Parts:
        """The kept parts of a picture, or fresh ones."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "parts.safetensors"
            try:
                path.write_bytes(self.storage.get(key))
                return engine.load_parts(path, extractor)
            except (BlobNotFoundError, engine.FingerprintFormatError):
                engine.save_parts(engine.parts_of(picture(), where, extractor, needs.pooling), extractor, path)
            self._keep(key, path.read_bytes())
            # As they will be read the next time.
            return engine.load_parts(path, extractor)

    def _pixels(self, painting: Painting, after: After) -> _Pixels:
        """The way to a painting's pixels, or to those of a stand-in.

        Raises:
            JobFailedError: it is gone, or cannot be read.
        """
        if painting.own_id:
            content, prefix = self._content(painting), keys.own_fingerprint_prefix(painting.own_id)
            return _Pixels(prefix, lambda: _decoded(content, painting.title))
        if painting.has_pixels:
            return _of_picture(_decoded(self._content(painting), painting.title))
        original = _read_original(self._original(painting))
        if original is not None:
            return _of_picture(original)
        source = self._load("compact")
        shipped, digest = _shipped(painting, source)
        if not shipped.codebooks:  # made by an earlier release
            raise style_damaged(painting.title)
        prefix = keys.fingerprint_prefix(digest)
        return _Pixels(prefix, lambda: self._stand_in(prefix, shipped, source, after), is_stand_in=True)

    def can_measure(self, painting: Painting, extractor: str) -> bool:
        """Whether an extractor knows a painting itself, without a stand-in."""
        return painting.has_pixels or painting.shipped(extractor) is not None or self._original(painting) is not None

    def _original(self, painting: Painting) -> Path | None:
        return original_of(painting.style.id, self.originals) if painting.style else None

    def _of_shipped(
        self, painting: Painting, extractor: engine.Extractor, needs: engine.Needs, after: After
    ) -> engine.Fingerprint:
        # Our own extractor knows all built-in paintings.
        source = extractor if painting.shipped(extractor.name) else self._load("compact")
        shipped, _ = _shipped(painting, source)
        if source is extractor and shipped.covers(*needs):
            return shipped
        pixels = self._pixels(painting, after)
        measured = self._measured(pixels.prefix, pixels.picture, extractor, needs)
        # The painting's own colours are known better than those of what stands in for it.
        return replace(measured, palette=shipped.palette or measured.palette) if pixels.is_stand_in else measured

    def _stand_in(
        self, prefix: str, shipped: engine.Fingerprint, source: engine.Extractor, after: After
    ) -> Image.Image:
        key = keys.stand_in_key(prefix)
        try:
            return Image.open(io.BytesIO(self.storage.get(key)), formats=["PNG"]).convert("RGB")
        except (BlobNotFoundError, OSError):
            log.info("a painting is drawn again from its codebook: %s", key)
        drawn = engine.repaint(shipped.codebooks[0][0], source, after=after)
        buffer = io.BytesIO()
        drawn.save(buffer, "PNG")
        self._keep(key, buffer.getvalue())
        return drawn

    def _measured(
        self, prefix: str, picture: Callable[[], Image.Image], extractor: engine.Extractor, needs: engine.Needs
    ) -> engine.Fingerprint:
        """The kept fingerprint of a picture, or a fresh one: of the usual layers where they do, else of all."""
        is_usual = set(needs.layers) <= set(engine.USUAL.layers) and needs[1:3] == engine.USUAL[1:3]
        asked = engine.USUAL if is_usual else needs._replace(layers=extractor.layers)
        kind = "" if is_usual else asked.pooling + (".correlated" if asked.correlations else "")
        key = keys.fingerprint_key(prefix, f"{extractor.name}-{extractor.weights_hash[:12]}", kind)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "fingerprint.safetensors"
            try:
                path.write_bytes(self.storage.get(key))
                kept = engine.load_fingerprint(path, extractor)
                # Those of earlier releases are without a palette.
                if kept.covers(*needs) and kept.palette:
                    return kept
            except (BlobNotFoundError, engine.FingerprintFormatError):
                pass
            layers, pooling, correlations, cells, _ = asked
            fresh = engine.fingerprint_of(
                picture(), extractor, layers=layers, pooling=pooling, correlations=correlations, cells=cells
            )
            fresh.save(path)
            self._keep(key, path.read_bytes())
            # As it will be read the next time, rounded for the file: the first job paints what the second would.
            return engine.load_fingerprint(path, extractor)

    def _content(self, painting: Painting) -> bytes:
        try:
            if painting.style and painting.style.image:
                return painting.style.image.read_bytes()
            return self.storage.get(keys.painting_key(painting.own_id))
        except BlobNotFoundError as error:
            raise JobFailedError(PAINTING_GONE) from error
        except OSError as error:
            raise style_damaged(painting.title) from error

    def _keep(self, key: str, content: bytes) -> None:
        try:
            self.storage.put(key, content)
        except OSError as error:  # the next job makes it again
            log.warning("%s could not be kept: %s", key, error)


def _part_map(painting: Painting) -> engine.PartMap | None:
    """Where a painting's parts are, if there is a map of them.

    Raises:
        JobFailedError: it cannot be read.
    """
    if painting.part_map is not None:
        return engine.PartMap.of_colors(painting.part_map, painting.part_colors)
    path = painting.style.part_map if painting.style else None
    if painting.style is None or path is None:
        return None
    try:
        with Image.open(path) as picture:
            return engine.PartMap.of_palette(picture, [part.name for part in painting.style.parts])
    except OSError as error:
        raise style_damaged(painting.title) from error


def _shipped(painting: Painting, source: engine.Extractor) -> tuple[engine.Fingerprint, str]:
    """The fingerprint that was shipped for an extractor, and its file's hash.

    Raises:
        JobFailedError: there is none, or it cannot be read.
    """
    path = painting.shipped(source.name)
    if path is None:
        raise style_damaged(painting.title)
    try:
        return engine.load_fingerprint(path, source), hashlib.sha256(path.read_bytes()).hexdigest()
    except (engine.FingerprintFormatError, engine.FingerprintMismatchError, OSError) as error:
        raise style_damaged(painting.title) from error


def _of_picture(picture: Image.Image) -> _Pixels:
    # Not of the file's bytes: another release may read another picture from them.
    digest = hashlib.sha256(repr(picture.size).encode() + picture.tobytes()).hexdigest()
    return _Pixels(keys.fingerprint_prefix(digest), lambda: picture)


def _decoded(content: bytes, title: str) -> Image.Image:
    try:
        return read_photo(io.BytesIO(content))
    except RefusedError as error:
        raise style_damaged(title) from error


def _read_original(path: Path | None) -> Image.Image | None:
    """A fetched original; None where there is none, or a damaged one."""
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            return read_photo(file)
    except (RefusedError, OSError) as error:
        log.warning("%s cannot be read, so something stands in for it: %r", path, error)
        return None
