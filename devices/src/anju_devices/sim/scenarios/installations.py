"""What may go wrong with lifts, cabinets, cameras, and devices themselves."""

import random

from anju_devices.sim.incident import Incident, Truth
from anju_devices.sim.moment import Moment
from anju_devices.sim.scenarios.choice import MINUTE, SECOND, Free, one_of
from anju_devices.sim.site import Site

BLOCKED_MS = 30 * SECOND
TRAPPED_MS = 60 * SECOND
LEAKAGE_MS = 60 * SECOND
_DOOR_SILENT_MS = 60 * SECOND


def silent_device(site: Site, rng: random.Random, at: int, free: Free) -> Incident | None:
    """A door controller is heard no more; after some minutes it comes back."""
    doors = [d for d in site.of_model("door") if not site.devices[d].attributes.get("gate")]
    door = one_of(rng, doors, free)
    if door is None:
        return None
    back_at = at + rng.randint(6, 9) * MINUTE
    moments = (
        Moment(at, door, silent=back_at),
        Moment(back_at, door, {"door_state": "closed", "lock_state": "locked"}),
    )
    truths = (Truth("silent_device", door, at + _DOOR_SILENT_MS, 3),)
    return Incident("silent_device", moments, frozenset({door}), truths)


def camera_blocked(site: Site, rng: random.Random, at: int, free: Free) -> Incident | None:
    """A camera's view is covered."""
    camera = one_of(rng, site.of_model("camera"), free)
    if camera is None:
        return None
    moments = (
        Moment(at, camera, {"scene_change": 96.0}, "blocked"),
        Moment(at + rng.randint(5, 8) * MINUTE, camera, {"scene_change": 2.0}, "unblocked"),
    )
    truths = (Truth("camera_blocked", camera, at + BLOCKED_MS, 3),)
    return Incident("camera_blocked", moments, frozenset({camera}), truths)


def ebike_in_lift(site: Site, rng: random.Random, at: int, free: Free) -> Incident | None:
    """Somebody pushes an e-bike into a lift."""
    lift = one_of(rng, site.of_model("lift"), free)
    if lift is None:
        return None
    moments = (
        Moment(at, lift, {"ebike": True, "people": 1, "state": "idle"}, "ebike_entered"),
        Moment(
            at + 75 * SECOND, lift, {"ebike": False, "people": 0, "state": "idle"}, "ebike_left"
        ),
    )
    truths = (Truth("ebike_in_lift", lift, at, 3),)
    return Incident("ebike_in_lift", moments, frozenset({lift}), truths)


def lift_trapped(site: Site, rng: random.Random, at: int, free: Free) -> Incident | None:
    """A lift stops between floors with somebody in it, who after a while presses the alarm."""
    lift = one_of(rng, site.of_model("lift"), free)
    if lift is None:
        return None
    people = rng.randint(1, 3)
    moments = (
        Moment(at, lift, {"state": "stopped_off_zone", "people": people}),
        Moment(at + 90 * SECOND, lift, event="alarm_pressed"),
        Moment(at + 10 * MINUTE, lift, {"state": "idle", "people": 0}, "released"),
    )
    truths = (Truth("lift_trapped", lift, at + TRAPPED_MS, 1),)
    return Incident("lift_trapped", moments, frozenset({lift}), truths)


def leakage(site: Site, rng: random.Random, at: int, free: Free) -> Incident | None:
    """A cabinet leaks current, more and more; then it is switched off."""
    cabinet = one_of(rng, site.of_model("electrical_cabinet"), free)
    if cabinet is None:
        return None
    rising = [
        Moment(at - (3 - n) * 10 * SECOND, cabinet, {"residual": r})
        for n, r in enumerate((90.0, 160.0, 240.0))
    ]
    worst = float(rng.randint(340, 520))
    lasting = [
        Moment(at + n * 15 * SECOND, cabinet, {"residual": worst + rng.randint(-15, 15)})
        for n in range(20)
    ]
    after = Moment(at + 6 * MINUTE, cabinet, {"residual": 18.0}, "tripped")
    truths = (Truth("leakage", cabinet, at + LEAKAGE_MS, 2),)
    moments = (*rising, *lasting, after)
    return Incident("leakage", moments, frozenset({cabinet}), truths)
