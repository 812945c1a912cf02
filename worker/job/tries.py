"""A photo in small after many paintings, while its owner chooses one: what fails is left out.

Nothing is held for a try and nothing is owed: who still wants one that was lost asks again (app/jobs/records/tries.py).
"""

from __future__ import annotations

import io
import json
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Final

import torch
from PIL import Image
from redis import RedisError

from app.jobs.housekeeping import retention
from app.jobs.queue import QueueUnavailableError
from app.jobs.records.quota import Quota
from app.jobs.storage import keys
from app.jobs.storage.protocol import BlobNotFoundError
from app.jobs.styles import Style
from app.jobs.tries import SIZE, Try
from worker import engine
from worker.job.attempt import Painter
from worker.job.publishing import preview_of
from worker.job.styles import Painting
from worker.machine import process
from worker.machine.watchdog import Watchdog

PRESET: Final = "instant"  # drawn in one pass by the decoder, which belongs to this extractor
EXTRACTOR = "compact"
SEEN_SIDE = 2 * SIZE  # pixels of the photo's longer side: it is not painted from more
BATCH = 12  # pictures of one photo, after which others have their turn
MOST_AT_ONCE = 4  # pictures that are painted side by side, each on one processor
log = logging.getLogger(__name__)


class TryOn:
    """Paints tries in one worker process, with what its painter has loaded."""

    def __init__(self, painter: Painter, is_stopping: Callable[[], bool]) -> None:
        self.settings = painter.settings
        self.device = painter.device
        self.storage = painter.storage
        self.records = painter.records
        self.materials = painter.materials
        self.is_stopping = is_stopping
        self._fingerprints: dict[str, engine.Fingerprint] = {}
        self._palettes: dict[Path, engine.Palette | None] = {}

    def sit(self, photo_id: str) -> None:
        """Paint what is wanted of a photo, until nothing is, a job waits, or it is another photo's turn.

        Whatever happens stays in here, as in `Painter.paint`.
        """
        try:
            self._sit(photo_id)
        except (RedisError, QueueUnavailableError, OSError) as error:
            log.warning("photo %s…: not tried on any further: %s", photo_id[:6], error)
        except Exception:
            log.exception("photo %s…: could not be tried on", photo_id[:6])

    def _sit(self, photo_id: str) -> None:
        if process.is_device_lost() or not self.records.tries.are_wanted(photo_id):
            return
        try:
            with Watchdog(self.settings.stall_s, _on_stall) as watchdog:
                sitting = _Sitting(self, photo_id, watchdog.touch)
                sitting.paint()
        except BlobNotFoundError:
            log.info("photo %s…: gone, so it is not tried on", photo_id[:6])
            self.records.tries.drop(photo_id)
            return
        if self.records.tries.are_wanted(photo_id) and not sitting.is_over:
            self.publish(photo_id)

    def publish(self, photo_id: str) -> None:
        """Let whoever is free go on, after all that waits.

        Raises:
            QueueUnavailableError: Redis is away.
        """
        if self.records.hints.publisher:
            self.records.hints.publisher.publish_tries(photo_id)

    @cached_property
    def extractor(self) -> engine.Extractor:
        """What tries are painted with, whatever jobs are."""
        return self.materials.extractor(EXTRACTOR)

    def fingerprint(self, style_id: str, painting: Painting) -> engine.Fingerprint:
        """What is known of a painting; of the gallery's it stays loaded.

        Raises:
            JobFailedError: it cannot be read.
        """
        if style_id in self._fingerprints:
            return self._fingerprints[style_id]
        found = self.materials.paintings.fingerprint(painting, self.extractor, engine.USUAL)
        if painting.style is not None and painting.style.image is None:  # those do not change while a worker runs
            self._fingerprints[style_id] = found
        return found

    def suiting(self, photo: Image.Image) -> list[str]:
        """Ids of the gallery's paintings, those first whose colours are most like the photo's."""
        own = engine.palette_of(photo)

        def distance(style: Style) -> float:
            palette = self._palette(style)
            return engine.palette_distance(own, palette) if palette else float("inf")

        styles = self.materials.paintings.hanging().values()
        return [style.id for style in sorted(styles, key=distance)]

    def _palette(self, style: Style) -> engine.Palette | None:
        """A painting's palette, where one ships with it."""
        path = style.fingerprint(EXTRACTOR)
        if path is None:
            return None
        if path not in self._palettes:
            try:
                self._palettes[path] = engine.load_palette(path)
            except engine.FingerprintFormatError as error:
                log.warning("%s cannot be read: %s", path, error)
                self._palettes[path] = None
        return self._palettes[path]


