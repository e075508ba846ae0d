"""Real servers for the tests: PostgreSQL, Mosquitto, and the recordings' folder."""

from __future__ import annotations

import os
from pathlib import Path

from anju_platform.broker import write_mosquitto
from anju_platform.demo.mosquitto import Mosquitto, free_port
from anju_platform.dynsec.accounts import Account

REPOSITORY = Path(__file__).resolve().parent.parent


def start_broker(directory: Path, accounts: tuple[Account, ...] = ()) -> Mosquitto:
    """Start a broker on a free port of loopback; without accounts it is open."""
    port = free_port()
    config = write_mosquitto(directory, port=port, accounts=accounts)
    broker = Mosquitto(config, host="127.0.0.1", port=port)
    broker.start()
    return broker


def recordings_folder() -> Path:
    """Give where the real recordings should be; it may not exist."""
    return Path(os.environ.get("ANJU_RECORDINGS", REPOSITORY.parent / "shared" / "data"))
