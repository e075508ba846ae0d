from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2  # noqa: TID251
import numpy as np
import pytest

from anju_devices.catalog import model
from anju_devices.messages import Lane, Reading, decode_batch
from anju_edge.config import CameraConfig, ZoneConfig
from anju_edge.drivers import camera as camera_driver
from anju_edge.drivers.camera import CameraDriver
from anju_edge.errors import CameraError, SpoolFullError
from anju_edge.intake import Intake
from anju_edge.spool import Spool
from anju_edge.vision import scene, snapshot
from anju_edge.vision.blobs import Box, find
from anju_edge.vision.foreground import Background
from anju_edge.vision.frames import Frame, open_capture, read_file
from anju_edge.vision.kinds import kind_of
from anju_edge.vision.pipeline import Pipeline
from anju_edge.vision.sight import Sight
from anju_edge.vision.tracks import Track, Tracker
from anju_edge.vision.zones import Change, Crossing, Zone, inside

ROAD = ((0.40, 0.40), (0.90, 0.40), (0.98, 0.55), (0.98, 0.80), (0.62, 0.63), (0.40, 0.51))
"""The road in front of the building, in campus-walkers-480x360.avi."""
SQUARE = ((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8))


def camera(source: str = "none", polygon: Any = SQUARE, **changes: Any) -> CameraConfig:
    zone = ZoneConfig(name="ground", polygon=polygon, dwell_s=changes.pop("dwell_s", 10))
    return CameraConfig(device="cam-1", source=source, zones=(zone,), **changes)


def watch(config: CameraConfig, snapshots: Path) -> list[tuple[float, Reading]]:
    """Play a whole file as fast as it goes; give each reading with the film's time."""
    said: list[tuple[float, Reading]] = []
    at = 0.0
    pipeline = Pipeline(
        config,
        snapshots=snapshots,
        timezone="Asia/Shanghai",
        say=lambda reading: said.append((at, reading)),
    )
    source = config.source
    for frame in read_file(source, fps=config.fps, realtime=False, loop=False, timeout_s=5):
        at = frame.at
        pipeline.take(frame)
    return said


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "perimeter.avi"
    assert scene.write(path, seconds=40, seed=1) == 40 * scene.FPS
    return path


def test_the_same_seed_draws_the_same_film() -> None:
    one, two = (next(scene.frames(1, seed)) for seed in (3, 3))
    other = next(scene.frames(1, 4))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_somebody_over_the_wall_is_one_person_in_the_strip(film: Path, tmp_path: Path) -> None:
    said = watch(camera(str(film), scene.STRIP, dwell_s=10), tmp_path)
    names = [reading.event for _, reading in said]
    assert names == ["zone_entered", "zone_dwell", "zone_left"]
    at, entered = said[0]
    assert scene.FIRST_S - 1 < at < scene.FIRST_S + 1.5
    assert entered.data["class"] == "person"
    assert entered.data["zone_kind"] == "intrusion"
    assert len({reading.data["track"] for _, reading in said}) == 1
    assert 15 < said[2][1].data["dwell_s"] < 21
    for _, reading in said:
        model("camera").check(reading)
    picture = cv2.imread(str(tmp_path / f"{entered.data['snapshot']}.jpg"))
    assert picture is not None
    assert picture.shape[1] >= 960
    assert len(list(tmp_path.glob("*.jpg"))) == 2


def test_people_walking_on_a_real_road_enter_the_zone(
    recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feet: list[tuple[float, float]] = []
    filled: list[float] = []
    masks: list[Any] = []
    subtract, draw = Background.subtract, snapshot.draw

    def remember(self: Background, frame: Frame, *, quiet: bool) -> Any:
        found = subtract(self, frame, quiet=quiet)
        masks[:] = [found.mask]
        return found

    def inspect(image: Any, crossing: Crossing, **rest: Any) -> Any:
        box, mask = crossing.track.box, masks[0]
        height, width = mask.shape
        rows = slice(int(box.top * height), int(box.bottom * height))
        columns = slice(int(box.left * width), int(box.right * width))
        feet.append(box.foot)
        filled.append(float((mask[rows, columns] > 0).mean()))
        return draw(image, crossing, **rest)

    monkeypatch.setattr(Background, "subtract", remember)
    monkeypatch.setattr(snapshot, "draw", inspect)
    film = recordings / "video" / "campus-walkers-480x360.avi"
    said = watch(camera(str(film), ROAD, dwell_s=10), tmp_path)
    counts = Counter(reading.event for _, reading in said)
    assert 20 <= counts["zone_entered"] <= 50
    assert 0 <= counts["zone_entered"] - counts["zone_left"] <= 6
    assert min(at for at, _ in said) > 4, "the warm-up says nothing"
    classes = Counter(r.data["class"] for _, r in said if r.event == "zone_entered")
    assert classes["person"] >= 0.9 * counts["zone_entered"]
    assert all(inside(ROAD, foot) for foot in feet)
    assert min(filled) > 0.2
    assert sum(filled) / len(filled) > 0.4


def test_a_polygon_knows_inside_from_outside() -> None:
    assert inside(SQUARE, (0.5, 0.5))
    assert not inside(SQUARE, (0.1, 0.5))
    assert not inside(ROAD, (0.45, 0.9))
    concave = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.5), (0.0, 1.0))
    assert not inside(concave, (0.5, 0.9))
    assert inside(concave, (0.1, 0.8))


