"""What happens after each evaluation of one job: progress, previews, checkpoints, and the reasons to stop."""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import redis
from safetensors import SafetensorError

from app.jobs.models import Job, Progress
from app.jobs.records.errors import LeaseLostError
from app.jobs.storage import keys
from app.jobs.storage.protocol import Storage
from app.settings import Settings
from worker import engine
from worker.job.frames import Frames
from worker.job.lease import Lease
from worker.job.publishing import PREVIEW_SIDE, preview_of

REPORT_S = 0.4  # how often progress is told at most; a page polls about once a second
RECENT_S = 10.0  # the time that is left is told from the speed of so many seconds
ENOUGH = 0.05  # of the work must be painted before its speed says anything
log = logging.getLogger(__name__)


class NotBegunError(Exception):
    """The job was cancelled, or the worker told to stop, before the first stroke."""


class Sitting:
    """One attempt at a job, seen from the engine's callback."""

    def __init__(
        self, settings: Settings, storage: Storage, job: Job, lease: Lease, is_stopping: Callable[[], bool]
    ) -> None:
        self.settings = settings
        self.storage = storage
        self.job = job
        self.lease = lease
        self.is_stopping = is_stopping
        self.is_late = False
        self._preview = job.preview
        self._frames = Frames(storage, job)
        self._iterate: engine.Iterate | None = None
        self._recent: deque[tuple[float, float]] = deque()  # as _newest, over the last RECENT_S
        self._first: tuple[float, float] | None = None
        self._newest = (0.0, 0.0)  # when, and the share of the work that was painted till then; so is _first
        self._skipped = 0.0  # the share of the work that stages left out which ended early
        self._began = self._reported = self._checkpointed = time.monotonic()
        self._previewed = self._silent_until = 0.0

    def after(self, iterate: engine.Iterate) -> bool:
        """The engine's callback, after an evaluation or a part of a large one: True stops the painting.

        Raises:
            LeaseLostError: another worker has the job now.
        """
        now = time.monotonic()
        before = self._iterate
        # Within a large evaluation only the work that is done has changed, not the canvas.
        has_changed = before is None or (before.stage, before.iteration) != (iterate.stage, iterate.iteration)
        self._count_skipped(iterate)
        self._iterate = iterate
        self._newest = (now, iterate.fraction - self._skipped)
        self._first = self._first or self._newest
        self._remember()
        stage_ends = iterate.iteration == iterate.iterations
        is_shown = has_changed and (stage_ends or now - self._previewed >= self.settings.preview_s)
        if is_shown:
            self._previewed = now
            self._show(iterate)
        # What was drawn at once is drawn again as soon as it would be read.
        is_kept = stage_ends and iterate.iterations > 0
        if has_changed and (is_kept or now - self._checkpointed >= self.settings.checkpoint_s):
            self._checkpointed = now
            self.keep_checkpoint()
        if (is_shown or now - self._reported >= REPORT_S) and now >= self._silent_until:
            self._reported = now
            self._report(iterate)
        if self.lease.is_lost:
            raise LeaseLostError(self.job.id)
        self.is_late = now - self._began > self.settings.job_time_limit_s
        return self.is_late or self.lease.is_cancelled or self.is_stopping()

    def before(self) -> None:
        """Look, before the first stroke, whether there is to be one.

        Raises:
            LeaseLostError: another worker has the job now.
            NotBegunError: there is not.
        """
        if self.lease.is_lost:
            raise LeaseLostError(self.job.id)
        if self.lease.is_cancelled or self.is_stopping():
            raise NotBegunError(self.job.id)

    def keep_checkpoint(self) -> None:
        """Store the newest iterate as this attempt's checkpoint."""
        if self._iterate is None:
            return
        key = keys.checkpoint_key(self.job.id, self.job.fence)
        try:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "checkpoint.safetensors"
                self._iterate.checkpoint().save(path)
                with path.open("rb") as saved, self.storage.writing(key) as file:
                    shutil.copyfileobj(saved, file)
        except (OSError, SafetensorError) as error:  # safetensors wraps a full disk
            log.warning("job %s: no checkpoint could be stored: %s", self.job.id, error)

    def let_go(self) -> engine.Checkpoint | None:
        """The newest iterate as a checkpoint in the computer's own memory, which no longer holds the device's."""
        checkpoint = self._iterate.checkpoint() if self._iterate else None
        self._iterate = None
        return checkpoint

    def seconds_per_unit(self) -> float | None:
        """Measured seconds per megapixel-evaluation of this sitting; None until enough is painted to tell."""
        if self._first is None or self._newest[1] - self._first[1] < ENOUGH:
            return None
        return self._speed_since(self._first)

    def recent_seconds_per_unit(self) -> float | None:
        """As `seconds_per_unit`, but of the last seconds: what is left will take as long if the device grew hot."""
        return self._speed_since(self._recent[0]) if self.seconds_per_unit() is not None else None

    def _count_skipped(self, iterate: engine.Iterate) -> None:
        """Note what the stage before left out when it found nothing more to improve: it took no time."""
        before = self._iterate
        if before and iterate.stage > before.stage and before.iteration < before.iterations:
            self._skipped += iterate.fraction - before.fraction

    def _speed_since(self, then: tuple[float, float]) -> float | None:
        seconds, painted = self._newest[0] - then[0], self._newest[1] - then[1]
        return seconds / (painted * self.job.planned_work) if painted > 0 else None

    def _remember(self) -> None:
        if not self._recent or self._newest[0] - self._recent[-1][0] >= REPORT_S:
            self._recent.append(self._newest)
        # The oldest stays as long as no other is old enough: evaluations may take longer than RECENT_S.
        while len(self._recent) > 1 and self._newest[0] - self._recent[1][0] >= RECENT_S:
            self._recent.popleft()

    def _show(self, iterate: engine.Iterate) -> None:
        preview = preview_of(iterate.image(PREVIEW_SIDE))
        try:
            self._frames.add(self._preview + 1, preview)
        except OSError as error:  # a full disk must not end the painting before the artwork is due
            log.warning("job %s: no preview could be stored: %s", self.job.id, error)
        else:
            self._preview += 1

    def _report(self, iterate: engine.Iterate) -> None:
        progress = Progress(
            stage=iterate.stage, stages=iterate.stages, scale=iterate.scale,
            iteration=iterate.iteration, iterations=iterate.iterations, fraction=iterate.fraction,
        )  # fmt: skip
        fields: dict[str, object] = {"progress": progress}
        if self._preview > self.job.preview:
            fields |= {"preview": self._preview, "preview_fence": self.job.fence}
        speed = self.recent_seconds_per_unit()
        if speed is not None:
            fields["seconds_per_unit"] = speed
        try:
            self.lease.report(fields)
        except redis.RedisError as error:
            # Redis is away: go on painting, the fence decides at the end. Asking at every evaluation would only wait.
            self._silent_until = time.monotonic() + self.settings.heartbeat_s
            log.warning("job %s: progress could not be told: %s", self.job.id, error)
