"""Channels and addresses over HTTP: who may set what, what is refused, and what nobody is shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from outer_site import Site, Web
from sinks import Browser, Sink
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from anju_platform.database import transaction
from anju_platform.notifications.model import Address, Channel

LogIn = Callable[..., httpx.Client]
ROBOT = {"kind": "robot", "name": "保安群", "roles": ["guard"]}
WECOM = "wecombot://693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa"


@pytest.fixture
def web(site: Site, serve_site: Callable[..., Web]) -> Web:
    """A web process that may speak to this machine."""
    return serve_site(site.url, inside_hosts="127.0.0.1,10.0.0.1", inside_push_hosts="127.0.0.1")


def by_slug(client: httpx.Client) -> dict[str, Any]:
    return {one["slug"]: one for one in client.get("/api/v1/channels").raise_for_status().json()}


def test_every_community_has_its_push_channel_first(log_in: LogIn) -> None:
    admin = log_in("admin")
    assert [one["slug"] for one in admin.get("/api/v1/channels").json()] == ["push"]
    admin.post("/api/v1/channels/guards", json=ROBOT | {"url": WECOM}).raise_for_status()
    assert [one["position"] for one in admin.get("/api/v1/channels").json()] == [0, 1]
    assert admin.delete("/api/v1/channels/push").status_code == 422
    off = {"kind": "push", "name": "推送", "enabled": False}
    assert admin.put("/api/v1/channels/push", json=off).json()["enabled"] is False


def test_nobody_is_shown_what_a_url_holds(log_in: LogIn, site: Site) -> None:
    admin = log_in("admin")
    url = "smtps://duty:very-secret@mail.example.org?from=a@example.org"
    mail = {"kind": "email", "name": "邮件", "url": url}
    made = admin.post("/api/v1/channels/mail", json=mail)
    assert made.status_code == 201
    shown = made.text + admin.get("/api/v1/channels").text + admin.get("/api/v1/audit").text
    assert "very-secret" not in shown
    assert by_slug(admin)["mail"]["leads_to"] == "smtps://mail.example.org"
    admin.put("/api/v1/channels/mail", json=mail | {"url": "", "name": "新名"}).raise_for_status()
    with Session(site.engine) as session:
        kept = session.scalars(select(Channel).where(Channel.slug == "mail")).one()
        assert (kept.url, kept.name) == (url, "新名")
    assert admin.delete("/api/v1/channels/mail").status_code == 204
    with Session(site.engine) as session:
        gone = session.scalars(select(Channel).where(Channel.slug == "mail")).one()
        assert (gone.url, gone.secret) == ("", None)
    assert admin.post("/api/v1/channels/mail", json=mail).status_code == 201


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"url": "nonsense"}, "must begin with"),
        ({"url": ""}, "missing"),
        ({"url": "WECOMBOT://x"}, "must begin with"),
        ({"roles": []}, "who reads its group"),
        ({"roles": ["king"]}, "roles"),
        ({"kind": "email"}, "who reads its group"),
        ({"kind": "pigeon"}, "kind"),
        ({"per_minute": 0}, "per_minute"),
        ({"more": 1}, "more"),
    ],
)
def test_a_channel_that_could_not_work_is_refused_in_words(
    log_in: LogIn, changed: dict[str, Any], said: str
) -> None:
    admin = log_in("admin")
    answer = admin.post("/api/v1/channels/guards", json=ROBOT | {"url": WECOM} | changed)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
    assert "guards" not in by_slug(admin)


def test_names_are_taken_once_and_kinds_stay(log_in: LogIn) -> None:
    admin = log_in("admin")
    url = {"url": WECOM}
    assert admin.post("/api/v1/channels/guards", json=ROBOT | url).status_code == 201
    assert admin.post("/api/v1/channels/guards", json=ROBOT | url).status_code == 409
    voice = {"kind": "voice", "name": "x", "url": "https://calls.example.org"}
    assert admin.put("/api/v1/channels/guards", json=voice).status_code == 422
    assert admin.put("/api/v1/channels/others", json=voice).status_code == 404
    assert admin.post("/api/v1/channels/Not-Good", json=voice).status_code == 422


def test_a_voice_gateways_secret_is_shown_once(log_in: LogIn, sink: Sink) -> None:
    admin = log_in("admin")
    voice = {"kind": "voice", "name": "电话", "url": f"{sink.url}/call"}
    made = admin.post("/api/v1/channels/voice", json=voice).raise_for_status().json()
    assert len(made["secret"]) > 20
    assert made["secret"] not in admin.get("/api/v1/channels").text


def test_a_channel_is_tried_at_ones_own_address(log_in: LogIn, site: Site, sink: Sink) -> None:
    admin = log_in("admin")
    voice = {"kind": "voice", "name": "电话", "url": f"{sink.url}/call"}
    admin.post("/api/v1/channels/voice", json=voice).raise_for_status()
    asked = admin.post("/api/v1/channels/voice/test")
    assert asked.status_code == 422
    assert "add your own telephone first" in asked.json()["detail"]
    phone = {"kind": "phone", "target": "138 0000-2231"}
    admin.post("/api/v1/me/addresses", json=phone).raise_for_status()
    assert admin.post("/api/v1/channels/voice/test").json() == {"ok": True, "error": None}
    (call,) = sink.received
    assert call.json()["to"] == "13800002231"
    assert "测试" in call.json()["say"]
    assert by_slug(admin)["voice"]["ok_at"] is not None
    assert admin.post("/api/v1/channels/voice/test").status_code == 429
    with transaction(site.engine) as session:
        session.execute(update(Address).values(tried_at=None))
    sink.status = 500
    said = admin.post("/api/v1/channels/voice/test").json()
    assert said == {"ok": False, "error": "it failed (500)"}
    assert by_slug(admin)["voice"]["failing_since"] is None  # whoever tries makes nothing fail
    limited = voice | {"url": "", "per_minute": 1}
    admin.put("/api/v1/channels/voice", json=limited).raise_for_status()
    with transaction(site.engine) as session:
        session.execute(update(Address).values(tried_at=None))
    assert admin.post("/api/v1/channels/voice/test").json()["ok"] is False
    with transaction(site.engine) as session:
        session.execute(update(Address).values(tried_at=None))
    assert admin.post("/api/v1/channels/voice/test").status_code == 429


def test_a_person_sets_their_own_addresses_and_nobody_elses(log_in: LogIn, sink: Sink) -> None:
    guard, other = log_in("guard"), log_in("guard2")
    browser = Browser(f"{sink.url}/push/abc")
    made = guard.post("/api/v1/me/push", json=browser.subscription()).raise_for_status().json()
    assert guard.post("/api/v1/me/push", json=browser.subscription()).json()["id"] == made["id"]
    assert len(guard.get("/api/v1/me/addresses").json()) == 1
    assert browser.endpoint not in guard.get("/api/v1/me/addresses").text
    assert other.get("/api/v1/me/addresses").json() == []
    assert other.delete(f"/api/v1/me/addresses/{made['id']}").status_code == 404
    assert other.post(f"/api/v1/me/addresses/{made['id']}/test").status_code == 404
    assert guard.post(f"/api/v1/me/addresses/{made['id']}/test").json()["ok"] is True
    assert browser.opens(sink.received[0])["tag"] == "test"
    assert guard.delete(f"/api/v1/me/addresses/{made['id']}").status_code == 204
    assert guard.get("/api/v1/me/addresses").json() == []


def test_a_browser_belongs_to_whoever_logged_in_last(log_in: LogIn, site: Site, sink: Sink) -> None:
    guard, other = log_in("guard"), log_in("guard2")
    browser = Browser(f"{sink.url}/push/abc").subscription()
    guard.post("/api/v1/me/push", json=browser).raise_for_status()
    other.post("/api/v1/me/push", json=browser).raise_for_status()
    assert guard.get("/api/v1/me/addresses").json() == []
    assert len(other.get("/api/v1/me/addresses").json()) == 1
    with Session(site.engine) as session:
        gone = session.scalars(select(Address).where(Address.removed_at.is_not(None))).one()
        assert (gone.target, gone.keys) == ("", None)


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "phone", "target": "12"},
        {"kind": "phone", "target": "call me"},
        {"kind": "email", "target": "nobody"},
        {"kind": "email", "target": "a@b.org?cc=c@d.org"},
        {"kind": "email", "target": "a@b.org, c@d.org"},
        {"kind": "push", "target": "https://x.org"},
    ],
)
def test_what_is_no_address_is_refused(log_in: LogIn, body: dict[str, str]) -> None:
    assert log_in("guard").post("/api/v1/me/addresses", json=body).status_code == 422


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://10.0.0.1/x",
        "http://10.0.0.1/x",
        "https://①②⑦.0.0.1/",
        "http://push.example.org/x",
        "https://[::1]/",
        "https://127.0.0.2:1/",
    ],
)
def test_a_browser_that_would_have_us_knock_inside_is_refused(log_in: LogIn, endpoint: str) -> None:
    body = Browser(endpoint).subscription()
    answer = log_in("guard").post("/api/v1/me/push", json=body)
    assert answer.status_code == 422
    assert "cannot be used" in answer.json()["detail"]


def test_nobody_has_more_addresses_than_can_be_told(log_in: LogIn) -> None:
    guard = log_in("guard")
    for n in range(20):
        body = {"kind": "phone", "target": f"1380000{n:04}"}
        assert guard.post("/api/v1/me/addresses", json=body).status_code == 201
    body = {"kind": "phone", "target": "13900000000"}
    assert guard.post("/api/v1/me/addresses", json=body).status_code == 422


def test_the_key_that_browsers_subscribe_to_stays(log_in: LogIn) -> None:
    keys = {log_in(name).get("/api/v1/me/push-key").json()["public_key"] for name in ("guard",) * 2}
    assert len(keys) == 1
    assert 86 <= len(keys.pop()) <= 88


def test_what_was_done_is_audited(log_in: LogIn, site: Site) -> None:
    admin = log_in("admin")
    admin.post("/api/v1/channels/guards", json=ROBOT | {"url": WECOM}).raise_for_status()
    admin.put("/api/v1/channels/guards", json=ROBOT | {"enabled": False}).raise_for_status()
    admin.delete("/api/v1/channels/guards").raise_for_status()
    admin.post("/api/v1/me/addresses", json={"kind": "phone", "target": "13800000000"})
    done = ("channel.added", "channel.changed", "channel.removed", "address.added")
    entries = [site.audited(each) for each in done]
    assert [len(each) for each in entries] == [1, 1, 1, 1]
    said = json.dumps([[e.data, e.subject] for each in entries for e in each])
    assert "693a91f6" not in said
    assert "13800000000" not in said


def test_a_gateway_has_a_secret_of_its_own(log_in: LogIn) -> None:
    admin = log_in("admin")
    url = f"twilio://AC{'a' * 32}:{'b' * 32}@+15551234567/{{to}}"
    sms = {"kind": "sms", "name": "短信", "url": url}
    assert admin.post("/api/v1/channels/sms", json=sms).json()["secret"] is None
    gateway = sms | {"url": "https://gateway.example.org/sms"}
    answer = admin.put("/api/v1/channels/sms", json=gateway)
    assert answer.status_code == 422
    assert "make another channel" in answer.json()["detail"]
    assert admin.post("/api/v1/channels/own", json=gateway).json()["secret"]
