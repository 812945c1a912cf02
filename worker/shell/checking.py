"""`atelier check`: what is kept belongs together, or is told; with `--mend` it is put right."""

from __future__ import annotations

import argparse
from urllib.parse import quote

import redis

from app.jobs.housekeeping import orphans, retention, rounds
from app.jobs.housekeeping.rounds import Round
from app.jobs.queue import Publisher
from app.jobs.records.connection import connect
from app.jobs.records.records import JobRecords
from app.jobs.storage import keys
from app.jobs.storage.opening import open_storage
from app.logs import shortened
from app.settings import Settings, load_settings
from worker.shell.files import UsageError


def check(args: argparse.Namespace, _settings: Settings) -> None:
    """Print a line for everything that is not as it should be in the service's own data folder.

    Raises:
        UsageError: Redis can't be reached, or something is left to be mended.
    """
    settings = load_settings()
    url = settings.redis_url or embedded_url(settings)
    records = JobRecords(connect(url), open_storage(settings), Publisher(url), settings.retention_s)
    try:
        found, steps = _looked(records, is_mended=args.mend)
        report = rounds.told(records.redis, records.now())
    except redis.RedisError as error:
        raise UsageError(f"Redis does not answer ({error}): start Atelier, then check again.") from error
    for failed in steps.failed:
        print(f"could not {failed}")
    for failing in report.failing:
        print(f"the last round of housekeeping could not {failing}")
    quarantined = len(records.storage.list(keys.QUARANTINE))
    print(f"{found} found{', and mended' if found and args.mend else ''}; {quarantined} in quarantine.")
    if steps.failed or (found and not args.mend):
        raise UsageError("Not all is well: `atelier check --mend` puts right what can be.")


def _looked(records: JobRecords, is_mended: bool) -> tuple[int, Round]:
    """How much was found, each told in a line, and what could not be looked at or mended."""
    steps, count = Round(), 0
    for orphan in list(orphans.find(records, steps)):
        print(f"{orphan.what}: {shortened(orphan.key)}")
        count += 1
        if is_mended:
            with steps.step(f"mend {shortened(orphan.key)}"):
                orphan.mend()
    for folder in keys.TIDIED:
        with steps.step(f"tidy {folder}"):
            for name in records.storage.tidy(folder, retention.LATE_S, is_trial=not is_mended):
                print(f"cut off: {shortened(name)}")
                count += 1
    return count, steps


def embedded_url(settings: Settings) -> str:
    """The URL of the Redis that `make run` starts.

    Raises:
        UsageError: it does not run, or not here.
    """
    socket = settings.data.resolve() / "redis" / "redis.sock"
    if not socket.exists():
        raise UsageError(
            f"No Redis listens on {socket}: start Atelier, or set ATELIER_DATA or ATELIER_REDIS_URL as it has them."
        )
    return f"unix://{quote(str(socket))}?db=0"
