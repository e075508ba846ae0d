"""Listens for SIP on one port, UDP and TCP, answers requests and asks some of its own.

One thread does all of it, one message after the other: what a device hears "200 OK" to is on
the disk by then, and in the order in which it came. A request that comes again is answered
as before and not served again (RFC 3261 17.2.2). One that cannot be taken now is not
answered over UDP: its device says it again for half a minute. Over TCP it hears 503.
"""

import contextlib
import logging
import secrets
import selectors
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Literal

from anju_edge.drivers.sip.message import (
    MAX_BYTES,
    BadMessageError,
    Request,
    Response,
    answer_to,
    cut,
    parameter,
    parse,
)
from anju_edge.errors import DriverError

T1_S = 0.5
"""First pause before a request is said again, doubled each time up to T2_S (RFC 3261 17.1.2)."""
T2_S = 4.0
ASKED_S = 32.0
"""How long a request of ours is said, and an answer of ours remembered (64 T1)."""
REMEMBERED = 10_000
MAX_CONNECTIONS = 256
HALF_MESSAGE_S = 10.0
"""How long a TCP peer may take for one message."""
TICK_S = 0.25
_MAGIC = "z9hG4bK"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Peer:
    """Whom we speak with: where their messages come from."""

    host: str
    port: int
    transport: Literal["UDP", "TCP"] = "UDP"

    def __str__(self) -> str:
        return f"{self.host}:{self.port}/{self.transport}"


Serve = Callable[[Request, Peer], Response | None]
"""Serves a request; None: it cannot be taken now."""
Reject = Callable[[bytes, Peer, str], None]
"""Sets bytes aside that are no SIP, with the reason."""
OnAnswer = Callable[[Response | None], None]
"""Hears the answer to a request of ours; None: nobody answered."""


@dataclass(slots=True)
class _Asked:
    data: bytes
    peer: Peer
    on_answer: OnAnswer
    until: float
    again_at: float
    pause_s: float = T1_S


@dataclass(slots=True)
class _Connection:
    socket: socket.socket
    peer: Peer
    buffer: bytes = b""
    since: float = field(default_factory=time.monotonic)


