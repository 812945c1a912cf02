"""A job as a Redis hash, and back. Strings are written as they are, all else as JSON: states stay readable for the
scripts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from app.jobs.models import Job, JobError, PaintRequest, Progress

TEXTS = {"id", "state", "holder", "client", "retry_of", "retried_by", "recolor_of", "share"}
NOTHING = "null"  # how None is written


def flat(fields: Mapping[str, Any]) -> list[str]:
    """Fields as scripts take them: name, value, name, value, …"""
    return [each for name, value in fields.items() for each in (name, _encoded(value))]


def pairs(answer: Sequence[Any]) -> dict[Any, Any]:
    """A hash as scripts return it: name, value, name, value, …"""
    return dict(zip(answer[::2], answer[1::2], strict=True))


def job_of(fields: Mapping[Any, Any]) -> Job:
    """A job from its hash; fields that are Redis's own business are left out.

    Raises:
        ValueError: it is not as any release wrote it.
    """
    known = {}
    for name, value in ((text(name), text(value)) for name, value in fields.items()):
        if name in Job.model_fields:
            known[name] = value if name in TEXTS and value != NOTHING else json.loads(value)
    return Job.model_validate(known)


def text(value: Any) -> str:
    """What Redis answers, or is asked by, as text."""
    return value.decode() if isinstance(value, bytes) else str(value)


def _encoded(value: Any) -> str:
    if isinstance(value, Progress | JobError | PaintRequest):
        return value.model_dump_json()
    return value if isinstance(value, str) else json.dumps(value)
