"""What a back-test answers; ``anju rule backtest --json`` writes it as it stands here.

Times are epoch milliseconds, durations seconds, days those of the site (2026-05-04).
"""

import msgspec

SEVERITIES = (1, 2, 3, 4)


class Day(msgspec.Struct, frozen=True):
    """Alerts raised on one day, by severity 1 to 4."""

    day: str
    by_severity: tuple[int, int, int, int]

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.by_severity)


class EntityCount(msgspec.Struct, frozen=True):
    """How many alerts one device, place or home had."""

    entity: str
    alerts: int
    occurrences: int


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts in figures.

    ``by_severity`` counts the worst each came to. ``rings`` is how often people would have
    been told, ``peak`` the most of that within ten minutes, which began at ``peak_at``.
    ``median_s`` and ``p90_s`` are of alerts that ended by themselves; ``lasting`` did not.
    """

    alerts: int
    per_day: float
    by_severity: tuple[int, int, int, int]
    occurrences: int
    late: int
    rings: int
    peak: int
    peak_at: int | None
    median_s: float | None
    p90_s: float | None
    lasting: int
    days: tuple[Day, ...]
    entities: tuple[EntityCount, ...]


class Precision(msgspec.Struct, frozen=True, kw_only=True):
    """How many of the alerts were true, as far as people said so of the same ones.

    ``value`` is true / (true + false) with its 95 % Wilson interval, null where neither was
    said. ``unknown`` are alerts no person judged. ``missed`` are alerts that people called
    true and that these rules would not have raised.
    """

    true: int
    false: int
    test: int
    cannot_tell: int
    unknown: int
    missed: int
    value: float | None
    low: float | None
    high: float | None


class RuleResult(msgspec.Struct, frozen=True, kw_only=True):
    """One rule's share."""

    id: str
    version: int
    title: str
    title_en: str
    severity: int
    figures: Figures
    precision: Precision


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What one set of rules would have raised."""

    figures: Figures
    precision: Precision
    rules: tuple[RuleResult, ...]


class AlertLine(msgspec.Struct, frozen=True, kw_only=True):
    """One alert, for lists of differences."""

    rule_id: str
    entity: str
    discriminator: str
    severity: int
    at: int
    until: int | None


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What changes against other rules; ``appear`` and ``disappear`` list the first of them."""

    both: int
    appearing: int
    disappearing: int
    appear: tuple[AlertLine, ...]
    disappear: tuple[AlertLine, ...]


class Blindness(msgspec.Struct, frozen=True):
    """How long nothing could be heard of a gateway, or (null) of anybody."""

    gateway: str | None
    seconds: float


class Data(msgspec.Struct, frozen=True, kw_only=True):
    """What there was to judge.

    ``assumed`` readings (also of the time before ``start`` that rules warm up on) have no
    stored receive time, ``undated`` ones were left out because nothing tells when they came,
    ``skipped`` lines could not be read; ``faults`` names the first of those.
    """

    readings: int
    events: int
    devices: int
    known_devices: int
    days: int
    days_with_data: int
    readings_per_day: tuple[int, ...]
    blind: tuple[Blindness, ...]
    assumed: int
    undated: int
    skipped: int
    faults: tuple[str, ...]


class Failure(msgspec.Struct, frozen=True):
    """How often a rule failed on a reading or timer; the log has the first time in full."""

    rule_id: str
    times: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The answer. ``closed_after_clear_s`` and ``latched_closed_after_s`` are assumptions."""

    source: str
    community: str
    timezone: str
    start: int
    end: int
    warm_up_s: float
    closed_after_clear_s: float | None
    latched_closed_after_s: float | None
    data: Data
    tested: Result
    against: Result | None
    comparison: Comparison | None
    failures: tuple[Failure, ...]
    seconds: float


def encode(report: Report) -> bytes:
    """Give the report as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1)
