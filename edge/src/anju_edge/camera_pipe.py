"""What a camera's process and the agent tell each other, one JSON line each."""

from pathlib import Path
from typing import TypeAlias

import msgspec
from pydantic import BaseModel, ConfigDict

from anju_devices.messages import Reading
from anju_edge.config import CameraConfig


class ToCamera(BaseModel):
    """The first line of a camera process's standard input; its end means: end."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    config: CameraConfig
    snapshots: Path
    timezone: str


class Seen(msgspec.Struct, tag="seen", frozen=True):
    """A reading to keep."""

    reading: Reading


class Beat(msgspec.Struct, tag="beat", frozen=True):
    """Said every second; ``scene_change`` is the share (%) of the picture that changed."""

    fps: float
    last_frame_age_s: float
    scene_change: float


class Failed(msgspec.Struct, tag="failed", frozen=True):
    """Why no frames arrive."""

    reason: str


class Ended(msgspec.Struct, tag="ended", frozen=True):
    """The file has been played to its end and is not to be repeated."""


FromCamera: TypeAlias = Seen | Beat | Failed | Ended
