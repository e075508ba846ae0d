from __future__ import annotations

import contextlib
import csv
import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from devices_on_wire import NativeClient

from anju_devices.messages import Lane
from anju_devices.topics import Channel
from anju_edge.clock import now_ms
from anju_edge.vision import scene

TOKEN = "a-token"


def wait_until(true: Callable[[], object], what: str = "it", timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)


class Device:
    """A device that sends again what it did not hear kept, over any number of connections."""

    def __init__(self, process: Any, count: int) -> None:
        self._process = process
        self._count = count
        self._stopping = False
        self.done = 0
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        while self.done < self._count and not self._stopping:
            try:
                self._serve()
            except (OSError, ValueError, AssertionError):
                time.sleep(0.05)

    def _serve(self) -> None:
        port = int((self._process.folder / "port").read_text())
        with socket.create_connection(("127.0.0.1", port), timeout=5) as link:
            lines = link.makefile("rb")
            hello = {"token": TOKEN, "devices": {"sos-1": "sos_button", "pir-1": "pir"}}
            link.sendall(json.dumps(hello).encode() + b"\n")
            assert json.loads(lines.readline()) == {"ok": True}
            base = self.done
            while self.done < self._count:
                upto = min(self.done + 20, self._count)
                link.sendall(b"".join(self._line(n) for n in range(self.done, upto)))
                kept = 0
                while kept < upto - base:
                    kept = json.loads(lines.readline())["kept"]
                self.done = upto
                time.sleep(0.002)

    def _line(self, n: int) -> bytes:
        said: dict[str, Any] = {"device": "pir-1", "at": 1_700_000_000_000 + n}
        if n % 4 == 0:
            said |= {"device": "sos-1", "event": "pressed"}
        else:
            said["values"] = {"motion": n % 2 == 0, "lux": n}
        return json.dumps(said).encode() + b"\n"

    def stop(self) -> None:
        self._stopping = True
        self.thread.join(10)


def from_devices(ingest: Any) -> list[tuple[Lane, str, int]]:
    return [(x, r.device, r.at) for x, r in ingest.readings if r.device in {"sos-1", "pir-1"}]


def test_killed_mid_stream_again_and_again_nothing_is_lost_and_nothing_doubled(
    agent: Callable[..., Any], ingest: Any
) -> None:
    process = agent()
    process.start()
    device = Device(process, 6000)
    try:
        for _ in range(4):
            before = device.done
            wait_until(lambda seen=before: device.done > seen + 600, "the device to go on")  # type: ignore[misc]
            process.kill()
            process.start()
        wait_until(lambda: device.done == 6000, "all to be kept", 60)
        wait_until(lambda: len(from_devices(ingest)) >= 6000, "all to arrive")
        time.sleep(0.5)
    finally:
        device.stop()
    arrived = from_devices(ingest)
    assert Counter(arrived).most_common(1)[0][1] == 1, "nothing is doubled"
    assert len(arrived) == 6000
    for lane in Lane:
        times = [at for where, _, at in arrived if where is lane]
        assert times == sorted(times), "each lane keeps its order"
    assert len({epoch for epoch, _ in ingest.committed}) == 1
    started = [r for r in ingest.events("started") if r.device == "gw-west"]
    assert len(started) >= 4
    assert {r.device for r in ingest.events("canary")} == {"gw-west"}  # its first word of all


def test_it_is_small_quick_to_start_and_ends_in_order(
    agent: Callable[..., Any], ingest: Any
) -> None:
    process = agent()
    began = time.monotonic()
    process.start()
    client = NativeClient(process.port(), TOKEN, {"sos-1": "sos_button"})
    assert time.monotonic() - began < 5
    client.send("sos-1", event="pressed")
    client.wait_kept()
    wait_until(lambda: ingest.events("pressed"))
    status = Path(f"/proc/{process.pid}/status").read_text()
    resident_kb = next(int(x.split()[1]) for x in status.splitlines() if x.startswith("VmRSS"))
    print(f"{resident_kb / 1024:.0f} MiB resident")
    assert resident_kb < 120 * 1024
    assert "cv2" not in Path(f"/proc/{process.pid}/maps").read_text()
    client.close()
    assert process.stop() == 0
    wait_until(lambda: ingest.status[-1]["online"] is False)


def test_a_killed_agent_is_offline_by_its_last_will(agent: Callable[..., Any], ingest: Any) -> None:
    process = agent()
    process.start()
    wait_until(lambda: ingest.status and ingest.status[-1]["online"])
    process.kill()
    wait_until(lambda: ingest.status[-1]["online"] is False)


