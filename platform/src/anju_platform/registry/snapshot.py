"""The registry as ingest needs it: one look-up per reading, no query."""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy.orm import Session

from anju_devices.catalog import model
from anju_devices.errors import UnknownModelError
from anju_devices.model import DeviceModel
from anju_platform.errors import DatabaseUnavailableError
from anju_platform.registry import repository
from anju_platform.registry.model import Community, Device, Place
from anju_platform.registry.site import Site
from anju_rules.operators.schedule import Calendar, Schedule

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class KnownDevice:
    """An approved device with all that evaluating its readings needs.

    ``entities`` maps ``device``, ``place``, ``gate``, ``household``, ``person``, ``gateway`` to
    slugs, where there are any; ``fields`` maps a field's name to its number in the time series.
    """

    id: int
    community_id: int
    gateway_id: int
    place_id: int | None
    household_id: int | None
    slug: str
    model: DeviceModel
    attributes: Mapping[str, Any]
    person: Mapping[str, Any]
    entities: Mapping[str, str]
    fields: Mapping[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class KnownGateway:
    """A gateway with its devices by slug; of ``stopped`` ones nothing is taken in."""

    id: int
    community_id: int
    community: str
    slug: str
    place_id: int | None
    entities: Mapping[str, str]
    devices: dict[str, KnownDevice]
    stopped: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, eq=False)
class KnownCommunity:
    """A community with its gateways and devices by slug."""

    id: int
    slug: str
    timezone: str
    gateways: dict[str, KnownGateway] = field(default_factory=dict)
    devices: dict[str, KnownDevice] = field(default_factory=dict)
    holidays: frozenset[date] = frozenset()
    armed: Calendar | None = None

    def is_armed(self, at: int) -> bool:
        """Tell whether zones are armed at a moment (epoch ms); always, where no hours are set."""
        return self.armed is None or self.armed.is_open(at)


@dataclass(frozen=True, slots=True, eq=False)
class Registry:
    """What there was when it was loaded; load it again when told that it changed."""

    communities: Mapping[int, KnownCommunity]
    by_slug: Mapping[str, KnownCommunity]

    def gateway(self, community: str, slug: str) -> KnownGateway | None:
        """Find a gateway by the two ids its topics name."""
        known = self.by_slug.get(community)
        return known.gateways.get(slug) if known else None

    def gateways(self) -> dict[int, KnownGateway]:
        """Give every gateway by its number."""
        return {g.id: g for known in self.communities.values() for g in known.gateways.values()}


def load(session: Session, only: Collection[int] | None = None) -> Registry:
    """Read the registry of all communities, or some.

    Devices of models this release does not know are left out.
    """
    communities = {c.id: _known_community(c) for c in repository.communities(session, only)}
    gateways: dict[int, KnownGateway] = {}
    for gateway, place in repository.gateways(session, only):
        community = communities[gateway.community_id]
        entities = {"device": gateway.slug, "gateway": gateway.slug}
        if place:
            entities["place"] = place
        known = KnownGateway(
            gateway.id,
            community.id,
            community.slug,
            gateway.slug,
            gateway.place_id,
            entities,
            {},
        )
        gateways[gateway.id] = community.gateways[gateway.slug] = known
    fields = repository.field_ids(session)
    site = Site(repository.places(session, only))
    for device, where, household, person in repository.devices(session, only):
        speaker = gateways[device.gateway_id]
        if device.state == "stopped":
            speaker.stopped.add(device.slug)
        if device.state != "approved":
            continue
        one = known_device(
            device, where, household, person, gateway=speaker.slug, fields=fields, site=site
        )
        if one is not None:
            speaker.devices[device.slug] = one
            communities[device.community_id].devices[device.slug] = one
    return Registry(communities, {c.slug: c for c in communities.values()})


def _known_community(community: Community) -> KnownCommunity:
    holidays = frozenset(date.fromisoformat(day) for day in community.holidays)
    return KnownCommunity(
        community.id,
        community.slug,
        community.timezone,
        holidays=holidays,
        armed=armed_hours(community.armed, community.timezone, holidays),
    )


def armed_hours(
    armed: Mapping[str, Any] | None, timezone: str, holidays: frozenset[date]
) -> Calendar | None:
    """Give the hours in which zones are armed; nothing for always."""
    if armed is None:
        return None
    return Calendar(msgspec.convert(armed, Schedule), ZoneInfo(timezone), holidays)


def known_device(
    device: Device,
    place: Place,
    household: str | None,
    person: Mapping[str, Any] | None,
    *,
    gateway: str,
    fields: Mapping[tuple[str, str], int],
    site: Site,
) -> KnownDevice | None:
    """Join a device with its place and home; nothing if this release does not know its model."""
    try:
        kind = model(device.model)
    except UnknownModelError as error:
        log.error("device %s is left out: %s", device.slug, error)  # noqa: TRY400 - says it all
        return None
    entities = {
        "device": device.slug,
        "place": place.slug,
        "gate": site.gate(place),
        "gateway": gateway,
    }
    if household:
        entities["household"] = household
    wearer = device.attributes.get("wearer") or (person and person.get("lives_alone") and household)
    if wearer:
        entities["person"] = str(wearer)
    return KnownDevice(
        id=device.id,
        community_id=device.community_id,
        gateway_id=device.gateway_id,
        place_id=device.place_id,
        household_id=device.household_id,
        slug=device.slug,
        model=kind,
        attributes=_attributes(device, kind) | _spot(device, place, site),
        person={**place.attributes, **(person or {}), "place_kind": place.kind},
        entities=entities,
        fields=_numbers(kind, fields),
    )


def _numbers(kind: DeviceModel, fields: Mapping[tuple[str, str], int]) -> dict[str, int]:
    try:
        return {f.name: fields[kind.name, f.name] for f in kind.fields}
    except KeyError as error:
        raise DatabaseUnavailableError(
            f"the database does not know the field {'.'.join(error.args[0])}; run: anju migrate"
        ) from error


def _spot(device: Device, place: Place, site: Site) -> dict[str, float]:
    """Give ``d.x`` and ``d.y``: the device's own metres on the plan, else its place's."""
    if device.x is not None and device.y is not None:
        return {"x": device.x, "y": device.y}
    return site.spot(place)


def _attributes(device: Device, kind: DeviceModel) -> dict[str, Any]:
    """Give ``d.*``: the device's own attributes and how often it should speak."""
    interval_s = device.interval_s or kind.interval_s
    return {**device.attributes, "interval_s": interval_s, "life_safety": kind.life_safety}
