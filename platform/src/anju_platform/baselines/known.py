"""The newest baselines in memory, as rules read them."""

import logging
from collections.abc import Callable, Collection, Mapping
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy.orm import Session

from anju_platform.baselines import repository
from anju_platform.registry.snapshot import KnownDevice
from anju_rules.baseline import Learned, Profile

log = logging.getLogger(__name__)

_Entity = tuple[int, str, str]
"""(community id, kind, slug)."""


class Baselines:
    """What is usual, by home and device. Changes with :meth:`reload` only."""

    def __init__(self) -> None:
        self._profiles: dict[_Entity, dict[str, Profile]] = {}

    @classmethod
    def load(cls, session: Session, communities: Collection[int] | None = None) -> "Baselines":
        """Read the newest baselines of every community, or some."""
        baselines = cls()
        baselines.reload(session, communities)
        return baselines

    def reload(self, session: Session, communities: Collection[int] | None) -> None:
        """Read those of some communities (None: of all) anew."""
        if communities is None:
            self._profiles = {}
        else:
            kept = self._profiles.items()
            self._profiles = {key: known for key, known in kept if key[0] not in communities}
        for community_id, key, stored in repository.current(session, communities):
            kind, entity, quantity = key
            try:
                profile = msgspec.convert(stored, Profile)
            except msgspec.ValidationError as error:
                # the rule falls back to what is fixed; the next night learns it anew
                log.error("the baseline %s of %s cannot be read: %r", quantity, entity, error)  # noqa: TRY400 - says it all
                continue
            self._profiles.setdefault((community_id, kind, entity), {})[quantity] = profile

    def usual(self, device: KnownDevice, timezone: str) -> Callable[[int], Mapping[str, Any]]:
        """Give what a rule reads as ``b.*``: of the device, and of the home it is in.

        Nothing is looked up before a rule asks.
        """

        def read(at: int) -> Mapping[str, Any]:
            household = device.entities.get("household")
            found = dict(self._profiles.get((device.community_id, "device", device.slug), {}))
            if household is not None:
                found.update(self._profiles.get((device.community_id, "household", household), {}))
            return Learned(found, ZoneInfo(timezone)).read(at) if found else {}

        return read
