"""A manhole cover: moved, or water rising under it."""

from anju_devices.catalog.vocabulary import ON_BATTERY, event, number
from anju_devices.model import DeviceModel, Text

MODEL = DeviceModel(
    "manhole",
    Text("窨井盖", "Manhole cover"),
    "circle-dot",
    interval_s=3600,
    fields=(
        number("tilt", "倾角", "Tilt", "°", least=0, most=180, urgent=True),
        number("level", "水位", "Water level", "m", least=0, most=30),
        *ON_BATTERY,
    ),
    events=(event("moved", "井盖移位", "Moved"), event("replaced", "井盖复位", "Put back")),
)
