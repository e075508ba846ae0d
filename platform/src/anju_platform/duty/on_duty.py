"""Who is on duty at a moment, as far as messages are concerned."""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from anju_platform.duty import repository
from anju_platform.duty.model import HandOver, Rota
from anju_platform.duty.shifts import BACK, EARLY, Change, Duty, change_at, duties, next_change

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OnDuty:
    """How a rota stands at a moment.

    ``people`` are on duty by the rota, ``told`` those whom messages go to: whoever was there
    before, too, while the change of shift (``open_change``) has been taken over by nobody.
    Where nobody is on duty the rota has a hole (``hole``, with its beginning and end as far as
    they were looked for). ``coming`` is the next change of shift, where somebody may take over
    already or has (``taken_early``).
    """

    rota: Rota
    people: frozenset[int]
    told: frozenset[int]
    hole: Duty | None
    open_change: Change | None
    coming: Change | None
    taken: HandOver | None
    taken_early: HandOver | None


def on_duty(
    session: Session, rotas: Collection[Rota], at: datetime, able: Collection[int]
) -> Mapping[int, OnDuty]:
    """Give how each of a community's rotas stands at a moment; ``able`` can be called.

    One that cannot be read is a hole, so that its fallback is called, and blinds no other.
    """
    start, end = at - BACK, at + EARLY
    found = list(rotas)
    patterns = repository.patterns(session, found, start, end)
    taken = repository.taken_since(session, [one.id for one in found], start) if found else {}
    stand: dict[int, OnDuty] = {}
    for one in found:
        try:
            people = duties(patterns[one.id], start, end, able)
        except Exception:
            log.exception("rota %d cannot be read; its fallback is called", one.id)
            people = (Duty(start, end, frozenset()),)
        stand[one.id] = _stands(one, people, at, taken, able)
    return stand


def _stands(
    rota: Rota,
    found: tuple[Duty, ...],
    at: datetime,
    taken: Mapping[tuple[int, datetime], HandOver],
    able: Collection[int],
) -> OnDuty:
    now = next(one for one in found if one.start <= at < one.end)
    change = change_at(found, at) if rota.handed_over else None
    if change is not None and change.at < rota.made_at:
        change = None  # it changed before there was anything to hand over by
    coming = next_change(found, at) if rota.handed_over else None
    done = taken.get((rota.id, change.at)) if change else None
    early = taken.get((rota.id, coming.at)) if coming else None
    told = set(now.people)
    if change is not None and done is None:
        told |= change.leaving
    if early is not None and early.taken_by in able:
        told.add(early.taken_by)
    return OnDuty(
        rota=rota,
        people=now.people,
        told=frozenset(told),
        hole=None if now.people else now,
        open_change=change if done is None else None,
        coming=coming,
        taken=done,
        taken_early=early,
    )


def hole_s(session: Session, at: datetime) -> dict[int, float]:
    """Give, by community, how long ago the latest hole in a rota of its began; left out: none.

    The latest, so that whoever closed an alert about another has not judged it, too. Only rotas
    that have shifts count: one that is still being written misses nobody.
    """
    found: dict[int, list[Rota]] = {}
    for one in repository.every_rota(session):
        if one.shifts:
            found.setdefault(one.community_id, []).append(one)
    latest: dict[int, float] = {}
    for community_id, rotas in found.items():
        able = repository.able(session, community_id)
        for stands in on_duty(session, rotas, at, able).values():
            if stands.hole is not None:
                seconds = (at - stands.hole.start).total_seconds()
                latest[community_id] = min(seconds, latest.get(community_id, seconds))
    return latest
