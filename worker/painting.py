"""One job from lease to artwork: load, paint, preview, checkpoint, publish. Translates engine errors for people."""

from __future__ import annotations

import hashlib
import io
import logging
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import redis
from PIL import Image, UnidentifiedImageError

from app.jobs import keys
from app.jobs.blobs import BlobNotFoundError, LocalStorage, Storage
from app.jobs.models import Job, JobError, JobState, PaintRequest, Progress
from app.jobs.queue import Publisher
from app.jobs.records import JobRecords, LeaseLostError
from app.jobs.styles import Style, find_styles
from app.settings import Settings
from worker import engine
from worker.lease import Lease, holder_name, is_alive

MODELS = Path(__file__).parents[1] / "models"
PREVIEW_SIDE = 512
REPORT_S = 0.4  # how often progress is told at most; a page polls about once a second
log = logging.getLogger(__name__)


class JobFailedError(Exception):
    """The job cannot be painted, with the sentence that its owner reads."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.error = JobError(code=code, message=message)


class Easel:
    """What one worker process paints with; extractors stay loaded from job to job."""

    def __init__(self, settings: Settings, redis_url: str, is_stopping: Callable[[], bool]) -> None:
        self.settings = settings
        self.storage: Storage = LocalStorage(settings.data)
        self.records = JobRecords(redis.Redis.from_url(redis_url), self.storage, Publisher(redis_url))
        self.is_stopping = is_stopping
        self._extractors: dict[str, engine.Extractor] = {}

    def paint(self, job_id: str) -> None:
        """Paint a job to its end, or to where the worker is told to stop; step back if somebody else has it."""
        job = self.records.claim(job_id, self.settings.lease_s, holder_name(), is_alive)
        if job is None:
            return
        log.info("job %s: attempt %d, fence %d", job.id, job.attempt, job.fence)
        try:
            with Lease(self.records, job, self.settings.lease_s, self.settings.heartbeat_s) as lease:
                self._paint_held(job, lease)
        except LeaseLostError:
            log.warning("job %s: another worker has it now; dropped", job.id)
        except JobFailedError as failure:
            log.warning("job %s: %s", job.id, failure, exc_info=failure.__cause__)
            self._fail(job, failure.error)
        except MemoryError:
            # Must not leave the task: Celery would end the whole worker and start the job again elsewhere.
            self._fail(job, TOO_LARGE)
        except Exception:
            log.exception("job %s failed", job.id)
            self._fail(job, UNEXPECTED)

    def _paint_held(self, job: Job, lease: Lease) -> None:
        if job.attempt > self.settings.max_attempts:
            raise JobFailedError(
                "worker_lost",
                "The painting was interrupted again and again, so we stopped trying. "
                "Try once more, or choose a smaller size.",
            )
        if lease.is_cancelled:
            self.records.end(job, JobState.CANCELLED, {})
            return
        photo = self._photo(job.request)
        styles = self._styles(job.request)
        extractor = self._extractor(job.request, styles)
        style = engine.blend([(self._fingerprint(each, extractor), weight) for each, weight in styles])
        sitting = Sitting(self, job, lease)
        pastiche = self._painted(photo, style, extractor, job, sitting)
        sitting.tell_speed(extractor.name)
        if pastiche.stopped and sitting.is_late:
            raise JobFailedError("too_slow", "The painting took longer than this server allows. Choose a smaller size.")
        if pastiche.stopped and not lease.is_cancelled:
            sitting.keep_checkpoint()
            self.records.end(job, JobState.QUEUED, {"attempt": job.attempt - 1, "holder": ""})
            self.records.publish(job.id)
            return
        artwork = _png(pastiche.image)
        self.storage.put(keys.artwork_key(job.id, job.fence), artwork)
        width, height = pastiche.image.size
        size = {"artwork_width": width, "artwork_height": height}
        if pastiche.stopped:
            self.records.end(job, JobState.CANCELLED, size | {"keeps": True})
        else:
            self.records.end(job, JobState.FINISHED, size)

    def _painted(
        self, photo: Image.Image, style: engine.Fingerprint, extractor: engine.Extractor, job: Job, sitting: Sitting
    ) -> engine.Pastiche:
        wish = job.request
        options = engine.PaintOptions(
            size=wish.size, strength=wish.strength, brush=wish.brush, smoothing=wish.smoothing,
            seed=wish.seed, keep_colors=wish.keep_colors, quality=wish.quality,
        )  # fmt: skip
        try:
            try:
                return engine.paint(photo, style, extractor, options, sitting.after, self._checkpoint(job))
            except engine.CheckpointMismatchError as error:
                log.warning("job %s: its checkpoint does not fit, starting anew: %s", job.id, error)
                return engine.paint(photo, style, extractor, options, sitting.after)
        except engine.TooLargeError as error:
            raise JobFailedError(TOO_LARGE.code, TOO_LARGE.message) from error
        except engine.NotFiniteError as error:
            raise JobFailedError(
                "diverged", "The painting fell apart on the way. Try it gentler, or with another painting."
            ) from error

    def _photo(self, wish: PaintRequest) -> Image.Image:
        try:
            return Image.open(io.BytesIO(self.storage.get(keys.photo_key(wish.photo)))).convert("RGB")
        except BlobNotFoundError as error:
            raise JobFailedError("photo_gone", "The photo is not here any more. Upload it again.") from error
        except (UnidentifiedImageError, OSError) as error:
            raise JobFailedError(
                "photo_damaged", "The stored photo cannot be read any more. Upload it again."
            ) from error

    def _styles(self, wish: PaintRequest) -> list[tuple[Style, float]]:
        known = {style.id: style for style in find_styles(own=self.settings.styles)}
        missing = [choice.id for choice in wish.styles if choice.id not in known]
        if missing:
            raise JobFailedError(
                "style_gone", f"The painting “{missing[0]}” does not hang here any more. Choose another one."
            )
        return [(known[choice.id], choice.weight) for choice in wish.styles]

    def _extractor(self, wish: PaintRequest, styles: list[tuple[Style, float]]) -> engine.Extractor:
        """The asked extractor; `auto` falls back to compact where a painting is known to that one only."""
        name = wish.extractor if wish.extractor != "auto" else self.settings.extractor
        extractor = self._loaded(name)
        if name == "auto" and any(style.image is None and not style.fingerprint(extractor.name) for style, _ in styles):
            return self._loaded("compact")
        return extractor

    def _loaded(self, name: str) -> engine.Extractor:
        if name not in self._extractors:
            try:
                self._extractors[name] = engine.load_extractor(name, MODELS, self.settings.models_cache)
            except engine.ExtractorUnavailableError as error:
                raise JobFailedError("extractor_unavailable", str(error)) from error
        return self._extractors[name]

    def _fingerprint(self, style: Style, extractor: engine.Extractor) -> engine.Fingerprint:
        """The shipped fingerprint, or that of the owner's painting, computed once and kept."""
        try:
            shipped = style.fingerprint(extractor.name)
            if shipped:
                return engine.load_fingerprint(shipped, extractor)
            if style.image is None:
                raise JobFailedError(
                    "style_unavailable",
                    f"“{style.title}” is not prepared for the extractor {extractor.name}. "
                    "Choose the extractor compact.",
                )
            return self._own_fingerprint(style.image, extractor)
        except (engine.FingerprintFormatError, engine.FingerprintMismatchError, OSError) as error:
            raise JobFailedError(
                "style_damaged", f"“{style.title}” cannot be read on this server. Choose another painting."
            ) from error

    def _own_fingerprint(self, painting: Path, extractor: engine.Extractor) -> engine.Fingerprint:
        digest = hashlib.sha256(painting.read_bytes()).hexdigest()
        key = f"fingerprints/{digest}.{extractor.name}-{extractor.weights_hash[:12]}.safetensors"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "fingerprint.safetensors"
            try:
                path.write_bytes(self.storage.get(key))
                return engine.load_fingerprint(path, extractor)
            except (BlobNotFoundError, engine.FingerprintFormatError):
                with Image.open(painting) as image:
                    fingerprint = engine.fingerprint_of(engine.upright(image), extractor)
                fingerprint.save(path)
                self.storage.put(key, path.read_bytes())
                return fingerprint

    def _checkpoint(self, job: Job) -> engine.Checkpoint | None:
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

    def _fail(self, job: Job, error: JobError) -> None:
        try:
            self.records.end(job, JobState.FAILED, {"error": error})
        except LeaseLostError:
            log.warning("job %s: another worker has it now", job.id)


