"""The back-test itself: a source and rules in, a report out."""

from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from anju_platform.backtest.figures import days_of, figures
from anju_platform.backtest.hearing import blind_ms
from anju_platform.backtest.ledger import Closing, Raised
from anju_platform.backtest.matching import compare, in_all, precision
from anju_platform.backtest.replay import Heard, Side, live_again
from anju_platform.backtest.report import (
    Blindness,
    Comparison,
    Data,
    Failure,
    Report,
    Result,
    RuleResult,
)
from anju_platform.backtest.source import Known, Source
from anju_platform.errors import InvalidRequestError
from anju_rules import Rule


def backtest(
    source: Source,
    rules: Sequence[Rule],
    *,
    against: Sequence[Rule] = (),
    closing: Closing | None = None,
) -> Report:
    """Tell what alerts ``rules`` would have raised, beside those of ``against``.

    Both live through the same past in one pass. A rule that fails on a reading stops no other,
    as in ingest; the report counts it.

    Raises:
        InvalidRequestError: there are no rules, two share an id, or the span is empty; also
            whatever the source says of data it cannot read.
    """
    if not rules:
        raise InvalidRequestError("there is no rule to test")
    for some in (rules, against):
        ids = [rule.id for rule in some]
        if twins := {one for one in ids if ids.count(one) > 1}:
            raise InvalidRequestError(f"rules given twice: {', '.join(sorted(twins))}")
    span = source.span
    if span.start >= span.end:
        raise InvalidRequestError("the span is empty: its end must be after its start")
    closing = closing or Closing()
    tested = Side(rules, source.registry, closing)
    other = Side(against, source.registry, closing) if against else None
    heard = live_again(source, [tested, other] if other else [tested])
    known = source.causes(sorted({rule.id for rule in (*rules, *against)}))
    zone = ZoneInfo(source.community.timezone)
    before = {rule.id for rule in against}
    return Report(
        source=source.name,
        community=source.community.slug,
        timezone=source.community.timezone,
        start=span.start,
        end=span.end,
        warm_up_s=(span.start - span.warm) / 1000,
        closed_after_clear_s=_seconds(closing.after_clear),
        latched_closed_after_s=_seconds(closing.latched_after),
        data=_data(source, heard, zone),
        tested=_result(source, tested, known, zone, before),
        against=_result(source, other, known, zone, set()) if other else None,
        comparison=_comparison(source, tested, other) if other else None,
        failures=tuple(Failure(rule, times) for rule, times in sorted(heard.failures.items())),
        seconds=round(heard.seconds, 3),
    )


def _seconds(after: timedelta | None) -> float | None:
    return after.total_seconds() if after is not None else None


def _counted(source: Source, side: Side) -> list[Raised]:
    """Give what was raised once the rules had warmed up."""
    span = source.span
    return [alert for alert in side.ledger.alerts if span.start <= alert.at < span.end]


def _comparison(source: Source, tested: Side, other: Side) -> Comparison:
    """Compare; one rule stands in for another, whatever its id, many are known by theirs."""
    alone = len(tested.rules) == 1 or len(other.rules) == 1
    ours, theirs = _counted(source, tested), _counted(source, other)
    return compare(ours, theirs, source.span.end, by_rule=not alone)


def _result(
    source: Source, side: Side, known: Sequence[Known], zone: ZoneInfo, before: set[str]
) -> Result:
    """Give the figures of one side.

    A single rule that stands in for others (``before``) answers for what those raised.
    """
    alerts, span = _counted(source, side), source.span
    of_rule: dict[str, list[Raised]] = {rule.id: [] for rule in side.rules}
    for alert in alerts:
        of_rule[alert.rule_id].append(alert)
    stands_in = before if len(side.rules) == 1 else set()
    rules = tuple(
        RuleResult(
            id=rule.id,
            version=rule.version,
            title=rule.title.zh,
            title_en=rule.title.en,
            severity=rule.severity,
            figures=figures(of_rule[rule.id], span, zone),
            precision=precision(of_rule[rule.id], known, {rule.id, *stands_in}, span.end),
        )
        for rule in side.rules
    )
    return Result(
        figures=figures(alerts, span, zone),
        precision=in_all([rule.precision for rule in rules]),
        rules=rules,
    )


def _data(source: Source, heard: Heard, zone: ZoneInfo) -> Data:
    span, tally, community = source.span, source.tally, source.community
    days = [day.isoformat() for day in days_of(span, zone)]
    names: dict[int | None, str | None] = {g.id: g.slug for g in community.gateways.values()}
    blind = [
        Blindness(names.get(gateway), blind_ms(periods, span.start, span.end) / 1000)
        for gateway, periods in source.blind.items()
        if gateway is None or gateway in names
    ]
    return Data(
        readings=heard.readings,
        events=heard.events,
        devices=len(heard.devices),
        known_devices=len(community.devices),
        days=len(days),
        days_with_data=sum(heard.days[day] > 0 for day in days),
        readings_per_day=tuple(heard.days[day] for day in days),
        blind=tuple(sorted((b for b in blind if b.seconds), key=lambda b: -b.seconds)),
        assumed=tally.assumed,
        undated=tally.undated,
        skipped=tally.skipped,
        faults=tuple(tally.faults),
    )