def test_two_pieces_of_a_figure_are_one_and_two_people_in_line_are_two() -> None:
    mask = np.zeros((360, 480), np.uint8)
    cv2.rectangle(mask, (100, 100), (118, 125), 255, -1)
    cv2.rectangle(mask, (100, 130), (118, 155), 255, -1)
    cv2.rectangle(mask, (300, 100), (318, 150), 255, -1)
    cv2.rectangle(mask, (300, 156), (318, 206), 255, -1)
    boxes = find(mask, min_height=0.03)
    left = [box for box in boxes if box.left < 0.5]
    assert len(left) == 1
    assert left[0].bottom == pytest.approx(156 / 360, abs=0.01)
    assert len(boxes) == 3


def test_wisps_and_crumbs_are_no_things() -> None:
    mask = np.zeros((360, 480), np.uint8)
    cv2.line(mask, (10, 10), (200, 200), 255, 1)
    cv2.circle(mask, (300, 300), 2, 255, -1)
    assert find(mask, min_height=0.03) == []


def walk(tracker: Tracker, steps: Sequence[tuple[float, Box | None]]) -> list[list[Track]]:
    return [tracker.update([] if box is None else [box], at) for at, box in steps]


def box_at(x: float, y: float = 0.5) -> Box:
    return Box(x - 0.02, y - 0.15, x + 0.02, y)


def test_a_track_survives_being_hidden_for_a_second() -> None:
    steps: list[tuple[float, Box | None]] = [(n / 5, box_at(0.2 + n * 0.01)) for n in range(6)]
    steps += [(n / 5, None) for n in range(6, 11)]
    steps += [(n / 5, box_at(0.2 + n * 0.01)) for n in range(11, 14)]
    seen = walk(Tracker(), steps)
    assert {track.number for tracks in seen for track in tracks} == {1}


def test_two_who_pass_each_other_keep_their_numbers() -> None:
    tracker = Tracker()
    for n in range(21):
        tracker.update([box_at(0.2 + n * 0.02, 0.50), box_at(0.6 - n * 0.02, 0.56)], n / 5)
    ends = {track.number: track.box.foot[0] for track in tracker.tracks}
    assert ends == {1: pytest.approx(0.6), 2: pytest.approx(0.2)}


def test_who_stands_on_the_border_enters_once() -> None:
    zone, tracker = Zone(camera().zones[0]), Tracker()
    changes = []
    for n in range(60):
        x = 0.2 - max(0, 10 - n) * 0.01 + (0.005 if n % 2 else -0.005)
        seen = tracker.update([box_at(x)], n / 5)
        changes += zone.update(seen, tracker.tracks, n / 5)
    assert [c.change for c in changes].count(Change.ENTERED) == 1
    assert Change.LEFT not in [c.change for c in changes]


def test_who_vanishes_in_the_zone_has_left_it() -> None:
    zone, tracker = Zone(camera().zones[0]), Tracker()
    changes = []
    for n in range(40):
        seen = tracker.update([box_at(0.4 + n * 0.005)] if n < 20 else [], n / 5)
        changes += zone.update(seen, tracker.tracks, n / 5)
    assert [c.change for c in changes] == [Change.ENTERED, Change.LEFT]
    assert changes[1].dwell_s == pytest.approx(2.6, abs=0.5)


def test_what_comes_with_a_change_of_light_must_move_to_have_entered() -> None:
    zone, tracker = Zone(camera().zones[0]), Tracker()
    changes = []
    for n in range(60):
        seen = tracker.update([box_at(0.5)], n / 5, doubtful=True)
        changes += zone.update(seen, tracker.tracks, n / 5)
    assert changes == []


def test_a_piece_of_somebody_is_nobody_new() -> None:
    tracker = Tracker()
    for n in range(10):
        whole = box_at(0.3 + n * 0.01)
        sleeve = Box(whole.left, whole.top + 0.05, whole.left + 0.01, whole.top + 0.09)
        tracker.update([whole, sleeve] if n > 4 else [whole], n / 5)
    assert [track.number for track in tracker.tracks] == [1]


