"""What drivers of devices that can be told something share: how long they wait, how they fail."""

from anju_devices.messages import Command, CommandResult
from anju_edge.clock import now_ms

ANSWER_S = 60.0
"""How long a device may take to answer at most; a command's expiry alone would be no bound
while this box's clock stands years behind."""


def time_left_s(command: Command) -> float:
    """Give how long the answer to a command may be waited for, seconds."""
    return min(max(0.0, (command.expires_at - now_ms()) / 1000), ANSWER_S)


def failed(command: Command, detail: str) -> CommandResult:
    """Answer that a command was not carried out; ``detail`` tells a person why."""
    return CommandResult(id=command.id, ok=False, at=now_ms(), detail=detail)


def not_connected(command: Command) -> CommandResult:
    """Answer that nobody here has the device."""
    return failed(command, f"device {command.device} is not connected")
