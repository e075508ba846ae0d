"""A combustible gas alarm with a shut-off valve."""

from anju_devices.catalog.vocabulary import (
    SELF_TEST,
    TESTED,
    boolean,
    choice,
    command,
    event,
    number,
)
from anju_devices.model import DeviceModel, Text

MODEL = DeviceModel(
    "gas_alarm",
    Text("燃气报警器", "Gas alarm"),
    "flame",
    interval_s=900,
    life_safety=True,
    fields=(
        boolean("alarm", "报警", "Alarm", urgent=True),
        number("gas", "燃气浓度", "Gas", "%LEL", least=0, most=100, urgent=True),
        choice("valve", "阀门", "Valve", "open", "closed", "unknown"),
    ),
    events=(
        event("alarm", "燃气报警", "Gas alarm"),
        event("alarm_cleared", "报警解除", "Alarm cleared"),
        TESTED,
    ),
    commands=(SELF_TEST, command("close_valve", "关阀", "Close the valve")),
)
