"""The home page's form with several photos: which of them were kept, and which were left out and why."""

from __future__ import annotations

from dataclasses import dataclass, field

from anyio import to_thread
from starlette.datastructures import FormData, UploadFile

from app import refusals
from app.orders.series import most_photos
from app.refusals import RefusalError
from app.services import Services
from app.translation import _
from app.uploads import photos
from app.uploads.keep import keep_upload
from app.uploads.photos import StoredPhoto
from app.web.forms import uploaded_files

LONGEST_NAME = 60


@dataclass(frozen=True)
class LeftOut:
    """A file that was refused: what its owner calls it, and the sentence."""

    name: str
    sentence: str


@dataclass(frozen=True)
class Chosen:
    """The photos of a form, in their order, and what was left out."""

    photos: list[StoredPhoto] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def are_several(form: FormData) -> bool:
    """Whether the form holds more than the one photo that it mostly holds."""
    return bool(form.getlist("photos")) or len(uploaded_files(form)) > 1


async def chosen_photos(services: Services, form: FormData, client: str) -> Chosen:
    """Keeps the form's files, one after another, behind those photos that were kept before.

    Nothing is lost by one that is refused: the others stay, and whoever sent them decides whether to go on without it.
    """
    chosen = Chosen()
    most = most_photos(services.settings)
    for photo_id in dict.fromkeys(str(each) for each in form.getlist("photos")):
        photo = await to_thread.run_sync(photos.find, photo_id, services.storage)
        if photo is None:
            chosen.left_out.append(LeftOut(_("An earlier photo"), _(refusals.PHOTO_GONE.sentence)))
        elif len(chosen.photos) < most:
            chosen.photos.append(photo)
    for number, file in enumerate(uploaded_files(form), 1):
        try:
            if len(chosen.photos) >= most:
                raise RefusalError(refusals.SERIES_TOO_LONG, most=most)
            chosen.photos.append(await keep_upload(services, file, client))
        except RefusalError as refusal:
            chosen.left_out.append(LeftOut(name_of(file, number), refusal.sentence))
    return chosen


def name_of(file: UploadFile, number: int) -> str:
    """What a file is called to its owner; it is shown once and kept nowhere."""
    name = (file.filename or "").replace("\\", "/").split("/")[-1]
    return "".join(letter for letter in name if letter.isprintable())[:LONGEST_NAME] or _("Photo {number}").format(
        number=number
    )
