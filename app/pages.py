"""The pages for people: parse, call, answer. Everything here works without a script."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from anyio import to_thread
from fastapi import APIRouter, Depends, Form, Query
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError
from starlette.datastructures import FormData
from starlette.requests import Request

from app import errors, uploads, wall, words
from app.api import artwork_of, file_name, fraction
from app.errors import RefusalError
from app.estimate import planned_work
from app.gallery import OWN_TITLE, Gallery, picture
from app.jobs import keys
from app.jobs.blobs import BlobNotFoundError
from app.jobs.models import Job, JobState, PaintRequest
from app.limits import client_of
from app.security import keep_visit
from app.series.form import Chosen, are_several, chosen_photos
from app.series.start import find_series, most_photos, start_series
from app.studio import (
    Studio,
    delete_photo,
    find_job,
    find_shared,
    keep_photo,
    keep_upload,
    read_form,
    retry_job,
    share_job,
    start_job,
    studio_here,
    studio_of,
    unshare_job,
    uploaded_file,
)
from app.uploads import ACCEPT, StoredPhoto

router = APIRouter(include_in_schema=False)

StudioHere = Annotated[Studio, Depends(studio_here)]
FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
SAMPLE = Path(__file__).parents[1] / "static" / "pictures" / "sample.jpg"
STRENGTHS = [
    ("0.25", "Much gentler"),
    ("0.5", "Gentler"),
    ("1.0", "Balanced"),
    ("2.0", "Bolder"),
    ("4.0", "Much bolder"),
]
STRONGER, STRONGEST, GENTLEST = 2.0, 10.0, 0.1
BRUSHES = [
    ("0.5", "Fine"),
    ("0.7", "Rather fine"),
    ("1.0", "As in the painting"),
    ("1.4", "Rather broad"),
    ("2.0", "Broad"),
]
QUALITIES = [("draft", "Draft"), ("good", "Good"), ("best", "Best")]
MIXES = [("0.2", "A touch"), ("0.35", "Some"), ("0.5", "Half and half"), ("0.65", "More"), ("0.8", "Mostly")]
SIZES = [
    (256, "a sketch"),
    (512, "for a screen"),
    (768, "for a large screen"),
    (1024, "for a postcard"),
    (1536, "for a small frame"),
    (2048, "for a large frame"),
]
USUAL_PHOTO = (4, 3)


@dataclass(frozen=True)
class HomeForm:
    """What the form on the home page holds, as text; what is not sent has the value that the page starts with."""

    style: str = ""
    second: str = ""
    mix: str = "0.5"
    strength: str = "1.0"
    brush: str = "1.0"
    size: int | str = 512
    quality: str = "good"
    keep_colors: bool = False

    @classmethod
    def of(cls, form: FormData) -> HomeForm:
        """The fields of a sent form."""
        sent = {name: str(form[name])[:80] for name in cls.__dataclass_fields__ if isinstance(form.get(name), str)}
        size = sent.pop("size", "512")
        keep_colors = bool(sent.pop("keep_colors", ""))
        return cls(**sent, size=int(size) if size.isdecimal() else size, keep_colors=keep_colors)

    def wish(self, photo_id: str, gallery: Gallery) -> PaintRequest:
        """The request that the form asks for.

        Raises:
            RefusalError: no painting is chosen, or an unknown one, or an option is out of range.
        """
        if not self.style:
            raise RefusalError(errors.STYLE_MISSING)
        for style in filter(None, (self.style, self.second)):
            if style not in gallery.by_id:
                raise RefusalError(errors.STYLE_UNKNOWN, style=style)
        try:
            return PaintRequest.model_validate(
                {
                    "photo": photo_id,
                    "styles": self.choices(),
                    "size": self.size,
                    "strength": self.strength,
                    "brush": self.brush,
                    "quality": self.quality,
                    "keep_colors": self.keep_colors,
                }
            )
        except ValidationError as error:
            raise RefusalError(errors.OPTIONS_INVALID, what=errors.what_does_not_fit(error.errors())) from error

    def choices(self) -> list[dict[str, Any]]:
        if not self.second or self.second == self.style:
            return [{"id": self.style}]
        share = min(0.95, max(0.05, float(self.mix))) if self.mix in dict(MIXES) else 0.5
        return [{"id": self.style, "weight": 1 - share}, {"id": self.second, "weight": share}]


@dataclass(frozen=True)
class SizeChoice:
    """A size on offer: longest side in pixels, what it is good for, and the seconds it takes here, where measured."""

    pixels: int
    words: str
    seconds: float | None


@dataclass(frozen=True)
class Refused:
    """The sentences of a refused form, each beside its control."""

    photo: str = ""
    style: str = ""
    options: str = ""
    submit: str = ""


@dataclass(frozen=True)
class HomePage:
    """What the home page shows."""

    form: HomeForm = field(default_factory=HomeForm)
    photo: StoredPhoto | None = None
    several: Chosen = field(default_factory=Chosen)
    refused: Refused = field(default_factory=Refused)
    text: str = ""
    movement: str = ""
    status: int = 200


def home_page(request: Request, page: HomePage) -> Response:
    """The home page, also with what was wrong in a form that is sent back."""
    studio = studio_of(request)
    context = {
        "form": page.form,
        "photo": page.photo,
        "several": page.several,
        "most_photos": most_photos(studio.settings),
        "refused": page.refused,
        "q": page.text,
        "movement": page.movement,
        "styles": studio.gallery.chosen(page.text, page.movement),
        "all_styles": studio.gallery.cards,
        "movements": studio.gallery.movements,
        "sizes": sizes(studio, page.photo),
        "strengths": STRENGTHS,
        "brushes": BRUSHES,
        "qualities": QUALITIES,
        "mixes": MIXES,
        "accept": ACCEPT,
        "limit_mb": studio.settings.upload_limit_mb,
    }
    return template(request, "home.html", context, page.status)


def refused_page(
    request: Request, refusal: RefusalError, form: HomeForm, photo: StoredPhoto | None, several: Chosen = Chosen()
) -> Response:
    """The home page with the refusal's sentence beside the control that caused it, and the input kept."""
    place = refusal.kind.field or "submit"
    photo = None if place == "photo" else photo
    refused = Refused(**{place: refusal.sentence})
    page = HomePage(form=form, photo=photo, several=several, refused=refused, status=refusal.kind.status)
    response = home_page(request, page)
    response.headers.update(refusal.headers)
    return response


