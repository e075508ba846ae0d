"""Presence in a bathroom; no picture."""

from anju_devices.catalog.vocabulary import boolean, number
from anju_devices.model import DeviceModel, Text

MODEL = DeviceModel(
    "bathroom_presence",
    Text("卫生间存在感应", "Bathroom presence"),
    "bath",
    interval_s=600,
    fields=(
        boolean("presence", "有人", "Present"),
        number("dwell", "停留时长", "Dwell", "min", least=0, most=10_080),
    ),
)
