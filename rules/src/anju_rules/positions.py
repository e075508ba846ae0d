"""Where in a YAML file each character of a string stands, as it was written there.

A string may be plain, quoted with escapes, folded over lines or a block: its characters are
matched with those of the source. Line breaks and blanks that YAML folds into one stand for
the end of what they were.
"""

import re

BREAK = re.compile(r"\r\n|[\n\r]")
_ESCAPED_LENGTH = {"x": 2, "u": 4, "U": 8}
_ESCAPES = dict(zip("nrt0abefvN_LP", "\n\r\t\0\a\b\x1b\f\v\x85\xa0\u2028\u2029", strict=True))
_JOINED = re.compile(r"\\(?:\r\n|[\r\n])[ \t]*")
_BLANK = " \t\r\n"


class Source:
    """A YAML text, with its lines found once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts = [0, *(match.end() for match in BREAK.finditer(text))]

    def at(self, line: int, column: int) -> int:
        """Give the place (from 0) of a line and column (both from 0)."""
        if line >= len(self._starts):
            return len(self.text)
        return min(self._starts[line] + column, len(self.text))

    def spot(self, place: int) -> tuple[int, int]:
        """Give line and column, both from 1, of a place."""
        low, high = 0, len(self._starts)
        while high - low > 1:
            middle = (low + high) // 2
            if self._starts[middle] <= place:
                low = middle
            else:
                high = middle
        return low + 1, place - self._starts[low] + 1


def places(source: str, style: str | None, value: str) -> list[int] | None:
    """Give for each character of a scalar's value, and for its end, its offset in ``source``.

    ``source`` is the scalar as written, with quotes or the block's header; None where the two
    cannot be matched.
    """
    units = _units(source, style)
    found: list[int] = []
    next_unit = 0
    while len(found) < len(value):
        letter = value[len(found)]
        unit = units[next_unit] if next_unit < len(units) else ("", len(source), False)
        if unit[2] and letter in _BLANK:
            run = _run(units, next_unit)
            width = _width(value, len(found), source, run, style)
            tail = [place for _, place, _ in run[-width:]] if width else []
            found += [tail[0] if tail else unit[1]] * (width - len(tail)) + tail
            next_unit += len(run)
        elif unit[2]:
            next_unit += 1  # blanks YAML drops: before the first character of a block
        elif unit[0] == letter:
            found.append(unit[1])
            next_unit += 1
        elif unit[1] >= len(source.rstrip()):
            found.append(unit[1])  # a break the block ends with
        else:
            return None
    found.append(found[-1] + 1 if found else min(len(source), 1))
    return found


def _run(units: list[tuple[str, int, bool]], begin: int) -> list[tuple[str, int, bool]]:
    end = begin
    while end < len(units) and units[end][2]:
        end += 1
    return units[begin:end]


def _width(
    value: str, begin: int, source: str, run: list[tuple[str, int, bool]], style: str | None
) -> int:
    """Give how many of the value's characters a run of blanks in the source has become."""
    if style not in {"|", ">"}:
        written = source[run[0][1] : run[-1][1] + 1]
        breaks = len(BREAK.findall(written))
        return len(run) if breaks == 0 else max(1, breaks - 1)
    end = begin
    while end < len(value) and value[end] in _BLANK:
        end += 1
    return end - begin


def _units(source: str, style: str | None) -> list[tuple[str, int, bool]]:
    """Give what is written as (character, offset, is a blank YAML may fold)."""
    begin, end = 0, len(source)
    if style in {"'", '"'}:
        begin, end = 1, end - 1
    elif style in {"|", ">"}:
        header = BREAK.search(source)
        begin = header.end() if header else end
    units = []
    while begin < end:
        letter, width = source[begin], 1
        soft = letter in _BLANK
        if style == "'" and source[begin : begin + 2] == "''":
            width = 2
        elif style == '"' and letter == "\\":
            letter, width = _escape(source, begin)
            soft = False
        if letter:
            units.append((letter, begin, soft))
        begin += width
    return units


def _escape(source: str, begin: int) -> tuple[str, int]:
    """Give the character an escape in double quotes stands for, and how long it is."""
    kind = source[begin + 1 : begin + 2]
    if kind in _ESCAPED_LENGTH:
        digits = source[begin + 2 : begin + 2 + _ESCAPED_LENGTH[kind]]
        return chr(int(digits, 16)), 2 + len(digits)
    match = _JOINED.match(source, begin)
    if match:
        return "", match.end() - begin
    return _ESCAPES.get(kind, kind), 2
