"""Where the sentences of a refused form belong: each beside the control that caused it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ValidationError

from app import refusals
from app.pages.controls import CONTROLS, FOLDS, MOST_PARTS, Place
from app.refusals import RefusalError
from app.retelling import retold
from app.translation import _, initial

# Places of sentences that are of no single option: the head of all, the blend, the part of the photo for each painting.
OTHERS: dict[str, Place] = {"options": "options", "weight": "blend"}
OTHERS |= {f"style_{row}": "blend" for row in range(MOST_PARTS)}
OUTSIDE = {"photo", "style", "own_painting", "start_job", "submit"}


class UnfitError(RefusalError):
    """Several options do not fit; `places` has a sentence for each, by the name of its control."""

    def __init__(self, places: Mapping[str, str]) -> None:
        super().__init__(refusals.OPTIONS_INVALID, what=" ".join(places.values()))
        self.places = places


def places_of(error: ValidationError, more: Collection[str] = ()) -> dict[str, str]:
    """A sentence for each option that does not fit, by the name of its control; `more` are those of another page."""
    found: dict[str, str] = {}
    for each in error.errors():
        name = str(each["loc"][0]) if each["loc"] else "options"
        found.setdefault(name if name in more else placed(name), sentence(each))
    return found


def placed(name: str) -> str:
    """The place of a refusal's sentence: its control, or the head of the options where the page has none for it. What
    is said of one painting stands with the blend.
    """
    name = {"styles": "weight", "painting": "own_painting"}.get(name, name)
    return name if name in CONTROLS or name in OTHERS or name in OUTSIDE else "options"


def folds_around(name: str) -> tuple[str, ...]:
    """The folds that have to be open for a sentence to be seen, by the name of its place."""
    if name in CONTROLS:
        return FOLDS[CONTROLS[name].place]
    return FOLDS[OTHERS[name]] if name in OTHERS else ()


def sentence(error: Mapping[str, Any]) -> str:
    """What a person has to change, beside the control and so without its name."""
    limits, given = error.get("ctx", {}), str(error.get("input", ""))[:80]
    match str(error["type"]):
        case "less_than_equal":
            return _("Choose at most {most}.").format(most=f"{limits['le']:g}")
        case "greater_than_equal":
            return _("Choose at least {least}.").format(least=f"{limits['ge']:g}")
        case "greater_than":
            return _("Choose more than {least}.").format(least=f"{limits['gt']:g}")
        case "literal_error" if "[key]" in error["loc"]:
            return _("There is no layer “{given}”.").format(given=given)
        case "literal_error":
            return _("“{given}” is not one of the choices.").format(given=given)
        case "string_pattern_mismatch":
            return _("“{given}” is nothing that was given out here.").format(given=given)
        case "float_parsing" | "int_parsing" | "finite_number":
            return _("“{given}” is not a number that fits here.").format(given=given)
        case "bool_parsing":
            return _("“{given}” is neither true nor false.").format(given=given)
        case "int_from_float":
            return _("Choose a whole number.")
    message = str(error["msg"]).removeprefix("Value error, ").rstrip(".")
    return retold(initial(f"{message}."))
