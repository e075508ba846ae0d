"""Words that are given and taken back, and what follows: screens, sensors and gateways hear it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, func
from sqlalchemy.orm import Session

from anju_devices.catalog import MODELS
from anju_platform.alerts.repository import announce_all
from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.auth.model import Role
from anju_platform.auth.repository import users
from anju_platform.auth.rights import Right
from anju_platform.consent import repository
from anju_platform.consent.schemas import (
    ConsentBody,
    ConsentView,
    HomeConsents,
    SensorView,
    State,
    WithdrawBody,
)
from anju_platform.consent.stopping import heed, stops
from anju_platform.database import now
from anju_platform.duty.repository import group
from anju_platform.errors import ConflictError, InvalidRequestError, NotFoundError
from anju_platform.people.model import Household
from anju_platform.people.repository import residents
from anju_platform.registry.model import Device, Place
from anju_platform.sharing.model import (
    ALL,
    DEVICE,
    EVERYBODY,
    HEALTH,
    KIND,
    OF_NOBODY,
    Consent,
    How,
    Purpose,
)

REMIND = timedelta(days=14)
"""So long before it ends the office is reminded of a consent."""
LONGEST = timedelta(days=3 * 366)
LONGEST_SUPPORT = timedelta(days=31)
"""Who mends sees no more of a home than the mending takes."""
VIEWERS = (Role.GUARD, Role.PROPERTY, Role.OFFICE, Role.ADMIN, Role.FAMILY)
"""Roles whose work it is to read what sensors in homes say."""
MENDERS = (Role.INSTALLER, Role.PROPERTY, Role.ADMIN)


def home_consents(session: Session, actor: Actor, slug: str) -> HomeConsents:
    """Give everything about who may see what of a home.

    Raises:
        ForbiddenError: the actor keeps no consents.
        NotFoundError: there is no such home in the actor's community.
    """
    actor.demand(Right.KEEP_CONSENT)
    return _view(session, *_home(session, actor, slug))


def own_consents(session: Session, actor: Actor, slug: str) -> HomeConsents:
    """Give the same of a home one belongs to, as its family reads it: without the office's notes.

    Raises:
        NotFoundError: it is no home of the actor's.
    """
    actor.demand(Right.OWN_HOMES)
    home, place = _home(session, actor, slug)
    if home.id not in actor.homes:
        raise NotFoundError("this is no home of yours")
    view = _view(session, home, place)
    words = tuple(word.model_copy(update={"note": ""}) for word in view.words)
    return view.model_copy(update={"words": words})


def asked(people: Sequence[tuple[str, bool]]) -> tuple[str, ...]:
    """Give whose word it needs: the elders', or where there is none anybody's."""
    elders = tuple(name for name, elder in people if elder)
    return elders or tuple(name for name, _ in people)


def give(session: Session, actor: Actor, slug: str, body: ConsentBody) -> ConsentView:
    """Write down that somebody gave their word, or said no; it replaces what they said before.

    Raises:
        ForbiddenError: the actor keeps no consents.
        NotFoundError: there is no such home in the actor's community.
        InvalidRequestError: it names nobody or nothing that is there, or a time that makes no
            sense.
    """
    actor.demand(Right.KEEP_CONSENT)
    home, _ = _locked(session, actor, slug)
    _check_who(session, actor, home, body)
    _check_sensors(session, home, body)
    _check_times(body)
    return _add(session, actor, home, body)


def withdraw(
    session: Session, actor: Actor, slug: str, consent_id: int, body: WithdrawBody
) -> ConsentView:
    """Write down that somebody took a word back; from now on it does not count.

    Raises:
        ForbiddenError: the actor keeps no consents.
        NotFoundError: no such home or word in the actor's community.
        ConflictError: it does not count any more already.
    """
    actor.demand(Right.KEEP_CONSENT)
    home, _ = _locked(session, actor, slug)
    found = repository.one(session, home.id, consent_id)
    if found is None:
        raise NotFoundError("there is no such consent of this home")
    said, state = found
    if state not in {State.IN_FORCE, State.TO_COME} or not said.given:
        raise ConflictError("it does not count any more: something newer was said, or it ended")
    again = ConsentBody.model_construct(
        person=said.person,
        sensors=said.sensors,
        viewer=said.viewer,
        purpose=Purpose(said.purpose),
        given=False,
        begins_at=said.begins_at if state == State.TO_COME else None,
        ends_at=None,
        **body.model_dump(),
    )
    return _add(session, actor, home, again)


def _add(session: Session, actor: Actor, home: Household, body: ConsentBody) -> ConsentView:
    consent = Consent(
        community_id=home.community_id,
        household_id=home.id,
        person=body.person,
        sensors=body.sensors,
        viewer=body.viewer,
        purpose=body.purpose.value,
        given=body.given,
        begins_at=body.begins_at or func.now(),
        ends_at=body.ends_at,
        given_by=body.given_by.strip() or body.person,
        how=How(body.how).value,
        note=body.note.strip(),
        recorded_at=func.now(),
        recorded_by=actor.user_id,
    )
    session.add(consent)
    session.flush()
    said = body.model_dump(mode="json", include={"person", "sensors", "viewer", "purpose"})
    action = "consent.given" if body.given else "consent.withdrawn"
    record(session, actor, action, f"household:{home.slug}", {**said, "consent": consent.id})
    if body.purpose is Purpose.MEASURING:
        heed(session, home.community_id)
    sensors = [("device", one.slug) for one in repository.sensors(session, home.id)]
    if sensors:  # whoever looks at one of them right now looks again
        announce_all(session, home.community_id, sensors)
    return next(view_of(row) for row in repository.words(session, home.id) if row[0] is consent)


def _check_who(session: Session, actor: Actor, home: Household, body: ConsentBody) -> None:
    people = [one.name for one in residents(session, home.id)]
    if body.person not in people and people:
        raise InvalidRequestError(
            "{person!r} does not live there: {people} do",
            person=body.person,
            people=", ".join(people),
        )
    if body.purpose in OF_NOBODY:
        if body.viewer != EVERYBODY:
            raise InvalidRequestError(
                "{purpose} is said of everybody: viewer is 'everybody'", purpose=body.purpose
            )
        return
    kind, _, name = body.viewer.partition(":")
    if kind == "user" and name in {str(one.id) for one in users(session, actor.community_id)}:
        return
    # found and locked: whoever removes it meanwhile sees that it is named
    if kind == "group" and name.isdecimal() and group(session, actor.community_id, int(name)):
        return
    roles = MENDERS if body.purpose is Purpose.SUPPORT else VIEWERS
    if kind != "role" or name not in roles:
        known = ", ".join(f"role:{role}" for role in roles)
        raise InvalidRequestError(
            "{viewer!r} reads nothing for {purpose}: a viewer is user:<id>, group:<id> or {known}",
            viewer=body.viewer,
            purpose=body.purpose,
            known=known,
        )


def _check_sensors(session: Session, home: Household, body: ConsentBody) -> None:
    there = repository.sensors(session, home.id)
    known = {
        ALL,
        HEALTH,
        *(DEVICE + one.slug for one in there),
        *(KIND + one.model for one in there),
    }
    if body.sensors not in known:
        raise InvalidRequestError(
            "{sensors!r} is none of {known}", sensors=body.sensors, known=", ".join(sorted(known))
        )
    if body.sensors == HEALTH and body.purpose in {*OF_NOBODY, Purpose.SUPPORT}:
        raise InvalidRequestError("health values are not read for {purpose}", purpose=body.purpose)


def _check_times(body: ConsentBody) -> None:
    moment = now()
    begins = body.begins_at or moment
    if body.purpose is Purpose.MEASURING and (body.begins_at or body.ends_at):
        raise InvalidRequestError(
            "measuring stops and goes on when it is said; leave the times out"
        )
    if body.ends_at is not None and body.ends_at <= max(begins, moment):
        raise InvalidRequestError("it ends before it begins, or has ended already")
    longest = LONGEST_SUPPORT if body.purpose is Purpose.SUPPORT else LONGEST
    if body.purpose is Purpose.SUPPORT and body.given and body.ends_at is None:
        raise InvalidRequestError("say until when somebody may see it to mend it")
    if body.ends_at is not None and body.ends_at - begins > longest:
        raise InvalidRequestError(
            "a consent is good for {days} days at most; ask again then", days=longest.days
        )
    if abs(begins - moment) > longest:
        raise InvalidRequestError("it begins too far away, or too long ago")


def _home(session: Session, actor: Actor, slug: str) -> tuple[Household, Place]:
    found = repository.home(session, actor.community_id, slug)
    if found is None:
        raise NotFoundError("there is no household {slug!r}", slug=slug)
    return found


def _locked(session: Session, actor: Actor, slug: str) -> tuple[Household, Place]:
    found = repository.lock_home(session, actor.community_id, slug)
    if found is None:
        raise NotFoundError("there is no household {slug!r}", slug=slug)
    return found


def _view(session: Session, home: Household, place: Place) -> HomeConsents:
    there = repository.sensors(session, home.id)
    stopped = stops(session, home.community_id, there)
    people = [(one.name, one.elder) for one in residents(session, home.id)]
    return HomeConsents(
        slug=home.slug,
        place=place.label,
        place_en=place.label_en,
        people=asked(people),
        sensors=tuple(_sensor(one, stopped.get(one.id)) for one in there),
        words=tuple(view_of(row) for row in repository.words(session, home.id)),
    )


def _sensor(device: Device, stop: Any) -> SensorView:
    model = MODELS.get(device.model)
    return SensorView(
        slug=device.slug,
        model=device.model,
        model_title=model.title.zh if model else device.model,
        model_title_en=model.title.en if model else device.model,
        name=device.name,
        name_en=device.name_en,
        life_safety=model.life_safety if model else False,
        stop=stop,
    )


def view_of(row: Row[*tuple[Any, ...]]) -> ConsentView:
    """Show a row of ``repository.words``."""
    consent, state, writer, viewer = row
    own = {name for name in ConsentView.model_fields if hasattr(Consent, name)} - {"recorded_by"}
    return ConsentView(
        **{name: getattr(consent, name) for name in own},
        state=State(state),
        recorded_by=writer,
        viewer_name=viewer,
    )
