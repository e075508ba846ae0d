"""Lines of comma-separated values that are safe to open in a spreadsheet."""

import csv
from collections.abc import Iterable
from io import StringIO
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_line(values: Iterable[Any]) -> str:
    """Write one line; a text that a spreadsheet would run as a formula is quoted."""
    out = StringIO()
    csv.writer(out).writerow(_cell(value) for value in values)
    return out.getvalue()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
