"""Scripted incidents: each function makes one, with its truth.

Every scenario takes ``(site, rng, at, pick)``: where, a random stream, when it begins
(epoch milliseconds), and ``pick``, which says whether a device may be used. It gives an
:class:`~anju_devices.sim.incident.Incident`, or None where the site has no fit place.
"""

from collections.abc import Mapping

from anju_devices.sim.scenarios import gates, homes, installations
from anju_devices.sim.scenarios.choice import Scenario

SCENARIOS: Mapping[str, Scenario] = {
    "sos": homes.sos,
    "fall": homes.fall,
    "smoke": homes.smoke,
    "elder_inactive": homes.elder_inactive,
    "forced_door": gates.forced_door,
    "held_door": gates.held_door,
    "denied": gates.denied,
    "fire_lane": gates.fire_lane,
    "silent_device": installations.silent_device,
    "camera_blocked": installations.camera_blocked,
    "ebike_in_lift": installations.ebike_in_lift,
    "lift_trapped": installations.lift_trapped,
    "leakage": installations.leakage,
}
"""Every scenario by name."""
