"""What a job is: its request, its states and the changes between them, its progress, its error."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


class JobState(StrEnum):
    """Where a job stands. Finished, failed and cancelled are its end; expired means that its pictures are gone too."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


# The only changes there are; the compare-and-set in records.py asks this table.
TRANSITIONS: dict[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.CANCELLED, JobState.FAILED, JobState.EXPIRED}),
    JobState.RUNNING: frozenset(
        {JobState.QUEUED, JobState.FINISHED, JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED}
    ),
    JobState.FINISHED: frozenset({JobState.EXPIRED}),
    JobState.FAILED: frozenset({JobState.EXPIRED}),
    JobState.CANCELLED: frozenset({JobState.EXPIRED}),
    JobState.EXPIRED: frozenset(),
}
# Nothing is painted any more.
TERMINAL = frozenset({JobState.FINISHED, JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED})

MOST_IN_SERIES = 50
Id = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StyleChoice(Frozen):
    """One painting and its share in the blend."""

    id: str = Field(pattern=r"^[a-z0-9_]{1,64}$")
    weight: float = Field(default=1.0, gt=0, le=100, allow_inf_nan=False)


class Manner(Frozen):
    """How to paint, whatever the photo. The ranges are the engine's."""

    styles: list[StyleChoice] = Field(min_length=1, max_length=5)
    size: int = Field(default=512, ge=256, le=2048, description="longest side of the artwork in pixels")
    strength: float = Field(default=1.0, ge=0.1, le=10, description="more is nearer to the painting")
    brush: float = Field(default=1.0, ge=0.25, le=4, description="size of the strokes; 2 doubles it")
    smoothing: float = Field(default=1.0, ge=0, le=10, description="less grain")
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="another seed is another hand")
    keep_colors: bool = Field(default=False, description="the photo's colours instead of the painting's")
    quality: Literal["draft", "good", "best"] = "good"
    extractor: Literal["auto", "compact", "vgg19"] = "auto"

    @field_validator("styles")
    @classmethod
    def styles_differ(cls, styles: list[StyleChoice]) -> list[StyleChoice]:
        if len({style.id for style in styles}) < len(styles):
            raise ValueError("each style may be chosen once; give it more weight instead")
        return styles


class PaintRequest(Manner):
    """What a person asked for: a photo, and how to paint it."""

    photo: Id


class SeriesRequest(Manner):
    """Several photos, all of them painted in the same way."""

    photos: list[Id] = Field(min_length=1, max_length=MOST_IN_SERIES, json_schema_extra={"uniqueItems": True})

    @field_validator("photos")
    @classmethod
    def photos_differ(cls, photos: list[str]) -> list[str]:
        if len(set(photos)) < len(photos):
            raise ValueError("each photo may be named once")
        return photos

    def wishes(self) -> list[PaintRequest]:
        """One request a photo, in their order."""
        manner = self.model_dump(exclude={"photos"})
        return [PaintRequest.model_validate(manner | {"photo": photo}) for photo in self.photos]


class Series(Frozen):
    """The manifest of several jobs that were started together; it never changes. `created_at` is in unix seconds."""

    id: Id
    created_at: float
    photos: list[Id]
    jobs: list[Id]


class Progress(Frozen):
    """Where the engine stands: stage (0-based) of stages, iteration of iterations, share of all planned work."""

    stage: int
    stages: int
    scale: int
    iteration: int
    iterations: int
    fraction: float


class JobError(Frozen):
    """Why a job failed: a stable code, and a sentence for the person who waits for it."""

    code: str
    message: str


class Job(Frozen):
    """A job's record. Times are unix seconds; `planned_work` is in megapixel-evaluations."""

    id: Id
    state: JobState
    request: PaintRequest
    planned_work: float
    created_at: float
    started_at: float | None = None
    finished_at: float | None = None
    attempt: int = 0
    fence: int = 0
    version: int = 1
    sequence: int = 0
    holder: str = ""
    progress: Progress | None = None
    preview: int = 0
    preview_fence: int = 0
    seconds_per_unit: float | None = None
    error: JobError | None = None
    cancel_requested: bool = False
    keeps: bool = False
    artwork_width: int | None = None
    artwork_height: int | None = None
    client: str = ""  # who asked, as a keyed hash of an address; counts the jobs that one client has under way
    retry_of: Id | None = None
    retried_by: Id | None = None
    share: Id | None = None

    @property
    def has_artwork(self) -> bool:
        """Whether there is an artwork to show: a finished one, or what a stopped job kept."""
        return self.state is JobState.FINISHED or (self.state is JobState.CANCELLED and self.keeps)
