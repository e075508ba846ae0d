"""How a driver says what it supports, and how well that is known to work.

Each driver declares a ``SUPPORT`` in a module of its own that imports no protocol library;
``anju_edge.supported`` collects them and writes the table of docs/devices/README.md.
"""

from dataclasses import dataclass
from enum import IntEnum


class Tier(IntEnum):
    """What stands behind a driver; the lower the number, the more."""

    PEER = 1
    """A recorded session is a test, and so is a conversation with a real program or device
    that speaks the protocol and was not written for this driver."""
    RECORDED = 2
    """A recorded session of a real device or program is a test."""
    TEXT = 3
    """Written from public text alone: try it with your device before lives hang on it."""


@dataclass(frozen=True, slots=True)
class Support:
    """One driver as people choose it.

    ``speaks`` names protocol and version; ``devices`` are those known to work, or whose
    recorded session is a test; ``models`` are the device models of ours that it fills, all
    of them where empty; ``page`` is the guide in docs/devices; ``needs_extra`` the extra of
    the distribution to install; ``says`` tells in a sentence what the tier rests on.
    """

    driver: str
    title: str
    tier: Tier
    speaks: str
    says: str
    page: str
    devices: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    needs_extra: str = ""
