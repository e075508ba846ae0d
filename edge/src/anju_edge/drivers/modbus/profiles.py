"""Registers of devices that are met often, as data.

``source`` says whose table a register is known from; none was compared with the maker's own
document, and makers change them: compare the first readings with the device's display.
"""

from dataclasses import dataclass

from anju_edge.drivers.modbus.config import Point


@dataclass(frozen=True, slots=True)
class Profile:
    """What a kind of device says where, and which model of ours it is unless told otherwise."""

    title: str
    model: str
    source: str
    points: tuple[Point, ...]


NOTHING = (0x7FFF, 0x8000, 0xFFFF)
"""What temperature inputs say when no probe is connected."""


def _cabinet(cables: int, said: str) -> Profile:
    return Profile(
        f"Cabinet monitor: residual current, the hottest of {said} cables",
        "electrical_cabinet",
        "the usual layout of fire monitors for cabinets (GB 14287.2); compare with the manual",
        (
            Point(field="residual", address=0, type="uint16"),
            Point(
                field="cable_temperature",
                address=1,
                type="int16",
                count=cables,
                scale=0.1,
                absent=NOTHING,
            ),
        ),
    )


PROFILES = {
    "cabinet-1x4": _cabinet(4, "four"),
    "cabinet-1x8": _cabinet(8, "eight"),
    "sdm120": Profile(
        "Eastron SDM120: active power",
        "stove_plug",
        "Eastron SDM120 Modbus protocol: input register 30013",
        (Point(field="power", function="input", address=0x000C, type="float32"),),
    ),
    "sdm630": Profile(
        "Eastron SDM630: total active power",
        "charging_shed",
        "Eastron SDM630 Modbus protocol: input register 30053",
        (Point(field="power", function="input", address=0x0034, type="float32"),),
    ),
    "ddsu666": Profile(
        "CHINT DDSU666: active power, which it says in kW",
        "charging_shed",
        "CHINT DDSU666 manual: holding register 2004H",
        (Point(field="power", address=0x2004, type="float32", scale=1000),),
    ),
    "xintai-water": Profile(
        "Kaifeng Xintai water meter: total, which it says last byte first",
        "water_meter",
        "public register table of the meter: 0001H, counted from 1",
        (Point(field="total", address=0, type="float32", order="DCBA"),),
    ),
}