@pytest.mark.parametrize(
    ("size", "expected"),
    [((0.03, 0.20), "person"), ((0.25, 0.15), "vehicle"), ((0.02, 0.02), "unknown")],
)
def test_a_shape_is_called_what_it_may_be(size: tuple[float, float], expected: str) -> None:
    width, height = size
    track = Track(1, Box(0, 0, width, height), 0, 0, 9, height, width)
    assert kind_of(track, aspect=16 / 9) == expected


def test_a_light_switched_on_is_not_somebody(tmp_path: Path) -> None:
    said: list[Reading] = []
    pipeline = Pipeline(camera(warmup_s=2), snapshots=tmp_path, timezone="UTC", say=said.append)
    rng = np.random.default_rng(1)
    ground = rng.integers(40, 90, (180, 320, 3)).astype(np.uint8)
    for n in range(100):
        bright = ground if n < 50 else np.minimum(ground.astype(int) + 90, 255)
        noisy = np.clip(bright + rng.normal(0, 2, ground.shape), 0, 255).astype(np.uint8)
        pipeline.take(Frame(noisy, n / 5))
    assert said == []


def test_a_car_that_parks_stays_in_the_zone_until_it_leaves(tmp_path: Path) -> None:
    said: list[tuple[float, Reading]] = []
    at = 0.0
    pipeline = Pipeline(
        camera(warmup_s=4, dwell_s=60),
        snapshots=tmp_path,
        timezone="UTC",
        say=lambda reading: said.append((at, reading)),
    )
    rng = np.random.default_rng(1)
    ground = cv2.resize(rng.integers(60, 120, (18, 32, 3)).astype(np.uint8), (160, 90))
    noises = [rng.normal(0, 2, ground.shape) for _ in range(20)]
    for n in range(1300):
        at = n / 5
        image = ground + noises[int(rng.integers(20))]
        x = min(-30 + (n - 50) * 3, 65) if n < 1100 else 65 + (n - 1100) * 3
        if n >= 50 and x < 160:
            image[45:65, max(x, 0) : max(x + 45, 0)] = (40, 30, 150)
        pipeline.take(Frame(np.clip(image, 0, 255).astype(np.uint8), at))
    names = [reading.event for _, reading in said]
    assert names == ["zone_entered", *["zone_dwell"] * 3, "zone_left"]
    assert {r.data["class"] for _, r in said if r.event == "zone_dwell"} == {"vehicle"}
    assert 200 < said[-1][1].data["dwell_s"] < 220


def test_a_covered_lens_is_told_after_a_while_and_taken_back() -> None:
    sight = Sight()
    rng = np.random.default_rng(1)
    coarse = cv2.resize(rng.integers(0, 255, (9, 16, 3)).astype(np.uint8), (320, 180))
    covered = np.full((180, 320, 3), 12, np.uint8)
    said = []
    for n in range(150):
        image = covered if 25 <= n < 100 else coarse
        found = sight.update(Frame(np.asarray(image, np.uint8), n / 5))
        if found:
            said.append((n / 5, found))
    assert said == [(10.0, "blocked"), (25.0, "unblocked")]


def test_a_source_that_is_no_video_is_named(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match="no such file"):
        open_capture(str(tmp_path / "none.avi"), timeout_s=2)
    broken = tmp_path / "broken.avi"
    broken.write_bytes(b"this is not a video" * 100)
    with pytest.raises(CameraError, match="is no video"):
        open_capture(str(broken), timeout_s=2)


def test_an_unreachable_stream_is_given_up_in_time_and_its_password_not_told() -> None:
    began = time.monotonic()
    with pytest.raises(CameraError, match="cannot be reached") as caught:
        open_capture("rtsp://user:secret@127.0.0.1:9/stream", timeout_s=2)
    assert time.monotonic() - began < 10
    assert "secret" not in str(caught.value)


class Driven:
    """A camera driver at work, and what it has kept."""

    def __init__(self, config: CameraConfig, spool: Spool, folder: Path) -> None:
        self.spool = spool
        self.driver = CameraDriver(
            config, Intake(spool), snapshots=folder, timezone="Asia/Shanghai"
        )
        self._stop = threading.Event()
        self.thread = threading.Thread(target=self.driver.run, args=(self._stop,))
        self.thread.start()

    def events(self) -> list[Reading]:
        found: list[Reading] = []
        for seq in range(1, self.spool.lane(Lane.EVENTS).last + 1):
            payload = self.spool.take(Lane.EVENTS, seq)
            found += decode_batch(payload).readings if payload else []
        return found

    def wait_for(self, *names: str, timeout_s: float = 40.0) -> list[Reading]:
        deadline = time.monotonic() + timeout_s
        while [r.event for r in self.events()][: len(names)] != list(names):
            assert time.monotonic() < deadline, [r.event for r in self.events()]
            time.sleep(0.1)
        return self.events()

    def wait_held(self, *names: str) -> None:
        """Wait until these events are held back, for want of room."""
        deadline = time.monotonic() + 40
        while [r.event for r in list(self.driver._held)] != list(names):
            assert time.monotonic() < deadline, list(self.driver._held)
            time.sleep(0.05)

    def stop(self) -> None:
        self._stop.set()
        self.thread.join(10)
        assert not self.thread.is_alive()


