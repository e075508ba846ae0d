"""A carbon monoxide alarm."""

from anju_devices.catalog.vocabulary import (
    ON_BATTERY,
    SELF_TEST,
    TESTED,
    boolean,
    command,
    event,
    number,
)
from anju_devices.model import DeviceModel, Text

MODEL = DeviceModel(
    "co_alarm",
    Text("一氧化碳报警器", "CO alarm"),
    "lungs",
    interval_s=3600,
    life_safety=True,
    fields=(
        boolean("alarm", "报警", "Alarm", urgent=True),
        number("co", "一氧化碳", "CO", "ppm", least=0, most=2000, urgent=True),
        *ON_BATTERY,
    ),
    events=(
        event("alarm", "一氧化碳报警", "CO alarm"),
        event("alarm_cleared", "报警解除", "Alarm cleared"),
        TESTED,
    ),
    commands=(SELF_TEST, command("silence", "消音", "Silence")),
)
