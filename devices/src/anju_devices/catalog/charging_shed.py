"""A shed where e-bikes charge."""

from anju_devices.catalog.vocabulary import boolean, command, event, number
from anju_devices.model import DeviceModel, Text

MODEL = DeviceModel(
    "charging_shed",
    Text("电动车充电棚", "Charging shed"),
    "charging-pile",
    interval_s=60,
    life_safety=True,
    fields=(
        number("residual", "剩余电流", "Residual current", "mA", least=0, most=10_000),
        number("cable_temperature", "电缆温度", "Cable temperature", "°C", least=-40, most=300),
        number("power", "功率", "Power", "W", least=0, most=200_000),
        number("vehicles", "在充车辆", "Vehicles charging", least=0, most=500),
        boolean("alarm", "烟雾报警", "Smoke alarm", urgent=True),
    ),
    events=(
        event("alarm", "烟雾报警", "Smoke alarm"),
        event("alarm_cleared", "报警解除", "Alarm cleared"),
        event("tripped", "跳闸", "Tripped"),
    ),
    commands=(command("trip", "分闸", "Trip"),),
)
