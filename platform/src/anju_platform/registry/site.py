"""The tree of places as rules need it: which gate it belongs to, and where it stands."""

from collections.abc import Iterable, Iterator

from anju_platform.registry.model import Place

_GATES = frozenset({"gate", "lane", "entrance"})


class Site:
    """Every place by its id."""

    def __init__(self, places: Iterable[Place]) -> None:
        self._places = {place.id: place for place in places}

    def gate(self, place: Place) -> str:
        """Give the nearest gate, lane or entrance above a place, or the place itself."""
        gates = (one.slug for one in self._upwards(place) if one.kind in _GATES)
        return next(gates, place.slug)

    def spot(self, place: Place) -> dict[str, float]:
        """Give ``x`` and ``y`` on the site plan, in metres, of the place or the first above it."""
        for one in self._upwards(place):
            if one.x is not None and one.y is not None:
                return {"x": one.x, "y": one.y}
        return {}

    def _upwards(self, place: Place) -> Iterator[Place]:
        seen: set[int] = set()
        here: Place | None = place
        while here is not None and here.id not in seen:  # a file may hang places in a ring
            seen.add(here.id)
            yield here
            here = self._places.get(here.parent_id) if here.parent_id is not None else None
