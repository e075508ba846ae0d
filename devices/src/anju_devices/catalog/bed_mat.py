"""A mat under the mattress."""

from anju_devices.catalog.vocabulary import boolean, number
from anju_devices.model import DeviceModel, Text

MODEL = DeviceModel(
    "bed_mat",
    Text("睡眠监测垫", "Bed mat"),
    "bed",
    interval_s=300,
    fields=(
        boolean("in_bed", "在床", "In bed"),
        number("heart_rate", "心率", "Heart rate", "bpm", least=20, most=250),
        number("respiration", "呼吸率", "Respiration", "/min", least=3, most=60),
    ),
)
