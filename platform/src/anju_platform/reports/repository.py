"""SQL of reports."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    Float,
    Uuid,
    any_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlalchemy.orm import Session

from anju_platform.alerts.life import nobodys_until
from anju_platform.alerts.listing import ANSWERS, first_answer
from anju_platform.alerts.model import Alert, Mode, TimelineEntry
from anju_platform.registry.listing import reporting_interval_s
from anju_platform.registry.model import BlindPeriod, Device, Gateway, Place
from anju_platform.reports.calling import Spell, Step, answer, called_for, quiet_spells
from anju_platform.telemetry.model import HOURLY, StaleHour

_CHANGES = ("reopened", "muted", "unmuted", "speaks", "drill_over")
_SAID = ["muted", "unmuted", "drill", "drill_over"]
"""Steps, and what is said of others, that tell when an alert was quiet."""
MOST = 50_000
"""So many alerts are looked at; more in a month is not a site but a storm."""


@dataclass(frozen=True, slots=True)
class Happened:
    """An alert as a report sees it; ``answered_at`` is when the first person did something."""

    id: UUID
    severity: int
    rule_id: str
    title: str
    title_en: str
    place: str | None
    place_en: str | None
    detected_at: datetime
    answered_at: datetime | None
    cleared_at: datetime | None
    closed_at: datetime | None
    cause: str | None
    quiet: tuple[Spell, ...] = ()
    """When work, what explained it, or a drill kept it from calling."""

    def called_for(self, end: datetime) -> timedelta:
        """Give for how long it called until then."""
        return called_for(self.detected_at, end, self.quiet)

    def called_nobody(self, until: datetime) -> bool:
        """Tell whether it never called anybody, for it was muted or an exercise all the time."""
        return bool(self.quiet) and not self.called_for(self.over_at(until))

    def over_at(self, until: datetime) -> datetime:
        """Give when it was nobody's no more: answered, over, or (still open) now."""
        return nobodys_until(self.answered_at, self.closed_at, self.cleared_at, until)


def happened(session: Session, community_id: int, start: datetime, end: datetime) -> list[Happened]:
    """Give the real alerts detected in ``[start, end)``, in order."""
    answer = first_answer().correlate(Alert).lateral("answer")
    query = (
        select(
            Alert.id,
            Alert.severity,
            Alert.rule_id,
            Alert.title,
            Alert.title_en,
            Place.label,
            Place.label_en,
            Alert.detected_at,
            answer.c.at,
            Alert.cleared_at,
            Alert.closed_at,
            Alert.cause,
        )
        .outerjoin(Place, Place.id == Alert.place_id)
        .outerjoin(answer, true())
        .where(
            Alert.community_id == community_id,
            Alert.mode == Mode.ACTUAL,
            Alert.detected_at >= start,
            Alert.detected_at < end,
        )
        .order_by(Alert.detected_at, Alert.id)
        .limit(MOST)
    )
    rows = [Happened(*row) for row in session.execute(query)]
    steps = _quiet(session, [one.id for one in rows])
    answers = _answers(session, steps)
    return [
        _with_spells(one, steps[one.id], answers[one.id]) if one.id in steps else one
        for one in rows
    ]


def _with_spells(one: Happened, steps: Sequence[Step], answers: Sequence[datetime]) -> Happened:
    quiet = quiet_spells(one.detected_at, steps)
    return replace(one, answered_at=answer(answers, quiet, steps), quiet=quiet)


def _answers(session: Session, alerts: Collection[UUID]) -> dict[UUID, list[datetime]]:
    """Give when people did something about alerts, the first of it first."""
    query = (
        select(TimelineEntry.alert_id, TimelineEntry.at)
        .where(
            TimelineEntry.alert_id == any_(literal(list(alerts), ARRAY(Uuid))),
            TimelineEntry.kind.in_(ANSWERS),
            TimelineEntry.user_id.is_not(None),
        )
        .order_by(TimelineEntry.id)
    )
    found: dict[UUID, list[datetime]] = defaultdict(list)
    for alert, at in session.execute(query):
        found[alert].append(at)
    return found


def _quiet(session: Session, alerts: Sequence[UUID]) -> dict[UUID, list[Step]]:
    """Give, of alerts that were muted or began in a drill, the steps that say so."""
    query = (
        select(TimelineEntry.alert_id, TimelineEntry.at, TimelineEntry.kind, TimelineEntry.data)
        .where(
            TimelineEntry.alert_id == any_(literal(alerts, ARRAY(Uuid))),
            or_(
                TimelineEntry.kind.in_(_CHANGES),
                TimelineEntry.data.has_any(array(_SAID)),
            ),
        )
        .order_by(TimelineEntry.id)
    )
    found: dict[UUID, list[Step]] = defaultdict(list)
    for alert, at, kind, data in session.execute(query):
        found[alert].append((at, kind, data))
    return found


def gateways(session: Session, community_id: int) -> list[Gateway]:
    """Give a community's gateways."""
    query = select(Gateway).where(Gateway.community_id == community_id).order_by(Gateway.slug)
    return list(session.scalars(query))


def blind_periods(
    session: Session, community_id: int, start: datetime, end: datetime
) -> Sequence[tuple[int | None, datetime, datetime | None]]:
    """Give (gateway, or none for ingest itself; from; until) of what overlaps a time."""
    query = select(BlindPeriod.gateway_id, BlindPeriod.started_at, BlindPeriod.ended_at).where(
        BlindPeriod.community_id == community_id,
        BlindPeriod.started_at < end,
        func.coalesce(BlindPeriod.ended_at, end) > start,
    )
    return [(gateway, begin, over) for gateway, begin, over in session.execute(query)]


