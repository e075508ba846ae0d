"""Feeders, one process for each gateway they play, and what they stored."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import msgspec
import psycopg
from tests.bench.estate import Devices
from tests.bench.feeder import Fed, Plan
from tests.bench.supply import Task

from anju_platform.demo.stage import Stage
from anju_platform.dynsec.accounts import gateway_username


class Crew:
    """Prepared when made; :meth:`go` lets all begin, :meth:`finish` waits for their last commit."""

    def __init__(
        self,
        stage: Stage,
        gateways: Mapping[str, Devices],
        task: Task,
        *,
        readings: int = 500,
        window: int = 16,
    ) -> None:
        self._processes = []
        for gateway, devices in gateways.items():
            plan = Plan(
                host=stage.broker[0],
                port=stage.broker[1],
                username=gateway_username(stage.community_of(gateway), gateway),
                password=stage.site.gateway_secrets[gateway],
                community=stage.community_of(gateway),
                gateway=gateway,
                devices=dict(devices),
                readings=readings,
                window=window,
                task=task,
            )
            path: Path = stage.site.directory / f"feeder-{gateway}.json"
            path.touch(mode=0o600)
            path.write_bytes(msgspec.json.encode(plan))
            self._processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.bench.feeder", str(path)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    env=os.environ,
                )
            )
        for process in self._processes:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "ready"

    def go(self) -> None:
        """Let all begin to send."""
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()

    def finish(self) -> list[Fed]:
        """Wait for all; one that could not get everything committed ends the measurement."""
        fed = []
        for process in self._processes:
            out, _ = process.communicate()
            if process.returncode:
                raise SystemExit(f"feeder failed: {out}")
            fed.append(msgspec.json.decode(out, type=Fed))
        return fed


def stored_points(stage: Stage) -> int:
    """Count every point in the database."""
    return _count(stage, "SELECT count(*) FROM telemetry")


def estate_points(stage: Stage) -> int:
    """Count every point of the estate's devices in the database."""
    return _count(
        stage,
        "SELECT count(*) FROM telemetry WHERE device_id IN (SELECT d.id FROM devices d"
        " JOIN gateways g ON g.id = d.gateway_id WHERE g.slug LIKE 'estate-%')",
    )


def alerts_by_rule(stage: Stage) -> Counter[str]:
    """Count the alerts there ever were."""
    with psycopg.connect(stage.environment["ANJU_DATABASE_URL"]) as connection:
        rows = connection.execute(
            "SELECT rule_id, count(*) FROM alerts GROUP BY rule_id"
        ).fetchall()
        return Counter({str(rule): int(count) for rule, count in rows})


def _count(stage: Stage, query: str) -> int:
    with psycopg.connect(stage.environment["ANJU_DATABASE_URL"]) as connection:
        row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return int(row[0])
