"""Who did and saw what: filtered, paged from one entry to the next, exported."""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import partial
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from anju_dashboards.audit.details import details
from anju_dashboards.pages import CurrentPage, Page, plain_text
from anju_dashboards.words import N_
from anju_platform.audit.model import AuditEntry
from anju_platform.audit.repository import AuditFilter, entries, entries_after
from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import require
from anju_platform.auth.rights import Right
from anju_platform.database import reading, transaction
from anju_platform.errors import InvalidRequestError
from anju_platform.export import csv_response

router = APIRouter(include_in_schema=False, dependencies=[require(Right.READ_AUDIT)])

PAGE_SIZE = 100
MOST_EXPORTED = 10_000
USUAL_SPAN = timedelta(days=7)
_LONGEST = 100
_COLUMNS = ("id", "at", "person", "action", "about", "address", "details")

GROUP: Final = {
    "alert.": N_("alerts"),
    "care.": N_("reading of care data"),
    "media.": N_("pictures looked at"),
    "rule.": N_("rules"),
    "device.": N_("devices"),
    "gateway.": N_("Gateways"),
    "place.": N_("places"),
    "plan.": N_("the plan"),
    "auth.": N_("log-ins"),
    "second_factor.": N_("the two-step log-in"),
    "user.": N_("accounts"),
    "token.": N_("tokens of programs"),
    "home.": N_("homes"),
    "homes.": N_("the list of homes"),
    "consent.": N_("consent"),
    "rota.": N_("duty rotas"),
    "group.": N_("groups of people"),
    "maintenance.": N_("maintenance work"),
    "drill.": N_("drills"),
    "channel.": N_("channels"),
    "webhook.": N_("other systems"),
    "escalation.": N_("escalation"),
    "address.": N_("addresses of people"),
}

