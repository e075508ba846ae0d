"""How a period went, from what happened in it."""

import statistics
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from anju_platform.auth.actor import Actor
from anju_platform.auth.rights import Right
from anju_platform.database import now
from anju_platform.errors import InvalidRequestError
from anju_platform.registry.model import Community
from anju_platform.reports import repository
from anju_platform.reports.availability import Blindness, availability
from anju_platform.reports.periods import Period, Span, period
from anju_platform.reports.repository import Happened
from anju_platform.reports.schemas import (
    AnswersView,
    DeviceFigures,
    GatewayFigures,
    LoadView,
    ReportView,
    RuleFigures,
    TargetView,
)

TARGETS: Mapping[int, tuple[tuple[int, float], ...]] = {
    1: ((60, 0.975), (180, 0.99)),
    2: ((180, 1.0),),
    3: ((900, 1.0),),
    4: ((86_400, 1.0),),
}
"""By severity, within how many seconds what share is answered (docs/semantics.md, product)."""
TEN_MINUTES = timedelta(minutes=10)
_NINETY_FIVE = 0.95
MOST_DEVICES = 20
"""So many of the devices that reported least are shown; the table has all."""
_YEARS = range(2000, 2101)


def report(session: Session, actor: Actor, span: Span, at: datetime | None = None) -> ReportView:
    """Give how the period went in which a moment lies (none: now).

    Raises:
        ForbiddenError: the actor may not read reports.
        InvalidRequestError: a year of which there can be no report.
    """
    actor.demand(Right.READ_REPORTS)
    moment = now()
    about = _about(session, actor, span, at or moment)
    until = max(about.start, min(about.end, moment))
    alerts = repository.happened(session, actor.community_id, about.start, about.end)
    spans = repository.blind_periods(session, actor.community_id, about.start, until)
    blind = list(_overlaps(spans, about.start, until))
    devices = availability(
        session, actor.community_id, spans, start=about.start, until=until, at=moment
    )
    return ReportView(
        span=span,
        start=about.start,
        end=about.end,
        until=until,
        answers=tuple(_answers(severity, alerts, until) for severity in TARGETS),
        rules=_rules(alerts),
        load=_load(about, alerts),
        worst_10_min=_worst(alerts),
        gateways=tuple(_gateways(session, actor.community_id, blind, until - about.start)),
        platform=_share([span for gateway, span in blind if gateway is None], until - about.start),
        devices=tuple(devices.judged[:MOST_DEVICES]),
        devices_total=len(devices.judged),
        devices_reported=devices.reported,
        heard_until=devices.until,
    )


def rows(session: Session, actor: Actor, span: Span, at: datetime | None = None) -> list[Happened]:
    """Give the alerts a report is made of, in order.

    Raises:
        ForbiddenError: the actor may not export tables.
        InvalidRequestError: a year of which there can be no report.
    """
    actor.demand(Right.EXPORT)
    about = _about(session, actor, span, at or now())
    return repository.happened(session, actor.community_id, about.start, about.end)


def devices(
    session: Session, actor: Actor, span: Span, at: datetime | None = None
) -> Sequence[DeviceFigures]:
    """Give for which share of a period each device reported, the worst first.

    Raises:
        ForbiddenError: the actor may not export tables.
        InvalidRequestError: a year of which there can be no report.
    """
    actor.demand(Right.EXPORT)
    moment = now()
    about = _about(session, actor, span, at or moment)
    until = max(about.start, min(about.end, moment))
    spans = repository.blind_periods(session, actor.community_id, about.start, until)
    found = availability(
        session, actor.community_id, spans, start=about.start, until=until, at=moment
    )
    return found.devices


def _about(session: Session, actor: Actor, span: Span, at: datetime) -> Period:
    if at.year not in _YEARS:
        raise InvalidRequestError("there is no report of the year {year}", year=at.year)
    community = session.get_one(Community, actor.community_id)
    return period(span, at, ZoneInfo(community.timezone))


