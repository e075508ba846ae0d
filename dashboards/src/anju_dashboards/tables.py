"""What the address of a list says: what is looked for, in which order, and after which row.

Every table of a page is read so and drawn by ``components/table.html``: links and forms, which
need no script.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar
from urllib.parse import urlencode

from anju_dashboards.pages import Page, plain_text

Sort = TypeVar("Sort", bound=StrEnum)
_PLACE = ("sort", "after", "page")
"""What is said of the order and the place in it; all else filters."""
_LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Table(Generic[Sort]):
    """A list at ``path``; ``columns`` are what it may be ordered by, in words.

    ``given`` is what the address says beside the order: the filters.
    """

    path: str
    given: Mapping[str, str]
    columns: Mapping[Sort, str]
    sort: Sort
    descending: bool
    after: str | None

    @property
    def ordered(self) -> str:
        """Give the order as addresses have it: the column, with a dash before if descending."""
        return f"-{self.sort}" if self.descending else str(self.sort)

    def address(self, **changes: str) -> str:
        """Give the address of the list's start in this order, with something changed."""
        said = {**self.given, "sort": self.ordered, **changes}
        query = urlencode({name: value for name, value in said.items() if value})
        return f"{self.path}?{query}"

    def sorted_by(self, column: Sort) -> str:
        """Give the address of the list in the order of a column; of its own the other way."""
        turned = column == self.sort and not self.descending
        return self.address(sort=f"-{column}" if turned else str(column))

    def export(self) -> str:
        """Give the address of all that match, as a table for spreadsheets."""
        query = urlencode(self.given)
        return f"{self.path}.csv?{query}" if query else f"{self.path}.csv"


def table(
    page: Page, path: str, columns: Mapping[Sort, str], *, descending: bool = False
) -> Table[Sort]:
    """Read the address of a list; without an order it is in that of the first column.

    An order there is none of is none. ``page`` is what addresses had before positions: its start.

    Raises:
        ValueError: something in it can be nowhere.
    """
    query = {name: plain_text(value) for name, value in page.request.query_params.items()}
    given = {name: value for name, value in query.items() if value and name not in _PLACE}
    wanted = query.get("sort") or ""
    known = {str(column): column for column in columns}
    sort = known.get(wanted.removeprefix("-"), next(iter(columns)))
    after = query.get("after")
    if after is not None and len(after) > _LONGEST:
        raise ValueError(after)
    return Table(
        path=path,
        given=given,
        columns=columns,
        sort=sort,
        descending=wanted == f"-{sort}" if wanted.removeprefix("-") in known else descending,
        after=after,
    )
