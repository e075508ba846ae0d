"""One home on its family's telephone: reads and posts without JavaScript, too."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from pydantic import AwareDatetime
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse, JSONResponse, Response

from anju_dashboards.consent import matrix
from anju_dashboards.family.band import band
from anju_dashboards.pages import (
    CurrentPage,
    Page,
    see_other,
    visitor_clock,
    visitor_language,
)
from anju_dashboards.rendering import Renderer, static
from anju_dashboards.words import N_
from anju_platform.alerts import service as alerts
from anju_platform.alerts.going import GOES_FOR
from anju_platform.alerts.schemas import AlertView
from anju_platform.alerts.service import AlertChangedError
from anju_platform.auth.dependencies import require
from anju_platform.auth.rights import Right
from anju_platform.care import homes, weekly
from anju_platform.consent.service import own_consents
from anju_platform.database import reading, transaction
from anju_platform.errors import InvalidRequestError
from anju_platform.notifications import listing
from anju_platform.notifications.receipts import ReceiptKind, take

router = APIRouter(include_in_schema=False)
_FAMILY = [require(Right.OWN_HOMES)]

SCREEN = "family"
"""The screen's name in timelines."""
_AWAY_HOURS = (4, 24, 72, 168)
_OFFLINE = {
    "title": N_("No connection"),
    "lines": (
        N_("The platform cannot be reached, so nobody can say here how things are."),
        N_("What you just sent may not have arrived."),
    ),
    "call": N_("Emergency: call 120"),
    "again": N_("Try again"),
}


@router.get("/family.webmanifest")
def manifest(request: Request) -> Response:
    """Say how a telephone keeps the page among its applications."""
    language = visitor_language(request)
    return JSONResponse(
        {
            "id": "/family",
            "name": language.gettext("Anju: family"),
            "short_name": language.gettext("Anju"),
            "lang": language.tag,
            "start_url": "/family",
            "scope": "/",
            "display": "standalone",
            "background_color": "#f6f4ef",
            "theme_color": "#f6f4ef",
            "icons": [
                {"src": static("icons/192.png"), "sizes": "192x192", "type": "image/png"},
                {"src": static("icons/512.png"), "sizes": "512x512", "type": "image/png"},
                {
                    "src": static("icons/512-maskable.png"),
                    "sizes": "512x512",
                    "type": "image/png",
                    "purpose": "maskable",
                },
            ],
        },
        media_type="application/manifest+json",
    )


@router.get("/offline")
def offline(request: Request) -> Response:
    """Say that there is no connection: the service worker keeps this page for when it is so."""
    renderer: Renderer = request.app.state.renderer
    return HTMLResponse(
        renderer.render(
            "family/offline.html", visitor_language(request), visitor_clock(), **_OFFLINE
        )
    )


@router.get("/family", dependencies=_FAMILY)
def family(
    page: CurrentPage,
    home: Annotated[str | None, Query(max_length=64)] = None,
    *,
    part: bool = False,
) -> Response:
    """Show a home, or the one that is worst; ``part``: what has become of it since."""
    return _draw(page, home, part=part)


@router.get("/family/alerts/{alert_id}", dependencies=_FAMILY)
def of_an_alert(page: CurrentPage, alert_id: UUID) -> Response:
    """Go to the home an alert is about, as a message's link does."""
    with reading(page.engine) as session:
        return see_other(f"/family?home={homes.home_of_alert(session, page.actor, alert_id)}")


@router.post("/family/{slug}/away", dependencies=_FAMILY)
def away(
    page: CurrentPage,
    slug: str,
    until: Annotated[str, Form(max_length=40)] = "",
    hours: Annotated[int, Form(ge=0, le=24 * 90)] = 0,
) -> Response:
    """Declare a home away, until a day and time on the site or for some hours."""
    try:
        wanted = page.clock.now + timedelta(hours=hours) if hours else page.clock.moment(until)
        _act(page, lambda session: homes.declare_away(session, page.actor, slug, wanted))
    except (InvalidRequestError, ValueError, OverflowError):
        fault = page.text("Say until when: a time to come, within 90 days.")
        return _draw(page, slug, fault=fault)
    return see_other(f"/family?home={slug}")


@router.post("/family/{slug}/back", dependencies=_FAMILY)
def back(page: CurrentPage, slug: str) -> Response:
    """Say that somebody is at home again."""
    _act(page, lambda session: homes.declare_back(session, page.actor, slug))
    return see_other(f"/family?home={slug}")


