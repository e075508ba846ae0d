"""Letters: what a person is told that is about no one alert, and can wait until it is day.

A letter and its deliveries are rows of the transaction that makes it necessary; the worker
delivers them as it does everything else: leased, within what providers take, receipts and all.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import uuid_utils
from sqlalchemy.orm import Session

from anju_platform.database import Json
from anju_platform.notifications import listing
from anju_platform.notifications.model import Letter
from anju_platform.notifications.outside import listing as reach
from anju_platform.notifications.outside import repository as outside
from anju_platform.notifications.outside.routing import Way, letter_ways

SEVERITY = 4
"""On a channel that many things wait for, letters come last."""
DAY_BEGINS, DAY_ENDS = 8, 21
"""Between these hours of the site a letter may come; nobody is woken by one."""


@dataclass(frozen=True, slots=True)
class Text:
    """What a letter says, in its reader's language."""

    title: str
    body: str
    path: str


def send(
    session: Session,
    *,
    kind: str,
    community_id: int,
    user_id: int,
    text: Text,
    at: datetime,
    zone: ZoneInfo,
    household_id: int | None = None,
    least: timedelta = timedelta(0),
) -> Letter:
    """Write a letter, to be delivered by day on the first of the person's proven ways.

    Who has none reads it on the page; whether one has can be seen by its deliveries. It may be
    delivered until the day ends, or for ``least``.
    """
    letter = Letter(
        id=UUID(str(uuid_utils.uuid7())),
        community_id=community_id,
        user_id=user_id,
        household_id=household_id,
        kind=kind,
        title=text.title,
        body=text.body,
        path=text.path,
        created_at=at,
    )
    session.add(letter)
    session.flush()
    begins = by_day(at, zone)
    ways = ways_of(session, community_id, user_id)
    until = max(_end_of_day(begins, zone), begins + least)
    outside.add(session, [_delivery(letter, way, begins, until) for way in ways], at)
    return letter


def ways_of(session: Session, community_id: int, user_id: int) -> list[Way]:
    """Give the ways by which a letter reaches a person; none if nothing of theirs is proven."""
    people = reach.reachable(session, community_id)
    person = next((one for one in people if one.user_id == user_id), None)
    return letter_ways(person, reach.outlets(session, community_id)) if person else []


def _delivery(letter: Letter, way: Way, begins: datetime, until: datetime) -> Json:
    return {
        "community_id": letter.community_id,
        "letter_id": letter.id,
        "alert_id": letter.id,
        "transition": 0,
        "step": 0,
        "severity": SEVERITY,
        "user_id": way.user_id,
        "channel_id": way.channel_id,
        "address_id": way.address_id,
        "lane": way.lane,
        "receipt": secrets.token_urlsafe(16),
        "created_at": letter.created_at,
        "next_attempt_at": begins,
        "expires_at": until,
    }


def by_day(at: datetime, zone: ZoneInfo) -> datetime:
    """Give that time if it is day on the site, else when the next day begins."""
    local = at.astimezone(zone)
    if DAY_BEGINS <= local.hour < DAY_ENDS:
        return at
    day = local.date() + timedelta(days=int(local.hour >= DAY_ENDS))
    return datetime.combine(day, time(DAY_BEGINS), zone)


def is_day_for(lasting: timedelta, at: datetime, zone: ZoneInfo) -> bool:
    """Tell whether it is day on the site, and will be for so long."""
    return by_day(at, zone) == at and at + lasting <= _end_of_day(at, zone)


def _end_of_day(at: datetime, zone: ZoneInfo) -> datetime:
    return datetime.combine(at.astimezone(zone).date(), time(), zone) + timedelta(hours=DAY_ENDS)


def prune(session: Session, before: datetime) -> None:
    """Forget letters written before that time, and how they were delivered."""
    listing.forget_letters(session, before)
