"""A file as rows of text: CSV as spreadsheets write it (also in Chinese), or XLSX."""

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from anju_platform.errors import InvalidRequestError

MAX_BYTES = 4 * 1024 * 1024
MOST_ROWS = 5000
_MOST_LINES = 4 * MOST_ROWS
"""Empty ones among them."""
_MOST_UNPACKED = 64 * 1024 * 1024
"""A small XLSX may hold much: it is a ZIP."""

COLUMNS = {
    "home": ("home", "住户", "住户编号"),
    "place": ("place", "住址", "房号"),
    "kind": ("kind", "类别"),
    "name": ("name", "姓名"),
    "born_on": ("born_on", "出生日期"),
    "elder": ("elder", "老人"),
    "relation": ("relation", "关系"),
    "phone": ("phone", "电话"),
    "has_key": ("has_key", "有钥匙"),
    "lives_alone": ("lives_alone", "独居"),
    "dementia": ("dementia", "认知症"),
    "bedridden": ("bedridden", "卧床"),
    "health": ("health", "健康状况"),
    "entry": ("entry", "进门办法"),
}
"""Each column's name, and the heads it may stand under."""
NEEDED = ("kind", "name")


class Unreadable(StrEnum):
    """Why a file cannot be read at all."""

    TOO_LARGE = "too_large"
    NO_TABLE = "no_table"
    UNKNOWN_HEAD = "unknown_head"
    HEAD_TWICE = "head_twice"
    HEAD_MISSING = "head_missing"
    NO_ROWS = "no_rows"
    TOO_MANY_ROWS = "too_many_rows"


class SheetError(InvalidRequestError):
    """A file that cannot be read at all: ``why``, and ``what`` it is about (a head, a number)."""

    title = "The file cannot be read"

    def __init__(self, message: str, why: Unreadable, what: str = "") -> None:
        super().__init__(message)
        self.why, self.what = why, what

    def members(self) -> dict[str, Any]:
        """Give why, and what it is about."""
        return {"why": self.why.value, "what": self.what}


_BY_HEAD = {head: column for column, heads in COLUMNS.items() for head in heads}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the file: its number as a spreadsheet shows it, and its cells by column."""

    number: int
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        """Give a cell's text, empty if there is none."""
        return self.cells.get(column, "")


def read(content: bytes) -> list[Row]:
    """Read a file of homes; lines with nothing in them are passed over.

    Raises:
        SheetError: it is neither CSV nor XLSX, has a head we do not know, lacks one
            that is needed, or is too large; the text says which and what to do.
    """
    if len(content) > MAX_BYTES:
        raise SheetError(f"a file has {MAX_BYTES // 1024**2} MB at most", Unreadable.TOO_LARGE)
    lines = _of_xlsx(content) if content.startswith(b"PK") else _of_csv(content)
    head = next(lines, [])
    columns = _columns(head)
    rows = [
        Row(number, cells)
        for number, line in enumerate(lines, start=2)
        if any((cells := dict(zip(columns, line, strict=False))).values())
    ]
    if not rows:
        raise SheetError("there is no row below the head", Unreadable.NO_ROWS)
    if len(rows) > MOST_ROWS:
        said = f"there are {len(rows)} rows, {MOST_ROWS} at most: make two files"
        raise SheetError(said, Unreadable.TOO_MANY_ROWS, str(len(rows)))
    return rows


def _columns(head: Sequence[str]) -> list[str]:
    while head and not head[-1]:
        head = head[:-1]
    unknown = [each for each in head if each.strip().lower() not in _BY_HEAD]
    if unknown:
        known = ", ".join("/".join(heads) for heads in COLUMNS.values())
        said = f"the head {unknown[0]!r} is not known; there are {known}"
        raise SheetError(said, Unreadable.UNKNOWN_HEAD, unknown[0][:40])
    columns = [_BY_HEAD[each.strip().lower()] for each in head]
    twins = {each for each in columns if columns.count(each) > 1}
    if twins:
        twin = COLUMNS[min(twins)][1]
        raise SheetError(f"the column {twin!r} is there twice", Unreadable.HEAD_TWICE, twin)
    missing = [each for each in NEEDED if each not in columns]
    if not {"home", "place"} & set(columns):
        missing.append("place")
    if missing:
        heads = ", ".join("/".join(COLUMNS[each]) for each in missing)
        said = f"the first row names the columns; these are missing: {heads}"
        raise SheetError(said, Unreadable.HEAD_MISSING, heads)
    return columns


def _of_csv(content: bytes) -> Iterator[list[str]]:
    text = _decoded(content)
    first = text.split("\n", 1)[0]
    separator = max(",;\t", key=first.count)
    try:
        for line in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True):
            yield [_unquoted(cell.strip()) for cell in line]
    except csv.Error as error:
        raise SheetError(f"this is no CSV file: {error}", Unreadable.NO_TABLE) from None


def _decoded(content: bytes) -> str:
    """Read UTF-8, or what Chinese spreadsheets write without being told."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise SheetError("this is neither CSV (UTF-8 or GB 18030) nor XLSX", Unreadable.NO_TABLE)


def _unquoted(cell: str) -> str:
    """Take back the quote with which our own export disarms what looks like a formula."""
    return cell[1:] if cell.startswith(("'+", "'-", "'=", "'@")) else cell


def _of_xlsx(content: bytes) -> Iterator[list[str]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(each.file_size for each in packed.infolist()) > _MOST_UNPACKED:
                raise SheetError("unpacked, this file is too large", Unreadable.TOO_LARGE)
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        yield from _cells(book.worksheets[0].iter_rows(values_only=True))
    except (zipfile.BadZipFile, InvalidFileException, KeyError, IndexError, ValueError) as error:
        said = f"this is no XLSX file that can be read: {error}"
        raise SheetError(said, Unreadable.NO_TABLE) from None


def _cells(lines: Iterable[Sequence[object]]) -> Iterator[list[str]]:
    for number, line in enumerate(lines):
        if number > _MOST_LINES:  # a file of a few bytes may name row 99,999,999,999
            said = f"there are more than {_MOST_LINES} lines: take the empty ones out"
            raise SheetError(said, Unreadable.TOO_MANY_ROWS, str(number))
        yield [_text(cell) for cell in line]


def _text(cell: object) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "yes" if cell else "no"
        case float() if cell.is_integer():  # a telephone number that was taken for a number
            return str(int(cell))
        case datetime():
            return cell.date().isoformat()
        case date():
            return cell.isoformat()
        case _:
            return str(cell).strip()
