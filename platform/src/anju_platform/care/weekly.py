"""Once a week a family that wishes it hears how a home's week was: well only if it was.

What is wished is a row with its next time. The worker writes what is due: the letter, its
deliveries and the next time in one transaction, so that it is told once, whoever dies when.
"""

import logging
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from anju_platform.alerts.listing import week_of_home
from anju_platform.alerts.model import Handling
from anju_platform.alerts.schemas import AlertView
from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.auth.model import User
from anju_platform.auth.service import on_behalf
from anju_platform.care import homes, repository
from anju_platform.care.model import WEEK, WeeklyLetter
from anju_platform.care.schemas import HomeState
from anju_platform.care.wording import Ended, Week, text_of
from anju_platform.database import Json, now, to_millis, transaction
from anju_platform.errors import InvalidRequestError
from anju_platform.notifications import letters
from anju_platform.people.model import Household
from anju_platform.people.service import note_look
from anju_platform.registry.coverage import Coverage
from anju_platform.registry.listing import FLAT_BELOW
from anju_platform.registry.model import Community, Place
from anju_platform.registry.schemas import DeviceStatus
from anju_platform.sharing.model import Purpose
from anju_rules.home import PRESENT

log = logging.getLogger(__name__)

DAYS = 7
HOURS = range(letters.DAY_BEGINS, letters.DAY_ENDS)
"""At which hours of the site one may wish to hear."""
_OF_DEVICES = {"device-silent", "protection-off", "battery-low"}
_SILENT = {"device-silent", "protection-off"}
_LETTER: Json = {"as": repository.LETTER, "purpose": Purpose.CARE.value}
"""Why somebody was told of the movement in a home without looking."""
_WELL = {HomeState.ORDINARY, HomeState.AWAY, HomeState.UNSHARED}


def wish(session: Session, actor: Actor, slug: str, weekday: int, hour: int) -> None:
    """Say on which day (0: Monday) and hour of the site one wishes to hear of a home's week.

    Raises:
        NotFoundError: it is no home of the actor's.
        InvalidRequestError: there is no such day, or it would come at night.
    """
    home = homes.household(session, actor, slug)
    if weekday not in range(DAYS) or hour not in HOURS:
        raise InvalidRequestError(
            "say a weekday (0 to 6) and an hour from {first} to {last}",
            first=HOURS.start,
            last=HOURS.stop - 1,
        )
    zone = _zone(session, home.community_id)
    repository.put_weekly(
        session,
        {
            "community_id": home.community_id,
            "user_id": actor.user_id,
            "household_id": home.id,
            "weekday": weekday,
            "hour": hour,
            "due_at": next_time(now(), weekday, hour, zone),
        },
    )
    said = {"weekday": weekday, "hour": hour}
    record(session, actor, "home.weekly", f"household:{slug}", said)


def wish_no_more(session: Session, actor: Actor, slug: str) -> None:
    """Say that one does not wish to hear of a home's week any more.

    Raises:
        NotFoundError: it is no home of the actor's.
    """
    home = homes.household(session, actor, slug)
    if repository.drop_weekly(session, actor.user_id, home.id):
        record(session, actor, "home.weekly_off", f"household:{slug}")


def next_time(after: datetime, weekday: int, hour: int, zone: ZoneInfo) -> datetime:
    """Give the first such day and hour on the site after a time."""
    today = after.astimezone(zone).date()
    for day in range(DAYS + 1):
        found = datetime.combine(_plus(today, day), time(hour), zone)
        if found.weekday() == weekday and found > after:
            return found
    raise AssertionError("a week has seven days")


def _plus(day: date, days: int) -> date:
    return day + timedelta(days=days)


def write_due(engine: Engine, at: datetime | None = None) -> int:
    """Write the letters that are due, each in a transaction of its own; gives how many.

    One that cannot be written keeps the others from nothing: it stays due.
    """
    moment = at or now()
    written, failed = 0, set[int]()
    while True:
        with transaction(engine) as session:
            wished = repository.due_weekly(session, moment, besides=failed)
            if wished is None:
                break
            wished_id = wished.id
            try:
                with session.begin_nested():
                    _write(session, wished, moment)
                written += 1
            except Exception:
                log.exception("the weekly letter %d was not written", wished_id)
                failed.add(wished_id)
    return written


