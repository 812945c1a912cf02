"""One job from lease to artwork: load, paint, preview, checkpoint, publish. Nothing that goes wrong leaves the task."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NamedTuple

from PIL import Image
from redis import RedisError

from app.jobs.files.recipe import Network, Recipe, options_of, recipe_of
from app.jobs.files.strips import Alpha, Picture, with_alpha
from app.jobs.models import Cut, Job, JobState, PaintRequest
from app.jobs.queue import Publisher
from app.jobs.records.connection import connect
from app.jobs.records.errors import JobNotFoundError, LeaseLostError
from app.jobs.records.records import JobRecords
from app.jobs.storage import keys
from app.jobs.storage.opening import open_storage
from app.settings import Settings
from worker import engine
from worker.job.cuts import oom_kills, why
from worker.job.ending import Ending, NoRoomError
from worker.job.failures import CANVAS_GONE, START_GONE, TOO_SLOW, JobFailedError, too_large, worker_lost
from worker.job.fitting import DeviceBusyError, admit, fitting_size
from worker.job.lease import Lease, holder_name, is_alive
from worker.job.materials import Materials
from worker.job.networks import told_of
from worker.job.publishing import network_of, preview_of, publish
from worker.job.sitting import NotBegunError, Sitting
from worker.machine import process
from worker.machine.devices import Device, Trouble, trouble
from worker.machine.memory import room_for_a_job
from worker.machine.watchdog import Watchdog

# After handing a job back because a neighbour fills the device: time for another worker to take it, or for the
# neighbour to finish. Doubled with each attempt, as often as this.
BUSY_PAUSE_S = 30.0
MOST_DOUBLINGS = 3
log = logging.getLogger(__name__)


class Passed(NamedTuple):
    """What is painted at once: the artwork, what of it was painted, its only preview, and the recipe."""

    artwork: Picture
    canvas: Picture
    preview: bytes
    recipe: Recipe


class Painter:
    """Paints jobs in one worker process, one at a time."""

    def __init__(self, settings: Settings, redis_url: str, is_stopping: Callable[[], bool], device: Device) -> None:
        self.settings = settings
        self.device = device
        self.storage = open_storage(settings)
        self.records = JobRecords(connect(redis_url), self.storage, Publisher(redis_url), settings.retention_s)
        self.materials = Materials(settings, self.storage, device)
        self.ending = Ending(settings, self.records, self.materials, is_stopping)
        self.is_stopping = is_stopping
        self._has_probed = False

    def paint(self, job_id: str) -> None:
        """Paint a job to its end, or to where the worker is told to stop; step back if somebody else has it.

        Whatever happens stays in here: Celery would end the whole worker for a MemoryError and start the job again.
        """
        if not self._can_compute():
            # Not claimed, so the attempt does not count: another worker's device may do. Celery would also send the
            # hint again, but to this worker for as long as it stands.
            self.records.hints.send(job_id)
            return
        try:
            job = self.records.claim(job_id, self.settings.lease_s, holder_name(), is_alive, why, oom_kills())
        except (RedisError, JobNotFoundError, OSError, ValueError) as error:  # of its record, or of its manifest
            # The reaper sends the hint again, if there is such a job.
            log.warning("job %s cannot be taken: %r", job_id, error)
            return
        if job is None:
            return
        self.ending.begin()
        try:
            with Lease(self.records, job, self.settings.lease_s, self.settings.heartbeat_s) as lease:
                try:
                    self._paint_held(job, lease)
                except (NotBegunError, NoRoomError):
                    self.ending.break_off(job, lease)
        except LeaseLostError:
            log.warning("job %s: another worker has it now; dropped", job.id)
        except RedisError as error:  # nothing is wrong with the job: its lease lapses, its checkpoint stays
            log.warning("job %s: left to the next attempt, Redis is away: %s", job.id, error)
        except DeviceBusyError as error:
            log.warning("job %s: handed back: %s", job.id, error)
            self.ending.hand_back(job, Cut.BUSY)
            self.ending.rest(BUSY_PAUSE_S * 2 ** min(job.tries, MOST_DOUBLINGS))
        except Exception as error:
            kind = trouble(error)
            if kind in (Trouble.STICKY, Trouble.LOST):
                log.exception("job %s: handed back", job.id)
                self.ending.hand_back(job, Cut.DEVICE)
                self._leave(kind, str(error))
            elif self.ending.lacks_room(error):
                log.warning("job %s: handed back, there is no room: %s", job.id, error)
                self.ending.hand_back(job, None)
                self.ending.rest(BUSY_PAUSE_S)
            else:
                self.ending.fail(job, error)

    def _can_compute(self) -> bool:
        """Probe the device with a tiny kernel. If it fails, see to it that this process takes no more jobs.

        A probe that fails in a fresh process means that the device is lost, whatever the error says; one that fails
        later may only mean that this process's context is spoilt.
        """
        if process.is_device_lost():
            return False
        try:
            self.device.probe()
        except RuntimeError as error:
            kind = trouble(error)
            if kind is Trouble.OUT_OF_MEMORY:  # a neighbour's doing: the job is handed back once it is known
                return True
            self._leave(kind if self._has_probed and kind else Trouble.LOST, str(error))
            return False
        self._has_probed = True
        return True

    def _leave(self, kind: Trouble, reason: str) -> None:
        """Take no more jobs in this process; does not return where another process may fare better."""
        if kind is Trouble.LOST:
            process.stop_worker(reason)
        else:
            process.replace_child(reason)

    def _paint_held(self, job: Job, lease: Lease) -> None:
        is_given_up = job.tries >= self.settings.max_attempts
        rest_s = job.rests_until - self.records.now()
        if rest_s > 0 and not (is_given_up or lease.is_cancelled):
            log.info("job %s: rests for %.0f s: %s", job.id, rest_s, job.history[-1].cut)
            self.ending.put_back(job)
            return
        log.info("job %s: attempt %d, fence %d", job.id, job.attempt, job.fence)
        if is_given_up:
            raise worker_lost(job.history[-job.tries :])
        resume = self.materials.checkpoint(self.ending.line(job))
        if lease.is_cancelled and resume is None:
            self.ending.end(job, JobState.CANCELLED, {})
            return
        photo = self.materials.photo(job.request)
        alpha = self.materials.alpha(job.request)
        if job.recolor_of:
            self._publish_at_once(job, lease, self._recolored(job, job.recolor_of, photo, alpha))
            return
        sitting = Sitting(self.settings, self.storage, job, lease, self.is_stopping)
        network = self.materials.network(job.request)
        if network:
            with Watchdog(self.settings.stall_s, lambda: self._on_stall(job)) as watchdog:
                passed = self._passed(job, network, photo, alpha, sitting, watchdog)
            self._publish_at_once(job, lease, passed)
            return
        with Watchdog(self.settings.stall_s, lambda: self._on_stall(job)) as watchdog:
            pastiche, extractor = self._painted(job, photo, sitting, watchdog, resume)
        self._tell_speed(extractor.name, sitting)
        if pastiche.stopped and not lease.is_cancelled:
            if sitting.is_late:
                raise JobFailedError(TOO_SLOW)
            sitting.keep_checkpoint()
            lease.report({})  # Redis may know by now that it was cancelled
        if pastiche.stopped and not lease.is_cancelled:
            self.ending.put_back(job)
            return
        recipe = self._recipe(job.request, network_of(extractor, engine.PaintOptions(**job.request.painting())))
        artwork = with_alpha(pastiche.picture, alpha)
        size = self.ending.with_room(job, lease, lambda: publish(self.storage, job, artwork, pastiche.canvas, recipe))
        if pastiche.stopped:
            self.ending.end(job, JobState.CANCELLED, size | {"keeps": True})
        else:
            self.ending.end(job, JobState.FINISHED, size)

    def _passed(
        self,
        job: Job,
        network: engine.TransformNet,
        photo: Image.Image,
        alpha: Alpha | None,
        sitting: Sitting,
        watchdog: Watchdog,
    ) -> Passed:
        """What a network paints in one pass.

        Raises:
            JobFailedError: a mask is gone, or it does not fit.
            NotBegunError: the job was cancelled, or the worker told to stop; there is nothing to keep yet.
        """
        finish = self.materials.recoloring(job.request, photo)

        def watch(_share: float) -> None:
            watchdog.touch()
            sitting.before()

        sitting.before()
        room = room_for_a_job(self.settings, self.device)
        try:
            canvas = engine.transferred(photo, network, finish.options.size, room, watch)
        except engine.TooLargeError as error:
            raise too_large(None) from error
        artwork, painted = finish(canvas), finish.canvas(canvas)
        recipe = self._recipe(job.request, None).model_copy(update={"network": told_of(network)})
        return Passed(with_alpha(artwork, alpha), painted, preview_of(finish.preview(canvas).image()), recipe)

    def _publish_at_once(self, job: Job, lease: Lease, passed: Passed) -> None:
        """Finish a job that has had no previews: its artwork is its only one."""

        def store() -> dict[str, int]:
            self.storage.put(keys.preview_key(job.id, job.fence, job.preview + 1), passed.preview)
            return publish(self.storage, job, passed.artwork, passed.canvas, passed.recipe)

        shown = {"preview": job.preview + 1, "preview_fence": job.fence}
        self.ending.end(job, JobState.FINISHED, self.ending.with_room(job, lease, store) | shown)

    def _recolored(self, job: Job, painted: str, photo: Image.Image, alpha: Alpha | None) -> Passed:
        """The canvas of an earlier job, `painted`, in other colours or another size, without a single evaluation.

        Raises:
            JobFailedError: the canvas or a mask is gone.
        """
        try:
            canvas, recipe = self.materials.canvas(self.records.get(painted))
        except JobNotFoundError as error:
            raise JobFailedError(CANVAS_GONE) from error
        finish = self.materials.recoloring(job.request, photo)
        artwork = finish(canvas)
        if recipe is None:  # painted by an earlier release
            recipe = self._recipe(job.request, None)
        recipe = recipe.recolored(options_of(job.request), job.request.color_mask is not None)
        recipe = recipe.model_copy(update={"upscaler": self._upscaler(job.request)})
        preview = preview_of(finish.preview(canvas).image())
        return Passed(with_alpha(artwork, alpha), engine.Picture(canvas), preview, recipe)

    def _recipe(self, wish: PaintRequest, extractor: Network | None) -> Recipe:
        labels = self.materials.paintings.labels(style.id for style in wish.styles)
        return recipe_of(wish, labels, extractor, self._upscaler(wish))

    def _upscaler(self, wish: PaintRequest) -> str | None:
        """The hash of the network's weights that enlarges what is asked for, if one does."""
        upscaler = self.materials.upscaler(wish)
        return upscaler.weights_hash if upscaler else None

    def _start(self, wish: PaintRequest) -> Job | None:
        """The job whose artwork is painted over.

        Raises:
            JobFailedError: it is gone.
        """
        try:
            return self.records.get(wish.start_job) if wish.start_job else None
        except JobNotFoundError as error:
            raise JobFailedError(START_GONE) from error

    def _painted(
        self, job: Job, photo: Image.Image, sitting: Sitting, watchdog: Watchdog, resume: engine.Checkpoint | None
    ) -> tuple[engine.Pastiche, engine.Extractor]:
        """The pastiche, and the extractor it was painted with.

        Where memory runs out, everything is freed and the painting goes on from its newest iterate, once, at the same
        size: what was freed (an extractor of the job before, torch's fragmented reserve) often is what was missing.
        Never at a smaller size, which nobody asked for: a second time ends the job with the size that should fit.

        Raises:
            JobFailedError: it does not fit.
            DeviceBusyError: it would, if something else did not fill the device.
        """
        for _ in range(2):
            try:
                return self._painted_once(job, photo, sitting, watchdog, resume)
            except Exception as error:
                if trouble(error) is not Trouble.OUT_OF_MEMORY:
                    raise
                log.warning("job %s: memory ran out at %d pixels: %s", job.id, job.request.size, error)
            # Not before the `except` is left: the exception's traceback refers to the frames that hold the tensors
            # (https://github.com/pytorch/pytorch/issues/18853).
            resume = sitting.let_go() or resume
            self.materials.forget()
            self.device.release()
        memory = self.device.memory()
        wanted = job.request.extractor if job.request.extractor != "auto" else self.settings.extractor
        options = engine.PaintOptions(**job.request.painting())
        raise too_large(fitting_size(photo, options, wanted, memory.free) if memory else None)

    def _painted_once(
        self, job: Job, photo: Image.Image, sitting: Sitting, watchdog: Watchdog, resume: engine.Checkpoint | None
    ) -> tuple[engine.Pastiche, engine.Extractor]:

        def before() -> None:
            watchdog.touch()
            sitting.before()

        commission = self.materials.commission(job.request, photo, self._start(job.request), before)
        scene, extractor, options = commission
        admit(self.device, photo, extractor, options, job.tries + 1 >= self.settings.max_attempts)

        def after(iterate: engine.Iterate) -> bool:
            watchdog.touch()
            return sitting.after(iterate)

        room = room_for_a_job(self.settings, self.device)
        try:
            return engine.paint(scene, extractor, options, after, resume, room), extractor
        except engine.CheckpointMismatchError as error:
            log.warning("job %s: its checkpoint does not fit, starting anew: %s", job.id, error)
            return engine.paint(scene, extractor, options, after, room=room), extractor
        except engine.TooLargeError as error:
            raise too_large(fitting_size(photo, options, extractor.name, error.available_bytes)) from error

    def _on_stall(self, job: Job) -> None:
        """On the watchdog's thread, while the painter's hangs: give the job to others, and end with it."""
        log.error("job %s: nothing was evaluated for %.0f s; handed back", job.id, self.settings.stall_s)
        self.ending.hand_back(job, Cut.STUCK)
        process.replace_child("an evaluation hangs")

    def _tell_speed(self, extractor: str, sitting: Sitting) -> None:
        speed = sitting.seconds_per_unit()
        if speed is not None:
            try:
                self.records.workers.measured(extractor, speed)
            except RedisError as error:  # another job will tell
                log.warning("the speed of %s could not be told: %s", extractor, error)
