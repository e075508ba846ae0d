"""What windows mean for an alert: pure decisions over those that are not over.

Ingest keeps them in memory and is told of changes; the worker reads them at each look, so that
nothing stays muted because a memory is old.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from anju_platform.alerts.windows.model import Kind


class Subject(Protocol):
    """What decides whether an alert is within a window."""

    @property
    def community_id(self) -> int:
        """The community."""

    @property
    def rule_id(self) -> str:
        """The rule."""

    @property
    def device_id(self) -> int | None:
        """The device it is about, if it is about one."""

    @property
    def place_id(self) -> int | None:
        """The device's place."""

    @property
    def household_id(self) -> int | None:
        """The home it is in, if it is in one."""

    @property
    def severity(self) -> int:
        """1 (life) to 4."""

    @property
    def latched(self) -> bool:
        """A person must say why it rang."""


@dataclass(frozen=True, slots=True)
class About:
    """A finding's :class:`Subject`."""

    community_id: int
    rule_id: str
    device_id: int | None
    place_id: int | None
    household_id: int | None
    severity: int
    latched: bool


@dataclass(frozen=True, slots=True)
class KnownWindow:
    """A window, with the places that lie in it and the homes it is within.

    ``places`` is None where the whole community is meant. ``homes`` are those in which its place
    lies: what concerns a home is muted only by work in that home, or on the device by name.
    """

    id: int
    kind: Kind
    starts_at: datetime
    ends_at: datetime
    reason: str
    device_id: int | None
    places: frozenset[int] | None
    homes: frozenset[int]
    rules: frozenset[str]
    for_life: bool

    def covers(self, alert: Subject, at: datetime) -> bool:
        """Tell whether an alert is within it at a moment."""
        is_now = self.starts_at <= at < self.ends_at
        if not is_now or (self.rules and alert.rule_id not in self.rules):
            return False
        if (
            self.kind is Kind.MAINTENANCE
            and (alert.severity == 1 or alert.latched)
            and not self.for_life
        ):
            return False
        if self.device_id is not None:
            return alert.device_id == self.device_id
        if self.places is None:  # what the platform says of itself is never an exercise
            return alert.device_id is not None
        spared = self.kind is Kind.MAINTENANCE and alert.household_id is not None
        return alert.place_id in self.places and not (
            spared and alert.household_id not in self.homes
        )


class Windows:
    """The windows that are not over, by community."""

    def __init__(self, found: Mapping[int, Iterable[KnownWindow]] | None = None) -> None:
        self._found = {one: tuple(windows) for one, windows in (found or {}).items()}

    def maintenance(self, alert: Subject, at: datetime) -> KnownWindow | None:
        """Give the work that mutes an alert, of several that which goes on longest."""
        return self._longest(Kind.MAINTENANCE, alert, at)

    def drill(self, alert: Subject, at: datetime) -> KnownWindow | None:
        """Give the drill an alert belongs to."""
        return self._longest(Kind.DRILL, alert, at)

    def _longest(self, kind: Kind, alert: Subject, at: datetime) -> KnownWindow | None:
        found = self._found.get(alert.community_id, ())
        covering = [one for one in found if one.kind is kind and one.covers(alert, at)]
        return max(covering, key=lambda one: one.ends_at, default=None)
