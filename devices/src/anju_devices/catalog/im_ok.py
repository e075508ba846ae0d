"""The "I'm OK" button of the morning."""

from anju_devices.catalog.vocabulary import ON_BATTERY, event
from anju_devices.model import DeviceModel, Text

MODEL = DeviceModel(
    "im_ok",
    Text("平安按钮", "I'm OK button"),
    "mood-check",
    interval_s=3600,
    fields=ON_BATTERY,
    events=(event("ok", "报平安", "I'm OK"),),
)