@pytest.fixture
def drive(new_spool: Callable[..., Spool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(camera_driver, "LAST_RETRY_S", 1.0)
    driven: list[Driven] = []

    def begin(config: CameraConfig) -> Driven:
        driven.append(Driven(config, new_spool(), tmp_path))
        return driven[-1]

    yield begin
    for one in driven:
        one.stop()


def test_a_missing_file_is_lost_and_restored_when_it_comes(
    drive: Callable[[CameraConfig], Driven], film: Path, tmp_path: Path
) -> None:
    source = tmp_path / "later.avi"
    driven = drive(camera(str(source), lost_after_s=1.0, loop=True))
    (lost,) = driven.wait_for("lost")
    assert "no such file" in lost.data["reason"]
    draft = tmp_path / "draft.avi"
    draft.write_bytes(film.read_bytes())
    draft.rename(source)
    driven.wait_for("lost", "restored")


def test_events_wait_while_the_spool_has_no_room_and_are_told_in_their_order(
    drive: Callable[[CameraConfig], Driven],
    film: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object, **__: object) -> None:
        raise SpoolFullError("the disk is full")

    source = tmp_path / "later.avi"
    driven = drive(camera(str(source), lost_after_s=0.5, loop=True))
    with monkeypatch.context() as patch:
        patch.setattr(driven.spool, "append", full)
        driven.wait_held("lost")
        draft = tmp_path / "draft.avi"
        draft.write_bytes(film.read_bytes())
        draft.rename(source)
        driven.wait_held("lost", "restored")
        assert driven.events() == []
    driven.wait_for("lost", "restored")


def test_a_camera_process_is_watched_killed_and_started_again(
    drive: Callable[[CameraConfig], Driven], monkeypatch: pytest.MonkeyPatch, film: Path
) -> None:
    monkeypatch.setattr(camera_driver, "SILENCE_S", 2.0)
    monkeypatch.setattr(camera_driver, "FIRST_RETRY_S", 3.5)
    driven = drive(camera(str(film), scene.STRIP, lost_after_s=2.5, loop=True))
    child = wait_for_child()
    while driven.spool.lane(Lane.TELEMETRY).last == 0:
        time.sleep(0.05)
    os.kill(child, signal.SIGSTOP)  # what a hung decoder looks like from outside
    driven.wait_for("lost", "restored")
    assert wait_for_child() != child


class Broadcast(ThreadingHTTPServer):
    """A network camera: motion JPEG over HTTP; may fall silent without closing."""

    daemon_threads = True

    def __init__(self) -> None:
        self.silent = False
        super().__init__(("127.0.0.1", 0), _Stream)


class _Stream(BaseHTTPRequestHandler):
    server: Broadcast

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        with contextlib.suppress(OSError):
            for image in scene.frames(600, 1, (320, 180)):
                while self.server.silent:
                    time.sleep(0.05)
                data = cv2.imencode(".jpg", image)[1].tobytes()
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                self.wfile.write(head.encode() + data + b"\r\n")
                time.sleep(0.04)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def broadcast() -> Iterator[Broadcast]:
    server = Broadcast()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_stream_that_falls_silent_is_lost_and_comes_back(
    drive: Callable[[CameraConfig], Driven], broadcast: Broadcast
) -> None:
    source = f"http://127.0.0.1:{broadcast.server_port}/live.mjpeg"
    driven = drive(camera(source, lost_after_s=3.0, open_timeout_s=2.5, fps=5))
    while driven.spool.lane(Lane.TELEMETRY).last == 0:
        time.sleep(0.05)
    assert driven.events() == []
    broadcast.silent = True
    (lost,) = driven.wait_for("lost")
    assert "127.0.0.1" in lost.data["reason"]
    broadcast.silent = False
    driven.wait_for("lost", "restored")


def wait_for_child() -> int:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                facts = path.read_text().rsplit(")", 1)[1].split()
                command = path.with_name("cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(facts[1]) == os.getpid() and b"anju_edge.vision.camera" in command:
                return int(path.parent.name)
        time.sleep(0.05)
    raise AssertionError("no camera process")
