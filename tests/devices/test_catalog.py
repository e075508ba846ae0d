"""The catalogue against the product's table of points, row by row."""

from __future__ import annotations

import re

import pytest

from anju_devices import catalog
from anju_devices.catalog import MODELS, model
from anju_devices.errors import InvalidReadingError, UnknownModelError
from anju_devices.messages import Lane, Reading
from anju_devices.model import Field, Kind

# point of the product -> model -> fields with their unit, and events
ACCESS = "access_granted access_denied exit_request opened closed tamper duress passed"
PRODUCT: dict[str, tuple[str, dict[str, str], str]] = {
    "door, gate": ("door", {"door_state": "", "lock_state": ""}, ACCESS),
    "vehicle lane": ("vehicle_lane", {"barrier_state": ""}, "plate_read barrier_forced"),
    "camera: fire lane, perimeter": ("camera", {}, "zone_entered zone_left zone_dwell"),
    "camera: façade, crowd, fire": ("camera", {}, "object_fell crowd fire_candidate"),
    "any camera": (
        "camera",
        {"fps": "fps", "last_frame_age": "s", "scene_change": "%"},
        "blocked unblocked moved defocused lost restored",
    ),
    "lift": ("lift", {"state": "", "people": "", "ebike": ""}, "alarm_pressed ebike_entered"),
    "SOS button": ("sos_button", {"battery": "%", "rssi": "dBm"}, "pressed"),
    "wearable": ("wearable", {"battery": "%", "rssi": "dBm"}, "pressed fall"),
    "I'm OK": ("im_ok", {}, "ok"),
    "motion (PIR)": ("pir", {"motion": "", "lux": "lx"}, ""),
    "entry door contact": ("door_contact", {"contact": ""}, "opened closed tamper"),
    "water meter": ("water_meter", {"total": "m³", "interval": "min"}, ""),
    "bathroom presence": ("bathroom_presence", {"presence": "", "dwell": "min"}, ""),
    "fall (radar)": ("fall_radar", {"fall_confidence": "", "still_s": "s", "posture": ""}, "fall"),
    "bed mat": ("bed_mat", {"in_bed": "", "heart_rate": "bpm", "respiration": "/min"}, ""),
    "smoke": ("smoke_alarm", {"alarm": "", "smoke": "dB/m"}, "alarm alarm_cleared test"),
    "CO": ("co_alarm", {"alarm": "", "co": "ppm"}, "alarm alarm_cleared test"),
    "gas": ("gas_alarm", {"alarm": "", "gas": "%LEL"}, "alarm alarm_cleared test"),
    "stove, plug": ("stove_plug", {"power": "W"}, ""),
    "room climate": ("climate", {"temperature": "°C", "humidity": "%"}, ""),
    "locator": ("locator", {"lat": "°", "lon": "°", "accuracy": "m"}, ""),
    "electrical cabinet": (
        "electrical_cabinet",
        {"residual": "mA", "cable_temperature": "°C"},
        "",
    ),
    "charging shed": ("charging_shed", {"residual": "mA", "cable_temperature": "°C"}, ""),
    "hydrant": ("hydrant", {"pressure": "MPa", "tilt": "°"}, ""),
    "tank": ("water_tank", {"level": "m"}, ""),
    "manhole": ("manhole", {"tilt": "°", "level": "m"}, ""),
    "what has no model of its own": ("binary_sensor", {"active": ""}, "active"),
    "gateway itself": (
        "gateway",
        {"cpu": "%", "memory": "%", "disk": "%", "spool_events": "", "clock_offset": "ms"},
        "",
    ),
}


def all_fields() -> list[tuple[str, Field]]:
    return [
        (f"{m.name}.{f.name}", f)
        for m in MODELS.values()
        for f in (
            *m.fields,
            *(f for e in m.events for f in e.data),
            *(f for c in m.commands for f in c.args),
        )
    ]


@pytest.mark.parametrize("point", PRODUCT)
def test_every_point_of_the_product_is_in_the_catalogue(point: str) -> None:
    name, fields, events = PRODUCT[point]
    found = model(name)
    for field, unit in fields.items():
        known = found.field(field)
        assert known is not None, field
        assert known.unit == unit
    for event in events.split():
        assert found.event(event) is not None, event


def test_every_model_is_a_point_of_the_product() -> None:
    assert {name for name, _, _ in PRODUCT.values()} == set(MODELS)


def test_ids_follow_one_pattern_and_are_unique_in_their_model() -> None:
    for m in MODELS.values():
        for group in (m.fields, m.events, m.commands, *(e.data for e in m.events)):
            names = [item.name for item in group]
            assert len(set(names)) == len(names), m.name
            assert all(re.fullmatch(r"[a-z0-9_]{1,64}", n) for n in (m.name, *names))


