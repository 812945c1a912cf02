"""Redis keys. All of ours begin with the same prefix, so that the database may be shared."""

from __future__ import annotations

from collections.abc import Callable

from app.jobs.ids import checked

PREFIX = "atelier:"
QUEUED = f"{PREFIX}queued"  # sorted set of job ids by sequence
RUNNING = f"{PREFIX}running"  # sorted set of job ids by the end of their lease
SEQUENCE = f"{PREFIX}sequence"  # counter that orders the queue
SPEED = f"{PREFIX}speed"  # hash: extractor -> seconds per unit of work
WORKERS = f"{PREFIX}workers"  # sorted set of worker names by when they were last seen
ENDING = f"{PREFIX}ending"  # set of ids of jobs that have ended, until their manifests say so too
REAPER = f"{PREFIX}reaper"  # held by the one process that looks for lost jobs
PHOTOS = f"{PREFIX}photos"  # sorted set of photo ids by when they go, unless a job uses them then
PAINTINGS = f"{PREFIX}paintings"  # sorted set of own paintings' ids by when they go, unless a job needs them then
EXPIRED = f"{PREFIX}expired"  # sorted set of ids of expired jobs by when they expired
MEMORY = f"{PREFIX}memory"  # hash: worker name -> bytes that it has for a job
KEPT = f"{PREFIX}kept"  # hash: folder of a photo, painting or job -> bytes that it takes, and whose it is
USED = f"{PREFIX}used"  # hash: client -> bytes that are kept of it; and of all
RATES = f"{PREFIX}rates"  # prefix of the counters of requests
HOUSEKEEPING = f"{PREFIX}housekeeping"  # hash: how rounds of housekeeping went, see rounds.py
MOVED = f"{PREFIX}moved"  # when work last went on, see Workers.is_moving
REBUILT = f"{PREFIX}rebuilt"  # there once all manifests were read into this Redis
NOTHING = f"{PREFIX}nothing"  # never there: to write it only if it is there tells whether Redis takes writes
TRIED = f"{PREFIX}tried"  # hash: how many tries were asked for, refused, painted, failed


RECORDS = f"{PREFIX}job:"  # what the keys of all records begin with


def record(job_id: str) -> str:
    """Hash with a job's record."""
    return f"{RECORDS}{checked(job_id)}"


def of_one(kind: str) -> Callable[[str], str]:
    """The keys of what there is one of for each thing, by the thing's id."""
    return lambda identifier: f"{PREFIX}{kind}:{checked(identifier)}"


def client_jobs(client: str) -> str:
    """Set with the ids of a client's jobs, among them all that are under way."""
    return f"{PREFIX}client:{client}"


photo_jobs = of_one("photo")  # set with the ids of all jobs that use a photo
photo_gone = of_one("gone")  # there while and after a photo is deleted: no new job may use it
painting_jobs = of_one("painting")  # set with the ids of all jobs that paint after a person's own painting
painting_gone = of_one("painting-gone")  # there while and after a painting is deleted: no new job may use it
series_lock = of_one("series")  # held while a series is accepted
tries_wanted = of_one("tries")  # list with the names of a photo's tries that are wanted and that nobody has taken
tries_under_way = of_one("trying")  # list with the names of a photo's tries that are being painted
