"""Daily lives: one household, one day, in the order of time.

Everybody sleeps, gets up, cooks, washes, goes out and comes back. Where a home has the
sensor for it, it is seen. All is decided by a random stream of the seed, the household and
the date, so that any day can be told without those before it.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from anju_devices.sim.moment import Moment, Story, opening
from anju_devices.sim.site import Home, Person

_MINUTE = 60_000
_HOUR = 60 * _MINUTE
_CHILD_AGE = 18
_SATURDAY = 5
_FLUSH, _WASH, _COOK, _SHOWER, _LAUNDRY = 0.006, 0.004, 0.012, 0.040, 0.055
"""Water of one use, in m³."""


@dataclass(frozen=True, slots=True)
class Trip:
    """Out of the home and back, in epoch milliseconds."""

    left_at: int
    back_at: int
    by_car: bool = False


@dataclass(frozen=True, slots=True)
class PersonDay:
    """One person's day: when they wake, sleep, and are out."""

    up_at: int
    asleep_at: int
    trips: tuple[Trip, ...]
    nap: tuple[int, int] | None = None

    def at_home_awake(self, at: int) -> bool:
        """Whether the person moves about the home then."""
        if not self.up_at <= at < self.asleep_at:
            return False
        if self.nap is not None and self.nap[0] <= at < self.nap[1]:
            return False
        return not any(trip.left_at <= at < trip.back_at for trip in self.trips)


def story(
    home: Home, seed: int, zone: ZoneInfo, start_ms: int, lanes: dict[str, tuple[str, ...]]
) -> Story:
    """Tell a household's life from ``start_ms`` on, without end."""
    day = datetime.fromtimestamp(start_ms / 1000, zone).date()
    while True:
        for moment in day_of(home, seed, day, zone, lanes):
            if moment.at >= start_ms:
                yield moment
        day += timedelta(days=1)


def lately(home: Home, seed: int, zone: ZoneInfo, start_ms: int, hours: float) -> list[Moment]:
    """Tell what a home's motion sensor saw in so many hours before ``start_ms``."""
    pir, since = home.devices.get("pir"), start_ms - int(hours * _HOUR)
    day = datetime.fromtimestamp(since / 1000, zone).date()
    last = datetime.fromtimestamp(start_ms / 1000, zone).date()
    moments: list[Moment] = []
    while pir is not None and day <= last:
        moments += (one for one in day_of(home, seed, day, zone, {}) if one.device == pir)
        day += timedelta(days=1)
    return [one for one in moments if since <= one.at < start_ms]


def day_of(
    home: Home, seed: int, day: date, zone: ZoneInfo, lanes: dict[str, tuple[str, ...]]
) -> list[Moment]:
    """Tell one local day of a household, in the order of time."""
    rng = random.Random(f"{seed}-{home.slug}-{day.isoformat()}")
    midnight = int(datetime.combine(day, time(), zone).timestamp() * 1000)
    days = [plan_day(person, rng, midnight, day) for person in home.people]
    moments: list[Moment] = []
    for person, person_day in zip(home.people, days, strict=True):
        moments += _water(home, person_day, rng)
        for trip in person_day.trips:
            moments += _out_and_back(home, person, trip, rng, lanes)
    moments += _movement(home, days, rng, midnight)
    moments += _kitchen(home, days, rng)
    moments += _bathroom_and_bed(home, days, rng)
    moments.sort(key=lambda m: m.at)
    return moments


def plan_day(person: Person, rng: random.Random, midnight: int, day: date) -> PersonDay:
    """Decide when a person wakes, goes out, comes back and sleeps."""

    def around(hour: float, spread_min: float) -> int:
        return midnight + int(hour * _HOUR + rng.uniform(-spread_min, spread_min) * _MINUTE)

    if person.elder:
        trips = []
        if rng.random() < 0.8:  # noqa: PLR2004 - most mornings: the market
            left = around(8.7, 50)
            trips.append(Trip(left, left + rng.randint(35, 110) * _MINUTE))
        if rng.random() < 0.5:  # noqa: PLR2004 - every other afternoon: the garden
            left = around(15.7, 35)
            trips.append(Trip(left, left + rng.randint(30, 80) * _MINUTE))
        nap_at = around(12.9, 20)
        nap = (nap_at, nap_at + rng.randint(40, 80) * _MINUTE)
        return PersonDay(around(6.0, 35), around(21.4, 40), tuple(trips), nap)
    free = day.weekday() >= _SATURDAY
    if person.age < _CHILD_AGE:
        trips = [] if free else [Trip(around(7.5, 12), around(17.0, 30))]
        return PersonDay(around(8.0 if free else 6.9, 15), around(21.8, 25), tuple(trips))
    car = rng.random() < 0.4  # noqa: PLR2004 - four in ten drive
    if free:
        left = around(10.5, 60)
        trips = [Trip(left, left + rng.randint(90, 300) * _MINUTE, by_car=car)]
        return PersonDay(around(8.2, 40), around(23.1, 30), tuple(trips))
    trips = [Trip(around(8.0, 35), around(18.5, 60), by_car=car)]
    return PersonDay(around(6.8, 25), around(22.9, 35), tuple(trips))


