"""A fire hydrant: pressure, and whether it was opened or knocked over."""

from anju_devices.catalog.vocabulary import ON_BATTERY, TAMPER, event, number
from anju_devices.model import DeviceModel, Text

MODEL = DeviceModel(
    "hydrant",
    Text("消防栓", "Hydrant"),
    "fire-hydrant",
    interval_s=600,
    fields=(
        number("pressure", "水压", "Pressure", "MPa", least=0, most=4),
        number("tilt", "倾角", "Tilt", "°", least=0, most=180),
        *ON_BATTERY,
    ),
    events=(event("opened", "阀门打开", "Opened"), event("closed", "阀门关闭", "Closed"), TAMPER),
)
