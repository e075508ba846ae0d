"""The picture that goes with an event: the frame with the zone and the thing outlined."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import cv2  # noqa: TID251 - vision is OpenCV's one door
import numpy as np

from anju_edge.errors import CameraError
from anju_edge.vision.blobs import Box
from anju_edge.vision.frames import Image
from anju_edge.vision.zones import Crossing
from anju_edge.whole_file import write_whole

ZONE_COLOUR = (255, 183, 88)  # BGR of the screens' selection blue
BOX_COLOUR = (46, 159, 255)  # BGR of the screens' P2
MIN_WIDTH = 960
QUALITY = 88


def draw(image: Image, crossing: Crossing, *, label: str, at_ms: int, timezone: str) -> Image:
    """Give a copy of the frame with zone, box, label and local time drawn in."""
    scale = max(1.0, MIN_WIDTH / image.shape[1])
    picture = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    height, width = picture.shape[:2]
    outline = np.array(
        [(round(x * width), round(y * height)) for x, y in crossing.zone.polygon], np.int32
    )
    tinted = picture.copy()
    cv2.fillPoly(tinted, [outline], ZONE_COLOUR)
    picture = cv2.addWeighted(tinted, 0.14, picture, 0.86, 0)
    cv2.polylines(picture, [outline], True, ZONE_COLOUR, 2, cv2.LINE_AA)  # noqa: FBT003
    _frame_box(picture, crossing.track.box, label)
    moment = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(timezone))
    _write(picture, moment.strftime("%Y-%m-%d %H:%M:%S"), (12, height - 14))
    _write(picture, crossing.zone.name, (12, 30))
    return np.asarray(picture, np.uint8)


def _frame_box(picture: cv2.typing.MatLike, box: Box, label: str) -> None:
    height, width = picture.shape[:2]
    left, top = round(box.left * width) - 4, round(box.top * height) - 4
    right, bottom = round(box.right * width) + 4, round(box.bottom * height) + 4
    cv2.rectangle(picture, (left, top), (right, bottom), BOX_COLOUR, 2, cv2.LINE_AA)
    _write(picture, label, (left, top - 8 if top > 30 else bottom + 22))  # noqa: PLR2004
    x, y = box.foot
    cv2.circle(picture, (round(x * width), round(y * height)), 4, BOX_COLOUR, -1, cv2.LINE_AA)


def _write(picture: cv2.typing.MatLike, text: str, where: tuple[int, int]) -> None:
    """Write light text with a dark rim, readable on any ground."""
    font, size = cv2.FONT_HERSHEY_SIMPLEX, 0.6
    cv2.putText(picture, text, where, font, size, (20, 16, 12), 4, cv2.LINE_AA)
    cv2.putText(picture, text, where, font, size, (244, 238, 232), 1, cv2.LINE_AA)


def save(picture: Image, folder: Path, name: str) -> None:
    """Write a picture as JPEG; nobody ever sees half of it.

    Raises:
        CameraError: it cannot be written.
    """
    encoded, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not encoded:
        raise CameraError(f"snapshot {name} cannot be encoded")
    try:
        write_whole(folder / f"{name}.jpg", data.tobytes())
    except OSError as error:
        raise CameraError(f"snapshot {name} cannot be written: {error.strerror}") from error
