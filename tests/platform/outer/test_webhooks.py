"""Webhooks at work: what other systems hear, signed, at least once, and never of a home's inside.

The receiver checks signatures as Standard Webhooks says, from its text and not by our code.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest
from outer_site import Site, Web
from reached_site import until
from sinks import Received, Sink
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from anju_platform.alerts.model import Alert, OutboxEntry
from anju_platform.config import Settings
from anju_platform.database import now, transaction
from anju_platform.notifications.outside.carriers.hosts import Hosts
from anju_platform.oversight import Overseer
from anju_platform.rulebook.texts import WEBHOOK_PAUSED
from anju_platform.webhooks.model import Webhook, WebhookMessage
from anju_platform.webhooks.repository import due, lease
from anju_platform.webhooks.sending import LEASE, PAUSED_AFTER, Sender

LogIn = Callable[..., httpx.Client]
PATH = "/api/v1/webhooks/city"


@pytest.fixture
def web(site: Site, serve_site: Callable[..., Web]) -> Web:
    """A web process that may speak to this machine."""
    return serve_site(site.url, inside_hosts="127.0.0.1")


@pytest.fixture
def admin(log_in: LogIn) -> httpx.Client:
    return log_in("admin")


@pytest.fixture
def sender(site: Site) -> Iterator[Sender]:
    sender = Sender(site.engine, Hosts(["127.0.0.1"]), "https://anju.example")
    yield sender
    sender._close()


def adds(admin: httpx.Client, sink: Sink, slug: str = "city", **changed: Any) -> str:
    """Make a webhook; gives its secret."""
    said = {"name": "城市平台", "url": f"{sink.url}/{slug}", "least": 4} | changed
    made = admin.post(f"/api/v1/webhooks/{slug}", json=said)
    assert made.status_code == 201, made.text
    return str(made.json()["secret"])


def sends(site: Site, sender: Sender) -> None:
    """Let a sender do what is due now, all of it."""
    while True:
        sender.turn()
        until(lambda: not sender.busy())
        with Session(site.engine) as session:
            left = session.scalar(select(func.count()).select_from(OutboxEntry))
            if not due(session, now()) and not left:
                return


def later(site: Site, passed: timedelta) -> None:
    """Let time have passed for whatever waits."""
    with transaction(site.engine) as session:
        session.execute(
            update(WebhookMessage).values(
                next_attempt_at=WebhookMessage.next_attempt_at - passed,
                expires_at=WebhookMessage.expires_at - passed,
                leased_until=WebhookMessage.leased_until - passed,
            )
        )
        session.execute(
            update(Webhook).values(
                not_before=Webhook.not_before - passed,
                failing_since=Webhook.failing_since - passed,
                former_until=Webhook.former_until - passed,
            )
        )


def verified(one: Received, *secrets: str) -> Any:
    """Check a message as its receiver does; gives what it says."""
    signed = b".".join(
        (one.headers["webhook-id"].encode(), one.headers["webhook-timestamp"].encode(), one.body)
    )
    assert abs(int(one.headers["webhook-timestamp"]) - time.time()) < 300
    given = one.headers["webhook-signature"].split(" ")
    for secret in secrets:
        assert secret.startswith("whsec_")
        key = base64.b64decode(secret[6:])
        assert len(key) >= 24
        mac = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        assert any(hmac.compare_digest(each, f"v1,{mac}") for each in given)
    assert len(given) == len(secrets)
    return one.json()


def rows(site: Site) -> list[WebhookMessage]:
    with Session(site.engine, expire_on_commit=False) as session:
        return list(session.scalars(select(WebhookMessage).order_by(WebhookMessage.id)))


def row(site: Site) -> Webhook:
    with Session(site.engine, expire_on_commit=False) as session:
        return session.scalars(select(Webhook)).one()


def test_each_step_of_an_alert_is_told_signed_and_once(
    admin: httpx.Client, log_in: LogIn, sink: Sink, site: Site, sender: Sender
) -> None:
    secret = adds(admin, sink)
    alert = site.alert("gate-south", severity=2)
    sends(site, sender)
    guard = log_in()
    guard.post(f"/api/v1/alerts/{alert}/ack", json={"version": 1}).raise_for_status()
    said = {"version": 2, "cause": "true"}
    guard.post(f"/api/v1/alerts/{alert}/close", json=said).raise_for_status()
    sends(site, sender)
    heard = [verified(one, secret) for one in sink.received]
    assert {one["type"] for one in heard} == {"alert.raised", "alert.acked", "alert.closed"}
    raised = next(one for one in heard if one["type"] == "alert.raised")
    assert raised["data"]["community"] == "garden"
    told = raised["data"]["alert"]
    assert (told["id"], told["version"], told["severity"]) == (str(alert), 1, 2)
    assert (told["place"], told["device"], told["mode"]) == ("南门", "gate-south", "actual")
    assert told["url"] == f"https://anju.example/alerts/{alert}"
    closed = next(one for one in heard if one["type"] == "alert.closed")
    assert (closed["data"]["alert"]["version"], closed["data"]["alert"]["cause"]) == (3, "true")
    assert len({one.headers["webhook-id"] for one in sink.received}) == 3
    assert {one.state for one in rows(site)} == {"accepted"}


def test_of_a_home_nothing_is_said_but_its_place_and_what_kind_of_alert_it_is(
    admin: httpx.Client, log_in: LogIn, sink: Sink, site: Site, sender: Sender
) -> None:
    adds(admin, sink)
    evidence = {"values": {"heart_rate": 31}, "data": {"why": "she fell"}}
    alert = site.alert("b1-501-bed", severity=2, evidence=evidence)
    guard = log_in()
    guard.post(f"/api/v1/alerts/{alert}/comments", json={"text": "张桂兰摔倒"}).raise_for_status()
    said = {"version": 2, "cause": "true", "note": "张敏 came"}
    guard.post(f"/api/v1/alerts/{alert}/close", json=said).raise_for_status()
    sends(site, sender)
    assert len(sink.received) == 2
    for one in sink.received:
        told = one.json()["data"]["alert"]
        assert (told["in_home"], told["place"]) == (True, "1 栋 501")
        assert (told["device"], told["device_name"], told["cause"]) == (None, None, None)
        text_of_it = one.body.decode()
        for secret in ("heart_rate", "fell", "摔倒", "张", "王磊", "b1-501-bed", "h-501"):
            assert secret not in text_of_it


def test_each_webhook_hears_what_it_asked_for(
    admin: httpx.Client, log_in: LogIn, sink: Sink, site: Site, sender: Sender
) -> None:
    adds(admin, sink, "urgent", least=2)
    adds(admin, sink, "building", places=["b1"])
    adds(admin, sink, "ends", steps=["closed"])
    adds(admin, sink, "off", enabled=False)
    site.alert("gate-south", severity=3)
    far = site.alert("gate-south", severity=1)
    near = site.alert("b1-501-sos", severity=3)
    sends(site, sender)
    assert [one.json()["data"]["alert"]["id"] for one in sink.to("/urgent")] == [str(far)]
    assert [one.json()["data"]["alert"]["id"] for one in sink.to("/building")] == [str(near)]
    assert len(sink.received) == 2
    with transaction(site.engine) as session:  # whoever heard of it hears how it goes on
        session.get_one(Alert, far).severity = 4
    guard = log_in()
    said = {"version": 1, "cause": "false"}
    guard.post(f"/api/v1/alerts/{far}/close", json=said).raise_for_status()
    sends(site, sender)
    assert [one.json()["type"] for one in sink.to("/urgent")] == ["alert.raised", "alert.closed"]
    assert [one.json()["type"] for one in sink.to("/ends")] == ["alert.closed"]


def test_who_has_no_webhook_writes_nothing_into_the_outbox(site: Site) -> None:
    site.alert()
    with Session(site.engine) as session:
        assert session.scalar(select(func.count()).select_from(OutboxEntry)) == 0


def test_a_message_that_is_not_taken_comes_again_under_its_id_until_a_day_is_over(
    admin: httpx.Client, sink: Sink, site: Site, sender: Sender
) -> None:
    secret = adds(admin, sink)
    sink.status = 500
    site.alert("gate-south")
    sends(site, sender)
    (one,) = rows(site)
    assert (one.state, one.attempts, one.error) == ("retry", 1, "it was refused (500)")
    waits = []
    for _ in range(30):
        waits.append((rows(site)[0].next_attempt_at - now()).total_seconds())
        later(site, timedelta(seconds=max(waits[-1], 61) + 1))
        sends(site, sender)
        if rows(site)[0].state == "dead":
            break
    assert waits[0] < 7
    assert 20 < waits[1] < 40
    assert max(waits) < 4 * 3600
    assert rows(site)[0].state == "dead"
    assert 10 < len(sink.received) < 20
    assert len({each.headers["webhook-id"] for each in sink.received}) == 1
    assert len({each.body for each in sink.received}) == 1
    shown = admin.get("/api/v1/webhooks").json()[0]
    assert (shown["dead"], shown["waiting"], shown["error"]) == (1, 0, "it was refused (500)")
    sink.status, asked = 200, len(sink.received)
    dead = admin.get(f"{PATH}/messages?state=dead").json()["items"][0]
    later(site, timedelta(minutes=2))
    admin.post(f"{PATH}/messages/{dead['id']}/redeliver").raise_for_status()
    sends(site, sender)
    assert len(sink.received) == asked + 1
    assert verified(sink.received[-1], secret) == sink.received[0].json()
    assert row(site).failing_since is None


def test_who_takes_nothing_is_asked_with_one_message_however_much_waits(
    admin: httpx.Client, sink: Sink, site: Site, sender: Sender
) -> None:
    adds(admin, sink)
    sink.status = 503
    for _ in range(40):
        site.alert("gate-south")
    for _ in range(4):
        sender.turn()
        until(lambda: not sender.busy())
    assert len(sink.received) <= 4
    sink.status = 200
    later(site, timedelta(minutes=2))
    sends(site, sender)
    assert {one.state for one in rows(site)} == {"accepted"}


def test_a_slow_system_delays_no_other(
    admin: httpx.Client, sink: Sink, site: Site, sender: Sender
) -> None:
    other = Sink()
    try:
        adds(admin, sink, "slow")
        adds(admin, other, "quick")
        sink.hangs_s = 8
        site.alert("gate-south")
        sender.turn()
        assert other.comes.wait(7)
        assert rows(site)[0].state == "leased"
    finally:
        until(lambda: not sender.busy())
        other.stop()


def test_what_a_killed_worker_held_is_said_again(
    admin: httpx.Client, sink: Sink, site: Site, sender: Sender
) -> None:
    adds(admin, sink)
    site.alert("gate-south")
    with Session(site.engine) as session:  # the step is in the outbox with the alert, and stays
        assert session.scalar(select(func.count()).select_from(OutboxEntry)) == 1
    sender._turns._stopping = True  # it plans, and is killed before it sends
    sender.turn()
    with transaction(site.engine) as session:
        assert lease(session, row(site).id, now(), LEASE) is not None
    sender._turns._stopping = False
    sends(site, sender)
    assert sink.received == []
    later(site, LEASE)
    sends(site, sender)
    assert len(sink.received) == 1
    assert (rows(site)[0].state, rows(site)[0].attempts) == ("accepted", 2)


def test_two_senders_at_once_say_nothing_twice(
    admin: httpx.Client, sink: Sink, site: Site, sender: Sender
) -> None:
    adds(admin, sink)
    other = Sender(site.engine, Hosts(["127.0.0.1"]), "https://anju.example")
    for _ in range(30):
        site.alert("gate-south")
    for _ in range(20):
        sender.turn()
        other.turn()
    sends(site, sender)
    sends(site, other)
    other._close()
    assert len(sink.received) == len({one.headers["webhook-id"] for one in sink.received}) == 30


def test_who_takes_nothing_for_days_is_let_alone_and_that_is_an_alert(
    admin: httpx.Client, sink: Sink, site: Site, sender: Sender
) -> None:
    adds(admin, sink)
    sink.status = 401
    site.alert("gate-south")
    sends(site, sender)
    later(site, PAUSED_AFTER + timedelta(minutes=1))
    site.alert("gate-south")
    sends(site, sender)
    assert row(site).paused_at is not None
    assert {one.state for one in rows(site)} == {"dead"}
    overseer = Overseer(site.url)

    def said() -> list[tuple[int, str]]:
        overseer.look(time.monotonic())
        with Session(site.engine) as session:
            query = select(Alert.severity, Alert.condition).where(Alert.rule_id == WEBHOOK_PAUSED)
            return [(severity, condition) for severity, condition in session.execute(query)]

    try:
        assert said() == [(4, "active")]
        assert said() == [(4, "active")]
        refused = admin.post(f"{PATH}/messages/redeliver")
        assert (refused.status_code, "told again first" in refused.text) == (409, True)
        site.alert("gate-south")  # meanwhile nothing is kept for it
        sends(site, sender)
        sink.status = 200
        assert admin.post(f"{PATH}/resume").json()["paused_at"] is None
        assert said() == [(4, "clear")]
    finally:
        overseer._close()
    assert admin.post(f"{PATH}/messages/redeliver").json() == {"requeued": len(rows(site))}
    sends(site, sender)
    assert {one.state for one in rows(site)} == {"accepted"}


def test_two_secrets_are_good_for_a_day(
    admin: httpx.Client, sink: Sink, site: Site, sender: Sender
) -> None:
    first = adds(admin, sink)
    second = admin.post(f"{PATH}/secret").raise_for_status().json()["secret"]
    assert second != first
    assert admin.post(f"{PATH}/secret").status_code == 409  # the receiver has the first still
    site.alert("gate-south")
    sends(site, sender)
    verified(sink.received[-1], second, first)
    shown = admin.get("/api/v1/webhooks").text + admin.get("/api/v1/audit").text
    assert first not in shown
    assert second not in shown
    later(site, timedelta(days=1))
    with transaction(site.engine) as session:
        session.execute(delete(WebhookMessage))
    site.alert("gate-south")
    sends(site, sender)
    verified(sink.received[-1], second)
    assert admin.get("/api/v1/webhooks").json()[0]["former_until"] is None


def test_a_test_is_posted_at_once(admin: httpx.Client, sink: Sink, site: Site) -> None:
    secret = adds(admin, sink)
    assert admin.post(f"{PATH}/test").json() == {"ok": True, "error": None}
    said = verified(sink.received[0], secret)
    assert (said["type"], said["data"]) == ("test", None)
    assert admin.post(f"{PATH}/test").status_code == 429
    with transaction(site.engine) as session:
        session.execute(update(Webhook).values(tried_at=None))
    sink.status, sink.location = 302, "http://127.0.0.1:1/inside"
    answer = admin.post(f"{PATH}/test").json()
    assert (answer["ok"], "elsewhere" in answer["error"]) == (False, True)
    assert len(sink.received) == 2
    assert row(site).failing_since is None


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/x",
        "https://10.1.2.3/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://user:password@example.org/",
        "ftp://example.org/",
        "nonsense",
        "",
    ],
)
def test_a_webhook_that_would_have_us_knock_inside_is_refused(
    admin: httpx.Client, url: str
) -> None:
    answer = admin.post(PATH, json={"name": "x", "url": url})
    assert answer.status_code == 422
    assert "cannot be used" in answer.json()["detail"]


def test_a_name_that_leads_inside_later_is_refused_when_it_is_told(
    admin: httpx.Client, sink: Sink, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the name is looked up once, judged, and that address is spoken to."""
    url = f"https://rebind.example:{sink.port}/x"
    admin.post(PATH, json={"name": "x", "url": url, "least": 4}).raise_for_status()
    asked: list[str] = []
    found = socket.getaddrinfo

    def answers(host: Any, *args: Any, **more: Any) -> Any:
        if host != "rebind.example":
            return found(host, *args, **more)
        asked.append(host)
        return found("127.0.0.1", *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", answers)
    sender = Sender(site.engine, Hosts(), Settings(database_url=site.url).public_url)
    site.alert("gate-south")
    sends(site, sender)
    sender._close()
    assert asked == ["rebind.example"]
    assert sink.received == []
    assert "own network" in str(rows(site)[0].error)


def test_what_is_wrong_is_refused_in_words(admin: httpx.Client, sink: Sink) -> None:
    good = {"name": "城市平台", "url": sink.url}
    for changed, status, word in (
        ({"places": ["b9"]}, 422, "there is no place b9"),
        ({"steps": []}, 422, "steps"),
        ({"steps": ["exploded"]}, 422, "steps"),
        ({"least": 9}, 422, "least"),
        ({"more": 1}, 422, "more"),
    ):
        answer = admin.post(PATH, json=good | changed)
        assert (answer.status_code, word in answer.json()["detail"]) == (status, True), answer.text
    assert admin.get("/api/v1/webhooks").json() == []
    assert admin.post(PATH, json=good).status_code == 201
    assert admin.post(PATH, json=good).status_code == 409
    assert admin.put("/api/v1/webhooks/none", json=good).status_code == 404
    assert admin.post(f"{PATH}/messages/1/redeliver").status_code == 404


def test_two_who_add_the_same_at_the_same_moment(log_in: LogIn, sink: Sink) -> None:
    clients = [log_in("admin") for _ in range(4)]
    said = {"name": "城市平台", "url": sink.url}
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda client: client.post(PATH, json=said), clients))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


