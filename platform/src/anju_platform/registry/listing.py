"""SQL of the registry as people read it: devices with their state, places, the plan."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    DateTime,
    Float,
    Select,
    and_,
    any_,
    bindparam,
    case,
    cast,
    column,
    func,
    literal,
    or_,
    select,
    table,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased
from sqlalchemy.sql.selectable import LateralFromClause

from anju_devices.catalog import MODELS
from anju_devices.model import DeviceModel, Field, Text
from anju_platform.auth.actor import Actor
from anju_platform.database import from_millis, now
from anju_platform.errors import InvalidRequestError, NotFoundError, Phrase
from anju_platform.paging import AT_ONCE, By, Column, Order
from anju_platform.registry import privacy
from anju_platform.registry.model import Community, Device, Gateway, Place
from anju_platform.registry.schemas import (
    CommunityView,
    DeviceCounts,
    DeviceDetail,
    DeviceFilter,
    DevicePage,
    DeviceRow,
    DeviceSort,
    DeviceStatus,
    FieldView,
    GatewayView,
    PlaceView,
)

Position: TypeAlias = tuple[float | None, float | None]

FLAT_BELOW = 20
"""Battery, in %, under which a device is flat."""

_UNKNOWN_MODEL = DeviceModel(name="", title=Text("?", "?"), icon="device", interval_s=3600)
_RANK = {status: rank for rank, status in enumerate(DeviceStatus)}
_AT_WORK = tuple(s for s in DeviceStatus if s is not DeviceStatus.RETIRED)

# What devices last said belongs to telemetry, above: its columns are read by name.
_states = table(
    "device_states",
    column("device_id"),
    column("last_seen_at", DateTime(timezone=True)),
    column("latest", JSONB),
)
_last_seen = _states.c.last_seen_at
_battery = cast(_states.c.latest[("battery", "0")].astext, Float)
_rssi = cast(_states.c.latest[("rssi", "0")].astext, Float)
reporting_interval_s = func.coalesce(
    Device.interval_s,
    case(
        {name: model.interval_s for name, model in MODELS.items()} or {"": 0},
        value=Device.model,
        else_=_UNKNOWN_MODEL.interval_s,
    ),
)
"""SQL: after how many seconds a device speaks again, by itself or as its model does."""


def _status(moment: datetime) -> ColumnElement[str]:
    silent_since = literal(moment) - 2 * reporting_interval_s * literal(timedelta(seconds=1))
    return case(
        (Device.state == "retired", DeviceStatus.RETIRED.value),
        (Device.state == "stopped", DeviceStatus.STOPPED.value),
        (
            or_(_last_seen.is_(None), Gateway.online.is_(False)),
            DeviceStatus.UNKNOWN.value,
        ),
        (func.greatest(_last_seen, Gateway.status_at) < silent_since, DeviceStatus.SILENT.value),
        # its gateway is just back: whether it still speaks will show
        (_last_seen < silent_since, DeviceStatus.UNKNOWN.value),
        (_battery < FLAT_BELOW, DeviceStatus.FLAT.value),
        else_=DeviceStatus.OK.value,
    )


def _joined(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    return (
        query.select_from(Device)
        .join(Place, Place.id == Device.place_id)
        .join(Gateway, Gateway.id == Device.gateway_id)
        .outerjoin(_states, _states.c.device_id == Device.id)
    )


def _rows(status: ColumnElement[str]) -> Select[*tuple[Any, ...]]:
    columns = (Device, Place, Gateway.slug, status.label("status"), _last_seen, _battery, _rssi)
    return _joined(select(*columns, reporting_interval_s))


def _row(found: Sequence[Any]) -> DeviceRow:
    device, place, gateway, status, last_seen, battery, rssi, interval_s = found
    model = MODELS.get(device.model, _UNKNOWN_MODEL)
    return DeviceRow(
        slug=device.slug,
        model=device.model,
        model_title=model.title.zh,
        model_title_en=model.title.en,
        icon=model.icon,
        life_safety=model.life_safety,
        name=device.name,
        name_en=device.name_en,
        place=place.label,
        place_en=place.label_en,
        place_slug=place.slug,
        gateway=gateway,
        household=device.household_id is not None,
        status=status,
        last_seen_at=last_seen,
        interval_s=interval_s,
        battery=battery,
        rssi=rssi,
    )


def devices(
    session: Session,
    community_id: int,
    wanted: DeviceFilter | None = None,
    *,
    sort: DeviceSort = DeviceSort.STATUS,
    descending: bool = False,
    page: int = 1,
    size: int = 50,
    after: str | None = None,
) -> DevicePage:
    """Give one page of the devices that match; by default silent, flat and unknown first.

    ``after`` a page's ``next`` come those that follow it; then ``page`` is 1. ``counts`` is by
    status over all that match the rest of the filter.

    Raises:
        InvalidRequestError: ``after`` is no position in this order.
    """
    wanted = wanted or DeviceFilter()
    status = _status(now())
    conditions = _conditions(community_id, wanted)
    by_status = dict.fromkeys(DeviceStatus, 0)
    tally = _joined(select(status, func.count())).where(*conditions).group_by(status)
    by_status.update({DeviceStatus(name): n for name, n in session.execute(tally)})
    shown = wanted.status or _AT_WORK
    query = _shown(status, conditions, shown).offset((page - 1) * size if after is None else 0)
    order = _order(status, sort, descending=descending)
    found = order.part(session, query, after=after, limit=size)
    return DevicePage(
        rows=tuple(_row(each) for each in found.rows),
        next=found.next,
        total=sum(by_status[s] for s in shown),
        page=page,
        size=size,
        counts=by_status,
    )


def _shown(
    status: ColumnElement[str],
    conditions: list[ColumnElement[bool]],
    shown: Iterable[DeviceStatus],
) -> Select[*tuple[Any, ...]]:
    return _rows(status).where(*conditions, status.in_([s.value for s in shown]))


def _conditions(community_id: int, wanted: DeviceFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [Device.community_id == community_id]
    if wanted.model:
        found.append(Device.model.in_(wanted.model))
    if wanted.gateway is not None:
        found.append(Gateway.slug == wanted.gateway)
    if wanted.place is not None:
        top = select(Place.id).where(Place.community_id == community_id, Place.slug == wanted.place)
        found.append(Device.place_id.in_(below(top)))
    if wanted.text:
        texts = (Device.name, Device.name_en, Device.slug, Place.label, Place.label_en)
        found.append(or_(*(t.icontains(wanted.text, autoescape=True) for t in texts)))
    return found


def below(tops: Select[int]) -> Select[int]:
    """Build the ids of places and of all that lies in them."""
    down = tops.cte("down", recursive=True)
    down = down.union(select(Place.id).join(down, Place.parent_id == down.c.id))
    return select(down.c.id)


def _order(status: ColumnElement[str], sort: DeviceSort, *, descending: bool) -> Order:
    key: dict[DeviceSort, Column] = {
        DeviceSort.STATUS: case({s.value: rank for s, rank in _RANK.items()}, value=status),
        DeviceSort.SLUG: Device.slug,
        DeviceSort.NAME: func.lower(Device.name),
        DeviceSort.PLACE: func.lower(Place.label),
        DeviceSort.MODEL: func.lower(Device.model),
        DeviceSort.LAST_SEEN: _last_seen + timedelta(0),
        DeviceSort.BATTERY: _battery,
        DeviceSort.RSSI: _rssi,
    }
    return Order(sort, By(key[sort], descending), By(Device.slug))


def standing(session: Session, community_id: int) -> list[tuple[Device, DeviceRow]]:
    """Give every device at work, with its row, in the order in which they were added."""
    query = _rows(_status(now())).where(
        Device.community_id == community_id, Device.state == "approved"
    )
    return [(found[0], _row(found)) for found in session.execute(query.order_by(Device.id))]


def device_rows(
    session: Session, community_id: int, wanted: DeviceFilter | None, after: str | None
) -> tuple[list[DeviceRow], str | None]:
    """Give a part of all devices that match, by slug, for an export (``whole_table``)."""
    wanted, status = wanted or DeviceFilter(), _status(now())
    query = _shown(status, _conditions(community_id, wanted), wanted.status or _AT_WORK)
    order = _order(status, DeviceSort.SLUG, descending=False)
    found = order.part(session, query, after=after, limit=AT_ONCE)
    return [_row(each) for each in found.rows], found.next


def home_devices(session: Session, household_id: int, at: datetime) -> tuple[DeviceRow, ...]:
    """Give what stands in a home, those a life may hang on first."""
    of_home = (Device.household_id == household_id, Device.state != "retired")
    query = _rows(_status(at)).where(*of_home).order_by(Device.slug)
    rows = [_row(found) for found in session.execute(query)]
    return tuple(sorted(rows, key=lambda row: not row.life_safety))


def devices_at(session: Session, community_id: int, place: str) -> tuple[DeviceRow, ...]:
    """Give what stands at a place itself, not in those below it."""
    here = (Device.community_id == community_id, Place.slug == place, Device.state == "approved")
    query = _rows(_status(now())).where(*here).order_by(Device.slug)
    return tuple(_row(found) for found in session.execute(query))


def device_counts(session: Session, community_id: int) -> DeviceCounts:
    """Count devices by what can be said of them; nothing is expected of those left out."""
    status = _status(now())
    tally = _joined(select(status, func.count())).where(Device.community_id == community_id)
    found = {DeviceStatus(name): n for name, n in session.execute(tally.group_by(status))}
    for left_out in (DeviceStatus.STOPPED, DeviceStatus.RETIRED):
        found.pop(left_out, None)
    ok, flat = found.get(DeviceStatus.OK, 0), found.get(DeviceStatus.FLAT, 0)
    return DeviceCounts(
        total=sum(found.values()),
        online=ok + flat,
        silent=found.get(DeviceStatus.SILENT, 0),
        flat=flat,
        unknown=found.get(DeviceStatus.UNKNOWN, 0),
    )


def find_device(session: Session, community_id: int, slug: str, *, lock: bool = False) -> Device:
    """Find a device of a community; locked, nobody else changes it meanwhile.

    Raises:
        NotFoundError: there is none.
    """
    query = select(Device).where(Device.community_id == community_id, Device.slug == slug)
    if lock:
        query = query.with_for_update(key_share=True)
    device = session.scalars(query).one_or_none()
    if device is None:
        raise NotFoundError("there is no device {slug!r}", slug=slug)
    return device


def successor(session: Session, device: Device) -> str | None:
    """Give the slug of the device that replaced one, if any did."""
    return session.scalar(select(Device.slug).where(Device.replaces_id == device.id).limit(1))


def device_detail(session: Session, actor: Actor, slug: str) -> DeviceDetail:
    """Give all about one device, without the values that are not shared with its reader.

    A home's device is care data: reading it is audited, so call this in a transaction.

    Raises:
        NotFoundError: no such device in the actor's community.
    """
    device = find_device(session, actor.community_id, slug)
    grounds = privacy.device_grounds(session, actor, device)
    model = MODELS.get(device.model, _UNKNOWN_MODEL)
    hidden = [f.name for f in model.fields if privacy.is_withheld(actor, f.name, grounds)]
    shown = [f for f in model.fields if privacy.may_read(actor, f.name, grounds)]
    reason = privacy.reason_of(grounds, {f.name for f in shown})
    privacy.note_reading(session, actor, device, reason)
    found = session.execute(_rows(_status(now())).where(Device.id == device.id)).one()
    query = select(_states.c.latest).where(_states.c.device_id == device.id)
    latest: dict[str, Any] = session.scalar(query) or {}
    gateway = session.get_one(Gateway, device.gateway_id)
    return DeviceDetail(
        device=_row(found),
        fields=_fields(shown, latest),
        not_shared=tuple(hidden),
        attributes=device.attributes,
        gateway_name=gateway.name,
        gateway_name_en=gateway.name_en,
        gateway_online=gateway.online,
        created_at=device.created_at,
        replaces=session.get_one(Device, device.replaces_id).slug if device.replaces_id else None,
        replaced_by=successor(session, device),
    )


def _fields(shown: Iterable[Field], latest: dict[str, Any]) -> tuple[FieldView, ...]:
    views = []
    for field in shown:
        value, at = latest.get(field.name, (None, None))
        views.append(
            FieldView(
                name=field.name,
                title=field.title.zh,
                title_en=field.title.en,
                unit=field.unit,
                kind=field.kind,
                options=field.options,
                minimum=field.minimum,
                maximum=field.maximum,
                value=value,
                at=from_millis(at) if at is not None else None,
            )
        )
    return tuple(views)


def community(session: Session, community_id: int) -> CommunityView:
    """Give the community a screen is about.

    Raises:
        NotFoundError: there is none.
    """
    found = session.get(Community, community_id)
    if found is None:
        raise NotFoundError("there is no such community")
    return CommunityView(
        id=found.id,
        slug=found.slug,
        name=found.name,
        name_en=found.name_en,
        timezone=found.timezone,
        desk_phone=found.desk_phone,
    )


def feed_position(session: Session, community_id: int) -> int:
    """Give the number of the last change; read it before what a stream is to keep fresh."""
    query = select(Community.feed_seq).where(Community.id == community_id)
    return session.scalar(query) or 0


def positions(session: Session, place_ids: Iterable[int]) -> dict[int, Position]:
    """Give the metres on the plan of places: their own, or their nearest placed ancestor's."""
    wanted = list(place_ids)
    if not wanted:
        return {}
    found = session.execute(_POSITIONS, {"wanted": wanted})
    return {start: (x, y) for start, x, y in found}