ACTION: Final = {
    "alert.acked": N_("took an alert on"),
    "alert.commented": N_("wrote a note"),
    "alert.dispatched": N_("sent somebody"),
    "alert.closed": N_("closed an alert"),
    "alert.shelved": N_("shelved an alert"),
    "alert.shelf_asked": N_("wished to shelve an alert"),
    "alert.unshelved": N_("ended a shelving"),
    "alert.card_opened": N_("opened an emergency card"),
    "alert.going": N_("went to look"),
    "alert.not_going": N_("does not go after all"),
    "alert.handed_over": N_("passed an alert on at the change of shift"),
    "alert.explained": N_("asked why an alert rang"),
    "alerts.exported": N_("exported alerts"),
    "devices.exported": N_("exported devices"),
    "people.exported": N_("exported the list of people"),
    "consents.exported": N_("exported how homes stand with consent"),
    "quarantine.exported": N_("exported what could not be taken in"),
    "windows.exported": N_("exported work and drills"),
    "reports.exported": N_("exported a report"),
    "reports.printed": N_("printed a report"),
    "audit.exported": N_("exported the audit"),
    "care.read": N_("read care data"),
    "care.erased": N_("deleted what a sensor has said"),
    "media.viewed": N_("looked at a picture"),
    "auth.login": N_("logged in"),
    "auth.password": N_("gave a password and owes a code"),
    "auth.vouched": N_("was vouched for by another provider and owes a code"),
    "auth.linked": N_("linked a log-in by another provider"),
    "auth.unlinked": N_("unlinked a log-in by another provider"),
    "auth.logout": N_("logged out"),
    "auth.refused": N_("was refused at the log-in"),
    "auth.ended": N_("ended a log-in"),
    "second_factor.on": N_("turned the two-step log-in on"),
    "second_factor.off": N_("turned the two-step log-in off"),
    "second_factor.codes": N_("made new recovery codes"),
    "second_factor.reset": N_("reset somebody's two-step log-in"),
    "rule.created": N_("made a rule"),
    "rule.saved": N_("saved a version of a rule"),
    "rule.activated": N_("put a rule in force"),
    "rule.deactivated": N_("switched a rule off"),
    "rule.backtested": N_("started a back-test"),
    "rule.backtest_cancelled": N_("cancelled a back-test"),
    "device.added": N_("approved a device"),
    "device.approved": N_("brought a device back"),
    "device.retired": N_("retired a device"),
    "device.replaced": N_("replaced a device"),
    "gateway.revoked": N_("cut a gateway off"),
    "gateway.rotated": N_("gave a gateway a new secret"),
    "device.moved": N_("put a device elsewhere on the plan"),
    "place.added": N_("added a place"),
    "place.changed": N_("changed a place"),
    "place.retired": N_("retired a place"),
    "place.restored": N_("brought a place back"),
    "plan.picture_put": N_("put a picture under the plan"),
    "plan.picture_placed": N_("moved the plan's picture"),
    "plan.picture_removed": N_("took the plan's picture away"),
    "user.invited": N_("invited somebody"),
    "user.uninvited": N_("withdrew an invitation"),
    "user.accepted": N_("took an invitation up"),
    "user.added": N_("added an account"),
    "user.password": N_("gave a new password"),
    "user.disabled": N_("shut somebody out"),
    "user.enabled": N_("let somebody in again"),
    "token.made": N_("gave a program a token"),
    "token.revoked": N_("revoked a token"),
    "home.away": N_("declared a home away"),
    "home.back": N_("declared a home back"),
    "home.weekly": N_("wished for the weekly message"),
    "home.weekly_off": N_("wished for no weekly message any more"),
    "homes.imported": N_("brought homes in from a spreadsheet"),
    "homes.exported": N_("exported the list of homes"),
    "consent.given": N_("wrote down that somebody agrees"),
    "consent.withdrawn": N_("wrote down that somebody does not agree"),
    "rota.added": N_("added a rota"),
    "rota.changed": N_("changed a rota"),
    "rota.removed": N_("removed a rota"),
    "rota.override_added": N_("added an exception to a rota"),
    "rota.override_removed": N_("removed an exception from a rota"),
    "rota.taken_over": N_("took a shift over"),
    "group.added": N_("added a group"),
    "group.changed": N_("changed a group"),
    "group.removed": N_("removed a group"),
    "maintenance.planned": N_("planned work"),
    "maintenance.ended": N_("ended work early"),
    "drill.planned": N_("planned a drill"),
    "drill.ended": N_("ended a drill early"),
    "channel.added": N_("added a channel"),
    "channel.changed": N_("changed a channel"),
    "channel.removed": N_("removed a channel"),
    "channel.tried": N_("tried a channel"),
    "webhook.added": N_("added another system"),
    "webhook.changed": N_("changed another system"),
    "webhook.removed": N_("removed another system"),
    "webhook.tried": N_("tried another system"),
    "webhook.resumed": N_("told another system again"),
    "webhook.secret_renewed": N_("gave another system a new secret"),
    "webhook.sent_again": N_("sent messages to another system again"),
    "address.added": N_("added an address"),
    "address.removed": N_("removed an address"),
    "address.code_sent": N_("had a code sent to an address"),
    "address.proven": N_("proved an address"),
    "address.tried": N_("tried an address"),
    "escalation.changed": N_("changed an escalation plan"),
    "escalation.removed": N_("removed an escalation plan"),
    "screen.retired": N_("retired a duty desk"),
    "community.imported": N_("imported the community's file"),
    "retention.changed": N_("changed how long data are kept"),
}
"""What was done, in words; what is not here is shown as it is written down."""

ABOUT: Final = {
    "alert": N_("alert"),
    "device": N_("device"),
    "household": N_("home"),
    "user": N_("account"),
    "rule": N_("rule"),
    "rota": N_("rota"),
    "group": N_("group"),
    "place": N_("place"),
    "window": N_("work or drill"),
    "webhook": N_("other system"),
    "channel": N_("channel"),
    "escalation": N_("plan"),
    "address": N_("address"),
    "token": N_("token"),
    "invitation": N_("invitation"),
    "media": N_("picture"),
    "import": N_("file"),
}
"""What an entry is about, by how its subject begins."""

