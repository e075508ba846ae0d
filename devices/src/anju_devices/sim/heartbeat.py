"""What each kind of device measures when nothing happens: quiet values and their drift."""

import math
import random
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeAlias

from anju_devices.messages import Value
from anju_devices.sim.site import DeviceEntry

Values: TypeAlias = dict[str, Value]

_EVENING_OUT = 23
_EARLY = 5

QUIET: Mapping[str, Mapping[str, Value]] = {
    "door": {"door_state": "closed", "lock_state": "locked"},
    "vehicle_lane": {"barrier_state": "closed", "vehicle_present": False},
    "camera": {"fps": 25.0, "last_frame_age": 0.04, "scene_change": 1.0},
    "lift": {"state": "idle", "people": 0, "ebike": False, "floor": 1, "door_state": "closed"},
    "wearable": {"worn": True},
    "pir": {"motion": False, "lux": 0.0},
    "door_contact": {"contact": "closed"},
    "water_meter": {"total": 0.0, "interval": 30},
    "bathroom_presence": {"presence": False, "dwell": 0},
    "fall_radar": {"presence": False, "posture": "none"},
    "bed_mat": {"in_bed": False},
    "smoke_alarm": {"smoke": 0.0},
    "co_alarm": {"co": 0},
    "gas_alarm": {"gas": 0.0, "valve": "open"},
    "stove_plug": {"power": 0.0, "on": False},
    "climate": {"temperature": 22.0, "humidity": 50.0},
    "locator": {"lat": 0.0, "lon": 0.0, "accuracy": 12.0},
    "electrical_cabinet": {"residual": 20.0, "cable_temperature": 35.0},
    "charging_shed": {"residual": 25.0, "cable_temperature": 34.0, "power": 0.0, "vehicles": 0},
    "hydrant": {"pressure": 0.3, "tilt": 0.5},
    "water_tank": {"level": 2.0, "pressure": 0.32},
    "manhole": {"tilt": 0.4, "level": 0.1},
}
"""The quiet state of each model."""

ONLY_WHEN_THEY_CHANGE = frozenset({"alarm", "still_s", "fall_confidence"})
"""Alarm values, said with their event and not with every heartbeat."""


def initial(entry: DeviceEntry, rng: random.Random) -> Values:
    """Give a device's state before anything has happened."""
    made = dict(QUIET.get(entry.model, {}))
    facts = entry.attributes
    match entry.model:
        case "water_meter":
            made["total"] = round(rng.uniform(40, 900), 3)
        case "lift":
            made["floor"] = rng.randint(1, 9)
        case "water_tank":
            low, high = float(facts.get("level_min", 1.0)), float(facts.get("level_max", 4.0))
            made["level"] = round(low + (high - low) * rng.uniform(0.5, 0.9), 2)
        case "hydrant":
            made["pressure"] = round(rng.uniform(0.28, 0.42), 3)
        case "locator":
            made["lat"] = float(facts.get("home_lat", 30.59))
            made["lon"] = float(facts.get("home_lon", 114.31))
        case "climate":
            made["temperature"] = round(rng.uniform(19, 25), 1)
            made["humidity"] = round(rng.uniform(42, 62), 1)
        case _:
            pass
    return made


def drift(model: str, values: Values, rng: random.Random, local: datetime) -> Values:
    """Give the values that change by themselves between two heartbeats."""
    measure = _DRIFTS.get(model)
    return {} if measure is None else measure(values, rng, local)


def daylight(local: datetime) -> float:
    """Give 0 at night to 1 at noon."""
    return max(0.0, math.sin((_hour(local) - 6) / 12 * math.pi))


def bustle(local: datetime) -> float:
    """Give how much people move about, from 0 to 1."""
    if not _EARLY <= local.hour < _EVENING_OUT:
        return 0.02
    return min(1.0, 0.08 + max(math.exp(-((_hour(local) - p) ** 2) / 3) for p in (8, 12.5, 18.5)))


def _hour(local: datetime) -> float:
    return local.hour + local.minute / 60


def _walk(values: Values, name: str, rng: random.Random, step: float, home: float) -> float:
    """Take a small step from the present value, drawn back towards ``home``."""
    now = float(values[name])
    return now + rng.uniform(-step, step) + (home - now) * 0.1


