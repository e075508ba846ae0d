"""A gateway dies with all behind it: one alert, no storm, and the truth again when it is back.

An administrator shortens the times of three rules first, as a site may: what is shown is that
nothing else rings, not how long half a minute is.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
import yaml
from devices_on_wire import NativeClient

from anju_platform.demo.stage import Stage
from anju_platform.rulebook.texts import library_texts

DEAD = "gw-west"
SHORT: dict[str, dict[str, Any]] = {
    "gateway-lost": {"for": "2s"},
    "door-controller-silent": {"absent_for": {"for": "10s"}},
    "device-silent": {"absent_for": {"for": "10s"}, "models": ["pir"], "except_models": []},
}
WELL = {"door": {"door_state": "closed"}, "pir": {"battery": 90}}


class Devices:
    """The doors and motion sensors behind one gateway, speaking every second."""

    def __init__(self, stage: Stage, gateway: str) -> None:
        self._stage, self._gateway = stage, gateway
        own = (d for d in stage.site.community["devices"] if d["gateway"] == gateway)
        self.models = {d["slug"]: d["model"] for d in own if d["model"] in ("door", "pir")}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            with suppress(OSError, AssertionError, ValueError):
                self._speak()
            self._stop.wait(0.2)

    def _speak(self) -> None:
        site = self._stage.site
        client = NativeClient.to(
            site.edge_folder(self._gateway), site.native_token_file, self.models
        )
        try:
            while not self._stop.is_set():
                for slug, model in self.models.items():
                    client.send(slug, values=WELL[model])
                client.wait_kept()
                self._stop.wait(1.0)
        finally:
            client.close()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(20)


@pytest.fixture
def admin(stage: Stage) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stage.url, timeout=30) as client:
        said = {"username": "admin", "password": stage.site.passwords["admin"]}
        assert client.post("/api/v1/session", json=said).status_code == 204
        client.headers["X-CSRF-Token"] = client.get("/api/v1/session").json()["csrf"]
        yield client


@pytest.fixture
def speaking(stage: Stage) -> Iterator[dict[str, Devices]]:
    gateways = {g: Devices(stage, g) for g in stage.site.gateway_secrets}
    yield gateways
    for devices in gateways.values():
        devices.stop()


def shorten(admin: httpx.Client, rule: str, **changed: Any) -> None:
    document = yaml.safe_load(library_texts()[rule])
    document = (document[0] if isinstance(document, list) else document) | changed
    calm = document["tests"][0]["given"][0]
    document["tests"] = [{"name": "calm", "given": [calm], "expect": [], "until": "1s"}]
    text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
    saved = admin.post(f"/api/v1/rules/{rule}/versions", json={"text": text, "based_on": 1})
    assert saved.status_code == 201, saved.text
    said = {"version": 2, "reason": "a small site", "seen": 0}
    answer = admin.post(f"/api/v1/rules/{rule}/activate", json=said)
    assert answer.status_code == 200, answer.text


def wait_for(true: Callable[[], object], what: Callable[[], object], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, f"waited {timeout_s:g} s in vain; now: {what()}"
        time.sleep(0.2)


def test_one_dead_gateway_is_one_alert_and_its_children_tell_the_truth_when_it_is_back(
    stage: Stage, admin: httpx.Client, speaking: dict[str, Devices]
) -> None:
    children = speaking[DEAD].models
    assert len(children) > 30

    def statuses() -> Counter[str]:
        found: dict[str, str] = {}
        for page in range(1, 20):
            asked = {"gateway": DEAD, "size": "200", "page": str(page)}
            rows = admin.get("/api/v1/devices", params=asked).json()["rows"]
            found |= {row["slug"]: row["status"] for row in rows if row["slug"] in children}
            if not rows:
                break
        return Counter(found.values())

    def alerts() -> Counter[str]:
        """Count what is open by rule and condition, but for what another gateway's camera sees."""
        said = [(a["rule_id"], a["condition"]) for a in admin.get("/api/v1/alerts").json()]
        return Counter(" ".join(one) for one in said if one[0] != "zone-intrusion")

    everybody = len(children)
    wait_for(lambda: statuses() == {"ok": everybody}, statuses, 60)
    for rule, changed in SHORT.items():
        shorten(admin, rule, **changed)

    agent = next(c for c in stage.children._children if c.name == f"edge-{DEAD}")
    agent.process.kill()
    agent.process.wait()
    (stage.site.edge_folder(DEAD) / "port").unlink()
    wait_for(lambda: alerts() == {"gateway-lost active": 1}, alerts, 30)
    assert statuses() == {"unknown": everybody}
    time.sleep(20)  # more than twice as long as any of them may be silent
    assert alerts() == {"gateway-lost active": 1}

    wait_for(lambda: agent.tend() is None and agent.process.poll() is None, alerts, 30)
    started = time.monotonic()
    wait_for(lambda: statuses() == {"ok": everybody}, statuses, 60)
    took_s = time.monotonic() - started
    print(f"{everybody} children were right again {took_s:.1f} s after the agent's start")
    wait_for(lambda: alerts() == {"gateway-lost clear": 1}, alerts, 30)
    time.sleep(10)
    assert alerts() == {"gateway-lost clear": 1}  # it waits for somebody who has seen it
    assert statuses() == {"ok": everybody}
