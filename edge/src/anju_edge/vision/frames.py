"""Where frames come from: files frame by frame, streams newest frame first.

Facts about OpenCV's reader that shape this file: timeouts count only as parameters of the
opening, with the FFmpeg backend named; after a failed read nothing more ever comes, so the
source is closed and opened anew; a reader that falls behind a stream stays behind, so one
thread reads all the time and only the newest frame is used. Frames get their time when they
are read.
"""

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2  # noqa: TID251 - vision is OpenCV's one door
import numpy as np
from numpy.typing import NDArray

from anju_edge.errors import CameraError

Image = NDArray[np.uint8]
_NEWEST_WAIT_S = 0.5
_DEFAULT_FPS = 25.0

# Lost packets show as smeared pictures over UDP; must be set before the first opening.
os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp")


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture and when it was taken: ``at`` in seconds of a clock that only goes forward."""

    image: Image
    at: float


def is_stream(source: str) -> bool:
    """Say whether a source is a URL and not a file."""
    return "://" in source


def open_capture(source: str, *, timeout_s: float) -> cv2.VideoCapture:
    """Open a file or stream.

    Raises:
        CameraError: it is missing, cannot be reached in time, or is no video.
    """
    if not is_stream(source) and not Path(source).is_file():
        raise CameraError(f"{source}: no such file")
    timeout_ms = int(timeout_s * 1000)
    parameters = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
        timeout_ms,
        cv2.CAP_PROP_READ_TIMEOUT_MSEC,
        timeout_ms,
    ]
    capture = cv2.VideoCapture(source, cv2.CAP_FFMPEG, parameters)
    if not capture.isOpened():
        capture.release()
        what = "cannot be reached or is no video" if is_stream(source) else "is no video"
        raise CameraError(f"{_without_password(source)}: {what}")
    return capture


def _without_password(source: str) -> str:
    scheme, mark, rest = source.partition("://")
    return f"{scheme}{mark}{rest.rsplit('@', 1)[-1]}" if mark else source


def read_file(
    source: str, *, fps: float, realtime: bool, loop: bool, timeout_s: float
) -> Iterator[Frame]:
    """Give the frames of a file, thinned to about ``fps``, paced as they were recorded.

    ``at`` is the file's own time, and goes on over the ends of a looped file. Without
    ``realtime`` frames come as fast as they are taken.

    Raises:
        CameraError: the file is missing or is no video.
    """
    began = time.monotonic()
    offset = 0.0
    while True:
        capture = open_capture(source, timeout_s=timeout_s)
        rate = capture.get(cv2.CAP_PROP_FPS) or _DEFAULT_FPS
        step = max(1, round(rate / fps))
        number = 0
        while capture.grab():
            at = offset + number / rate
            number += 1
            if (number - 1) % step:
                continue
            read, image = capture.retrieve()
            if not read:
                continue
            if realtime:
                time.sleep(max(0.0, began + at - time.monotonic()))
            yield Frame(np.asarray(image, np.uint8), at)
        capture.release()
        if not number:
            raise CameraError(f"{source}: has no frame that can be read")
        if not loop:
            return
        offset += number / rate


def read_stream(source: str, *, fps: float, timeout_s: float) -> Iterator[Frame]:
    """Give the newest frame of a stream, at most ``fps`` times a second, until it breaks.

    Raises:
        CameraError: it cannot be opened, or no frame came in time.
    """
    newest = _Newest(open_capture(source, timeout_s=timeout_s))
    shown = _without_password(source)
    due = time.monotonic()
    heard = due
    try:
        while True:
            time.sleep(max(0.0, due - time.monotonic()))
            frame = newest.take(_NEWEST_WAIT_S)
            now = time.monotonic()
            if frame is not None:
                heard, due = now, max(due + 1 / fps, now)
                yield frame
            elif newest.ended:
                raise CameraError(f"{shown}: the stream broke off")
            elif now - heard > timeout_s * 2:
                raise CameraError(f"{shown}: no frame for {now - heard:.0f} s")
    finally:
        newest.stop()


class _Newest:
    """Reads a stream all the time, in a thread of its own, and holds the newest frame only."""

    def __init__(self, capture: cv2.VideoCapture) -> None:
        self.ended = False
        self._capture = capture
        self._stopping = False
        self._frame: Frame | None = None
        self._changed = threading.Condition()
        threading.Thread(target=self._read, name="frames", daemon=True).start()

    def take(self, wait_s: float) -> Frame | None:
        """Give a frame nobody has taken yet, waiting a while for one."""
        with self._changed:
            self._changed.wait_for(lambda: self._frame or self.ended, timeout=wait_s)
            frame, self._frame = self._frame, None
        return frame

    def stop(self) -> None:
        """End the thread after its present read; the process's watchdog covers a hung one."""
        self._stopping = True

    def _read(self) -> None:
        while not self._stopping:
            read, image = self._capture.read()
            if not read:
                break
            with self._changed:
                self._frame = Frame(np.asarray(image, np.uint8), time.monotonic())
                self._changed.notify_all()
        with self._changed:
            self.ended = True
            self._changed.notify_all()
        self._capture.release()
