"""SQL of windows."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session, aliased

from anju_platform.alerts.windows.known import About, KnownWindow, Windows
from anju_platform.alerts.windows.model import Kind, Window
from anju_platform.alerts.windows.schemas import WindowView
from anju_platform.auth.model import User
from anju_platform.database import within
from anju_platform.paging import By, Order
from anju_platform.people.model import Household
from anju_platform.registry.model import Device, Place

WINDOWS_CHANNEL = "anju_windows"
"""NOTIFY channel: windows were planned or ended; ingest reads them anew."""


def load(session: Session, only: Collection[int] | None = None) -> Windows:
    """Read the windows that are not over, of all communities or some."""
    query = select(Window).where(Window.due_at.is_not(None), within(Window.community_id, only))
    rows = list(session.scalars(query))
    named = [row.id for row in rows if row.place_id is not None]
    places = _places(session, named) if named else {}
    homes = _homes(session, named) if named else {}
    found: dict[int, list[KnownWindow]] = defaultdict(list)
    for row in rows:
        found[row.community_id].append(
            KnownWindow(
                id=row.id,
                kind=Kind(row.kind),
                starts_at=row.starts_at,
                ends_at=row.ends_at,
                reason=row.reason,
                device_id=row.device_id,
                places=None if row.place_id is None else frozenset(places[row.id]),
                homes=frozenset(homes.get(row.id, ())),
                rules=frozenset(row.rules),
                for_life=row.for_life,
            )
        )
    return Windows(found)


def _places(session: Session, windows: Sequence[int]) -> dict[int, list[int]]:
    """Give the places of windows and all that lies in them."""
    down = (
        select(Window.id.label("window_id"), Window.place_id.label("place_id"))
        .where(Window.id.in_(windows))
        .cte("down", recursive=True)
    )
    inside = select(down.c.window_id, Place.id).join(down, Place.parent_id == down.c.place_id)
    down = down.union(inside)  # places that hang in a ring end there
    return _grouped(session, select(down.c.window_id, down.c.place_id))


def _homes(session: Session, windows: Sequence[int]) -> dict[int, list[int]]:
    """Give the homes within which windows' places lie."""
    up = (
        select(Window.id.label("window_id"), Window.place_id.label("place_id"))
        .where(Window.id.in_(windows))
        .cte("up", recursive=True)
    )
    around = select(up.c.window_id, Place.parent_id).join(up, Place.id == up.c.place_id)
    up = up.union(around.where(Place.parent_id.is_not(None)))
    query = select(up.c.window_id, Household.id).join(up, Household.place_id == up.c.place_id)
    return _grouped(session, query)


