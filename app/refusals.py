"""Every refusal a person can meet: its code, its status, its sentence and what to do.

HTML pages and problem+json both come from here (app/web/answering.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from app.translation import N_, _

Thing = Literal["photo", "mask", "painting"]  # what a file was to be
Texts = tuple[str, str, str]  # code, title, sentence


@dataclass(frozen=True)
class Kind:
    """One way to be refused; its texts are English, and looked up when they are shown.

    `field` names the form control that the sentence belongs beside; `advice` is for who is refused again and again.
    """

    code: str
    status: int
    title: str
    sentence: str
    field: str = ""
    advice: str = ""


class RefusalError(Exception):
    """A request that is answered with a sentence instead of a result."""

    def __init__(self, kind: Kind, *, headers: dict[str, str] | None = None, **values: object) -> None:
        self.kind = kind
        self.values = values
        self.headers = headers or {}
        super().__init__(kind.sentence.format(**values))

    @property
    def sentence(self) -> str:
        """What whoever is refused reads, in their language."""
        return _(self.kind.sentence).format(**self.values)

    def beside(self, control: str) -> RefusalError:
        """The same refusal as that of another control."""
        return RefusalError(replace(self.kind, field=control), headers=self.headers, **self.values)


def of_each(status: int, *, photo: Texts, mask: Texts, painting: Texts) -> Mapping[Thing, Kind]:
    """One way in which each thing can be refused, beside the control that sends it."""
    each: dict[Thing, Texts] = {"photo": photo, "mask": mask, "painting": painting}
    return {thing: Kind(code, status, title, sentence, thing) for thing, (code, title, sentence) in each.items()}


EMPTY = of_each(
    422,
    photo=(
        "photo-empty",
        N_("An empty file"),
        N_("This file is empty. Choose the photo again, or another one."),
    ),
    mask=(
        "mask-file-empty",  # a mask without anything white is called empty
        N_("An empty file"),
        N_("This file is empty. Choose the mask again, or another one."),
    ),
    painting=(
        "painting-file-empty",
        N_("An empty file"),
        N_("This file is empty. Choose the painting again, or another one."),
    ),
)
TOO_MANY_BYTES = of_each(
    413,
    photo=(
        "photo-too-many-bytes",
        N_("Photo too large"),
        N_("This photo is larger than {limit_mb} MB. Save it smaller, or as a JPEG, and choose it again."),
    ),
    mask=(
        "mask-too-many-bytes",
        N_("Mask too large"),
        N_("This mask is larger than {limit_mb} MB. Save it smaller, or as a JPEG, and choose it again."),
    ),
    painting=(
        "painting-too-many-bytes",
        N_("Painting too large"),
        N_("This painting is larger than {limit_mb} MB. Save it smaller, or as a JPEG, and choose it again."),
    ),
)
TOO_MANY_PIXELS = of_each(
    422,
    photo=(
        "photo-too-many-pixels",
        N_("Too many pixels"),
        N_(
            "This photo has {megapixels:.0f} megapixels, and {limit_mp} are the most. Save it smaller and choose it "
            "again."
        ),
    ),
    mask=(
        "mask-too-many-pixels",
        N_("Too many pixels"),
        N_(
            "This mask has {megapixels:.0f} megapixels, and {limit_mp} are the most. Save it smaller and choose it "
            "again."
        ),
    ),
    painting=(
        "painting-too-many-pixels",
        N_("Too many pixels"),
        N_(
            "This painting has {megapixels:.0f} megapixels, and {limit_mp} are the most. Save it smaller and choose "
            "it again."
        ),
    ),
)
TOO_SMALL = of_each(
    422,
    photo=(
        "photo-too-small",
        N_("Photo too small"),
        N_("This photo is only {width} × {height} pixels. Choose one with at least {minimum} on each side."),
    ),
    mask=(
        "mask-too-small",
        N_("Mask too small"),
        N_("This mask is only {width} × {height} pixels. Choose one with at least {minimum} on each side."),
    ),
    painting=(
        "painting-too-small",
        N_("Painting too small"),
        N_("This painting is only {width} × {height} pixels. Choose one with at least {minimum} on each side."),
    ),
)
TOO_NARROW = of_each(
    422,
    photo=(
        "photo-too-narrow",
        N_("Photo too narrow"),
        N_(
            "This photo is {width} × {height} pixels, too long and thin to paint. Crop it until one side is at most "
            "{ratio} times the other."
        ),
    ),
    mask=(
        "mask-too-narrow",
        N_("Mask too narrow"),
        N_(
            "This mask is {width} × {height} pixels, too long and thin to paint. Crop it until one side is at most "
            "{ratio} times the other."
        ),
    ),
    painting=(
        "painting-too-narrow",
        N_("Painting too narrow"),
        N_(
            "This painting is {width} × {height} pixels, too long and thin to paint. Crop it until one side is at "
            "most {ratio} times the other."
        ),
    ),
)
WRONG_TYPE = of_each(
    415,
    photo=(
        "photo-wrong-type",
        N_("Not a kind of photo we can open"),
        N_("This is {what}. {advice}"),
    ),
    mask=(
        "mask-wrong-type",
        N_("Not a kind of picture we can open"),
        N_("This is {what}. {advice}"),
    ),
    painting=(
        "painting-wrong-type",
        N_("Not a kind of picture we can open"),
        N_("This is {what}. {advice}"),
    ),
)
NOT_AN_IMAGE = of_each(
    415,
    photo=(
        "photo-not-an-image",
        N_("Not a photo"),
        N_("This file is not a photo. Choose a JPEG, PNG, WebP, AVIF, TIFF, GIF, BMP or JPEG 2000."),
    ),
    mask=(
        "mask-not-an-image",
        N_("Not a picture"),
        N_("This file is not a picture. Choose a JPEG, PNG, WebP, AVIF, TIFF, GIF, BMP or JPEG 2000."),
    ),
    painting=(
        "painting-not-an-image",
        N_("Not a picture"),
        N_("This file is not a picture. Choose a JPEG, PNG, WebP, AVIF, TIFF, GIF, BMP or JPEG 2000."),
    ),
)
DAMAGED = of_each(
    422,
    photo=(
        "photo-damaged",
        N_("A damaged photo"),
        N_(
            "This photo is damaged or incomplete, so it can't be opened. Try the original, or save it with another "
            "program."
        ),
    ),
    mask=(
        "mask-damaged",
        N_("A damaged picture"),
        N_(
            "This mask is damaged or incomplete, so it can't be opened. Try the original, or save it with another "
            "program."
        ),
    ),
    painting=(
        "painting-damaged",
        N_("A damaged picture"),
        N_(
            "This painting is damaged or incomplete, so it can't be opened. Try the original, or save it with another "
            "program."
        ),
    ),
)
TOO_COSTLY = of_each(
    422,
    photo=(
        "photo-too-costly",
        N_("Too much work to open"),
        N_("This picture takes too much memory or time to open. Save it anew as a plain JPEG and choose that."),
    ),
    mask=(
        "mask-too-costly",
        N_("Too much work to open"),
        N_("This picture takes too much memory or time to open. Save it anew as a plain JPEG and choose that."),
    ),
    painting=(
        "painting-too-costly",
        N_("Too much work to open"),
        N_("This picture takes too much memory or time to open. Save it anew as a plain JPEG and choose that."),
    ),
)
PHOTO_MISSING = Kind(
    "photo-missing",
    422,
    N_("No photo yet"),
    N_("There is no photo yet. Choose one, drop one into the frame, or take the sample."),
    "photo",
)
MASK_MISSING = Kind(
    "mask-missing", 422, N_("No mask"), N_("There is no mask in this form. Choose a picture as mask."), "mask"
)
MASK_EMPTY = Kind(
    "mask-empty",
    422,
    N_("A mask that covers nothing"),
    N_("Nothing in this mask is white, so it covers nothing. Paint white what it is to cover."),
    "mask",
)
MASK_COVERS_NOTHING = Kind(
    "mask-empty",
    422,
    N_("A mask that covers nothing"),
    N_("{field}: {what}, so there is nothing to paint there. Choose another mask."),
    "options",
)
MASK_GONE = Kind(
    "mask-gone",
    422,
    N_("The mask is gone"),
    N_("{field}: this photo has no such mask. Make or send it again."),
    "options",
)
MASK_NOT_FOUND = Kind("mask-not-found", 404, N_("No such mask"), N_("There is no mask at this address."))
COLOR_ABSENT = Kind(
    "color-absent",
    422,
    N_("A colour that is not there"),
    N_("{field}: {color} does not occur in the mask, whose colours are {colors}. Choose one of them."),
    "options",
)
MAP_MISSING = Kind(
    "map-missing",
    422,
    N_("No drawing yet"),
    N_("There is no drawing yet. Choose a picture of one, in the parts’ colours."),
    "map",
)
MASKS_TOO_MANY = Kind(
    "masks-too-many",
    422,
    N_("Enough masks"),
    N_("This photo has {limit} masks already, and no more are kept. Use one of them, or send the photo anew."),
    "mask",
)
PHOTO_GONE = Kind(
    "photo-gone", 422, N_("The photo is gone"), N_("This photo is no longer kept here. Choose it again."), "photo"
)
PHOTO_NOT_FOUND = Kind("photo-not-found", 404, N_("No such photo"), N_("There is no photo at this address."))
FORM_UNREADABLE = Kind(
    "form-unreadable",
    400,
    N_("The form did not arrive"),
    N_("The form did not arrive in one piece. Go back and send it again."),
    "photo",
)
STYLE_MISSING = Kind(
    "style-missing",
    422,
    N_("No painting yet"),
    N_("Choose a painting from the gallery to paint your photo after."),
    "style",
)
STYLE_UNKNOWN = Kind(
    "style-unknown",
    422,
    N_("No such painting"),
    N_("The painting “{style}” does not hang here. Choose another one from the gallery."),
    "style",
)
PAINTING_MISSING = Kind(
    "painting-missing",
    422,
    N_("No painting"),
    N_("There is no painting in this form. Choose a picture of one."),
    "painting",
)
PAINTING_GONE = Kind(
    "painting-gone",
    422,
    N_("The painting is gone"),
    N_("Your own painting is no longer kept here. Send it again, or choose another one."),
    "style",
)
PART_ABSENT = Kind(
    "part-absent",
    422,
    N_("No such part"),
    N_("{field}: “{title}” has no part “{part}”. Its parts are {parts}."),
    "options",
)
PART_MAP_GONE = Kind(
    "part-map-gone",
    422,
    N_("No map of its parts"),
    N_("{field}: this painting has no such map of its parts. Send its map again."),
    "options",
)
PARTS_MISSING = Kind(
    "parts-missing",
    422,
    N_("A painting without parts"),
    N_("{field}: this painting has no named parts. Choose one that has, or send your own with a map of its parts."),
    "options",
)
PARTS_FIXED = Kind(
    "parts-fixed",
    422,
    N_("Two maps of one painting"),
    N_("{field}: this painting has its own parts; leave out style_map."),
    "options",
)
PART_MAP_MISSING = Kind(
    "part-map-missing",
    422,
    N_("No map of its parts yet"),
    N_(
        "There is no map of your painting’s parts yet. Choose a picture of it in which each part is filled with one "
        "plain colour of its own."
    ),
    "style_map",
)
PART_MAP_UNFIT = Kind("part-map-unfit", 422, N_("No map of parts"), "{what}", "style_map")
PART_MAPS_TOO_MANY = Kind(
    "part-maps-too-many",
    422,
    N_("Enough maps"),
    N_("This painting has {limit} maps of its parts already, and no more are kept. Send the painting anew."),
    "style_map",
)
DRAWING_EMPTY = Kind(
    "drawing-empty",
    422,
    N_("Nothing is drawn"),
    N_("Nothing is drawn here: all of it is transparent or black. Draw in the parts’ colours."),
    "map",
)
DOODLE_UNFIT = Kind("doodle-unfit", 422, N_("A doodle that cannot be painted"), "{what}", "options")
PAINTING_NOT_FOUND = Kind(
    "painting-not-found", 404, N_("No such painting"), N_("There is no painting at this address.")
)
STYLE_NOT_FOUND = Kind("style-not-found", 404, N_("No such painting"), N_("This painting does not hang here."))
OPTIONS_INVALID = Kind("request-invalid", 422, N_("Something does not fit"), "{what}", "options")
JOB_NOT_FOUND = Kind(
    "job-not-found",
    404,
    N_("Nothing hangs here"),
    N_("There is no painting at this address. It may have been taken down, or the address is not complete."),
)
JOB_EXPIRED = Kind(
    "job-expired",
    410,
    N_("Taken down"),
    N_("This painting was taken down: by its owner, or because the time for which it is kept was over."),
)
START_GONE = Kind(
    "start-gone",
    422,
    N_("No artwork to start from"),
    N_("{field}: this painting has no artwork, or was taken down. Start from another one, or from the photo."),
    "options",
)
CANVAS_MISSING = Kind(
    "canvas-missing",
    409,
    N_("Its canvas is not kept"),
    N_("The canvas of this artwork was not kept, so neither its colours nor its size can be changed. Paint it again."),
    "options",
)
TOO_LARGE_TO_PRINT = Kind(
    "too-large-to-print",
    422,
    N_("It would be too large"),
    N_(
        "{size} pixels are more than the {most} that an artwork can have here. Download it, and enlarge it in the "
        "shell."
    ),
    "enlarge",
)
NOT_RETRYABLE = Kind(
    "not-retryable",
    409,
    N_("Nothing to retry"),
    N_("Only a painting that failed or was stopped can be tried again. Start a new one instead."),
)
KEY_INVALID = Kind(
    "idempotency-key-invalid", 422, N_("Key does not fit"), N_("Idempotency-Key must have 1 to 200 visible characters.")
)
KEY_REUSED = Kind(
    "idempotency-key-reused",
    422,
    N_("Key used before"),
    N_("This Idempotency-Key was sent with another request. Send a new key with a new request."),
)
PREVIEW_NOT_FOUND = Kind(
    "preview-not-found", 404, N_("No preview yet"), N_("The canvas is still white. Look again in a moment.")
)
ARTWORK_NOT_FOUND = Kind(
    "artwork-not-found",
    404,
    N_("No artwork here"),
    N_("This painting has no finished artwork, so there is nothing to download."),
)
QUEUE_DOWN = Kind(
    "queue-unavailable",
    503,
    N_("The studio can't be reached"),
    N_("The studio can't be reached just now, so {undone}. Try again in a minute."),
    "submit",
)
QUEUE_FULL = Kind(
    "queue-full",
    503,
    N_("The studio is full"),
    N_("Too many paintings are waiting already. Your photo is kept; try again in a few minutes."),
    "submit",
)
TRIES_OFF = Kind(
    "tries-off",
    403,
    N_("No tries here"),
    N_("Photos are not tried on here. Choose a painting, and start it with your photo."),
)
TRIES_PAUSED = Kind(
    "tries-paused",
    503,
    N_("No tries just now"),
    N_("The studio has other work now, so your photo was not tried on. Start a painting, or ask again in a minute."),
)
TRIES_TOO_MANY = Kind(
    "tries-too-many",
    422,
    N_("Too many tries"),
    N_("These are {count} tries, and {limit} are the most at once. Name fewer paintings, strengths or brushes."),
)
TRIES_ENOUGH = Kind(
    "tries-enough",
    422,
    N_("Enough tries"),
    N_("This photo has {limit} tries already, and no more are kept. Use those, or send the photo anew."),
)
TRY_NOT_FOUND = Kind(
    "try-not-found", 404, N_("No such try"), N_("There is no such try of this photo. Ask for it first.")
)
CLIENT_BUSY = Kind(
    "client-busy",
    429,
    N_("Enough easels for one"),
    N_("You have {limit} paintings under way already. Wait until one is finished, or stop one."),
    "submit",
)
SERIES_NOT_FOUND = Kind(
    "series-not-found",
    404,
    N_("Nothing hangs here"),
    N_("There is no series at this address. It may have been taken down, or the address is not complete."),
)
SERIES_EXPIRED = Kind(
    "series-expired",
    410,
    N_("Taken down"),
    N_("This series was taken down: by its owner, or because the time for which it is kept was over."),
)
SERIES_BUSY = Kind(
    "series-busy",
    429,
    N_("Enough easels for one"),
    N_(
        "You may have {limit} photos of series under way at a time, and these would be more. None was started; "
        "your photos are kept. Wait until some are finished, or leave some out."
    ),
    "submit",
)
SERIES_TOO_LONG = Kind(
    "series-too-long",
    422,
    N_("Too many at once"),
    N_("A series has at most {most} photos; this one was left out."),
    "photo",
)
FORM_TOO_LARGE = Kind(
    "form-too-large",
    413,
    N_("Too much in one form"),
    N_("These photos are larger than {limit_mb} MB together. Send fewer at a time."),
    "photo",
)
REQUEST_TOO_LARGE = Kind(
    "request-too-large",
    413,
    N_("Too much in one request"),
    N_("This request is larger than {limit_kb} kB, and nothing that is asked for here needs so much. Send less."),
)
TOO_MANY_REQUESTS = Kind(
    "too-many-requests",
    429,
    N_("Too much at once"),
    N_("Too many requests came from your address. Wait {seconds} s and try again."),
    "submit",
)
TOO_LARGE = Kind(
    "too-large",
    422,
    N_("Larger than the studio"),
    N_(
        "A painting of {size} pixels needs about {needed:.1f} GB of memory, and there are {there:.1f} GB here. "
        "Choose {fits} pixels or fewer."
    ),
    "options",
)
DISK_FULL = Kind(
    "storage-full",
    507,
    N_("No room left"),
    N_("There is no room left here, so {undone}. Tell whoever runs this site, or try again later."),
    "photo",
)
CLIENT_QUOTA = Kind(
    "client-quota",
    507,
    N_("Enough kept for one"),
    N_(
        "What is kept for you here may take {limit}, and this would be more. Delete what you no longer need, or "
        "wait until it goes by itself."
    ),
    "photo",
)
QUOTA = Kind(
    "quota",
    507,
    N_("Enough kept for all"),
    N_("What is kept here for everybody takes all the room that there is for it. Try again later, when some has gone."),
    "photo",
)
CROSS_SITE = Kind(
    "cross-site",
    403,
    N_("Sent from another site"),
    N_("This was sent from another site, so it was not done. Do it from here."),
)
ORIGIN_UNKNOWN = Kind(
    "origin-unknown",
    403,
    N_("Once more, please"),
    N_(
        "Your browser did not say which page this came from, and the cookie that would have told is gone or too "
        "old. So nothing was done yet."
    ),
    advice=N_(
        "If this happens again and again, allow this site its cookie, which ends with the browser, or take "
        "another browser."
    ),
)
HOST_DIFFERS = Kind(
    "host-differs",
    403,
    N_("Sent under another name"),
    N_("Your browser sent this from another address than the one that arrived here, so it was not done."),
    advice=N_(
        "If you did it on this site, tell whoever runs it: the proxy in front has to pass on the Host header with "
        "its port, in nginx with “proxy_set_header Host $http_host;”."
    ),
)
NOT_FOUND = Kind("not-found", 404, N_("Nothing hangs here"), N_("There is no page at this address."))
METHOD_NOT_ALLOWED = Kind("method-not-allowed", 405, N_("Not that way"), N_("This address can't be used in that way."))
INTERNAL = Kind(
    "internal",
    500,
    N_("Something broke here"),
    N_("Something broke on our side, not on yours. Try again; the failure is on record."),
)
HOST_UNKNOWN = Kind(
    "host-unknown",
    421,
    N_("Not by this name"),
    N_(
        "This site does not go by the name that it was asked for. Ask at the address that it printed when it "
        "started, or add the name to ATELIER_HOSTS."
    ),
)
NOT_STARTED = N_("nothing was started. Your photo is kept")  # `undone`, where a job was asked for
