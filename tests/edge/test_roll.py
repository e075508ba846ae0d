from __future__ import annotations

from pathlib import Path

import pytest

from anju_edge.roll import Met, Roll, made_id


def test_a_foreign_device_is_told_of_once_and_keeps_its_id(tmp_path: Path) -> None:
    told: list[Met] = []

    def tell(one: Met) -> bool:
        told.append(one)
        return True

    roll = Roll(tmp_path / "roll.json", {"zigbee2mqtt/0x01": "b3-501-pir"}, tell)
    assert roll.meet("zigbee2mqtt", "0x01", "pir", title="RTCGQ11LM") == "b3-501-pir"
    assert roll.meet("zigbee2mqtt", "0x01", "pir", title="RTCGQ11LM") == "b3-501-pir"
    assert roll.meet("zigbee2mqtt", "0x02", "pir") == "zigbee2mqtt-0x02"
    again = Roll(tmp_path / "roll.json", {}, tell)
    assert again.meet("zigbee2mqtt", "0x02", "pir") == "zigbee2mqtt-0x02"
    assert [one.device for one in told] == ["b3-501-pir", "zigbee2mqtt-0x02"]


def test_one_who_could_not_be_told_of_is_told_of_at_the_next_meeting(tmp_path: Path) -> None:
    answers = [False, True]
    told: list[Met] = []

    def tell(one: Met) -> bool:
        told.append(one)
        return answers.pop(0)

    roll = Roll(tmp_path / "roll.json", {}, tell)
    for _ in range(3):
        roll.meet("modbus", "meter-1", "water_meter")
    assert len(told) == 2


def test_a_spoilt_file_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "roll.json").write_bytes(b'[{"device": ')
    roll = Roll(tmp_path / "roll.json", {}, lambda _: True)
    assert roll.everybody() == []
    assert roll.meet("modbus", "meter-1", "water_meter") == "modbus-meter-1"


@pytest.mark.parametrize(
    ("foreign", "expected"),
    [
        ("0x00158d0001dc126a", "ha-0x00158d0001dc126a"),
        ("front_door", "ha-front-door-"),
        ("front.door", "ha-front-door-"),
        ("走廊", "ha-"),
        ("x" * 80, "ha-xxx"),
    ],
)
def test_an_id_is_made_of_the_foreign_name(foreign: str, expected: str) -> None:
    made = made_id("ha", foreign)
    assert made.startswith(expected)
    assert len(made) <= 64


def test_names_that_bend_alike_stay_apart() -> None:
    names = ("front_door", "front.door", "Front door", "front-door", "走廊", "厨房")
    assert len({made_id("ha", name) for name in names}) == len(names)
