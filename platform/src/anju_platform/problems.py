"""How every refusal is said over HTTP: problem details (RFC 9457), as ``docs/api.md`` lists them.

``type`` is for programs and stays the same, ``detail`` is for people, ``instance`` names this one
occurrence: what failed here stands under it in the log.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import DataError, OperationalError
from starlette.exceptions import HTTPException

from anju_platform.errors import DatabaseUnavailableError, InvalidRequestError, PlatformError

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
INTERNAL = "internal"
"""The word of what nobody foresaw."""
PLAIN = "about:blank"
"""The type of what HTTP itself says all about: no such address, another method."""

FAILURES: tuple[type[Exception], ...] = (
    PlatformError,
    HTTPException,
    RequestValidationError,
    DataError,
    OperationalError,
    Exception,
)
"""What is answered in words of our own."""


class Fault(BaseModel):
    """One thing that is wrong with a request: where (``in`` its body, query ...), and what.

    ``pointer`` is a JSON pointer within that part, as a URI fragment.
    """

    model_config = ConfigDict(populate_by_name=True)

    part: str = Field(alias="in")
    pointer: str
    detail: str


class Problem(BaseModel):
    """Every refusal (RFC 9457): ``type`` for programs, ``title`` and ``detail`` for people.

    ``instance`` names this occurrence. ``errors`` says what is wrong where, if the request itself
    was. A conflict carries the present state beside these (``alert``, ``rule``), a rule whose
    tests fail their results (``trials``).
    """

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: tuple[Fault, ...] | None = None


@dataclass(frozen=True, slots=True)
class _Answer:
    """What is said of an error."""

    type: str
    title: str
    status: int
    detail: str
    members: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


def type_of(word: str) -> str:
    """Give the URI by which programs know a kind of problem, relative to the platform's own."""
    return f"/problems/{word}"


def kinds() -> Mapping[str, str]:
    """Give the words of all kinds there are, with their titles."""
    return {kind.word(): kind.title for kind in _below(PlatformError)} | {
        INTERNAL: PlatformError.title
    }


def _below(kind: type[PlatformError]) -> Iterator[type[PlatformError]]:
    for each in kind.__subclasses__():
        yield each
        yield from _below(each)


async def answer_problem(_request: Request, error: Exception) -> JSONResponse:
    """Answer any error as a :class:`Problem`; what was not foreseen says nothing of its inside."""
    instance = uuid4().urn
    said = _said(error, instance)
    content = {
        "type": said.type,
        "title": said.title,
        "status": said.status,
        "detail": said.detail,
        "instance": instance,
    }
    return JSONResponse(
        {**said.members, **content},
        status_code=said.status,
        headers=dict(said.headers),
        media_type=MEDIA_TYPE,
    )


def _said(error: Exception, instance: str) -> _Answer:
    match error:
        case PlatformError():
            return _of(type(error), str(error), error.members())
        case RequestValidationError():
            faults = _faults(error.errors())
            return _of(InvalidRequestError, _in_words(error.errors()), {"errors": faults})
        case HTTPException():
            title = HTTPStatus(error.status_code).phrase
            headers = error.headers or {}
            return _Answer(PLAIN, title, error.status_code, str(error.detail), headers=headers)
        case DataError():  # a character or number that PostgreSQL cannot hold
            log.warning("refused what the database cannot hold: %s", type(error.orig).__name__)
            return _of(InvalidRequestError, "it holds a character or number nobody can keep")
        case OperationalError():
            log.error("the database does not answer: %s (%s)", error.orig, instance)
            return _of(DatabaseUnavailableError, "the database does not answer; try again")
        case _:
            log.error("a request failed (%s)", instance, exc_info=error)
            return _Answer(
                type_of(INTERNAL),
                PlatformError.title,
                HTTPStatus.INTERNAL_SERVER_ERROR,
                "something failed here; it is in the log",
            )


def _of(
    kind: type[PlatformError], detail: str, members: Mapping[str, Any] | None = None
) -> _Answer:
    return _Answer(type_of(kind.word()), kind.title, kind.status, detail, members or {})


def _faults(found: Sequence[Any]) -> list[dict[str, str]]:
    """Say what is wrong where, without repeating what was sent (it may be a password)."""
    return [
        Fault(part=str(where), pointer=_pointer(steps), detail=fault["msg"]).model_dump(
            by_alias=True
        )
        for fault in found
        for where, *steps in [fault["loc"]]
    ]


def _pointer(steps: Sequence[str | int]) -> str:
    """Write a JSON pointer (RFC 6901)."""
    parts = (str(step).replace("~", "~0").replace("/", "~1") for step in steps)
    return "#" + "".join(f"/{part}" for part in parts)


def _in_words(found: Sequence[Any]) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in found
    )
