"""What a painting is made from: the photo, the paintings' styles and where they go, the extractor, a checkpoint."""

from __future__ import annotations

import io
import logging
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from app.jobs.files.recipe import Recipe, read
from app.jobs.files.strips import Alpha, StoredPicture, whole
from app.jobs.masks import find_mask
from app.jobs.models import Job, PaintRequest, StyleChoice
from app.jobs.storage import keys
from app.jobs.storage.protocol import BlobNotFoundError, Storage
from app.jobs.work import suits_network
from app.settings import Settings
from worker import engine
from worker.job.failures import (
    CANVAS_GONE,
    MASK_GONE,
    PHOTO_DAMAGED,
    PHOTO_GONE,
    START_GONE,
    JobFailedError,
    options_unfit,
    style_damaged,
)
from worker.job.styles import Painting, Paintings
from worker.machine.devices import Device

MODELS = Path(__file__).parents[2] / "models"
Read = TypeVar("Read")
log = logging.getLogger(__name__)


class Commission(NamedTuple):
    """All that the engine needs to paint a job: what, with which extractor, and how."""

    scene: engine.Scene
    extractor: engine.Extractor
    options: engine.PaintOptions


class Materials:
    """Loads what jobs ask for; extractors stay loaded from job to job."""

    def __init__(self, settings: Settings, storage: Storage, device: Device) -> None:
        self.settings = settings
        self.storage = storage
        self.device = device
        self.paintings = Paintings(storage, settings.styles, settings.originals_cache, self._loaded)
        self._extractors: dict[str, engine.Extractor] = {}
        self._upscaler: engine.Upscaler | None = None
        self._networks: dict[Path, engine.TransformNet] = {}

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

    def alpha(self, wish: PaintRequest) -> Alpha | None:
        """The stored photo's transparency [h, w], if it is asked for and the photo has any.

        Raises:
            JobFailedError: it is damaged.
        """
        key = keys.photo_alpha_key(wish.photo)
        if not (wish.keep_transparency and self.storage.exists(key)):
            return None
        stored = self._stored(key)
        if stored is None:
            raise JobFailedError(PHOTO_DAMAGED)
        return np.asarray(stored.convert("L"))

    def commission(
        self,
        wish: PaintRequest,
        photo: Image.Image,
        start: Job | None = None,
        after: Callable[[], None] | None = None,
    ) -> Commission:
        """What a request asks to be painted of its photo; `start` is the job whose artwork is painted over.

        `after` is called now and then where this takes long; what it raises ends it.

        Raises:
            JobFailedError: a painting, a mask or the artwork to start from is gone or damaged, or the options do not
                fit the extractor.
            ExtractorUnavailableError, UpscalerUnavailableError: its weights are not here.
        """
        found = self.paintings.find(choice.id for choice in wish.styles)
        chosen = [self.paintings.mapped(found[each.id], each, wish.styles) for each in wish.styles]
        extractor = self._extractor(wish, list(found.values()))
        try:
            options = engine.PaintOptions(**wish.painting())
            needs = engine.needs(options, extractor)
        except ValueError as error:
            raise options_unfit(str(error)) from error
        scene = engine.Scene(
            photo,
            self._regions(
                wish,
                [
                    self.paintings.fingerprint(painting, extractor, needs, after, choice.part)
                    for painting, choice in zip(chosen, wish.styles, strict=True)
                ],
            ),
            keep=self._mask(wish, wish.keep),
            color_mask=self._mask(wish, wish.color_mask),
            start=self._artwork(start) if start else None,
            upscaler=self.upscaler(wish),
        )
        return Commission(scene, extractor, options)

    def network(self, wish: PaintRequest) -> engine.TransformNet | None:
        """The network of the one painting that a request names, where it has one that can do all that is asked.

        Raises:
            JobFailedError: the painting is gone, or its network damaged.
        """
        if not suits_network(wish):
            return None
        style = wish.styles[0].id
        painting = self.paintings.find([style])[style]
        path = painting.style.network if painting.style else None
        if path is None:
            return None
        try:
            if path not in self._networks:
                self._networks[path] = engine.load_transform_net(path, self.device.torch)
        except engine.NetworkFormatError as error:
            raise style_damaged(painting.title) from error
        return self._networks[path]

    def recoloring(self, wish: PaintRequest, photo: Image.Image) -> engine.Finish:
        """The touches that give a canvas the colours and the size that are asked for, and the photo where it is kept.

        Raises:
            JobFailedError: a mask is gone.
            UpscalerUnavailableError: the weights of the network that is to enlarge it are not here.
        """
        keep, color_mask = self._mask(wish, wish.keep), self._mask(wish, wish.color_mask)
        scene = engine.Scene(photo, (), keep=keep, color_mask=color_mask, upscaler=self.upscaler(wish))
        return engine.Finish(scene, engine.PaintOptions(**wish.painting()))

    def upscaler(self, wish: PaintRequest) -> engine.Upscaler | None:
        """The network that enlarges what a request asks for, if it is to.

        Raises:
            UpscalerUnavailableError: its weights are not here.
        """
        if wish.resample != "network":
            return None
        if self._upscaler is None:
            self._upscaler = engine.load_upscaler(MODELS, self.device.torch)
        return self._upscaler

    def canvas(self, job: Job) -> tuple[Tensor, Recipe | None]:
        """What was painted for a job [1, 3, H, W], before its colours or size were changed, and the artwork's recipe.

        Raises:
            JobFailedError: it is gone.
        """
        told = self._read(keys.artwork_key(job.id, job.fence), lambda stored: stored.made_with or "")
        places = keys.canvas_keys(job.id, job.fence, job.request.touches_up)
        found = (self._read(key, lambda stored: whole(stored, np.uint16)) for key in places)
        canvas = next((pixels for pixels in found if pixels is not None), None)
        if told is None or canvas is None:
            raise JobFailedError(CANVAS_GONE)
        return torch.from_numpy(canvas.astype(np.float32) / 65535).permute(2, 0, 1)[None], read(told)

    def checkpoint(self, job_ids: Iterable[str]) -> engine.Checkpoint | None:
        """The newest checkpoint of any attempt at these jobs, of which each tried the next again; a damaged one is
        passed over.
        """
        for key in self._checkpoints(job_ids):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "checkpoint.safetensors"
                path.write_bytes(self.storage.get(key))
                try:
                    return engine.Checkpoint.load(path)
                except engine.CheckpointMismatchError as error:
                    log.warning("a checkpoint is passed over: %s", error)
        return None

    def drop_checkpoints(self, job_ids: Iterable[str]) -> None:
        """Delete all of them: their painting is finished."""
        for key in self._checkpoints(job_ids):
            self.storage.delete(key)

    def _checkpoints(self, job_ids: Iterable[str]) -> list[str]:
        """Newest first."""
        listed = [key for each in job_ids for key in reversed(self.storage.list(keys.job_prefix(each)))]
        return list(filter(keys.is_checkpoint, listed))

    def extractor(self, name: str) -> engine.Extractor:
        """An extractor by its name; it stays loaded.

        Raises:
            ExtractorUnavailableError: its weights are not here.
        """
        return self._loaded(name)

    def forget(self) -> None:
        """Drop the loaded extractors and networks, and with them the device's memory that they hold."""
        self._extractors.clear()
        self._networks.clear()
        self._upscaler = None

    def _extractor(self, wish: PaintRequest, paintings: list[Painting]) -> engine.Extractor:
        """The asked extractor; `auto` falls back to compact where a painting is known to that one only."""
        name = wish.extractor if wish.extractor != "auto" else self.settings.extractor
        extractor = self._loaded(name)
        if name == "auto" and not all(self.paintings.can_measure(each, extractor.name) for each in paintings):
            return self._loaded("compact")
        return extractor

    def _loaded(self, name: str) -> engine.Extractor:
        if name not in self._extractors:
            self._extractors[name] = engine.load_extractor(name, MODELS, self.settings.models_cache, self.device.torch)
        return self._extractors[name]

    def _regions(self, wish: PaintRequest, styles: Sequence[engine.Fingerprint]) -> tuple[engine.Region, ...]:
        choices = [
            (self._place(wish, choice), style, choice.weight) for choice, style in zip(wish.styles, styles, strict=True)
        ]
        return engine.regions_of(choices, lambda place: self._mask(wish, *place))

    def _place(self, wish: PaintRequest, choice: StyleChoice) -> tuple[str | None, str | None]:
        """The mask and the colour of it where a style is painted: two that mean the same colour share a place."""
        if choice.mask is None or choice.color is None:
            return choice.mask, None
        facts = find_mask(wish.photo, choice.mask, self.storage)
        if facts is None:
            raise JobFailedError(MASK_GONE)
        return choice.mask, facts.meant(choice.color) or choice.color

    def _mask(self, wish: PaintRequest, mask_id: str | None, color: str | None = None) -> Image.Image | None:
        if mask_id is None:
            return None
        facts = find_mask(wish.photo, mask_id, self.storage)
        mask = self._stored(keys.mask_key(wish.photo, mask_id))
        if facts is None or mask is None:
            raise JobFailedError(MASK_GONE)
        if color is None:
            return mask
        return engine.mask_of_color(mask, color, facts.rivals([*facts.asked(wish.styles, mask_id), color]))

    def _artwork(self, job: Job) -> Image.Image:
        artwork = self._stored(keys.artwork_key(job.id, job.fence)) if job.has_artwork else None
        if artwork is None:
            raise JobFailedError(START_GONE)
        return artwork.convert("RGB")

    def _read(self, key: str, read: Callable[[StoredPicture], Read]) -> Read | None:
        """What is read of a picture in strips that this product stored; None where it is gone or damaged."""
        try:
            with self.storage.open(key) as file:
                return read(StoredPicture(file))
        except (BlobNotFoundError, OSError) as error:
            log.warning("%s cannot be read: %r", key, error)
            return None

    def _stored(self, key: str) -> Image.Image | None:
        """A picture that this product stored; None where it is gone or damaged."""
        try:
            picture = Image.open(io.BytesIO(self.storage.get(key)), formats=["PNG"])
            picture.load()
        except (BlobNotFoundError, OSError) as error:
            log.warning("%s cannot be read: %r", key, error)
            return None
        return picture
