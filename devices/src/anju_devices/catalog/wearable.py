"""A pendant or watch with a button and a fall detector."""

from anju_devices.catalog.vocabulary import ON_BATTERY, boolean, event, number
from anju_devices.model import DeviceModel, Text

MODEL = DeviceModel(
    "wearable",
    Text("随身呼叫器", "Wearable"),
    "device-watch",
    interval_s=900,
    life_safety=True,
    fields=(boolean("worn", "佩戴中", "Worn"), *ON_BATTERY),
    events=(
        event("pressed", "按下求助", "Pressed"),
        event(
            "fall",
            "疑似跌倒",
            "Fall",
            number("confidence", "置信度", "Confidence", least=0, most=1),
        ),
        event("fall_cancelled", "本人取消", "Cancelled by the wearer"),
    ),
)
