"""A water meter that reports its total."""

from anju_devices.catalog.vocabulary import ON_BATTERY, TAMPER, number
from anju_devices.model import DeviceModel, Text

MODEL = DeviceModel(
    "water_meter",
    Text("智能水表", "Water meter"),
    "droplet",
    interval_s=1800,
    fields=(
        number("total", "累计用水", "Total", "m³", least=0, most=1_000_000),
        number("interval", "抄表间隔", "Reading interval", "min", least=1, most=1440),
        *ON_BATTERY,
    ),
    events=(TAMPER,),
)
