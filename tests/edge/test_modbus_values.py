"""Registers to values, and whose turn it is: no line needed."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anju_devices import catalog
from anju_edge.drivers.modbus.config import ModbusDevice, Point
from anju_edge.drivers.modbus.decoding import blocks, value
from anju_edge.drivers.modbus.profiles import PROFILES
from anju_edge.drivers.modbus.turns import SILENT_SHARE, Turns


def registers(data: bytes) -> tuple[int, ...]:
    return struct.unpack(f">{len(data) // 2}H", data)


@pytest.mark.parametrize(
    ("kind", "order", "data", "expected"),
    [
        ("uint16", "ABCD", "ea60", 60000),
        ("int16", "ABCD", "ff38", -200),
        ("int16", "DCBA", "38ff", -200),
        ("uint32", "ABCD", "00010002", 65538),
        ("uint32", "CDAB", "00020001", 65538),
        ("int32", "BADC", "fffffeff", -2),
        ("float32", "ABCD", "43663334", 230.200012),
        ("float32", "CDAB", "33344366", 230.200012),
        ("float32", "BADC", "66433433", 230.200012),
        ("float32", "DCBA", "34336643", 230.200012),
    ],
)
def test_types_and_orders(kind: Any, order: Any, data: str, expected: float) -> None:
    # 43 66 33 34 is the volts of the example in Eastron's own protocol description
    point = Point(field="power", address=0, type=kind, order=order)
    assert value(point, registers(bytes.fromhex(data))) == expected


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float_is_read_back_in_every_order(number: float) -> None:
    for code in (">f", "<f"):
        point = Point(
            field="power", address=0, type="float32", order="ABCD" if code == ">f" else "DCBA"
        )
        assert value(point, registers(struct.pack(code, number))) == round(number, 6)


def test_scale_offset_absent_and_the_hottest() -> None:
    point = Point(
        field="cable_temperature",
        address=0,
        type="int16",
        count=3,
        scale=0.1,
        offset=-1,
        absent=(0x7FFF,),
    )
    assert value(point, (250, 0x7FFF, 312)) == 30.2
    assert value(point, (0x7FFF,) * 3) is None
    with pytest.raises(ValueError, match="2 of 3"):
        value(point, (1, 2))


def test_a_bit_and_a_word() -> None:
    assert value(Point(field="alarm", address=0, type="bit", bit=3), (0b1000,)) is True
    valve = Point(field="valve", address=0, type="bit", bit=1, words={0: "open", 1: "closed"})
    assert value(valve, (2,)) == "closed"
    odd = Point(field="valve", address=0, words={0: "open", 1: "closed"})
    with pytest.raises(ValueError, match="7 is none of 0, 1"):
        value(odd, (7,))


def test_points_that_touch_are_read_together_and_gaps_never() -> None:
    points = [
        Point(field="a", address=0, type="float32"),
        Point(field="b", address=2),
        Point(field="c", address=4),
        Point(field="d", address=0, function="input"),
    ]
    assert [(one.function, one.address, one.count) for one in blocks(points)] == [
        ("holding", 0, 3),
        ("holding", 4, 1),
        ("input", 0, 1),
    ]


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 32)), min_size=1, max_size=40))
def test_every_point_is_in_one_block_no_longer_than_a_request(spans: list[tuple[int, int]]) -> None:
    points = [Point(field="a", address=start, count=count) for start, count in spans]
    made = blocks(points)
    assert sorted(p.address for one in made for p in one.points) == sorted(s for s, _ in spans)
    for one in made:
        assert one.count <= 125
        for point in one.points:
            assert one.address <= point.address
            assert point.address + point.size <= one.address + one.count


@pytest.mark.parametrize("name", PROFILES)
def test_each_profile_fits_its_model(name: str) -> None:
    device = ModbusDevice(device="d", profile=name)
    assert device.our_model is catalog.model(PROFILES[name].model)
    assert device.every_point == PROFILES[name].points


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"profile": "sdm999"}, "no profile 'sdm999'"),
        ({}, "give a profile, or the model"),
        ({"model": "teapot"}, "no device model 'teapot'"),
        ({"model": "water_meter"}, "nothing is read or written"),
        ({"model": "water_meter", "points": [{"field": "tea", "address": 0}]}, "no field 'tea'"),
        ({"model": "gas_alarm", "points": [{"field": "alarm", "address": 0}]}, "boolean"),
        ({"model": "gas_alarm", "points": [{"field": "valve", "address": 0}]}, "needs words"),
        ({"profile": "sdm120", "commands": [{"name": "boil", "coil": 0}]}, "no command 'boil'"),
        (
            {"model": "gas_alarm", "points": [{"field": "gas", "address": 65535, "type": "int32"}]},
            "last address",
        ),
        (
            {
                "model": "gas_alarm",
                "points": [{"field": "alarm", "function": "coil", "address": 0}],
            },
            "has type bit",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        ModbusDevice.model_validate({"device": "d", **changes})


def test_own_points_stand_for_the_profiles() -> None:
    own = Point(field="residual", address=40)
    device = ModbusDevice(device="d", profile="cabinet-1x4", points=(own,))
    assert [(p.field, p.address) for p in device.every_point] == [
        ("cable_temperature", 1),
        ("residual", 40),
    ]


def live(turns: Turns, silent: set[str], *, until: float, timeout_s: float) -> dict[str, int]:
    """Let a line live in virtual time: an answer takes 10 ms, silence the time-out."""
    now = 0.0
    asked: dict[str, int] = {}
    while now < until:
        name, wait_s = turns.next(now)
        if name is None:
            now += min(wait_s, 0.5)
            continue
        asked[name] = asked.get(name, 0) + 1
        now += timeout_s if name in silent else 0.01
        if name in silent:
            turns.failed(name, now)
        else:
            turns.answered(name, now)
    return asked


@pytest.mark.parametrize("dead", [1, 10, 100])
def test_silent_devices_take_no_more_than_their_share(dead: int) -> None:
    silent = {f"dead-{number}" for number in range(dead)}
    polls = {**dict.fromkeys(silent, 1.0), "good": 1.0, "other": 2.0}
    asked = live(Turns(polls, timeout_s=1.0, now=0.0), silent, until=3600, timeout_s=1.0)

    assert sum(asked.get(name, 0) for name in silent) <= 3600 / SILENT_SHARE + dead
    assert asked["good"] >= 3600 * 0.85
    assert asked["other"] >= 1800 * 0.85
    assert min(asked.get(name, 0) for name in silent) >= 1


def test_a_line_that_is_too_slow_still_asks_everybody() -> None:
    polls = dict.fromkeys((f"d{number}" for number in range(500)), 1.0)
    asked = live(Turns(polls, timeout_s=1.0, now=0.0), {"d7"}, until=100, timeout_s=1.0)
    good = [asked[name] for name in polls if name != "d7"]
    assert min(good) >= max(good) // 2  # those that answered first are ahead by the start alone
    assert asked["d7"] >= 2


def test_a_device_that_answers_again_is_asked_as_before() -> None:
    turns = Turns({"d": 5.0}, timeout_s=1.0, now=0.0)
    assert turns.failed("d", 1.0)
    assert not turns.failed("d", 20.0)
    assert turns.answered("d", 40.0)
    assert not turns.answered("d", 40.0)
