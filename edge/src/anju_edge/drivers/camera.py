"""Runs each camera in a process of its own, and watches it from outside.

A decoder can hang for ever or crash with the process it is in; so the only contact is a
pipe. The camera's process (``vision/camera.py``) gets its settings as the first line of its
standard input and writes one JSON line per message: readings to keep, a beat every second
while frames arrive, or the reason why they do not. A process that says nothing is killed.
"""

import logging
import queue
import random
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path

import msgspec

from anju_devices import catalog
from anju_devices.errors import InvalidReadingError
from anju_devices.messages import Reading
from anju_edge.camera_pipe import Beat, Ended, Failed, FromCamera, Seen, ToCamera
from anju_edge.clock import new_id, now_ms
from anju_edge.config import CameraConfig
from anju_edge.drivers.supported import Support, Tier
from anju_edge.errors import SpoolFullError
from anju_edge.intake import Intake, Said

SUPPORT = Support(
    driver="camera",
    title="Camera picture",
    tier=Tier.RECORDED,
    speaks="RTSP, HTTP or a file: whatever OpenCV's FFmpeg opens",
    says="real recordings are played through the pipeline in tests/edge/test_vision.py; no"
    " camera of a maker is tested here.",
    page="camera.md",
    models=("camera",),
    needs_extra="vision",
)

START_S = 20.0
"""How long a camera's process may say nothing after it was started."""
SILENCE_S = 10.0
"""The same once it has spoken; it says something at least every second."""
FIRST_RETRY_S = 1.0
LAST_RETRY_S = 60.0
STEADY_S = 30.0
TELL_S = 30.0
"""How often frame rate and picture quality are told."""
HELD = 1000
"""Events that wait in memory while the spool has no room; beyond, the oldest are lost."""
FULL_RETRY_S = 1.0

_log = logging.getLogger(__name__)
_decode = msgspec.json.Decoder(FromCamera)


