"""Any two-state sensor without a model of its own: an inner door, a fridge, a flush."""

from anju_devices.catalog.vocabulary import ON_BATTERY, boolean, event
from anju_devices.model import DeviceModel, Text

MODEL = DeviceModel(
    "binary_sensor",
    Text("开关量传感器", "Two-state sensor"),
    "toggle-right",
    interval_s=86_400,
    fields=(boolean("active", "动作", "Active"), *ON_BATTERY),
    events=(event("active", "动作", "Active"),),
)
