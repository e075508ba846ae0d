"""A lasting connection to the broker: MQTT 5 (or 3.1.1), QoS 1, acknowledged by hand.

The only module that knows paho. Each connection is a :class:`_Session` with a paho client
of its own, so nothing of a lost connection (message ids, half-sent packets, unacknowledged
messages) can leak into the next one. Two paho traps shape the rest: an exception in a
callback ends paho's own network thread while it still claims to be connected, and an
acknowledgement does not know which connection it belongs to. Therefore the thread is ours,
and an acknowledgement goes to the session its message came from, or nowhere.
"""

# mypy: disable-error-code="no-untyped-call"
import contextlib
import logging
import random
import select
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import paho.mqtt.client as mqtt  # noqa: TID251 - this module is MQTT's one door
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion  # noqa: TID251
from paho.mqtt.packettypes import PacketTypes  # noqa: TID251
from paho.mqtt.properties import Properties  # noqa: TID251
from paho.mqtt.subscribeoptions import SubscribeOptions  # noqa: TID251

from anju_devices.errors import LinkError

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 5.0
"""How long the broker may take for TCP, TLS, CONNACK and SUBACK, each."""
MAX_UNACKNOWLEDGED = 500
"""Messages handed to the broker and not yet acknowledged by it; beyond, publish says no."""
STEADY_S = 5.0
"""A connection that lasted this long is tried again at once when it is lost."""
RETRY_FIRST_S = 0.25
RETRY_MOST_S = 10.0
_POLL_MS = 1000
_READS_PER_TURN = 100


