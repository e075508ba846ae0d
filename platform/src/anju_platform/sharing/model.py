"""The table of consents, and what they may be about."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from anju_platform.database import Key, Table


class Purpose(StrEnum):
    """What for; the list is short, so that an elder can be asked about each."""

    EMERGENCY = "emergency"
    """To help while an alert that a life may hang on is open."""
    CARE = "care"
    """To look after somebody from day to day."""
    SUPPORT = "support"
    """To install and mend: whether a sensor sees what it should."""
    STATISTICS = "statistics"
    """To learn what is usual in the home."""
    MEASURING = "measuring"
    """That a sensor passes anything on at all."""


BY_CONTRACT = frozenset({Purpose.EMERGENCY, Purpose.MEASURING})
"""What holds while nobody has said anything: what the device was put there for (ADR 32)."""

EVERYBODY = "everybody"
"""The viewer where it is not about somebody's eyes: learning, measuring."""
OF_NOBODY = frozenset({Purpose.STATISTICS, Purpose.MEASURING})
"""Purposes that are said of everybody at once."""

ALL = "all"
"""All sensors of a home, without health values."""
HEALTH = "health"
"""What a body says (heart rate, breath), of all sensors."""
KIND = "kind:"
"""All sensors of a model, ``kind:pir``."""
DEVICE = "device:"
"""One sensor, ``device:b1-501-pir``."""

GROUP = "group:"
"""Whoever is in a group at the time, as viewer: ``group:5``."""

FAMILY_OF = "family:h"
"""A home's family as recipient of messages, before the number of the home."""


class How(StrEnum):
    """How somebody gave their word."""

    SPOKEN = "spoken"
    WRITTEN = "written"
    PAGE = "page"
    """On a screen, by themselves."""
    TAKEN_OVER = "taken_over"
    """They lived under it before words were kept."""


class Consent(Table):
    """A word that somebody of a home gave or took back; rows are only ever added.

    ``person`` is the name of whoever lives there and whose word it is, as the home's card has
    it; ``given_by`` who said it (they themselves, or whoever speaks for them). ``sensors``:
    ``all``, ``health``, ``kind:<model>`` or ``device:<slug>``. ``viewer``: ``role:<role>`` (of
    families: the home's own), ``group:<id>``, ``user:<id>`` or ``everybody``. ``given`` false
    takes back, or says no. The newest row of the same (household, person, sensors, viewer,
    purpose) that has begun is the one that counts; it counts until ``ends_at``.
    """

    __tablename__ = "consents"
    __table_args__ = (Index("ix_consents_home", "household_id", "purpose", "viewer"),)
    id: Mapped[Key]
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"))
    household_id: Mapped[int] = mapped_column(ForeignKey("households.id"))
    person: Mapped[str]
    sensors: Mapped[str]
    viewer: Mapped[str]
    purpose: Mapped[str]
    given: Mapped[bool]
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    given_by: Mapped[str]
    how: Mapped[str]
    note: Mapped[str] = mapped_column(default="")
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
