"""What screens and the JSON API see of a file of homes."""

from datetime import date, datetime
from uuid import UUID

from pydantic import Field

from anju_platform.importing.plan import What, Why
from anju_platform.people.schemas import View

Value = bool | date | str | None


class SheetFault(View):
    """What is wrong in which cell; ``why`` is a word, ``row`` as a spreadsheet counts."""

    row: int
    column: str
    value: str
    why: Why


class HomeChange(View):
    """What becomes of somebody (or, ``kind`` home, of a home's facts)."""

    what: What
    home: str
    place: str
    place_en: str
    kind: str
    name: str
    before: dict[str, Value]
    after: dict[str, Value]
    row: int | None


class ImportView(View):
    """A file that was read and what it would change.

    ``digest`` stands for exactly these changes: bringing it in names it. ``counts`` holds how
    many are ``new``, ``changed``, ``gone`` and the ``same``.
    """

    id: UUID
    file_name: str
    at: datetime
    exactly: bool
    rows: int
    counts: dict[str, int]
    changes: tuple[HomeChange, ...] = Field(description="Without those that stay the same.")
    faults: tuple[SheetFault, ...]
    digest: str
    applied_at: datetime | None


class ApplyBody(View):
    """Bring in what was shown."""

    digest: str = Field(max_length=64)
