"""What a file would change: pure, so that it is the same when shown and when brought in."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from anju_platform.importing import cells
from anju_platform.importing.sheet import Row
from anju_platform.people.schemas import Person

FACTS = ("lives_alone", "dementia", "bedridden")
"""Facts of a home that rules read as ``p.*``."""

Values = dict[str, Any]


class What(StrEnum):
    """What becomes of somebody, or of a home."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    GONE = "gone"


class Why(StrEnum):
    """Why a row cannot be brought in."""

    NO_HOME = "no_home"
    NO_SUCH_HOME = "no_such_home"
    NO_SUCH_PLACE = "no_such_place"
    PLACE_OF_SEVERAL = "place_of_several"
    HOME_ELSEWHERE = "home_elsewhere"
    NO_KIND = "no_kind"
    NO_NAME = "no_name"
    NO_DAY = "no_day"
    NOT_BORN = "not_born"
    NOT_YES_OR_NO = "not_yes_or_no"
    NO_PHONE = "no_phone"
    TWICE = "twice"
    TWO_WORDS = "two_words"
    TOO_LONG = "too_long"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in which cell."""

    row: int
    column: str
    value: str
    why: Why


@dataclass(frozen=True, slots=True)
class Home:
    """A home as it is: ``people`` in their order."""

    slug: str
    place: str
    attributes: Values
    people: tuple[Person, ...] = ()
    entry: str = ""

    @property
    def facts(self) -> Values:
        """What a file may say of the home itself."""
        return {name: self.attributes.get(name) for name in FACTS} | {"entry": self.entry}

    def find(self, kind: str, name: str) -> Person | None:
        """Find somebody."""
        return next((p for p in self.people if (p.kind, p.name) == (kind, name)), None)


@dataclass(frozen=True, slots=True)
class Known:
    """What a file may name: homes by slug, and places by slug and by label (several alike)."""

    homes: Mapping[str, Home]
    places: Mapping[str, tuple[str, ...]]
    today: date

    def at(self, place: str) -> tuple[Home, ...]:
        """Give the homes at a place."""
        return tuple(home for home in self.homes.values() if home.place == place)


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one: ``before`` and ``after`` hold the values that differ."""

    what: What
    home: str
    kind: str
    name: str
    before: Values
    after: Values
    row: int | None = None


