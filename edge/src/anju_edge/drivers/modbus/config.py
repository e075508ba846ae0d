"""What an installer writes about a Modbus line: its devices, their registers, their relays."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, model_validator

from anju_devices import catalog
from anju_devices.errors import UnknownModelError
from anju_devices.model import DeviceModel, Kind

Address = Annotated[int, Field(ge=0, le=65535)]
Word = Annotated[int, Field(ge=0, le=65535)]
Readable = Literal["holding", "input", "coil", "discrete"]
BITS = frozenset({"coil", "discrete"})
WIDE = frozenset({"uint32", "int32", "float32"})
"""Types of two registers; all others have one."""
MOST_REGISTERS = 125
"""Most registers one request may ask for (Modbus application protocol 1.1b3, 6.3)."""


class Point(BaseModel, extra="forbid", frozen=True):
    """One value of a device: where it is and what it means to us.

    ``address`` counts from 0, as on the wire; a manual's "40001" is holding register 0.
    ``order`` names the bytes of a 32-bit value as the trade does: ABCD is big-endian, CDAB
    has its words swapped. The value is ``raw * scale + offset``. Of ``count`` values that
    lie one after the other the ``take`` counts (the hottest of eight cables). A register
    that is one of ``absent`` has nothing connected and is passed over. ``words`` gives a
    choice its word by raw value. ``rises`` and ``falls`` are events said when a bit turns
    on or off, and at the first reading when it is on.
    """

    field: str
    function: Readable = "holding"
    address: Address
    type: Literal["uint16", "int16", "uint32", "int32", "float32", "bit"] = "uint16"
    bit: Annotated[int, Field(ge=0, le=15)] = 0
    order: Literal["ABCD", "CDAB", "BADC", "DCBA"] = "ABCD"
    count: Annotated[int, Field(ge=1, le=32)] = 1
    take: Literal["highest", "lowest", "sum"] = "highest"
    scale: float = 1.0
    offset: float = 0.0
    absent: tuple[Word, ...] = ()
    words: dict[int, str] = {}
    rises: str | None = None
    falls: str | None = None

    @property
    def size(self) -> int:
        """How many registers, or bits, it takes up."""
        return self.count * (2 if self.type in WIDE else 1)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.function in BITS and self.type != "bit":
            raise ValueError(f"a {self.function} has type bit, not {self.type}")
        if self.address + self.size > 65536:  # noqa: PLR2004 - addresses have 16 bits
            raise ValueError("it reaches over the last address, 65535")
        if (self.rises or self.falls) and (self.type != "bit" or self.count > 1):
            raise ValueError("rises and falls need a single bit")
        return self

    def judge(self, model: DeviceModel) -> str | None:
        """Say why this point cannot fill a device of that model, or nothing."""
        field = model.field(self.field)
        if field is None:
            known = ", ".join(one.name for one in model.fields)
            return f"{model.name} has no field {self.field!r}; it has {known}"
        if field.kind is Kind.CHOICE:
            odd = [word for word in self.words.values() if word not in field.options]
            if odd or not self.words:
                return f"{self.field} needs words out of {', '.join(field.options)}"
        elif self.words:
            return f"{self.field} is no choice and has no words"
        if (field.kind is Kind.BOOLEAN) != (self.type == "bit") and not self.words:
            return f"{self.field} is a {field.kind.value} and cannot be read as {self.type}"
        for event in (self.rises, self.falls):
            if event and model.event(event) is None:
                return f"{model.name} has no event {event!r}"
        return None


class Confirmed(BaseModel, extra="forbid", frozen=True):
    """Where a device says that it did what was written: its own answer, not our word."""

    function: Literal["coil", "discrete"] = "coil"
    address: Address
    value: bool = True
    within_s: Annotated[float, Field(ge=0, le=30)] = 5.0


class Relay(BaseModel, extra="forbid", frozen=True):
    """A command that is carried out by writing a coil; without ``confirm`` it is read back."""

    name: str
    coil: Address
    value: bool = True
    confirm: Confirmed | None = None


class ModbusDevice(BaseModel, extra="forbid", frozen=True):
    """One device of a line: its ``unit`` id, what is read and what can be written."""

    device: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
    unit: Annotated[int, Field(ge=0, le=255)] = 1
    profile: str | None = None
    model: str | None = None
    poll_s: Annotated[float, Field(ge=0.1, le=86400)] = 10.0
    points: tuple[Point, ...] = ()
    commands: tuple[Relay, ...] = ()

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        from anju_edge.drivers.modbus.profiles import PROFILES  # its data are made of Point

        if self.profile is not None and self.profile not in PROFILES:
            raise ValueError(f"no profile {self.profile!r}; known: {', '.join(PROFILES)}")
        if self.profile is None and self.model is None:
            raise ValueError("give a profile, or the model and points")
        model = self.our_model
        if not self.every_point and not self.commands:
            raise ValueError("nothing is read or written; give points or commands")
        faults = [fault for point in self.every_point if (fault := point.judge(model))]
        known = {command.name for command in model.commands}
        faults += [
            f"{model.name} has no command {relay.name!r}"
            for relay in self.commands
            if relay.name not in known
        ]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    @property
    def our_model(self) -> DeviceModel:
        """The model of ours that it is."""
        from anju_edge.drivers.modbus.profiles import PROFILES

        name = self.model or (PROFILES[self.profile].model if self.profile else "")
        try:
            return catalog.model(name)
        except UnknownModelError as error:
            raise ValueError(str(error)) from error

    @property
    def every_point(self) -> tuple[Point, ...]:
        """The profile's points and its own; its own stand for the profile's of that field."""
        from anju_edge.drivers.modbus.profiles import PROFILES

        own = {point.field for point in self.points}
        shipped = PROFILES[self.profile].points if self.profile else ()
        return (*(point for point in shipped if point.field not in own), *self.points)


class ModbusLine(BaseModel, extra="forbid", frozen=True):
    """One connection: a device of its own, or a gateway to a line of RTU devices.

    ``timeout_s`` is how long a device may take to answer; those that do not answer take no
    more than a tenth of the line's time.
    """

    line: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 502
    timeout_s: Annotated[float, Field(gt=0, le=30)] = 1.0
    devices: Annotated[tuple[ModbusDevice, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _devices_once(self) -> Self:
        names = [one.device for one in self.devices]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"device {', '.join(sorted(twice))} stands twice")
        return self