@dataclass(frozen=True, kw_only=True)
class LinkSettings:
    """Where the broker is and who we are there.

    ``session_expiry_s`` is how long the broker keeps our subscriptions and unacknowledged
    messages while we are away; ``receive_maximum`` how many it may send ahead of our
    acknowledgements. ``clean_start``: at the first connection the broker forgets what it kept
    for an earlier process of this ``client_id``. ``protocol`` 3.1.1 is for brokers that know
    no better: expiry and ``receive_maximum`` are then the broker's own.
    """

    host: str
    port: int = 1883
    client_id: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    ca_file: str | None = None
    keepalive_s: int = 15
    session_expiry_s: int = 86400
    clean_start: bool = False
    receive_maximum: int = 1000
    protocol: Literal["5", "3.1.1"] = "5"


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it arrived.

    ``received_at`` is our clock in epoch milliseconds; ``mid`` and ``connection`` say which
    delivery this is, for :meth:`Link.ack`; ``retained`` marks a snapshot kept by the broker.
    """

    topic: str
    payload: bytes
    retained: bool
    received_at: int
    mid: int
    connection: int
    redelivered: bool


class _Session:
    """One connection, from its CONNECT to its end; nothing of it outlives it."""

    def __init__(
        self,
        number: int,
        client: mqtt.Client,
        *,
        subscriptions: Sequence[str],
        on_message: Callable[[Message], None],
        on_accepted: Callable[[int], None],
        on_ready: Callable[[], None],
    ) -> None:
        self.number = number
        self.ready_at: float | None = None
        self.ended: str | None = None
        self._client = client
        self._modern = client.protocol == MQTTProtocolVersion.MQTTv5
        self._subscriptions = subscriptions
        self._on_message = on_message
        self._on_accepted = on_accepted
        self._on_ready = on_ready
        self._thread = threading.get_ident()
        self._count = threading.Lock()
        self._unacknowledged = 0
        self._received = 0
        self._drop: str | None = None
        self._close_by: float | None = None
        self._wake_read, self._wake_write = socket.socketpair()
        for end in (self._wake_read, self._wake_write):
            end.settimeout(0)
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_disconnect = self._disconnected
        client.on_message = self._arrived
        client.on_publish = self._published
        client.on_socket_open = _send_without_delay
        # With a writer registered, paho queues what other threads publish instead of
        # writing to the socket from several threads at once.
        client.on_socket_register_write = lambda *_: None

    @property
    def usable(self) -> bool:
        """Whether messages can be published now."""
        return self.ready_at is not None and self.ended is None

    def run(self, settings: LinkSettings) -> str:
        """Connect and serve until the connection ends; give the reason why it did."""
        try:
            self._connect(settings)
            self._serve()
        finally:
            ended = self.ended = self.ended or "the connection was closed"
            if (transport := self._client.socket()) is not None:
                transport.close()
            with self._count:
                for end in (self._wake_read, self._wake_write):
                    end.close()
        return ended

    def _connect(self, settings: LinkSettings) -> None:
        where = (settings.host, settings.port, settings.keepalive_s)
        if not self._modern:
            self._client.connect(*where)
            return
        properties = _properties(
            PacketTypes.CONNECT,
            SessionExpiryInterval=settings.session_expiry_s,
            ReceiveMaximum=settings.receive_maximum,
        )
        clean = _begins_anew(settings, self.number)
        self._client.connect(*where, clean_start=clean, properties=properties)

    def publish(self, topic: str, payload: bytes, *, retain: bool, expiry_s: int | None) -> bool:
        """Hand one message to the broker; False when it cannot be taken now."""
        with self._count:
            if not self.usable or self._unacknowledged >= MAX_UNACKNOWLEDGED:
                return False
            self._unacknowledged += 1
        expiry = {} if expiry_s is None else {"MessageExpiryInterval": expiry_s}
        properties = _properties(PacketTypes.PUBLISH, **expiry) if self._modern else None
        sent = self._client.publish(topic, payload, qos=1, retain=retain, properties=properties)
        self._wake()
        return sent.rc == mqtt.MQTT_ERR_SUCCESS

    def ack(self, mid: int) -> bool:
        """Acknowledge a message of this connection; False when the connection is over."""
        if self.ended is not None:
            return False
        if mid:  # a message published with QoS 0 has no id and wants no acknowledgement
            self._client.ack(mid, 1)
            self._wake()
        return True

    def drop(self, reason: str) -> None:
        """End the connection now; the broker keeps what was not acknowledged."""
        self._drop = reason
        self._wake()

    def close(self, by: float) -> None:
        """End the connection when all that was published is acknowledged, or at ``by``."""
        self._close_by = by
        self._wake()

    def _wake(self) -> None:
        if threading.get_ident() == self._thread:
            return
        with self._count:
            if self._wake_write.fileno() != -1:
                with contextlib.suppress(BlockingIOError):  # full of wake-ups already
                    self._wake_write.send(b"\0")

    def _serve(self) -> None:
        """Turn the crank until the connection ends."""
        client, deadline = self._client, time.monotonic() + CONNECT_TIMEOUT_S
        transport = client.socket()
        poll = select.poll()
        poll.register(self._wake_read, select.POLLIN)
        while not self._over() and transport is not None:
            if client.want_write():
                client.loop_write()
                if self._over():
                    return
            writing = select.POLLOUT if client.want_write() else 0
            poll.register(transport.fileno(), select.POLLIN | writing)
            happened = dict(poll.poll(0 if _pending(transport) else _POLL_MS))
            if happened.pop(self._wake_read.fileno(), 0):
                self._wake_read.recv(4096)
            if happened or _pending(transport):
                self._read()
            client.loop_misc()
            self._obey(deadline)

    def _over(self) -> bool:
        return self.ended is not None or self._client.socket() is None

    def _read(self) -> None:
        """Take what has arrived: paho reads a packet a call, and says not whether more wait."""
        for _ in range(_READS_PER_TURN):
            before = self._received
            self._client.loop_read()
            if self._received == before or self._over():
                return

    def _obey(self, connect_by: float) -> None:
        """End the connection if somebody wants it ended, or it never came to be."""
        now = time.monotonic()
        if self._over():
            return
        if self.ready_at is None and now > connect_by:
            self.ended = f"no answer from the broker within {CONNECT_TIMEOUT_S:g} s"
        elif self._drop is not None:
            self._leave(self._drop)
        elif self._close_by is not None and (not self._unacknowledged or now > self._close_by):
            self._leave("stopped")

    def _leave(self, reason: str) -> None:
        """Say goodbye, so that the broker does not send our last will."""
        self._client.on_disconnect = None
        self._client.disconnect()
        self._client.loop_write()
        self.ended = reason

    def _connected(self, client: mqtt.Client, _: Any, __: Any, code: Any, ___: Any) -> None:
        if code.is_failure:
            self.ended = f"the broker refused the connection: {code}"
            return
        # Numbered now: what the broker kept for us comes before the subscriptions' answer.
        self._on_accepted(self.number)
        quality: Any = SubscribeOptions(qos=1) if self._modern else 1
        if self._subscriptions:
            client.subscribe([(topic, quality) for topic in self._subscriptions])
        else:
            self._ready()

    def _subscribed(self, _: mqtt.Client, __: Any, ___: int, codes: Any, ____: Any) -> None:
        for topic, code in zip(self._subscriptions, codes, strict=True):
            if code.is_failure:
                self.ended = f"the broker refused the subscription to {topic}: {code}"
                return
        self._ready()

    def _ready(self) -> None:
        self.ready_at = time.monotonic()
        self._on_ready()

    def _disconnected(self, _: mqtt.Client, __: Any, flags: Any, code: Any, ___: Any) -> None:
        said = "the broker ended the connection" if flags.is_disconnect_packet_from_server else ""
        self.ended = self.ended or f"{said or 'the connection was lost'}: {code}"

    def _arrived(self, _: mqtt.Client, __: Any, message: mqtt.MQTTMessage) -> None:
        self._received += 1
        self._on_message(
            Message(
                topic=message.topic,
                payload=bytes(message.payload),
                retained=message.retain,
                received_at=time.time_ns() // 1_000_000,
                mid=message.mid,
                connection=self.number,
                redelivered=message.dup,
            )
        )

    def _published(self, _: mqtt.Client, __: Any, ___: int, code: Any, ____: Any) -> None:
        with self._count:
            self._unacknowledged -= 1
        if code.is_failure:
            log.warning("the broker refused a message: %s", code)


class Link:
    """A connection to the broker that comes back by itself.

    ``on_message`` and ``on_state`` run in the network thread and must return soon. What
    ``on_message`` raises is logged and counted; its message stays unacknowledged. The
    ``will`` (topic, payload) is retained by the broker when we vanish. ``on_state`` gets
    True once connected and subscribed, else False with the reason, at every failed try.
    """

    def __init__(
        self,
        settings: LinkSettings,
        *,
        on_message: Callable[[Message], None],
        on_state: Callable[[bool, str], None] | None = None,
        will: tuple[str, bytes] | None = None,
        subscriptions: Sequence[str] = (),
    ) -> None:
        self.connection = 0
        """How many connections there have been; the present one's number."""
        self.failures = 0
        """How many times a callback raised an exception."""
        self._settings = settings
        self._on_message = on_message
        self._on_state = on_state
        self._will = will
        self._subscriptions = tuple(subscriptions)
        self._session: _Session | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._stop_by = 0.0
        self._last_reason = ""

    @property
    def connected(self) -> bool:
        """Whether :meth:`publish` can take a message now."""
        session = self._session
        return session is not None and session.usable

    def start(self) -> None:
        """Begin to connect, in the background, and go on until :meth:`stop`.

        Raises:
            LinkError: it was started before.
        """
        if self._thread is not None:
            raise LinkError("this link was started before; make a new one")
        name = f"link-{self._settings.client_id}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Wait until all that was published is acknowledged, then say goodbye and end."""
        self._stop_by = time.monotonic() + timeout_s * 0.8
        self._stopping.set()
        if (session := self._session) is not None:
            session.close(self._stop_by)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)

    def publish(
        self, topic: str, payload: bytes, *, retain: bool = False, expiry_s: int | None = None
    ) -> bool:
        """Hand one message to the broker, with QoS 1.

        False means that it was not taken and nothing is kept: not connected, or too much
        is on its way already. True is no proof of arrival: a connection that breaks takes
        what it carried with it.
        """
        session = self._session
        return session is not None and session.publish(
            topic, payload, retain=retain, expiry_s=expiry_s
        )

    def ack(self, message: Message) -> bool:
        """Acknowledge a message; False, and nothing sent, if its connection is over."""
        if (session := self._session) is None or session.number != message.connection:
            return False
        return session.ack(message.mid)

    def reconnect(self) -> None:
        """Drop the connection and make a new one, so that unacknowledged messages return."""
        if (session := self._session) is not None:
            session.drop("reconnecting, so that unacknowledged messages come again")

    def _run(self) -> None:
        """Keep the thread alive whatever happens in it; it is our only ear."""
        while not self._stopping.is_set():
            try:
                self._keep_connected()
            except BaseException:
                self.failures += 1
                log.exception("the network thread failed; it starts again")
                self._stopping.wait(RETRY_FIRST_S)

    def _keep_connected(self) -> None:
        attempt = 0
        while not self._stopping.is_set():
            reason, lasted_s = self._connect_once()
            attempt = 0 if lasted_s >= STEADY_S else attempt + 1
            delay_s = _backoff_s(attempt)
            if self._stopping.is_set():
                self._tell(online=False, reason=reason)
            else:
                self._complain(f"{self._settings.host}:{self._settings.port}: {reason}", delay_s)
                self._stopping.wait(delay_s)

    def _connect_once(self) -> tuple[str, float]:
        """Serve one connection to its end; give why it ended and how long it was usable."""
        session = None
        try:
            session = _Session(
                self.connection + 1,
                _client(self._settings, self._will, self.connection + 1),
                subscriptions=self._subscriptions,
                on_message=self._deliver,
                on_accepted=self._accept,
                on_ready=self._welcome,
            )
            self._session = session
            if self._stopping.is_set():
                session.close(self._stop_by)
            reason = session.run(self._settings)
        except (OSError, ValueError) as error:
            reason = str(error) or type(error).__name__
        finally:
            self._session = None
        if session is None or session.ready_at is None:
            return reason, 0.0
        return reason, time.monotonic() - session.ready_at

    def _accept(self, number: int) -> None:
        self.connection = number

    def _welcome(self) -> None:
        self._last_reason = ""
        log.info("connected to %s:%s", self._settings.host, self._settings.port)
        self._tell(online=True, reason="connected")

    def _complain(self, reason: str, delay_s: float) -> None:
        """Report a lost or failed connection; the log hears each reason once."""
        level = logging.DEBUG if reason == self._last_reason else logging.WARNING
        log.log(level, "%s; next try in %.1f s", reason, delay_s)
        self._last_reason = reason
        self._tell(online=False, reason=reason)

    def _tell(self, *, online: bool, reason: str) -> None:
        if self._on_state is None:
            return
        try:
            self._on_state(online, reason)
        except Exception:
            self.failures += 1
            log.exception("on_state failed")

    def _deliver(self, message: Message) -> None:
        try:
            self._on_message(message)
        except Exception:
            self.failures += 1
            log.exception("on_message failed; a message on %s stays unacked", message.topic)


