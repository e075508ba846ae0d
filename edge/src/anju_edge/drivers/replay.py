"""Plays a recorded home through the agent, as if its sensors were connected now.

By default readings keep their recorded times: they are history, build charts and never
ring. With ``shift`` each is stamped with the moment it is played, so rules judge it as live
(at speed 60, an hour lasts a minute, also for the rules). Each reading is played once: the
position is kept with the readings themselves, so a restart goes on where it was.
"""

import logging
import threading
import time
from zoneinfo import ZoneInfo

import msgspec

from anju_devices import catalog, recording
from anju_devices.messages import Reading
from anju_edge.clock import now_ms
from anju_edge.config import ReplayConfig
from anju_edge.drivers.supported import Support, Tier
from anju_edge.errors import SpoolFullError
from anju_edge.intake import Intake, Said

SUPPORT = Support(
    driver="replay",
    title="Recorded homes",
    tier=Tier.RECORDED,
    speaks="CSV files of a home's sensors: start, end, sensor",
    says="published recordings of real homes are played in tests/edge and in the demo.",
    page="replay.md",
    models=("door_contact", "binary_sensor"),
)

TOGETHER_S = 0.02
"""Readings due within this time are kept in one go."""
FULL_RETRY_S = 5.0

_log = logging.getLogger(__name__)


class ReplayDriver:
    """Plays one recording once."""

    def __init__(self, config: ReplayConfig, intake: Intake, *, timezone: str) -> None:
        self._config = config
        self._intake = intake
        self._zone = ZoneInfo(config.timezone or timezone)
        self._home = recording.home_of(config.file, config.home)
        self.name = f"replay {self._home}"

    def run(self, stop: threading.Event) -> None:
        """Play what has not been played yet.

        Raises:
            RecordingError: the file cannot be used.
        """
        rows = recording.read(self._config.file, home=self._home, zone=self._zone)
        played = recording.readings(rows)
        position = self._intake.mark(self.name)
        if position >= len(played):
            _log.info("%s: all %d rows were played before", self.name, len(rows))
            return
        _log.info("%s: playing %d rows at speed %g", self.name, len(rows), self._config.speed)
        first = played[position][1].at
        began = time.monotonic()
        while position < len(played) and not stop.is_set():
            reached = first + (time.monotonic() - began + TOGETHER_S) * 1000 * self._config.speed
            upto = position
            while upto < len(played) and played[upto][1].at <= reached:
                upto += 1
            if upto > position:
                position = self._keep(played, position, upto, stop)
            else:
                due_s = (played[position][1].at - first) / 1000 / self._config.speed
                stop.wait(max(TOGETHER_S, due_s - (time.monotonic() - began)))
        if position >= len(played):
            _log.info("%s: all %d rows are kept", self.name, len(rows))

    def _keep(
        self,
        played: list[tuple[recording.Sensor, Reading]],
        position: int,
        upto: int,
        stop: threading.Event,
    ) -> int:
        """Keep a run of readings, waiting for room if need be; give the new position."""
        at = {"at": now_ms()} if self._config.shift else {}
        said = [
            Said(msgspec.structs.replace(reading, **at), catalog.model(sensor.model))
            for sensor, reading in played[position:upto]
        ]
        while not stop.is_set():
            try:
                self._intake.keep(said, mark=(self.name, upto))
            except SpoolFullError as error:
                _log.warning("%s: %s", self.name, error)
                stop.wait(FULL_RETRY_S)
            else:
                return upto
        return position
