"""One camera's way from frames to events, stage by stage."""

import logging
from collections.abc import Callable
from pathlib import Path

from anju_devices.messages import Reading
from anju_edge.clock import new_id, now_ms
from anju_edge.config import CameraConfig
from anju_edge.errors import CameraError
from anju_edge.vision import blobs, snapshot
from anju_edge.vision.foreground import UNSTEADY, Background
from anju_edge.vision.frames import Frame
from anju_edge.vision.kinds import kind_of
from anju_edge.vision.sight import Sight
from anju_edge.vision.tracks import Tracker
from anju_edge.vision.zones import Change, Crossing, Zone

_log = logging.getLogger(__name__)


class Pipeline:
    """Takes frames in order and says what happened.

    Args:
        config: the camera.
        snapshots: the folder pictures are kept in.
        timezone: of the clock drawn into pictures.
        say: gets each reading.
    """

    def __init__(
        self,
        config: CameraConfig,
        *,
        snapshots: Path,
        timezone: str,
        say: Callable[[Reading], None],
    ) -> None:
        self._config = config
        self._snapshots = snapshots
        self._timezone = timezone
        self._say = say
        self._run = new_id()[-4:]
        self._background = Background(fps=config.fps, warmup_s=config.warmup_s)
        self._tracker = Tracker()
        self._sight = Sight()
        self._zones = [Zone(zone) for zone in config.zones]
        self.changed = 0.0
        """Share of the last frame that is not background, 0 to 1."""

    def take(self, frame: Frame) -> None:
        """Judge one frame."""
        seen_at = now_ms()
        sight = self._sight.update(frame)
        if sight is not None:
            self._say(Reading(device=self._config.device, at=seen_at, event=sight, id=new_id()))
        foreground = self._background.subtract(frame, quiet=not self._tracker.tracks)
        self.changed = foreground.changed
        if not foreground.settled or self._sight.blocked:
            self._tracker.forget()
            boxes: list[blobs.Box] = []
        else:
            boxes = blobs.find(foreground.mask, min_height=self._config.min_height)
        seen = self._tracker.update(boxes, frame.at, doubtful=foreground.changed > UNSTEADY)
        self._background.learn([track.box for track in self._tracker.tracks if track.came])
        for zone in self._zones:
            for crossing in zone.update(seen, self._tracker.tracks, frame.at):
                self._tell(crossing, frame, seen_at)

    def _tell(self, crossing: Crossing, frame: Frame, at_ms: int) -> None:
        height, width = frame.image.shape[:2]
        track = crossing.track
        data: dict[str, str | float] = {
            "zone": crossing.zone.name,
            # the run's mark keeps numbers of before and after a restart apart
            "track": f"{self._run}-{track.number}",
        }
        if crossing.change is not Change.ENTERED:
            data["dwell_s"] = round(crossing.dwell_s, 1)
        if crossing.change is not Change.LEFT:
            kind = kind_of(track, aspect=width / height)
            data |= {"zone_kind": crossing.zone.kind, "class": kind}
            picture = self._picture(crossing, frame, f"{kind} {track.number}", at_ms)
            if picture is not None:
                data["snapshot"] = picture
        self._say(
            Reading(
                device=self._config.device,
                at=at_ms,
                event=crossing.change,
                id=new_id(),
                data=data,
            )
        )

    def _picture(self, crossing: Crossing, frame: Frame, label: str, at_ms: int) -> str | None:
        """Save the event's picture; an event without one is better than none."""
        name = new_id()
        picture = snapshot.draw(
            frame.image, crossing, label=label, at_ms=at_ms, timezone=self._timezone
        )
        try:
            snapshot.save(picture, self._snapshots, name)
        except CameraError as error:
            _log.warning("%s: %s", self._config.device, error)
            return None
        return name
