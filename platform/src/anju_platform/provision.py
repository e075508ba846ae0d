"""Bring a community into the database from its file: places, gateways, homes, devices."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from sqlalchemy import func
from sqlalchemy.orm import Session

from anju_devices.catalog import MODELS
from anju_devices.messages import Id
from anju_platform.auth.model import Role
from anju_platform.consent import repository as consent
from anju_platform.consent.stopping import heed
from anju_platform.database import Json, now
from anju_platform.errors import InvalidRequestError
from anju_platform.notifications.listing import forget_gone_phones
from anju_platform.people import repository as people
from anju_platform.people.model import AWAY, Household
from anju_platform.people.schemas import Person
from anju_platform.registry import repository
from anju_platform.registry.credentials import hash_secret, new_secret
from anju_platform.registry.model import Community, Device, Gateway, Place
from anju_platform.sharing.model import EVERYBODY, OF_NOBODY, Consent, How, Purpose
from anju_rules.operators.schedule import Schedule


class CommunityHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The community itself.

    ``holidays`` are days that schedules of rules may heed; ``armed`` are the hours in which
    its zones are armed, always where none are given. ``desk_phone`` is where families call,
    ``address`` what an ambulance is told.
    """

    slug: Id
    name: str
    name_en: str
    timezone: str = "Asia/Shanghai"
    plan: dict[str, Any] = {}
    holidays: tuple[date, ...] = ()
    armed: Schedule | None = None
    desk_phone: str = ""
    address: str = ""


class PlaceEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place; its parent stands before it in the file."""

    slug: Id
    kind: str
    label: str
    label_en: str
    parent: Id | None = None
    x: float | None = None
    y: float | None = None
    attributes: dict[str, Any] = {}


class GatewayEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A gateway."""

    slug: Id
    name: str
    name_en: str
    place: Id | None = None


class ResidentEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person of a household."""

    name: str
    born_on: date | None = None
    elder: bool = False
    health: str = ""


class ContactEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to call, first one first."""

    name: str
    relation: str
    phone: str
    has_key: bool = False


class ConsentEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What whoever lives in a home agreed to when it was set up: each viewer for each purpose.

    ``viewers`` are roles, or ``everybody`` for ``statistics``; ``sensors`` as in
    :class:`~anju_platform.sharing.model.Consent`.
    """

    viewers: list[str]
    purposes: list[Purpose]
    sensors: str = "all"
    until: date | None = None
    how: How = How.WRITTEN
    note: str = ""


class HouseholdEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A home; what nobody agreed to in ``consents`` is not shared, but in an emergency."""

    slug: Id
    place: Id
    attributes: dict[str, Any] = {}
    entry: str = ""
    residents: list[ResidentEntry] = []
    contacts: list[ContactEntry] = []
    consents: list[ConsentEntry] = []


class DeviceEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A device."""

    slug: Id
    model: str
    gateway: Id
    place: Id
    name: str
    name_en: str
    household: Id | None = None
    attributes: dict[str, Any] = {}
    interval_s: int | None = None


class CommunityFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    community: CommunityHead
    places: list[PlaceEntry]
    gateways: list[GatewayEntry]
    devices: list[DeviceEntry]
    households: list[HouseholdEntry] = []


def import_community(session: Session, document: Mapping[str, Any]) -> dict[str, str]:
    """Create or update a community from its file; gives the secrets of new gateways by slug.

    It may be repeated: what is there is brought up to date, what the file does not name
    stays, and secrets of gateways that exist do not change.

    Raises:
        InvalidRequestError: the file does not have the expected shape, or names something
            that is not in it; the text says where.
    """
    file = read_community(document)
    community_id = _head(session, file.community)
    places = _places(session, community_id, file.places)
    gateways, secrets = _gateways(session, community_id, file.gateways, places)
    gateways = {
        g.slug: g.id for g, _ in repository.gateways(session) if g.community_id == community_id
    }
    households = _households(session, community_id, file.households, places)
    known = {"place": places, "gateway": gateways, "household": households}
    _devices(session, community_id, [*file.devices, *selves(file)], known)
    _consents(session, community_id, file, households)
    return secrets


def selves(file: CommunityFile) -> list[DeviceEntry]:
    """Give each gateway the device that stands for itself, unless the file does."""
    named = {device.slug for device in file.devices}
    return [
        DeviceEntry(
            slug=g.slug,
            model="gateway",
            gateway=g.slug,
            place=g.place,
            name=g.name,
            name_en=g.name_en,
        )
        for g in file.gateways
        if g.place is not None and g.slug not in named
    ]


def read_community(document: Mapping[str, Any]) -> CommunityFile:
    """Check the shape of a community file.

    Raises:
        InvalidRequestError: it does not have it; the text says where.
    """
    try:
        file = msgspec.convert(document, CommunityFile)
        ZoneInfo(file.community.timezone)
    except msgspec.ValidationError as error:
        raise InvalidRequestError(f"not a community file: {error}") from error
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise InvalidRequestError(
            f"{file.community.timezone!r} is not a time zone such as Asia/Shanghai"
        ) from error
    for name, entries in (
        ("places", file.places),
        ("gateways", file.gateways),
        ("households", file.households),
        ("devices", file.devices),
    ):
        _refuse_twins(name, [entry.slug for entry in entries])
    return file


def _refuse_twins(name: str, slugs: list[str]) -> None:
    if len(set(slugs)) < len(slugs):
        twin = next(slug for slug in slugs if slugs.count(slug) > 1)
        raise InvalidRequestError(f"{name}: {twin!r} is there twice")


def _find(known: Mapping[str, int], slug: str, where: str) -> int:
    if slug not in known:
        raise InvalidRequestError(f"{where}: {slug!r} is not in the file")
    return known[slug]


def _head(session: Session, head: CommunityHead) -> int:
    community = repository.community(session, head.slug)
    if community is None:
        community = Community(slug=head.slug)
        session.add(community)
    community.name, community.name_en = head.name, head.name_en
    community.timezone, community.plan = head.timezone, head.plan
    community.holidays = sorted(day.isoformat() for day in head.holidays)
    community.desk_phone, community.address = head.desk_phone, head.address
    community.armed = msgspec.to_builtins(head.armed) if head.armed else None
    session.flush()
    return community.id


def _places(session: Session, community_id: int, entries: Iterable[PlaceEntry]) -> dict[str, int]:
    entries = list(entries)
    rows: list[Json] = [
        {
            "community_id": community_id,
            "slug": p.slug,
            "kind": p.kind,
            "label": p.label,
            "label_en": p.label_en,
            "x": p.x,
            "y": p.y,
            "attributes": p.attributes,
        }
        for p in entries
    ]
    ids = repository.upsert(session, Place, rows)
    repository.set_parents(
        session,
        [
            {
                "id": ids[p.slug],
                "parent_id": _find(ids, p.parent, f"parent of place {p.slug}")
                if p.parent
                else None,
            }
            for p in entries
        ],
    )
    return ids


def _gateways(
    session: Session, community_id: int, entries: Iterable[GatewayEntry], places: Mapping[str, int]
) -> tuple[dict[str, int], dict[str, str]]:
    known = repository.known_gateways(session, community_id)
    entries = list(entries)
    secrets = {g.slug: new_secret() for g in entries if g.slug not in known}
    rows: list[Json] = [
        {
            "community_id": community_id,
            "place_id": _find(places, g.place, f"place of gateway {g.slug}") if g.place else None,
            "slug": g.slug,
            "name": g.name,
            "name_en": g.name_en,
            "secret_hash": hash_secret(secrets[g.slug]) if g.slug in secrets else "",
            "online": False,
        }
        for g in entries
    ]
    ids = repository.upsert(session, Gateway, rows, keep=("secret_hash", "online"))
    return ids, secrets


def _households(
    session: Session,
    community_id: int,
    entries: Iterable[HouseholdEntry],
    places: Mapping[str, int],
) -> dict[str, int]:
    entries = list(entries)
    there = people.households(session, community_id, for_update=True)
    away = {home.slug: home.attributes for home in there}
    rows: list[Json] = [
        {
            "community_id": community_id,
            "place_id": _find(places, h.place, f"place of household {h.slug}"),
            "slug": h.slug,
            # what a family declared stays, though no file knows of it
            "attributes": {k: v for k, v in away.get(h.slug, {}).items() if k in AWAY}
            | h.attributes,
            "entry": h.entry,
        }
        for h in entries
    ]
    ids = repository.upsert(session, Household, rows)
    for home in entries:
        people.write(session, community_id, ids[home.slug], _people(home))
    forget_gone_phones(session, ids.values(), now())
    return ids


def _people(home: HouseholdEntry) -> list[Person]:
    residents = [
        Person("resident", r.name, {"born_on": r.born_on, "elder": r.elder, "health": r.health})
        for r in home.residents
    ]
    contacts = [
        Person("contact", c.name, {"relation": c.relation, "phone": c.phone, "has_key": c.has_key})
        for c in home.contacts
    ]
    return residents + contacts


def _devices(
    session: Session,
    community_id: int,
    entries: Iterable[DeviceEntry],
    known: Mapping[str, Mapping[str, int]],
) -> None:
    rows: list[Json] = []
    for d in entries:
        if d.model not in MODELS:
            raise InvalidRequestError(f"device {d.slug}: no model {d.model!r} in the catalogue")
        wanted = {"gateway": d.gateway, "place": d.place, "household": d.household}
        ids = {
            kind: _find(known[kind], slug, f"{kind} of device {d.slug}")
            for kind, slug in wanted.items()
            if slug is not None
        }
        rows.append(
            {
                "community_id": community_id,
                "gateway_id": ids["gateway"],
                "place_id": ids["place"],
                "household_id": ids.get("household"),
                "slug": d.slug,
                "model": d.model,
                "name": d.name,
                "name_en": d.name_en,
                "attributes": d.attributes,
                "interval_s": d.interval_s,
                "state": "approved",
                "created_at": now(),
            }
        )
    repository.upsert(session, Device, rows, keep=("state", "created_at"))


def _consents(
    session: Session, community_id: int, file: CommunityFile, homes: Mapping[str, int]
) -> None:
    """Write down what was agreed to; of what somebody said anything the file says nothing."""
    known = consent.known_keys(session, homes.values())
    zone = ZoneInfo(file.community.timezone)
    for home in file.households:
        people = [one.name for one in home.residents if one.elder]
        people = people or [one.name for one in home.residents][:1] or [""]
        for entry, person, viewer, purpose in _words(home, people):
            key = (homes[home.slug], person, entry.sensors, viewer, purpose.value)
            if key in known:
                continue
            known.add(key)
            session.add(
                Consent(
                    community_id=community_id,
                    **dict(zip(consent.KEY, key, strict=True)),
                    given=True,
                    begins_at=func.now(),
                    ends_at=_end_of(entry.until, zone),
                    given_by=person,
                    how=entry.how.value,
                    note=entry.note,
                    recorded_at=func.now(),
                    recorded_by=None,
                )
            )
    session.flush()
    heed(session, community_id)


def _words(
    home: HouseholdEntry, people: Iterable[str]
) -> Iterator[tuple[ConsentEntry, str, str, Purpose]]:
    for entry, person in product(home.consents, people):
        for viewer, purpose in product(entry.viewers, entry.purposes):
            of_nobody = purpose in OF_NOBODY
            if (viewer == EVERYBODY) is not of_nobody or (
                not of_nobody and viewer not in set(Role)
            ):
                raise InvalidRequestError(
                    f"consents of household {home.slug}: {viewer!r} does not go with {purpose}"
                )
            yield entry, person, viewer if of_nobody else f"role:{viewer}", purpose


def _end_of(day: date | None, zone: ZoneInfo) -> datetime | None:
    """Give the end of a day on the site."""
    return datetime.combine(day, time.max, zone) if day is not None else None
