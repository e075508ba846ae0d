"""A home's contacts, one after the other: by account, by telephone, or by hand; never silently."""

from __future__ import annotations

from uuid import UUID

import pytest
from duty_desk import DutyDesk
from night_desk import PROPERTY, Desk
from outer_site import community_file
from reached_site import Reached
from sinks import Sink
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from anju_platform.alerts import service
from anju_platform.auth.model import HomeScope
from anju_platform.database import now, transaction
from anju_platform.errors import InvalidRequestError
from anju_platform.notifications.contacts import is_same_phone
from anju_platform.notifications.model import Address, Notification
from anju_platform.notifications.taking_up import NO_CONTACT, take_up
from anju_platform.people.model import Contact, Household
from anju_platform.provision import import_community

NEIGHBOUR = "13900001111"


@pytest.fixture
def duty(desk: Desk) -> DutyDesk:
    return DutyDesk(desk)


def home(duty: DutyDesk) -> int:
    with Session(duty.engine) as session:
        return session.scalars(select(Household.id)).one()


def at_step(duty: DutyDesk, *targets: str, **changed: object) -> UUID:
    """Raise an alert of the home, and let its only step come."""
    duty.plan((30, list(targets)))
    alert = duty.desk.rings(**changed)
    duty.desk.look()
    duty.desk.wait(30)
    return alert


def proves(duty: DutyDesk) -> None:
    """Let every address be known to be its person's."""
    with transaction(duty.engine) as session:
        session.execute(update(Address).values(proven_at=now()))


def test_who_has_an_account_is_told_by_their_own_ways(
    duty: DutyDesk, reached: Reached, sink: Sink
) -> None:
    reached.voice(sink)
    reached.phone("13611112222", "family")
    proves(duty)
    alert = at_step(duty, "contacts:1")
    # a daughter alone can close nothing: somebody at the desk hears of it, too
    assert duty.said(alert) == [{"to": [duty.user("family"), PROPERTY]}]


def test_an_account_that_nothing_outside_reaches_is_not_enough(duty: DutyDesk) -> None:
    alert = at_step(duty, "contacts:1")
    assert duty.said(alert) == [{"to": [duty.user("family"), PROPERTY], "by_hand": [1]}]


@pytest.mark.parametrize("proven", [True, False])
def test_an_account_whose_ways_are_not_proven_or_spoken_to_is_not_enough(
    duty: DutyDesk, reached: Reached, sink: Sink, *, proven: bool
) -> None:
    reached.voice(sink)
    reached.phone("13611112222", "family")
    if proven:
        proves(duty)
        with transaction(duty.engine) as session:  # and no channel speaks to mailboxes
            session.execute(update(Address).values(kind="email", target="z@example.org"))
    alert = at_step(duty, "contacts:1")
    contact = f"contact:h{home(duty)}:1"
    assert duty.said(alert) == [{"to": [duty.user("family"), contact, PROPERTY]}]


def test_somebody_who_only_shares_the_name_is_not_told_in_a_neighbours_place(
    duty: DutyDesk, reached: Reached, sink: Sink
) -> None:
    reached.voice(sink)
    reached.phone("13611112222", "family")
    proves(duty)
    with transaction(duty.engine) as session:
        first, second = session.scalars(select(Contact).order_by(Contact.position)).all()
        first.name, second.name = "小敏", first.name
        known_id = home(duty)
        known = session.get_one(Household, known_id)
        other = Household(community_id=known.community_id, place_id=known.place_id, slug="h-9")
        session.add(other)
        session.flush()
        session.add(HomeScope(user_id=duty.id("family"), household_id=other.id))
    alert = at_step(duty, "contacts:2")
    assert duty.said(alert) == [{"to": [f"contact:h{known_id}:2", PROPERTY]}]


def test_somebody_of_the_family_is_known_by_their_telephone_too(
    duty: DutyDesk, reached: Reached, sink: Sink
) -> None:
    reached.voice(sink)
    with transaction(duty.engine) as session:
        session.execute(update(Contact).where(Contact.position == 1).values(name="小敏"))
    reached.phone("+86 138 0000 2231", "family")
    proves(duty)
    alert = at_step(duty, "contacts:1")
    assert duty.said(alert) == [{"to": [duty.user("family"), PROPERTY]}]


def test_who_has_only_a_telephone_is_called_by_the_gateway(
    duty: DutyDesk, reached: Reached, sink: Sink
) -> None:
    reached.voice(sink)
    alert = at_step(duty, "contacts:2", detected_at=now())
    contact = f"contact:h{home(duty)}:2"
    assert duty.said(alert) == [{"to": [contact, PROPERTY]}]
    take_up(duty.engine, lambda *_: None)
    reached.turn()
    (call,) = sink.to("/voice")
    said = call.json()
    assert said["to"] == NEIGHBOUR
    assert "您是这户的联系人" in said["say"]
    assert str(alert) not in said["url"]  # who has no account can open nothing
    detail = service_detail(duty, alert)
    (delivery,) = (one for one in detail.deliveries if one.channel == "voice")
    assert (delivery.recipient, delivery.state) == (contact, "accepted")


def service_detail(duty: DutyDesk, alert: UUID) -> service.AlertDetail:
    with transaction(duty.engine) as session:
        return service.alert_detail(session, duty.desk.site.actor(), alert)


