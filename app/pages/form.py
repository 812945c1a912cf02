"""The form of the home page: from a sent form or an address to a request, and from a request to an address.

Every option of a request has a field of its own name, so that an address can carry all of them. A blend is `style` and
`weight`, each as often as there are paintings.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any
from urllib.parse import urlencode

from pydantic import ValidationError
from starlette.datastructures import ImmutableMultiDict

from app import refusals
from app.jobs.models import PaintRequest
from app.pages.controls import MOST_PARTS
from app.pages.sentences import UnfitError, placed, places_of
from app.pages.values import DEFAULTS, OPTIONS, as_number, number, text_of
from app.refusals import RefusalError
from app.translation import _

LAYER_OPTIONS = {"content_layers", "style_layers"}
MASK_OPTIONS = ("keep", "color_mask")
# Sent by the card of a painting that is yet to be uploaded.
OWN = "own-painting"
LONGEST = 1000
LAYER = re.compile(r"\s*([a-z]+\d_\d+)(?:[\s:=]+([-+.\deE]+))?\s*")
NOBODY = "0" * 32


@dataclass(frozen=True)
class Part:
    """One painting of the blend, as text; where a mask says so, only in its place."""

    style: str = ""
    weight: str = "1"
    mask: str = ""
    color: str = ""

    @property
    def counts(self) -> bool:
        """Whether it is painted at all: a weight of nothing takes a painting out of the blend."""
        return bool(self.style) and as_number(self.weight) != 0

    @property
    def where(self) -> tuple[str, str]:
        """What tells one region from another; paintings of the same one are blended."""
        return self.mask, self.color

    def choice(self) -> dict[str, str | None]:
        return {"id": self.style, "weight": self.weight, "mask": self.mask or None, "color": self.color or None}


@dataclass(frozen=True)
class HomeForm:
    """What the form on the home page holds, as text; what is not sent has the value that the page starts with."""

    parts: tuple[Part, ...] = (Part(),)
    options: Mapping[str, str] = field(default_factory=lambda: DEFAULTS)
    keep_how: str = "keep"  # whether the part that is marked is kept, or painted

    @classmethod
    def of(cls, sent: ImmutableMultiDict[str, Any]) -> HomeForm:
        """The fields of a sent form or of an address; those of other names are somebody else's."""
        options = {name: last(sent, name) or DEFAULTS[name] for name in OPTIONS}
        if options["keep_colors"] == "true":
            options["keep_colors"] = "1"
        if options["keep_transparency"] in {"false", "0"}:
            options["keep_transparency"] = ""
        form = cls(parts_of(sent), settled(options), "paint" if last(sent, "keep_how") == "paint" else "keep")
        for place in sent.getlist("drop"):
            form = form.marked(str(place), "")
        return form

    @property
    def style(self) -> str:
        """The painting that is chosen in the gallery."""
        return self.parts[0].style

    def after(self, style: str) -> HomeForm:
        """The same form with another painting chosen in the gallery."""
        return replace(self, parts=(replace(self.parts[0], style=style), *self.parts[1:]))

    def without(self, style: str) -> HomeForm:
        """The same form without a painting."""
        first, *others = self.parts
        kept = [part for part in others if part.style != style]
        return replace(self, parts=(replace(first, style="") if first.style == style else first, *kept))

    def for_another_photo(self) -> HomeForm:
        """The same form without the masks, which belong to one photo."""
        parts = tuple(replace(part, mask="", color="") for part in self.parts)
        return replace(self, parts=parts, options={**self.options, "keep": "", "color_mask": ""})

    def places(self) -> list[str]:
        """Where a mask may lie: on what stays the photo, on its colours, on each painting that is not the only one."""
        rows = self.rows()
        return [*MASK_OPTIONS, *(f"style_{row}" for row in rows if len(rows) > 1)]

    def marked(self, place: str, mask: str) -> HomeForm:
        """The same form with another mask at one of its places, or with none there."""
        if place in MASK_OPTIONS:
            # A mask that is kept here is turned round already.
            how = "keep" if place == "keep" and mask else self.keep_how
            return replace(self, options={**self.options, place: mask}, keep_how=how)
        parts = (
            replace(part, mask=mask, color="") if place == f"style_{row}" else part
            for row, part in enumerate(self.parts)
        )
        return replace(self, parts=tuple(parts))

    def rows(self) -> list[int]:
        """In which rows of the blend the request's paintings are, one after another."""
        return [row for row, part in enumerate(self.parts) if part.counts] or [0]

    def place_of(self, field: str) -> str:
        """Beside what on the page a sentence belongs that is about a field of the request, such as `styles.1.mask`."""
        name, _dot, rest = field.partition(".")
        return f"style_{self.rows()[int(rest.split('.')[0])]}" if name == "styles" else placed(name)

    def wish(self, photo_id: str, known: Collection[str]) -> PaintRequest:
        """The request that the form asks for, after paintings of `known` ids.

        Raises:
            RefusalError: no painting is chosen, or an unknown one, or options do not fit, all of which are told.
        """
        chosen = [self.parts[row] for row in self.rows()]
        if not any(part.counts for part in chosen):
            chosen = [replace(self.parts[0], weight="1")]
        if not chosen[0].style:
            raise RefusalError(refusals.STYLE_MISSING)
        for part in chosen:
            if part.style not in known:
                raise RefusalError(refusals.STYLE_UNKNOWN, style=part.style)
        wish: dict[str, Any] = {name: text for name, text in self.options.items() if text}
        if "start_job" in wish:
            wish["start"] = "artwork"
        unread = {}
        for name in LAYER_OPTIONS & wish.keys():
            try:
                wish[name] = read_layers(wish[name])
            except ValueError as error:
                unread[name] = str(error)
                del wish[name]
        try:
            request = PaintRequest(photo=photo_id, styles=[part.choice() for part in chosen], **wish)
        except ValidationError as error:
            raise UnfitError(places_of(error) | unread) from error
        if unread:
            raise UnfitError(unread)
        return request

    def fields(self) -> list[tuple[str, str]]:
        """All of it as an address has it, with what does not fit."""
        parts = [part for part in self.parts if part.style]
        weighed, placed = any(part.weight != "1" for part in parts), any(part.mask for part in parts)
        fields = []
        for part in parts:
            fields.append(("style", part.style))
            fields += [("weight", part.weight)] if weighed else []
            fields += [("style_mask", part.mask), ("style_color", part.color)] if placed else []
        return fields + [(name, text) for name, text in self.options.items() if text != DEFAULTS[name]]

    def changed(self) -> set[str]:
        """The controls that are not as the page starts with them."""
        blend = {"weight"} if any(part.style for part in self.parts[1:]) else set()
        return blend | {name for name, text in self.options.items() if text != DEFAULTS[name]}

    def misfits(self) -> dict[str, str]:
        """What does not fit in it, by the place of the sentence, whatever photo and painting it is for."""
        first, *others = self.parts
        parts = (replace(first, style=first.style or "none"), *(part for part in others if part.style))
        try:
            replace(self, parts=parts).wish(NOBODY, {part.style for part in parts})
        except UnfitError as refusal:
            return dict(refusal.places)
        except RefusalError:
            return {}
        return {}


