"""Temperature and humidity of a room."""

from anju_devices.catalog.vocabulary import ON_BATTERY, number
from anju_devices.model import DeviceModel, Text

MODEL = DeviceModel(
    "climate",
    Text("温湿度计", "Room climate"),
    "temperature",
    interval_s=900,
    fields=(
        number("temperature", "温度", "Temperature", "°C", least=-40, most=85),
        number("humidity", "湿度", "Humidity", "%", least=0, most=100),
        *ON_BATTERY,
    ),
)
