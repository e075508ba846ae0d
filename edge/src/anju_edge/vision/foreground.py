"""What in a picture is not background: MOG2, shadows stripped, on a smaller picture.

The model learns while nothing is said (warm-up), and again whenever most of the picture
changes at once: a lamp, the camera's own exposure, a switch to infra-red. Such moments say
nothing about the ground.

A thing that came and stays (a car in the fire lane) must not become background while it is
followed: under it the model goes on learning its own picture of the background.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2  # noqa: TID251 - vision is OpenCV's one door
import numpy as np

from anju_edge.vision.blobs import Box
from anju_edge.vision.frames import Frame, Image

WORK_WIDTH = 480
HISTORY_S = 60.0
VARIANCE = 24.0
SHADOW = 127
FLOODED = 0.5
"""More of the picture changed than this is the light or the camera, not something in it."""
UNSTEADY = 0.05
"""More than this, and part of it may be the light: somebody near makes a camera expose anew."""
SETTLE_S = 1.5
_WARM_RATE = 0.08
_CLOSE = (5, 9)
"""Joins parts of a standing figure: higher than wide."""


@dataclass(frozen=True, slots=True)
class Foreground:
    """A mask (255 where something is, in a smaller picture) and whether it can be trusted."""

    mask: Image
    changed: float
    """Share of the picture that is not background, 0 to 1."""
    settled: bool


class Background:
    """Learns the background of one camera."""

    def __init__(self, *, fps: float, warmup_s: float) -> None:
        self._model = cv2.createBackgroundSubtractorMOG2(
            history=max(50, int(HISTORY_S * fps)), varThreshold=VARIANCE, detectShadows=True
        )
        self._warmup_s = warmup_s
        self._began: float | None = None
        self._settled_at = 0.0
        self._small: Image | None = None
        self._open = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
        self._close = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, _CLOSE)

    def subtract(self, frame: Frame, *, quiet: bool) -> Foreground:
        """Give what is not background in this frame.

        ``quiet`` says that nothing is followed: then the whole frame is learnt at once, at
        half the cost; else :meth:`learn` is to be called.
        """
        if self._began is None:
            self._began = frame.at
            self._settled_at = frame.at + self._warmup_s
        small = shrink(frame.image)
        warming = frame.at < self._settled_at
        rate = _WARM_RATE if warming else -1 if quiet else 0
        mask = self._model.apply(small, learningRate=rate)
        self._small = None if warming or quiet else small
        mask = np.where(mask == SHADOW, 0, mask).astype(np.uint8)
        changed = float(np.count_nonzero(mask)) / mask.size
        if changed > FLOODED and not warming:
            self._settled_at = frame.at + SETTLE_S
            warming = True
        opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, self._open)
        closed = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, self._close)
        return Foreground(np.asarray(closed, np.uint8), changed, settled=not warming)

    def learn(self, kept_out: Sequence[Box]) -> None:
        """Take the frame last subtracted into the background, except under these boxes.

        Does nothing when it has been learnt already.
        """
        small = self._small
        if small is None:
            return
        if kept_out:
            small = small.copy()
            height, width = small.shape[:2]
            known = self._model.getBackgroundImage()
            for box in kept_out:
                rows = slice(int(box.top * height), round(box.bottom * height))
                columns = slice(int(box.left * width), round(box.right * width))
                small[rows, columns] = known[rows, columns]
        self._model.apply(small, learningRate=-1)


def shrink(image: Image) -> Image:
    """Give the picture at working size, slightly smoothed."""
    height, width = image.shape[:2]
    if width > WORK_WIDTH:
        size = (WORK_WIDTH, max(1, round(height * WORK_WIDTH / width)))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.GaussianBlur(image, (3, 3), 0), np.uint8)