def test_messages_are_read_page_by_page_while_more_come(
    admin: httpx.Client, sink: Sink, site: Site, sender: Sender
) -> None:
    adds(admin, sink)
    for _ in range(5):
        site.alert("gate-south")
    sends(site, sender)
    seen: list[int] = []
    after = ""
    while True:
        page = admin.get(f"{PATH}/messages?limit=2{after}").raise_for_status().json()
        seen += [one["id"] for one in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
        site.alert("gate-south")
        sends(site, sender)
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 5


def test_a_webhook_that_is_removed_keeps_no_secret_and_hears_nothing(
    admin: httpx.Client, sink: Sink, site: Site, sender: Sender
) -> None:
    adds(admin, sink)
    site.alert("gate-south")
    assert admin.delete(PATH).status_code == 204
    sends(site, sender)
    site.alert("gate-south")
    sends(site, sender)
    assert sink.received == []
    assert (row(site).url, row(site).secret) == ("", "")
    assert admin.get("/api/v1/webhooks").json() == []
    done = [entry.action for entry in site.audited("webhook.removed")]
    assert done == ["webhook.removed"]


def test_alerts_that_are_forgotten_leave_nothing_behind(
    admin: httpx.Client, sink: Sink, site: Site
) -> None:
    adds(admin, sink)
    alert = site.alert("gate-south")
    with transaction(site.engine) as session:
        session.execute(text("DELETE FROM alert_timeline WHERE alert_id = :id"), {"id": alert})
        assert session.scalar(select(func.count()).select_from(OutboxEntry)) == 0
