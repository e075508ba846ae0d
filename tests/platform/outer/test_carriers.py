"""Messages as services outside get them: real push, mail, chat and telephone services' doubles."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from outer_site import Site
from sinks import Browser, MailServer, Sink, certificate

from anju_platform.config import Settings
from anju_platform.notifications.model import Kind
from anju_platform.notifications.outside.carriers import services
from anju_platform.notifications.outside.carriers.carrier import (
    GoneError,
    Message,
    NoAnswerError,
    NotTakenError,
    Target,
)
from anju_platform.notifications.outside.carriers.hosts import Hosts
from anju_platform.notifications.outside.carriers.robots import Robots
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
WECOM, DINGTALK = "693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa", "0123456789abcdef0123456789abcdef"
Carry = Callable[[Target], None]


@pytest.fixture
def mail() -> Iterator[MailServer]:
    server = MailServer()
    yield server
    server.stop()


@pytest.fixture
def carriers(site: Site, sink: Sink) -> Carriers:
    """Carriers that may speak to this machine, where the chats' servers are, too."""
    settings = Settings(
        database_url=site.url,
        inside_hosts="127.0.0.1",
        inside_push_hosts="127.0.0.1",
        push_contact="mailto:duty@anju.example",
    )
    carriers = Carriers(site.engine, settings)
    robots = Robots(carriers.hosts, dict.fromkeys(("wecombot", "dingtalk", "feishu"), sink.url))
    carriers.known[Kind.ROBOT] |= dict.fromkeys(("wecombot", "dingtalk", "feishu"), robots)
    return carriers


@pytest.fixture
def carry(carriers: Carriers) -> Carry:
    return lambda target: carriers.of(Kind(target.kind), target.url).carry(MESSAGE, target)


def push(sink: Sink, path: str = "/push/abc") -> Target:
    said = Browser(f"{sink.url}{path}").subscription()
    return Target(Kind.PUSH, "", to=said["endpoint"], keys=said["keys"])


def call(sink: Sink) -> Target:
    return Target(Kind.VOICE, f"{sink.url}/call", secret="secret", to="13800002231")


def wecom() -> Target:
    return Target(Kind.ROBOT, f"wecombot://{WECOM}")


def letter(mail: MailServer) -> Target:
    return Target(Kind.EMAIL, mail.url, to="chen+duty@example.org")


def test_a_push_is_sealed_for_the_browser_and_says_who_speaks(carry: Carry, sink: Sink) -> None:
    browser = Browser(f"{sink.url}/push/abc")
    said = browser.subscription()
    carry(Target(Kind.PUSH, "", to=said["endpoint"], keys=said["keys"]))
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
    ("status", "expected"),
    [
        (404, (GoneError, "no such address", None)),
        (410, (GoneError, "no such address", None)),
        (400, (NotTakenError, "400", False)),
        (413, (NotTakenError, "413", False)),
        (403, (NotTakenError, "does not let us in", True)),
        (429, (NotTakenError, "429", True)),
        (500, (NotTakenError, "500", True)),
        (307, (NotTakenError, "elsewhere", True)),
    ],
)
def test_a_push_service_that_says_no(
    carry: Carry, sink: Sink, status: int, expected: tuple[type[Exception], str, bool | None]
) -> None:
    error, reason, of_the_service = expected
    sink.status = status
    with pytest.raises(error, match=reason) as failed:
        carry(push(sink, "/push/secret-endpoint"))
    assert "secret-endpoint" not in str(failed.value)
    assert getattr(failed.value, "of_the_service", None) is of_the_service


def test_a_browser_with_keys_that_are_none_is_its_own_fault(carry: Carry, sink: Sink) -> None:
    keys = {"p256dh": "B" * 87, "auth": "A" * 22}
    with pytest.raises(NotTakenError, match="keys are not good") as failed:
        carry(Target(Kind.PUSH, "", to=f"{sink.url}/push", keys=keys))
    assert failed.value.of_the_service is False


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [("7", 7, 7), ("Wed, 01 Jan 2098 00:00:00 GMT", 300, 300), ("x", 0, 0)],
)
def test_who_says_later_is_asked_later(
    carry: Carry, sink: Sink, said: str, least: float, most: float
) -> None:
    sink.status, sink.retry_after = 429, said
    with pytest.raises(NotTakenError) as failed:
        carry(call(sink))
    assert least <= failed.value.after_s <= most


