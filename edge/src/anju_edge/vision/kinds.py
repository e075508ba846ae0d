"""A modest guess at what a track is, from its shape alone.

Without a trained model no more can honestly be said than "upright like a person", "long and
low like a vehicle" or "unknown". A detector's opinion may replace this one day.
"""

from anju_edge.vision.tracks import Track

PERSON = "person"
VEHICLE = "vehicle"
UNKNOWN = "unknown"

UPRIGHT = 1.25
LYING = 0.9
VEHICLE_AREA = 0.006
"""Smallest share of the picture a vehicle fills; below it, low shapes stay unknown."""


def kind_of(track: Track, *, aspect: float) -> str:
    """Guess person, vehicle or unknown; ``aspect`` is the picture's width over its height."""
    if track.width <= 0 or track.height <= 0:
        return UNKNOWN
    tall = track.height / (track.width * aspect)
    if tall >= UPRIGHT:
        return PERSON
    if tall <= LYING and track.height * track.width >= VEHICLE_AREA:
        return VEHICLE
    return UNKNOWN
