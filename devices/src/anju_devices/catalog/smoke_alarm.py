"""A smoke alarm in a home or a corridor."""

from anju_devices.catalog.vocabulary import (
    ON_BATTERY,
    SELF_TEST,
    TAMPER,
    TESTED,
    boolean,
    command,
    event,
    number,
)
from anju_devices.model import DeviceModel, Text

MODEL = DeviceModel(
    "smoke_alarm",
    Text("烟感报警器", "Smoke alarm"),
    "alarm-smoke",
    interval_s=3600,
    life_safety=True,
    fields=(
        boolean("alarm", "报警", "Alarm", urgent=True),
        number("smoke", "烟雾减光率", "Smoke", "dB/m", least=0, most=10),
        *ON_BATTERY,
    ),
    events=(
        event("alarm", "烟雾报警", "Smoke alarm"),
        event("alarm_cleared", "报警解除", "Alarm cleared"),
        TESTED,
        TAMPER,
    ),
    commands=(SELF_TEST, command("silence", "消音", "Silence"), command("siren", "鸣响", "Sound")),
)