class SipServer:
    """The SIP side of a driver.

    Args:
        host: address to listen on.
        port: port of both UDP and TCP; 0 takes a free one.
        serve: serves each new request, in the thread of :meth:`run`.
        reject: is given what is no SIP.
    """

    def __init__(self, host: str, port: int, *, serve: Serve, reject: Reject) -> None:
        self._address = (host, port)
        self._serve = serve
        self._reject = reject
        self._select = selectors.DefaultSelector()
        self._udp = self._tcp = None  # type: socket.socket | None
        self._connections: dict[Peer, _Connection] = {}
        self._answered: OrderedDict[bytes, tuple[float, bytes]] = OrderedDict()
        self._asked: dict[str, _Asked] = {}
        self._lock = threading.Lock()

    def open(self) -> int:
        """Begin to listen and give the port.

        Raises:
            DriverError: the address cannot be listened on.
        """
        host, port = self._address
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._tcp = socket.create_server((host, port), family=family, backlog=64)
            port = int(self._tcp.getsockname()[1])
            self._udp = socket.socket(family, socket.SOCK_DGRAM)
            self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
            self._udp.bind((host, port))
        except OSError as error:
            self.close()
            raise DriverError(f"cannot listen on {host}:{port} for SIP: {error}") from error
        for listener in (self._udp, self._tcp):
            listener.settimeout(0)
            self._select.register(listener, selectors.EVENT_READ)
        self._address = (host, port)
        return port

    def run(self, stop: threading.Event, tick: Callable[[], None]) -> None:
        """Serve until ``stop``; ``tick`` is called about every TICK_S in between."""
        if self._udp is None:
            self.open()
        try:
            tick_at = 0.0
            while not stop.is_set():
                for key, _ in self._select.select(TICK_S):
                    self._read(key.fileobj)
                if time.monotonic() >= tick_at:
                    tick_at = time.monotonic() + TICK_S
                    self._tend()
                    tick()
        finally:
            self.close()

    def close(self) -> None:
        """Stop listening and hang up."""
        for connection in list(self._connections.values()):
            self._hang_up(connection)
        for listener in (self._udp, self._tcp):
            if listener is not None:
                with contextlib.suppress(KeyError, ValueError):
                    self._select.unregister(listener)
                listener.close()
        self._udp = self._tcp = None

    # -- asking ------------------------------------------------------------------------

    def ask(
        self,
        method: str,
        uri: str,
        peer: Peer,
        headers: Sequence[tuple[str, str]],
        body: bytes = b"",
        *,
        on_answer: OnAnswer = lambda _: None,
    ) -> None:
        """Send a request to a peer; any thread may.

        Over UDP it is said again until it is answered. ``headers`` has From, To, Call-ID
        and CSeq; Via, Max-Forwards and Content-Length are put there.
        """
        branch = _MAGIC + secrets.token_hex(10)
        host = self.host_towards(peer)
        via = f"SIP/2.0/{peer.transport} {host}:{self._address[1]};rport;branch={branch}"
        request = Request(
            (("Via", via), ("Max-Forwards", "70"), *headers), body, method=method, uri=uri
        )
        now = time.monotonic()
        asked = _Asked(request.encode(), peer, on_answer, now + ASKED_S, now + T1_S)
        with self._lock:
            self._asked[branch] = asked
        self._send(asked.data, peer)

    def host_towards(self, peer: Peer) -> str:
        """Give our own address as a peer sees it."""
        family = socket.AF_INET6 if ":" in peer.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((peer.host, peer.port or 5060))
                host = str(probe.getsockname()[0])
            except OSError:
                host = self._address[0]
        return f"[{host}]" if ":" in host else host

    @property
    def port(self) -> int:
        """The port listened on."""
        return self._address[1]

    # -- reading -----------------------------------------------------------------------

    def _read(self, ready: object) -> None:
        if ready is self._udp:
            self._read_datagrams()
        elif ready is self._tcp:
            self._accept()
        else:
            peer = next((p for p, c in self._connections.items() if c.socket is ready), None)
            if peer is not None:
                self._read_stream(self._connections[peer])

    def _read_datagrams(self) -> None:
        assert self._udp is not None  # noqa: S101 - it is registered while it is there
        for _ in range(100):  # then TCP and the clock have their turn
            try:
                data, address = self._udp.recvfrom(MAX_BYTES + 1)
            except BlockingIOError:
                return
            except OSError as error:  # an earlier answer found nobody (ICMP)
                _log.debug("SIP over UDP: %s", error)
                continue
            if data.strip(b"\r\n\0 "):  # what is empty keeps a router's way open, no more
                self._take(data, Peer(address[0], address[1], "UDP"))

    def _accept(self) -> None:
        assert self._tcp is not None  # noqa: S101 - it is registered while it is there
        try:
            accepted, address = self._tcp.accept()
        except OSError:  # it is gone already
            return
        if len(self._connections) >= MAX_CONNECTIONS:
            _log.error("%s: refused: there are %d connections", address[0], MAX_CONNECTIONS)
            accepted.close()
            return
        accepted.settimeout(0)
        peer = Peer(address[0], address[1], "TCP")
        self._connections[peer] = _Connection(accepted, peer)
        self._select.register(accepted, selectors.EVENT_READ)

    def _read_stream(self, connection: _Connection) -> None:
        try:
            received = connection.socket.recv(MAX_BYTES)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            self._hang_up(connection)
            return
        if not connection.buffer:
            connection.since = time.monotonic()
        connection.buffer += received
        try:
            self._cut_stream(connection)
        except BadMessageError as error:
            self._reject(connection.buffer, connection.peer, str(error))
            self._hang_up(connection)  # where the next one begins cannot be told

    def _cut_stream(self, connection: _Connection) -> None:
        while connection.buffer and connection.peer in self._connections:
            if connection.buffer.startswith(b"\r\n\r\n"):  # a keep-alive (RFC 5626 3.5.1)
                self._send(b"\r\n", connection.peer)
            connection.buffer = connection.buffer.lstrip(b"\r\n")
            end = cut(connection.buffer)
            if end is None:
                return
            data, connection.buffer = connection.buffer[:end], connection.buffer[end:]
            connection.since = time.monotonic()
            self._take(data, connection.peer)

    # -- serving -----------------------------------------------------------------------

    def _take(self, data: bytes, peer: Peer) -> None:
        try:
            message = parse(data)
        except BadMessageError as error:
            self._reject(data, peer, str(error))
            return
        if isinstance(message, Response):
            self._take_answer(message)
        elif message.method != "ACK":
            self._take_request(message, peer)

    def _take_request(self, request: Request, peer: Peer) -> None:
        key = _transaction(request, peer)
        known = self._answered.get(key)
        if known is not None:
            self._send(known[1], _answer_goes_to(request, peer))
            return
        try:
            answer = self._serve(request, peer)
        except Exception as error:  # noqa: BLE001 - one message's trouble is no other's
            _log.exception("%s: %s cannot be served", peer, request.method)
            self._reject(request.encode(), peer, repr(error))
            answer = answer_to(request, 500, "Server Internal Error")
        if answer is None:
            if peer.transport == "TCP":
                busy = answer_to(request, 503, "Service Unavailable", [("Retry-After", "5")])
                self._send(busy.encode(), peer)
            return
        data = answer.encode()
        self._answered[key] = (time.monotonic() + ASKED_S, data)
        if len(self._answered) > REMEMBERED:
            self._answered.popitem(last=False)
        self._send(data, _answer_goes_to(request, peer))

    def _take_answer(self, answer: Response) -> None:
        with self._lock:
            asked = self._asked.get(answer.branch)
            if asked is None:
                return
            if answer.status < 200:  # noqa: PLR2004 - provisional: it was heard, wait on
                asked.pause_s = T2_S
                return
            del self._asked[answer.branch]
        asked.on_answer(answer)

    def _tend(self) -> None:
        """Say again what was not answered, forget what is old."""
        now = time.monotonic()
        while self._answered and next(iter(self._answered.values()))[0] <= now:
            self._answered.popitem(last=False)
        for connection in list(self._connections.values()):
            if connection.buffer and now - connection.since > HALF_MESSAGE_S:
                self._reject(connection.buffer, connection.peer, "half a message, and no more")
                self._hang_up(connection)
        with self._lock:
            given_up = [branch for branch, one in self._asked.items() if one.until <= now]
            gone = [self._asked.pop(branch) for branch in given_up]
            due = [
                one
                for one in self._asked.values()
                if one.again_at <= now and one.peer.transport == "UDP"
            ]
        for one in gone:
            one.on_answer(None)
        for one in due:
            one.pause_s = min(one.pause_s * 2, T2_S)
            one.again_at = now + one.pause_s
            self._send(one.data, one.peer)

    def _send(self, data: bytes, peer: Peer) -> None:
        """Send, or let it be: whoever waits for it asks again, or is asked again."""
        connection = self._connections.get(peer)
        try:
            if peer.transport == "UDP" and self._udp is not None:
                self._udp.sendto(data, (peer.host, peer.port))
            elif connection is not None and connection.socket.send(data) < len(data):
                raise BlockingIOError  # half a message may not be followed by another
        except OSError as error:
            _log.warning("%s cannot be told: %s", peer, error)
            if connection is not None:
                self._hang_up(connection)

    def _hang_up(self, connection: _Connection) -> None:
        self._connections.pop(connection.peer, None)
        with contextlib.suppress(KeyError, ValueError):
            self._select.unregister(connection.socket)
        connection.socket.close()


def _transaction(request: Request, peer: Peer) -> bytes:
    """Give what names a transaction.

    The body is part of it: some devices number badly, and an alarm that looks like the one
    before by its numbers alone must not be swallowed.
    """
    parts = (
        request.method,
        request.branch,
        request.call_id,
        request.get("cseq"),
        parameter(request.get("from"), "tag"),
        request.get("authorization"),
        peer.host,
    )
    head = "\0".join(parts).encode("latin-1", "replace")
    return blake2b(head + b"\0" + request.body, digest_size=16).digest()


def _answer_goes_to(request: Request, peer: Peer) -> Peer:
    """Give where an answer goes (RFC 3261 18.2.2, RFC 3581): back, or to the port Via names."""
    via = request.get("via").split(",", 1)[0]
    if peer.transport == "TCP" or ";rport" in via.lower().replace(" ", ""):
        return peer
    sent_by = via.split(";", 1)[0].split()[-1]
    port = sent_by.rpartition(":")[2]
    if ":" in sent_by and port.isascii() and port.isdigit() and 0 < int(port) < 65536:  # noqa: PLR2004
        return Peer(peer.host, int(port), "UDP")
    return Peer(peer.host, 5060, "UDP") if ":" not in sent_by else peer
