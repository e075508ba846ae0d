from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sip_device import Heard, sip_request

from anju_edge.drivers import digest
from anju_edge.drivers.sip.authentication import Gate
from anju_edge.drivers.sip.message import (
    BadMessageError,
    Request,
    Response,
    answer_to,
    cut,
    parameter,
    parse,
    user,
)
from anju_edge.drivers.sip.server import Peer, SipServer

ALARM = sip_request("MESSAGE", body=b"<Notify/>")


def test_a_message_is_read_and_written_as_it_came() -> None:
    message = parse(ALARM)
    assert isinstance(message, Request)
    assert (message.method, message.body, message.cseq) == (
        "MESSAGE",
        b"<Notify/>",
        (20, "MESSAGE"),
    )
    assert message.sender == "34020000001320000001"
    assert message.branch == "z9hG4bK1"
    assert message.encode().partition(b"\r\n\r\n")[2] == b"<Notify/>"
    assert parse(message.encode()).headers[:7] == message.headers[:7]


def test_what_devices_write_badly_is_read() -> None:
    loose = (
        b"MESSAGE sip:1@2 SIP/2.0\nv: SIP/2.0/UDP 10.0.0.1\n ;branch=z9hG4bKa\nf:<sip:1@2>;tag=x\n"
        b"t: <sip:2@2>\ni:abc\nCSEQ :  7 MESSAGE\n\nbody"
    )
    message = parse(loose)
    assert (message.branch, message.call_id, message.body) == ("z9hG4bKa", "abc", b"body")
    assert parameter(message.get("From"), "tag") == "x"
    latin = parse(ALARM.replace(b"User-Agent: IP Camera", "User-Agent: 摄像机".encode("gb18030")))
    assert isinstance(latin, Request)
    assert "摄像机".encode("gb18030") in latin.encode()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "no SIP"),
        (b"\x16\x03\x01\x02\x00garbage", "no end"),
        (ALARM.replace(b"Content-Length: 9", b"Content-Length: 90"), "9 of 90 bytes"),
        (ALARM.replace(b"Content-Length: 9", b"Content-Length: -1"), "Content-Length is '-1'"),
        (ALARM.replace(b"Call-ID: 413107604\r\n", b""), "no call-id"),
        (ALARM.replace(b"CSeq: 20 MESSAGE", b"CSeq: 20 REGISTER"), "CSeq is"),
        (ALARM.replace(b"Max-Forwards: 70", b"Max Forwards 70"), "no header"),
        (ALARM.replace(b"\r\n\r\n", b"\r\n" + b"X: y\r\n" * 200 + b"\r\n"), "headers"),
        (b"x" * 70_000, "70000 bytes"),
    ],
)
def test_what_is_no_message_is_refused_with_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(BadMessageError, match=reason):
        parse(data)


@given(st.binary(max_size=300), st.integers(0, len(ALARM)), st.integers(0, len(ALARM)))
def test_garbage_is_refused_or_read_and_never_breaks_anything(
    junk: bytes, begin: int, end: int
) -> None:
    for data in (junk, ALARM[:begin] + junk + ALARM[end:]):
        for read in (parse, cut):
            with contextlib.suppress(BadMessageError):
                read(data)
        user(data.decode("latin-1"))


def test_an_answer_repeats_what_names_its_request() -> None:
    request = parse(ALARM)
    assert isinstance(request, Request)
    answer = parse(answer_to(request, 200, "OK", tag="ours").encode())
    assert isinstance(answer, Response)
    assert (answer.status, answer.call_id, answer.cseq) == (200, request.call_id, request.cseq)
    assert answer.get("via") == request.get("via")
    assert parameter(answer.get("to"), "tag") == "ours"


def test_the_digest_of_the_standard() -> None:
    # RFC 2617 3.5
    login = digest.Login("Mufasa", "testrealm@host.com", "Circle Of Life")
    challenge = {
        "realm": "testrealm@host.com",
        "qop": "auth,auth-int",
        "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093",
        "opaque": "5ccc069c403ebaf9f0171e9517f40e41",
    }
    header = digest.answer(login, "GET", "/dir/index.html", challenge, "0a4f113b")
    said = digest.parameters(header)
    assert said is not None
    assert said["response"] == "6629fae49393a05397450978507c4ef1"
    assert digest.is_right(login, "GET", said)
    assert not digest.is_right(login, "POST", said)
    assert digest.parameters("Basic abc") is None


def _registered(gate: Gate, password: str, **changes: str) -> Request:
    challenge = digest.parameters(gate.challenge()[1])
    assert challenge is not None
    login = digest.Login("34020000001320000001", gate.realm, password)
    header = digest.answer(login, "REGISTER", "sip:server", challenge | changes, "c0ffee")
    message = parse(sip_request("REGISTER", authorization=header))
    assert isinstance(message, Request)
    return message


def test_a_password_opens_once_for_each_challenge() -> None:
    gate = Gate("3402000000")
    right = _registered(gate, "12345678")
    assert gate.admits(right, "34020000001320000001", "12345678")
    assert not gate.admits(right, "34020000001320000001", "12345678")
    assert gate.admits(_registered(gate, "12345678", qop=""), "34020000001320000001", "12345678")


