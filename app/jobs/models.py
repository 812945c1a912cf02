"""What a job is: its request, its states and the changes between them, its progress, its error."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from app.jobs.ids import ID, own_painting
from app.jobs.options import (
    ENLARGED_BY,
    LACKING,
    LEAST_OUTPUT,
    ColorMethod,
    Extractor,
    Frozen,
    PaintingOptions,
    Resample,
    Share,
    StyleLoss,
)


class JobState(StrEnum):
    """Where a job stands. Finished, failed and cancelled are its end; expired means that its pictures are gone too."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


# The only changes there are; the compare-and-set in redis_records.py asks this table.
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
# Paintings of a job; and places in it, where each is painted from a part of one.
MOST_PAINTINGS, MOST_PLACES = 5, 24
# That match cells or patches, of which a part has its own, with their own loss.
PART_PRESETS: dict[str, StyleLoss] = {"studio": "nearest", "instant": "nearest", "doodle": "nearest", "mrf": "mrf"}
ARTWORK_BYTES, CANVAS_BYTES = 7, 5  # of a pixel: as PNG and as TIFF, as TIFF alone
Id = Annotated[str, Field(pattern=f"^{ID.pattern}$")]


class StyleChoice(Frozen):
    """One painting, its share in the blend, and where it is painted: where its mask is white, or has its colour.

    Of a painting with parts, one of them alone may be chosen.
    """

    id: str = Field(pattern=r"^[a-z0-9_]{1,64}$", description="`own_` and 32 hexadecimal digits: an uploaded painting")
    weight: float = Field(default=1.0, gt=0, le=100, allow_inf_nan=False)
    mask: Id | None = Field(default=None, description="a mask of the photo; null: wherever no other style's mask is")
    color: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")] | None = Field(
        default=None, description="which colour of the mask means this style; null: white"
    )
    part: Annotated[str, Field(min_length=1, max_length=40)] | None = Field(
        default=None,
        description="a part of the painting, from whose cells alone is painted: its name; or its colour in `part_map`",
    )
    part_map: Id | None = Field(default=None, description="a map of an uploaded painting's parts")

    @field_validator("part_map")
    @classmethod
    def part_map_is_of_a_part(cls, part_map: str | None, info: ValidationInfo) -> str | None:
        if part_map is not None and not info.data.get("part"):
            raise ValueError("a map of parts needs the part that is meant in it")
        return part_map

    @field_validator("color")
    @classmethod
    def color_is_of_a_mask(cls, color: str | None, info: ValidationInfo) -> str | None:
        if color is not None and info.data.get("mask", "") is None:
            raise ValueError("a colour needs the mask that it is in")
        return color.lower() if color else color

    @property
    def where(self) -> tuple[str | None, str | None]:
        """What tells one region from another; styles of the same one are blended."""
        return self.mask, self.color


class Manner(PaintingOptions):
    """How to paint. What one release wrote, all later ones must read: every new field has a default."""

    styles: list[StyleChoice] = Field(min_length=1, max_length=MOST_PLACES)
    keep: Id | None = Field(default=None, description="a mask of the photo that is white where the photo stays")
    color_mask: Id | None = Field(
        default=None, description="a mask of the photo that is white where the photo's colours are kept; null: all over"
    )
    start_job: Id | None = Field(
        default=None, validate_default=True, description="the job whose artwork is painted over, with start=artwork"
    )
    extractor: Extractor = Field(default="auto", validate_default=True, description="network that looks at pictures")
    keep_transparency: bool = Field(
        default=False, description="PNG, WebP and TIFF are transparent where the photo is; JPEG never is"
    )

    @field_validator("styles")
    @classmethod
    def styles_differ(cls, styles: list[StyleChoice]) -> list[StyleChoice]:
        if len({(style.id, style.part, *style.where) for style in styles}) < len(styles):
            raise ValueError("each style may be chosen once for one place; give it more weight instead")
        if len({style.id for style in styles}) > MOST_PAINTINGS:
            raise ValueError(f"{MOST_PAINTINGS} paintings are the most")
        if len(styles) > MOST_PAINTINGS and not all(style.part for style in styles):
            raise ValueError(f"{MOST_PAINTINGS} styles are the most, unless each is a part of a painting")
        return styles

    @field_validator("styles")
    @classmethod
    def parts_are_matched(cls, styles: list[StyleChoice], info: ValidationInfo) -> list[StyleChoice]:
        own = PART_PRESETS.get(info.data.get("preset", ""))
        if any(style.part for style in styles) and (own is None or info.data.get("style_loss") not in (None, own)):
            raise ValueError(f"a part can be painted from by the presets {', '.join(PART_PRESETS)} and their own loss")
        return styles

    @field_validator("start_job")
    @classmethod
    def artwork_and_start_job_go_together(cls, job: str | None, info: ValidationInfo) -> str | None:
        if job is None and info.data.get("start") == "artwork":
            raise ValueError("start is artwork, so it must be said of which job")
        if job is not None and info.data.get("start", "artwork") != "artwork":
            raise ValueError("only start=artwork begins from a job's artwork")
        return job

    @field_validator("extractor")
    @classmethod
    def layers_are_the_extractors(cls, extractor: Extractor, info: ValidationInfo) -> Extractor:
        """`auto` may turn out to be `compact`."""
        name: Extractor = "compact" if extractor == "auto" else extractor
        for field in ("content_layers", "style_layers"):
            lacking = sorted(LACKING[name] & set(info.data.get(field) or ()))
            if lacking:
                raise ValueError(f"{name} has no {lacking[0]}, which {field} names; choose vgg19, or other layers")
        return extractor

    def masks(self) -> dict[str, str]:
        """Ids of all masks, each by the field that names it."""
        named = {"keep": self.keep, "color_mask": self.color_mask}
        named |= {f"styles.{index}.mask": style.mask for index, style in enumerate(self.styles)}
        return {field: mask for field, mask in named.items() if mask is not None}

    @property
    def touches_up(self) -> bool:
        """Whether the artwork differs from the canvas: in its colours, by parts of the photo, or in its size."""
        return bool(self.keep_colors or self.keep or self.output_size)

    def paintings(self) -> list[str]:
        """Ids of the people's own paintings that it names."""
        return list(dict.fromkeys(filter(None, (own_painting(style.id) for style in self.styles))))