def nearest_placed(place_id: InstrumentedAttribute[Any]) -> LateralFromClause:
    """Build the metres on the plan of the place a row is at, to be joined to that row.

    They are the place's own, or those of its nearest placed ancestor.
    """
    start, above = aliased(Place), aliased(Place)
    up = (
        select(start.parent_id, start.x, start.y)
        .where(start.id == place_id)
        .correlate(place_id.class_)
        .cte("up", recursive=True, nesting=True)
    )
    up = up.union_all(
        select(above.parent_id, above.x, above.y).join(
            up, and_(above.id == up.c.parent_id, up.c.x.is_(None))
        )
    )
    return select(up.c.x, up.c.y).where(up.c.x.is_not(None)).lateral("spot")


def _positions() -> Select[int, float | None, float | None]:
    spot = nearest_placed(Place.id)
    wanted = bindparam("wanted", type_=ARRAY(BigInteger))
    query = select(Place.id, spot.c.x, spot.c.y).join(spot, true())
    return query.where(Place.id == any_(wanted))


_POSITIONS = _positions()
"""Built once: to build it takes longer than to run it."""


def places(session: Session, community_id: int) -> tuple[PlaceView, ...]:
    """Give the place tree, parents before children."""
    query = select(Place).where(Place.community_id == community_id).order_by(Place.id)
    found = session.scalars(query).all()
    by_id = {place.id: place for place in found}
    where = positions(session, by_id)
    return tuple(
        PlaceView(
            slug=place.slug,
            parent=by_id[place.parent_id].slug if place.parent_id is not None else None,
            kind=place.kind,
            label=place.label,
            label_en=place.label_en,
            x=where.get(place.id, (None, None))[0],
            y=where.get(place.id, (None, None))[1],
        )
        for place in found
    )


