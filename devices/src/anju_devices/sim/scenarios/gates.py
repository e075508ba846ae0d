"""What may go wrong at doors, gates and lanes."""

import random

from anju_devices.sim.incident import Incident, Truth
from anju_devices.sim.moment import Moment
from anju_devices.sim.scenarios.choice import SECOND, Free, one_of
from anju_devices.sim.site import Site

HELD_MS = 120 * SECOND
LANE_MS = 300 * SECOND
_STAYS_S = 600


def forced_door(site: Site, rng: random.Random, at: int, free: Free) -> Incident | None:
    """A door opens with neither a grant nor an exit request before it."""
    inner = [d for d in site.of_model("door") if not site.devices[d].attributes.get("gate")]
    door = one_of(rng, inner, free)
    if door is None:
        return None
    shut_at = at + rng.randint(20, 45) * SECOND
    moments = (
        Moment(at, door, {"door_state": "open"}, "opened"),
        Moment(shut_at, door, {"door_state": "closed"}, "closed"),
    )
    truths = (Truth("forced_door", door, at, 2),)
    return Incident("forced_door", moments, frozenset({door}), truths)


def held_door(site: Site, rng: random.Random, at: int, free: Free) -> Incident | None:
    """A door is opened rightly and then held open, as for a removal."""
    door = one_of(rng, site.of_model("door"), free)
    if door is None:
        return None
    granted = {
        "credential": f"{rng.getrandbits(64):016x}",
        "credential_type": "card",
        "direction": "in",
        "reason": "resident",
        "offline": False,
    }
    opened_at = at + 700
    moments = (
        Moment(at, door, event="access_granted", data=granted),
        Moment(opened_at, door, {"door_state": "open"}, "opened"),
        Moment(opened_at + 300 * SECOND, door, {"door_state": "closed"}, "closed"),
    )
    truths = (Truth("held_door", door, opened_at + HELD_MS, 3),)
    return Incident("held_door", moments, frozenset({door}), truths)


def denied(site: Site, rng: random.Random, at: int, free: Free) -> Incident | None:
    """Somebody tries an expired card four times within a minute."""
    door = one_of(rng, site.of_model("door", gate=True), free)
    if door is None:
        return None
    data = {
        "credential": f"{rng.getrandbits(64):016x}",
        "credential_type": "card",
        "direction": "in",
        "reason": "expired",
        "offline": False,
    }
    times = [at + n * 12 * SECOND for n in range(4)]
    moments = tuple(Moment(t, door, event="access_denied", data=data) for t in times)
    truths = (Truth("denied", door, times[2], 3),)
    return Incident("denied", moments, frozenset({door}), truths)


def fire_lane(
    site: Site, rng: random.Random, at: int, free: Free, *, already_s: int = 0
) -> Incident | None:
    """A car is parked in a fire lane and stays; ``already_s`` when the camera first says so."""
    cameras = [c for c in site.of_model("camera") if "zone" in site.devices[c].attributes]
    camera = one_of(rng, cameras, free)
    if camera is None:
        return None
    zone = site.devices[camera].attributes["zone"]
    track = f"t{rng.randint(100, 9999)}"
    plate = f"鄂A{rng.choice('BCDEFGHJK')}{rng.randint(1000, 9999)}"
    what = {"zone": zone, "zone_kind": "fire_lane", "class": "car", "track": track}
    moments = []
    if not already_s:
        moments.append(Moment(at, camera, event="zone_entered", data=what))
    stays_s = already_s + _STAYS_S
    for dwell_s in range(already_s or 30, stays_s, 30):
        when = at + (dwell_s - already_s) * SECOND
        data = {**what, "dwell_s": dwell_s, "plate": plate}
        moments.append(Moment(when, camera, event="zone_dwell", data=data))
    left = {"zone": zone, "track": track, "dwell_s": stays_s}
    left_at = at + (stays_s - already_s) * SECOND
    moments.append(Moment(left_at, camera, event="zone_left", data=left))
    truths = (Truth("fire_lane", camera, at + LANE_MS - already_s * SECOND, 2),)
    return Incident("fire_lane", tuple(moments), frozenset({camera}), truths)
