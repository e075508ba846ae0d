"""What is shown of what a device says, and to whom."""

from collections.abc import Collection

from sqlalchemy.orm import Session

from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.auth.rights import Right
from anju_platform.database import Json
from anju_platform.registry.model import Device
from anju_platform.sharing.repository import Grounds, Sensor, grounds_of

HEALTH_FIELDS = frozenset({"heart_rate", "respiration"})
"""What a body says: for few eyes, wherever it was measured."""
UPKEEP_FIELDS = frozenset({"battery", "rssi"})
"""What a device says of itself."""
UPKEEP: Json = {"purpose": "upkeep"}
"""Why somebody looks at what a device says of itself, which is always shown."""


def may_read(actor: Actor, field: str, grounds: Grounds) -> bool:
    """Tell whether a person may read a field of a device: of a home's only what is shared."""
    if field in HEALTH_FIELDS:
        shared = not grounds.in_home or grounds.health is not None
        return shared and actor.may(Right.SEE_HEALTH)
    return not grounds.in_home or field in UPKEEP_FIELDS or grounds.values is not None


def is_withheld(actor: Actor, field: str, grounds: Grounds) -> bool:
    """Tell whether somebody whose work it would be does not see a field: it is not shared."""
    if may_read(actor, field, grounds):
        return False
    return actor.may(Right.SEE_HEALTH if field in HEALTH_FIELDS else Right.SEE_CARE)


def reason_of(grounds: Grounds, shown: Collection[str]) -> Json:
    """Give why somebody is shown these fields of a device, as the audit keeps it."""
    if grounds.values is not None:
        return grounds.reason
    is_of_a_body = grounds.health is not None and not HEALTH_FIELDS.isdisjoint(shown)
    return grounds.of(health=True) if is_of_a_body else UPKEEP


def sensor_of() -> Sensor:
    """Give the columns by which a query of devices says which sensor is meant."""
    return Sensor(*(Device.__table__.c[name] for name in ("household_id", "slug", "model")))


def device_grounds(session: Session, actor: Actor, device: Device) -> Grounds:
    """Tell on what ground somebody reads what a device says."""
    return grounds_of(session, actor, device.household_id, device.slug, device.model)


def note_reading(
    session: Session, actor: Actor, device: Device, reason: Json, **said: object
) -> None:
    """Audit a look at a device of a home, and the reason of it."""
    if device.household_id is not None:
        data = {**said, "household": device.household_id, **reason}
        record(session, actor, "care.read", f"device:{device.slug}", data)
