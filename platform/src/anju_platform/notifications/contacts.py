"""The recipient that is a contact of a home who has no account: how it is named, and who is meant.

``contact:h<household id>:<number>``: the number is the place in the home's order, from 1.
"""

import re
import unicodedata

PREFIX = "contact:h"
_BETWEEN = re.compile(r"[\s().-]")
_PHONE = re.compile(r"\+?[0-9]{5,15}")
_SAME_DIGITS = 11
"""Numbers are the same if so many digits are, from the end: +86 may be left out."""


def contact_of(household_id: int, number: int) -> str:
    """Name a contact of a home."""
    return f"{PREFIX}{household_id}:{number}"


def is_contact(recipient: str) -> bool:
    """Tell whether a recipient is a contact who has no account."""
    return recipient.startswith(PREFIX)


def contact_in(recipient: str) -> tuple[int, int]:
    """Give the home and the number of a contact who is a recipient."""
    household_id, _, number = recipient.removeprefix(PREFIX).partition(":")
    return int(household_id), int(number)


def plain_phone(text: str) -> str | None:
    """Give a telephone number as services take it, ``＋８６`` too; nothing if it is none."""
    plain = _BETWEEN.sub("", unicodedata.normalize("NFKC", text).strip())
    return plain if _PHONE.fullmatch(plain) else None


def is_same_phone(one: str, other: str) -> bool:
    """Tell whether two numbers lead to the same telephone."""
    first, second = plain_phone(one), plain_phone(other)
    if first is None or second is None:
        return False
    return first.lstrip("+")[-_SAME_DIGITS:] == second.lstrip("+")[-_SAME_DIGITS:]
