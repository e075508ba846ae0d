"""What may go wrong in a home."""

import random

from anju_devices.sim.incident import Incident, Truth
from anju_devices.sim.moment import Moment
from anju_devices.sim.scenarios.choice import HOUR, MINUTE, SECOND, Free, home_with
from anju_devices.sim.site import Site

FALL_WAIT_MS = 30 * SECOND
"""How long a fall may still be cancelled before it is alerted."""
INACTIVE_MS, VERY_INACTIVE_MS = 6 * HOUR, 10 * HOUR


def sos(site: Site, rng: random.Random, at: int, free: Free) -> Incident | None:
    """Somebody living alone presses the button, and again when nobody answers at once."""
    home = home_with(site, rng, free, "sos_button", "pir")
    if home is None:
        return None
    button, pir = home.devices["sos_button"], home.devices["pir"]
    moments = [
        Moment(at - 3 * SECOND, pir, {"motion": True}),
        Moment(at, button, event="pressed"),
        Moment(at + rng.randint(25, 40) * SECOND, button, event="pressed"),
    ]
    truths = (Truth("sos", button, at, 1),)
    return Incident("sos", tuple(moments), frozenset({button, pir}), truths)


def fall(site: Site, rng: random.Random, at: int, free: Free) -> Incident | None:
    """Somebody falls in the bathroom and lies still; nobody cancels."""
    home = home_with(site, rng, free, "fall_radar")
    if home is None:
        return None
    radar = home.devices["fall_radar"]
    confidence = round(rng.uniform(0.86, 0.97), 2)
    fell_at = at + 10 * SECOND
    moments = [
        Moment(at - 30 * SECOND, radar, {"presence": True, "posture": "standing"}),
        Moment(at, radar, {"presence": True, "posture": "lying"}),
        Moment(
            fell_at,
            radar,
            {"fall_confidence": confidence, "still_s": 10},
            "fall",
            {"fall_confidence": confidence, "still_s": 10},
        ),
    ]
    for still_s in range(20, 310, 10):
        values = {"fall_confidence": confidence, "still_s": still_s}
        moments.append(Moment(at + still_s * SECOND, radar, values))
    up_at = at + 330 * SECOND
    moments.append(
        Moment(
            up_at, radar, {"presence": True, "posture": "sitting", "still_s": 0}, "fall_cancelled"
        )
    )
    truths = (Truth("fall", radar, fell_at + FALL_WAIT_MS, 1),)
    return Incident("fall", tuple(moments), frozenset({radar}), truths)


def smoke(site: Site, rng: random.Random, at: int, free: Free) -> Incident | None:
    """A pan is left on the stove: smoke rises, the alarm sounds, and clears when aired."""
    home = home_with(site, rng, free, "smoke_alarm")
    if home is None:
        return None
    alarm = home.devices["smoke_alarm"]
    rising = (0.02, 0.05, 0.09)
    moments = [
        Moment(at - (3 - n) * 6 * SECOND, alarm, {"smoke": value}) for n, value in enumerate(rising)
    ]
    peak = round(rng.uniform(0.16, 0.34), 3)
    moments.append(Moment(at, alarm, {"alarm": True, "smoke": peak}, "alarm"))
    for minute in (1, 2, 3):
        value = round(peak * (1 - minute * 0.22), 3)
        moments.append(Moment(at + minute * MINUTE, alarm, {"smoke": value}))
    gone = at + 4 * MINUTE
    moments.append(Moment(gone, alarm, {"alarm": False, "smoke": 0.02}, "alarm_cleared"))
    return Incident("smoke", tuple(moments), frozenset({alarm}), (Truth("smoke", alarm, at, 1),))


def elder_inactive(site: Site, rng: random.Random, at: int, free: Free) -> Incident | None:
    """Somebody living alone, at home and awake, is not seen to move any more.

    Begin in the morning: the hours count while people are usually awake.
    """
    home = home_with(site, rng, free, "pir", "door_contact", "water_meter")
    if home is None or not home.attributes.get("lives_alone"):
        return None
    pir = home.devices["pir"]
    moments = (
        Moment(at, pir, {"motion": True}),
        Moment(at + 90 * SECOND, pir, {"motion": False}),
        Moment(at + VERY_INACTIVE_MS + HOUR, pir, {"motion": True}),
    )
    still = ("pir", "door_contact", "water_meter", "sos_button")
    reserved = frozenset(home.devices[m] for m in still if m in home.devices)
    truths = (
        Truth("elder_inactive", pir, at + INACTIVE_MS, 3),
        Truth("elder_inactive", pir, at + VERY_INACTIVE_MS, 2),
    )
    return Incident("elder_inactive", moments, reserved, truths)
