"""Every refusal a person can meet: its code, its status, its sentence and what to do.

HTML pages and problem+json both come from here (app/web/answering.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

Thing = Literal["photo", "mask", "painting"]  # what a file was to be


@dataclass(frozen=True)
class Kind:
    """One way to be refused. `field` names the form control that the sentence belongs beside; `advice` is for who is
    refused again and again.
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
        self.sentence = kind.sentence.format(**values)
        self.headers = headers or {}
        super().__init__(self.sentence)

    def beside(self, control: str) -> RefusalError:
        """The same refusal as that of another control."""
        return RefusalError(replace(self.kind, field=control), headers=self.headers, **self.values)


def of_each(photo: str, mask: str, painting: str, status: int, title: str, sentence: str) -> Mapping[Thing, Kind]:
    """The refusal of a file by what it was to be, with a code for each.

    `title` and `sentence` may hold `{thing}`, `{Thing}`, and `{picture}`, which is "photo", or of the others "picture".
    """
    codes: dict[Thing, str] = {"photo": photo, "mask": mask, "painting": painting}

    def about(text: str, thing: Thing) -> str:
        picture = thing if thing == "photo" else "picture"
        return text.replace("{thing}", thing).replace("{picture}", picture).replace("{Thing}", thing.capitalize())

    return {
        thing: Kind(code, status, about(title, thing), about(sentence, thing), thing) for thing, code in codes.items()
    }


