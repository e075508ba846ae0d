"""A camera's own process: ``python -m anju_edge.vision.camera``, started by its driver.

Settings come as the first line of the standard input, messages go out as lines of the
standard output. The end of the standard input means that the agent is gone: so is this
process then, at once, whatever the decoder is doing.
"""

import os
import sys
import threading
import time
from collections.abc import Iterator

import cv2  # noqa: TID251 - vision is OpenCV's one door
import msgspec

from anju_edge.camera_pipe import Beat, Ended, Failed, FromCamera, Seen, ToCamera
from anju_edge.config import CameraConfig
from anju_edge.errors import CameraError
from anju_edge.vision.frames import Frame, is_stream, read_file, read_stream
from anju_edge.vision.pipeline import Pipeline

BEAT_S = 1.0


class _Voice:
    """Writes messages to the agent, each at once."""

    def __init__(self) -> None:
        self._writing = threading.Lock()

    def say(self, message: FromCamera) -> None:
        line = msgspec.json.encode(message) + b"\n"
        with self._writing:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()


class _Pulse:
    """Counts frames and tells the agent every second that they come."""

    def __init__(self, voice: _Voice) -> None:
        self._voice = voice
        self._began = time.monotonic()
        self._frames = 0

    def frame(self, changed: float) -> None:
        self._frames += 1
        passed = time.monotonic() - self._began
        if passed < BEAT_S:
            return
        self._voice.say(
            Beat(
                fps=round(self._frames / passed, 2),
                last_frame_age_s=0.0,
                scene_change=round(100 * changed, 1),
            )
        )
        self._began, self._frames = time.monotonic(), 0


def main() -> int:
    """Serve one camera; the exit code is 0 when a file has been played to its end."""
    settings = ToCamera.model_validate_json(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_the_agent, name="agent", daemon=True).start()
    cv2.setNumThreads(1)
    voice = _Voice()
    pipeline = Pipeline(
        settings.config,
        snapshots=settings.snapshots,
        timezone=settings.timezone,
        say=lambda reading: voice.say(Seen(reading)),
    )
    pulse = _Pulse(voice)
    try:
        for frame in _frames(settings.config):
            pipeline.take(frame)
            pulse.frame(pipeline.changed)
    except CameraError as error:
        voice.say(Failed(str(error)))
        return 1
    voice.say(Ended())
    return 0


def _frames(config: CameraConfig) -> Iterator[Frame]:
    if is_stream(config.source):
        return read_stream(config.source, fps=config.fps, timeout_s=config.open_timeout_s)
    return read_file(
        config.source,
        fps=config.fps,
        realtime=config.realtime,
        loop=config.loop,
        timeout_s=config.open_timeout_s,
    )


def _end_with_the_agent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
