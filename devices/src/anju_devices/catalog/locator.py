"""A locator carried by somebody who may lose the way."""

from anju_devices.catalog.vocabulary import ON_BATTERY, event, number
from anju_devices.model import DeviceModel, Text

MODEL = DeviceModel(
    "locator",
    Text("防走失定位器", "Locator"),
    "map-pin",
    interval_s=300,
    life_safety=True,
    fields=(
        number("lat", "纬度", "Latitude", "°", least=-90, most=90),
        number("lon", "经度", "Longitude", "°", least=-180, most=180),
        number("accuracy", "定位精度", "Accuracy", "m", least=0, most=100_000),
        *ON_BATTERY,
    ),
    events=(event("pressed", "按下求助", "Pressed"),),
)
