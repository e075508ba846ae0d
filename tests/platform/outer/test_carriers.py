"""Messages as services outside get them: real push, mail, chat and telephone services' doubles."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator

import pytest
from outer_site import Site
from sinks import Browser, MailServer, Sink

from anju_platform.config import Settings
from anju_platform.notifications.model import Kind
from anju_platform.notifications.outside.carriers.carrier import (
    GoneError,
    Message,
    NoAnswerError,
    NotTakenError,
    Target,
)
from anju_platform.notifications.outside.carriers.hosts import Hosts
from anju_platform.notifications.outside.carrying import Carriers

MESSAGE = Message(
    title="P1 生命危险 · 疑似跌倒",
    body="3 栋 2 单元 501，07:12 发现。尚无人处理。",
    language="zh",
    severity=1,
    tag="alert-1",
    url="https://anju.example/alerts/1",
    receipt_url="https://anju.example/api/v1/receipts/word",
    good_for_s=600,
)


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    sink.stop()


@pytest.fixture
def carriers(site: Site) -> Carriers:
    """Carriers that may speak to this machine, as an operator can say."""
    settings = Settings(
        database_url=site.url, inside_hosts="127.0.0.1", push_contact="mailto:duty@anju.example"
    )
    return Carriers(site.engine, settings)


def test_a_push_is_sealed_for_the_browser_and_says_who_speaks(
    carriers: Carriers, sink: Sink
) -> None:
    browser = Browser(f"{sink.url}/push/abc")
    said = browser.subscription()
    target = Target(Kind.PUSH, "", to=said["endpoint"], keys=said["keys"])
    carriers.by_kind[Kind.PUSH].carry(MESSAGE, target)
    (one,) = sink.received
    assert browser.opens(one) == {
        "title": MESSAGE.title,
        "body": MESSAGE.body,
        "tag": "alert-1",
        "url": MESSAGE.url,
        "receipt": MESSAGE.receipt_url,
        "severity": 1,
        "lang": "zh",
    }
    assert "疑似跌倒".encode() not in one.body
    assert one.headers["ttl"] == "600"
    assert one.headers["urgency"] == "high"
    assert one.headers["authorization"].startswith("vapid t=")


def test_all_processes_speak_with_one_key(site: Site, carriers: Carriers) -> None:
    other = Carriers(site.engine, Settings(database_url=site.url))
    assert carriers.vapid().private_pem() == other.vapid().private_pem()


@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [
        (404, GoneError, "no such address"),
        (410, GoneError, "no such address"),
        (403, NotTakenError, "does not let us in"),
        (429, NotTakenError, "429"),
        (500, NotTakenError, "500"),
    ],
)
def test_a_push_service_that_says_no(
    carriers: Carriers, sink: Sink, status: int, error: type[Exception], reason: str
) -> None:
    sink.status = status
    said = Browser(f"{sink.url}/push/secret-endpoint").subscription()
    target = Target(Kind.PUSH, "", to=said["endpoint"], keys=said["keys"])
    with pytest.raises(error, match=reason) as failed:
        carriers.by_kind[Kind.PUSH].carry(MESSAGE, target)
    assert "secret-endpoint" not in str(failed.value)


def test_who_says_later_is_asked_later(carriers: Carriers, sink: Sink) -> None:
    sink.status, sink.retry_after = 429, "7"
    target = Target(Kind.VOICE, sink.url, secret="s", to="13800000000")
    with pytest.raises(NotTakenError) as failed:
        carriers.by_kind[Kind.VOICE].carry(MESSAGE, target)
    assert failed.value.after_s == 7


def test_a_service_that_hangs_may_have_taken_it(carriers: Carriers, sink: Sink) -> None:
    sink.hangs_s = 5
    said = Browser(f"{sink.url}/push/abc").subscription()
    target = Target(Kind.PUSH, "", to=said["endpoint"], keys=said["keys"])
    with pytest.raises(NoAnswerError):
        carriers.by_kind[Kind.PUSH].carry(MESSAGE, target)
    robot = Target(Kind.ROBOT, sink.url.replace("http", "json"))
    with pytest.raises(NoAnswerError):
        carriers.by_kind[Kind.ROBOT].carry(MESSAGE, robot)


def test_a_service_that_is_not_there_has_not(carriers: Carriers, sink: Sink) -> None:
    sink.stop()
    said = Browser(f"{sink.url}/push/abc").subscription()
    target = Target(Kind.PUSH, "", to=said["endpoint"], keys=said["keys"])
    with pytest.raises(NotTakenError, match="no connection"):
        carriers.by_kind[Kind.PUSH].carry(MESSAGE, target)


def test_a_call_is_asked_for_with_a_signature(carriers: Carriers, sink: Sink) -> None:
    target = Target(Kind.VOICE, f"{sink.url}/call", secret="secret", to="13800002231")
    carriers.by_kind[Kind.VOICE].carry(MESSAGE, target)
    (one,) = sink.received
    assert one.json() | {"id": None} == {
        "id": None,
        "to": "13800002231",
        "say": f"{MESSAGE.title}。{MESSAGE.body}",
        "language": "zh",
        "severity": 1,
        "url": MESSAGE.url,
        "receipt_url": MESSAGE.receipt_url,
        "good_for_s": 600,
    }
    at, mac = one.headers["anju-signature"].removeprefix("t=").split(",v1=")
    expected = hmac.new(b"secret", at.encode() + b"." + one.body, hashlib.sha256).hexdigest()
    assert mac == expected


def test_a_letter_goes_to_whoever_is_told(carriers: Carriers) -> None:
    server = MailServer()
    try:
        url = f"mailto://127.0.0.1:{server.port}?from=anju@anju.example&to={{to}}"
        assert carriers.services.fault(Kind.EMAIL, url) is None
        target = Target(Kind.EMAIL, url, to="chen+duty@example.org")
        carriers.by_kind[Kind.EMAIL].carry(MESSAGE, target)
    finally:
        server.stop()
    (letter,) = server.letters
    assert letter["X-To"] == "chen+duty@example.org"
    assert letter["Subject"] == MESSAGE.title
    body = letter.get_body()
    assert body is not None
    assert MESSAGE.url in body.get_content()
    assert "3 栋 2 单元 501" in body.get_content()


def test_a_chat_group_is_told_by_its_robot(carriers: Carriers, sink: Sink) -> None:
    url = sink.url.replace("http", "json") + "/hook"
    assert carriers.services.fault(Kind.ROBOT, url) is None
    carriers.by_kind[Kind.ROBOT].carry(MESSAGE, Target(Kind.ROBOT, url))
    (one,) = sink.received
    said = json.dumps(one.json(), ensure_ascii=False)
    assert MESSAGE.title in said
    assert MESSAGE.url in said


def test_nobody_is_led_elsewhere(carriers: Carriers, sink: Sink) -> None:
    other = Sink()
    try:
        sink.status, sink.location = 307, f"{other.url}/inside"
        for kind, target in (
            (Kind.VOICE, Target(Kind.VOICE, sink.url, secret="s", to="1")),
            (Kind.ROBOT, Target(Kind.ROBOT, sink.url.replace("http", "json"))),
            (Kind.PUSH, _push(sink)),
        ):
            with pytest.raises((NotTakenError, NoAnswerError)):
                carriers.by_kind[kind].carry(MESSAGE, target)
        assert len(sink.received) == 3
        assert other.received == []
    finally:
        other.stop()


def _push(sink: Sink) -> Target:
    said = Browser(f"{sink.url}/push/abc").subscription()
    return Target(Kind.PUSH, "", to=said["endpoint"], keys=said["keys"])


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://10.1.2.3/x",
        "https://192.168.1.1:8080/",
        "https://169.254.169.254/latest/meta-data",
        "https://0.0.0.0/",
        "https://100.64.0.1/",
        "http://push.example.org/",
        "ftp://push.example.org/",
        "file:///etc/passwd",
        "https://",
        "https://host:99999/",
        "nonsense",
    ],
)
def test_what_leads_inside_or_is_no_url_is_refused(url: str) -> None:
    assert Hosts().fault(url) is not None


def test_a_name_that_leads_inside_is_refused_when_it_is_looked_up() -> None:
    with pytest.raises(NotTakenError, match="ANJU_INSIDE_HOSTS"):
        Hosts().demand_outside("localhost")
    Hosts(("localhost",)).demand_outside("LOCALHOST")
    assert Hosts(("10.0.0.5",)).fault("http://10.0.0.5:8025/call") is None


@pytest.mark.parametrize(
    ("kind", "url", "fault"),
    [
        (Kind.EMAIL, "mailtos://user:word@mail.example.org?to=somebody@example.org", "{to}"),
        (Kind.EMAIL, "json://mail.example.org/{to}", "must begin with"),
        (Kind.EMAIL, "mailto://127.0.0.2?to={to}", "own network"),
        (Kind.ROBOT, "syslog://", "must begin with"),
        (Kind.ROBOT, "dbus://", "must begin with"),
        (Kind.ROBOT, "dingtalk://", "missing or misspelt"),
        (Kind.ROBOT, "jsons://10.0.0.1/hook", "own network"),
        (Kind.SMS, "twilio://short:word@+1555/{to}", "missing or misspelt"),
    ],
)
def test_a_channel_that_could_not_work_is_refused(
    carriers: Carriers, kind: Kind, url: str, fault: str
) -> None:
    assert fault in (carriers.services.fault(kind, url) or "")


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        (Kind.ROBOT, "wecombot://693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa"),
        (Kind.ROBOT, "dingtalk://abcdefghijklmnopqrst@0123456789abcdef0123456789abcdef"),
        (Kind.ROBOT, "feishu://0123456789abcdef0123456789abcdef0123"),
        (Kind.EMAIL, "mailtos://user:word@mail.example.org?from=a@example.org&to={to}"),
        (Kind.SMS, f"twilio://AC{'a' * 32}:{'b' * 32}@+15551234567/{{to}}"),
    ],
)
def test_channels_as_communities_have_them_are_taken(
    carriers: Carriers, kind: Kind, url: str
) -> None:
    assert carriers.services.fault(kind, url) is None
