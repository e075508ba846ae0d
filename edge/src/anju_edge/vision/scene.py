"""A synthetic scene for tests and the demo: somebody climbs over a compound's wall at dusk.

``python -m anju_edge.vision.scene --out FILE.avi --seconds 90 --seed 1``. The same seed gives
the same film. Somebody comes over the wall and stands in the grass strip at about 15 s,
walks along it and leaves to the left; every 45 s somebody comes by again. The strip is the
zone to watch: ``STRIP``, in fractions of the picture.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2  # noqa: TID251 - vision is OpenCV's one door
import numpy as np

from anju_edge.errors import CameraError
from anju_edge.vision import backdrop
from anju_edge.vision.figure import Pose, paint, shade
from anju_edge.vision.frames import Image

SIZE = (960, 540)
FPS = 8
FIRST_S = 15.0
EVERY_S = 45.0
STRIP = ((0.0, 0.55), (1.0, 0.55), (1.0, 0.75), (0.0, 0.75))
HORIZON = 0.12
_GRAIN = 2.2
_GRAINS = 12
_MIDDLE = 128


_KEYS = np.array(
    [
        # s, x, y, swing, crouch, reach, facing
        (-4.0, 0.66, 0.585, 0.0, 0.0, 0.75, -1),  # behind the wall, hands on the coping
        (-2.0, 0.66, 0.475, 0.0, 0.2, 0.75, -1),
        (-1.2, 0.66, 0.390, 0.0, 0.5, 0.40, -1),  # over the top
        (-0.6, 0.66, 0.330, 0.0, 0.5, 0.55, -1),
        (-0.3, 0.66, 0.400, 0.0, 0.2, 0.60, -1),  # drops
        (0.0, 0.66, 0.585, 0.0, 0.9, 0.20, -1),
        (1.0, 0.66, 0.585, 0.0, 1.0, 0.0, -1),  # crouches and listens
        (1.6, 0.66, 0.585, 0.2, 0.0, 0.0, -1),
        (2.2, 0.635, 0.593, 1.0, 0.0, 0.0, -1),  # walks along the strip, nearer
        (9.6, 0.32, 0.690, 1.0, 0.0, 0.0, -1),
        (9.8, 0.32, 0.690, 0.0, 0.0, 0.0, -1),  # stands and looks around
        (11.0, 0.32, 0.690, 0.0, 0.0, 0.0, -1),
        (11.1, 0.32, 0.690, 0.0, 0.0, 0.0, 1),
        (12.4, 0.32, 0.690, 0.0, 0.0, 0.0, 1),
        (12.6, 0.32, 0.690, 0.2, 0.0, 0.0, -1),
        (13.2, 0.29, 0.690, 1.1, 0.0, 0.0, -1),  # leaves to the left
        (20.0, -0.08, 0.690, 1.1, 0.0, 0.0, -1),
    ]
)
"""A visit: how the visitor stands at each time since landing, in between by proportion."""
_OVER_S = -1.2
_LANDING = 0.585
_PACE = 5.4


def pose_at(since_s: float, size: tuple[int, int] = SIZE) -> tuple[Pose, bool] | None:
    """Give how the visitor stands ``since_s`` after landing, and whether the wall hides him.

    None while nobody is there. Times before 0 are the climb.
    """
    if not _KEYS[0, 0] <= since_s < _KEYS[-1, 0]:
        return None
    x, y, swing, crouch, reach, facing = (
        float(np.interp(since_s, _KEYS[:, 0], _KEYS[:, column])) for column in range(1, 7)
    )
    width, height = size
    pose = Pose(
        foot=(x * width, y * height),
        # the size of somebody with feet at y, seen by a camera a little above head height
        height=0.56 * (max(y, _LANDING) - HORIZON) * height,
        stride=since_s * _PACE,
        swing=swing,
        crouch=crouch,
        reach=reach,
        facing=-1 if facing < 0 else 1,
    )
    return pose, since_s < _OVER_S


def frames(seconds: float, seed: int, size: tuple[int, int] = SIZE) -> Iterator[Image]:
    """Give the film's frames, FPS of them a second."""
    rng = np.random.default_rng(seed)
    still = backdrop.draw(size, rng)
    width, height = size
    grains = [_grain(rng, (height, width)) for _ in range(_GRAINS)]
    for number in range(int(seconds * FPS)):
        at = number / FPS
        image = still.image.copy()
        visit = (at - FIRST_S + EVERY_S / 2) % EVERY_S - EVERY_S / 2
        found = pose_at(visit, size)
        if found is not None:
            _place(image, still, found[0], hidden=found[1])
        flicker = 1.0 + 0.006 * np.sin(at * 7.3) + 0.004 * rng.standard_normal()
        grain = grains[int(rng.integers(_GRAINS))]
        yield np.asarray(cv2.addWeighted(image, flicker, grain, 1.0, -_MIDDLE), np.uint8)


def _grain(rng: np.random.Generator, shape: tuple[int, int]) -> Image:
    """Give one field of sensor noise around the middle grey."""
    rough = rng.normal(0, _GRAIN * 1.5, shape).astype(np.float32)
    soft = np.round(cv2.GaussianBlur(rough, (3, 3), 0) + _MIDDLE)
    return np.asarray(cv2.merge([soft.astype(np.uint8)] * 3), np.uint8)


def _place(image: Image, still: backdrop.Backdrop, pose: Pose, *, hidden: bool) -> None:
    height, width = image.shape[:2]
    x = min(max(int(pose.foot[0]), 0), width - 1)
    y = min(max(int(pose.foot[1] - pose.height * 0.5), 0), height - 1)
    wall = int(backdrop.WALL_TOP * height) if hidden else None
    if pose.foot[1] >= backdrop.WALL_FOOT * height and not hidden:
        shade(image, pose)
    paint(image, pose, light=0.55 + 0.6 * float(still.light[y, x]), below=wall)


def write(path: Path, *, seconds: float, seed: int, size: tuple[int, int] = SIZE) -> int:
    """Write the film; give how many frames it has.

    It is MPEG-4 in the container that the file's name says.

    Raises:
        CameraError: the file cannot be written.
    """
    fourcc = cv2.VideoWriter.fourcc(*("XVID" if path.suffix.lower() == ".avi" else "mp4v"))
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, fourcc, FPS, size)
    if not writer.isOpened():
        raise CameraError(f"{path}: cannot be written as video (use .avi or .mp4)")
    count = 0
    for image in frames(seconds, seed, size):
        writer.write(image)
        count += 1
    writer.release()
    return count


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m anju_edge.vision.scene", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the film: .avi or .mp4")
    parser.add_argument("--seconds", type=float, default=90.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    try:
        count = write(options.out, seconds=options.seconds, seed=options.seed)
    except CameraError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{options.out}: {count} frames at {FPS}/s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
