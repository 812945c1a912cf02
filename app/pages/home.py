"""The home page: photo, paintings and options as an address or a sent form has them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response
from starlette.requests import Request

from app import refusals
from app.gallery import Card
from app.jobs.ids import own_painting
from app.orders.checks import check_start
from app.orders.find import find_job
from app.orders.series import most_photos
from app.pages.controls import CONTROLS, DRAWN
from app.pages.form import OWN, HomeForm, Part, form_of
from app.pages.moods import told_moods
from app.pages.sentences import UnfitError, folds_around, placed
from app.pages.several import Chosen
from app.pages.shown import shown
from app.pages.sizes import sizes
from app.pages.values import DEFAULTS, as_number, number
from app.pages.wall import piece
from app.pages.ways import WAYS
from app.refusals import RefusalError
from app.services import Services, ServicesHere, services_of
from app.translation import _, initial, together
from app.uploads import paintings, photos
from app.uploads.photos import ACCEPT, StoredPhoto
from app.uploads.room import little_left
from app.web.limits import client_of
from app.web.templates import template
from app.words import duration

router = APIRouter(include_in_schema=False)

BLEND_ROWS = 4


@dataclass(frozen=True)
class HomePage:
    """What the home page shows.

    `refused` holds sentences by the control that they stand beside; `fresh` are own paintings that this browser does
    not remember yet; `unfolds` shows at once which options are not as usual,
    which would be in the way of who is yet to choose a painting.
    """

    form: HomeForm = field(default_factory=HomeForm)
    photo: StoredPhoto | None = None
    refused: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    mood: str = ""
    status: int = 200
    fresh: Sequence[str] = ()
    several: Chosen = field(default_factory=Chosen)
    unfolds: bool = False


def home_page(request: Request, page: HomePage) -> Response:
    """The home page, also with what was wrong in a form that is sent back."""
    services = services_of(request)
    form, own = page.form, own_titles(request, page)
    found = services.gallery.search(page.text, page.mood)
    rows = blend(form, {card.id: card.title for card in services.gallery.cards} | own)
    context = {
        "form": form,
        "blend": rows,
        "after": together(row.title for row in rows if row.title),
        "start": start_of(services, form.options["start_job"]),
        # What no control here says, of an earlier painting: it is painted with it again.
        "unseen": {name: form.options[name] for name in DRAWN if form.options[name] not in {"", DEFAULTS[name]}},
        "photo": None if "photo" in page.refused else page.photo,
        "several": page.several,
        "most_photos": most_photos(services.settings),
        "refused": page.refused,
        "opened": opened(page),
        # A search is a form of its own; what it finds must not cost the photo and the options.
        "carried": [*([("photo", page.photo.id)] if page.photo else []), *form.fields()],
        "q": page.text,
        "mood": page.mood,
        "moods": told_moods(services.gallery.moods),
        "found": found,
        "hints": services.gallery.hints,
        "shown": shown(services.gallery),
        "styles": hanging(services, found.cards, form),
        "all_styles": services.gallery.cards,
        "own": own,
        "keeps_for": duration(services.settings.retention_s),
        "sizes": sizes(services, page.photo, form),
        "controls": CONTROLS,
        "ways": WAYS,
        "accept": ACCEPT,
        "limit_mb": services.settings.upload_limit_mb,
        "tries_on": services.settings.try_on,
        "little_left": little_left(services, client_of(request, services.secret)),
    }
    return template(request, "home.html", context, page.status)


def opened(page: HomePage) -> set[str]:
    """The folds that are open: those of a sentence, which must not lie under a sheet; else those of what is chosen, and
    the options themselves where an artwork's photo and painting are brought to change something.
    """
    brought = {"options"} if page.unfolds and page.photo else set()
    places = set(page.refused) or ((page.form.changed() | brought) if page.unfolds else set())
    return {fold for place in places for fold in folds_around(place)}


def hanging(services: Services, found: Sequence[Card], form: HomeForm) -> Sequence[Card]:
    """The cards that were searched for. What is chosen stays, whatever that is."""
    chosen = services.gallery.by_id.get(form.style)
    return [chosen, *found] if chosen and chosen not in found else found


def own_titles(request: Request, page: HomePage) -> dict[str, str]:
    """This browser's own paintings and those that the form names, newest first: what each is called, by its id."""
    services = services_of(request)
    remembered = [each.id for each in paintings.remembered(request, services.secret, services.storage)]
    ids = dict.fromkeys([*page.fresh, *own_of(services, page.form), *remembered])
    return {each: _("Your painting {number}").format(number=len(ids) - index) for index, each in enumerate(ids)}


