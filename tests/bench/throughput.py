"""Durable points per second: from the broker into the database, rules on."""

from __future__ import annotations

import time

from tests.bench.crew import Crew, stored_points
from tests.bench.supply import Ordered

from anju_platform.demo.stage import Stage

POINTS_PER_READING = 3


def run(stage: Stage, *, batches: int = 300, readings: int = 500) -> dict[str, float]:
    """Feed every gateway's PIR sensors at once and give the rate the database took."""
    before = stored_points(stage)
    gateways: dict[str, dict[str, str]] = {}
    for device in stage.site.community["devices"]:
        if device["model"] == "pir":
            gateways.setdefault(device["gateway"], {})[device["slug"]] = "pir"
    crew = Crew(stage, gateways, Ordered(batches), readings=readings)
    begun = time.monotonic()
    crew.go()
    crew.finish()
    seconds = time.monotonic() - begun
    sent = len(gateways) * batches * readings * POINTS_PER_READING
    stored = stored_points(stage) - before
    return {
        "gateways": len(gateways),
        "points_sent": sent,
        "points_stored": stored,
        "seconds": round(seconds, 2),
        "points_per_s": round(stored / seconds),
        "readings_per_s": round(stored / POINTS_PER_READING / seconds),
    }