EMPTY = of_each(
    "photo-empty",
    "mask-file-empty",  # a mask without anything white is called empty
    "painting-file-empty",
    422,
    "An empty file",
    "This file is empty. Choose the {thing} again, or another one.",
)
TOO_MANY_BYTES = of_each(
    "photo-too-many-bytes",
    "mask-too-many-bytes",
    "painting-too-many-bytes",
    413,
    "{Thing} too large",
    "This {thing} is larger than {limit_mb} MB. Save it smaller, or as a JPEG, and choose it again.",
)
TOO_MANY_PIXELS = of_each(
    "photo-too-many-pixels",
    "mask-too-many-pixels",
    "painting-too-many-pixels",
    422,
    "Too many pixels",
    "This {thing} has {megapixels:.0f} megapixels, and {limit_mp} are the most. Save it smaller and choose it again.",
)
TOO_SMALL = of_each(
    "photo-too-small",
    "mask-too-small",
    "painting-too-small",
    422,
    "{Thing} too small",
    "This {thing} is only {width} × {height} pixels. Choose one with at least {minimum} on each side.",
)
TOO_NARROW = of_each(
    "photo-too-narrow",
    "mask-too-narrow",
    "painting-too-narrow",
    422,
    "{Thing} too narrow",
    "This {thing} is {width} × {height} pixels, too long and thin to paint. "
    "Crop it until one side is at most {ratio} times the other.",
)
WRONG_TYPE = of_each(
    "photo-wrong-type",
    "mask-wrong-type",
    "painting-wrong-type",
    415,
    "Not a kind of {picture} we can open",
    "This is {what}. {advice}",
)
NOT_AN_IMAGE = of_each(
    "photo-not-an-image",
    "mask-not-an-image",
    "painting-not-an-image",
    415,
    "Not a {picture}",
    "This file is not a {picture}. Choose a JPEG, PNG, WebP, AVIF, TIFF, GIF, BMP or JPEG 2000.",
)
DAMAGED = of_each(
    "photo-damaged",
    "mask-damaged",
    "painting-damaged",
    422,
    "A damaged {picture}",
    "This {thing} is damaged or incomplete, so it can't be opened. Try the original, or save it with another program.",
)
TOO_COSTLY = of_each(
    "photo-too-costly",
    "mask-too-costly",
    "painting-too-costly",
    422,
    "Too much work to open",
    "This picture takes too much memory or time to open. Save it anew as a plain JPEG and choose that.",
)
PHOTO_MISSING = Kind(
    "photo-missing",
    422,
    "No photo yet",
    "There is no photo yet. Choose one, drop one into the frame, or take the sample.",
    "photo",
)
MASK_MISSING = Kind("mask-missing", 422, "No mask", "There is no mask in this form. Choose a picture as mask.", "mask")
MASK_EMPTY = Kind(
    "mask-empty",
    422,
    "A mask that covers nothing",
    "Nothing in this mask is white, so it covers nothing. Paint white what it is to cover.",
    "mask",
)
MASK_COVERS_NOTHING = Kind(
    "mask-empty",
    422,
    "A mask that covers nothing",
    "{field}: {what}, so there is nothing to paint there. Choose another mask.",
    "options",
)
MASK_GONE = Kind(
    "mask-gone", 422, "The mask is gone", "{field}: this photo has no such mask. Make or send it again.", "options"
)
MASK_NOT_FOUND = Kind("mask-not-found", 404, "No such mask", "There is no mask at this address.")
COLOR_ABSENT = Kind(
    "color-absent",
    422,
    "A colour that is not there",
    "{field}: {color} does not occur in the mask, whose colours are {colors}. Choose one of them.",
    "options",
)
MAP_MISSING = Kind(
    "map-missing",
    422,
    "No drawing yet",
    "There is no drawing yet. Choose a picture of one, in the parts’ colours.",
    "map",
)
MASKS_TOO_MANY = Kind(
    "masks-too-many",
    422,
    "Enough masks",
    "This photo has {limit} masks already, and no more are kept. Use one of them, or send the photo anew.",
    "mask",
)
PHOTO_GONE = Kind(
    "photo-gone", 422, "The photo is gone", "This photo is no longer kept here. Choose it again.", "photo"
)
PHOTO_NOT_FOUND = Kind("photo-not-found", 404, "No such photo", "There is no photo at this address.")
FORM_UNREADABLE = Kind(
    "form-unreadable",
    400,
    "The form did not arrive",
    "The form did not arrive in one piece. Go back and send it again.",
    "photo",
)
STYLE_MISSING = Kind(
    "style-missing", 422, "No painting yet", "Choose a painting from the gallery to paint your photo after.", "style"
)
STYLE_UNKNOWN = Kind(
    "style-unknown",
    422,
    "No such painting",
    "The painting “{style}” does not hang here. Choose another one from the gallery.",
    "style",
)
PAINTING_MISSING = Kind(
    "painting-missing", 422, "No painting", "There is no painting in this form. Choose a picture of one.", "painting"
)
PAINTING_GONE = Kind(
    "painting-gone",
    422,
    "The painting is gone",
    "Your own painting is no longer kept here. Send it again, or choose another one.",
    "style",
)
PART_ABSENT = Kind(
    "part-absent",
    422,
    "No such part",
    "{field}: “{title}” has no part “{part}”. Its parts are {parts}.",
    "options",
)
PART_MAP_GONE = Kind(
    "part-map-gone",
    422,
    "No map of its parts",
    "{field}: this painting has no such map of its parts. Send its map again.",
    "options",
)
PARTS_MISSING = Kind(
    "parts-missing",
    422,
    "A painting without parts",
    "{field}: this painting has no named parts. Choose one that has, or send your own with a map of its parts.",
    "options",
)
PARTS_FIXED = Kind(
    "parts-fixed", 422, "Two maps of one painting", "{field}: this painting has its own parts; leave out style_map.",
    "options",
)  # fmt: skip
PART_MAP_MISSING = Kind(
    "part-map-missing",
    422,
    "No map of its parts yet",
    "There is no map of your painting’s parts yet. Choose a picture of it in which each part is filled with one plain "
    "colour of its own.",
    "style_map",
)
PART_MAP_UNFIT = Kind("part-map-unfit", 422, "No map of parts", "{what}", "style_map")
PART_MAPS_TOO_MANY = Kind(
    "part-maps-too-many",
    422,
    "Enough maps",
    "This painting has {limit} maps of its parts already, and no more are kept. Send the painting anew.",
    "style_map",
)
DRAWING_EMPTY = Kind(
    "drawing-empty",
    422,
    "Nothing is drawn",
    "Nothing is drawn here: all of it is transparent or black. Draw in the parts’ colours.",
    "map",
)
DOODLE_UNFIT = Kind("doodle-unfit", 422, "A doodle that cannot be painted", "{what}", "options")
PAINTING_NOT_FOUND = Kind("painting-not-found", 404, "No such painting", "There is no painting at this address.")
STYLE_NOT_FOUND = Kind("style-not-found", 404, "No such painting", "This painting does not hang here.")
OPTIONS_INVALID = Kind("request-invalid", 422, "Something does not fit", "{what}", "options")
JOB_NOT_FOUND = Kind(
    "job-not-found",
    404,
    "Nothing hangs here",
    "There is no painting at this address. It may have been taken down, or the address is not complete.",
)
JOB_EXPIRED = Kind(
    "job-expired",
    410,
    "Taken down",
    "This painting was taken down: by its owner, or because the time for which it is kept was over.",
)
START_GONE = Kind(
    "start-gone",
    422,
    "No artwork to start from",
    "{field}: this painting has no artwork, or was taken down. Start from another one, or from the photo.",
    "options",
)
CANVAS_MISSING = Kind(
    "canvas-missing",
    409,
    "Its canvas is not kept",
    "The canvas of this artwork was not kept, so neither its colours nor its size can be changed. Paint it again.",
    "options",
)
TOO_LARGE_TO_PRINT = Kind(
    "too-large-to-print",
    422,
    "It would be too large",
    "{size} pixels are more than the {most} that an artwork can have here. Download it, and enlarge it in the shell.",
    "enlarge",
)
NOT_RETRYABLE = Kind(
    "not-retryable",
    409,
    "Nothing to retry",
    "Only a painting that failed or was stopped can be tried again. Start a new one instead.",
)
KEY_INVALID = Kind(
    "idempotency-key-invalid", 422, "Key does not fit", "Idempotency-Key must have 1 to 200 visible characters."
)
KEY_REUSED = Kind(
    "idempotency-key-reused",
    422,
    "Key used before",
    "This Idempotency-Key was sent with another request. Send a new key with a new request.",
)
PREVIEW_NOT_FOUND = Kind(
    "preview-not-found", 404, "No preview yet", "The canvas is still white. Look again in a moment."
)
ARTWORK_NOT_FOUND = Kind(
    "artwork-not-found",
    404,
    "No artwork here",
    "This painting has no finished artwork, so there is nothing to download.",
)
QUEUE_DOWN = Kind(
    "queue-unavailable",
    503,
    "The studio can't be reached",
    "The studio can't be reached just now, so {undone}. Try again in a minute.",
    "submit",
)
QUEUE_FULL = Kind(
    "queue-full",
    503,
    "The studio is full",
    "Too many paintings are waiting already. Your photo is kept; try again in a few minutes.",
    "submit",
)
CLIENT_BUSY = Kind(
    "client-busy",
    429,
    "Enough easels for one",
    "You have {limit} paintings under way already. Wait until one is finished, or stop one.",
    "submit",
)
SERIES_NOT_FOUND = Kind(
    "series-not-found",
    404,
    "Nothing hangs here",
    "There is no series at this address. It may have been taken down, or the address is not complete.",
)
SERIES_EXPIRED = Kind(
    "series-expired",
    410,
    "Taken down",
    "This series was taken down: by its owner, or because the time for which it is kept was over.",
)
SERIES_BUSY = Kind(
    "series-busy",
    429,
    "Enough easels for one",
    "You may have {limit} photos of series under way at a time, and these would be more. None was started; your photos "
    "are kept. Wait until some are finished, or leave some out.",
    "submit",
)
SERIES_TOO_LONG = Kind(
    "series-too-long", 422, "Too many at once", "A series has at most {most} photos; this one was left out.", "photo"
)
FORM_TOO_LARGE = Kind(
    "form-too-large",
    413,
    "Too much in one form",
    "These photos are larger than {limit_mb} MB together. Send fewer at a time.",
    "photo",
)
REQUEST_TOO_LARGE = Kind(
    "request-too-large",
    413,
    "Too much in one request",
    "This request is larger than {limit_kb} kB, and nothing that is asked for here needs so much. Send less.",
)
TOO_MANY_REQUESTS = Kind(
    "too-many-requests",
    429,
    "Too much at once",
    "Too many requests came from your address. Wait {seconds} s and try again.",
    "submit",
)
TOO_LARGE = Kind(
    "too-large",
    422,
    "Larger than the studio",
    "A painting of {size} pixels needs about {needed:.1f} GB of memory, and there are {there:.1f} GB here. "
    "Choose {fits} pixels or fewer.",
    "options",
)
DISK_FULL = Kind(
    "storage-full",
    507,
    "No room left",
    "There is no room left here, so {undone}. Tell whoever runs this site, or try again later.",
    "photo",
)
CLIENT_QUOTA = Kind(
    "client-quota",
    507,
    "Enough kept for one",
    "What is kept for you here may take {limit}, and this would be more. Delete what you no longer need, or wait until "
    "it goes by itself.",
    "photo",
)
QUOTA = Kind(
    "quota",
    507,
    "Enough kept for all",
    "What is kept here for everybody takes all the room that there is for it. Try again later, when some has gone.",
    "photo",
)
CROSS_SITE = Kind(
    "cross-site",
    403,
    "Sent from another site",
    "This was sent from another site, so it was not done. Do it from here.",
)
ORIGIN_UNKNOWN = Kind(
    "origin-unknown",
    403,
    "Once more, please",
    "Your browser did not say which page this came from, and the cookie that would have told is gone or too old. So "
    "nothing was done yet.",
    advice="If this happens again and again, allow this site its cookie, which ends with the browser, or take another "
    "browser.",
)
HOST_DIFFERS = Kind(
    "host-differs",
    403,
    "Sent under another name",
    "Your browser sent this from another address than the one that arrived here, so it was not done.",
    advice="If you did it on this site, tell whoever runs it: the proxy in front has to pass on the Host header with "
    "its port, in nginx with “proxy_set_header Host $http_host;”.",
)
NOT_FOUND = Kind("not-found", 404, "Nothing hangs here", "There is no page at this address.")
METHOD_NOT_ALLOWED = Kind("method-not-allowed", 405, "Not that way", "This address can't be used in that way.")
INTERNAL = Kind(
    "internal",
    500,
    "Something broke here",
    "Something broke on our side, not on yours. Try again; the failure is on record.",
)
HOST_UNKNOWN = Kind(
    "host-unknown",
    421,
    "Not by this name",
    "This site does not go by the name that it was asked for. Ask at the address that it printed when it started, or "
    "add the name to ATELIER_HOSTS.",
)
NOT_STARTED = "nothing was started. Your photo is kept"  # `undone`, where a job was asked for