@router.post("/family/{slug}/weekly", dependencies=_FAMILY)
def wish_weekly(
    page: CurrentPage,
    slug: str,
    weekday: Annotated[int, Form(ge=0, le=6)],
    hour: Annotated[int, Form(ge=0, le=23)],
) -> Response:
    """Wish to hear of the week on a day and hour of the site."""
    _act(page, lambda session: weekly.wish(session, page.actor, slug, weekday, hour))
    return see_other(f"/family?home={slug}")


@router.post("/family/{slug}/weekly/stop", dependencies=_FAMILY)
def stop_weekly(page: CurrentPage, slug: str) -> Response:
    """Wish to hear of it no more."""
    _act(page, lambda session: weekly.wish_no_more(session, page.actor, slug))
    return see_other(f"/family?home={slug}")


@router.post("/family/{slug}/going/{alert_id}", dependencies=_FAMILY)
def go(page: CurrentPage, slug: str, alert_id: UUID) -> Response:
    """Say that one goes there; whoever goes already is named."""
    try:
        _act(page, lambda session: alerts.go(session, page.actor, alert_id, screen=SCREEN))
    except AlertChangedError as changed:
        return _draw(page, slug, fault=_faster(page, changed.alert), status=409)
    return see_other(f"/family?home={slug}")


@router.post("/family/{slug}/staying/{alert_id}", dependencies=_FAMILY)
def stay(page: CurrentPage, slug: str, alert_id: UUID) -> Response:
    """Say that one does not go after all."""
    _act(page, lambda session: alerts.stay(session, page.actor, alert_id, screen=SCREEN))
    return see_other(f"/family?home={slug}")


@router.get("/family/{slug}/looks", dependencies=_FAMILY)
def looks(
    page: CurrentPage, slug: str, before: Annotated[AwareDatetime | None, Query()] = None
) -> Response:
    """Show what is shared of a home, and who looked at what concerns it."""
    with reading(page.engine) as session:
        home = homes.own_home(session, page.actor, slug)
        found = homes.looks(session, page.actor, slug, before=before)
        words = own_consents(session, page.actor, slug)
    names = {f"device:{one.slug}": (one.name, one.name_en) for one in words.sensors}
    looked = [
        {**dict(look), "what": page.language.pick(*names[look.subject])}
        if look.subject in names
        else {**dict(look), "what": ""}
        for look in found
    ]
    shared = [
        (
            matrix.viewer_text(page, one.viewer, one.viewer_name),
            matrix.sensors_text(page, one.sensors, words),
            one,
        )
        for one in words.in_force
    ]
    more = quote(found[-1].at.isoformat()) if len(found) == homes.MOST_LOOKS else None
    return page.html("family/looks.html", looks=looked, home=home, shared=shared, more=more)


def _act(page: Page, action: Callable[[Session], object]) -> None:
    with transaction(page.engine) as session:
        action(session)


def _faster(page: Page, alert: AlertView) -> str:
    if alert.going is not None:
        return page.text("%(name)s goes there already.", name=alert.going)
    return page.text("It is over already.")


def _ago(page: Page) -> Callable[[datetime], str]:
    """Say how long ago something was, as one says it of one's mother."""

    def ago(at: datetime) -> str:
        minutes = int((page.clock.now - at) / timedelta(minutes=1))
        hours, rest = divmod(minutes, 60)
        if minutes < 1:
            return page.text("just now")
        if hours < 1:
            return page.text("%(n)s min ago", n=minutes)
        if hours < 48:  # noqa: PLR2004 - from then on days are counted
            return page.text("%(h)s h %(m)s min ago", h=hours, m=rest)
        return page.text("%(n)s days ago", n=hours // 24)

    return ago


def _draw(
    page: Page, slug: str | None, *, part: bool = False, fault: str = "", status: int | None = None
) -> Response:
    with transaction(page.engine) as session:
        own, view = homes.family_view(session, page.actor, slug, page.clock.now)
        shown = [alert.id for alert in view.alerts]
        take(session, page.actor, shown, ReceiptKind.SEEN)
        is_reached = listing.has_proven(session, page.actor.user_id)
    return page.html(
        "family/part.html" if part else "family/home.html",
        status=status or (422 if fault else 200),
        view=view,
        own=own,
        band=band(view.activity, page.clock.local(page.clock.now).hour) if view.activity else None,
        away_hours=_AWAY_HOURS,
        weekly_hours=weekly.HOURS,
        goes_for=GOES_FOR,
        ago=_ago(page),
        is_reached=is_reached,
        fault=fault,
    )
