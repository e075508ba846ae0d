"""Durable points per second: from the broker into the database, rules on."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import psycopg

from anju_platform.broker import gateway_username
from anju_platform.demo.stage import Stage

POINTS_PER_READING = 3
WINDOW = 16


def run(stage: Stage, *, batches: int = 300, readings: int = 500) -> dict[str, float]:
    """Feed every gateway's PIR sensors at once and give the rate the database took."""
    url = stage.environment["ANJU_DATABASE_URL"]
    before = _points(url)
    feeders = _start(stage, batches, readings)
    begun = time.monotonic()
    for feeder in feeders:
        assert feeder.stdin is not None
        feeder.stdin.write("go\n")
        feeder.stdin.flush()
    for feeder in feeders:
        out, _ = feeder.communicate(timeout=600)
        if feeder.returncode:
            raise SystemExit(f"feeder failed: {out}")
    seconds = time.monotonic() - begun
    sent = len(feeders) * batches * readings * POINTS_PER_READING
    stored = _points(url) - before
    return {
        "gateways": len(feeders),
        "points_sent": sent,
        "points_stored": stored,
        "seconds": round(seconds, 2),
        "points_per_s": round(stored / seconds),
        "readings_per_s": round(stored / POINTS_PER_READING / seconds),
    }


def _start(stage: Stage, batches: int, readings: int) -> list[subprocess.Popen[str]]:
    feeders = []
    devices = stage.site.community["devices"]
    for gateway, secret in stage.site.gateway_secrets.items():
        own = [d["slug"] for d in devices if d["gateway"] == gateway and d["model"] == "pir"]
        if not own:
            continue
        plan: Path = stage.site.directory / f"feeder-{gateway}.json"
        plan.write_text(
            json.dumps(
                {
                    "host": stage.broker[0],
                    "port": stage.broker[1],
                    "username": gateway_username(stage.site.slug, gateway),
                    "password": secret,
                    "community": stage.site.slug,
                    "gateway": gateway,
                    "devices": own,
                    "batches": batches,
                    "readings": readings,
                    "window": WINDOW,
                }
            ),
            "utf-8",
        )
        feeders.append(
            subprocess.Popen(
                [sys.executable, "-m", "tests.bench.feeder", str(plan)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
    for feeder in feeders:
        assert feeder.stdout is not None
        assert feeder.stdout.readline().strip() == "ready"
    return feeders


def _points(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM telemetry").fetchone()
        assert row is not None
        return int(row[0])
