"""What people read when a job failed."""

from __future__ import annotations

import errno

import pytest
import torch
from celery.exceptions import SoftTimeLimitExceeded

from app.jobs.models import Attempt, Cut
from worker import engine
from worker.job import failures
from worker.job.failures import explained


def cpu_allocation_error() -> RuntimeError:
    """What torch really raises when the processor's memory does not suffice."""
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**55, dtype=torch.uint8)
    return caught.value


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (engine.NotFiniteError("inf"), "diverged"),
        (engine.TooLargeError(2, 1), "too_large"),
        (engine.ExtractorUnavailableError("Fetch it."), "extractor_unavailable"),
        (engine.UpscalerUnavailableError("Restore it."), "upscaler_unavailable"),
        (MemoryError(), "too_large"),
        (torch.OutOfMemoryError("CUDA out of memory."), "too_large"),
        (cpu_allocation_error(), "too_large"),
        (SoftTimeLimitExceeded(3660), "too_slow"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk_full"),
        (OSError(errno.EIO, "Input/output error"), "internal"),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), "internal"),
        (failures.style_gone("dusk"), "style_gone"),
        (failures.style_damaged("Dusk"), "style_damaged"),
        (failures.options_unfit("content_layers: there is no relu5_4"), "options_unfit"),
        (engine.EmptyMaskError(0.5, (128, 96)), "mask_empty"),
    ],
)
def test_an_error_is_told_with_its_code_in_a_sentence_without_its_insides(error: Exception, code: str) -> None:
    told = explained(error)
    assert told.code == code
    assert told.message[-1] == "."
    assert told.message[0].isupper() or told.message[0] == "“"
    assert not isinstance(error, RuntimeError | OSError) or str(error) not in told.message


@pytest.mark.parametrize(
    ("cuts", "told"),
    [
        ([Cut.MEMORY] * 3, "3 times without getting further (this server ran out of memory)"),
        ([Cut.KILLED], "once without getting further (its process was ended)"),
        ([Cut.STUCK, Cut.MEMORY], "twice without getting further (it came to a standstill and this server ran"),
    ],
)
def test_who_is_given_up_is_told_what_happened(cuts: list[Cut], told: str) -> None:
    error = failures.worker_lost([Attempt(began_at=0, ended_at=1, reached=0, cut=cut) for cut in cuts]).error
    assert error.code == "worker_lost"
    assert told in error.message


@pytest.mark.parametrize("cut", Cut)
def test_everything_that_cuts_an_attempt_off_has_its_words(cut: Cut) -> None:
    assert failures.WHAT_HAPPENED[cut][0].islower()
