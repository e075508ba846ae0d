"""Watches the messages of the walk from outside: when each hop had each press."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from types import TracebackType
from typing import Self

import psycopg

from anju_devices import topics
from anju_devices.link import Link, LinkSettings, Message
from anju_devices.messages import Batch, Committed, decode_batch, decode_committed
from anju_devices.topics import Channel
from anju_platform.alerts.repository import FEED_CHANNEL
from anju_platform.demo.stage import Stage
from anju_platform.dynsec import hashes, keeping
from anju_platform.dynsec.accounts import KEEPER_USER, PLATFORM_USER, Account
from anju_platform.dynsec.control import Control

WATCHER = "bench-watcher"
"""Hears what gateways are told: their own accounts connect under their own client id alone."""


def _add_watcher(stage: Stage) -> None:
    secret = stage.site.passwords["mqtt-keeper"]
    told = (topics.everyone(Channel.COMMITTED),)
    watcher = Account(WATCHER, (), told, hashes.keep(secret), secret)
    host, port, _ = stage.broker
    keeper = LinkSettings(
        host=host, port=port, client_id=KEEPER_USER, username=KEEPER_USER, password=secret
    )
    with Control(keeper) as control:
        keeping.admit(control, watcher)


class Hops:
    """Times, epoch seconds, at which others than the screens could know of a press."""

    def __init__(self, stage: Stage, gateway: str) -> None:
        self.published: dict[str, float] = {}
        """By device: its batch came out of the broker."""
        self._batch_of: dict[str, int] = {}
        self._committed: list[tuple[int, float]] = []
        self._notices: list[tuple[int, float]] = []
        site = stage.site
        _add_watcher(stage)
        up, down = (
            topics.build(site.slug, gateway, channel)
            for channel in (Channel.EVENTS, Channel.COMMITTED)
        )
        accounts = (
            (PLATFORM_USER, site.passwords["mqtt"], up, self._published),
            (WATCHER, site.passwords["mqtt-keeper"], down, self._told),
        )
        self._links = [
            Link(
                LinkSettings(
                    host=stage.broker[0],
                    port=stage.broker[1],
                    client_id=f"bench-{user}",
                    username=user,
                    password=password,
                    clean_start=True,
                    session_expiry_s=0,
                ),
                on_message=act,
                subscriptions=(topic,),
            )
            for user, password, topic, act in accounts
        ]
        self._database, self._community = stage.environment["ANJU_DATABASE_URL"], site.slug
        self._stopping = False
        self._listener = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        self._listener.start()
        for link in self._links:
            link.start()
        while not all(link.connected for link in self._links):
            time.sleep(0.01)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        self._stopping = True
        self._listener.join()
        for link in self._links:
            link.stop()

    def announced(self, number: int) -> float:
        """Give when the database notified of a feed number; one notice may tell of several."""
        return self._notices[bisect_left(self._notices, (number, 0.0))][1]

    def received(self) -> dict[str, float]:
        """By device: ingest's network thread had the press."""
        query = (
            "SELECT slug, extract(epoch FROM min(received_at))::float8 FROM device_events e"
            " JOIN devices d ON d.id = e.device_id WHERE event = 'pressed' GROUP BY slug"
        )
        with psycopg.connect(self._database) as connection:
            return dict(connection.execute(query.encode()).fetchall())

    @property
    def told(self) -> dict[str, float]:
        """By device: its gateway was told that it is committed."""
        told = {}
        for device, seq in self._batch_of.items():
            at = bisect_left(self._committed, (seq, 0.0))
            if at < len(self._committed):
                told[device] = self._committed[at][1]
        return told

    def _published(self, message: Message) -> None:
        at = time.time()
        batch: Batch = decode_batch(message.payload)
        for reading in batch.readings:
            self.published.setdefault(reading.device, at)
            self._batch_of.setdefault(reading.device, batch.seq)
        self._links[0].ack(message)

    def _told(self, message: Message) -> None:
        at = time.time()
        committed: Committed = decode_committed(message.payload)
        self._committed.append((committed.events, at))
        self._links[1].ack(message)

    def _listen(self) -> None:
        with psycopg.connect(self._database, autocommit=True) as connection:
            query = "SELECT id::text FROM communities WHERE slug = %s"
            [ours] = connection.execute(query, [self._community]).fetchone() or [""]
            connection.execute(f"LISTEN {FEED_CHANNEL}".encode())
            while not self._stopping:
                for notice in connection.notifies(timeout=0.5):
                    at = time.time()
                    community, _, number = notice.payload.partition(":")
                    if community == ours:
                        self._notices.append((int(number), at))