def gateways(session: Session, community_id: int) -> tuple[GatewayView, ...]:
    """Give the gateways of a community, those that are away first."""
    served = (
        select(func.count())
        .where(Device.gateway_id == Gateway.id, Device.state == "approved")
        .scalar_subquery()
    )
    query = (
        select(Gateway, Place, served)
        .outerjoin(Place, Place.id == Gateway.place_id)
        .where(Gateway.community_id == community_id)
        .order_by(Gateway.online, Gateway.slug)
    )
    return tuple(
        GatewayView(
            slug=gateway.slug,
            name=gateway.name,
            name_en=gateway.name_en,
            place=place.label if place else None,
            place_en=place.label_en if place else None,
            online=gateway.online,
            status_at=gateway.status_at,
            version=gateway.version,
            devices=count,
        )
        for gateway, place, count in session.execute(query)
    )


def find_gateway(session: Session, community_slug: str, slug: str) -> Gateway | None:
    """Find a gateway by the two ids its topics name."""
    query = (
        select(Gateway)
        .join(Community, Community.id == Gateway.community_id)
        .where(Community.slug == community_slug, Gateway.slug == slug)
    )
    return session.scalars(query).one_or_none()


_KIND = {
    "gateways": Phrase("gateways"),
    "places": Phrase("places"),
    "households": Phrase("households"),
}


def id_of(
    session: Session,
    kind: Literal["gateways", "places", "households"],
    community_id: int,
    slug: str,
) -> int:
    """Give the key of what a community has under a slug.

    Raises:
        InvalidRequestError: there is no such thing.
    """
    named = table(kind, column("id"), column("community_id"), column("slug"))
    query = select(named.c.id).where(named.c.community_id == community_id, named.c.slug == slug)
    found: int | None = session.scalar(query)
    if found is None:
        raise InvalidRequestError(
            "{slug!r} is none of the community's {kind}", slug=slug, kind=_KIND[kind]
        )
    return found
