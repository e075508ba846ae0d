"""Tables as CSV that spreadsheets open without harm."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from fastapi.responses import StreamingResponse
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from anju_platform.database import reading

_T = TypeVar("_T")
_CHUNK = 1 << 16
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_BOM = "\ufeff"  # without it spreadsheets read Chinese as something else


def whole_table(
    engine: Engine, part: Callable[[Session, str | None], tuple[Iterable[_T], str | None]]
) -> Iterator[_T]:
    """Give all rows of a table, read part by part: ``part`` gives rows and where to read on.

    Between two parts no transaction is open, however slowly somebody takes the table in.
    """
    after: str | None = None
    while True:
        with reading(engine) as session:
            rows, after = part(session, after)
            rows = list(rows)
        yield from rows
        if after is None:
            return


def csv_lines(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Give a table some lines at a time, its head first; what looks like a formula is quoted."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write(_BOM)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in columns])
        if buffer.tell() > _CHUNK:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return value.isoformat()
        case int() | float():
            return str(value)
        case _:
            text = str(value)
            return f"'{text}" if text.startswith(_FORMULA) else text


class CsvResponse(StreamingResponse):
    """A table as CSV."""

    media_type = "text/csv"


def csv_response(
    name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]
) -> CsvResponse:
    """Answer with a CSV file to be saved under ``name``."""
    return CsvResponse(
        csv_lines(columns, rows),
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