@dataclass(slots=True)
class Wanted:
    """A home as the file wants it."""

    slug: str
    place: str
    is_new: bool
    facts: dict[str, bool | str] = field(default_factory=dict)
    people: list[tuple[Person, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a file would change, or what is wrong with it."""

    changes: tuple[Change, ...]
    faults: tuple[Fault, ...]
    homes: tuple[Home, ...]
    """The homes named, as they would be."""


def plan(rows: Sequence[Row], known: Known, *, exactly: bool) -> Plan:
    """Work out what a file would change.

    Whoever is not named stays, unless ``exactly``: then the homes named have exactly the
    people named. Homes not named stay as they are in any case. An empty cell says nothing: what
    is known stays.
    """
    wanted: dict[str, Wanted] = {}
    faults: list[Fault] = []
    for row in rows:
        _take(row, known, wanted, faults)
    homes, changes = [], []
    for each in wanted.values():
        before = known.homes.get(each.slug) or Home(each.slug, each.place, {})
        after = _after(before, each, exactly=exactly)
        homes.append(after)
        changes += _changes(before, after, each)
    return Plan(tuple(changes), tuple(faults), tuple(homes))


class _UnreadableError(Exception):
    def __init__(self, column: str, why: Why) -> None:
        self.column, self.why = column, why


def _take(row: Row, known: Known, wanted: dict[str, Wanted], faults: list[Fault]) -> None:
    try:
        home = _home(row, known, wanted)
        person = _person(row, known.today)
        _facts(row, home)
        _can_be_called(person, known.homes.get(home.slug))
    except _UnreadableError as error:
        faults.append(Fault(row.number, error.column, row[error.column], error.why))
        return
    if any((p.kind, p.name) == (person.kind, person.name) for p, _ in home.people):
        faults.append(Fault(row.number, "name", person.name, Why.TWICE))
        return
    home.people.append((person, row.number))


def _home(row: Row, known: Known, wanted: dict[str, Wanted]) -> Wanted:
    slug, place = cells.plain(row["home"]), cells.plain(row["place"])
    places = known.places.get(place, ())
    if place and len(places) != 1:
        raise _UnreadableError("place", Why.PLACE_OF_SEVERAL if places else Why.NO_SUCH_PLACE)
    if not slug:
        slug = _home_at(places, known)
    elif slug not in known.homes:
        raise _UnreadableError("home", Why.NO_SUCH_HOME)
    there = known.homes.get(slug)
    if there is not None and places and there.place != places[0]:
        raise _UnreadableError("place", Why.HOME_ELSEWHERE)
    at = there.place if there is not None else places[0]
    return wanted.setdefault(slug, Wanted(slug, at, is_new=there is None))


def _home_at(places: Sequence[str], known: Known) -> str:
    """Find the home at a place, or name a new one."""
    if not places:
        raise _UnreadableError("place", Why.NO_HOME)
    there = known.at(places[0])
    if len(there) > 1:
        raise _UnreadableError("home", Why.PLACE_OF_SEVERAL)
    return there[0].slug if there else f"h-{places[0]}"


_LONGEST = {"name": 64, "relation": 32, "health": 500, "entry": 300}


def _person(row: Row, today: date) -> Person:
    kind = cells.KINDS.get(cells.plain(row["kind"]).lower())
    if kind is None:
        raise _UnreadableError("kind", Why.NO_KIND)
    name = cells.plain(row["name"])
    if not name:
        raise _UnreadableError("name", Why.NO_NAME)
    for column, most in _LONGEST.items():
        if len(row[column]) > most:
            raise _UnreadableError(column, Why.TOO_LONG)
    if kind == "resident":
        values: Values = {
            "born_on": _read(row, "born_on", cells.day, Why.NO_DAY),
            "elder": _read(row, "elder", cells.yes_or_no, Why.NOT_YES_OR_NO),
            "health": cells.plain(row["health"]) or None,
        }
        if values["born_on"] is not None and values["born_on"] > today:
            raise _UnreadableError("born_on", Why.NOT_BORN)
    else:
        values = {
            "relation": cells.plain(row["relation"]) or None,
            "phone": _read(row, "phone", cells.phone, Why.NO_PHONE),
            "has_key": _read(row, "has_key", cells.yes_or_no, Why.NOT_YES_OR_NO),
        }
    return Person(kind, name, {k: v for k, v in values.items() if v is not None})


def _read(row: Row, column: str, read: Callable[[str], Any], why: Why) -> Any:
    if not row[column]:
        return None
    try:
        return read(row[column])
    except ValueError:
        raise _UnreadableError(column, why) from None


def _facts(row: Row, home: Wanted) -> None:
    said = {name: _read(row, name, cells.yes_or_no, Why.NOT_YES_OR_NO) for name in FACTS}
    said["entry"] = cells.plain(row["entry"]) or None
    for name, value in said.items():
        if value is not None and home.facts.setdefault(name, value) != value:
            raise _UnreadableError(name, Why.TWO_WORDS)


def _can_be_called(person: Person, home: Home | None) -> None:
    """Refuse a new contact without a number."""
    is_new = home is None or home.find(person.kind, person.name) is None
    if is_new and person.kind == "contact" and "phone" not in person.values:
        raise _UnreadableError("phone", Why.NO_PHONE)


_UNKNOWN: Mapping[str, Values] = {
    "resident": {"born_on": None, "elder": False, "health": ""},
    "contact": {"relation": "", "phone": "", "has_key": False},
}


def _after(before: Home, wanted: Wanted, *, exactly: bool) -> Home:
    named = [
        Person(
            said.kind,
            said.name,
            _UNKNOWN[said.kind]
            | (known.values if (known := before.find(said.kind, said.name)) else {})
            | said.values,
        )
        for said, _ in wanted.people
    ]
    facts = {name: said for name, said in wanted.facts.items() if name in FACTS}
    return Home(
        before.slug,
        before.place,
        before.attributes | facts,
        tuple(named if exactly else _merged(before.people, named)),
        str(wanted.facts.get("entry", before.entry)),
    )


def _merged(there: Iterable[Person], named: Sequence[Person]) -> list[Person]:
    """Keep whoever is there in their order, unless all of a kind are named: then in the file's."""
    by_name = {(p.kind, p.name): p for p in named}
    merged: list[Person] = []
    for kind in _UNKNOWN:
        old = [p for p in there if p.kind == kind]
        new = [p for p in named if p.kind == kind]
        if {p.name for p in old} <= {p.name for p in new}:
            merged += new
            continue
        merged += [by_name.get((p.kind, p.name), p) for p in old]
        merged += [p for p in new if p.name not in {o.name for o in old}]
    return merged


def _changes(before: Home, after: Home, wanted: Wanted) -> list[Change]:
    rows = {(p.kind, p.name): number for p, number in wanted.people}
    facts = before.facts, after.facts
    found = [_change(before.slug, "home", "", *facts, is_new=wanted.is_new)]
    for person in after.people:
        known = before.find(person.kind, person.name)
        values = (known.values if known else {}, person.values)
        at = rows.get((person.kind, person.name))
        found.append(
            _change(before.slug, person.kind, person.name, *values, is_new=known is None, row=at)
        )
    found += [
        Change(What.GONE, before.slug, p.kind, p.name, p.values, {})
        for p in before.people
        if after.find(p.kind, p.name) is None
    ]
    order = [[p.name for p in home.people if p.kind == "contact"] for home in (before, after)]
    if order[0] != order[1] and set(order[0]) == set(order[1]):
        said = {"order": " → ".join(order[0])}, {"order": " → ".join(order[1])}
        found.append(Change(What.CHANGED, before.slug, "contact", "", *said))
    return found


def _change(
    home: str,
    kind: str,
    name: str,
    before: Values,
    after: Values,
    *,
    is_new: bool,
    row: int | None = None,
) -> Change:
    differs = [key for key in after if before.get(key) != after[key]]
    known = What.CHANGED if differs else What.SAME
    return Change(
        What.NEW if is_new else known,
        home,
        kind,
        name,
        {} if is_new else {key: before.get(key) for key in differs},
        {key: after[key] for key in differs},
        row,
    )
