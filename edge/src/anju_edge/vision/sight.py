"""Whether the camera sees anything: a covered or sprayed lens shows no structure."""

import cv2  # noqa: TID251 - vision is OpenCV's one door
import numpy as np

from anju_edge.vision.frames import Frame

FLAT = 6.0
"""Grey levels of spread, 2nd to 98th percentile of coarse detail, under which it is blind."""
SUSTAINED_S = 5.0
_GRID = (64, 36)


class Sight:
    """Says when the lens is blocked and when it is free again, both only when it lasts."""

    def __init__(self) -> None:
        self.blocked = False
        self._differs_since: float | None = None

    def update(self, frame: Frame) -> str | None:
        """Give ``blocked`` or ``unblocked`` when that has become true, else nothing."""
        flat = structure(frame) < FLAT
        if flat == self.blocked:
            self._differs_since = None
            return None
        if self._differs_since is None:
            self._differs_since = frame.at
        if frame.at - self._differs_since < SUSTAINED_S:
            return None
        self.blocked, self._differs_since = flat, None
        return "blocked" if flat else "unblocked"


def structure(frame: Frame) -> float:
    """Give how much coarse detail a picture has, in grey levels; noise does not count."""
    grey = cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY)
    coarse = cv2.resize(grey, _GRID, interpolation=cv2.INTER_AREA).astype(np.float32)
    low, high = np.percentile(coarse, (2, 98))
    return float(high - low)