def _grouped(session: Session, query: Select[*tuple[Any, ...]]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for window, one in session.execute(query):
        found[window].append(one)
    return found


def tell_ingest(session: Session) -> None:
    """Let ingest read the windows anew, once this transaction commits."""
    session.execute(select(func.pg_notify(WINDOWS_CHANNEL, "")))


def add(session: Session, window: Window) -> None:
    """Insert a window."""
    session.add(window)
    session.flush()


def locked(session: Session, community_id: int, window_id: int) -> Window | None:
    """Find a window of a community and lock it."""
    query = (
        select(Window)
        .where(Window.community_id == community_id, Window.id == window_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return session.scalars(query).one_or_none()


def open_count(session: Session, community_id: int) -> int:
    """Give how many windows of a community are not over."""
    query = select(func.count()).where(
        Window.community_id == community_id, Window.due_at.is_not(None)
    )
    return session.scalar(query) or 0


def is_muted_for_life(session: Session, community_id: int, device_id: int) -> bool:
    """Tell whether a device has a window, not over, that mutes what a life may hang on."""
    query = select(Window.id).where(
        Window.community_id == community_id,
        Window.device_id == device_id,
        Window.for_life,
        Window.due_at.is_not(None),
    )
    return session.scalars(query.limit(1)).first() is not None


def lock_due(session: Session, at: datetime, but: Collection[int]) -> Window | None:
    """Give and lock a window that begins or ends by ``at`` and that nobody else is at."""
    query = (
        select(Window)
        .where(Window.due_at <= at, Window.id.not_in(but))
        .order_by(Window.due_at, Window.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return session.scalars(query).one_or_none()


_maker, _ender = aliased(User), aliased(User)


def views(
    session: Session, community_id: int, at: datetime, *, window_id: int | None = None
) -> tuple[WindowView, ...]:
    """Give the windows that are not over, the first to begin first; or one, whatever it is."""
    query = _windows(community_id)
    if window_id is not None:
        query = query.where(Window.id == window_id)
    else:
        query = query.where(_goes_on(at)).order_by(Window.starts_at, Window.id)
    return tuple(_view(at, row) for row in session.execute(query))


def count(session: Session, community_id: int) -> int:
    """Count all windows of a community."""
    query = select(func.count()).where(Window.community_id == community_id)
    return session.scalar(query) or 0


def over(
    session: Session, community_id: int, at: datetime, *, after: str | None, limit: int
) -> tuple[tuple[WindowView, ...], str | None]:
    """Give windows that are over and follow a page's ``next``, the last one first, and its next.

    Raises:
        InvalidRequestError: ``after`` is no ``next``.
    """
    query = _windows(community_id).where(~_goes_on(at))
    found = _LAST_FIRST.part(session, query, after=after, limit=limit)
    return tuple(_view(at, row) for row in found.rows), found.next


_LAST_FIRST = Order("last", By(Window.ends_at, descending=True), By(Window.id, descending=True))


def _goes_on(at: datetime) -> ColumnElement[bool]:
    return or_(Window.due_at.is_not(None), Window.ends_at > at)


def _windows(community_id: int) -> Select[*tuple[Any, ...]]:
    columns = (
        Window,
        Place.slug,
        Place.label,
        Place.label_en,
        Device.slug,
        Device.name,
        Device.name_en,
        _maker.name,
        _ender.name,
    )
    spot = func.coalesce(Window.place_id, Device.place_id)
    return (
        select(*columns)
        .outerjoin(Device, Device.id == Window.device_id)
        .outerjoin(Place, Place.id == spot)
        .join(_maker, _maker.id == Window.created_by)
        .outerjoin(_ender, _ender.id == Window.ended_by)
        .where(Window.community_id == community_id)
    )


def _view(at: datetime, row: Sequence[Any]) -> WindowView:
    window, place, label, label_en, device, name, name_en, created_by, ended_by = row
    return WindowView(
        id=window.id,
        kind=Kind(window.kind),
        place=place,
        place_label=label,
        place_label_en=label_en,
        device=device,
        device_name=name,
        device_name_en=name_en,
        rules=tuple(window.rules),
        for_life=window.for_life,
        reason=window.reason,
        starts_at=window.starts_at,
        ends_at=window.ends_at,
        is_on=window.starts_at <= at < window.ends_at,
        is_over=window.ends_at <= at,
        created_at=window.created_at,
        created_by=created_by,
        ended_at=window.ended_at,
        ended_by=ended_by,
    )


def device_named(session: Session, community_id: int, slug: str) -> Device | None:
    """Find a device of a community that is in use."""
    query = select(Device).where(
        Device.community_id == community_id, Device.slug == slug, Device.state == "approved"
    )
    return session.scalars(query).one_or_none()


def muted_devices(
    session: Session, community_id: int, household_id: int, at: datetime
) -> frozenset[str]:
    """Give the devices of a home that work is done on, by slug."""
    found = load(session, {community_id})
    devices = select(Device.id, Device.slug, Device.place_id).where(
        Device.household_id == household_id
    )
    return frozenset(
        slug
        for device_id, slug, place_id in session.execute(devices)
        if found.maintenance(
            About(
                community_id=community_id,
                rule_id="",
                device_id=device_id,
                place_id=place_id,
                household_id=household_id,
                severity=2,
                latched=False,
            ),
            at,
        )
    )
