"""For which share of a time each device reported, and how much of its silence was its gateway's."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from anju_platform.database import to_millis
from anju_platform.registry.coverage import Coverage
from anju_platform.reports import repository
from anju_platform.reports.repository import Guarding
from anju_platform.reports.schemas import DeviceFigures

_HOUR = timedelta(hours=1)
_LEAST_S = 3600.0
"""Of less than an hour nothing is said: who speaks once in it has said enough, or nothing."""
_MAY_BE_STALE = timedelta(days=1)
"""What came for older hours is looked at when it is summed up; it holds no report up."""

Blindness = tuple[int | None, datetime, datetime | None]
"""Which gateway (none: the platform itself) heard nothing, from when, until when."""


@dataclass(frozen=True, slots=True)
class Availability:
    """What devices of a community did until then; those that reported least come first."""

    devices: Sequence[DeviceFigures]
    until: datetime

    @property
    def judged(self) -> Sequence[DeviceFigures]:
        """Give those of which something is known yet."""
        return [one for one in self.devices if one.reported is not None]

    @property
    def reported(self) -> float | None:
        """Give for which share of the time all of them reported, together."""
        known = [one.reported for one in self.judged if one.reported is not None]
        return sum(known) / len(known) if known else None


def availability(
    session: Session,
    community_id: int,
    blind: Sequence[Blindness],
    *,
    start: datetime,
    until: datetime,
    at: datetime,
) -> Availability:
    """Judge all devices of a community over a time, as far as its hours are summed up by now."""
    stale = repository.first_stale_hour(session, community_id, at - _MAY_BE_STALE)
    heard_until = max(start, min(until, _whole_hour(at), stale or until))
    heard = repository.heard_s(session, community_id, start, heard_until)
    coverage = _coverage(blind, until)
    devices = [
        _figures(one, coverage, heard.get(one.id, 0.0), start, heard_until)
        for one in repository.guarding(session, community_id, until)
    ]
    return Availability(sorted(devices, key=_worst_first), heard_until)


def _worst_first(one: DeviceFigures) -> tuple[float, str]:
    return (2.0 if one.reported is None else one.reported, one.slug)


def _figures(
    one: Guarding, coverage: Coverage, heard_s: float, start: datetime, until: datetime
) -> DeviceFigures:
    since = max(start, one.since)
    if one.interval_s <= repository.SELDOM_S and since > start:
        since = _whole_hour(since + _HOUR)  # who is counted by the hour is so from the next one on
    whole_s = (until - since).total_seconds()
    reported = min(1.0, heard_s / whole_s) if whole_s >= _LEAST_S else None
    blind_ms = coverage.blind_ms(one.gateway_id, to_millis(since), to_millis(until))
    return DeviceFigures(
        slug=one.slug,
        name=one.name,
        name_en=one.name_en,
        place=one.place,
        place_en=one.place_en,
        model=one.model,
        gateway=one.gateway,
        interval_s=one.interval_s,
        reported=reported,
        silent_min=round((1 - reported) * whole_s / 60, 1) if reported is not None else 0.0,
        blind_min=round(blind_ms / 60_000, 1),
    )


def _coverage(blind: Iterable[Blindness], until: datetime) -> Coverage:
    spans: dict[int | None, list[tuple[int, int | None]]] = defaultdict(list)
    for gateway, begin, over in blind:
        spans[gateway].append((to_millis(begin), to_millis(over or until)))
    return Coverage({}, spans)


def _whole_hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
