"""Real input for the demo: a video as a camera, a recorded home as a gateway."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anju_platform.demo.site import Camera, Site, Task
from anju_platform.errors import ConfigError

VIDEO_DEVICE = "cam-video"
REPLAY_GATEWAY = "gw-replay"


@dataclass(frozen=True, slots=True)
class Video:
    """A video file or RTSP URL, and its zones as relative polygons."""

    source: str
    zones: tuple[Mapping[str, Any], ...]

    def camera(self) -> Camera:
        """Give the camera that reads it."""
        return Camera(VIDEO_DEVICE, self.source, self.zones)


@dataclass(frozen=True, slots=True)
class Replay:
    """A recorded home (columns start, end, sensor) played at ``speed`` times real time.

    ``timezone`` is that of its times; left out, the site's.
    """

    file: Path
    speed: float
    timezone: str | None = None
    gateway: str = REPLAY_GATEWAY

    def describe(self, site: Site) -> Task:
        """Have the recorded home described as a household of the demo's community.

        Raises:
            ConfigError: there is no such recording.
        """
        if not self.file.is_file():
            raise ConfigError(f"recording {str(self.file)!r}: no such file")
        where = ("--like", str(site.community_file), "--gateway", self.gateway)
        out = ("--out", str(site.replay_file))
        return Task("anju-edge", "describe-replay", str(self.file), *where, *out)

    def community(self, site: Site) -> dict[str, Any]:
        """Give what :meth:`describe` wrote."""
        found: dict[str, Any] = json.loads(site.replay_file.read_text(encoding="utf-8"))
        return found

    def config(self) -> dict[str, Any]:
        """Give the edge agent's entry for it."""
        zone = {"timezone": self.timezone} if self.timezone else {}
        return {"file": str(self.file.resolve()), "speed": self.speed, **zone}


def parse_zone(text: str) -> dict[str, Any]:
    """Read ``name[:kind]=x,y x,y x,y ...`` with x and y from 0 to 1.

    Raises:
        ConfigError: it is not of that form, or has fewer than three points.
    """
    name, _, points = text.partition("=")
    name, _, kind = name.partition(":")
    try:
        polygon = [[float(n) for n in pair.split(",")] for pair in points.split()]
    except ValueError:
        polygon = []
    inside = all(len(p) == 2 and all(0 <= n <= 1 for n in p) for p in polygon)  # noqa: PLR2004
    if not name or len(polygon) < 3 or not inside:  # noqa: PLR2004 - a polygon has three points
        raise ConfigError(
            f"zone {text!r}: expected name[:kind]=x,y x,y x,y ... with at least three points "
            "and numbers from 0 to 1, for example road=0.1,0.6 0.9,0.6 0.9,0.9 0.1,0.9"
        )
    return {"name": name, "kind": kind or "intrusion", "polygon": polygon}


def make_video(source: str, zones: list[str]) -> Video:
    """Check a video given on the command line.

    Raises:
        ConfigError: the file is missing, or a zone is not readable, or none is given.
    """
    if "://" not in source:
        path = Path(source)
        if not path.is_file():
            raise ConfigError(f"video {source!r}: no such file")
        source = str(path.resolve())
    if not zones:
        raise ConfigError("--video needs at least one --zone name=x,y x,y x,y ...")
    return Video(source, tuple(parse_zone(zone) for zone in zones))


def add_video_camera(community_file: Path, gateway: str, *, beside: str) -> None:
    """Add the video's camera to the community, at the place of the camera ``beside``."""
    document = json.loads(community_file.read_text(encoding="utf-8"))
    devices = document["devices"]
    if any(device["slug"] == VIDEO_DEVICE for device in devices):
        return
    twin = next(device for device in devices if device["slug"] == beside)
    devices.append(
        {
            **twin,
            "slug": VIDEO_DEVICE,
            "gateway": gateway,
            "name": "视频摄像机",
            "name_en": "Video camera",
            "attributes": {**twin.get("attributes", {}), "driver": "vision"},
        }
    )
    community_file.write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")