def sizes(studio: Studio, photo: StoredPhoto | None) -> list[SizeChoice]:
    """The sizes on offer, with the time that the chosen photo, or a usual one, takes on this machine."""
    speed = studio.records.seconds_per_unit()
    shape = (photo.width, photo.height) if photo else USUAL_PHOTO
    return [
        SizeChoice(pixels, name, speed * planned_work(shape, pixels, "good") if speed else None)
        for pixels, name in SIZES
    ]


def template(request: Request, name: str, context: dict[str, Any], status: int = 200) -> Response:
    """A page that browsers ask for anew each time, because jobs and options change."""
    templates = request.app.state.templates
    headers = {"Cache-Control": "private, no-cache"}
    response: Response = templates.TemplateResponse(request, name, context, status_code=status, headers=headers)
    keep_visit(request, response)
    return response


@router.get("/")
def home(
    request: Request,
    studio: StudioHere,
    photo: str = "",
    style: str = "",
    q: Annotated[str, Query(max_length=80)] = "",
    movement: Annotated[str, Query(max_length=80)] = "",
) -> Response:
    kept = uploads.find(photo, studio.storage) if photo else None
    refused = Refused(photo=errors.PHOTO_GONE.sentence) if photo and kept is None else Refused()
    page = HomePage(form=HomeForm(style=style), photo=kept, refused=refused, text=q, movement=movement)
    return home_page(request, page)


@router.post("/jobs")
async def paint(request: Request, studio: StudioHere) -> Response:
    """The form of the home page: keeps the photo, starts the job, leads to its easel; or several of each."""
    home_form, photo, several = HomeForm(), None, Chosen()
    try:
        form = await read_form(request)
        try:
            home_form = HomeForm.of(form)
            if are_several(form):
                several = await chosen_photos(studio, form)
            else:
                photo = await photo_of(studio, form)
        finally:
            await form.close()
        if several.left_out:
            return await to_thread.run_sync(left_out_page, request, home_form, several)
        if len(several.photos) > 1:
            return await to_thread.run_sync(to_easels, request, studio, home_form, several)
        only = photo or several.photos[0]
        wish = home_form.wish(only.id, studio.gallery)
        job = await to_thread.run_sync(start_job, studio, wish, client_of(request, studio.secret))
    except RefusalError as refusal:
        return await to_thread.run_sync(refused_page, request, refusal, home_form, photo, several)
    return to_easel(request, studio, job)


def left_out_page(request: Request, form: HomeForm, several: Chosen) -> Response:
    """The home page with those photos that were kept, and why the others were not. Nothing was started."""
    return home_page(request, HomePage(form=form, several=several, status=422))