def _answers(severity: int, every: Sequence[Happened], until: datetime) -> AnswersView:
    alerts = [one for one in every if one.severity == severity]
    calling = [one for one in alerts if not one.called_nobody(until)]
    waited = sorted(
        one.called_for(one.answered_at).total_seconds()
        for one in calling
        if one.answered_at is not None
    )
    nobodys = [one for one in calling if one.answered_at is None]
    alone = sum(one.closed_at is not None or one.cleared_at is not None for one in nobodys)
    unowned = sum((one.called_for(one.over_at(until)) for one in calling), timedelta(0))
    return AnswersView(
        severity=severity,
        alerts=len(alerts),
        muted=len(alerts) - len(calling),
        answered=len(waited),
        alone=alone,
        waiting=len(nobodys) - alone,
        targets=tuple(
            TargetView(seconds=seconds, goal=goal, kept=_kept(calling, seconds, until))
            for seconds, goal in TARGETS[severity]
        ),
        median_s=statistics.median(waited) if waited else None,
        p95_s=waited[min(len(waited) - 1, int(_NINETY_FIVE * len(waited)))] if waited else None,
        slowest_s=waited[-1] if waited else None,
        unowned_min=round(unowned / timedelta(minutes=1), 1),
    )


def _kept(alerts: Sequence[Happened], seconds: int, until: datetime) -> float | None:
    """Give which share was answered in time; what was over, or is younger, asked nobody yet."""
    time = timedelta(seconds=seconds)
    missed = sum(one.called_for(one.over_at(until)) > time for one in alerts)
    kept = sum(
        one.answered_at is not None and one.called_for(one.answered_at) <= time for one in alerts
    )
    return kept / (kept + missed) if kept + missed else None


def _rules(alerts: Sequence[Happened]) -> tuple[RuleFigures, ...]:
    of_rule: dict[str, list[Happened]] = defaultdict(list)
    for one in alerts:
        of_rule[one.rule_id].append(one)
    found = []
    for rule_id, own in of_rule.items():
        causes = Counter(one.cause for one in own)
        judged = causes["true"] + causes["false"]
        found.append(
            RuleFigures(
                rule_id=rule_id,
                title=own[-1].title,
                title_en=own[-1].title_en,
                alerts=len(own),
                true=causes["true"],
                false=causes["false"],
                test=causes["test"],
                cannot_tell=causes["cannot_tell"],
                false_share=causes["false"] / judged if judged else None,
            )
        )
    return tuple(sorted(found, key=lambda one: (-one.alerts, one.rule_id)))


def _load(about: Period, alerts: Sequence[Happened]) -> tuple[LoadView, ...]:
    starts = [at.timestamp() for at in about.buckets]
    counts = [[0, 0, 0, 0] for _ in starts]
    for one in alerts:
        counts[bisect_right(starts, one.detected_at.timestamp()) - 1][one.severity - 1] += 1
    return tuple(
        LoadView(start=at, counts=(p1, p2, p3, p4))
        for at, (p1, p2, p3, p4) in zip(about.buckets, counts, strict=True)
    )


def _worst(alerts: Sequence[Happened]) -> int:
    """Give the most alerts within any ten minutes."""
    most = first = 0
    for last, one in enumerate(alerts):
        while one.detected_at - alerts[first].detected_at >= TEN_MINUTES:
            first += 1
        most = max(most, last - first + 1)
    return most


Blind = tuple[int | None, timedelta]


def _overlaps(spans: Sequence[Blindness], start: datetime, until: datetime) -> Iterator[Blind]:
    """Give of each blind period whose it was, and how much of it lies in a time."""
    for gateway, begin, over in spans:
        yield gateway, min(over or until, until) - max(begin, start)


def _gateways(
    session: Session, community_id: int, blind: Sequence[Blind], whole: timedelta
) -> Iterator[GatewayFigures]:
    for gateway in repository.gateways(session, community_id):
        outages = [span for of, span in blind if of == gateway.id]
        yield GatewayFigures(
            slug=gateway.slug,
            name=gateway.name,
            name_en=gateway.name_en,
            available=_share(outages, whole),
            outages=len(outages),
            longest_min=round(max(outages, default=timedelta(0)) / timedelta(minutes=1), 1),
        )


def _share(outages: Sequence[timedelta], whole: timedelta) -> float:
    """Give the share of a time in which there was no outage."""
    if not whole:
        return 1.0
    return max(0.0, 1 - sum(outages, timedelta(0)) / whole)