def last(sent: ImmutableMultiDict[str, Any], name: str) -> str:
    """The text of a field, as browsers send it last; empty for a file or for nothing."""
    text = sent.get(name)
    return text[:LONGEST].strip() if isinstance(text, str) else ""


def settled(options: Mapping[str, str]) -> dict[str, str]:
    """Options in which an artwork to start from is said once, by its job, whatever other start the form still names."""
    return {**options, "start": DEFAULTS["start"]} if options["start_job"] else dict(options)


def parts_of(sent: ImmutableMultiDict[str, Any]) -> tuple[Part, ...]:
    """The paintings of the blend, row by row, up to the last that has one. The first comes from the gallery, and
    browsers leave it out where none is chosen.
    """
    styles, weights, masks, colors = (
        [text[:LONGEST].strip() for text in sent.getlist(name) if isinstance(text, str)]
        for name in ("style", "weight", "style_mask", "style_color")
    )
    missing = max(len(weights), len(masks), 1) - len(styles)
    rows = zip_longest([""] * missing + styles, weights, masks, colors, fillvalue="")
    parts = [Part(style, weight or "1", mask, color) for style, weight, mask, color in rows]
    end = max((row for row, part in enumerate(parts) if part.style), default=0)
    return tuple(parts[: end + 1])[:MOST_PARTS]


def read_layers(text: str) -> dict[str, float]:
    """Weights by layer from "relu4_2 1, relu3_1 0.5"; a layer without a number has the weight 1.

    Raises:
        ValueError: that is not what the text says.
    """
    weights: dict[str, float] = {}
    for entry in text.split(","):
        found = LAYER.fullmatch(entry)
        weight = as_number(found[2] or "1") if found else None
        if not found or weight is None:
            raise ValueError(_("Write layers and their weights like this: relu4_2 1, relu3_1 0.5."))
        weights[found[1]] = weight
    return weights


def form_of(wish: PaintRequest) -> HomeForm:
    """The form that asks for this request."""
    parts = [Part(each.id, number(each.weight), each.mask or "", each.color or "") for each in wish.styles]
    return HomeForm(tuple(parts), settled({name: text_of(getattr(wish, name)) for name in OPTIONS}))


def address_of(wish: PaintRequest) -> str:
    """The home page's address for a request: photo, paintings, every option that is not as the page starts with it."""
    return "/?" + urlencode([("photo", wish.photo), *form_of(wish).fields()])
