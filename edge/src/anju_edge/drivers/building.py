"""Makes the drivers that the configuration asks for; what it does not ask for is not imported.

Each protocol's libraries come with an extra of this distribution, named like the protocol.
"""

from dataclasses import dataclass
from pathlib import Path

from anju_edge.config import EdgeConfig, read_secret
from anju_edge.intake import Intake
from anju_edge.roll import Roll
from anju_edge.supervisor import Driver


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every driver may use: where readings go, who is who, where pictures lie."""

    intake: Intake
    roll: Roll
    snapshots: Path


def build(config: EdgeConfig, around: Surroundings) -> list[Driver]:
    """Make the drivers, in the order in which they are to be asked about a device.

    Raises:
        ConfigError: a secret cannot be read.
    """
    drivers: list[Driver] = []
    if config.native is not None:
        from anju_edge.drivers.native import NativeDriver

        token = read_secret(config.native.token_file, "native.token_file")
        drivers.append(NativeDriver(config.native, token, around.intake))
    if config.cameras:
        from anju_edge.drivers.camera import CameraDriver

        drivers += [
            CameraDriver(
                camera, around.intake, snapshots=around.snapshots, timezone=config.timezone
            )
            for camera in config.cameras
        ]
    if config.replay:
        from anju_edge.drivers.replay import ReplayDriver

        drivers += [
            ReplayDriver(one, around.intake, timezone=config.timezone) for one in config.replay
        ]
    if config.modbus:
        from anju_edge.drivers.modbus.driver import ModbusDriver

        drivers += [ModbusDriver(line, around.intake, around.roll) for line in config.modbus]
    return drivers
