"""An SOS button or pull cord."""

from anju_devices.catalog.vocabulary import ON_BATTERY, SELF_TEST, TESTED, event
from anju_devices.model import DeviceModel, Text

MODEL = DeviceModel(
    "sos_button",
    Text("紧急呼叫按钮", "SOS button"),
    "sos",
    interval_s=3600,
    life_safety=True,
    fields=ON_BATTERY,
    events=(event("pressed", "按下求助", "Pressed"), TESTED),
    commands=(SELF_TEST,),
)