def _begins_anew(settings: LinkSettings, connection: int) -> bool:
    """Say whether the broker is to forget: what an earlier process left, no lost connection."""
    return settings.clean_start and connection == 1


def _client(settings: LinkSettings, will: tuple[str, bytes] | None, connection: int) -> mqtt.Client:
    modern = settings.protocol == "5"
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        client_id=settings.client_id,
        clean_session=None if modern else _begins_anew(settings, connection),
        protocol=MQTTProtocolVersion.MQTTv5 if modern else MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=False,
        manual_ack=True,
    )
    client.connect_timeout = CONNECT_TIMEOUT_S
    if settings.username is not None:
        client.username_pw_set(settings.username, settings.password)
    if settings.tls:
        client.tls_set(ca_certs=settings.ca_file)
    if will is not None:
        client.will_set(will[0], will[1], qos=1, retain=True)
    return client


def _properties(packet: int, **values: int) -> Properties:
    properties = Properties(packet)
    for name, value in values.items():
        setattr(properties, name, value)
    return properties


def _send_without_delay(_: mqtt.Client, __: Any, transport: Any) -> None:
    """Set TCP_NODELAY: else a small message may wait 40 ms for a delayed acknowledgement."""
    transport.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _pending(transport: Any) -> bool:
    """Whether TLS holds decrypted bytes that no poll will announce."""
    return bool(getattr(transport, "pending", int)())


def _backoff_s(attempt: int) -> float:
    """Give the wait before the next try: none to speak of at first, then doubling."""
    most_s: float = min(RETRY_FIRST_S * 2 ** min(attempt - 1, 10), RETRY_MOST_S)
    return random.uniform(0.5, 1.0) * most_s  # noqa: S311 - spreads reconnects, keeps no secret