def test_one_number_is_one_address_however_often_it_is_called(
    duty: DutyDesk, reached: Reached, sink: Sink
) -> None:
    reached.voice(sink)
    for _ in range(2):
        at_step(duty, "contacts:2", detected_at=now())
        take_up(duty.engine, lambda *_: None)
    with Session(duty.engine) as session:
        found = session.scalars(select(Address).where(Address.household_id.is_not(None))).all()
    assert [(one.target, one.user_id) for one in found] == [(NEIGHBOUR, None)]


def test_without_a_channel_somebody_is_asked_to_call_and_the_next_follows(duty: DutyDesk) -> None:
    duty.plan((30, ["contacts:2"]), (60, ["role:admin"]))
    alert = duty.desk.rings()
    duty.desk.look()
    duty.desk.wait(60)
    assert duty.said(alert) == [{"to": [PROPERTY], "by_hand": [2]}, {"to": ["role:admin"]}]
    assert [one.phone for one in service_detail(duty, alert).contacts][1] == NEIGHBOUR


def test_what_can_wait_until_the_morning_rings_at_nobodys_home(
    duty: DutyDesk, reached: Reached, sink: Sink
) -> None:
    reached.voice(sink)
    duty.plan((30, ["contacts:2"]), severity=4)
    alert = duty.desk.rings(severity=4)
    duty.desk.look()
    duty.desk.wait(30)
    assert duty.said(alert) == [{"to": [PROPERTY], "by_hand": [2]}]


@pytest.mark.parametrize(
    ("changed", "targets", "missing"),
    [
        ({"slug": "gate-south"}, ["contacts:1"], [1]),
        ({"rule_id": "door-duress"}, ["contacts:1", "role:family"], [1]),
        ({}, ["contacts:3"], [3]),
    ],
    ids=["of no home", "a duress code", "no third contact"],
)
def test_who_is_not_there_or_must_not_know_is_not_called(
    duty: DutyDesk, changed: dict[str, str], targets: list[str], missing: list[int]
) -> None:
    alert = at_step(duty, *targets, **changed)
    assert duty.said(alert) == [{"to": [PROPERTY], "missing": missing}]


def test_a_number_that_is_gone_is_called_by_hand(
    duty: DutyDesk, reached: Reached, sink: Sink
) -> None:
    reached.voice(sink)
    with transaction(duty.engine) as session:
        gone = {"household_id": home(duty), "kind": "phone", "target": NEIGHBOUR, "label": ""}
        session.add(Address(**gone, created_at=now(), gone_at=now()))
    alert = at_step(duty, "contacts:2")
    assert duty.said(alert) == [{"to": [PROPERTY], "by_hand": [2]}]


def test_a_contact_who_was_struck_out_meanwhile_is_not_called(
    duty: DutyDesk, reached: Reached, sink: Sink
) -> None:
    reached.voice(sink)
    alert = at_step(duty, "contacts:2")
    with transaction(duty.engine) as session:
        session.delete(session.scalars(select(Contact).where(Contact.position == 2)).one())
    take_up(duty.engine, lambda *_: None)
    with Session(duty.engine) as session:
        query = select(Notification).where(
            Notification.alert_id == alert, Notification.recipient.startswith("contact:")
        )
        found = session.scalars(query).one()
    assert (found.state, found.error) == ("cancelled", NO_CONTACT)
    reached.turn()
    assert sink.received == []


def test_the_number_of_whoever_is_no_contact_any_more_is_forgotten(
    duty: DutyDesk, reached: Reached, sink: Sink
) -> None:
    reached.voice(sink)
    at_step(duty, "contacts:2")
    take_up(duty.engine, lambda *_: None)
    file = community_file()
    for contacts, targets in ((2, [NEIGHBOUR]), (1, [""])):
        file["households"][0]["contacts"] = file["households"][0]["contacts"][:contacts]
        with transaction(duty.engine) as session:
            import_community(session, file)
        with Session(duty.engine) as session:
            query = select(Address.target).where(Address.household_id.is_not(None))
            assert session.scalars(query).all() == targets


def test_nobody_is_called_at_home_of_what_somebody_has_by_then(
    duty: DutyDesk, reached: Reached, sink: Sink
) -> None:
    reached.voice(sink)
    alert = at_step(duty, "contacts:2", detected_at=now())
    take_up(duty.engine, lambda *_: None)
    duty.desk.acknowledges(alert)
    reached.turn()
    assert [state for _, state in reached.states()] == ["cancelled"]
    assert sink.received == []


def test_numbers_are_the_same_with_and_without_what_they_are_dialled_with_abroad() -> None:
    assert is_same_phone("+86 138-0000-2231", "13800002231")
    assert is_same_phone("＋８６　１３８－００００－２２３１", "13800002231")
    assert not is_same_phone("13800002231", "13800002232")
    assert not is_same_phone("no number", "no number")


def test_a_plan_names_contacts_by_their_place_in_the_order(duty: DutyDesk) -> None:
    duty.plan((30, ["contacts:9"]))
    with pytest.raises(InvalidRequestError, match="contacts:<1 to 9>"):
        duty.plan((30, ["contacts:0"]))
