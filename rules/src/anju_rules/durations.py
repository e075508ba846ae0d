"""Durations as people write them: ``90``, ``30s``, ``5m``, ``6h``, ``1d``; kept in milliseconds."""

import re
from typing import Any

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_TEXT = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")


class Duration(int):
    """A length of time in whole milliseconds."""

    __slots__ = ()

    @classmethod
    def read(cls, given: Any) -> "Duration":
        """Read a number of seconds or a text with a unit.

        Raises:
            ValueError: it is neither; the text says what is expected.
        """
        if isinstance(given, int | float) and not isinstance(given, bool) and given >= 0:
            return cls(round(given * 1_000))
        match = _TEXT.fullmatch(given.strip()) if isinstance(given, str) else None
        if match is None:
            raise ValueError(f"{given!r} is not a duration such as 90, 30s, 5m, 6h or 1d")
        return cls(round(float(match.group(1)) * _UNITS[match.group(2)]))
