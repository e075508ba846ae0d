"""How devices answer commands: the result, and what they say and do after it."""

from collections.abc import Callable, Mapping, Sequence

from anju_devices.messages import Command, CommandResult
from anju_devices.sim.moment import Moment, opening
from anju_devices.sim.twin import Twin

_WORK_MS = 180


def refuse(command: Command, at: int, detail: str) -> CommandResult:
    """Give a failure that tells a person why."""
    return CommandResult(id=command.id, ok=False, at=at, detail=detail)


def answer(twin: Twin, command: Command, at: int) -> tuple[CommandResult, Sequence[Moment]]:
    """Carry a command out; give its result and what happens at the device because of it."""
    known = {c.name: c for c in twin.model.commands}.get(command.name)
    act = _ACTS.get(command.name)
    if known is None or act is None:
        text = f"{twin.model.name} has no command {command.name!r}"
        return refuse(command, at, text), ()
    for arg in known.args:
        fault = arg.check(command.args[arg.name]) if arg.name in command.args else None
        if fault:
            return refuse(command, at, f"{arg.name}: {fault}"), ()
    if command.expires_at <= at:
        return refuse(command, at, "the command came after its expiry"), ()
    done_at = at + _WORK_MS
    result = CommandResult(id=command.id, ok=True, at=at, detail="done")
    return result, act(twin.entry.slug, command, done_at)


def _unlock(door: str, command: Command, at: int) -> list[Moment]:
    """Release the lock; somebody waits outside and comes in."""
    hold_ms = int(float(command.args.get("hold_s", 5)) * 1000)
    granted = {
        "credential": "",
        "credential_type": "remote",
        "direction": "in",
        "reason": "unlocked by command",
        "offline": False,
    }
    moments = [
        Moment(at, door, {"lock_state": "unlocked"}, "access_granted", granted),
        *opening(door, at + 1500, at + 6500),
        Moment(at + hold_ms, door, {"lock_state": "locked"}),
    ]
    return sorted(moments, key=lambda m: m.at)


def _lock(door: str, _: Command, at: int) -> list[Moment]:
    return [Moment(at, door, {"lock_state": "locked"})]


def _raise_barrier(lane: str, _: Command, at: int) -> list[Moment]:
    return [
        Moment(at, lane, {"barrier_state": "open"}, "barrier_opened"),
        Moment(at + 15_000, lane, {"barrier_state": "closed"}, "barrier_closed"),
    ]


def _lower_barrier(lane: str, _: Command, at: int) -> list[Moment]:
    return [Moment(at, lane, {"barrier_state": "closed"}, "barrier_closed")]


def _test(device: str, _: Command, at: int) -> list[Moment]:
    return [Moment(at + 2000, device, event="test")]


def _close_valve(device: str, _: Command, at: int) -> list[Moment]:
    return [Moment(at + 3000, device, {"valve": "closed"})]


def _switch_off(device: str, _: Command, at: int) -> list[Moment]:
    return [Moment(at, device, {"power": 0.0, "on": False})]


def _trip(device: str, _: Command, at: int) -> list[Moment]:
    return [Moment(at, device, {"residual": 0.0}, "tripped")]


def _hold_doors(lift: str, _: Command, at: int) -> list[Moment]:
    return [
        Moment(at, lift, {"door_state": "open"}),
        Moment(at + 60_000, lift, {"door_state": "closed"}),
    ]


def _nothing(_: str, __: Command, ___: int) -> list[Moment]:
    """Give nothing: a sound, a picture or a call leaves no reading."""
    return []


_ACTS: Mapping[str, Callable[[str, Command, int], list[Moment]]] = {
    "unlock": _unlock,
    "lock": _lock,
    "raise_barrier": _raise_barrier,
    "lower_barrier": _lower_barrier,
    "self_test": _test,
    "silence": _nothing,
    "siren": _nothing,
    "close_valve": _close_valve,
    "switch_off": _switch_off,
    "trip": _trip,
    "hold_doors": _hold_doors,
    "call_cabin": _nothing,
    "snapshot": _nothing,
}