def to_easels(request: Request, studio: Studio, form: HomeForm, several: Chosen) -> Response:
    """Starts a series and leads to its page.

    Raises:
        RefusalError: as in `start_series`.
    """
    wishes = [form.wish(photo.id, studio.gallery) for photo in several.photos]
    series, jobs = start_series(studio, wishes, client_of(request, studio.secret))
    response = RedirectResponse(f"/series/{series.id}", 303)
    wall.hang_series(request, response, series.id, [job.id for job in jobs], studio.secret)
    return response


async def photo_of(studio: Studio, form: FormData) -> StoredPhoto:
    """The form's photo: a file, or the id of one that was sent before.

    Raises:
        RefusalError: there is none, or it is refused.
    """
    file = uploaded_file(form)
    if file is not None:
        return await keep_upload(studio, file)
    photo_id = form.get("photo_id")
    if not isinstance(photo_id, str) or not photo_id:
        raise RefusalError(errors.PHOTO_MISSING)
    photo = await to_thread.run_sync(uploads.find, photo_id, studio.storage)
    if photo is None:
        raise RefusalError(errors.PHOTO_GONE)
    return photo


@router.post("/photos/sample")
async def take_sample(request: Request, studio: StudioHere) -> Response:
    """The sample photo for those who have none at hand, with the rest of the form kept."""
    try:
        form = await read_form(request)
        home_form = HomeForm.of(form)
        await form.close()
        with SAMPLE.open("rb") as file:
            photo = await keep_photo(studio, file)
    except RefusalError as refusal:
        return await to_thread.run_sync(refused_page, request, refusal, HomeForm(), None)
    return await to_thread.run_sync(home_page, request, HomePage(form=home_form, photo=photo))


@router.get("/jobs/{job_id}")
def job_page(request: Request, job_id: str, studio: StudioHere) -> Response:
    """The easel while the job waits or runs, the artwork afterwards."""
    job = find_job(studio, job_id)
    waiting = job.state in {JobState.QUEUED, JobState.RUNNING}
    photo = uploads.find(job.request.photo, studio.storage)
    after = studio.gallery.titles(choice.id for choice in job.request.styles)
    goes_at = None if waiting else studio.records.photo_goes_at(job.request.photo)
    context: dict[str, Any] = {
        "job": job,
        "waiting": waiting,
        "picture": job.has_artwork,
        "stopped": job.state is JobState.CANCELLED,
        "photo": photo,
        "after": after,
        "kept_until": words.moment(goes_at) if goes_at else "",
    }
    if waiting:
        position, eta = studio.records.position(job), studio.records.eta(job)
        doing = words.doing(job, position)
        context |= {
            "heading": f"Painting after {after}",
            "doing": doing,
            "eta": words.time_left(eta),
            "fraction": fraction(job),
        }
    elif job.has_artwork:
        context |= artwork_context(studio, job, "Stopped early" if context["stopped"] else "Your artwork")
    else:
        stopped = "You stopped it while the canvas was still white."
        context |= {"heading": "Not painted", "why": job.error.message if job.error else stopped}
    return template(request, "job.html", context)


def artwork_context(studio: Studio, job: Job, overline: str, own: str = OWN_TITLE) -> dict[str, Any]:
    """What a page shows of a job that has an artwork, under a line that says whose it is; `own` is what an own painting
    is called there.
    """
    styles = [studio.gallery.by_id[each.id] for each in job.request.styles if each.id in studio.gallery.by_id]
    after = studio.gallery.titles((choice.id for choice in job.request.styles), own)
    artists = " and ".join(card.artist for card in styles if card.artist)
    width, height = job.artwork_width or 0, job.artwork_height or 0
    return {
        "heading": f"After {after}",
        "overline": overline,
        "after": after,
        "after_by": f"{after} by {artists}" if artists else after,
        "styles": styles,
        "width": width,
        "height": height,
        "print_size": words.print_size(width, height),
        "file_name": file_name(job),
    }


@router.post("/jobs/{job_id}/cancel")
def stop(job_id: str, studio: StudioHere) -> Response:
    find_job(studio, job_id)
    studio.records.request_cancel(job_id)
    return RedirectResponse(f"/jobs/{job_id}", 303)


@router.post("/jobs/{job_id}/retry")
def retry(request: Request, job_id: str, studio: StudioHere) -> Response:
    """The same once more, as a new job."""
    return to_easel(request, studio, retry_job(studio, find_job(studio, job_id), client_of(request, studio.secret)))