def start_of(services: Services, job_id: str) -> dict[str, Any] | None:
    """The artwork to start from, as it hangs on the wall; None where there is none."""
    try:
        check_start(services, job_id)
        return piece(services, find_job(services, job_id))
    except RefusalError:
        return None


def own_of(services: Services, form: HomeForm) -> list[str]:
    """The people's own paintings of the form that are here. Whoever knows the id of one may use it."""
    return [part.style for part in form.parts if paintings.find(part.style, services.storage)]


def known(services: Services, form: HomeForm) -> set[str]:
    """Ids of all paintings that the form may name."""
    return {*services.gallery.by_id, *own_of(services, form)}


def beside(refusal: RefusalError, form: HomeForm) -> dict[str, str]:
    """What of a refusal stands beside which control."""
    if isinstance(refusal, UnfitError):
        return dict(refusal.places)
    field = str(refusal.values.get("field", ""))
    if not field:
        return {placed(refusal.kind.field or "submit"): refusal.sentence}
    # Programs need the field's name, a person sees which control it is.
    sentence = refusal.sentence.removeprefix(f"{field}: ")
    return {form.place_of(field): initial(sentence)}


@dataclass(frozen=True)
class Row:
    """One painting of the blend on the page: its title, and its share of those in the same place, 0 to 1. That of a row
    without a painting is what one more would get.
    """

    part: Part
    title: str
    share: float

    @property
    def slider(self) -> str:
        return number(self.share)


def blend(form: HomeForm, titles: Mapping[str, str]) -> list[Row]:
    """The paintings of the blend, and empty rows for more."""
    parts = [*form.parts, *[Part()] * (BLEND_ROWS - len(form.parts))]
    # The first one is painted, whichever it will be.
    weights = [max(0.0, as_number(part.weight) or 0) if part.style or part is parts[0] else 0 for part in parts]
    whole: dict[tuple[str, str], float] = defaultdict(float)
    for part, weight in zip(parts, weights, strict=True):
        whole[part.where] += weight
    fair = 1 / max(1, sum(bool(part.style) for part in parts))
    return [
        Row(part, titles.get(part.style, ""), weight / whole[part.where] if weight else (0 if part.style else fair))
        for part, weight in zip(parts, weights, strict=True)
    ]


@router.get("/")
def home(
    request: Request,
    services: ServicesHere,
    photo: str = "",
    again: str = "",
    q: Annotated[str, Query(max_length=80)] = "",
    mood: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """The page with every option that the address names; with `again`, those of an earlier job."""
    form = HomeForm.of(request.query_params)
    if again:
        wish = find_job(services, again).request
        form, photo = form_of(wish), photo or wish.photo
    refused = form.misfits()
    if form.options["start_job"] and "start_job" not in refused:
        try:
            check_start(services, form.options["start_job"])
        except RefusalError as refusal:
            refused |= beside(refusal, form)
    kept = photos.find(photo, services.storage) if photo else None
    if photo and kept is None:
        refused["photo"] = _(refusals.PHOTO_GONE.sentence)
    unknown = {part.style for part in form.parts} - known(services, form) - {"", OWN}
    for style in unknown:
        kind = refusals.PAINTING_GONE if own_painting(style) else refusals.STYLE_UNKNOWN
        refused["style"] = _(kind.sentence).format(style=style)
    return home_page(request, HomePage(form, kept, refused, q, mood, unfolds=bool(form.style)))