class Sitting:
    """What happens after each evaluation of one job: progress, previews, checkpoints, and the reasons to stop."""

    def __init__(self, easel: Easel, job: Job, lease: Lease) -> None:
        self.easel = easel
        self.job = job
        self.lease = lease
        self.is_late = False
        self._preview = job.preview
        self._iterate: engine.Iterate | None = None
        self._first: tuple[float, float] | None = None
        self._began = self._reported = self._previewed = self._checkpointed = time.monotonic()
        self._previewed = 0.0

    def after(self, iterate: engine.Iterate) -> bool:
        """The engine's callback: True stops the painting."""
        now = time.monotonic()
        self._iterate = iterate
        self._first = self._first or (now, iterate.fraction)
        settings = self.easel.settings
        stage_ends = iterate.iteration == iterate.iterations
        fields: dict[str, object] = {}
        if stage_ends or now - self._previewed >= settings.preview_s:
            self._previewed = now
            fields |= self._show(iterate)
        if stage_ends or now - self._checkpointed >= settings.checkpoint_s:
            self._checkpointed = now
            self.keep_checkpoint()
        if fields or now - self._reported >= REPORT_S:
            self._reported = now
            progress = Progress(
                stage=iterate.stage, stages=iterate.stages, scale=iterate.scale,
                iteration=iterate.iteration, iterations=iterate.iterations, fraction=iterate.fraction,
            )  # fmt: skip
            self._report(fields | {"progress": progress} | self._speed_field())
        self.is_late = now - self._began > settings.job_time_limit_s
        if self.lease.is_lost:
            raise LeaseLostError(self.job.id)
        return self.is_late or self.lease.is_cancelled or self.easel.is_stopping()

    def keep_checkpoint(self) -> None:
        """Store the newest iterate as this attempt's checkpoint."""
        if self._iterate is None:
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "checkpoint.safetensors"
            self._iterate.checkpoint().save(path)
            self._put(keys.checkpoint_key(self.job.id, self.job.fence), path.read_bytes())

    def tell_speed(self, extractor: str) -> None:
        """Fold this job's speed into the measured average, if enough was painted to tell."""
        speed = self._speed()
        if speed is not None:
            self.easel.records.measured(extractor, speed)

    def _show(self, iterate: engine.Iterate) -> dict[str, object]:
        picture = iterate.image()
        picture.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
        buffer = io.BytesIO()
        picture.save(buffer, "WEBP", quality=80)
        if not self._put(keys.preview_key(self.job.id, self.job.fence, self._preview + 1), buffer.getvalue()):
            return {}
        self._preview += 1
        return {"preview": self._preview, "preview_fence": self.job.fence}

    def _report(self, fields: dict[str, object]) -> None:
        try:
            self.lease.report(fields)
        except redis.RedisError as error:  # Redis is away: go on painting, the lease decides
            log.warning("job %s: progress could not be told: %s", self.job.id, error)

    def _put(self, key: str, content: bytes) -> bool:
        """Store what the painting can do without: a full disk must not end it before the artwork is due."""
        try:
            self.easel.storage.put(key, content)
        except OSError as error:
            log.warning("job %s: %s could not be stored: %s", self.job.id, key, error)
            return False
        return True

    def _speed_field(self) -> dict[str, object]:
        speed = self._speed()
        return {} if speed is None else {"seconds_per_unit": speed}

    def _speed(self) -> float | None:
        """Seconds per unit of work of this sitting; None until a twentieth is painted."""
        if self._first is None or self._iterate is None:
            return None
        start, first = self._first
        painted = self._iterate.fraction - first
        if painted < 0.05:
            return None
        return (self._reported - start) / (painted * self.job.planned_work) if self._reported > start else None


TOO_LARGE = JobError(
    code="too_large", message="The painting needs more memory than this server has. Choose a smaller size."
)
UNEXPECTED = JobError(
    code="internal",
    message="Something went wrong on our side while painting. The photo is kept: try again in a moment.",
)


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()
