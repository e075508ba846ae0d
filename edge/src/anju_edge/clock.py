"""What time it is, and names that sort by it."""

import time

import uuid_utils


def now_ms() -> int:
    """Give this machine's time in epoch milliseconds, UTC."""
    return time.time_ns() // 1_000_000


def new_id() -> str:
    """Give a fresh UUIDv7: unique, and later ones sort after earlier ones."""
    return str(uuid_utils.uuid7())
