"""Does a value fit its type? Every fault is told, where msgspec tells the first."""

import difflib
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import msgspec

from anju_rules import letters
from anju_rules.document import Path
from anju_rules.durations import Duration

Blame: TypeAlias = Callable[..., None]
"""``blame(path, message, at_key=..., letter=...)``: see :meth:`Document.blame`."""

_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "int | float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "keys with values",
    "null": "nothing",
}
_EXPECTED = re.compile(r"[Ee]xpected `([^`]+)`(?:, got `([^`]+)`)?")
_AT = re.compile(r" - at `[^`]*`$")


def decode(wanted: type, given: Any) -> Any:
    """Read what is no plain value: msgspec's hook."""
    if wanted is Duration:
        return Duration.read(given)
    raise NotImplementedError(f"cannot read a {wanted.__name__}")


def near(name: str, known: Iterable[str]) -> str:
    """Give `` did you mean 'x'?`` for what looks like a known name, or what is known."""
    names = sorted(known)
    found = difflib.get_close_matches(letters.plain(name), names, 1, 0.6)
    if found:
        return f"; did you mean {found[0]!r}?"
    return f"; known: {', '.join(names)}" if len(names) <= 30 else ""  # noqa: PLR2004 - a line


def fit(value: Any, wanted: Any, path: Path, blame: Blame) -> bool:
    """Tell what keeps ``value`` from being a ``wanted``; say whether nothing does."""
    kind = _bare(wanted)
    if _is_struct(kind) and not isinstance(value, Mapping):
        names = ", ".join(field.encode_name for field in msgspec.structs.fields(kind))
        blame(path, f"expected keys ({names}), found {_found(value)}")
        return False
    if value is not None and _is_struct(kind):
        fits = _fit_struct(value, kind, path, blame)
    elif isinstance(value, list) and typing.get_origin(kind) is tuple:
        item = typing.get_args(kind)[0]
        verdicts = [fit(one, item, (*path, n), blame) for n, one in enumerate(value)]
        fits = all(verdicts)
    else:
        fits = True
    return fits and _convert(value, wanted, path, blame)


def _bare(wanted: Any) -> Any:
    """Give the type without its bounds, and without ``| None``."""
    while typing.get_origin(wanted) is typing.Annotated:
        wanted = typing.get_args(wanted)[0]
    if typing.get_origin(wanted) in {typing.Union, types.UnionType}:
        others = [one for one in typing.get_args(wanted) if one is not type(None)]
        if len(others) == 1:
            return _bare(others[0])
    return wanted


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _fit_struct(value: Mapping[str, Any], kind: Any, path: Path, blame: Blame) -> bool:
    known = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    fits = True
    for key in value:
        if key not in known:
            odd = letters.foreign(key)
            what = f" ({odd[1]})" if odd else ""
            text = f"unknown key {letters.shown(key)}{what}{near(key, known)}"
            blame((*path, key), text, at_key=True)
            fits = False
    for name, field in known.items():
        if name not in value:
            if field.required:
                blame((*path, name), "this key is missing")
                fits = False
        elif value[name] is not None or field.default is not None:
            fits = fit(value[name], field.type, (*path, name), blame) and fits
    return fits


def _convert(value: Any, wanted: Any, path: Path, blame: Blame) -> bool:
    try:
        msgspec.convert(value, wanted, dec_hook=decode)
    except (msgspec.ValidationError, ValueError, OverflowError) as error:
        message = _AT.sub("", str(error))
        kind = _bare(wanted)
        if typing.get_origin(kind) is typing.Literal:
            message = f"{_found(value)}{near(str(value), map(str, typing.get_args(kind)))}"
        elif _EXPECTED.match(message):
            message = _EXPECTED.sub(lambda match: _plain(match, value), message, count=1)
        odd = letters.foreign(value) if isinstance(value, str) else None
        if odd:
            blame(path, f"{message}: {odd[1]}", letter=odd[0])
            return False
        # a struct's own check names the key first: "hours '25:00' ..."
        key = message.split(" ", 1)[0]
        inner = (*path, key) if isinstance(value, Mapping) and key in value else path
        blame(inner, message)
        return False
    return True


def _plain(match: re.Match[str], value: Any) -> str:
    wanted = match.group(1).removesuffix(" | null").removeprefix("null | ")
    text = f"expected {_WORDS.get(wanted, wanted)}"
    if match.group(2) is None:
        return f"found {_found(value)}, {text}"
    hint = "; put it in quotes" if wanted == "str" and not isinstance(value, dict | list) else ""
    return f"{text}, found {_found(value)}{hint}"


def _found(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case str():
            return f"the text {letters.shown(value)}"
        case dict():
            return "keys with values"
        case list():
            return "a list"
        case _:
            return letters.shown(str(value)).strip("'")