def _write(session: Session, wished: WeeklyLetter, at: datetime) -> None:
    user = session.get_one(User, wished.user_id)
    home = session.get_one(Household, wished.household_id)
    zone = _zone(session, wished.community_id)
    morning = letters.by_day(at, zone)
    if morning > at:
        wished.due_at = morning  # nobody wrote it in time: what it says is to be of the morning
    elif repository.is_family(session, user.id, home.id):
        reader = on_behalf(session, user, wished.community_id)
        said = week(session, reader, home, at, zone)
        if said.usual_days is not None:
            note_look(session, reader, home.id, reason=_LETTER)
        letters.send(
            session,
            kind=WEEK,
            community_id=wished.community_id,
            user_id=user.id,
            household_id=home.id,
            text=text_of(said, user.locale),
            at=at,
            zone=zone,
        )
        wished.due_at = next_time(at, wished.weekday, wished.hour, zone)
    else:
        session.delete(wished)  # whoever belongs there no more has nothing to wish
    session.flush()


def week(session: Session, reader: Actor, home: Household, at: datetime, zone: ZoneInfo) -> Week:
    """Gather what is shared with a reader of the last seven days of a home, and how it is now."""
    midnight = datetime.combine(at.astimezone(zone).date(), time(), zone)
    start = midnight - timedelta(days=DAYS)
    place = session.get_one(Place, home.place_id)
    seen = homes.Seen.read(session, reader, home, at)
    alerts = week_of_home(session, home.community_id, home.id, start)
    told = [one for one in alerts if one.rule_id not in _OF_DEVICES]
    names = {one.slug: (one.name, one.name_en) for one in seen.devices}
    silent = {one.device for one in alerts if one.rule_id in _SILENT}
    silent |= {one.slug for one in seen.devices if one.status is DeviceStatus.SILENT}
    flat = [one for one in seen.devices if one.battery is not None and one.battery < FLAT_BELOW]
    return Week(
        home=home.slug,
        place=place.label,
        place_en=place.label_en,
        usual_days=_usual_days(session, reader, home, told, midnight),
        hidden=seen.hidden,
        alerts=tuple(_ended(one) for one in told),
        silent=tuple(names[slug] for slug in sorted(names) if slug in silent),
        flat=tuple((one.name, one.name_en) for one in flat),
        unprotected=bool(seen.unheard) or any(one.rule_id == "protection-off" for one in alerts),
        blind=_blind(session, home, start, at),
        is_well_now=homes.state_of(seen) in _WELL,
        away=seen.away,
    )


def _ended(alert: AlertView) -> Ended:
    if alert.handling is not Handling.CLOSED:
        return "open"
    return "false" if alert.cause in {"false", "test"} else "true" if alert.cause else "over"


def _usual_days(
    session: Session,
    reader: Actor,
    home: Household,
    alerts: list[AlertView],
    midnight: datetime,
) -> int | None:
    """Count the days on which movement was seen and nothing rang; none where nobody may say."""
    sensors = repository.movement_fields(session, reader, home.id, PRESENT)
    if not sensors:
        return None
    zone = _zone(session, home.community_id)
    start = midnight - timedelta(days=DAYS)
    moved = repository.days_with_movement(session, sensors, zone.key, start=start, end=midnight)
    rang = {
        one.detected_at.astimezone(zone).date() for one in alerts if one.severity <= homes.LEAST
    }
    return len(moved - rang)


def _blind(session: Session, home: Household, start: datetime, at: datetime) -> timedelta:
    """Give how long the platform, or the home's worst gateway, heard nothing."""
    coverage = Coverage.load(session, to_millis(at), [home.community_id])
    gateways: list[int | None] = [None, *repository.gateways_of(session, home.id)]
    spans = [coverage.blind_ms(each, to_millis(start), to_millis(at)) for each in gateways]
    return timedelta(milliseconds=max(spans))


def _zone(session: Session, community_id: int) -> ZoneInfo:
    return ZoneInfo(session.get_one(Community, community_id).timezone)
