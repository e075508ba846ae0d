"""The agent's configuration: a YAML file, checked whole before anything starts.

Relative paths are taken from the folder of the configuration file. Secrets stand in files
of their own (but for a camera's, which is part of its address) and never in a log line or
in an error.
"""

import difflib
import inspect
import ipaddress
import typing
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar, cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from anju_edge.drivers.modbus.config import ModbusLine
from anju_edge.errors import ConfigError

T = TypeVar("T")
Id = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
Port = Annotated[int, Field(ge=0, le=65535)]
Fraction = Annotated[float, Field(ge=0, le=1)]
MIN_AREA = 1e-4
"""Smallest share of the picture that a zone may be; in less nobody would ever be seen."""


def _known_zone(name: object) -> object:
    """Refuse a time zone that this machine does not know."""
    try:
        ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{name!r} is not a time zone such as Asia/Shanghai") from error
    return name


def _is_here(host: str) -> bool:
    """Say whether a host is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


Zone = Annotated[str, BeforeValidator(_known_zone)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BrokerConfig(_Section):
    """Where the MQTT broker is and who we are to it.

    A password travels to another machine under TLS only, unless ``insecure`` says that the
    network in between is trusted.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 1883
    protocol: Literal["5", "3.1.1"] = "5"
    tls: bool = False
    ca_file: Path | None = None
    username: str | None = None
    password_file: Path | None = None
    keepalive_s: Annotated[int, Field(ge=2, le=600)] = 15
    insecure: bool = False

    @model_validator(mode="after")
    def _secret_stays_secret(self) -> Self:
        if self.ca_file and not self.tls:
            raise ValueError("ca_file is given but tls is false; set tls: true")
        if self.password_file and not (self.tls or self.insecure or _is_here(self.host)):
            raise ValueError(
                f"the password would travel to {self.host} in clear; set tls: true, or"
                " insecure: true if the network in between is trusted"
            )
        return self


class PlatformConfig(_Section):
    """Where snapshots are uploaded when an alert needs one; ``insecure`` as for the broker."""

    url: Annotated[str, Field(pattern=r"^https?://[^/]+")]
    secret_file: Path
    insecure: bool = False

    @model_validator(mode="after")
    def _secret_stays_secret(self) -> Self:
        where = urlsplit(self.url)
        if not (where.scheme == "https" or self.insecure or _is_here(where.hostname or "")):
            raise ValueError(
                f"pictures and the secret would travel to {where.hostname} in clear; use https,"
                " or insecure: true if the network in between is trusted"
            )
        return self


class NativeConfig(_Section):
    """The native driver's listener; ``port`` 0 takes a free one and writes it to ``port_file``."""

    host: str = "127.0.0.1"
    port: Port = 0
    token_file: Path
    port_file: Path | None = None


class SpoolConfig(_Section):
    """How much may wait on disk; beyond it the oldest telemetry goes first, events never."""

    quota_bytes: Annotated[int, Field(ge=64 * 1024)] = 2 * 1024**3


class SnapshotConfig(_Section):
    """How long and how many pictures stay on the edge."""

    keep_days: Annotated[float, Field(gt=0)] = 7
    quota_bytes: Annotated[int, Field(ge=1024 * 1024)] = 512 * 1024**2


class ZoneConfig(_Section):
    """A polygon on the ground, in fractions of the picture's width and height."""

    name: Id
    kind: Literal["intrusion", "fire_lane", "loiter", "line"] = "intrusion"
    polygon: Annotated[tuple[tuple[Fraction, Fraction], ...], Field(min_length=3)]
    dwell_s: Annotated[float, Field(gt=0)] = 30.0
    """A ``zone_dwell`` event is said each time somebody has stayed this much longer."""

    @model_validator(mode="after")
    def _encloses_something(self) -> Self:
        corners = zip(self.polygon, (*self.polygon[1:], self.polygon[0]), strict=True)
        if abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in corners)) < MIN_AREA * 2:
            raise ValueError("the polygon encloses nothing; are its corners in their order?")
        return self


class CameraConfig(_Section):
    """One camera: a file or a stream, and the zones watched in it."""

    device: Id
    source: str
    realtime: bool = True
    loop: bool = False
    fps: Annotated[float, Field(gt=0, le=60)] = 5.0
    warmup_s: Annotated[float, Field(ge=0)] = 4.0
    min_height: Fraction = 0.03
    """Smallest thing worth following, as a fraction of the picture's height."""
    lost_after_s: Annotated[float, Field(gt=0)] = 10.0
    open_timeout_s: Annotated[float, Field(gt=0)] = 5.0
    zones: tuple[ZoneConfig, ...] = ()