def _water(home: Home, day: PersonDay, rng: random.Random) -> list[Moment]:
    meter = home.devices.get("water_meter")
    if meter is None:
        return []
    uses = [(day.up_at + rng.randint(2, 8) * _MINUTE, _FLUSH + _WASH)]
    at = day.up_at + 60 * _MINUTE
    while at < day.asleep_at:
        if day.at_home_awake(at):
            uses.append((at, rng.choice((_WASH, _FLUSH, _FLUSH + _WASH))))
        at += int(rng.uniform(50, 150) * _MINUTE)
    uses += [(trip.back_at + rng.randint(2, 6) * _MINUTE, _FLUSH + _WASH) for trip in day.trips]
    uses.append((day.asleep_at - rng.randint(40, 90) * _MINUTE, _SHOWER * rng.uniform(0.5, 1.3)))
    uses.append((day.asleep_at - rng.randint(3, 12) * _MINUTE, _FLUSH + _WASH))
    return [Moment(at, meter, used=round(amount, 4)) for at, amount in uses]


def _movement(
    home: Home, days: Sequence[PersonDay], rng: random.Random, midnight: int
) -> list[Moment]:
    """Motion while somebody is awake at home, and once or twice in an elder's night."""
    pir, meter = home.devices.get("pir"), home.devices.get("water_meter")
    moments: list[Moment] = []

    def seen(at: int) -> None:
        if pir is not None:
            cleared = at + rng.randint(60, 150) * 1000
            moments.append(Moment(at, pir, {"motion": True}))
            moments.append(Moment(cleared, pir, {"motion": False}))

    for person, day in zip(home.people, days, strict=True):
        if not person.elder:
            continue
        for _ in range(rng.choice((1, 1, 2))):
            at = midnight + int(rng.uniform(0.7, 4.6) * _HOUR)
            seen(at)
            if meter is not None:
                moments.append(Moment(at + 2 * _MINUTE, meter, used=_FLUSH))
        at = day.up_at
        while at < day.asleep_at:
            if day.at_home_awake(at):
                seen(at)
            at += int(min(rng.expovariate(1 / 13) + 3, 45) * _MINUTE)
        for trip in day.trips:
            seen(trip.left_at - 30_000)
            seen(trip.back_at + 20_000)
    return moments


def _kitchen(home: Home, days: Sequence[PersonDay], rng: random.Random) -> list[Moment]:
    """Meals: water, and the stove where it is measured; only with somebody at home."""
    meter, stove = home.devices.get("water_meter"), home.devices.get("stove_plug")
    moments: list[Moment] = []
    first = min(day.up_at for day in days)
    meals = [first + rng.randint(20, 45) * _MINUTE]
    meals += [first + int(rng.uniform(4.9, 5.5) * _HOUR), first + int(rng.uniform(11, 12) * _HOUR)]
    for at in meals:
        if not any(day.at_home_awake(at) for day in days):
            continue
        done = at + rng.randint(12, 30) * _MINUTE
        if meter is not None:
            moments.append(Moment(done + 5 * _MINUTE, meter, used=_COOK))
        if stove is not None:
            power = float(rng.randrange(900, 2100, 10))
            moments.append(Moment(at, stove, {"power": power, "on": True}))
            moments.append(Moment(done, stove, {"power": 0.0, "on": False}))
    if meter is not None and rng.random() < 0.4:  # noqa: PLR2004 - laundry every two or three days
        moments.append(Moment(first + 3 * _HOUR, meter, used=_LAUNDRY))
    return moments


