"""Lists that are read page by page: an order in which no two rows are alike, and positions in it.

A position is what the last row of a page holds, not how many rows come before it: what is added
or taken away meanwhile moves nobody to a page that was read already, or past one that was not.
"""

import base64
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeAlias

import msgspec
from pydantic import Field
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    SmallInteger,
    and_,
    false,
    literal,
    or_,
)
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.types import TypeEngine

from anju_platform.errors import InvalidRequestError

Position = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,1000}$")]
"""The ``next`` of a page, which is what ``after`` must be to read on; nobody looks into it."""
Number = Annotated[str, Field(pattern=r"^[0-9]{1,18}$")]
"""The same of a list in the order of its rows' numbers."""

Column: TypeAlias = ColumnElement[Any] | InstrumentedAttribute[Any]

AT_ONCE: Final = 1000
"""So many rows of a whole table are read at once."""
_BITS: Final = ((SmallInteger, 15), (BigInteger, 63), (Integer, 31))


@dataclass(frozen=True, slots=True)
class By:
    """A column to order by; rows that have nothing there come last, either way."""

    column: Column
    descending: bool = False

    def ordered(self) -> ColumnElement[Any]:
        """Build what stands in ORDER BY."""
        column = self.column.desc() if self.descending else self.column.asc()
        return column.nulls_last()

    def holds(self, value: Any) -> ColumnElement[bool]:
        """Say that a row holds this value."""
        return self.column.is_(None) if value is None else self.column == self._bound(value)

    def comes_after(self, value: Any) -> ColumnElement[bool]:
        """Say that a row comes after all that hold this value."""
        if value is None:
            return false()
        bound = self._bound(value)
        beyond = self.column < bound if self.descending else self.column > bound
        return or_(beyond, self.column.is_(None))

    def _bound(self, value: Any) -> ColumnElement[Any]:
        return literal(value, self.column.type)


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a list, and the position after them; null at the end of the list."""

    rows: list[tuple[Any, ...]]
    next: str | None


class Order:
    """An order, by the columns from first to last; the last is another one in each row.

    ``name``, and which way it goes, tell it from others of the same list: a position in one is
    none in another.
    """

    def __init__(self, name: str, *columns: By) -> None:
        self._name = f"-{name}" if columns[0].descending else name
        self._columns = columns

    def part(
        self,
        session: Session,
        query: Select[*tuple[Any, ...]],
        *,
        after: str | None,
        limit: int,
    ) -> Part:
        """Read up to ``limit`` rows of a query that come after a position (null: from the start).

        Raises:
            InvalidRequestError: it is no position in this order.
        """
        keys = [by.column.label(f"key_{n}") for n, by in enumerate(self._columns)]
        query = query.add_columns(*keys).order_by(*self.ordered()).limit(limit + 1)
        if after is not None:
            query = query.where(self.comes_after(after))
        rows = [tuple(row) for row in session.execute(query)]
        shown = rows[:limit]
        position = self._position(shown[-1][-len(keys) :]) if len(rows) > limit else None
        return Part([row[: -len(keys)] for row in shown], position)

    def ordered(self) -> tuple[ColumnElement[Any], ...]:
        """Build what stands in ORDER BY."""
        return tuple(by.ordered() for by in self._columns)

    def comes_after(self, position: str) -> ColumnElement[bool]:
        """Say that a row comes after a position.

        Raises:
            InvalidRequestError: it is no position in this order.
        """
        values = self._values(position)
        held = [by.holds(value) for by, value in zip(self._columns, values, strict=True)]
        return or_(
            *(
                and_(*held[:n], by.comes_after(value))
                for n, (by, value) in enumerate(zip(self._columns, values, strict=True))
            )
        )

    @property
    def _is_of_numbers(self) -> bool:
        return len(self._columns) == 1 and isinstance(self._columns[0].column.type, Integer)

    def _position(self, values: tuple[Any, ...]) -> str:
        if self._is_of_numbers:
            return str(values[0])
        written = msgspec.json.encode([self._name, *values])
        return base64.urlsafe_b64encode(written).rstrip(b"=").decode()

    def _values(self, position: str) -> list[Any]:
        try:
            said = [int(position)] if self._is_of_numbers else self._unwrapped(position)
            pairs = zip(self._columns, said, strict=True)
            return [_read(by.column.type, value) for by, value in pairs]
        except (ValueError, RecursionError, msgspec.MsgspecError) as error:
            raise InvalidRequestError(
                "'after' is the 'next' of the page before, in the same order; begin anew without it"
            ) from error

    def _unwrapped(self, position: str) -> list[Any]:
        padded = position + "=" * (-len(position) % 4)
        name, *values = msgspec.json.decode(base64.urlsafe_b64decode(padded), type=list[Any])
        if name != self._name:
            raise ValueError(name)
        return values


def _read(of: TypeEngine[Any], said: Any) -> Any:
    """Read a value of a column; what the database could not hold is none.

    Raises:
        ValueError: it cannot be one.
    """
    value = msgspec.convert(said, of.python_type | None)
    if isinstance(value, str) and "\0" in value:
        raise ValueError(value)
    if isinstance(value, int):
        bits = next((bits for kind, bits in _BITS if isinstance(of, kind)), 63)
        if not -(2**bits) <= value < 2**bits:
            raise ValueError(value)
    return value
