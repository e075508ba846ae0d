"""Something that goes wrong, and what ought to be alerted because of it."""

from dataclasses import dataclass

from anju_devices.sim.moment import Moment


@dataclass(frozen=True, slots=True)
class Truth:
    """What ought to be alerted: the kind, at which device, not before when, how severe."""

    kind: str
    device: str
    at: int
    severity: int


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that goes wrong: its moments in order, the devices it has to itself, the truth.

    Reserve early: what was under way at a reserved device ends before ``moments`` begin.
    """

    kind: str
    moments: tuple[Moment, ...]
    reserved: frozenset[str]
    truths: tuple[Truth, ...]

    @property
    def begins_at(self) -> int:
        """When its first moment is."""
        return self.moments[0].at

    @property
    def ends_at(self) -> int:
        """When its last moment is."""
        return self.moments[-1].at
