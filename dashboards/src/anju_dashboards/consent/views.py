"""The pages of one home's consents: what was said of it, and the sheet to sign."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Form
from pydantic import ValidationError
from sqlalchemy.orm import Session
from starlette.responses import Response

from anju_dashboards.consent import matrix
from anju_dashboards.pages import CurrentPage, Page, see_other
from anju_platform.auth.dependencies import require
from anju_platform.auth.model import Role, User
from anju_platform.auth.repository import users
from anju_platform.auth.rights import Right
from anju_platform.consent import erasing, service
from anju_platform.consent.schemas import ConsentBody, HomeConsents, WithdrawBody
from anju_platform.database import reading, transaction
from anju_platform.duty import repository as duty
from anju_platform.errors import ConflictError, InvalidRequestError
from anju_platform.sharing.model import EVERYBODY, GROUP, How, Purpose

router = APIRouter(include_in_schema=False, dependencies=[require(Right.KEEP_CONSENT)])
_ERASE = [require(Right.ERASE_CARE)]

Words = Annotated[str, Form(max_length=100)]
Note = Annotated[str, Form(max_length=500)]
_SHOWN = 50
"""So many of the words that were said are listed."""


@router.get("/consents/{slug}")
def home(page: CurrentPage, slug: str) -> Response:
    """Show who sees what of a home."""
    return _draw(page, slug)


@router.get("/consents/{slug}/sheet")
def sheet(page: CurrentPage, slug: str) -> Response:
    """Show the same as a sheet to be printed and signed."""
    with reading(page.engine) as session:
        found = service.home_consents(session, page.actor, slug)
        groups = _groups_named(session, page, found)
    return page.html(
        "consent/sheet.html", section="/consents", groups=groups, **_context(page, found)
    )


@router.post("/consents/{slug}")
def give(
    page: CurrentPage,
    slug: str,
    *,
    person: Words,
    viewer: Words,
    sensors: Words,
    purpose: Annotated[Purpose, Form()],
    how: Annotated[How, Form()],
    given: Annotated[bool, Form()] = True,
    until: Annotated[str, Form(max_length=10)] = "",
    given_by: Words = "",
    note: Note = "",
) -> Response:
    """Write down that somebody gave their word, or said no."""
    said = {"person": person, "viewer": viewer, "sensors": sensors, "purpose": purpose}
    said |= {"how": how, "given_by": given_by, "note": note}
    try:
        body = ConsentBody.model_validate(said | {"given": given, "ends_at": _end_of(page, until)})
    except (ValidationError, ValueError):
        return _draw(page, slug, fault=page.text("Choose a day to come for its end, or none."))
    return _act(page, slug, lambda session: service.give(session, page.actor, slug, body), said)


@router.post("/consents/{slug}/{consent_id}/withdraw")
def withdraw(
    page: CurrentPage,
    slug: str,
    consent_id: int,
    *,
    how: Annotated[How, Form()],
    given_by: Words = "",
    note: Note = "",
) -> Response:
    """Write down that somebody took their word back."""
    body = WithdrawBody.model_validate({"how": how, "given_by": given_by, "note": note})
    action = partial(
        service.withdraw, actor=page.actor, slug=slug, consent_id=consent_id, body=body
    )
    return _act(page, slug, action)


@router.post("/consents/{slug}/erase/{device}", dependencies=_ERASE)
def erase(page: CurrentPage, slug: str, device: str) -> Response:
    """Delete for good what a sensor has said."""
    action = partial(erasing.erase, actor=page.actor, slug=slug, device_slug=device)
    return _act(page, slug, action)


def _act(
    page: Page, slug: str, action: Callable[[Session], object], said: dict[str, Any] | None = None
) -> Response:
    try:
        with transaction(page.engine) as session:
            action(session)
    except InvalidRequestError:
        fault = page.text("This does not go together. Look at whom, what and until when.")
        return _draw(page, slug, fault=fault, said=said)
    except ConflictError:
        fault = page.text("Somebody was faster. This is how it stands now.")
        return _draw(page, slug, fault=fault, status=409)
    return see_other(f"/consents/{slug}")


def _end_of(page: Page, until: str) -> datetime | None:
    if not until:
        return None
    return page.clock.moment(f"{until} 23:59:59")


def _draw(
    page: Page,
    slug: str,
    *,
    fault: str | None = None,
    said: dict[str, Any] | None = None,
    status: int = 422,
) -> Response:
    with reading(page.engine) as session:
        found = service.home_consents(session, page.actor, slug)
        people = [(f"user:{one.id}", one.name) for one in _lookers(session, page)]
        groups = [
            (f"{GROUP}{one.id}", matrix.viewer_text(page, f"{GROUP}{one.id}", one.name))
            for one in duty.groups(session, page.community.id)
        ]
    viewers = [
        (f"role:{role}", matrix.viewer_text(page, f"role:{role}"))
        for role in (*service.VIEWERS, Role.INSTALLER)
    ]
    return page.html(
        "consent/home.html",
        status=status if fault else 200,
        section="/consents",
        fault=fault,
        said=dict.fromkeys(("person", "viewer", "sensors", "purpose"), "") | (said or {}),
        has_groups=bool(groups),
        viewers=[*viewers, *groups, *people, (EVERYBODY, page.text("everybody"))],
        **_context(page, found),
    )


def _groups_named(session: Session, page: Page, home: HomeConsents) -> list[tuple[str, list[str]]]:
    """Give the groups of which something was said, with who is in each now."""
    named = {one.viewer for one in home.in_force}
    members = duty.members(session, page.community.id)
    return [
        (one.name, [user.name for user in members.get(one.id, ())])
        for one in duty.groups(session, page.community.id)
        if f"{GROUP}{one.id}" in named
    ]


def _lookers(session: Session, page: Page) -> list[User]:
    """Give the people of whom something may be said by name."""
    roles = {*service.VIEWERS, *service.MENDERS} - {Role.FAMILY}
    return [one for one in users(session, page.community.id) if one.role in roles]


def _context(page: Page, home: HomeConsents) -> dict[str, Any]:
    people = home.people or ("",)
    return {
        "home": home,
        "tables": [(person, matrix.lines(page, home, person)) for person in people],
        "columns": matrix.COLUMNS,
        "learning": [one for one in home.in_force if one.purpose is Purpose.STATISTICS],
        "history": home.words[:_SHOWN],
        "sensors_text": partial(matrix.sensors_text, page, home=home),
        "viewer_text": partial(matrix.viewer_text, page),
    }
