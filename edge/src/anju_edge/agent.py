"""The composition root: everything this agent is made of, put together in one place."""

import fcntl
import logging
import threading
import time
from pathlib import Path
from typing import IO, Any

import msgspec

from anju_devices import catalog
from anju_devices.errors import InvalidReadingError
from anju_devices.link import LinkSettings, Message
from anju_devices.messages import Command, CommandResult, Lane, Reading, Value
from anju_devices.topics import Channel
from anju_edge import __version__
from anju_edge.answering import not_connected
from anju_edge.clock import now_ms
from anju_edge.commands import UPLOAD_SNAPSHOT, Commands, Handler
from anju_edge.config import EdgeConfig, read_secret
from anju_edge.drivers.building import Surroundings, build
from anju_edge.errors import ConfigError, SpoolError
from anju_edge.intake import Intake, Said
from anju_edge.roll import Met, Roll
from anju_edge.snapshots import Snapshots, Uploader, UploadError
from anju_edge.spool import Spool
from anju_edge.supervisor import Commanded, Supervisor
from anju_edge.uplink import Uplink
from anju_edge.vitals import Vitals
from anju_edge.whole_file import write_whole
from anju_edge.withheld import WITHHOLD, Withheld

_log = logging.getLogger(__name__)

CANARY_EVERY_S = 300.0
"""The platform misses a canary after three of these (semantics: telling people)."""


