"""An electrical cabinet: leakage and heat."""

from anju_devices.catalog.vocabulary import TAMPER, command, event, number
from anju_devices.model import DeviceModel, Text

MODEL = DeviceModel(
    "electrical_cabinet",
    Text("配电箱监测", "Electrical cabinet"),
    "bolt",
    interval_s=60,
    fields=(
        number("residual", "剩余电流", "Residual current", "mA", least=0, most=10_000),
        number("cable_temperature", "电缆温度", "Cable temperature", "°C", least=-40, most=300),
    ),
    events=(event("tripped", "跳闸", "Tripped"), TAMPER),
    commands=(command("trip", "分闸", "Trip"),),
)
