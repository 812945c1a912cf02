"""Why a job can fail, in sentences for the person who waits for it. The engine's errors are translated here, only."""

from __future__ import annotations

import errno
from collections.abc import Sequence

from celery.exceptions import SoftTimeLimitExceeded

from app.jobs.models import PAINTING_GONE as PAINTING_GONE
from app.jobs.models import Attempt, Cut, JobError
from worker import engine
from worker.machine.devices import Trouble, trouble

PHOTO_GONE = JobError(code="photo_gone", message="The photo is not here any more. Upload it again.")
PHOTO_DAMAGED = JobError(code="photo_damaged", message="The stored photo cannot be read any more. Upload it again.")
MASK_GONE = JobError(code="mask_gone", message="A mask of the photo is not here any more. Make it again.")
MASK_EMPTY = JobError(
    code="mask_empty",
    message="A mask leaves nothing to paint at this size. Choose a larger size, or cover more with the mask.",
)
START_GONE = JobError(
    code="start_gone",
    message="The artwork to start from is not here any more. Start from another one, or from the photo.",
)
CANVAS_GONE = JobError(
    code="canvas_gone", message="The artwork whose strokes were to be kept is not here any more. Paint it again."
)
TOO_LARGE = JobError(
    code="too_large", message="The painting needs more memory than this server has. Choose a smaller size."
)
DEVICE_BUSY = JobError(
    code="device_busy",
    message="Something else on this server needs its memory, and still did after several tries. Try again later.",
)
TOO_SLOW = JobError(code="too_slow", message="The painting took longer than this server allows. Choose a smaller size.")
DIVERGED = JobError(
    code="diverged", message="The painting fell apart on the way. Try it gentler, or with another painting."
)
DISK_FULL = JobError(
    code="disk_full", message="This server has no room left for the artwork. The photo is kept: try again later."
)
UNEXPECTED = JobError(
    code="internal",
    message="Something went wrong on our side while painting. The photo is kept: try again in a moment.",
)


WHAT_HAPPENED = {
    Cut.KILLED: "its process was ended",
    Cut.MEMORY: "this server ran out of memory",
    Cut.STUCK: "it came to a standstill",
    Cut.SILENT: "the machine that painted it fell silent",
    Cut.DEVICE: "what it is computed on failed",
    Cut.BUSY: "something else took the memory",
}


class JobFailedError(Exception):
    """The job cannot be painted, with the sentence that its owner reads."""

    def __init__(self, error: JobError) -> None:
        super().__init__(error.message)
        self.error = error


def worker_lost(attempts: Sequence[Attempt]) -> JobFailedError:
    """A job whose newest attempts, at least one, were cut off without getting further; it is given up."""
    times = {1: "once", 2: "twice"}.get(len(attempts), f"{len(attempts)} times")
    happened = " and ".join(dict.fromkeys(WHAT_HAPPENED[each.cut] for each in attempts))
    message = (
        f"The painting was interrupted {times} without getting further ({happened}), so we stopped trying. "
        "Try once more, or choose a smaller size."
    )
    return JobFailedError(JobError(code="worker_lost", message=message))


def style_gone(style_id: str) -> JobFailedError:
    """A painting that was taken down between the choice and the job."""
    message = f"The painting “{style_id}” does not hang here any more. Choose another one."
    return JobFailedError(JobError(code="style_gone", message=message))


def part_gone(part: str, title: str) -> JobFailedError:
    """A part that a painting has not, or whose map is gone."""
    message = f"“{title}” has no part “{part}”. Choose another part, or send its map again."
    return JobFailedError(JobError(code="part_gone", message=message))


def style_damaged(title: str) -> JobFailedError:
    """A painting or fingerprint that cannot be read, or was made with other weights."""
    message = f"“{title}” cannot be read on this server. Choose another painting."
    return JobFailedError(JobError(code="style_damaged", message=message))


def options_unfit(what: str) -> JobFailedError:
    """Options that the extractor which was found here cannot do; `what` begins with the option's name."""
    message = f"Something that was asked for cannot be done here: {what}. Choose otherwise, or another extractor."
    return JobFailedError(JobError(code="options_unfit", message=message))


def too_large(fitting: int | None) -> JobFailedError:
    """More memory than there is; `fitting` is the largest size in pixels that should fit, if any does."""
    if fitting is None:
        return JobFailedError(TOO_LARGE)
    message = f"The painting needs more memory than this server has. At {fitting} pixels it should fit."
    return JobFailedError(JobError(code=TOO_LARGE.code, message=message))


def explained(error: Exception) -> JobError:
    """What an error means for the person who waits."""
    match error:
        case JobFailedError():
            return error.error
        case engine.TooLargeError():
            return TOO_LARGE
        case engine.ExtractorUnavailableError() if trouble(error) is None:
            return JobError(code="extractor_unavailable", message=str(error))
        case engine.UpscalerUnavailableError() if trouble(error) is None:
            return JobError(code="upscaler_unavailable", message=str(error))
        case engine.NotFiniteError():
            return DIVERGED
        case engine.EmptyMaskError():
            return MASK_EMPTY
        case SoftTimeLimitExceeded():
            return TOO_SLOW
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            return DISK_FULL
        case _:
            return TOO_LARGE if trouble(error) is Trouble.OUT_OF_MEMORY else UNEXPECTED