_PAGES = {
    "alert": ("/alerts/", Right.SEE_ALERTS),
    "device": ("/devices/", Right.SEE_DEVICES),
    "rule": ("/rules/", Right.SEE_RULES),
    "place": ("/places?at=", Right.SEE_DEVICES),
    "household": ("/homes/", Right.SEE_HOMES),
    "rota": ("/rota#rota-", Right.WATCH),
    "webhook": ("/webhooks/", Right.KEEP_CHANNELS),
}
"""Where the page of what an entry is about stands, and who may open it."""


@router.get("/audit")
def audit(page: CurrentPage) -> Response:
    """Show the entries that match, newest first."""
    try:
        wanted = _filter(page)
    except ValueError:
        return _senseless(page)
    try:
        with reading(page.engine) as session:
            after = page.request.query_params.get("after") or None
            found, onward = entries_after(
                session, page.community.id, wanted, after=after, limit=PAGE_SIZE
            )
            session.expunge_all()
    except InvalidRequestError:
        return _senseless(page)
    return _draw(page, found, onward)


@router.get("/audit.csv")
def audit_csv(page: CurrentPage) -> Response:
    """Give the newest entries that match as a table for a spreadsheet, and put it on record."""
    try:
        wanted = _filter(page)
    except ValueError:
        return _senseless(page)
    with transaction(page.engine) as session:
        found = entries(session, page.community.id, wanted, limit=MOST_EXPORTED)
        rows = [_csv_row(page, entry) for entry in found]
        record(session, page.actor, "audit.exported", "audit", {"rows": len(rows)})
    return csv_response("audit.csv", _COLUMNS, rows)


def _senseless(page: Page) -> Response:
    fault = page.text("One of the filters makes no sense; choose it again.")
    return _draw(page, [], None, fault=fault)


def _draw(
    page: Page, found: list[AuditEntry], onward: str | None, fault: str | None = None
) -> Response:
    given = _given(page)
    given.setdefault("start", (page.clock.local(page.clock.now) - USUAL_SPAN).date().isoformat())
    return page.html(
        "audit/audit.html",
        status=422 if fault else 200,
        section="/audit",
        entries=found,
        onward=onward,
        groups=GROUP,
        actions=ACTION,
        link=partial(_link, page.actor),
        about=partial(_about, page),
        details=partial(details, page),
        query=given,
        most_exported=MOST_EXPORTED,
        fault=fault,
    )


def _given(page: Page) -> dict[str, str]:
    return {name: value for name, value in page.request.query_params.items() if value}


def _filter(page: Page) -> AuditFilter:
    """Read the filters; without a day to begin with, it is the last week.

    Raises:
        ValueError: one of them makes no sense.
    """
    given = _given(page)
    action = given.get("action")
    if action is not None and action not in GROUP and action not in ACTION:
        raise ValueError(action)
    since = page.clock.now - USUAL_SPAN
    start, end = given.get("start"), given.get("end")
    return AuditFilter(
        action=action,
        person=_text(given, "person"),
        about=_text(given, "about"),
        since=page.clock.midnight(date.fromisoformat(start)) if start else since,
        before=page.clock.midnight(date.fromisoformat(end), after=1) if end else None,
    )


def _text(given: Mapping[str, str], name: str) -> str | None:
    text = plain_text(given.get(name, "").strip())
    if text is not None and len(text) > _LONGEST:
        raise ValueError(text)
    return text


def _link(actor: Actor, subject: str) -> str | None:
    """Give the page of what an entry is about, if it has one that the actor may open."""
    kind, _, name = subject.partition(":")
    if not name or kind not in _PAGES:
        return None
    address, right = _PAGES[kind]
    return f"{address}{name}" if actor.may(right) else None


def _about(page: Page, subject: str) -> tuple[str, str]:
    """Give what an entry is about: its kind in words, if that is known, and its name."""
    kind, _, name = subject.partition(":")
    return (page.text(ABOUT[kind]), name) if name and kind in ABOUT else ("", subject)


def _csv_row(page: Page, entry: AuditEntry) -> dict[str, object]:
    return {
        "id": entry.id,
        "at": page.clock.full(entry.at),
        "person": entry.actor,
        "action": entry.action,
        "about": entry.subject,
        "address": entry.address,
        "details": "; ".join(f"{name}: {value}" for name, value in entry.data.items()),
    }
