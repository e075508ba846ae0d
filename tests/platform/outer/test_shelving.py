"""Putting an alert aside: with a reason, for a time, and for what a life may hang on by two."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from outer_site import Site
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from anju_platform.alerts.model import Alert, TimelineEntry
from anju_platform.database import now, transaction
from anju_platform.escalation.escalating import escalate_due
from anju_platform.notifications.model import Notification
from anju_platform.screens.model import Screen

LogIn = Callable[..., httpx.Client]


@pytest.fixture(autouse=True)
def watched(site: Site) -> None:
    """A live wall, so that nothing is told at once for want of one."""
    with transaction(site.engine) as session:
        session.add(
            Screen(
                id=uuid4(),
                community_id=site.community_id,
                post="wall-1",
                user_id=site.actor().user_id,
                opened_at=now(),
                alive_at=now() + timedelta(days=1),
                sounds=True,
            )
        )


def shelves(
    client: httpx.Client, alert: UUID, minutes: int = 15, reason: str = "works here", **said: Any
) -> httpx.Response:
    version = client.get(f"/api/v1/alerts/{alert}").json()["alert"]["version"]
    body = {"minutes": minutes, "reason": reason, "version": version} | said
    return client.post(f"/api/v1/alerts/{alert}/shelve", json=body)


def unshelves(client: httpx.Client, alert: UUID) -> httpx.Response:
    version = client.get(f"/api/v1/alerts/{alert}").json()["alert"]["version"]
    return client.post(f"/api/v1/alerts/{alert}/unshelve", json={"version": version})


def detail(client: httpx.Client, alert: UUID) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/api/v1/alerts/{alert}").json()
    return found


def kinds(client: httpx.Client, alert: UUID) -> list[str]:
    return [step["kind"] for step in detail(client, alert)["timeline"]]


def row(site: Site, alert: UUID) -> Alert:
    with Session(site.engine) as session:
        return session.get_one(Alert, alert)


def test_what_is_not_for_life_is_put_aside_at_once_and_comes_back_by_itself(
    site: Site, log_in: LogIn
) -> None:
    guard, alert = log_in("guard"), site.alert(severity=3)
    shelved = shelves(guard, alert, 60, "the lift is being mended").json()
    assert shelved["overlays"] == ["shelved"]
    shelf = detail(guard, alert)["shelf"]
    assert (shelf["minutes"], shelf["reason"], shelf["asked_by"]) == (
        60,
        "the lift is being mended",
        "王磊",
    )
    escalate_due(site.engine, now() + timedelta(minutes=59))
    assert row(site, alert).overlays == ["shelved"]
    at = now() + timedelta(minutes=61)
    escalate_due(site.engine, at)
    found = row(site, alert)
    assert (found.overlays, found.shelf, found.handling) == ([], None, "unacked")
    assert found.due_at > at
    assert kinds(guard, alert) == ["raised", "shelved", "unshelved"]
    assert len(site.audited("alert.shelved")) == 1


def test_those_who_were_told_first_hear_that_it_is_back(site: Site, log_in: LogIn) -> None:
    guard, alert = log_in("guard"), site.alert(severity=3)
    with transaction(site.engine) as session:
        session.add(
            Notification(
                community_id=site.community_id,
                alert_id=alert,
                transition=1,
                recipient="role:guard",
                channel="in_app",
                created_at=now(),
                next_attempt_at=now(),
                expires_at=now(),
            )
        )
    shelves(guard, alert)
    escalate_due(site.engine, now() + timedelta(minutes=16))
    with Session(site.engine) as session:
        query = select(Notification).where(Notification.alert_id == alert)
        told = [(one.recipient, one.payload.get("kind")) for one in session.scalars(query)]
    assert told == [("role:guard", None), ("role:guard", "unshelved")]


@pytest.mark.parametrize("life", [{"severity": 1}, {"severity": 2, "latched": True}])
def test_what_a_life_may_hang_on_needs_a_second_person(
    site: Site, log_in: LogIn, life: dict[str, Any]
) -> None:
    guard, second, alert = log_in("guard"), log_in("guard2"), site.alert(**life)
    assert shelves(guard, alert, 15, "an exercise").json()["overlays"] == []
    assert detail(guard, alert)["shelf"]["until"] is None
    assert shelves(guard, alert, 10).json()["overlays"] == []  # the same person again
    assert shelves(second, alert, 1, "x").status_code == 409  # they cannot have seen the wish
    wish = detail(second, alert)["shelf"]["asked_at"]
    assert shelves(guard, alert, agree_to=wish).status_code == 409  # one agrees not with oneself
    assert shelves(second, alert, agree_to=wish + 1).status_code == 409
    assert shelves(second, alert, agree_to=wish).json()["overlays"] == ["shelved"]
    shelf = detail(guard, alert)["shelf"]
    assert (shelf["minutes"], shelf["asked_by"], shelf["agreed_by"]) == (10, "王磊", "赵云")
    assert kinds(guard, alert) == ["raised", "shelf_asked", "shelf_asked", "shelved"]


def test_a_wish_nobody_agreed_to_is_forgotten(site: Site, log_in: LogIn) -> None:
    guard, second, alert = log_in("guard"), log_in("guard2"), site.alert()
    shelves(guard, alert)
    with transaction(site.engine) as session:
        shelf = session.get_one(Alert, alert).shelf
        assert shelf is not None
        late = {**shelf, "asked_at": shelf["asked_at"] - 301_000}
        session.execute(update(Alert).where(Alert.id == alert).values(shelf=late))
    assert detail(guard, alert)["shelf"] is None
    assert shelves(second, alert, agree_to=late["asked_at"]).status_code == 409
    assert shelves(second, alert).json()["overlays"] == []  # a wish of their own


def test_a_wish_that_is_not_agreed_to_stops_nothing(site: Site, log_in: LogIn) -> None:
    guard, alert = log_in("guard"), site.alert()
    escalate_due(site.engine)
    shelves(guard, alert)
    escalate_due(site.engine, now() + timedelta(seconds=61))
    assert row(site, alert).step == 1


@pytest.mark.parametrize(
    ("severity", "minutes", "reason"),
    [(3, 121, "x"), (3, 0, "x"), (3, 15, ""), (3, 15, "  "), (1, 16, "x")],
)
def test_without_a_reason_or_for_too_long_is_refused(
    site: Site, log_in: LogIn, severity: int, minutes: int, reason: str
) -> None:
    guard, alert = log_in("guard"), site.alert(severity=severity)
    assert shelves(guard, alert, minutes, reason).status_code == 422
    assert row(site, alert).shelf is None


def test_it_is_taken_up_again_before_its_time(site: Site, log_in: LogIn) -> None:
    guard, alert = log_in("guard"), site.alert(severity=3)
    shelves(guard, alert, 120)
    assert unshelves(guard, alert).json()["overlays"] == []
    assert unshelves(guard, alert).status_code == 200  # twice is the same as once
    assert kinds(guard, alert) == ["raised", "shelved", "unshelved"]
    assert row(site, alert).due_at < now() + timedelta(seconds=1)


def test_a_wish_taken_back_lets_nobody_wait_longer(site: Site, log_in: LogIn) -> None:
    guard, alert = log_in("guard"), site.alert()
    escalate_due(site.engine)
    due = row(site, alert).due_at
    shelves(guard, alert)
    assert unshelves(guard, alert).status_code == 200
    found = row(site, alert)
    assert (found.shelf, found.due_at) == (None, due)


def test_whoever_has_it_has_it_anew_when_it_is_back(site: Site, log_in: LogIn) -> None:
    guard, alert = log_in("guard"), site.alert(severity=2)
    guard.post(f"/api/v1/alerts/{alert}/ack", json={"version": 1}).raise_for_status()
    shelves(guard, alert)
    at = now() + timedelta(minutes=16)
    escalate_due(site.engine, at)
    found = row(site, alert)
    assert (found.handling, found.overlays) == ("acked", [])
    assert found.due_at == at + timedelta(minutes=30)


def test_closing_takes_it_off(site: Site, log_in: LogIn) -> None:
    guard, alert = log_in("guard"), site.alert(severity=3)
    version = shelves(guard, alert).json()["version"]
    said = {"version": version, "cause": "true"}
    assert guard.post(f"/api/v1/alerts/{alert}/close", json=said).json()["overlays"] == []
    assert row(site, alert).shelf is None


@pytest.mark.parametrize("state", ["shelved", "closed", "changed"])
def test_who_comes_second_is_shown_how_it_stands(site: Site, log_in: LogIn, state: str) -> None:
    guard, alert = log_in("guard"), site.alert(severity=3)
    version = 1
    if state == "shelved":
        version = shelves(guard, alert).json()["version"]
    elif state == "closed":
        said = {"version": 1, "cause": "true"}
        version = guard.post(f"/api/v1/alerts/{alert}/close", json=said).json()["version"]
    else:
        version = 7
    answer = shelves(log_in("guard2"), alert, version=version)
    assert answer.status_code == 409
    assert answer.json()["type"] == "/problems/alert-changed"


def test_steps_of_machines_and_people_are_all_in_the_timeline(site: Site, log_in: LogIn) -> None:
    guard, alert = log_in("guard"), site.alert(severity=3)
    shelves(guard, alert, 30, "painting")
    with Session(site.engine) as session:
        query = select(TimelineEntry).where(TimelineEntry.kind == "shelved")
        entry = session.scalars(query).one()
    assert (entry.user_id, entry.data) == (
        site.actor().user_id,
        {"minutes": 30, "note": "painting"},
    )


def test_shelving_twice_is_the_same_as_once(site: Site, log_in: LogIn) -> None:
    guard, alert = log_in("guard"), site.alert(severity=3)
    assert shelves(guard, alert).status_code == shelves(guard, alert).status_code == 200
    assert kinds(guard, alert) == ["raised", "shelved"]


def test_what_is_shelved_and_nobody_knows_until_when_comes_back(site: Site, log_in: LogIn) -> None:
    alert = site.alert(severity=3, overlays=["shelved"])
    escalate_due(site.engine, now() + timedelta(seconds=1))
    assert row(site, alert).overlays == []
    other = site.alert(severity=3, overlays=["shelved"])
    assert unshelves(log_in("guard"), other).json()["overlays"] == []


def test_who_was_sent_before_it_came_back_is_sent_anew(site: Site, log_in: LogIn) -> None:
    guard, alert, person = log_in("guard"), site.alert(), site.actor().user_id
    said = {"version": 1, "user_id": person}
    guard.post(f"/api/v1/alerts/{alert}/dispatch", json=said).raise_for_status()
    escalate_due(site.engine, now() + timedelta(minutes=6))
    assert row(site, alert).owner_id is None
    second = log_in("guard2")
    said = {"version": row(site, alert).version}
    version = second.post(f"/api/v1/alerts/{alert}/ack", json=said).json()["version"]
    said = {"version": version, "user_id": person}
    second.post(f"/api/v1/alerts/{alert}/dispatch", json=said).raise_for_status()
    assert kinds(guard, alert).count("dispatched") == 2