@dataclass(frozen=True, slots=True)
class Guarding:
    """A device that is to report, since when, and how often."""

    id: int
    slug: str
    name: str
    name_en: str
    model: str
    place: str
    place_en: str
    gateway_id: int
    gateway: str
    interval_s: int
    since: datetime


def guarding(session: Session, community_id: int, until: datetime) -> list[Guarding]:
    """Give the devices of a community that were to report before that time."""
    query = (
        select(
            Device.id,
            Device.slug,
            Device.name,
            Device.name_en,
            Device.model,
            Place.label,
            Place.label_en,
            Device.gateway_id,
            Gateway.slug,
            reporting_interval_s,
            Device.created_at,
        )
        .join(Place, Place.id == Device.place_id)
        .join(Gateway, Gateway.id == Device.gateway_id)
        .where(
            Device.community_id == community_id,
            Device.state == "approved",
            Device.created_at < until,
        )
        .order_by(Device.slug)
    )
    return [Guarding(*row) for row in session.execute(query)]


def first_stale_hour(session: Session, community_id: int, since: datetime) -> datetime | None:
    """Give the first hour from then on whose readings are not summed up yet, if there is one."""
    query = select(func.min(StaleHour.hour)).where(
        StaleHour.community_id == community_id, StaleHour.hour >= since
    )
    return session.scalar(query)


SELDOM_S = 900
"""Who speaks more seldom is judged by the time between two hours' last words, not by counting."""
_ENOUGH = 0.9
"""So much of what an hour should bring is all of it: clocks of devices are no better."""
_HOUR_S = 3600


def heard_s(
    session: Session, community_id: int, start: datetime, until: datetime
) -> dict[int, float]:
    """Give for how many seconds of a time each device was heard within two of its intervals.

    From what roll-ups know of each whole hour: who speaks often is counted; of who speaks
    seldom, the time from one hour's last word to the next is theirs, two intervals at most.
    """
    devices = _reporting(community_id)
    hours = _last_words(community_id, start, until)
    begin = func.greatest(hours.c.last_at, start, devices.c.created_at)
    following = func.lead(hours.c.last_at, 1, until).over(
        partition_by=hours.c.device_id, order_by=hours.c.bucket
    )
    two_intervals = 2 * devices.c.interval_s * literal(timedelta(seconds=1))
    good_until = hours.c.last_at + two_intervals
    to_the_next = _seconds(func.least(following, good_until, until) - begin)
    counted = hours.c.words * devices.c.interval_s
    of_the_hour = case(
        (hours.c.bucket < start, 0.0),
        (counted >= _ENOUGH * _HOUR_S, float(_HOUR_S)),
        else_=counted,
    )
    each = (
        select(
            hours.c.device_id,
            case(
                (devices.c.interval_s > SELDOM_S, func.greatest(to_the_next, 0.0)),
                else_=of_the_hour,
            ).label("heard"),
        )
        .join(devices, devices.c.id == hours.c.device_id)
        .where(hours.c.bucket >= start - two_intervals)
        .subquery()
    )
    query = select(each.c.device_id, func.sum(each.c.heard)).group_by(each.c.device_id)
    return {device: float(heard) for device, heard in session.execute(query)}


def _reporting(community_id: int) -> CTE:
    """Build the devices that are to report; their intervals are made out once, not by the hour."""
    query = select(
        Device.id, Device.created_at, cast(reporting_interval_s, Float).label("interval_s")
    ).where(Device.community_id == community_id, Device.state == "approved")
    return query.cte("reporting").prefix_with("MATERIALIZED")


def _last_words(community_id: int, start: datetime, until: datetime) -> CTE:
    """Build, by device and hour, how many words and when the last, whichever field it was.

    It is summed up before anything is joined: several processes of the server do so at once.
    """
    query = (
        select(
            HOURLY.c.device_id,
            HOURLY.c.bucket,
            func.max(HOURLY.c.count).label("words"),
            func.max(HOURLY.c.last_at).label("last_at"),
        )
        .where(
            HOURLY.c.community_id == community_id,
            HOURLY.c.bucket >= start - _LONGEST,
            HOURLY.c.bucket < until,
        )
        .group_by(HOURLY.c.device_id, HOURLY.c.bucket)
    )
    return query.cte("hours")


_LONGEST = timedelta(days=4)
"""Twice the longest interval of a device that reports by itself, and more."""


def _seconds(span: ColumnElement[timedelta]) -> ColumnElement[float]:
    return cast(func.date_part("epoch", span), Float)


def judged(session: Session, community_id: int, since: datetime) -> dict[str, tuple[int, int, int]]:
    """Give by rule how many real alerts it raised since then, how many were true, how many false.

    True and false are what people said who closed them.
    """
    true, false = (func.count().filter(Alert.cause == cause) for cause in ("true", "false"))
    query = (
        select(Alert.rule_id, func.count(), true, false)
        .where(
            Alert.community_id == community_id,
            Alert.mode == Mode.ACTUAL,
            Alert.detected_at >= since,
        )
        .group_by(Alert.rule_id)
    )
    return {rule: (alerts, right, wrong) for rule, alerts, right, wrong in session.execute(query)}
