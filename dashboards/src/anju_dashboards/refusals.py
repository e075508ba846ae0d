"""What was refused, in the reader's language: the one place where a refusal becomes words."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.responses import Response

from anju_dashboards.language import Language
from anju_dashboards.pages import Page
from anju_dashboards.words import N_
from anju_platform.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    Phrase,
    PlatformError,
    TooManyAttemptsError,
)

_Error = TypeVar("_Error", bound=Exception)
_Word = TypeVar("_Word")

REFUSED: Final = (
    ValidationError,
    InvalidRequestError,
    ConflictError,
    NotFoundError,
    TooManyAttemptsError,
)
"""What a form says above itself; anything else is a page of its own."""

_FIELD: Final = {
    "name": N_("Name"),
    "kind": N_("Kind"),
    "url": "URL",
    "roles": N_("Who reads the group"),
    "per_minute": N_("At most a minute"),
    "position": N_("Place in the order"),
    "least": N_("From which severity on"),
    "steps": N_("What is told"),
    "places": N_("Only in these places (short names, by commas)"),
    "target": N_("Address"),
    "reason": N_("Reason"),
    "minutes": N_("For how long"),
    "relation": N_("Relation"),
    "homes": N_("Home"),
    "role": N_("As what"),
    "username": N_("User name"),
    "password": N_("Password"),
}
"""Fields as their forms call them; others go by their own name."""

_FAULT: Final = {
    "missing": N_("is missing"),
    "string_too_short": N_("has {min_length} letters at least"),
    "string_too_long": N_("has {max_length} letters at most"),
    "string_pattern_mismatch": N_("is not spelt as it must be"),
    "too_short": N_("choose {min_length} at least"),
    "too_long": N_("choose {max_length} at most"),
    "int_parsing": N_("is a whole number"),
    "float_parsing": N_("is a number"),
    "greater_than_equal": N_("is {ge} at least"),
    "less_than_equal": N_("is {le} at most"),
    "enum": N_("is none of those there are"),
    "literal_error": N_("is none of those there are"),
}
"""What is wrong with a field, by Pydantic's word for it; its values stand in the braces."""
_OTHERWISE: Final = N_("is not as it should be")
_OF_FIELD: Final = N_("{field}: {fault}")
_PARTS: Final = ("body", "query", "path")
"""Of a request, as FastAPI names them before the field."""


def refusal_text(
    language: Language, error: PlatformError | ValidationError | RequestValidationError
) -> str:
    """Say why something was refused; in English, should nobody have translated it."""
    if isinstance(error, PlatformError):
        return error.phrase.said(language.gettext)
    faults = (_about_field(fault).said(language.gettext) for fault in error.errors())
    return language.gettext("; ").join(dict.fromkeys(faults))


def of_kind(words: Mapping[type[_Error], _Word], error: _Error) -> _Word:
    """Find what belongs to an error: the first of its kinds, so a narrower one stands before."""
    return next(word for kind, word in words.items() if isinstance(error, kind))


def do_or_say(
    page: Page, action: Callable[[], Response], again: Callable[[str], Response]
) -> Response:
    """Do it, or show the form ``again`` with what was wrong."""
    try:
        return action()
    except REFUSED as error:
        return again(refusal_text(page.language, error))


def _about_field(fault: Mapping[str, Any]) -> Phrase:
    field = next((str(step) for step in fault["loc"] if step not in _PARTS), None)
    if field is None:
        return _fault(fault)
    name = Phrase(_FIELD.get(field, field))
    return Phrase(_OF_FIELD, field=name, fault=_fault(fault))


def _fault(fault: Mapping[str, Any]) -> Phrase:
    values = fault.get("ctx", {})
    if fault["type"] == "value_error":  # a check of our own, which says so itself
        return Phrase(str(values.get("error", _OTHERWISE)))
    pattern = _FAULT.get(fault["type"])
    return Phrase(pattern, **values) if pattern else Phrase(_OTHERWISE)
