"""A millimetre-wave radar that knows a fall; no picture."""

from anju_devices.catalog.vocabulary import boolean, choice, event, number
from anju_devices.model import DeviceModel, Text

_CONFIDENCE = number(
    "fall_confidence", "跌倒置信度", "Fall confidence", least=0, most=1, urgent=True
)
_STILL = number("still_s", "静止时长", "Still for", "s", least=0, urgent=True)

MODEL = DeviceModel(
    "fall_radar",
    Text("跌倒雷达", "Fall radar"),
    "radar-2",
    interval_s=300,
    life_safety=True,
    fields=(
        boolean("presence", "有人", "Present"),
        choice("posture", "姿态", "Posture", "none", "standing", "sitting", "lying", "unknown"),
        _STILL,
        _CONFIDENCE,
    ),
    events=(
        event("fall", "疑似跌倒", "Fall", _CONFIDENCE, _STILL),
        event("fall_cancelled", "已起身或取消", "Got up or cancelled"),
    ),
)
