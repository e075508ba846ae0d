"""What a report says."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from anju_platform.reports.periods import Span


class View(BaseModel):
    """A frozen answer."""

    model_config = ConfigDict(frozen=True)


class TargetView(View):
    """A promise: ``goal`` of the alerts are answered within ``seconds``; ``kept`` are."""

    seconds: int
    goal: float
    kept: float | None


class AnswersView(View):
    """How alerts of a severity were answered, by somebody who took them on or closed them.

    ``alone`` were over before anybody answered; ``waiting`` are open and nobody has. Times are
    seconds from the detection, without those in which work, what explained it, or a drill kept
    it from calling; ``unowned_min`` is how long they called and were nobody's, together.
    ``muted`` never called anybody: no answer is waited for.
    """

    severity: int
    alerts: int
    muted: int
    answered: int
    alone: int
    waiting: int
    targets: tuple[TargetView, ...]
    median_s: float | None
    p95_s: float | None
    slowest_s: float | None
    unowned_min: float


class RuleFigures(View):
    """A rule's alerts and what people said they were; ``false_share`` of those true or false."""

    rule_id: str
    title: str
    title_en: str
    alerts: int
    true: int
    false: int
    test: int
    cannot_tell: int
    false_share: float | None


class LoadView(View):
    """Alerts by severity (1 to 4) detected in an hour, or in a day of a month."""

    start: datetime
    counts: tuple[int, int, int, int]


class GatewayFigures(View):
    """For which share of the time a gateway could be heard."""

    slug: str
    name: str
    name_en: str
    available: float
    outages: int
    longest_min: float


class DeviceFigures(View):
    """For which share of the time a device reported within two of its own intervals.

    None if it is not known yet. ``silent_min`` is the rest of the time; ``blind_min`` is how
    long its gateway, or the platform itself, heard nothing: its silence then may be no fault
    of its own.
    """

    slug: str
    name: str
    name_en: str
    place: str
    place_en: str
    model: str
    gateway: str
    interval_s: int
    reported: float | None
    silent_min: float
    blind_min: float


class ReportView(View):
    """How a period went, as far as it has passed (``until``).

    ``worst_10_min`` is the most alerts detected in any ten minutes. ``platform`` is for which
    share of the time the platform itself received. Of the ``devices_total`` devices that could
    be judged, ``devices`` are those that reported least, the worst first; ``devices_reported``
    is the share of all, up to ``heard_until``: readings are summed up by the hour.
    """

    span: Span
    start: datetime
    end: datetime
    until: datetime
    answers: tuple[AnswersView, ...]
    rules: tuple[RuleFigures, ...]
    load: tuple[LoadView, ...]
    worst_10_min: int
    gateways: tuple[GatewayFigures, ...]
    platform: float
    devices: tuple[DeviceFigures, ...]
    devices_total: int
    devices_reported: float | None
    heard_until: datetime
