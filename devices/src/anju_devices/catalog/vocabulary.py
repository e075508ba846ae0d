"""The words a device model is written in, so that each model reads as a table."""

from anju_devices.model import CommandType, EventType, Field, Kind, Text


def number(
    name: str,
    zh: str,
    en: str,
    unit: str = "",
    *,
    least: float | None = None,
    most: float | None = None,
    urgent: bool = False,
) -> Field:
    """Give a number in ``unit``, plausible from ``least`` to ``most``."""
    return Field(name, Kind.NUMBER, Text(zh, en), unit, least, most, urgent=urgent)


def boolean(name: str, zh: str, en: str, *, urgent: bool = False) -> Field:
    """Give a yes or no."""
    return Field(name, Kind.BOOLEAN, Text(zh, en), urgent=urgent)


def choice(name: str, zh: str, en: str, *options: str, urgent: bool = False) -> Field:
    """Give one word out of ``options``; stored as its index, so words are only ever added."""
    return Field(name, Kind.CHOICE, Text(zh, en), options=options, urgent=urgent)


def text(name: str, zh: str, en: str) -> Field:
    """Give free text; in event data only."""
    return Field(name, Kind.TEXT, Text(zh, en))


def event(name: str, zh: str, en: str, *data: Field) -> EventType:
    """Give something that happens."""
    return EventType(name, Text(zh, en), data)


def command(name: str, zh: str, en: str, *args: Field) -> CommandType:
    """Give something that can be asked."""
    return CommandType(name, Text(zh, en), args)


BATTERY = number("battery", "电量", "Battery", "%", least=0, most=100)
RSSI = number("rssi", "信号强度", "Signal", "dBm", least=-130, most=0)
ON_BATTERY = (BATTERY, RSSI)
"""What every battery device says with each heartbeat."""

TAMPER = event("tamper", "被拆动", "Tampered with")
SELF_TEST = command("self_test", "自检", "Self-test")
TESTED = event("test", "自检", "Test")
SNAPSHOT = text("snapshot", "抓拍编号", "Snapshot id")
