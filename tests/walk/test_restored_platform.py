"""The platform is brought back from a backup; the boxes went on meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path

import psycopg
import pytest
from ingest_process import IngestProcess, provide_community
from wire_sender import COMMUNITY, GATEWAY, now_ms, until

from anju_devices.link import LinkSettings
from anju_devices.messages import Lane, Reading, encode
from anju_edge import uplink as uplink_module
from anju_edge.spool import Entry, Spool
from anju_edge.uplink import Uplink
from anju_platform.backup.copying import back_up, bring_back
from anju_platform.demo.mosquitto import Mosquitto
from anju_platform.demo.postgres import create_database


@pytest.fixture
def spool(broker: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spool]:
    """A box's spool that sends to the broker; what it waits for, it waits for less long."""
    monkeypatch.setattr(uplink_module, "RESEND_S", dict.fromkeys(Lane, 0.3))
    monkeypatch.setattr(uplink_module, "RESEND_MOST_S", dict.fromkeys(Lane, 0.3))
    monkeypatch.setattr(uplink_module, "DISAGREE_S", 2.0)
    spool = Spool(tmp_path / "spool.sqlite", quota_bytes=10_000_000, gateway=GATEWAY)
    uplink = Uplink(
        spool,
        LinkSettings(host="127.0.0.1", port=broker.port, client_id=GATEWAY),
        community=COMMUNITY,
        gateway=GATEWAY,
        on_command=lambda _: None,
        on_config=lambda _: None,
    )
    uplink.start()
    yield spool
    uplink.stop()
    spool.close()


@pytest.fixture
def start_ingest(broker: Mosquitto, tmp_path: Path) -> Iterator[Callable[[str], IngestProcess]]:
    started: list[IngestProcess] = []

    def start(url: str) -> IngestProcess:
        started.append(IngestProcess(url, broker.port, tmp_path / "ingest.log"))
        return started[-1]

    yield start
    for process in started:
        process.stop()


def say(spool: Spool, number: int) -> None:
    """Let a climate sensor say a temperature, and the box have it committed."""
    body = encode(Reading(device="climate-0", at=now_ms(), values={"temperature": number}))
    spool.append([Entry(Lane.TELEMETRY, body, blake2b(body, digest_size=8).digest())])
    until(lambda: spool.waiting_bytes() == 0)


def stored(url: str) -> list[float]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT value FROM telemetry ORDER BY observed_at").fetchall()
    return [row[0] for row in rows]


def test_boxes_go_on_with_a_platform_that_remembers_less_than_it_acknowledged(
    database: str,
    postgres_url: str,
    spool: Spool,
    start_ingest: Callable[[str], IngestProcess],
    tmp_path: Path,
) -> None:
    provide_community(database)
    first = start_ingest(database)
    for number in (11, 12, 13):
        say(spool, number)
    back_up(database, tmp_path / "backup")
    for number in (14, 15):
        say(spool, number)
    first.stop()
    assert stored(database) == [11, 12, 13, 14, 15]

    restored = create_database(postgres_url, "anju_test_lanes_restored")
    bring_back(restored, tmp_path / "backup")
    start_ingest(restored)
    old = spool.epoch
    say(spool, 16)
    assert spool.epoch != old, "the platform insists on less than it acknowledged"
    say(spool, 17)
    assert stored(restored) == [11, 12, 13, 16, 17], "what was acknowledged since is gone"
    with psycopg.connect(restored) as connection:
        quarantined = connection.execute("SELECT count(*) FROM quarantine").fetchone()
        lanes = connection.execute(
            "SELECT committed FROM lanes WHERE lane = 'telemetry' ORDER BY updated_at"
        ).fetchall()
    assert quarantined == (0,)
    assert lanes == [(3,), (2,)]
