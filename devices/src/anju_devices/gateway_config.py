"""What the platform tells a gateway on ``down/config``, retained: whom it knows, what it decides.

One whole document each time, so that a gateway never stands between two states. ``version``
only grows; a gateway that has a newer one keeps it.
"""

from typing import Annotated, Any

import msgspec

from anju_devices.messages import Id, Millis


class KnownDevice(msgspec.Struct, omit_defaults=True, frozen=True):
    """A device of this gateway as the platform knows it.

    ``interval_s`` stands where it is not its model's; ``attributes`` are those rules may ask for.
    """

    id: Id
    model: str
    interval_s: int | None = None
    place: Id | None = None
    household: Id | None = None
    attributes: dict[str, Any] = {}


class EdgeRule(msgspec.Struct, frozen=True):
    """A rule the gateway judges itself (``at: edge``): the YAML text that was activated."""

    id: Id
    version: Annotated[int, msgspec.Meta(ge=1)]
    text: str


class GatewayConfig(msgspec.Struct, omit_defaults=True, frozen=True):
    """The whole document; ``access`` is the access list of the doors behind this gateway."""

    version: Annotated[int, msgspec.Meta(ge=1)]
    at: Millis
    timezone: str = "Asia/Shanghai"
    devices: list[KnownDevice] = []
    rules: list[EdgeRule] = []
    access: dict[str, Any] | None = None
