"""What happened to an alert."""

from dataclasses import dataclass

from anju_platform.alerts.model import Alert
from anju_platform.alerts.repository import Entry


@dataclass(frozen=True, slots=True, eq=False)
class Transition:
    """What happened to an alert; ``tell`` is true when people are to hear of it.

    ``entries`` are its steps for the timeline
    (:func:`anju_platform.alerts.repository.add_entries`).
    """

    alert: Alert
    kind: str
    tell: bool
    entries: tuple[Entry, ...]
