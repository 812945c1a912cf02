"""What a painting is made from: the photo, the paintings' fingerprints, the extractor, an earlier checkpoint."""

from __future__ import annotations

import hashlib
import io
import logging
import tempfile
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from app.jobs import keys
from app.jobs.blobs import BlobNotFoundError, Storage
from app.jobs.models import Job, PaintRequest
from app.jobs.styles import Style, find_styles
from app.settings import Settings
from worker import engine
from worker.devices import Device
from worker.failures import PHOTO_DAMAGED, PHOTO_GONE, JobFailedError, style_damaged, style_gone, style_unprepared

MODELS = Path(__file__).parents[1] / "models"
log = logging.getLogger(__name__)


class Materials:
    """Loads what jobs ask for; extractors stay loaded from job to job."""

    def __init__(self, settings: Settings, storage: Storage, device: Device) -> None:
        self.settings = settings
        self.storage = storage
        self.device = device
        self._extractors: dict[str, engine.Extractor] = {}

    def photo(self, wish: PaintRequest) -> Image.Image:
        """The stored photo as RGB.

        Raises:
            JobFailedError: it is gone or damaged.
        """
        try:
            return Image.open(io.BytesIO(self.storage.get(keys.photo_key(wish.photo))), formats=["JPEG"]).convert("RGB")
        except BlobNotFoundError as error:
            raise JobFailedError(PHOTO_GONE) from error
        except (UnidentifiedImageError, OSError) as error:
            raise JobFailedError(PHOTO_DAMAGED) from error

    def style(self, wish: PaintRequest) -> tuple[engine.Fingerprint, engine.Extractor]:
        """The blend of the chosen paintings' fingerprints, and the extractor that they were made with.

        Raises:
            JobFailedError: a painting is gone, damaged, or not prepared for the extractor that was asked for.
            ExtractorUnavailableError: its weights are not here.
        """
        known = {style.id: style for style in find_styles(own=self.settings.styles)}
        for choice in wish.styles:
            if choice.id not in known:
                raise style_gone(choice.id)
        extractor = self._extractor(wish, [known[choice.id] for choice in wish.styles])
        parts = [(self._fingerprint(known[choice.id], extractor), choice.weight) for choice in wish.styles]
        return engine.blend(parts), extractor

    def checkpoint(self, job: Job) -> engine.Checkpoint | None:
        """The newest checkpoint of any attempt; a damaged one is passed over."""
        found = [key for key in self.storage.list(keys.job_prefix(job.id)) if key.endswith("/checkpoint.safetensors")]
        for key in reversed(found):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "checkpoint.safetensors"
                path.write_bytes(self.storage.get(key))
                try:
                    return engine.Checkpoint.load(path)
                except engine.CheckpointMismatchError as error:
                    log.warning("job %s: %s", job.id, error)
        return None

    def forget(self) -> None:
        """Drop the loaded extractors, and with them the device's memory that they hold."""
        self._extractors.clear()

    def _extractor(self, wish: PaintRequest, styles: list[Style]) -> engine.Extractor:
        """The asked extractor; `auto` falls back to compact where a painting is known to that one only."""
        name = wish.extractor if wish.extractor != "auto" else self.settings.extractor
        extractor = self._loaded(name)
        if name == "auto" and any(style.image is None and not style.fingerprint(extractor.name) for style in styles):
            return self._loaded("compact")
        return extractor

    def _loaded(self, name: str) -> engine.Extractor:
        if name not in self._extractors:
            self._extractors[name] = engine.load_extractor(name, MODELS, self.settings.models_cache, self.device.torch)
        return self._extractors[name]

    def _fingerprint(self, style: Style, extractor: engine.Extractor) -> engine.Fingerprint:
        """The shipped fingerprint, or that of the owner's painting, computed once and kept."""
        shipped = style.fingerprint(extractor.name)
        if shipped:
            try:
                return engine.load_fingerprint(shipped, extractor)
            except (engine.FingerprintFormatError, engine.FingerprintMismatchError) as error:
                raise style_damaged(style.title) from error
        if style.image is None:
            raise style_unprepared(style.title, extractor.name)
        try:
            content = style.image.read_bytes()
        except OSError as error:
            raise style_damaged(style.title) from error
        digest = hashlib.sha256(content).hexdigest()
        key = f"fingerprints/{digest}.{extractor.name}-{extractor.weights_hash[:12]}.safetensors"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "fingerprint.safetensors"
            try:
                path.write_bytes(self.storage.get(key))
                return engine.load_fingerprint(path, extractor)
            except (BlobNotFoundError, engine.FingerprintFormatError):
                engine.fingerprint_of(_decoded(content, style.title), extractor).save(path)
            try:
                self.storage.put(key, path.read_bytes())
            except OSError as error:  # the next job computes it again
                log.warning("the fingerprint of %s could not be kept: %s", style.id, error)
            # As it will be read the next time, rounded for the file: the first job paints what the second would.
            return engine.load_fingerprint(path, extractor)


def _decoded(content: bytes, title: str) -> Image.Image:
    try:
        with Image.open(io.BytesIO(content)) as image:
            return engine.upright(image)
    except (OSError, Image.DecompressionBombError) as error:
        raise style_damaged(title) from error
