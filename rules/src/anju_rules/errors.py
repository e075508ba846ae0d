"""Errors of this part; every message says what was wrong, where, and what to do."""

from collections.abc import Sequence
from dataclasses import dataclass

_SHOWN = 200


class RuleError(Exception):
    """Base of every error raised by ``anju_rules``."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in a rule file.

    ``line`` and ``column`` count from 1 and point into the file, at the very character where
    that can be told. ``path`` names the key in its rule, such as ``steps[0].for``; ``rule`` is
    the rule's id where it has one.
    """

    line: int
    column: int
    message: str
    path: str = ""
    rule: str = ""

    def __str__(self) -> str:
        where = f"rule {self.rule!r}: " if self.rule else ""
        return f"{where}{self.path}: {self.message}" if self.path else f"{where}{self.message}"


class InvalidRuleError(RuleError):
    """A rule cannot be used; ``faults`` are all that is wrong in its file, in its order."""

    def __init__(self, message: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)

    @classmethod
    def of_file(cls, name: str, faults: Sequence[Fault]) -> "InvalidRuleError":
        """Tell the faults of one file, one a line: ``file:line:column: rule: key: message``."""
        lines = [f"{name}:{fault.line}:{fault.column}: {fault}" for fault in faults]
        return cls("\n".join(lines), faults)


class ConditionError(RuleError):
    """A condition is not of the language; ``column`` (from 1) points at the place."""

    def __init__(self, message: str, text: str, column: int) -> None:
        shown = text if len(text) <= _SHOWN else text[:_SHOWN] + " ..."
        pointer = " " * (column - 1) + "^" if column <= len(shown) + 1 else ""
        super().__init__(f"column {column}: {message}\n  {shown}\n  {pointer}".rstrip())
        self.message = message
        self.column = column
