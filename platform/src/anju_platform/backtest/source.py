"""What a back-test reads: readings as they reached us, and who could be heard meanwhile."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from anju_platform.baselines.known import Baselines
from anju_platform.registry.snapshot import KnownCommunity, Registry
from anju_platform.telemetry.writing import Taken
from anju_rules import Rule

Period = tuple[int, int | None]
"""From, and until (None: it lasts), epoch milliseconds."""
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Span:
    """Epoch milliseconds: rules live from ``warm``; what they raise counts from ``start``."""

    warm: int
    start: int
    end: int


@dataclass(slots=True)
class Tally:
    """What was found of the data while it was read.

    ``assumed`` counts readings whose receive time is not stored, ``undated`` those left out
    because nothing tells when they came; ``skipped`` are lines that could not be read, the
    first of which ``faults`` names.
    """

    assumed: int = 0
    undated: int = 0
    skipped: int = 0
    faults: list[str] = field(default_factory=list)

    def skip(self, fault: str) -> None:
        """Count a line that could not be read."""
        self.skipped += 1
        if len(self.faults) < _SHOWN:
            self.faults.append(fault)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A stored alert that a person closed with a cause; times in epoch milliseconds."""

    rule_id: str
    entity: str
    discriminator: str
    detected_at: int
    closed_at: int
    cause: str


class Source(Protocol):
    """Readings of one community, and what is to be known of the time they were taken in."""

    @property
    def name(self) -> str:
        """Where they are from, for people."""

    @property
    def registry(self) -> Registry:
        """The one community."""

    @property
    def community(self) -> KnownCommunity:
        """The same, itself."""

    @property
    def span(self) -> Span:
        """When."""

    @property
    def blind(self) -> Mapping[int | None, Sequence[Period]]:
        """Blind periods by gateway id; under None those of ingest itself."""

    @property
    def baselines(self) -> Baselines:
        """What was learned of homes and devices, as it is known now."""

    @property
    def rules(self) -> Mapping[str, Rule]:
        """The rules in force there now, by id."""

    @property
    def known_since(self) -> Mapping[int, int]:
        """By device id when we learned of it: its silence meant nothing before."""

    @property
    def tally(self) -> Tally:
        """What was found of the data; complete when they are read."""

    def readings(self) -> Iterator[Taken]:
        """Give the readings received in the span, in order of their receive time."""

    def causes(self, rule_ids: Sequence[str]) -> list[Known]:
        """Give what people said of alerts these rules raised."""


def one_community(known: KnownCommunity, devices: Collection[str] = ()) -> Registry:
    """Give a registry of one community; with ``devices``, of these alone."""
    chosen = {slug: d for slug, d in known.devices.items() if not devices or slug in devices}
    part = replace(known, devices=chosen)
    return Registry({part.id: part}, {part.slug: part})