def _bathroom_and_bed(home: Home, days: Sequence[PersonDay], rng: random.Random) -> list[Moment]:
    """Presence in the bathroom, in the radar's view, and on the bed mat."""
    moments: list[Moment] = []
    for device, field in (("bathroom_presence", "presence"), ("fall_radar", "presence")):
        slug = home.devices.get(device)
        if slug is None:
            continue
        for day in days:
            at = day.up_at + 3 * _MINUTE
            while at < day.asleep_at:
                if day.at_home_awake(at):
                    stay = rng.randint(3, 14)
                    posture = {"posture": "standing"} if device == "fall_radar" else {"dwell": 0}
                    gone = {"posture": "none"} if device == "fall_radar" else {"dwell": stay}
                    moments.append(Moment(at, slug, {field: True, **posture}))
                    moments.append(Moment(at + stay * _MINUTE, slug, {field: False, **gone}))
                at += int(rng.uniform(80, 200) * _MINUTE)
    mat, contact = home.devices.get("bed_mat"), home.devices.get("im_ok")
    if mat is not None:
        moments.append(Moment(days[0].up_at, mat, {"in_bed": False}))
        moments.append(Moment(days[0].asleep_at, mat, {"in_bed": True, "heart_rate": 62.0}))
    if contact is not None:
        moments.append(Moment(days[0].up_at + rng.randint(10, 40) * _MINUTE, contact, event="ok"))
    return moments


def _out_and_back(
    home: Home,
    person: Person,
    trip: Trip,
    rng: random.Random,
    lanes: dict[str, tuple[str, ...]],
) -> list[Moment]:
    """The doors on the way: flat, entrance, gate or lane; and the same in reverse."""
    contact = home.devices.get("door_contact")
    moments: list[Moment] = []
    down_s = 25 + home.floor * 4 + rng.randint(0, 20)
    gate, walk_s = rng.choice(home.gates) if home.gates else (None, 120.0)
    walk = int(walk_s * 1000)
    out, back = trip.left_at, trip.back_at
    if contact is not None:
        moments += opening(contact, out, out + rng.randint(5, 14) * 1000, field="contact")
        moments += opening(contact, back, back + rng.randint(5, 12) * 1000, field="contact")
    if home.entrance is not None:
        leaving, coming = out + down_s * 1000, back - down_s * 1000
        moments.append(Moment(leaving, home.entrance, event="exit_request"))
        moments += opening(home.entrance, leaving + 900, leaving + rng.randint(5, 9) * 1000)
        moments += _granted(home.entrance, coming, person, "in", rng)
        out, back = leaving, coming
    if trip.by_car and lanes.get("in") and lanes.get("out"):
        plate = f"鄂A{person.credential[:5].upper()}"
        moments += _drive(rng.choice(lanes["out"]), out + walk, plate, "out", rng)
        moments += _drive(rng.choice(lanes["in"]), back - walk, plate, "in", rng)
    elif gate is not None:
        moments += _granted(gate, out + walk, person, "out", rng)
        moments += _granted(gate, back - walk, person, "in", rng)
    return moments


def _granted(
    door: str, at: int, person: Person, direction: str, rng: random.Random
) -> list[Moment]:
    """Somebody shows a credential, now and then in vain at first, and goes through."""
    kind = "phone" if not person.elder and int(person.credential, 16) % 2 else "card"
    data = {"credential": person.credential, "credential_type": kind, "direction": direction}
    moments = []
    if rng.random() < 0.01:  # noqa: PLR2004 - one in a hundred reads badly
        refused = {**data, "reason": "unreadable", "offline": False}
        moments.append(Moment(at - 4000, door, event="access_denied", data=refused))
    granted = {**data, "reason": "resident", "offline": False}
    moments.append(Moment(at, door, event="access_granted", data=granted))
    return moments + opening(door, at + 700, at + rng.randint(4, 9) * 1000)


def _drive(lane: str, at: int, plate: str, direction: str, rng: random.Random) -> list[Moment]:
    confidence = round(rng.uniform(0.92, 0.995), 3)
    read = {"plate": plate, "confidence": confidence, "direction": direction, "listed": "resident"}
    gone = at + rng.randint(7, 12) * 1000
    return [
        Moment(at, lane, {"vehicle_present": True}, "plate_read", read),
        Moment(at + 1200, lane, {"barrier_state": "open"}, "barrier_opened"),
        Moment(gone, lane, {"vehicle_present": False}),
        Moment(gone + 2500, lane, {"barrier_state": "closed"}, "barrier_closed"),
    ]
