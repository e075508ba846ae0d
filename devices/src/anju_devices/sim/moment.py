"""What happens at one instant to one device; stories are made of these."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from anju_devices.messages import Value


class Moment(NamedTuple):
    """Something that happens to ``device`` at ``at`` (epoch milliseconds).

    ``values`` and ``event`` are said at once. ``used`` m³ of water pass a meter, which
    says so with its next reading. ``silent`` mutes the device until that time.
    """

    at: int
    device: str
    values: Mapping[str, Value] = {}
    event: str | None = None
    data: Mapping[str, Any] = {}
    used: float = 0.0
    silent: int | None = None


Story: TypeAlias = Iterator[Moment]
"""Moments in the order of time; may never end."""


def opening(
    door: str, at: int, closed_at: int, *, field: str = "door_state", **values: Value
) -> list[Moment]:
    """Give a door that opens and closes: each an event and, in the same reading, the state."""
    return [
        Moment(at, door, {field: "open", **values}, "opened"),
        Moment(closed_at, door, {field: "closed"}, "closed"),
    ]