@pytest.mark.parametrize("target", ["push", "call", "wecom"])
def test_a_service_that_breaks_off_may_have_taken_it(carry: Carry, sink: Sink, target: str) -> None:
    sink.resets = True
    made = {"push": push(sink), "call": call(sink), "wecom": wecom()}
    with pytest.raises(NoAnswerError):
        carry(made[target])


@pytest.mark.parametrize("how", ["hangs", "drips"])
def test_a_service_that_lets_us_wait_does_so_for_less_than_a_lease(
    carry: Carry, sink: Sink, how: str
) -> None:
    if how == "hangs":
        sink.hangs_s = 9
    else:
        sink.drips = True
    began = time.monotonic()
    with pytest.raises(NoAnswerError):
        carry(push(sink))
    assert time.monotonic() - began < 9
    sink.drips = False


def test_a_service_that_is_not_there_has_not(carry: Carry, sink: Sink) -> None:
    sink.stop()
    for target in (push(sink), call(sink), wecom()):
        with pytest.raises(NotTakenError, match="no connection"):
            carry(target)


def test_a_call_is_asked_for_with_a_signature(carry: Carry, sink: Sink) -> None:
    carry(call(sink))
    (one,) = sink.received
    assert one.json() | {"id": None} == {
        "kind": "voice",
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


def test_a_letter_goes_to_whoever_is_told(carry: Carry, mail: MailServer) -> None:
    carry(letter(mail))
    (one,) = mail.letters
    assert one["X-To"] == one["To"] == "chen+duty@example.org"
    assert one["Subject"] == MESSAGE.title
    body = one.get_body()
    assert body is not None
    assert MESSAGE.url in body.get_content()
    assert "3 栋 2 单元 501" in body.get_content()


@pytest.mark.parametrize(
    ("said", "error", "of_the_service"),
    [
        (("550 5.1.1 no such user", "250 OK"), GoneError, None),
        (("550 5.7.1 we take nothing from you", "250 OK"), NotTakenError, True),
        (("550 5.4.5 daily limit", "250 OK"), NotTakenError, True),
        (("550 no", "250 OK"), NotTakenError, False),
        (("552 mailbox full", "250 OK"), NotTakenError, False),
        (("451 later", "250 OK"), NotTakenError, True),
        (("250 OK", "554 spam"), NotTakenError, True),
    ],
)
def test_a_mail_server_that_says_no(
    carry: Carry,
    mail: MailServer,
    said: tuple[str, str],
    error: type[Exception],
    of_the_service: bool | None,
) -> None:
    mail.rcpt, mail.data = said
    with pytest.raises(error) as failed:
        carry(letter(mail))
    assert getattr(failed.value, "of_the_service", None) is of_the_service


def test_a_mail_server_that_has_the_letter_and_says_nothing_may_have_taken_it(
    carry: Carry, mail: MailServer
) -> None:
    mail.hangs_s = 5
    carry(letter(mail))  # some look through letters for so long: it is waited for
    assert len(mail.letters) == 1
    mail.hangs_s = 12
    began = time.monotonic()
    with pytest.raises(NoAnswerError):
        carry(letter(mail))
    assert time.monotonic() - began < 9.5


def test_a_letter_is_sealed_on_its_way_to_whoever_the_certificate_names(
    carry: Carry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted, context = certificate(tmp_path)
    server = MailServer(context)
    try:
        with pytest.raises(NotTakenError, match="no connection"):
            carry(letter(server))  # nobody vouches for it
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        carry(letter(server))
    finally:
        server.stop()
    assert len(server.letters) == 1


def test_a_mail_server_that_is_not_there_has_not(carry: Carry, mail: MailServer) -> None:
    mail.stop()
    with pytest.raises(NotTakenError, match="no connection"):
        carry(letter(mail))


@pytest.mark.parametrize(
    ("url", "path", "text"),
    [
        (f"wecombot://{WECOM}", f"/cgi-bin/webhook/send?key={WECOM}", ("text", "content")),
        (f"dingtalk://{DINGTALK}", f"/robot/send?access_token={DINGTALK}", ("text", "content")),
        (
            f"dingtalk://SECabc@{DINGTALK}",
            f"/robot/send?access_token={DINGTALK}&timestamp=",
            ("text", "content"),
        ),
        (f"feishu://{DINGTALK}", f"/open-apis/bot/v2/hook/{DINGTALK}", ("content", "text")),
    ],
)
def test_a_chat_group_is_told_by_its_robot(
    carry: Carry, sink: Sink, url: str, path: str, text: tuple[str, str]
) -> None:
    if url.startswith("feishu"):
        sink.body = b'{"code": 0, "msg": "success"}'
    carry(Target(Kind.ROBOT, url))
    (one,) = sink.received
    assert one.path.startswith(path)
    assert one.json()[text[0]][text[1]] == MESSAGE.text


@pytest.mark.parametrize("status", [408, 500, 502, 504])
def test_a_gateway_that_fails_may_have_taken_it(carry: Carry, sink: Sink, status: int) -> None:
    sink.status = status
    for target in (call(sink), wecom()):
        with pytest.raises(NoAnswerError, match=str(status)):
            carry(target)
    with pytest.raises(NotTakenError):  # a browser that gets it twice shows it once
        carry(push(sink))
    sink.status = 503
    with pytest.raises(NotTakenError):
        carry(call(sink))


def test_an_answer_in_pieces_is_read_to_its_end(carry: Carry, sink: Sink) -> None:
    sink.status, sink.pieces = 200, True
    carry(wecom())
    sink.pieces, sink.cut_short = False, True
    with pytest.raises(NoAnswerError):
        carry(wecom())


@pytest.mark.parametrize(
    ("body", "reason", "after_s"),
    [
        (b'{"errcode": 93000, "errmsg": "invalid webhook url"}', "code 93000", 0),
        (b'{"errcode": 45009, "errmsg": "api freq out of limit"}', "code 45009", 60),
        (b'{"code": 19001, "msg": "param invalid"}', "code 19001", 0),
        (b"<html>gateway</html>", "did not say", 0),
        (b"[]", "did not say", 0),
    ],
)
def test_a_robot_s_200_is_not_believed(
    carry: Carry, sink: Sink, body: bytes, reason: str, after_s: float
) -> None:
    sink.status, sink.body = 200, body
    with pytest.raises(NotTakenError, match=reason) as failed:
        carry(wecom())
    assert failed.value.after_s == after_s


def test_nobody_is_led_elsewhere(carry: Carry, sink: Sink) -> None:
    other = Sink()
    try:
        sink.status, sink.location = 307, f"{other.url}/inside"
        for target in (call(sink), wecom(), push(sink)):
            with pytest.raises(NotTakenError, match="elsewhere"):
                carry(target)
        assert len(sink.received) == 3
        assert other.received == []
    finally:
        other.stop()


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://[::7f00:1]/x",
        "https://[::ffff:0:127.0.0.1]/x",
        "https://①②⑦.0.0.1/",
        "https://１２７.0.0.1/",
        "https://127。0。0。1/",
        "https://push.example.org\\@127.0.0.1/",
        "https://[64:ff9b::a00:1]/x",
        "https://[2002:a00:1::]/x",
        "https://[fec0::1]/x",
        "https://10.1.2.3/x",
        "https://192.168.1.1:8080/",
        "https://169.254.169.254/latest/meta-data",
        "https://0.0.0.0/",
        "https://100.64.0.1/",
        "https://a@127.0.0.1:80@push.example.org/",
        "https://user:word@push.example.org/",
        "http://push.example.org/",
        "HTTP://push.example.org/",
        "ftp://push.example.org/",
        "file:///etc/passwd",
        "https://",
        "https://host:99999/",
        "https://push.example.org/ x",
        "nonsense",
    ],
)
def test_what_leads_inside_or_is_no_url_is_refused(url: str) -> None:
    assert Hosts().fault(url) is not None