class ReplayConfig(_Section):
    """A recorded home played through the agent (see ``drivers/replay.py``)."""

    file: Path
    home: Id | None = None
    """Names the home and begins its devices' ids; from the file's name when absent."""
    timezone: Zone | None = None
    """Zone of the recording's local times; the site's when absent."""
    speed: Annotated[float, Field(gt=0)] = 1.0
    shift: bool = False
    """Stamp each reading with the time it is played instead of the recorded time."""


class EdgeConfig(_Section):
    """The whole configuration of one agent."""

    community: Id
    gateway: Id
    data_dir: Path
    timezone: Zone = "Asia/Shanghai"
    broker: BrokerConfig = BrokerConfig()
    platform: PlatformConfig | None = None
    native: NativeConfig | None = None
    spool: SpoolConfig = SpoolConfig()
    snapshots: SnapshotConfig = SnapshotConfig()
    cameras: tuple[CameraConfig, ...] = ()
    replay: tuple[ReplayConfig, ...] = ()
    modbus: tuple[ModbusLine, ...] = ()
    names: dict[str, Id] = {}
    """Our ids of foreign devices, by driver and foreign name: ``zigbee2mqtt/0x00158d``."""

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        for what, names in (
            ("camera device", [camera.device for camera in self.cameras]),
            ("replay file", [str(replay.file) for replay in self.replay]),
            ("modbus line", [line.line for line in self.modbus]),
            ("modbus device", [one.device for line in self.modbus for one in line.devices]),
            *(
                (f"{camera.device}: zone", [zone.name for zone in camera.zones])
                for camera in self.cameras
            ),
        ):
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"{what} {name!r} stands twice")
        return self


def load(path: Path) -> EdgeConfig:
    """Read and check a configuration file.

    Raises:
        ConfigError: it cannot be read, is not YAML, or has a key or value that is not ours.
    """
    try:
        tree = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not YAML: {error}") from error
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: expected keys such as community, gateway and broker")
    try:
        config = EdgeConfig.model_validate(tree)
    except ValidationError as error:
        lines = "\n".join(f"{path}: {_explain(item)}" for item in error.errors())
        raise ConfigError(lines) from error
    return _anchored(config, path.resolve().parent)


def read_secret(path: Path, key: str) -> SecretStr:
    """Read a secret from its file, without the line end.

    Raises:
        ConfigError: the file cannot be read or is empty; names ``key``, never the secret.
    """
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise ConfigError(f"{key}: {path} cannot be read: {reason}") from error
    if not text:
        raise ConfigError(f"{key}: {path} is empty; expected the secret on one line")
    return SecretStr(text)


def _explain(item: ErrorDetails) -> str:
    """Turn one of pydantic's errors into a sentence that names the key and what is expected."""
    where = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        known = _keys_at(EdgeConfig, item["loc"][:-1])
        near = difflib.get_close_matches(str(item["loc"][-1]), known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(sorted(known))}"
        return f"{where}: unknown key; {hint}"
    if item["type"] == "missing":
        return f"{where}: is required"
    got = item["input"]
    shown = f" (found {got!r})" if isinstance(got, str | int | float | bool) else ""
    said = item["msg"].removeprefix("Value error, ")
    return f"{where}: {said}{shown}" if where else said


def _keys_at(section: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """Give the keys known where ``path`` leads, following sections and lists of sections."""
    for part in path:
        if isinstance(part, str) and part in section.model_fields:
            inner = _section_in(section.model_fields[part].annotation)
            section = inner or section
    return list(section.model_fields)


def _section_in(annotation: Any) -> type[BaseModel] | None:
    """Find the section inside ``X``, ``X | None`` or ``tuple[X, ...]``."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return annotation
    found = (_section_in(inner) for inner in typing.get_args(annotation))
    return next((inner for inner in found if inner is not None), None)


def _anchored(value: T, folder: Path) -> T:
    """Give a copy of a section whose relative paths start at ``folder``."""
    anchored: Any = value
    if isinstance(value, BaseModel):
        names = type(value).model_fields
        changed = {name: _anchored(getattr(value, name), folder) for name in names}
        if isinstance(value, CameraConfig) and "://" not in value.source:
            changed["source"] = str(folder / value.source)
        anchored = value.model_copy(update=changed)
    elif isinstance(value, tuple):
        anchored = tuple(_anchored(item, folder) for item in value)
    elif isinstance(value, Path):
        anchored = folder / value
    return cast("T", anchored)
