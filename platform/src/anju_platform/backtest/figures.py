"""Counts of alerts: per day, per entity, at the worst, how long."""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from anju_platform.backtest.ledger import Raised
from anju_platform.backtest.report import SEVERITIES, Day, EntityCount, Figures
from anju_platform.backtest.source import Span

TOP = 20
PEAK_MS = 10 * 60_000
_DAY_MS = 86_400_000


def figures(alerts: Sequence[Raised], span: Span, zone: ZoneInfo) -> Figures:
    """Give the figures of alerts raised in a span."""
    rings = sorted(at for alert in alerts for at in alert.rings if at >= span.start)
    peak, peak_at = busiest(rings)
    lengths = sorted((a.until - a.at) / 1000 for a in alerts if a.until is not None)
    return Figures(
        alerts=len(alerts),
        per_day=round(len(alerts) / ((span.end - span.start) / _DAY_MS), 2),
        by_severity=_by_severity(alerts),
        occurrences=sum(alert.occurrences for alert in alerts),
        late=sum(alert.late for alert in alerts),
        rings=len(rings),
        peak=peak,
        peak_at=peak_at,
        median_s=quantile(lengths, 0.5),
        p90_s=quantile(lengths, 0.9),
        lasting=sum(alert.until is None for alert in alerts),
        days=_days(alerts, span, zone),
        entities=_entities(alerts),
    )


def _by_severity(alerts: Sequence[Raised]) -> tuple[int, int, int, int]:
    counts = Counter(alert.severity for alert in alerts)
    one, two, three, four = (counts[severity] for severity in SEVERITIES)
    return one, two, three, four


def day_of(at: int, zone: ZoneInfo) -> date:
    """Give the site's day of a moment."""
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(zone).date()


def days_of(span: Span, zone: ZoneInfo) -> list[date]:
    """Give every day of a span, also those of which there is only a part."""
    first, last = day_of(span.start, zone), day_of(max(span.start, span.end - 1), zone)
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _days(alerts: Sequence[Raised], span: Span, zone: ZoneInfo) -> tuple[Day, ...]:
    found: dict[date, list[Raised]] = {day: [] for day in days_of(span, zone)}
    for alert in alerts:
        found[day_of(alert.at, zone)].append(alert)
    return tuple(Day(day.isoformat(), _by_severity(some)) for day, some in found.items())


def _entities(alerts: Sequence[Raised]) -> tuple[EntityCount, ...]:
    counts: Counter[str] = Counter()
    occurrences: Counter[str] = Counter()
    for alert in alerts:
        counts[alert.entity] += 1
        occurrences[alert.entity] += alert.occurrences
    ranked = sorted(counts, key=lambda entity: (-counts[entity], entity))
    return tuple(EntityCount(e, counts[e], occurrences[e]) for e in ranked[:TOP])


def busiest(times: Sequence[int], width: int = PEAK_MS) -> tuple[int, int | None]:
    """Give the most of these ascending times within any ``width``, and when that begins."""
    best, best_at, first = 0, None, 0
    for number, at in enumerate(times, start=1):
        first = bisect_left(times, at - width + 1, first)
        if number - first > best:
            best, best_at = number - first, times[first]
    return best, best_at


def quantile(ascending: Sequence[float], share: float) -> float | None:
    """Give the value that ``share`` of them do not exceed (nearest rank)."""
    if not ascending:
        return None
    return ascending[max(0, math.ceil(share * len(ascending)) - 1)]
