"""Which alerts are the same: with those that people judged, and with those of other rules."""

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from anju_platform.alerts.model import Cause
from anju_platform.backtest.ledger import Raised
from anju_platform.backtest.report import AlertLine, Comparison, Precision
from anju_platform.backtest.source import Known

NEAR_MS = 10 * 60_000
"""Alerts of one entity that begin this close together are the same, as are overlapping ones."""
LISTED = 50
_Z95 = 1.959963984540054


class _Stretch:
    """An alert as a stretch of time; only those with the same key can be the same."""

    __slots__ = ("began", "ended", "key", "of")

    def __init__(self, of: Raised | Known, began: int, ended: int, group: str = "") -> None:
        self.of = of
        self.key = (group, of.entity, of.discriminator)
        self.began, self.ended = began, ended


def _pair(ours: Sequence[_Stretch], theirs: Sequence[_Stretch]) -> list[tuple[_Stretch, _Stretch]]:
    """Join what is the same, one to one, the nearest beginnings first."""
    by_key: dict[tuple[str, str, str], list[_Stretch]] = defaultdict(list)
    for one in theirs:
        by_key[one.key].append(one)
    near = [
        (abs(mine.began - other.began), mine, other)
        for mine in ours
        for other in by_key.get(mine.key, ())
        if _is_near(mine, other)
    ]
    taken: set[int] = set()
    pairs = []
    for _, mine, other in sorted(near, key=lambda found: found[0]):
        if id(mine) not in taken and id(other) not in taken:
            taken |= {id(mine), id(other)}
            pairs.append((mine, other))
    return pairs


def _is_near(mine: _Stretch, other: _Stretch) -> bool:
    together = mine.began <= other.ended and other.began <= mine.ended
    return together or abs(mine.began - other.began) <= NEAR_MS


def _stretches(alerts: Sequence[Raised], end: int, *, by_rule: bool = False) -> list[_Stretch]:
    return [
        _Stretch(a, a.at, a.until if a.until is not None else end, a.rule_id if by_rule else "")
        for a in alerts
    ]


def compare(
    tested: Sequence[Raised], against: Sequence[Raised], end: int, *, by_rule: bool
) -> Comparison:
    """Tell which alerts appear and which disappear; severities may differ, ``by_rule`` not ids."""
    ours, theirs = (_stretches(some, end, by_rule=by_rule) for some in (tested, against))
    pairs = _pair(ours, theirs)
    same = {id(mine) for mine, _ in pairs} | {id(other) for _, other in pairs}
    new = [one.of for one in ours if id(one) not in same]
    gone = [one.of for one in theirs if id(one) not in same]
    return Comparison(
        both=len(pairs),
        appearing=len(new),
        disappearing=len(gone),
        appear=_lines(new),
        disappear=_lines(gone),
    )


def _lines(alerts: Sequence[Raised | Known]) -> tuple[AlertLine, ...]:
    raised = sorted((a for a in alerts if isinstance(a, Raised)), key=lambda a: a.at)
    return tuple(
        AlertLine(
            rule_id=a.rule_id,
            entity=a.entity,
            discriminator=a.discriminator,
            severity=a.severity,
            at=a.at,
            until=a.until,
        )
        for a in raised[:LISTED]
    )


def precision(
    alerts: Sequence[Raised], known: Sequence[Known], rule_ids: Collection[str], end: int
) -> Precision:
    """Count what people said of the same alerts, raised by one of ``rule_ids``."""
    judged = [
        _Stretch(one, one.detected_at, one.closed_at) for one in known if one.rule_id in rule_ids
    ]
    pairs = _pair(_stretches(alerts, end), judged)
    said = dict.fromkeys(Cause, 0)
    for _, other in pairs:
        if isinstance(other.of, Known):
            said[Cause(other.of.cause)] += 1
    met = {id(other) for _, other in pairs}
    return _precision(
        said,
        unknown=len(alerts) - len(pairs),
        missed=sum(
            isinstance(one.of, Known) and one.of.cause == Cause.TRUE and id(one) not in met
            for one in judged
        ),
    )


def in_all(parts: Sequence[Precision]) -> Precision:
    """Add up what was said of the alerts of several rules."""
    said = {cause: sum(getattr(part, cause.value) for part in parts) for cause in Cause}
    return _precision(
        said,
        unknown=sum(part.unknown for part in parts),
        missed=sum(part.missed for part in parts),
    )


def _precision(said: Mapping[Cause, int], *, unknown: int, missed: int) -> Precision:
    true, false = said[Cause.TRUE], said[Cause.FALSE]
    low, high = wilson(true, true + false)
    return Precision(
        true=true,
        false=false,
        test=said[Cause.TEST],
        cannot_tell=said[Cause.CANNOT_TELL],
        unknown=unknown,
        missed=missed,
        value=round(true / (true + false), 4) if true + false else None,
        low=low,
        high=high,
    )


def wilson(hits: int, total: int) -> tuple[float | None, float | None]:
    """Give the 95 % interval of a share (Wilson 1927); it stays true where counts are small."""
    if total == 0:
        return None, None
    share, z = hits / total, _Z95
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    half /= 1 + z * z / total
    return round(max(0.0, middle - half), 4), round(min(1.0, middle + half), 4)