def _camera(values: Values, rng: random.Random, local: datetime) -> Values:
    if values["fps"] == 0:
        return {"last_frame_age": round(float(values["last_frame_age"]) + 60, 2)}
    return {
        "fps": round(rng.gauss(25, 0.2), 1),
        "last_frame_age": round(rng.uniform(0.02, 0.08), 3),
        "scene_change": round(rng.uniform(0.2, 3 + 8 * bustle(local)), 1),
    }


def _lift(values: Values, rng: random.Random, local: datetime) -> Values:
    if values["state"] not in {"idle", "moving"}:
        return {}
    if rng.random() > bustle(local):
        return {"state": "idle", "people": 0}
    return {"state": "moving", "people": rng.randint(1, 4), "floor": rng.randint(1, 9)}


def _pir(_: Values, rng: random.Random, local: datetime) -> Values:
    lamp = 90.0 if 18 <= local.hour < 22 else 0.0  # noqa: PLR2004 - the evening
    return {"lux": round(480 * daylight(local) + lamp + rng.uniform(0, 6), 1)}


def _bed_mat(values: Values, rng: random.Random, _: datetime) -> Values:
    if not values["in_bed"]:
        return {}
    return {"heart_rate": round(rng.gauss(61, 2)), "respiration": round(rng.gauss(15, 0.8), 1)}


def _climate(values: Values, rng: random.Random, local: datetime) -> Values:
    home = 20.5 + 4 * daylight(local)
    return {
        "temperature": round(_walk(values, "temperature", rng, 0.2, home), 1),
        "humidity": round(_walk(values, "humidity", rng, 0.8, 52), 1),
    }


def _smoke(values: Values, rng: random.Random, _: datetime) -> Values:
    return {} if values.get("alarm") else {"smoke": round(abs(rng.gauss(0, 0.004)), 4)}


def _gas(values: Values, rng: random.Random, _: datetime) -> Values:
    return {} if values.get("alarm") else {"gas": round(abs(rng.gauss(0, 0.3)), 1)}


def _co(values: Values, rng: random.Random, _: datetime) -> Values:
    return {} if values.get("alarm") else {"co": rng.choice((0, 0, 0, 1, 2))}


def _locator(_: Values, rng: random.Random, __: datetime) -> Values:
    return {"accuracy": round(rng.uniform(6, 25), 1)}


def _cabinet(values: Values, rng: random.Random, local: datetime) -> Values:
    if float(values["residual"]) > 100:  # noqa: PLR2004 - a fault is being played
        return {}
    warm = 30 + 12 * bustle(local)
    return {
        "residual": round(abs(_walk(values, "residual", rng, 3, 22)), 1),
        "cable_temperature": round(_walk(values, "cable_temperature", rng, 0.6, warm), 1),
    }


def _shed(values: Values, rng: random.Random, local: datetime) -> Values:
    many = 14 if local.hour >= 20 or local.hour < 6 else 5  # noqa: PLR2004 - the night
    vehicles = max(0, many + rng.randint(-2, 2))
    power = round(vehicles * rng.uniform(140, 210), 0)
    return {**_cabinet(values, rng, local), "vehicles": vehicles, "power": power}


def _hydrant(values: Values, rng: random.Random, _: datetime) -> Values:
    return {"pressure": round(max(0.0, _walk(values, "pressure", rng, 0.004, 0.34)), 3)}


def _tank(values: Values, rng: random.Random, _: datetime) -> Values:
    return {
        "level": round(max(0.0, float(values["level"]) + rng.uniform(-0.01, 0.01)), 2),
        "pressure": round(_walk(values, "pressure", rng, 0.004, 0.32), 3),
    }


_DRIFTS: Mapping[str, Callable[[Values, random.Random, datetime], Values]] = {
    "camera": _camera,
    "lift": _lift,
    "pir": _pir,
    "bed_mat": _bed_mat,
    "climate": _climate,
    "smoke_alarm": _smoke,
    "gas_alarm": _gas,
    "co_alarm": _co,
    "locator": _locator,
    "electrical_cabinet": _cabinet,
    "charging_shed": _shed,
    "hydrant": _hydrant,
    "water_tank": _tank,
}
