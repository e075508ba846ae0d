"""Puts the system page together."""

import threading
import time
from datetime import timedelta

from sqlalchemy.orm import Session

from anju_platform.canary.repository import walks
from anju_platform.database import now
from anju_platform.registry import listing as registry
from anju_platform.system import listing, repository
from anju_platform.system.health import process_view
from anju_platform.system.schemas import GatewayHealth, SystemView

_EVENT_MINUTES = 5
_SHORTEST_S = 5.0


class Rate:
    """How fast a counter grows, between looks that are far enough apart."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._before: tuple[float, int] | None = None
        self._per_s: float | None = None

    def of(self, count: int) -> float | None:
        """Take a count and give the rate per second, once it is known."""
        moment = time.monotonic()
        with self._lock:
            if self._before is None:
                self._before = (moment, count)
            elif moment - self._before[0] >= _SHORTEST_S:
                then, before = self._before
                self._per_s = round(max(0, count - before) / (moment - then), 1)
                self._before = (moment, count)
            return self._per_s


def system_view(
    session: Session,
    community_id: int,
    *,
    live_screens: int,
    rate: Rate,
    unclaimed: bool = False,
) -> SystemView:
    """Give everything on the system page; ``rate`` is the process's own.

    ``unclaimed`` counts quarantine that named no known community, too.
    """
    moment = now()
    lanes = repository.lanes(session, community_id)
    blind = repository.blind_since(session, community_id)
    canaries = walks(session, community_id, moment)
    points = repository.points_stored(session)
    since = moment - timedelta(minutes=_EVENT_MINUTES)
    events = repository.events_since(session, community_id, since)
    return SystemView(
        at=moment,
        processes=tuple(process_view(one) for one in listing.processes(session)),
        gateways=tuple(
            GatewayHealth(
                gateway=gateway,
                lanes=lanes.get(gateway.slug, ()),
                blind_since=blind.get(gateway.slug),
                canary=canaries.get(gateway.slug),
            )
            for gateway in registry.gateways(session, community_id)
        ),
        devices=registry.device_counts(session, community_id),
        lag=repository.lag(session, community_id, moment),
        stored_at=max((v.updated_at for of in lanes.values() for v in of), default=None),
        points_per_s=rate.of(points),
        points_total=points,
        events_per_min=round(events / _EVENT_MINUTES, 1),
        outbox=repository.outbox(session, community_id, moment),
        quarantine=repository.quarantine_counts(session, community_id, moment, unclaimed=unclaimed),
        database_bytes=repository.database_bytes(session),
        live_screens=live_screens,
    )
