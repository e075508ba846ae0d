"""A contact on the entry door of a flat."""

from anju_devices.catalog.vocabulary import ON_BATTERY, TAMPER, choice, event
from anju_devices.model import DeviceModel, Text

MODEL = DeviceModel(
    "door_contact",
    Text("入户门磁", "Entry door contact"),
    "door-enter",
    interval_s=3600,
    fields=(
        choice("contact", "门状态", "Door", "closed", "open", urgent=True),
        *ON_BATTERY,
    ),
    events=(event("opened", "门开", "Opened"), event("closed", "门关", "Closed"), TAMPER),
)
