"""What a device of one kind can say and be asked: fields, events and commands, as data."""

import math
import sys
from dataclasses import dataclass
from dataclasses import field as attribute
from enum import StrEnum

from anju_devices.errors import InvalidReadingError
from anju_devices.messages import Lane, Reading, Value


class Kind(StrEnum):
    """The kind of a field's value."""

    NUMBER = "number"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    TEXT = "text"


_NUMBER, _BOOLEAN, _CHOICE = Kind.NUMBER, Kind.BOOLEAN, Kind.CHOICE
_LARGEST = sys.float_info.max


@dataclass(frozen=True, slots=True)
class Text:
    """A word for people, in both languages of the screens."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Field:
    """One value a device reports, or one item of an event's data.

    ``minimum``/``maximum`` bound a plausible number in ``unit``; ``options`` are the words
    of a CHOICE, stored as their index. TEXT occurs in event data only. ``urgent`` sends a
    reading with this field over the events lane (a smoke alarm, a door's state).
    """

    name: str
    kind: Kind
    title: Text
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    options: tuple[str, ...] = ()
    urgent: bool = False

    def check(self, value: Value) -> str | None:
        """Say what is wrong with ``value`` for this field, or nothing."""
        kind = self.kind
        # no match statement: Python 3.11 looks up a member of an enum slowly
        if kind is _NUMBER:
            return self._check_number(value)
        if kind is _BOOLEAN:
            return None if value is True or value is False else f"{value!r} is not true or false"
        if kind is _CHOICE:
            known = isinstance(value, str) and value in self.options
            return None if known else f"{value!r} is none of {', '.join(self.options)}"
        return None if isinstance(value, str) else f"{value!r} is not text"

    def _check_number(self, value: Value) -> str | None:
        if type(value) is not float and type(value) is not int:
            return f"{value!r} is not a number"
        if not _is_finite(value):
            return "the number is not finite"
        if self.minimum is not None and value < self.minimum:
            return f"{value:g} {self.unit} is under {self.minimum:g}".replace("  ", " ")
        if self.maximum is not None and value > self.maximum:
            return f"{value:g} {self.unit} is over {self.maximum:g}".replace("  ", " ")
        return None

    def number(self, value: Value) -> float:
        """Give the number stored for a checked value: 0/1, the option's index, or itself."""
        if isinstance(value, str):
            return float(self.options.index(value))
        return float(value)

    def word(self, number: float) -> Value:
        """Give back the value that :meth:`number` stored."""
        match self.kind:
            case Kind.BOOLEAN:
                return number != 0
            case Kind.CHOICE:
                return self.options[int(number)]
            case _:
                return number


@dataclass(frozen=True, slots=True)
class EventType:
    """Something that happens at a device, with the data it may carry."""

    name: str
    title: Text
    data: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class CommandType:
    """Something a device can be asked to do."""

    name: str
    title: Text
    args: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class DeviceModel:
    """One kind of device.

    ``interval_s`` is how often it speaks when nothing happens (its silence is judged by
    it); ``life_safety`` marks kinds whose silence means "protection is off"; ``icon`` names
    the picture on screens.
    """

    name: str
    title: Text
    icon: str
    interval_s: int
    fields: tuple[Field, ...] = ()
    events: tuple[EventType, ...] = ()
    commands: tuple[CommandType, ...] = ()
    life_safety: bool = False
    _fields: dict[str, Field] = attribute(init=False, repr=False, compare=False, hash=False)
    _events: dict[str, EventType] = attribute(init=False, repr=False, compare=False, hash=False)
    _bounds: dict[str, tuple[float, float]] = attribute(
        init=False, repr=False, compare=False, hash=False
    )
    _booleans: frozenset[str] = attribute(init=False, repr=False, compare=False, hash=False)
    has_choices: bool = attribute(init=False, repr=False, compare=False, hash=False)
    """Whether a field's value may be a word, stored as its number."""

    def __post_init__(self) -> None:
        """Index fields and events by name."""
        numbers = [f for f in self.fields if f.kind is _NUMBER]
        booleans = frozenset(f.name for f in self.fields if f.kind is _BOOLEAN)
        for name, value in (
            ("_fields", {f.name: f for f in self.fields}),
            ("_events", {e.name: e for e in self.events}),
            ("_bounds", {f.name: _bounds(f) for f in numbers}),
            ("_booleans", booleans),
            ("has_choices", len(numbers) + len(booleans) < len(self.fields)),
        ):
            object.__setattr__(self, name, value)

    def field(self, name: str) -> Field | None:
        """Give the field of that name, if the model has it."""
        return self._fields.get(name)

    def event(self, name: str) -> EventType | None:
        """Give the event type of that name, if the model has it."""
        return self._events.get(name)

    def check(self, reading: Reading) -> None:
        """Check a reading against this model.

        Raises:
            InvalidReadingError: it says nothing, or something this model does not know, or
                a value of the wrong kind or out of range, also in an event's data. Data
                that the model does not name are a device's own matter and pass.
        """
        if reading.event is None and not reading.values:
            raise InvalidReadingError(f"{reading.device}: neither values nor an event")
        for name, value in reading.values.items():
            # what is right, and most is, is told here without a call
            bounds = self._bounds.get(name)
            if bounds is not None:
                if (type(value) is float or type(value) is int) and bounds[0] <= value <= bounds[1]:
                    continue
            elif (value is True or value is False) and name in self._booleans:
                continue
            known = self._fields.get(name)
            fault = f"{self.name} has no such field" if known is None else known.check(value)
            if fault:
                raise InvalidReadingError(f"{reading.device}.{name}: {fault}")
        if reading.event is not None:
            self._check_event(reading, reading.event)

    def _check_event(self, reading: Reading, name: str) -> None:
        event = self._events.get(name)
        if event is None:
            raise InvalidReadingError(f"{reading.device}: {self.name} has no event {name!r}")
        for item in event.data:
            fault = item.check(reading.data[item.name]) if item.name in reading.data else None
            if fault:
                raise InvalidReadingError(f"{reading.device}.{name}.{item.name}: {fault}")

    def lane(self, reading: Reading) -> Lane:
        """Give the lane a reading travels on: events and urgent fields first."""
        if reading.event is not None:
            return Lane.EVENTS
        for name in reading.values:
            known = self._fields.get(name)
            if known is not None and known.urgent:
                return Lane.EVENTS
        return Lane.TELEMETRY


def _bounds(field: Field) -> tuple[float, float]:
    """Give between which numbers a value is right; no bound lets what is not finite through."""
    low = -_LARGEST if field.minimum is None else field.minimum
    high = _LARGEST if field.maximum is None else field.maximum
    return low, high


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond every float
        return False