@pytest.mark.parametrize("changes", [{"nonce": "1.2.3"}, {"nonce": ""}, {"realm": "other"}])
def test_what_is_not_the_answer_to_our_challenge_opens_nothing(changes: dict[str, str]) -> None:
    gate = Gate("3402000000")
    request = _registered(gate, "12345678", **changes)
    if "realm" in changes:
        request = _registered(Gate("other"), "12345678")
    assert not gate.admits(request, "34020000001320000001", "12345678")
    assert not gate.admits(_registered(gate, "wrong"), "34020000001320000001", "12345678")


@pytest.fixture
def heard() -> Iterator[Heard]:
    listening = Heard()
    stop = threading.Event()
    server = SipServer("127.0.0.1", 0, serve=listening.serve, reject=listening.reject)
    listening.server, listening.port = server, server.open()
    thread = threading.Thread(target=server.run, args=(stop, lambda: None))
    thread.start()
    yield listening
    stop.set()
    thread.join()


def _udp(port: int) -> socket.socket:
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(10)
    client.connect(("127.0.0.1", port))
    return client


def test_a_request_said_again_is_answered_again_and_served_once(heard: Heard) -> None:
    with _udp(heard.port) as client:
        client.send(ALARM)
        first = client.recv(65_536)
        client.send(ALARM)
        assert client.recv(65_536) == first
        client.send(ALARM.replace(b"CSeq: 20", b"CSeq: 21"))
        assert b"200 OK" in client.recv(65_536)
    assert len(heard.requests) == 2


def test_badly_numbered_messages_that_differ_are_two(heard: Heard) -> None:
    with _udp(heard.port) as client:
        for body in (b"<Alarm1/>", b"<Alarm2/>"):
            client.send(sip_request("MESSAGE", body=body))
            client.recv(65_536)
    assert [one.body for one in heard.requests] == [b"<Alarm1/>", b"<Alarm2/>"]


def test_what_cannot_be_taken_is_said_again_and_then_taken(heard: Heard) -> None:
    heard.busy = True
    with _udp(heard.port) as client:
        client.settimeout(0.5)
        client.send(ALARM)
        with pytest.raises(TimeoutError):
            client.recv(65_536)
        heard.busy = False
        client.settimeout(10)
        client.send(ALARM)
        assert b"200 OK" in client.recv(65_536)
    assert len(heard.requests) == 1


def test_one_that_breaks_its_service_is_set_aside_and_the_next_is_served(heard: Heard) -> None:
    heard.broken = True
    with _udp(heard.port) as client:
        client.send(ALARM)
        assert b"500 " in client.recv(65_536)
        heard.broken = False
        client.send(ALARM.replace(b"CSeq: 20", b"CSeq: 21"))
        assert b"200 OK" in client.recv(65_536)
    assert "broken" in heard.rejected[0]


def test_garbage_is_set_aside_and_the_next_is_served(heard: Heard) -> None:
    with _udp(heard.port) as client:
        client.send(b"\r\n\r\n")
        client.send(b"\x00\xff nonsense")
        client.send(ALARM)
        assert b"200 OK" in client.recv(65_536)
    assert heard.rejected == ["its headers have no end"]


def test_over_tcp_messages_come_in_pieces_and_together(heard: Heard) -> None:
    with socket.create_connection(("127.0.0.1", heard.port), timeout=10) as client:
        lines = client.makefile("rb")
        client.sendall(b"\r\n\r\n")
        assert lines.read(2) == b"\r\n"
        second = ALARM.replace(b"CSeq: 20", b"CSeq: 21")
        client.sendall(ALARM[:50])
        client.sendall(ALARM[50:] + second + b"\r\n")
        for _ in range(2):
            assert lines.readline() == b"SIP/2.0 200 OK\r\n"
            while lines.readline() != b"\r\n":
                pass
        heard.busy = True
        client.sendall(ALARM.replace(b"CSeq: 20", b"CSeq: 22"))
        assert lines.readline() == b"SIP/2.0 503 Service Unavailable\r\n"
        lines.close()
    with socket.create_connection(("127.0.0.1", heard.port), timeout=10) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert client.recv(100) == b""
    assert len(heard.requests) == 2
    assert heard.rejected == ["a message over TCP without Content-Length"]


def _ask(heard: Heard, peer: Peer, told: Callable[[Response | None], None]) -> None:
    headers = [("From", "<sip:1@2>;tag=a"), ("To", "<sip:3@2>"), ("Call-ID", "q")]
    heard.server.ask(
        "MESSAGE", "sip:3@2", peer, [*headers, ("CSeq", "1 MESSAGE")], b"?", on_answer=told
    )


def test_a_request_of_ours_is_said_until_it_is_answered(heard: Heard) -> None:
    answers: list[Response | None] = []
    answered = threading.Event()

    def told(answer: Response | None) -> None:
        answers.append(answer)
        answered.set()

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        device.bind(("127.0.0.1", 0))
        device.settimeout(10)
        _ask(heard, Peer("127.0.0.1", device.getsockname()[1]), told)
        first, _ = device.recvfrom(65_536)
        again, sender = device.recvfrom(65_536)
        assert first == again
        request = parse(again)
        assert isinstance(request, Request)
        device.sendto(answer_to(request, 200, "OK").encode(), sender)
        assert answered.wait(10)
    assert [answer.status for answer in answers if answer] == [200]


def test_silence_is_an_answer_in_the_end(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anju_edge.drivers.sip.server.ASKED_S", 0.5)
    gone = threading.Event()
    _ask(heard, Peer("127.0.0.1", 9), lambda answer: gone.set() if answer is None else None)
    assert gone.wait(10)
