"""What people do about alerts and read of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import pytest
from outer_site import Site, ago
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from anju_platform.alerts import service
from anju_platform.alerts.model import Alert, Cause
from anju_platform.alerts.repository import add_entry
from anju_platform.alerts.schemas import AlertView, HistoryFilter
from anju_platform.alerts.service import AlertChangedError
from anju_platform.auth.model import Role
from anju_platform.database import now, transaction
from anju_platform.errors import InvalidRequestError, NotFoundError
from anju_platform.notifications.model import Notification
from anju_platform.people.model import Contact
from anju_platform.registry.listing import feed_position
from anju_platform.telemetry.model import DeviceEvent

LogIn = Callable[..., httpx.Client]


def acknowledge(site: Site, alert_id: UUID, username: str = "guard", version: int = 1) -> AlertView:
    with transaction(site.engine) as session:
        return service.acknowledge(
            session, site.actor(username=username), alert_id, version=version, screen="wall"
        )


def close(site: Site, alert_id: UUID, cause: Cause | None, version: int = 1) -> AlertView:
    with transaction(site.engine) as session:
        return service.close(
            session, site.actor(), alert_id, version=version, cause=cause, note="", screen="wall"
        )


def kinds(site: Site, alert_id: UUID) -> list[str]:
    with transaction(site.engine) as session:
        detail = service.alert_detail(session, site.actor(), alert_id)
    return [entry.kind for entry in detail.timeline]


def position(site: Site) -> int:
    with Session(site.engine) as session:
        return feed_position(session, site.community_id)


def test_acknowledging_says_who_and_tells_every_screen(site: Site) -> None:
    alert_id = site.alert()
    before = position(site)
    view = acknowledge(site, alert_id)
    assert (view.handling, view.acked_by, view.owner, view.version) == ("acked", "王磊", "王磊", 2)
    assert kinds(site, alert_id) == ["raised", "acked"]
    assert position(site) == before + 1


def test_acknowledging_twice_is_the_same_as_once(site: Site) -> None:
    alert_id = site.alert()
    first = acknowledge(site, alert_id)
    assert acknowledge(site, alert_id) == first
    assert kinds(site, alert_id) == ["raised", "acked"]


@pytest.mark.parametrize(("latched", "handling"), [(False, "closed"), (True, "acked")])
def test_acknowledging_what_is_over_closes_it_unless_it_latches(
    site: Site, latched: bool, handling: str
) -> None:
    alert_id = site.alert(condition="clear", cleared_at=now(), latched=latched)
    view = acknowledge(site, alert_id)
    assert (view.handling, view.acked_by, view.closed_by) == (handling, "王磊", None)
    assert acknowledge(site, alert_id) == view


def test_the_second_guard_gets_the_present_state(site: Site) -> None:
    alert_id = site.alert()
    acknowledge(site, alert_id)
    with pytest.raises(AlertChangedError) as refused:
        acknowledge(site, alert_id, "guard2")
    assert refused.value.alert.acked_by == "王磊"


def test_of_many_guards_at_once_exactly_one_wins(site: Site) -> None:
    for _ in range(5):
        alert_id = site.alert()
        barrier = threading.Barrier(2)
        won: list[str] = []
        lost: list[AlertView] = []

        def race(username: str, alert_id: UUID = alert_id) -> None:
            barrier.wait()  # noqa: B023 - joined within the round
            try:
                acknowledge(site, alert_id, username)
                won.append(username)  # noqa: B023
            except AlertChangedError as error:
                lost.append(error.alert)  # noqa: B023

        threads = [threading.Thread(target=race, args=(n,)) for n in ("guard", "guard2")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(won), len(lost)) == (1, 1)
        assert lost[0].acked_by == {"guard": "王磊", "guard2": "赵云"}[won[0]]
        assert kinds(site, alert_id) == ["raised", "acked"]


def test_an_outdated_version_is_refused(site: Site) -> None:
    alert_id = site.alert(version=3)
    with pytest.raises(AlertChangedError, match="changed since") as refused:
        acknowledge(site, alert_id, version=2)
    assert refused.value.alert.version == 3


def test_a_conflict_over_http_carries_the_present_state(site: Site, log_in: LogIn) -> None:
    alert_id = site.alert()
    seen = {"version": 1, "screen": "wall-1"}
    assert log_in("guard").post(f"/api/v1/alerts/{alert_id}/ack", json=seen).status_code == 200
    answer = log_in("guard2").post(f"/api/v1/alerts/{alert_id}/ack", json=seen)
    assert answer.status_code == 409
    assert answer.json()["alert"]["acked_by"] == "王磊"


def test_closing_needs_a_cause(site: Site, log_in: LogIn) -> None:
    alert_id = site.alert()
    with pytest.raises(InvalidRequestError, match="cause"):
        close(site, alert_id, None)
    answer = log_in().post(f"/api/v1/alerts/{alert_id}/close", json={"version": 1})
    assert answer.status_code == 422
    assert "true, false, test, cannot_tell" in answer.json()["detail"]


def test_closing_keeps_what_the_machine_said_and_counts_as_acknowledging(site: Site) -> None:
    alert_id = site.alert()
    view = close(site, alert_id, Cause.FALSE)
    assert (view.handling, view.condition, view.cause) == ("closed", "active", "false")
    assert view.acked_by == view.closed_by == "王磊"
    assert close(site, alert_id, Cause.FALSE) == view
    with pytest.raises(AlertChangedError, match="closed"):
        close(site, alert_id, Cause.TRUE, version=2)
    with pytest.raises(AlertChangedError, match="already"):
        acknowledge(site, alert_id, "guard2", version=2)


def test_dispatching_takes_on_and_names_the_person(site: Site) -> None:
    alert_id = site.alert()
    sent = site.actor(username="guard2")
    with transaction(site.engine) as session:
        view = service.dispatch(
            session, site.actor(), alert_id, user_id=sent.user_id, version=1, screen="wall"
        )
        again = service.dispatch(
            session, site.actor(), alert_id, user_id=sent.user_id, version=1, screen="wall"
        )
    assert again == view
    assert (view.handling, view.acked_by, view.owner, view.version) == ("acked", "王磊", "赵云", 2)
    assert kinds(site, alert_id) == ["raised", "acked", "dispatched"]
    with transaction(site.engine) as session, pytest.raises(NotFoundError):
        service.dispatch(session, site.actor(), alert_id, user_id=999, version=2, screen="wall")


def test_who_is_sent_is_told_once(site: Site) -> None:
    alert_id = site.alert()
    sent = site.actor(username="guard2")
    for _ in range(2):
        with transaction(site.engine) as session:
            service.dispatch(
                session, site.actor(), alert_id, user_id=sent.user_id, version=1, screen="wall"
            )
    with Session(site.engine) as session:
        (told,) = session.scalars(select(Notification)).all()
    assert (told.alert_id, told.transition) == (alert_id, 2)
    assert (told.recipient, told.channel) == (f"user:{sent.user_id}", "in_app")
    assert told.payload["kind"] == "dispatched"


def test_comments_need_words_and_go_to_closed_alerts_too(site: Site, log_in: LogIn) -> None:
    alert_id = site.alert()
    close(site, alert_id, Cause.TRUE)
    path = f"/api/v1/alerts/{alert_id}/comments"
    client = log_in()
    assert client.post(path, json={"text": " 已通知家属 "}).status_code == 200
    assert client.post(path, json={"text": "  "}).status_code == 422
    last = client.get(f"/api/v1/alerts/{alert_id}").json()["timeline"][-1]
    assert (last["kind"], last["data"], last["user"]) == (
        "commented",
        {"text": "已通知家属"},
        "王磊",
    )


def test_nothing_of_another_community_can_be_seen_or_touched(site: Site) -> None:
    alert_id = site.alert()
    stranger = site.actor()
    elsewhere = type(stranger)(
        **{f: getattr(stranger, f) for f in stranger.__slots__} | {"community_id": 999}
    )
    with transaction(site.engine) as session:
        for act in (
            lambda: service.alert_detail(session, elsewhere, alert_id),
            lambda: service.comment(session, elsewhere, alert_id, text="x", screen="x"),
        ):
            with pytest.raises(NotFoundError):
                act()
        assert service.open_alerts(session, replace(site.actor(), community_id=999)) == []
        with pytest.raises(NotFoundError):
            service.alert_detail(session, site.actor(), uuid4())


def test_open_alerts_come_worst_first_then_newest(site: Site) -> None:
    old = site.alert(severity=2, detected_at=ago(minutes=9))
    new = site.alert(severity=2)
    worst = site.alert(severity=1, detected_at=ago(hours=1))
    close(site, site.alert(severity=1), Cause.TRUE)
    with Session(site.engine) as session:
        found = service.open_alerts(session, site.actor())
    assert [a.id for a in found] == [worst, new, old]
    assert (found[0].place, found[0].place_en) == ("1 栋 501 卫生间", "1-501 bathroom")
    assert (found[0].x, found[0].y) == (40, 30)


def test_counts_tell_what_waits_and_since_when(site: Site) -> None:
    first = ago(minutes=3)
    site.alert(severity=1, activated_at=first)
    acknowledge(site, site.alert(severity=3))
    close(site, site.alert(severity=3), Cause.TRUE)
    with Session(site.engine) as session:
        counts = service.counts(session, site.community_id)
    assert counts.by_severity == {1: 1, 2: 0, 3: 1, 4: 0}
    assert (counts.open, counts.unacked, counts.load) == (2, 1, 0.5)
    assert counts.oldest_unacked_at == first


def test_history_filters_and_pages(site: Site, log_in: LogIn) -> None:
    for minutes in range(5):
        site.alert(severity=2, detected_at=ago(minutes=minutes))
    door = site.alert("b1-door", severity=3, title="门被强行打开")
    closed = site.alert(severity=4)
    close(site, closed, Cause.TEST)
    client = log_in("property")

    def rows(**query: object) -> list[str]:
        answer = client.get("/api/v1/alerts/history", params=query)
        assert answer.status_code == 200, answer.text
        return [row["id"] for row in answer.json()["rows"]]

    assert len(rows()) == 7
    assert rows(text="强行") == rows(device="b1-door") == rows(severity=3) == [str(door)]
    assert rows(handling="closed") == rows(cause="test") == [str(closed)]
    assert len(rows(severity=[3, 4])) == 2
    assert rows(text="%") == []
    assert len(rows(size=3)) == 3
    assert len(rows(size=3, page=3)) == 1
    assert len(rows(end=ago(minutes=1).isoformat())) == 4
    lines = client.get("/api/v1/alerts/history.csv?severity=3").text.splitlines()
    assert len(lines) == 2
    assert "门被强行打开" in lines[1]


def test_a_guard_sees_whom_to_call_only_while_the_alert_is_open(site: Site) -> None:
    alert_id = site.alert()

    def contacts(role: Role) -> list[str]:
        with transaction(site.engine) as session:
            detail = service.alert_detail(session, site.actor(role), alert_id)
        return [c.name for c in detail.contacts]

    assert contacts(Role.GUARD) == ["张敏", "周建国"]
    close(site, alert_id, Cause.TRUE)
    assert contacts(Role.GUARD) == []
    assert contacts(Role.PROPERTY) == ["张敏", "周建国"]
    looks = [(e.actor, e.subject, e.data["alert"]) for e in site.audited("care.read")]
    look = ("household:h-501", str(alert_id))
    assert looks == [("王磊", *look), ("王磊", *look), ("李强", *look)]


def test_a_look_at_a_homes_alert_is_audited_even_without_contacts(site: Site) -> None:
    alert_id = site.alert()
    with transaction(site.engine) as session:
        session.execute(delete(Contact))
    with transaction(site.engine) as session:
        assert service.alert_detail(session, site.actor(), alert_id).contacts == ()
    (look,) = site.audited("care.read")
    assert look.subject == "household:h-501"


def test_health_values_are_not_for_guards(site: Site) -> None:
    evidence = {"values": {"heart_rate": 120, "in_bed": True}, "data": {}, "late_s": 4.5}
    alert_id = site.alert("b1-501-bed", evidence=evidence)

    def values(role: Role) -> dict[str, object]:
        with transaction(site.engine) as session:
            return service.alert_detail(session, site.actor(role), alert_id).values

    assert values(Role.GUARD) == {"in_bed": True}
    assert values(Role.ADMIN) == {"heart_rate": 120, "in_bed": True}


def test_health_values_in_a_timeline_are_not_for_guards(site: Site) -> None:
    alert_id = site.alert("b1-501-bed")
    with transaction(site.engine) as session:
        alert = session.get_one(Alert, alert_id)
        data = {"severity": 3, "values": {"respiration": 9, "in_bed": True}}
        add_entry(session, alert, "reactivated", now(), data=data)

    def values(role: Role) -> object:
        with transaction(site.engine) as session:
            timeline = service.alert_detail(session, site.actor(role), alert_id).timeline
        return timeline[-1].data["values"]

    assert values(Role.GUARD) == {"in_bed": True}
    assert values(Role.ADMIN) == {"respiration": 9, "in_bed": True}


def test_detail_shows_deliveries_the_nearest_doors_log_and_a_chart(site: Site) -> None:
    evidence = {"values": {"battery": 80}, "data": {"snapshot": "s-1"}, "late_s": 0}
    alert_id = site.alert("b1-501-pir", evidence=evidence)
    moment = now()
    with transaction(site.engine) as session:
        session.add(
            Notification(
                community_id=site.community_id,
                alert_id=alert_id,
                transition=1,
                recipient="role:guard",
                channel="in_app",
                created_at=moment,
                next_attempt_at=moment,
                expires_at=moment,
            )
        )
        for device, minutes, event in (
            ("b1-door", 3, "access_granted"),
            ("b1-door", 2, "access_denied"),
            ("b1-door", 1, "opened"),
            ("gate-south", 1, "access_granted"),
        ):
            session.add(
                DeviceEvent(
                    community_id=site.community_id,
                    device_id=site.device(device).id,
                    observed_at=moment - timedelta(minutes=minutes),
                    received_at=moment,
                    event=event,
                    data={},
                    flags=0,
                )
            )
    with transaction(site.engine) as session:
        detail = service.alert_detail(session, site.actor(), alert_id)
    assert [(d.recipient, d.state) for d in detail.deliveries] == [("role:guard", "queued")]
    assert [(a.device, a.event) for a in detail.access_log] == [
        ("b1-door", "access_denied"),
        ("b1-door", "access_granted"),
    ]
    assert detail.chart is not None
    assert "motion" in detail.chart.fields
    assert detail.chart.start < moment - timedelta(minutes=29)
    assert not detail.media_ready


def test_all_of_the_history_is_read_once_while_more_comes(site: Site, log_in: LogIn) -> None:
    client, moment = log_in(), now()
    known = [str(site.alert(detected_at=moment)) for _ in range(5)]
    seen: list[str] = []
    after = ""
    while True:
        page = client.get(f"/api/v1/alerts/history?size=2{after}").raise_for_status().json()
        seen += [row["id"] for row in page["rows"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
        site.alert()
    assert seen == sorted(known, reverse=True)
    strange = client.get(f"/api/v1/alerts/history?after={uuid4()}").json()
    assert (strange["rows"], strange["next"]) == ([], None)


def test_history_of_nothing_is_an_empty_page(site: Site) -> None:
    with Session(site.engine) as session:
        page = service.history(session, site.actor(), HistoryFilter(text="x"))
    assert (page.rows, page.total) == ((), 0)