def test_an_absent_broker_is_waited_for(
    agent: Callable[..., Any], broker: Any, ingest: Any
) -> None:
    broker.stop()
    process = agent()
    process.start()
    client = NativeClient(process.port(), TOKEN, {"sos-1": "sos_button"})
    client.send("sos-1", event="pressed")
    client.wait_kept()
    client.close()
    wait_until(lambda: f"127.0.0.1:{broker.port}" in process.text(), "the log to name the broker")
    broker.start()
    wait_until(lambda: ingest.events("pressed"), "the event", 40)


def test_the_real_home_at_many_times_its_speed_arrives_row_by_row(
    agent: Callable[..., Any], ingest: Any, recordings: Path
) -> None:
    film = recordings / "home" / "house-a-sensors.csv"
    with film.open() as lines:
        rows = list(csv.DictReader(lines))
    process = agent(
        replay=[
            {"file": str(film), "home": "house-a", "speed": 500_000, "timezone": "Europe/Amsterdam"}
        ]
    )
    process.start()
    wait_until(lambda: len(ingest.events()) > 300)
    process.kill()
    process.start()

    def played() -> list[Any]:
        return [r for r in ingest.events() if r.device.startswith("house-a-")]

    wait_until(lambda: len(played()) >= len(rows), "every row")
    time.sleep(0.5)
    assert len(played()) == len(rows)
    assert len({r.id for r in played()}) == len(rows)
    front = [r for r in played() if r.device == "house-a-front-door"]
    assert {r.event for r in front} == {"opened"}
    assert len(front) == sum(row["sensor"] == "Front door" for row in rows)
    assert Counter(r.device for r in played())["house-a-fridge"] == 140
    assert min(r.at for r in played()) == 1203895214000  # 2008-02-25 00:20:14 in Amsterdam


def test_a_recorded_home_is_described_for_the_platform(tmp_path: Path) -> None:
    recording = tmp_path / "Flat 12.csv"
    recording.write_text(
        "start,end,sensor\n2024-01-01 08:00:00,2024-01-01 08:00:05,Front door\n"
        "2024-01-01 08:01:00,2024-01-01 08:02:00,Fridge\n"
    )
    out = tmp_path / "community.json"
    command = [sys.executable, "-m", "anju_edge", "describe-replay", str(recording)]
    subprocess.run([*command, "--out", str(out)], check=True, capture_output=True)
    document = json.loads(out.read_text())
    devices = {device["slug"]: device["model"] for device in document["devices"]}
    assert devices == {
        "gw-replay": "gateway",
        "flat-12-front-door": "door_contact",
        "flat-12-fridge": "binary_sensor",
    }
    assert document["community"]["slug"] == "yangguang"
    assert document["community"]["name"]
    known = {place["slug"] for place in document["places"]}
    assert {device["place"] for device in document["devices"]} <= known


def test_a_recorded_home_joins_a_community_without_changing_it(tmp_path: Path) -> None:
    recording = tmp_path / "flat.csv"
    recording.write_text("start,end,sensor\n2024-01-01 08:00:00,2024-01-01 08:00:05,Fridge\n")
    head = {
        "slug": "heyuan",
        "name": "和园",
        "name_en": "Harmony",
        "timezone": "Asia/Shanghai",
        "plan": {"width": 9, "height": 9, "shapes": []},
    }
    like, out = tmp_path / "like.json", tmp_path / "out.json"
    like.write_text(json.dumps({"community": head, "places": []}))
    command = [sys.executable, "-m", "anju_edge", "describe-replay", str(recording)]
    subprocess.run([*command, "--like", str(like), "--out", str(out)], check=True)
    assert json.loads(out.read_text())["community"] == head


