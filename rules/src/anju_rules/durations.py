"""Durations as people write them: ``90``, ``30s``, ``5m``, ``6h``, ``1d``; kept in milliseconds."""

import re
from typing import Any

from anju_rules.numbers import is_number

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_TEXT = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?)\s*(ms|s|m|h|d)")
_LONGEST_MS = 3_660 * 86_400_000
"""Ten years; what is longer was meant otherwise, and infinity is no length of time."""


class Duration(int):
    """A length of time in whole milliseconds."""

    __slots__ = ()

    @classmethod
    def read(cls, given: Any) -> "Duration":
        """Read a number of seconds or a text with a unit.

        Raises:
            ValueError: it is neither, or longer than ten years; the text says what is expected.
        """
        if is_number(given):
            milliseconds = given * 1_000.0 if abs(given) < _LONGEST_MS else float("nan")
        else:
            match = _TEXT.fullmatch(given.strip()) if isinstance(given, str) else None
            if match is None:
                shown = repr(given)[:60]
                raise ValueError(f"{shown} is not a duration such as 90, 30s, 5m, 6h or 1d")
            milliseconds = float(match.group(1)) * _UNITS[match.group(2)]
        if not 0 <= milliseconds <= _LONGEST_MS:
            raise ValueError(f"{given!r:.60} is not a duration from 0 to ten years")
        return cls(round(milliseconds))
