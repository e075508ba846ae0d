"""SQL of back-tests as rows; every time in them is the database's own."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Row, Select, case, delete, func, select, union, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, defer

from anju_platform.auth.model import User
from anju_platform.backtest.jobs.model import BacktestJob, JobState
from anju_platform.database import Json
from anju_platform.people.model import Household
from anju_platform.registry.model import Device, Gateway, Place

GONE_AFTER = timedelta(seconds=15)
"""A process that has not written its row for so long is gone, or as good as that."""

_clock = func.clock_timestamp()
_is_gone: ColumnElement[bool] = (BacktestJob.state == JobState.RUNNING) & (
    BacktestJob.beat_at < _clock - GONE_AFTER
)
Found = Row[BacktestJob, str, str]
"""(the job, its state as it is now, the name of who started it)."""


def _jobs(community_id: int) -> Select[BacktestJob, str, str]:
    state = case((_is_gone, JobState.INTERRUPTED.value), else_=BacktestJob.state)
    return (
        select(BacktestJob, state, User.name)
        .join(User, User.id == BacktestJob.started_by)
        .where(BacktestJob.community_id == community_id)
    )


def add(session: Session, row: Json) -> int | None:
    """Add a job that is running; nothing when another one of the community's is.

    One whose process is gone is written off first.
    """
    gone = update(BacktestJob).where(BacktestJob.community_id == row["community_id"], _is_gone)
    session.execute(gone.values(state=JobState.INTERRUPTED, ended_at=BacktestJob.beat_at))
    # a column, not the value: both are one moment
    times = {"started_at": _clock, "beat_at": _clock}
    added = insert(BacktestJob).values(
        {**row, **times, "state": JobState.RUNNING, "progress": 0.0, "fault": ""}
    )
    return session.scalar(added.on_conflict_do_nothing().returning(BacktestJob.id))


def get(session: Session, community_id: int, job_id: int) -> Found | None:
    """Find a job of a community, with its report."""
    return session.execute(_jobs(community_id).where(BacktestJob.id == job_id)).one_or_none()


def homes_of(
    session: Session, community_id: int, entities: Collection[str]
) -> set[tuple[str, int]]:
    """Give which of these are homes or in one, and in which: (entity, home).

    They are homes, devices and who wears one, flats and rooms.
    """
    in_home = (Device.community_id == community_id, Device.household_id.is_not(None))
    wearer = Device.attributes["wearer"].as_string()
    of_place = select(Place.slug, Household.id).join(Household, Household.place_id == Place.id)
    of_room = select(Place.slug, Device.household_id).join(Device, Device.place_id == Place.id)
    query = union(
        select(Household.slug, Household.id).where(
            Household.community_id == community_id, Household.slug.in_(entities)
        ),
        select(Device.slug, Device.household_id).where(*in_home, Device.slug.in_(entities)),
        select(wearer, Device.household_id).where(*in_home, wearer.in_(entities)),
        of_place.where(Place.community_id == community_id, Place.slug.in_(entities)),
        of_room.where(*in_home, Place.slug.in_(entities)),
    )
    return {(entity, household) for entity, household in session.execute(query)}


def elsewhere(session: Session, community_id: int, entities: Collection[str]) -> set[str]:
    """Give which of these are devices in nobody's home, gateways or places."""
    query = union(
        *(
            select(each.slug).where(each.community_id == community_id, each.slug.in_(entities))
            for each in (Gateway, Place)
        ),
        select(Device.slug).where(
            Device.community_id == community_id,
            Device.household_id.is_(None),
            Device.slug.in_(entities),
        ),
    )
    return set(session.scalars(query))


def names(
    session: Session, community_id: int, entities: Collection[str]
) -> dict[str, tuple[str, str]]:
    """Give how people call these, in Chinese and in English: a device with its place.

    Only gateways, homes, places and devices have names; what else an alert is about has none.
    """
    of_home = select(Household.slug, Place.label, Place.label_en).join(
        Place, Place.id == Household.place_id
    )
    of_device = select(
        Device.slug, Place.label + " " + Device.name, Place.label_en + " " + Device.name_en
    ).join(Place, Place.id == Device.place_id)
    queries = (
        (Gateway, select(Gateway.slug, Gateway.name, Gateway.name_en)),
        (Household, of_home),
        (Place, select(Place.slug, Place.label, Place.label_en)),
        (Device, of_device),
    )
    return {
        slug: (name, name_en)
        for of, query in queries
        for slug, name, name_en in session.execute(
            query.where(of.community_id == community_id, of.slug.in_(entities))
        )
    }


def newest(
    session: Session, community_id: int, *, rule_id: str | None = None, limit: int = 10
) -> list[Found]:
    """Give the newest jobs, of one rule or of all, without their reports."""
    query = _jobs(community_id).options(defer(BacktestJob.report, raiseload=True))
    if rule_id is not None:
        query = query.where(BacktestJob.rule_id == rule_id)
    return list(session.execute(query.order_by(BacktestJob.id.desc()).limit(limit)))


def running(session: Session, community_id: int) -> Found | None:
    """Give the one that is at work in a community."""
    query = _jobs(community_id).options(defer(BacktestJob.report, raiseload=True))
    at_work = BacktestJob.state == JobState.RUNNING
    return session.execute(query.where(at_work, ~_is_gone)).one_or_none()


def begin(session: Session, job_id: int) -> BacktestJob | None:
    """Give a job to the process that is to do it; nothing when it is wanted no more."""
    query = select(BacktestJob).where(
        BacktestJob.id == job_id, BacktestJob.state == JobState.RUNNING
    )
    return session.scalars(query).one_or_none()


def beat(session: Session, job_id: int, progress: float) -> bool:
    """Write that a job is at work; False when it is wanted no more."""
    return _write(session, job_id, progress=progress, beat_at=_clock)


def end(
    session: Session,
    job_id: int,
    state: JobState,
    *,
    report: Json | None = None,
    fault: str = "",
) -> bool:
    """Write how a job ended; False when it had ended before."""
    values: Json = {"state": state, "ended_at": _clock, "fault": fault}
    if report is not None:
        values |= {"report": report, "progress": 1.0}
    return _write(session, job_id, **values)


def _write(session: Session, job_id: int, **values: object) -> bool:
    running_one = (BacktestJob.id == job_id) & (BacktestJob.state == JobState.RUNNING)
    written = update(BacktestJob).where(running_one).values(values).returning(BacktestJob.id)
    return session.scalar(written) is not None


def prune(session: Session, before: datetime) -> None:
    """Delete jobs that were started before that time."""
    session.execute(delete(BacktestJob).where(BacktestJob.started_at < before))
