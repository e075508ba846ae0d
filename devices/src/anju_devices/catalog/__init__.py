"""The catalogue: every device model there is, one file each, as data.

To add a kind of device: write its file, name it in ``_ALL``, and run the schema target.
"""

from collections.abc import Mapping
from types import MappingProxyType

from anju_devices.catalog import (
    bathroom_presence,
    bed_mat,
    binary_sensor,
    camera,
    charging_shed,
    climate,
    co_alarm,
    door,
    door_contact,
    electrical_cabinet,
    fall_radar,
    gas_alarm,
    gateway,
    hydrant,
    im_ok,
    lift,
    locator,
    manhole,
    pir,
    smoke_alarm,
    sos_button,
    stove_plug,
    vehicle_lane,
    water_meter,
    water_tank,
    wearable,
)
from anju_devices.errors import UnknownModelError
from anju_devices.model import DeviceModel

_ALL = (
    door,
    vehicle_lane,
    camera,
    lift,
    sos_button,
    wearable,
    im_ok,
    pir,
    door_contact,
    water_meter,
    bathroom_presence,
    fall_radar,
    bed_mat,
    smoke_alarm,
    co_alarm,
    gas_alarm,
    stove_plug,
    climate,
    locator,
    electrical_cabinet,
    charging_shed,
    hydrant,
    water_tank,
    manhole,
    binary_sensor,
    gateway,
)

MODELS: Mapping[str, DeviceModel] = MappingProxyType({m.MODEL.name: m.MODEL for m in _ALL})
"""Every model by name, in the order of the product's table."""

_get = MODELS.get


def model(name: str) -> DeviceModel:
    """Give the model of that name: one look-up in a dictionary, fit for every reading.

    Raises:
        UnknownModelError: no model is called that.
    """
    found = _get(name)
    if found is None:
        raise UnknownModelError(f"no device model {name!r}; known: {', '.join(MODELS)}")
    return found
