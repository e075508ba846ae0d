"""When we could hear whom: silence only means something while somebody was listening.

A gateway that is away is blind; so is everybody while ingest is down, has no broker or
cannot write. Absence rules stand still in those times.
"""

import logging
from collections.abc import Collection, Iterable, Mapping

from sqlalchemy.orm import Session

from anju_platform.database import from_millis, to_millis
from anju_platform.registry import repository
from anju_platform.registry.snapshot import KnownGateway, Registry

log = logging.getLogger(__name__)

KEPT_MS = 8 * 24 * 3_600_000
"""No rule looks back for longer than a week."""

_Period = tuple[int, int | None]


class Coverage:
    """Which gateways are there, and the blind periods of the last week.

    ``deaf_since`` is when the broker was lost, epoch milliseconds; None while we are at it.
    Kept in memory by the process that writes them; after a failed transaction it no longer
    agrees with the database: make a new one. ``blind`` gives (start, end or None) in epoch
    milliseconds by gateway; under None stands the time in which ingest itself heard nothing.
    """

    def __init__(
        self,
        online: Mapping[int, bool],
        blind: Mapping[int | None, Iterable[tuple[int, int | None]]] | None = None,
    ) -> None:
        self._online = dict(online)
        self._blind: dict[int | None, list[_Period]] = {
            gateway: sorted(periods, key=lambda p: p[0])
            for gateway, periods in (blind or {}).items()
        }
        self.deaf_since: int | None = None

    @classmethod
    def load(
        cls, session: Session, now: int, communities: Collection[int] | None = None
    ) -> "Coverage":
        """Read gateways' states and blind periods of all communities, or some.

        ``now`` in epoch milliseconds.
        """
        coverage = cls(repository.gateway_states(session, communities))
        own = set()
        since = from_millis(now - KEPT_MS)
        for period in repository.blind_periods(session, since, communities):
            started = to_millis(period.started_at)
            ended = to_millis(period.ended_at) if period.ended_at else None
            if period.gateway_id is None:
                own.add((started, ended))  # one row for each community, the same time
            else:
                coverage._periods(period.gateway_id).append((started, ended))
        coverage._blind[None] = sorted(own, key=lambda p: p[0])
        return coverage

    def is_online(self, gateway_id: int) -> bool:
        """Tell whether a gateway is there."""
        return self._online.get(gateway_id, False)

    def can_hear(self, gateway_id: int | None) -> bool:
        """Tell whether word of a gateway (None: of the broker alone) could reach us now."""
        return self.deaf_since is None and (gateway_id is None or self.is_online(gateway_id))

    def knows(self, registry: Registry, session: Session, now: int) -> None:
        """Begin a blind period for gateways that are away and have none: the new ones."""
        missing = [
            gateway
            for community in registry.communities.values()
            for gateway in community.gateways.values()
            if not self.is_online(gateway.id) and not self._is_blind(gateway.id)
        ]
        for gateway in missing:
            self._begin(session, gateway, now)

    def lost(self, session: Session, gateway: KnownGateway, at: int) -> None:
        """Note that a gateway is away since ``at``."""
        self._online[gateway.id] = False
        repository.set_online(session, gateway.id, online=False, at=from_millis(at), version=None)
        if not self._is_blind(gateway.id):
            self._begin(session, gateway, at)

    def found(self, session: Session, gateway: KnownGateway, at: int, version: str | None) -> None:
        """Note that a gateway is back since ``at``."""
        self._online[gateway.id] = True
        repository.set_online(session, gateway.id, online=True, at=from_millis(at), version=version)
        repository.end_blind(session, gateway.id, from_millis(at))
        self._blind[gateway.id] = [
            (started, at if ended is None else ended)
            for started, ended in self._periods(gateway.id)
            if ended is None or ended > at - KEPT_MS
        ]

    def was_deaf(
        self, session: Session, communities: Iterable[int], started: int, ended: int
    ) -> None:
        """Note a time in which ingest itself heard nothing."""
        if ended <= started:
            return
        log.warning("heard nothing for %.1f s; absence rules stand still", (ended - started) / 1000)
        kept = [period for period in self._periods(None) if (period[1] or 0) > ended - KEPT_MS]
        self._blind[None] = [*kept, (started, ended)]
        rows = [
            {
                "community_id": community,
                "gateway_id": None,
                "started_at": from_millis(started),
                "ended_at": from_millis(ended),
            }
            for community in communities
        ]
        if rows:
            repository.add_blind(session, rows)

    def blind_ms(self, gateway_id: int | None, since: int, now: int) -> int:
        """Give how much of the time from ``since`` to ``now`` nothing could be heard."""
        periods = [*self._blind.get(None, ())]
        if self.deaf_since is not None:
            periods.append((self.deaf_since, None))
        if gateway_id is not None:
            periods += self._blind.get(gateway_id, ())
        total, covered = 0, since
        for started, ended in sorted(periods, key=lambda p: p[0]):
            end = now if ended is None else min(ended, now)
            start = max(started, covered)
            if end > start:
                total += end - start
                covered = end
        return total

    def _periods(self, gateway_id: int | None) -> list[_Period]:
        return self._blind.setdefault(gateway_id, [])

    def _is_blind(self, gateway_id: int) -> bool:
        return any(ended is None for _, ended in self._periods(gateway_id))

    def _begin(self, session: Session, gateway: KnownGateway, at: int) -> None:
        self._periods(gateway.id).append((at, None))
        repository.add_blind(
            session,
            [
                {
                    "community_id": gateway.community_id,
                    "gateway_id": gateway.id,
                    "started_at": from_millis(at),
                    "ended_at": None,
                }
            ],
        )