def test_a_recording_that_cannot_be_read_is_named_with_its_line(tmp_path: Path) -> None:
    recording = tmp_path / "flat.csv"
    recording.write_text("start,end,sensor\n2024-01-01 08:00:00,soon,Fridge\n")
    command = [sys.executable, "-m", "anju_edge", "describe-replay", str(recording), "--out", "x"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert f"{recording}:2: not a row of start,end,sensor" in done.stderr


def test_a_cell_too_large_for_a_table_is_no_reason_to_fall_over(tmp_path: Path) -> None:
    recording = tmp_path / "flat.csv"
    recording.write_text("start,end,sensor\n" + "x" * 200_000 + "\n")
    command = [sys.executable, "-m", "anju_edge", "describe-replay", str(recording), "--out", "x"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert f"{recording}: cannot be read" in done.stderr


def test_recorded_sensors_with_chinese_names_are_devices_of_their_own(tmp_path: Path) -> None:
    recording = tmp_path / "flat.csv"
    rows = [f"2024-01-01 08:00:0{n},2024-01-01 08:01:00,{x}" for n, x in enumerate("厨厅厨卧")]
    recording.write_text("\n".join(["start,end,sensor", *rows, ""]))
    out = tmp_path / "out.json"
    command = [sys.executable, "-m", "anju_edge", "describe-replay", str(recording)]
    subprocess.run([*command, "--out", str(out)], check=True)
    devices = [d for d in json.loads(out.read_text())["devices"] if d["model"] != "gateway"]
    assert [device["name"] for device in devices] == ["厨", "厅", "卧"]
    assert len({device["slug"] for device in devices}) == 3


def test_a_shifted_replay_is_stamped_with_now(
    agent: Callable[..., Any], ingest: Any, tmp_path: Path
) -> None:
    recording = tmp_path / "flat.csv"
    recording.write_text("start,end,sensor\n2008-01-01 08:00:00,2008-01-01 08:00:01,Fridge\n")
    agent(replay=[{"file": str(recording), "shift": True}]).start()
    wait_until(lambda: ingest.events("active"))
    assert abs(ingest.events("active")[0].at - now_ms()) < 10_000


class Platform(HTTPServer):
    """Takes snapshots as the platform does; fails the first time."""

    def __init__(self) -> None:
        self.got: dict[str, bytes] = {}
        self.headers: list[dict[str, str]] = []
        self.calls = 0
        super().__init__(("127.0.0.1", 0), _Upload)


class _Upload(BaseHTTPRequestHandler):
    server: Platform

    def do_PUT(self) -> None:
        self.server.calls += 1
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.calls == 1:
            self.send_error(503)
            return
        self.server.headers.append(dict(self.headers))
        self.server.got[self.path] = body
        self.send_response(201)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def platform() -> Any:
    server = Platform()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def command(name: str, **changes: Any) -> dict[str, Any]:
    return {"id": f"c-{now_ms()}", "name": name, "expires_at": now_ms() + 20_000, **changes}


def test_a_camera_sees_somebody_and_its_picture_is_uploaded_when_asked_for(
    agent: Callable[..., Any], ingest: Any, platform: Platform, tmp_path: Path
) -> None:
    film = tmp_path / "film.avi"
    scene.write(film, seconds=20, seed=1)
    (tmp_path / "gateway-secret").write_text("hush")
    zone = {"name": "fence", "polygon": [list(point) for point in scene.STRIP]}
    url = f"http://127.0.0.1:{platform.server_port}"
    process = agent(
        platform={"url": url, "secret_file": "gateway-secret"},
        cameras=[
            {"device": "cam-1", "source": str(film), "realtime": False, "zones": [zone]},
            {"device": "cam-2", "source": "missing.avi", "lost_after_s": 1},
        ],
    )
    process.start()
    wait_until(lambda: ingest.events("zone_entered"), f"somebody; {process.text()}")
    entered = ingest.events("zone_entered")[0]
    name = entered.data["snapshot"]
    asked = command("upload-snapshot", args={"id": name})
    ingest.send(Channel.COMMANDS, asked)
    wait_until(lambda: ingest.results, "the result")
    assert ingest.results[0]["ok"] is True
    assert ingest.results[0]["id"] == asked["id"]
    picture = platform.got[f"/api/v1/gateway/snapshots/{name}"]
    assert picture[:2] == b"\xff\xd8"
    assert platform.headers[0]["Authorization"] == "Bearer hush"
    assert platform.headers[0]["X-Anju-Gateway"] == "yangguang/gw-west"
    wait_until(lambda: ingest.events("lost"), "the other camera's loss")
    assert "hush" not in process.text()


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"name": "dance"}, "does not know the command 'dance'"),
        ({"name": "locate", "device": "nobody"}, "not connected"),
        ({"name": "upload-snapshot", "args": {"id": "../etc/passwd"}}, "not a snapshot's id"),
        ({"name": "upload-snapshot", "args": {"id": "none"}}, "is not here"),
        ({"name": "upload-snapshot", "expires_at": 1}, "after it had expired"),
    ],
)
def test_a_command_that_cannot_be_done_says_why(
    agent: Callable[..., Any], ingest: Any, tmp_path: Path, asked: dict[str, Any], expected: str
) -> None:
    (tmp_path / "gateway-secret").write_text("hush")
    process = agent(platform={"url": "http://127.0.0.1:9", "secret_file": "gateway-secret"})
    process.start()
    wait_until(lambda: ingest.status and ingest.status[-1]["online"])
    ingest.send(Channel.COMMANDS, command(asked.pop("name"), **asked))
    wait_until(lambda: ingest.results)
    assert ingest.results[0]["ok"] is False
    assert expected in ingest.results[0]["detail"]


