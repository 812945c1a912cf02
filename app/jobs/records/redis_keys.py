"""Redis keys. All of ours begin with the same prefix, so that the database may be shared."""

from __future__ import annotations

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


def record_prefix() -> str:
    """What all keys of records begin with."""
    return f"{PREFIX}job:"


def record(job_id: str) -> str:
    """Hash with a job's record."""
    return f"{record_prefix()}{checked(job_id)}"


def client_jobs(client: str) -> str:
    """Set with the ids of a client's jobs, among them all that are under way."""
    return f"{PREFIX}client:{client}"


def photo_jobs(photo_id: str) -> str:
    """Set with the ids of all jobs that use a photo."""
    return f"{PREFIX}photo:{checked(photo_id)}"


def photo_gone(photo_id: str) -> str:
    """There while and after a photo is deleted: no new job may use it."""
    return f"{PREFIX}gone:{checked(photo_id)}"


def painting_jobs(painting_id: str) -> str:
    """Set with the ids of all jobs that paint after a person's own painting."""
    return f"{PREFIX}painting:{checked(painting_id)}"


def painting_gone(painting_id: str) -> str:
    """There while and after a painting is deleted: no new job may use it."""
    return f"{PREFIX}painting-gone:{checked(painting_id)}"


def series_lock(series_id: str) -> str:
    """Held while a series is accepted."""
    return f"{PREFIX}series:{checked(series_id)}"


def tries_wanted(photo_id: str) -> str:
    """List with the names of a photo's tries that are wanted and that nobody has taken."""
    return f"{PREFIX}tries:{checked(photo_id)}"


def tries_under_way(photo_id: str) -> str:
    """List with the names of a photo's tries that are being painted."""
    return f"{PREFIX}trying:{checked(photo_id)}"