class PaintRequest(Manner):
    """What a person asked for: a photo, and how to paint it."""

    photo: Id

    @property
    def most_bytes(self) -> int:
        """What its artwork takes, with its canvas where that is kept, were the photo as high as it is wide."""
        pixels = (self.output_size or self.size) ** 2
        return pixels * ARTWORK_BYTES + (self.size**2 * CANVAS_BYTES if self.touches_up else 0)


class Recoloring(Frozen):
    """Other colours for a finished artwork, whose strokes stay."""

    keep_colors: Share = Field(default=1.0, description="share of the photo's colours")
    color_method: ColorMethod = Field(default="luminance", description="how the photo's colours are kept")
    color_mask: Id | None = Field(
        default=None, description="a mask of the photo that is white where the photo's colours are kept; null: all over"
    )

    def of(self, wish: PaintRequest) -> PaintRequest:
        """What was asked for, in these colours."""
        return PaintRequest.model_validate(wish.model_dump() | self.model_dump() | {"color_when": "after"})


class Enlarging(Frozen):
    """A larger size for a finished artwork, whose strokes stay."""

    factor: Literal[2, 4, 8] = Field(default=2, description="how many times as wide and as high")
    resample: Resample = Field(
        default=ENLARGED_BY, description="with which filter; or network, which draws what filters leave soft"
    )

    def of(self, wish: PaintRequest, longest: int) -> PaintRequest:
        """What was asked for, in this size; the artwork is `longest` pixels long, and may be a stopped one of a few.

        Raises:
            ValidationError: that would be too large.
        """
        size = {"output_size": max(LEAST_OUTPUT, self.factor * longest), "resample": self.resample}
        return PaintRequest.model_validate(wish.model_dump() | size)


class SeriesRequest(Manner):
    """Several photos, all of them painted in the same way."""

    photos: list[Id] = Field(min_length=1, max_length=MOST_IN_SERIES, json_schema_extra={"uniqueItems": True})

    @field_validator("photos")
    @classmethod
    def photos_differ(cls, photos: list[str], info: ValidationInfo) -> list[str]:
        if len(set(photos)) < len(photos):
            raise ValueError("each photo may be named once")
        if len(photos) > 1 and (
            info.data.get("keep")
            or info.data.get("color_mask")
            or any(each.mask for each in info.data.get("styles", ()))
        ):
            raise ValueError("a mask belongs to one photo, so several are painted without any")
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


class Cut(StrEnum):
    """What cut an attempt off, as far as whoever noticed could tell."""

    KILLED = "killed"  # its process is no more
    MEMORY = "memory"  # its process was ended by the system, which had no memory left
    STUCK = "stuck"  # it stood still, so its process was replaced
    SILENT = "silent"  # nobody renewed its lease
    DEVICE = "device"  # what it was computed on failed
    BUSY = "busy"  # something else filled the device's memory


class Attempt(Frozen):
    """An attempt that was cut off before the job had ended. Times are unix seconds by Redis's clock.

    Attributes:
        reached: the share of all planned work that was done by then, in this attempt and before.
    """

    began_at: float
    ended_at: float
    reached: float
    cut: Cut


class JobError(Frozen):
    """Why a job failed: a stable code, and a sentence for the person who waits for it."""

    code: str
    message: str


FURTHER = 0.02  # of all planned work, or attempts that differ by chance alone would go on for ever
PAINTING_GONE = JobError(
    code="painting_gone", message="Your own painting was deleted before the photo was painted. Upload it again."
)


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
    history: tuple[Attempt, ...] = ()
    rests_until: float = 0.0  # by Redis's clock: nobody paints it before, so that others have their turn
    oom_kills: int | None = None  # that the holder's system had counted when the attempt began
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
    recolor_of: Id | None = None  # whose canvas gets other colours; nothing is painted then
    retried_by: Id | None = None
    share: Id | None = None

    @property
    def tries(self) -> int:
        """How many attempts were cut off since one got further than all before it, with that one. A job that does harm
        is known by many; one that gets further each time needs no more than time.
        """
        best, count = 0.0, 0
        for attempt in self.history:
            is_further = attempt.reached >= best + FURTHER
            best, count = (attempt.reached, 1) if is_further else (best, count + 1)
        return count

    @property
    def has_artwork(self) -> bool:
        """Whether there is an artwork to show: a finished one, or what a stopped job kept."""
        return self.state is JobState.FINISHED or (self.state is JobState.CANCELLED and self.keeps)

    @property
    def paintings(self) -> list[str]:
        """Ids of the people's own paintings that it needs; a canvas that gets other colours needs none any more."""
        return [] if self.recolor_of else self.request.paintings()