def test_an_upload_that_cannot_be_done_does_not_delay_the_end(
    agent: Callable[..., Any], ingest: Any, tmp_path: Path
) -> None:
    (tmp_path / "gateway-secret").write_text("hush")
    pictures = tmp_path / "data" / "snapshots"
    pictures.mkdir(parents=True)
    (pictures / "a.jpg").write_bytes(b"picture")
    process = agent(platform={"url": "http://127.0.0.1:9", "secret_file": "gateway-secret"})
    process.start()
    wait_until(lambda: ingest.status and ingest.status[-1]["online"])
    asked = command("upload-snapshot", args={"id": "a"}, expires_at=now_ms() + 600_000)
    ingest.send(Channel.COMMANDS, asked)
    wait_until(lambda: "next try in" in process.text(), "the upload to fail")
    began = time.monotonic()
    assert process.stop() == 0
    assert time.monotonic() - began < 5
    assert not ingest.results


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"brokr": {}}, "brokr: unknown key; did you mean 'broker'?"),
        ({"native": {"token_file": "nowhere"}}, "native.token_file"),
        ({"data_dir": "/proc/nothing"}, "data_dir"),
    ],
)
def test_a_wrong_configuration_ends_it_with_a_sentence(
    agent: Callable[..., Any], changes: dict[str, Any], expected: str
) -> None:
    process = agent(**changes)
    process.start()
    assert process.wait() == 2
    assert expected in process.text()
    assert "Traceback" not in process.text()


def test_the_platforms_configuration_is_kept_whole_and_a_fault_in_tidying_ends_nothing(
    agent: Callable[..., Any], ingest: Any, tmp_path: Path
) -> None:
    pictures = tmp_path / "data" / "snapshots"
    pictures.mkdir(parents=True)
    (pictures / ".half.draft").write_bytes(b"half")
    (pictures / "odd.jpg").mkdir()  # a file of ours it is not, and unlink fails on it
    os.utime(pictures / "odd.jpg", (1, 1))
    process = agent()
    process.start()
    wait_until(lambda: ingest.status and ingest.status[-1]["online"])
    kept = tmp_path / "data" / "platform-config.json"
    ingest.send(Channel.CONFIG, {"devices": []})
    wait_until(kept.exists, "the configuration")
    assert json.loads(kept.read_text()) == {"devices": []}
    wait_until(lambda: "old snapshots cannot be deleted" in process.text(), "the log")
    kept.unlink()
    ingest.send(Channel.CONFIG, {"devices": [1]})
    wait_until(kept.exists, "the agent to go on")
    assert list(pictures.iterdir()) == [pictures / "odd.jpg"]


def test_a_spool_damaged_at_work_ends_the_agent_and_the_next_start_says_so(
    agent: Callable[..., Any], ingest: Any, tmp_path: Path
) -> None:
    process = agent()
    process.start()
    client = NativeClient(process.port(), TOKEN, {"sos-1": "sos_button"})
    wait_until(lambda: ingest.events("started"))
    path = tmp_path / "data" / "spool.db"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.execute("PRAGMA user_version=7")  # tells the agent that the file has changed
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xa5" * (path.stat().st_size - 4096))
    client.send("sos-1", event="pressed")
    with pytest.raises((AssertionError, OSError)):
        client.wait_kept()
    client.close()
    assert process.wait() == 2
    assert "the spool is damaged" in process.text()
    (tmp_path / "port").unlink()
    process.start()
    client = NativeClient(process.port(), TOKEN, {"sos-1": "sos_button"})
    client.send("sos-1", event="pressed")
    client.wait_kept()
    client.close()
    wait_until(lambda: ingest.events("pressed") and ingest.events("driver_failed"))
    assert "spool.db is damaged" in ingest.events("driver_failed")[0].data["detail"]


def test_two_agents_never_share_a_folder(agent: Callable[..., Any], tmp_path: Path) -> None:
    first = agent()
    first.start()
    first.port()
    second = subprocess.run(
        [sys.executable, "-m", "anju_edge", "--config", str(tmp_path / "edge.yaml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 2
    assert "another anju-edge is using" in second.stderr


def test_one_failing_driver_stops_no_other(agent: Callable[..., Any], ingest: Any) -> None:
    process = agent(replay=[{"file": "nowhere.csv"}])
    process.start()
    client = NativeClient(process.port(), TOKEN, {"sos-1": "sos_button"})
    client.send("sos-1", event="pressed")
    client.wait_kept()
    client.close()
    wait_until(lambda: ingest.events("pressed"))
    wait_until(lambda: ingest.events("driver_failed"))
    assert "nowhere.csv: cannot be read" in ingest.events("driver_failed")[0].data["detail"]