@router.post("/jobs/{job_id}/again")
def again(
    request: Request, job_id: str, studio: StudioHere, how: Annotated[str, Form(max_length=20)] = "same"
) -> Response:
    """The same painting bolder or gentler, as a new job."""
    wish = find_job(studio, job_id).request
    factor = {"bolder": STRONGER, "gentler": 1 / STRONGER}.get(how, 1.0)
    strength = min(STRONGEST, max(GENTLEST, wish.strength * factor))
    wish = wish.model_copy(update={"strength": strength})
    return to_easel(request, studio, start_job(studio, wish, client_of(request, studio.secret)))


@router.post("/jobs/{job_id}/share")
def share(job_id: str, studio: StudioHere, how: Annotated[str, Form(max_length=20)] = "share") -> Response:
    """Give the artwork an address for others, or take it back."""
    (unshare_job if how == "stop" else share_job)(studio, find_job(studio, job_id))
    return RedirectResponse(f"/jobs/{job_id}#share-title", 303)


@router.post("/jobs/{job_id}/delete")
def delete(job_id: str, studio: StudioHere) -> Response:
    """Delete the photo and everything that was made from it."""
    delete_photo(studio, find_job(studio, job_id).request.photo)
    return RedirectResponse("/artworks", 303)


@router.get("/s/{share_id}")
def shared_page(request: Request, share_id: str, studio: StudioHere) -> Response:
    """A shared artwork, for whoever was given its address: without the photo, and without any control."""
    job = find_shared(studio, share_id)
    context = artwork_context(studio, job, "A shared artwork", own="a painting of their own")
    return template(request, "shared.html", context | {"share_id": share_id})


@router.get("/s/{share_id}/artwork.{extension}")
def shared_artwork(share_id: str, extension: Literal["png", "jpg", "webp"], studio: StudioHere) -> Response:
    response = artwork_of(studio, find_shared(studio, share_id), extension)
    # It may be taken back.
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def to_easel(request: Request, studio: Studio, job: Job) -> Response:
    """Leads to the job's page and hangs the job on this browser's wall."""
    response = RedirectResponse(f"/jobs/{job.id}", 303)
    wall.hang(request, response, job.id, studio.secret)
    return response


@router.get("/artworks")
def artworks(request: Request, studio: StudioHere) -> Response:
    pieces = []
    for job_id in wall.hung(request, studio.secret):
        try:
            pieces.append(piece(studio, find_job(studio, job_id)))
        except RefusalError:
            continue  # It was deleted since.
    return template(request, "wall.html", {"pieces": pieces, "series": series_here(request, studio)})


def series_here(request: Request, studio: Studio) -> list[dict[str, Any]]:
    """The series that this browser has started, newest first."""
    found = []
    for series_id in wall.hung(request, studio.secret, wall.SERIES_COOKIE):
        try:
            series, jobs = find_series(studio, series_id)
        except RefusalError:
            continue  # It was deleted since.
        when = datetime.fromtimestamp(series.created_at, UTC)
        after = studio.gallery.titles(choice.id for choice in jobs[0].request.styles)
        found.append({"id": series.id, "number": len(jobs), "after": after, "when": f"{when.day} {when:%B %Y}"})
    return found


def piece(studio: Studio, job: Job) -> dict[str, Any]:
    """One job as it hangs on the wall: with its newest preview, or the photo while there is none."""
    photo = uploads.find(job.request.photo, studio.storage)
    when = datetime.fromtimestamp(job.created_at, UTC)
    done = job.has_artwork
    return {
        "id": job.id,
        "after": studio.gallery.titles(choice.id for choice in job.request.styles),
        "picture": f"/api/v1/jobs/{job.id}/preview?v={job.preview}"
        if job.preview
        else f"/photos/{job.request.photo}/thumb.webp",
        "width": photo.width if photo else 4,
        "height": photo.height if photo else 3,
        "done": done,
        "words": f"{when.day} {when:%B %Y}" if done else words.doing(job, studio.records.position(job)).capitalize(),
    }


@router.get("/photos/{photo_id}/thumb.webp")
def photo_thumb(photo_id: str, studio: StudioHere) -> Response:
    try:
        return Response(studio.storage.get(keys.photo_thumb_key(photo_id)), media_type="image/webp", headers=FOREVER)
    except (BlobNotFoundError, ValueError) as error:
        raise RefusalError(errors.PHOTO_NOT_FOUND) from error


@router.get("/styles/{style_id}/{name}.webp")
def style_picture(style_id: str, name: str, studio: StudioHere) -> Response:
    card = studio.gallery.by_id.get(style_id)
    data = picture(card.style, name) if card and name in {"swatch", "example"} else None
    if data is None:
        raise RefusalError(errors.STYLE_NOT_FOUND)
    return Response(data, media_type="image/webp", headers={"Cache-Control": "public, max-age=31536000, immutable"})
