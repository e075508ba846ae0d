"""Letters that are not what they seem: invisible, turned around, or another's twin."""

import re
import unicodedata

# U+200E.. and U+2066.. change the direction of what follows: a rule would not be what is read
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff0-\uffff]"
)
# Cyrillic and Greek letters that look like those of a keyword
_TWINS = str.maketrans(
    "аеорсухіјѕһԁԛԝᴠνοιαρτυκΑΒΕΖΗΙΚΜΝΟΡΤΥΧАВЕКМНОРСТХУ‘’“”–—−",
    "aeopcyxijshdqwvvoiaptukABEZHIKMNOPTYXABEKMHOPCTXY''\"\"---",
)
_SHOWN = 40


def invisible(text: str) -> list[tuple[int, str]]:
    """Find the characters no rule file may hold: where (from 0), and what they are."""
    return [(match.start(), name(match.group())) for match in _INVISIBLE.finditer(text)]


def name(letter: str) -> str:
    """Give what a letter is called, such as ``U+202E RIGHT-TO-LEFT OVERRIDE``."""
    known = unicodedata.name(letter, "a control character")
    return f"U+{ord(letter):04X} {known}"


def plain(text: str) -> str:
    """Give the text as somebody would type it who sees it: the twins in plain letters."""
    return unicodedata.normalize("NFKC", text).translate(_TWINS)


def foreign(text: str) -> tuple[int, str] | None:
    """Find the first letter that is not plain (ASCII), and say what it is and should be."""
    for place, letter in enumerate(text):
        if not letter.isascii():
            twin = plain(letter)
            hint = f"; write {twin!r}" if twin != letter and twin.isascii() else ""
            return place, f"{letter!r} is {name(letter)}{hint}"
    return None


def shown(text: str) -> str:
    """Give a text for a message: quoted, its odd letters escaped, not too long."""
    return ascii(text[:_SHOWN] + "...") if len(text) > _SHOWN else repr(text)
