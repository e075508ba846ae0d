"""What people of the demo's homes have said: who may see what, and that they are away."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from anju_platform.accounts.scopes import give_scopes
from anju_platform.auth.actor import Actor
from anju_platform.auth.repository import scopes
from anju_platform.auth.service import find_user
from anju_platform.care import homes as care
from anju_platform.consent import service as consent
from anju_platform.consent.overview import overview
from anju_platform.consent.schemas import ConsentBody, WithdrawBody
from anju_platform.database import now, transaction
from anju_platform.demo.furnishing.actors import act
from anju_platform.people.repository import household
from anju_platform.registry import admission
from anju_platform.registry.schemas import NewDevice
from anju_platform.sharing.model import How, Purpose

_YEAR, _MONTH, _WEEK, _DAY = (timedelta(days=days) for days in (364, 30, 7, 1))
_NEEDED = 7
_NOT_AT_HOME = 5


def speak(engine: Engine, slug: str, document: Mapping[str, Any], own: str) -> None:
    """Write down what some homes wish; ``own`` is that of the demo's family.

    Four of them are those of the second family, so that every state of its page can be seen.
    """
    with transaction(engine) as session:
        office = act(session, slug, "office")
        if act(session, slug, "family2").homes:
            return
        elders = _of_elders(document, own)
        if len(elders) < _NEEDED:
            return  # a small community has fewer
        names = {home["slug"]: home["residents"][0]["name"] for home in document["households"]}
        _own(session, office, own, names[own], act(session, slug, "family").user_id)
        away, unheard, silent, refusing, ending, coming, back = elders[:_NEEDED]
        relatives = find_user(session, "family2")
        for home, relation in ((away, "儿子"), (unheard, "侄子"), (silent, "女婿")):
            give_scopes(session, relatives, [home], relation=relation, places=())
        family = act(session, slug, "family2")
        care.declare_away(session, family, away, now() + timedelta(days=5))
        _unheard(session, act(session, slug, "installer"), unheard)
        _say(session, office, silent, names[silent], "all", "role:family", given=False)
        _stop(session, office, refusing, names[refusing])
        _say(session, office, ending, names[ending], "all", "role:guard", ends_in=_WEEK)
        _say(session, office, coming, names[coming], "all", "role:office", begins_in=3 * _DAY)
        _take_back(session, office, back, names[back])


def ask_all(engine: Engine, slug: str, document: Mapping[str, Any]) -> None:
    """Write down what families without elders said at the door; a few were not at home yet."""
    with transaction(engine) as session:
        office = act(session, slug, "office")
        homes = overview(session, office, limit=len(document["households"])).items
        todo = [one for one in homes if one.missing]
    speaks = {home["slug"]: home["residents"][0]["name"] for home in document["households"]}
    for home in todo[_NOT_AT_HOME:]:
        with transaction(engine) as session:
            for person in home.missing:
                body = ConsentBody(
                    person=person,
                    sensors="all",
                    viewer="role:property",
                    purpose=Purpose.CARE,
                    given_by=speaks[home.slug],
                    how=How.SPOKEN,
                )
                consent.give(session, office, home.slug, body)


def _of_elders(document: Mapping[str, Any], own: str) -> list[str]:
    """Give the homes of elders living alone, spread over the buildings."""
    alone = [
        home["slug"]
        for home in document["households"]
        if home["attributes"].get("lives_alone") and home["slug"] != own
    ]
    return alone[:: max(1, len(alone) // _NEEDED)]


def _own(session: Session, office: Actor, home: str, name: str, daughter: int) -> None:
    viewer = f"user:{daughter}"
    _say(session, office, home, name, "all", viewer, ends_in=_YEAR, note="女儿每天看一眼，放心")
    _say(session, office, home, name, "health", viewer, ends_in=_MONTH, how=How.SPOKEN)
    _say(
        session,
        office,
        home,
        name,
        "kind:pir",
        "role:installer",
        purpose=Purpose.SUPPORT,
        ends_in=_WEEK,
        note="客厅感应器移位，需核对是否看得到",
    )


def _say(  # noqa: PLR0917 - one sentence of a sheet
    session: Session,
    office: Actor,
    home: str,
    person: str,
    sensors: str,
    viewer: str,
    *,
    given: bool = True,
    purpose: Purpose = Purpose.CARE,
    begins_in: timedelta | None = None,
    ends_in: timedelta | None = None,
    how: How = How.WRITTEN,
    note: str = "",
) -> None:
    moment = now()
    body = ConsentBody(
        person=person,
        sensors=sensors,
        viewer=viewer,
        purpose=purpose,
        given=given,
        begins_at=moment + begins_in if begins_in else None,
        ends_at=moment + ends_in if ends_in else None,
        how=how,
        note=note,
    )
    consent.give(session, office, home, body)


def _stop(session: Session, office: Actor, home: str, person: str) -> None:
    """Let the motion sensor pass nothing on, as whoever lives there wishes."""
    _say(
        session,
        office,
        home,
        person,
        "kind:pir",
        "everybody",
        given=False,
        purpose=Purpose.MEASURING,
        how=How.SPOKEN,
        note="不愿意在客厅装感应器，其余保留",
    )


def _take_back(session: Session, office: Actor, home: str, person: str) -> None:
    """Take back what was said first of care, as on the sheet that came with the file."""
    said = consent.home_consents(session, office, home).in_force
    for one in said:
        if one.purpose is Purpose.CARE and one.person == person and one.viewer == "role:property":
            body = WithdrawBody(how=How.WRITTEN, note="只留值班岗和家人")
            consent.withdraw(session, office, home, one.id, body)


def _unheard(session: Session, installer: Actor, home: str) -> None:
    """Hang up a second smoke alarm that has said nothing yet: until it does it guards nobody."""
    flat = home.removeprefix("h-")
    wanted = NewDevice(
        slug=f"{flat}-smoke-2",
        gateway="gw-east",
        model="smoke_alarm",
        place=f"{flat}-bed",
        household=home,
        name="卧室烟感",
        name_en="Bedroom smoke alarm",
    )
    admission.add_device(session, installer, installer.community_id, wanted)


def belong(session: Session, home: str) -> None:
    """Let the second family belong to a home, too, because something happens there."""
    family = find_user(session, "family2")
    theirs, _ = scopes(session, family.id, family.role)
    known = household(session, family.community_id or 0, home)
    if known is not None and known.id not in theirs:
        give_scopes(session, family, [home], relation="外甥", places=())