class _Sitting:
    """The tries of one photo that are painted at one go."""

    def __init__(self, try_on: TryOn, photo_id: str, touch: Callable[[], None]) -> None:
        """Raises:
        BlobNotFoundError: the photo is gone.
        """
        self.try_on = try_on
        self.photo_id = photo_id
        self.touch = touch
        self.records = try_on.records
        self.storage = try_on.storage
        self.photo = self._seen()
        self.hanging = try_on.materials.paintings.hanging()
        self.is_over = False

    def paint(self) -> None:
        """Paint what is wanted, side by side where there are processors for it.

        One picture on two processors takes as long as on one: it is too small to be shared. Two pictures do not.
        """
        if not self.storage.exists(keys.suits_key(self.photo_id)):
            self._keep(keys.suits_key(self.photo_id), json.dumps(self.try_on.suiting(self.photo)).encode())
        on_cpu = self.try_on.extractor.device.type == "cpu"
        usual = torch.get_num_threads()
        count = min(usual, MOST_AT_ONCE) if on_cpu else 1
        try:
            with ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,)) as pool:
                sizes = list(pool.map(self._paint_some, [max(1, BATCH // count)] * count))
        finally:
            torch.set_num_threads(usual)  # some of the libraries below have one number for all threads
        # Without a limit, which was looked at when they were asked for.
        self.records.tally.add(keys.photo_prefix(self.photo_id), "", sum(sizes), Quota())

    def _paint_some(self, most: int) -> int:
        """In a thread: take, paint and keep one after the other; the bytes that they take together."""
        tries, size = self.records.tries, 0
        for _ in range(most):
            if self.is_over or self.try_on.is_stopping() or tries.give_way():
                break
            name = tries.take(self.photo_id)
            if name is None:
                break
            try:
                size += self._tried(name)
                tries.count("painted")
            except (BlobNotFoundError, OSError) as error:  # of the photo, or of the storage: so would all others
                self.is_over = True
                tries.drop(self.photo_id)
                log.info("photo %s…: no more tries: %r", self.photo_id[:6], error)
            except Exception as error:  # of one painting; those of others may go
                tries.count("failed")
                log.warning("photo %s…: not tried on after %s: %r", self.photo_id[:6], name, error)
            finally:
                tries.over(self.photo_id, name)
                self.touch()
        return size

    def _tried(self, name: str) -> int:
        """Paint one and keep it; its bytes.

        Raises:
            BlobNotFoundError: the photo was deleted meanwhile.
            JobFailedError: the painting is not here.
        """
        wanted = Try.named(name)
        if wanted is None:
            raise ValueError(f"{name!r} is no try")
        style = self.hanging.get(wanted.style)
        materials = self.try_on.materials
        painting = Painting(style) if style else materials.paintings.find([wanted.style])[wanted.style]
        scene = engine.Scene.of(self.photo, self.try_on.fingerprint(wanted.style, painting))
        options = engine.PaintOptions(preset=PRESET, size=SIZE, strength=wanted.strength, brush=wanted.brush)
        picture = preview_of(engine.paint(scene, self.try_on.extractor, options).picture.image())
        self._keep(keys.try_key(self.photo_id, name), picture)
        return len(picture)

    def _keep(self, key: str, content: bytes) -> None:
        """Keep a blob beside the photo, if that is still there: nothing of it may be written after it was deleted.

        Raises:
            BlobNotFoundError: it was.
        """
        self.storage.put(key, content)
        is_deleted = retention.is_deleted(self.storage, "photos", self.photo_id)
        if is_deleted or self.records.photos.is_gone(self.photo_id) or not self._is_here():
            self.storage.delete_prefix(keys.photo_prefix(self.photo_id))
            raise BlobNotFoundError(key)

    def _is_here(self) -> bool:
        return self.storage.exists(keys.photo_key(self.photo_id))

    def _seen(self) -> Image.Image:
        """The photo, as small as may be: a large one is not even decoded as a whole.

        Raises:
            BlobNotFoundError: it is gone.
            OSError: it is damaged.
        """
        picture = Image.open(io.BytesIO(self.storage.get(keys.photo_key(self.photo_id))), formats=["JPEG"])
        picture.draft("RGB", (SEEN_SIDE, SEEN_SIDE))
        picture.thumbnail((SEEN_SIDE, SEEN_SIDE), Image.Resampling.LANCZOS)
        return picture.convert("RGB")


def _on_stall() -> None:
    """On the watchdog's thread: a picture hangs, and its process ends with it; the next one knows nothing of it."""
    log.error("a try hangs; pid %d ends", os.getpid())
    process.replace_child("a try hangs")
