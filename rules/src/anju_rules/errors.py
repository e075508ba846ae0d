"""Errors of this part; every message says what was wrong, where, and what to do."""

_SHOWN = 200


class RuleError(Exception):
    """Base of every error raised by ``anju_rules``."""


class InvalidRuleError(RuleError):
    """A rule cannot be used; the text names its file, the key and what is expected."""


class ConditionError(RuleError):
    """A condition is not of the language; ``column`` (from 1) points at the place."""

    def __init__(self, message: str, text: str, column: int) -> None:
        shown = text if len(text) <= _SHOWN else text[:_SHOWN] + " ..."
        pointer = " " * (column - 1) + "^" if column <= len(shown) + 1 else ""
        super().__init__(f"column {column}: {message}\n  {shown}\n  {pointer}".rstrip())
        self.column = column