def test_everything_has_a_word_in_both_languages() -> None:
    for m in MODELS.values():
        for item in (m, *m.events, *m.commands):
            assert re.search(r"[\u4e00-\u9fff]", item.title.zh), item
            assert item.title.en.isascii() or "²" in item.title.en, item
    for name, field in all_fields():
        assert field.title.zh, name
        assert field.title.en, name
    assert all(re.fullmatch(r"[a-z0-9-]+", m.icon) for m in MODELS.values())


def test_telemetry_numbers_have_plausible_bounds_and_choices_have_options() -> None:
    for name, field in all_fields():
        assert (field.kind is Kind.CHOICE) == bool(field.options), name
        if field.kind is Kind.NUMBER:
            assert field.minimum is not None, name
            assert field.maximum is None or field.minimum < field.maximum, name
    assert not [n for m in MODELS.values() for n in m.fields if n.kind is Kind.TEXT]


def test_life_safety_models_are_those_whose_silence_means_protection_is_off() -> None:
    assert {m.name for m in MODELS.values() if m.life_safety} == {
        "lift",
        "sos_button",
        "wearable",
        "fall_radar",
        "smoke_alarm",
        "co_alarm",
        "gas_alarm",
        "locator",
        "charging_shed",
    }


@pytest.mark.parametrize(
    ("name", "values", "lane"),
    [
        ("door", {"door_state": "open"}, Lane.EVENTS),
        ("door", {"lock_state": "locked"}, Lane.TELEMETRY),
        ("pir", {"motion": True, "battery": 87}, Lane.TELEMETRY),
        ("smoke_alarm", {"alarm": False}, Lane.EVENTS),
        ("smoke_alarm", {"smoke": 0.01, "battery": 90}, Lane.TELEMETRY),
        ("fall_radar", {"still_s": 3}, Lane.EVENTS),
        ("fall_radar", {"presence": True, "posture": "sitting"}, Lane.TELEMETRY),
        ("door_contact", {"contact": "open"}, Lane.EVENTS),
        ("water_meter", {"total": 12.3}, Lane.TELEMETRY),
    ],
)
def test_urgent_fields_travel_with_the_events(
    name: str, values: dict[str, bool | float | str], lane: Lane
) -> None:
    reading = Reading(device="d", at=0, values=values)
    model(name).check(reading)
    assert model(name).lane(reading) is lane


def test_an_event_travels_with_the_events_whatever_its_values() -> None:
    assert model("pir").lane(Reading(device="d", at=0, event="any")) is Lane.EVENTS


@pytest.mark.parametrize(
    ("name", "reading"),
    [
        ("pir", Reading(device="d", at=0)),
        ("pir", Reading(device="d", at=0, values={"motion": 1})),
        ("pir", Reading(device="d", at=0, values={"power": 1})),
        ("pir", Reading(device="d", at=0, values={"battery": 101})),
        ("door", Reading(device="d", at=0, values={"door_state": "ajar"})),
        ("pir", Reading(device="d", at=0, event="pressed")),
        ("climate", Reading(device="d", at=0, values={"temperature": float("nan")})),
        ("climate", Reading(device="d", at=0, values={"temperature": 10**400})),
        ("fall_radar", Reading(device="d", at=0, event="fall", data={"fall_confidence": "0.95"})),
        ("fall_radar", Reading(device="d", at=0, event="fall", data={"fall_confidence": 95})),
        ("fall_radar", Reading(device="d", at=0, event="fall", data={"still_s": None})),
        ("camera", Reading(device="d", at=0, event="zone_entered", data={"snapshot": 7})),
        ("camera", Reading(device="d", at=0, event="zone_entered", data={"zone_kind": "sky"})),
        ("door", Reading(device="d", at=0, event="access_granted", data={"offline": "no"})),
    ],
)
def test_what_a_model_cannot_say_is_refused(name: str, reading: Reading) -> None:
    with pytest.raises(InvalidReadingError):
        model(name).check(reading)


def test_a_fault_in_an_events_data_is_named_and_unknown_data_pass() -> None:
    data = {"fall_confidence": "0.95", "firmware": [1, 2]}
    with pytest.raises(InvalidReadingError, match=r"d\.fall\.fall_confidence: '0\.95' is not a"):
        model("fall_radar").check(Reading(device="d", at=0, event="fall", data=data))
    data["fall_confidence"] = 0.95  # type: ignore[assignment]
    model("fall_radar").check(Reading(device="d", at=0, event="fall", data=data))


def test_an_unknown_model_is_named_with_those_there_are() -> None:
    with pytest.raises(UnknownModelError, match=r"'toaster'.*known: door"):
        model("toaster")


def test_a_look_up_costs_one_dictionary_access() -> None:
    assert model("pir") is MODELS["pir"] is model("pir")
    assert model("pir").field("motion") is model("pir").field("motion")
    with pytest.raises(TypeError):
        catalog.MODELS["pir"] = model("door")  # type: ignore[index]