class Agent:
    """One gateway.

    Raises:
        ConfigError: a secret cannot be read, or another agent uses this ``data_dir``.
        SpoolError: the spool cannot be used.
    """

    def __init__(self, config: EdgeConfig) -> None:
        self._config = config
        self._lock = _claim(config.data_dir)
        self._ending = threading.Event()
        self._gateway = catalog.model("gateway")
        self._vitals = Vitals(config.data_dir)
        self._canary_at = float("-inf")
        self._spool = Spool(
            config.data_dir / "spool.db",
            quota_bytes=config.spool.quota_bytes,
            gateway=config.gateway,
        )
        self._withheld = Withheld(config.data_dir / "withheld.json")
        self._intake = Intake(self._spool, self._withheld)
        self._snapshots = Snapshots(config.data_dir / "snapshots", config.snapshots)
        self._uplink = Uplink(
            self._spool,
            _link_settings(config),
            community=config.community,
            gateway=config.gateway,
            on_command=self._on_command,
            on_config=self._on_config,
        )
        roll = Roll(config.data_dir / "roll.json", config.names, self._tell_found)
        drivers = build(config, Surroundings(self._intake, roll, self._snapshots.folder))
        self._commanded = [one for one in drivers if isinstance(one, Commanded)]
        self._commands = Commands(
            own=self._own_commands(),
            devices=self._ask_device,
            publish=lambda payload: self._uplink.publish(Channel.RESULTS, payload),
            acknowledge=self._uplink.ack,
            ending=self._ending,
        )
        self._supervisor = Supervisor(drivers, on_failure=self._on_failure)

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop``.

        Raises:
            SpoolError: the spool was damaged meanwhile; the next start begins a new one.
        """
        damaged = threading.Event()

        def end_damaged() -> None:
            damaged.set()
            stop.set()

        self._spool.on_damage = end_damaged
        self._uplink.start()
        self._supervisor.start()
        self._tell(event="started", data={"version": __version__})
        if self._spool.loss:
            self._on_failure("spool", self._spool.loss)
        _log.info("gateway %s is up, epoch %s", self._config.gateway, self._spool.epoch)
        while not stop.is_set():
            self._tend()
            stop.wait(self._gateway.interval_s)
        _log.info("gateway %s is going down", self._config.gateway)
        self._commands.stop()
        self._supervisor.stop()
        self._uplink.stop()
        self._spool.close()
        self._lock.close()
        if damaged.is_set():
            raise SpoolError("the spool is damaged; start this agent again")

    def _tend(self) -> None:
        """Tell how the box is and tidy up; a fault in either never ends the agent."""
        if time.monotonic() - self._canary_at >= CANARY_EVERY_S:
            self._canary_at = time.monotonic()
            self._tell(event="canary")
        try:
            self._tell(values=self._measure())
        except OSError as error:
            _log.error("the box cannot be measured: %s", error)
        try:
            gone = self._snapshots.prune()
        except OSError as error:
            _log.error("old snapshots cannot be deleted: %s", error)
        else:
            if gone:
                _log.info("%d old snapshots deleted", gone)

    def _ask_device(self, command: Command) -> CommandResult:
        """Let the driver that has the device carry a command out."""
        for driver in self._commanded:
            if driver.has(command.device or ""):
                return driver.command(command)
        return not_connected(command)

    def _own_commands(self) -> dict[str, Handler]:
        own: dict[str, Handler] = {WITHHOLD: self._withheld.withhold}
        platform = self._config.platform
        if platform is None:
            return own
        uploader = Uploader(
            self._snapshots,
            platform.url,
            read_secret(platform.secret_file, "platform.secret_file"),
            community=self._config.community,
            gateway=self._config.gateway,
            ending=self._ending,
        )

        def upload(command: Command) -> CommandResult:
            snapshot = command.args.get("id")
            if not isinstance(snapshot, str):
                raise UploadError("upload-snapshot needs the snapshot's id in args.id")
            said = uploader.upload(snapshot, until_ms=command.expires_at)
            return CommandResult(id=command.id, ok=True, at=now_ms(), detail=said)

        return own | {UPLOAD_SNAPSHOT: upload}

    def _on_command(self, message: Message) -> None:
        self._commands.receive(message)

    def _on_config(self, message: Message) -> None:
        """Keep the platform's configuration for an installer to read; it comes again, retained."""
        path = self._config.data_dir / "platform-config.json"
        try:
            write_whole(path, message.payload)
        except OSError as error:
            _log.error("%s cannot be written: %s", path, error.strerror)
        self._uplink.ack(message)

    def _on_failure(self, driver: str, reason: str) -> None:
        self._tell(event="driver_failed", data={"detail": f"{driver}: {reason}"[:500]})

    def _measure(self) -> dict[str, Value]:
        return {
            "cpu": self._vitals.cpu_percent(),
            "memory": self._vitals.memory_percent(),
            "disk": self._vitals.disk_percent(),
            "spool_bytes": self._spool.waiting_bytes(),
            "spool_events": self._spool.waiting(Lane.EVENTS),
            "spool_telemetry": self._spool.waiting(Lane.TELEMETRY),
        }

    def _tell_found(self, one: Met) -> bool:
        """Tell that a driver met a device; an installer lets it in."""
        data = {name: value for name, value in msgspec.to_builtins(one).items() if value}
        return self._tell(event="device_found", data=data)

    def _tell(self, **said: Any) -> bool:
        """Keep a reading of the gateway itself: its ``values``, or an ``event`` with ``data``.

        False when it could not be kept.
        """
        reading = Reading(device=self._config.gateway, at=now_ms(), **said)
        try:
            self._intake.keep([Said(reading, self._gateway)])
        except (InvalidReadingError, SpoolError) as error:
            _log.error("the gateway's own reading was not kept: %s", error)
            return False
        return True


def _claim(data_dir: Path) -> IO[str]:
    """Make sure that one agent alone uses the folder; released when the process ends."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = (data_dir / "lock").open("w")
    except OSError as error:
        raise ConfigError(f"data_dir: {data_dir} cannot be used: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise ConfigError(f"data_dir: another anju-edge is using {data_dir}") from error
    return lock


def _link_settings(config: EdgeConfig) -> LinkSettings:
    broker = config.broker
    password = (
        read_secret(broker.password_file, "broker.password_file") if broker.password_file else None
    )
    return LinkSettings(
        host=broker.host,
        port=broker.port,
        protocol=broker.protocol,
        client_id=f"{config.community}.{config.gateway}",
        username=broker.username,
        password=password.get_secret_value() if password else None,
        tls=broker.tls,
        ca_file=str(broker.ca_file) if broker.ca_file else None,
        keepalive_s=broker.keepalive_s,
    )