def test_a_name_that_leads_inside_is_refused_when_it_is_looked_up(site: Site, sink: Sink) -> None:
    with pytest.raises(NotTakenError, match="ANJU_INSIDE_HOSTS"):
        Hosts().vetted("localhost")
    assert Hosts(("localhost",)).vetted("LOCALHOST")
    with pytest.raises(NotTakenError, match="no such host"):
        Hosts().vetted("x" * 70 + ".example.org")
    assert Hosts(("10.0.0.5",)).fault("http://10.0.0.5:8025/call") is None
    carriers = Carriers(site.engine, Settings(database_url=site.url))
    target = Target(Kind.VOICE, f"https://localhost:{sink.port}/call", secret="s", to="1")
    with pytest.raises(NotTakenError, match="ANJU_INSIDE_HOSTS"):
        carriers.of(Kind.VOICE, target.url).carry(MESSAGE, target)
    server = Target(Kind.EMAIL, "smtps://localhost?from=a@example.org", to="b@example.org")
    with pytest.raises(NotTakenError, match="ANJU_INSIDE_HOSTS"):
        carriers.of(Kind.EMAIL, server.url).carry(MESSAGE, server)


@pytest.mark.parametrize(
    ("kind", "url", "fault"),
    [
        (Kind.EMAIL, "smtps://user:word@mail.example.org", "from"),
        (Kind.EMAIL, "mailto://mail.example.org", "must begin with"),
        (Kind.EMAIL, "smtp://127.0.0.2?from=a@example.org", "own network"),
        (Kind.ROBOT, "syslog://", "must begin with"),
        (Kind.ROBOT, "json://127.0.0.1/", "must begin with"),
        (Kind.ROBOT, "JSON://127.0.0.1/", "must begin with"),
        (Kind.ROBOT, "workflows://127.0.0.1:5000/a/b", "must begin with"),
        (Kind.ROBOT, "dingtalk://", "missing or misspelt"),
        (Kind.ROBOT, "wecombot://key?redirect=yes", "missing or misspelt"),
        (Kind.ROBOT, "wecombot://../../x", "missing or misspelt"),
        (Kind.ROBOT, "discord://1234567890/abc?template=file:///etc/passwd", "no query"),
        (Kind.SMS, "twilio://short:word@+1555/{to}", "missing or misspelt"),
        (Kind.SMS, f"twilio://AC{'a' * 32}:{'b' * 32}@+15551234567/", "{to}"),
        (Kind.SMS, "https://10.0.0.1/sms", "own network"),
        (Kind.VOICE, "", "missing"),
        (Kind.PUSH, "https://push.example.org", "has none"),
    ],
)
def test_a_channel_that_could_not_work_is_refused(
    site: Site, kind: Kind, url: str, fault: str
) -> None:
    carriers = Carriers(site.engine, Settings(database_url=site.url))
    assert fault in str(carriers.fault(kind, url))


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        (Kind.ROBOT, f"wecombot://{WECOM}"),
        (Kind.ROBOT, f"dingtalk://SEC{DINGTALK}@{DINGTALK}"),
        (Kind.ROBOT, f"feishu://{DINGTALK}"),
        (Kind.ROBOT, "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#duty"),
        (Kind.EMAIL, "smtps://duty%40example.org:word@mail.example.org?from=a@example.org"),
        (Kind.SMS, f"twilio://AC{'a' * 32}:{'b' * 32}@+15551234567/{{to}}"),
        (Kind.SMS, "https://gateway.example.org/sms"),
        (Kind.PUSH, ""),
    ],
)
def test_channels_as_communities_have_them_are_taken(
    carriers: Carriers, kind: Kind, url: str
) -> None:
    assert carriers.fault(kind, url.replace("/#duty", "")) is None


def test_what_apprise_refuses_may_have_been_delivered(
    carriers: Carriers, monkeypatch: pytest.MonkeyPatch
) -> None:
    import apprise

    said: list[Any] = []

    def notify(_self: Any, **what: Any) -> bool:
        said.append(what)
        if len(said) == 3:
            time.sleep(6)
        return len(said) > 1

    monkeypatch.setattr(apprise.NotifyBase, "notify", notify)
    target = Target(Kind.SMS, f"twilio://AC{'a' * 32}:{'b' * 32}@+15551234567/{{to}}", to="+8613")
    service = carriers.of(Kind.SMS, target.url)
    with pytest.raises(NotTakenError, match="no connection"):  # the service is not reached here
        service.carry(MESSAGE, target)
    assert said == []
    monkeypatch.setattr(services, "_demand_reachable", lambda _host: None)
    with pytest.raises(NoAnswerError):
        service.carry(MESSAGE, target)
    service.carry(MESSAGE, target)
    assert said[0]["title"] == MESSAGE.title
    began = time.monotonic()
    with pytest.raises(NoAnswerError):
        service.carry(MESSAGE, target)
    assert time.monotonic() - began < 6
