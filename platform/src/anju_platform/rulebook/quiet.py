"""Devices that say nothing new: most of all readings, and what they may cost decides the pace.

A reading is quiet where its values alone tell that no rule about the device has anything to
do. Then nothing that is remembered is touched: when it came is kept with the device, and
worked into what its rules remember (:meth:`QuietDevices.wake`) before anything looks at it.
It comes to the same as asking every rule at every reading.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from anju_platform.registry.snapshot import KnownDevice
from anju_platform.rulebook.remembered import Memories, Remembered
from anju_platform.rulebook.repository import StateKey
from anju_platform.telemetry.writing import Taken
from anju_rules import CompiledRule, Meeting, Signal
from anju_rules.passing import MOST_QUIET, rests_until

_KEPT = MOST_QUIET
_FOLDED = _KEPT // 2
"""So many are forgotten at once: they can be put in no other order any more."""

_Marks = list[tuple[int, int, tuple[Signal | None, ...]]]


@dataclass(slots=True, eq=False)
class _Quiet:
    """What a device said since its rules were last told.

    ``marks`` are (said at, received at, what it says to each of the rules that are the
    device's own); ``until`` is when the last was said, ``heard_at`` when it was last heard of.
    ``settled`` is, for each of these rules, when the last that was forgotten and said
    anything to it was said and received.
    """

    device: KnownDevice
    met: Meeting
    until: int
    heard_at: int = 0
    marks: _Marks = field(default_factory=list)
    settled: dict[int, tuple[int, int]] = field(default_factory=dict)

    def keep(self, one: Taken, signals: tuple[Signal | None, ...], now: int) -> None:
        self.until = at = one.at
        # what was said long ago proves life then, not now
        heard_at = at if now - at > self.met.late_ms else now
        self.heard_at = max(heard_at, self.heard_at)
        marks, received_at = self.marks, one.received_at
        if marks and received_at - marks[-1][1] >= self.met.lateness_ms:
            self._fold(len(marks))  # as most do: nothing of before can be overtaken any more
        marks.append((at, received_at, signals))
        if len(marks) >= _KEPT + _FOLDED:
            self._fold(_FOLDED)

    def _fold(self, count: int) -> None:
        """Forget the oldest, but for where they end."""
        for at, received_at, signals in self.marks[:count]:
            for number, signal in enumerate(signals):
                if signal is not None:
                    self.settled[number] = (at, received_at)
        del self.marks[:count]


class QuietDevices:
    """The devices whose last readings were quiet; ``memories`` is what is remembered of all."""

    def __init__(self, memories: Memories) -> None:
        self._memories = memories
        self._quiet: dict[int, _Quiet] = {}
        self._asked: dict[int, KnownDevice] = {}

    def hear(self, one: Taken, met: Meeting, now: int) -> Sequence[CompiledRule] | None:
        """Take in a reading of values, not retained; give the rules that must be asked now.

        None: all of them; the device is awake. So it is the first time that a device speaks
        as the registry has it now: its rules' timers may be due at another time.
        """
        device = one.device
        if self._asked.get(device.id) is not device:
            self._asked[device.id] = device
            return None
        signals, asks = met.hear(device.slug, device.model.name, one.reading.values)
        quiet = self._quiet.get(device.id)
        if quiet is None:
            quiet = self._calm(device, met) if signals is not None else None
        if signals is None or quiet is None or quiet.met is not met or one.at <= quiet.until:
            return None
        self._quiet[device.id] = quiet
        quiet.keep(one, signals, now)
        return asks

    def wake(self, device_id: int) -> None:
        """Work what a device said into what its rules remember."""
        quiet = self._quiet.pop(device_id, None)
        if quiet is None:
            return
        for number, rule in enumerate(quiet.met.own):
            self._let_pass(quiet, number, rule)
        for rule in quiet.met.followers:
            memory = self._memories.get(_key(rule, quiet.device))
            if memory is not None:
                memory.state = rule.heard(memory.state, quiet.heard_at)

    def wake_where(self, is_changed: Callable[[KnownDevice], bool]) -> None:
        """Wake the devices of which that is true."""
        for device_id in [one for one, quiet in self._quiet.items() if is_changed(quiet.device)]:
            self.wake(device_id)
        for device_id in [one for one, device in self._asked.items() if is_changed(device)]:
            del self._asked[device_id]

    def _calm(self, device: KnownDevice, met: Meeting) -> _Quiet | None:
        """Give a beginning, if nothing is going on about a device."""
        until = 0
        for rule in met.own:
            memory = self._memories.get(_key(rule, device))
            if memory is None:
                continue
            rests = rests_until(memory.state) if memory.due is None else None
            if rests is None:
                return None
            until = max(until, rests)
        for rule in met.followers:
            memory = self._memories.get(_key(rule, device))
            if memory is None or memory.due is None or not rule.is_heard_of(memory.state):
                return None
        return _Quiet(device, met, until)

    def _let_pass(self, quiet: _Quiet, number: int, rule: CompiledRule) -> None:
        said = ((at, received_at, all_said[number]) for at, received_at, all_said in quiet.marks)
        marks = [(at, received_at, one) for at, received_at, one in said if one is not None]
        settled = quiet.settled.get(number)
        if not marks and settled is None:
            return
        key, slug = _key(rule, quiet.device), quiet.device.slug
        memory = self._memories.get(key)
        state = rule.let_pass(memory.state if memory else None, slug, marks, settled)
        if memory is None:
            self._memories[key] = Remembered(state, slug, None)
        else:
            memory.state = state


def _key(rule: CompiledRule, device: KnownDevice) -> StateKey:
    return (device.community_id, rule.rule.id, device.slug)
