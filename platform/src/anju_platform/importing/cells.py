"""What a cell says: a day, yes or no, a telephone number; or that it says nothing we can read."""

import re
import unicodedata
from datetime import date

from anju_platform.notifications.contacts import plain_phone

_YES = frozenset({"是", "有", "对", "yes", "y", "true", "1", "√", "✓"})
_NO = frozenset({"否", "无", "不", "no", "n", "false", "0", "×"})
_DAY = re.compile(r"(\d{4})\D?(\d{1,2})\D?(\d{1,2})\D?")

KINDS = {"居民": "resident", "联系人": "contact", "resident": "resident", "contact": "contact"}


def yes_or_no(text: str) -> bool:
    """Read yes or no.

    Raises:
        ValueError: it is neither.
    """
    word = plain(text).lower()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise ValueError(text)


def day(text: str) -> date:
    """Read a day: ``1944-03-01``, ``1944/3/1``, ``1944年3月1日``, ``19440301``.

    Raises:
        ValueError: it is none.
    """
    found = _DAY.fullmatch(plain(text))
    if found is None:
        raise ValueError(text)
    return date(*(int(each) for each in found.groups()))


def phone(text: str) -> str:
    """Read a telephone number: its digits, and a leading plus.

    Raises:
        ValueError: it is none.
    """
    number = plain_phone(text)
    if number is None:
        raise ValueError(text)
    return number


def plain(text: str) -> str:
    """Give text without what a Chinese keyboard makes of digits and spaces."""
    return unicodedata.normalize("NFKC", text).strip()
