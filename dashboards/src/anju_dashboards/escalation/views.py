"""Plans of escalation on pages: in words, edited, and rehearsed, with or without JS."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Form, Query
from sqlalchemy.orm import Session
from starlette.responses import Response

from anju_dashboards import words
from anju_dashboards.escalation.draft import Draft, span_text
from anju_dashboards.pages import CurrentPage, Page, see_other
from anju_dashboards.recipients import Recipients
from anju_dashboards.refusals import refusal_text
from anju_platform.alerts.policy import FIRST
from anju_platform.auth.dependencies import require
from anju_platform.auth.rights import TOLD, Right
from anju_platform.database import reading, transaction
from anju_platform.duty import groups
from anju_platform.duty import repository as duty
from anju_platform.errors import ConflictError, InvalidRequestError, NotFoundError
from anju_platform.escalation import rehearsal, service
from anju_platform.escalation.schemas import PolicyText, PolicyView, Severity
from anju_platform.registry.listing import places
from anju_platform.registry.places.service import find_place

router = APIRouter(include_in_schema=False)
_SEE = [require(Right.SEE_PLANS)]
_KEEP = [require(Right.KEEP_PLANS)]
_CONTACTS = 4
"""So many of a home's contacts are offered; a plan that names more keeps them."""

Where = Annotated[str, Query(max_length=64)]
Choice = tuple[str, str]
"""A target, and what it is called."""


@router.get("/escalation", dependencies=_SEE)
def plans_page(page: CurrentPage) -> Response:
    """Show the plans in words, and who changed them."""
    return _plans(page)


def _plans(page: Page, fault: str | None = None) -> Response:
    with reading(page.engine) as session:
        known = service.plans(session, page.actor)
        names = Recipients.read(page, session)
        there = places(session, page.community.id)
        changes = service.changes(session, page.actor)
    return page.html(
        "escalation/plans.html",
        status=422 if fault else 200,
        section="/rota",
        known=[(one, in_words(page, one.policy, names)) for one in known],
        labels={one.slug: page.language.pick(one.label, one.label_en) for one in there},
        changes=[
            (one, in_words(page, one.after, names) if one.after else ()) for one in changes[:20]
        ],
        fault=fault,
    )


def in_words(page: Page, plan: PolicyText, names: Recipients) -> list[Choice]:
    """Say of each step when it comes and whom it calls, and how it goes on."""
    lines = [(span_text(page, one.after_s), names.say_all(one.to)) for one in plan.steps]
    again = page.text("and again, each time after twice as long, up to an hour")
    return [*lines, (span_text(page, plan.repeat_s), again)]


@router.get("/escalation/rehearsal", dependencies=_SEE)
def rehearse(
    page: CurrentPage,
    severity: Severity,
    place: Where = "",
    at: Annotated[str, Query(max_length=32)] = "",
) -> Response:
    """Show who would be called; nobody is."""
    try:
        moment = page.clock.moment(at) if at else None
        with transaction(page.engine) as session:
            calls = rehearsal.rehearse(session, page.actor, severity, place.strip() or None, moment)
            there = places(session, page.community.id)
    except NotFoundError:
        return _plans(page, page.text("There is no place of that name; choose one of the list."))
    except (ValueError, InvalidRequestError):
        return _plans(page, page.text("Choose a time within 62 days from now."))
    return page.html(
        "escalation/rehearsal.html",
        section="/rota",
        severity=severity,
        place=place.strip(),
        labels={one.slug: page.language.pick(one.label, one.label_en) for one in there},
        at=moment or page.clock.now,
        calls=[(one, span_text(page, one.after_s)) for one in calls],
    )


# -- writing a plan ------------------------------------------------------------------------------


@router.get("/escalation/plan", dependencies=_KEEP)
def edit_plan(page: CurrentPage, severity: Severity, place: Where = "") -> Response:
    """Show a plan to be changed: the place's own, else the one that holds there."""
    slug = place.strip() or None
    with reading(page.engine) as session:
        known = service.plans(session, page.actor)
        try:
            find_place(session, page.actor, slug)
        except NotFoundError:
            fault = page.text("There is no place of that name; choose one of the list.")
            return _plans(page, fault)
    own = _of(known, severity, slug)
    shown = own or _of(known, severity, None)
    seen = own.changed_at.isoformat() if own and own.changed_at else ""
    if shown is None:
        raise NotFoundError("there is no such plan")
    return _edit(page, Draft.of(severity, slug, shown.policy, seen))


def _of(known: Sequence[PolicyView], severity: int, place: str | None) -> PolicyView | None:
    return next((one for one in known if (one.severity, one.place) == (severity, place)), None)


@router.post("/escalation/plan", dependencies=_KEEP)
def save_plan(page: CurrentPage, draft: Annotated[Draft, Form()]) -> Response:
    """Put a plan in force, or change the draft as its buttons say."""
    if draft.changes_itself():
        return _edit(page, draft.changed())
    if faults := draft.faults(page):
        return _edit(page, draft, faults)
    try:
        with transaction(page.engine) as session:
            service.put(
                session,
                page.actor,
                draft.severity,
                draft.place or None,
                draft.plan(),
                seen=draft.seen,
            )
    except ConflictError:
        why = page.text("Somebody has changed this plan since you looked. Open it anew.")
        return _edit(page, draft, [why])
    except (InvalidRequestError, NotFoundError) as error:
        return _edit(page, draft, [refusal_text(page.language, error)])
    return see_other("/escalation")


@router.post("/escalation/remove", dependencies=_KEEP)
def remove_plan(
    page: CurrentPage,
    severity: Annotated[Severity, Form()],
    place: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Go back to the plan around it."""
    with transaction(page.engine) as session:
        service.remove(session, page.actor, severity, place or None)
    return see_other("/escalation")


def _edit(page: Page, draft: Draft, faults: Sequence[str] = ()) -> Response:
    with reading(page.engine) as session:
        names = Recipients.read(page, session)
        there = places(session, page.community.id)
        choices = list(_choices(page, session, draft, names))
    label = next(
        (page.language.pick(o.label, o.label_en) for o in there if o.slug == draft.place), ""
    )
    shown = () if draft.faults(page) else in_words(page, draft.plan(), names)
    return page.html(
        "escalation/edit.html",
        status=422 if faults else 200,
        section="/rota",
        draft=draft,
        place=label,
        choices=choices,
        faults=faults,
        shown=shown,
    )


def _choices(
    page: Page, session: Session, draft: Draft, names: Recipients
) -> Iterator[tuple[str, list[Choice]]]:
    """Give whom a step may call, by kind; what the plan names already is kept, known or not."""
    community = page.community.id
    kinds = {
        page.text("On duty"): [
            FIRST,
            *(f"rota:{one.id}" for one in duty.rotas(session, community)),
            *(f"role:{role}" for role in words.ROLE if role in TOLD),
        ],
        page.text("Groups"): [f"group:{one.id}" for one in duty.groups(session, community)],
        page.text("The home's contacts, in their order"): [
            f"contacts:{number}" for number in range(1, _CONTACTS + 1)
        ],
        page.text("People"): [f"user:{one.id}" for one in groups.candidates(session, page.actor)],
    }
    offered = {target for targets in kinds.values() for target in targets}
    named = (target for step in draft.steps for target in step.to)
    kinds[page.text("Others in the plan")] = [
        one for one in dict.fromkeys(named) if one not in offered
    ]
    for kind, targets in kinds.items():
        if targets:
            yield kind, [(target, names.say(target)) for target in targets]