class CameraDriver:
    """One camera: starts its process, keeps what it says, says itself when it is lost."""

    def __init__(
        self, config: CameraConfig, intake: Intake, *, snapshots: Path, timezone: str
    ) -> None:
        self.name = f"camera {config.device}"
        self._config = config
        self._intake = intake
        self._model = catalog.model("camera")
        self._settings = ToCamera(config=config, snapshots=snapshots, timezone=timezone)
        self._lost = False
        self._seen_at: float | None = None
        """When a frame was last seen; None until the first process has said anything, for
        its start may take longer on a small box than a camera may be silent."""
        self._told_at = 0.0
        self._held: deque[Reading] = deque(maxlen=HELD)
        self._held_try_at = 0.0
        self._reason = "no frame has come yet"

    def run(self, stop: threading.Event) -> None:
        """Keep the camera's process running until ``stop``, or until its file has ended."""
        delay_s = FIRST_RETRY_S
        while not stop.is_set():
            began = time.monotonic()
            if self._run_process(stop):
                _log.info("%s: %s has been played to its end", self.name, self._config.source)
                while not self._offer_held() and not stop.wait(FULL_RETRY_S):
                    pass
                return
            delay_s = FIRST_RETRY_S if (self._seen_at or 0.0) - began > STEADY_S else delay_s
            wait_s = delay_s * random.uniform(0.75, 1.25)  # noqa: S311 - spreads reconnects
            self._watch_while_waiting(stop, wait_s)
            delay_s = min(delay_s * 2, LAST_RETRY_S)

    def _run_process(self, stop: threading.Event) -> bool:
        """Serve one process to its end; True when its file has been played to the end."""
        command = [sys.executable, "-m", "anju_edge.vision.camera"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603
        assert process.stdin  # noqa: S101 - both are pipes by the line above
        assert process.stdout  # noqa: S101
        lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        reader = threading.Thread(
            target=_read_lines, args=(process.stdout, lines), name=self.name, daemon=True
        )
        reader.start()
        try:
            process.stdin.write(self._settings.model_dump_json().encode() + b"\n")
            process.stdin.flush()
            return self._serve(lines, stop)
        except BrokenPipeError:
            self._complain("its process ended at once")
            return False
        finally:
            process.kill()
            process.wait()
            reader.join(1.0)
            process.stdin.close()
            process.stdout.close()

    def _serve(self, lines: "queue.SimpleQueue[bytes]", stop: threading.Event) -> bool:
        silent_at = time.monotonic() + START_S
        explained = False
        while not stop.is_set():
            try:
                line = lines.get(timeout=0.25)
            except queue.Empty:
                self._tend()
                if time.monotonic() > silent_at:
                    self._complain("its process hung and was killed")
                    return False
                continue
            if not line:
                if not explained:
                    self._complain("its process ended")
                return False
            silent_at = time.monotonic() + SILENCE_S
            message = _decode.decode(line)
            if isinstance(message, Ended):
                return True
            explained = isinstance(message, Failed)
            self._take(message)
            self._tend()
        return False

    def _take(self, message: Beat | Failed | Seen) -> None:
        match message:
            case Seen(reading):
                self._keep(reading)
            case Beat():
                self._seen_at = time.monotonic() - message.last_frame_age_s
                self._tell(message)
            case Failed(reason):
                self._complain(reason)

    def _tell(self, beat: Beat) -> None:
        if time.monotonic() - self._told_at < TELL_S:
            return
        self._told_at = time.monotonic()
        values: dict[str, float | int | bool | str] = {
            "fps": beat.fps,
            "last_frame_age": beat.last_frame_age_s,
            "scene_change": beat.scene_change,
        }
        self._keep(Reading(device=self._config.device, at=now_ms(), values=values))

    def _complain(self, reason: str) -> None:
        if reason != self._reason:
            _log.warning("%s: %s", self.name, reason)
        self._reason = reason
        if self._seen_at is None:
            self._seen_at = time.monotonic()

    def _tend(self) -> None:
        self._offer_held()
        self._judge_loss()

    def _judge_loss(self) -> None:
        """Say ``lost`` once frames have stayed away too long, ``restored`` when they are back."""
        if self._seen_at is None:
            return
        away_s = time.monotonic() - self._seen_at
        lost = away_s > self._config.lost_after_s
        if lost == self._lost:
            return
        if lost:
            if self._say("lost", {"reason": self._reason[:200]}):
                self._lost = True
                _log.warning("%s: lost: %s", self.name, self._reason)
        elif self._say("restored", {}):
            self._lost = False
            self._reason = ""
            _log.info("%s: restored", self.name)

    def _say(self, event: str, data: dict[str, str]) -> bool:
        return self._keep(
            Reading(device=self._config.device, at=now_ms(), event=event, id=new_id(), data=data)
        )

    def _keep(self, reading: Reading) -> bool:
        """Keep a reading; False when it is lost. An event without room is held and tried again.

        What is held goes first, so that events keep their order.
        """
        if self._offer_held() and self._try_to_keep(reading):
            return True
        if reading.event is None:
            return False
        if len(self._held) == HELD:
            _log.error("%s: an event was lost: %d wait for room already", self.name, HELD)
        self._held.append(reading)
        return True

    def _offer_held(self) -> bool:
        """Offer what could not be kept, no more than once a second; True when none is left."""
        if self._held and time.monotonic() < self._held_try_at:
            return False
        while self._held:
            if not self._try_to_keep(self._held[0]):
                return False
            self._held.popleft()
        return True

    def _try_to_keep(self, reading: Reading) -> bool:
        """Keep a reading now; False when there is no room. A wrong one is passed over."""
        try:
            self._intake.keep([Said(reading, self._model)])
        except SpoolFullError as error:
            self._held_try_at = time.monotonic() + FULL_RETRY_S
            _log.error("%s: a reading has no room: %s", self.name, error)
            return False
        except InvalidReadingError as error:
            _log.error("%s: a reading was not kept: %s", self.name, error)
        return True

    def _watch_while_waiting(self, stop: threading.Event, wait_s: float) -> None:
        until = time.monotonic() + wait_s
        while not stop.is_set() and time.monotonic() < until:
            self._tend()
            stop.wait(0.25)


def _read_lines(pipe: object, lines: "queue.SimpleQueue[bytes]") -> None:
    """Move lines from the pipe to the queue; an empty one says that the process ended."""
    try:
        for line in pipe:  # type: ignore[attr-defined]
            lines.put(line)
    except ValueError:
        pass  # closed while we read
    lines.put(b"")
