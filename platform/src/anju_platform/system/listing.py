"""SQL of what the platform's processes say of themselves, and of what nobody sends."""

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import extract, func, select
from sqlalchemy.orm import Session

from anju_platform.alerts.model import Alert, Condition, Handling
from anju_platform.notifications.model import DeliveryState, Notification
from anju_platform.registry.model import Gateway
from anju_platform.system.model import ProcessRow
from anju_platform.vitals import Figures

log = logging.getLogger(__name__)

_WAITING = (DeliveryState.QUEUED, DeliveryState.LEASED, DeliveryState.RETRY)
"""What a worker of the release before took up is waited for by nobody: it is told."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process and its latest word; ``age_s`` is how long ago that was, by the database."""

    name: str
    kind: str
    host: str
    pid: int
    started_at: datetime
    at: datetime
    age_s: float
    figures: Figures


def processes(session: Session) -> tuple[Process, ...]:
    """Give every process that is there, or went without taking leave."""
    age = extract("epoch", func.clock_timestamp() - ProcessRow.at)
    kinds = func.array_position(["ingest", "worker", "web"], ProcessRow.kind)
    query = select(ProcessRow, age).order_by(kinds, func.length(ProcessRow.name), ProcessRow.name)
    return tuple(
        Process(
            row.name,
            row.kind,
            row.host,
            row.pid,
            row.started_at,
            row.at,
            max(0.0, float(seconds)),
            _figures(row),
        )
        for row, seconds in session.execute(query)
    )


def _figures(row: ProcessRow) -> Figures:
    try:
        return msgspec.convert(row.figures, Figures)
    except msgspec.ValidationError as error:  # another release's, while one replaces the other
        log.debug("figures of %s cannot be read: %s", row.name, error)
        return Figures()


def watched_communities(session: Session) -> frozenset[int]:
    """Give the communities that have somebody to be heard: a gateway."""
    return frozenset(session.scalars(select(Gateway.community_id).distinct()))


def unsent_s(session: Session) -> float:
    """Give for how long the oldest message has waited that nobody has taken up; 0: none has."""
    waits = func.clock_timestamp() - func.min(Notification.created_at)
    query = select(extract("epoch", waits)).where(
        Notification.routed_at.is_(None), Notification.state.in_(_WAITING)
    )
    return max(0.0, float(session.scalar(query) or 0.0))


def raised(session: Session, rules: Collection[str]) -> frozenset[tuple[int, str]]:
    """Give (community, rule) of the open alerts of such rules that are not over."""
    query = select(Alert.community_id, Alert.rule_id).where(
        Alert.rule_id.in_(rules),
        Alert.handling != Handling.CLOSED,
        Alert.condition != Condition.CLEAR,
    )
    return frozenset((community, rule) for community, rule in session.execute(query))


def of_kind(found: tuple[Process, ...], kind: str) -> Iterator[Process]:
    """Give the processes of one kind."""
    return (one for one in found if one.kind == kind)
