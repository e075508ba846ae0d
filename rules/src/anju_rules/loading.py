"""Rules from YAML: checked, with errors that name file, line, column, rule and key.

All faults of a file are told at once. Its bounds (size, depth, values, no aliases) are in
``document.py``, types in ``fitting.py``, what it means in ``checking.py``.
"""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path as File
from typing import Any

import msgspec

from anju_rules import letters
from anju_rules.checking import CONDITIONS, check_entry, check_params, check_rule
from anju_rules.document import MAX_CHARACTERS, MAX_FAULTS, Document, Path, read_document
from anju_rules.errors import Fault, InvalidRuleError
from anju_rules.fitting import decode, fit, near
from anju_rules.rule import Rule
from anju_rules.script import Script, problems

_PARAM = "params."
_MOST_BYTES = 4 * MAX_CHARACTERS
# a condition knows its parameters itself; parameters and tests have none
_KEPT = frozenset({pattern.split(".")[0] for pattern in CONDITIONS if "." not in pattern})
_RAW = _KEPT | {"params", "tests", "title", "says", "do"}
_INNER = frozenset({"when", "while", "after"})


def load_library() -> list[Rule]:
    """Give the built-in rules."""
    return [rule for _, rules in load_library_files() for rule in rules]


def load_library_files() -> list[tuple[str, list[Rule]]]:
    """Give the built-in rules by file, in the order of their names."""
    folder = files("anju_rules") / "library"
    entries = sorted(folder.iterdir(), key=lambda item: item.name)
    return [
        (entry.name, read_rules(entry.read_text(encoding="utf-8"), entry.name))
        for entry in entries
        if entry.name.endswith(".yaml")
    ]


def load_rules(path: File) -> list[Rule]:
    """Give the rules of one file.

    Raises:
        InvalidRuleError: the file cannot be read, or a rule in it is wrong.
    """
    return read_rules(read_text(path), str(path))


def read_text(path: File) -> str:
    """Give a rule file's text.

    Raises:
        InvalidRuleError: it cannot be read, is too large or not UTF-8; it says at which place.
    """
    try:
        with path.open("rb") as handle:
            content = handle.read(_MOST_BYTES + 1)
    except OSError as error:
        raise InvalidRuleError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(content) > _MOST_BYTES:
        message = f"larger than {_MOST_BYTES} bytes; a rule file is far smaller"
        raise InvalidRuleError.of_file(str(path), [Fault(1, 1, message)])
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8")
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1) + 1
        message = f"not UTF-8: byte 0x{content[error.start]:02X}; save the file as UTF-8"
        raise InvalidRuleError.of_file(str(path), [Fault(line, column, message)]) from error


def read_rules(text: str, name: str) -> list[Rule]:
    """Give the rules of a YAML text: one rule, or a list of them; ``name`` is for errors.

    Raises:
        InvalidRuleError: it is not YAML, or a rule in it is wrong; it holds all ``faults``.
    """
    document = read_document(text.removeprefix("\ufeff"))
    rules: list[Rule] = []
    if not document.faults:
        content = document.content
        if isinstance(content, list):
            for number, entry in enumerate(content):
                rules += _read(document, (number,), entry)
        else:
            rules += _read(document, (), content)
        _check_ids(document)
    if document.faults:
        faults = sorted(document.faults, key=lambda fault: (fault.line, fault.column))
        raise InvalidRuleError.of_file(name, faults[:MAX_FAULTS])
    return rules


def _read(document: Document, path: Path, entry: Any) -> list[Rule]:
    """Give one rule, or none when it has faults."""
    before = len(document.faults)
    if not isinstance(entry, Mapping):
        _blame_entry(document, path, entry)
        return []
    params = entry.get("params")
    known = params if isinstance(params, Mapping) else {}
    check_params(document, path, known)
    filled = _with_params(document, path, entry, known)
    fit(filled, Rule, path, document.blame)
    check_entry(document, path, entry)
    _check_tests(document, path, entry.get("tests"))
    if len(document.faults) > before:
        return []
    rule = msgspec.convert(filled, Rule, dec_hook=decode)
    check_rule(document, path, rule)
    return [rule]


def _blame_entry(document: Document, path: Path, entry: Any) -> None:
    if entry is None and not path:
        document.blame(path, "there is no rule in it")
        return
    text = entry if isinstance(entry, str) else ""
    odd = letters.foreign(text)
    hint = f": {odd[1]}" if odd else ""
    message = f"expected a rule with keys (id, title, when, ...){hint}"
    document.blame(path, message, letter=odd[0] if odd else None)


def _check_ids(document: Document) -> None:
    entries = document.content if isinstance(document.content, list) else []
    seen: set[str] = set()
    for number, entry in enumerate(entries):
        name = entry.get("id") if isinstance(entry, Mapping) else None
        if isinstance(name, str):
            if name in seen:
                document.blame((number, "id"), f"the rule {name!r} is given twice")
            seen.add(name)


def _check_tests(document: Document, path: Path, tests: Any) -> None:
    """Tests are typed as well; a wrong one is a fault of its rule."""
    for number, test in enumerate(tests if isinstance(tests, list) else []):
        where = (*path, "tests", number)
        if fit(test, Script, where, document.blame):
            for inner, message in problems(msgspec.convert(test, Script, dec_hook=decode)):
                document.blame((*where, *inner), message)


def _with_params(
    document: Document, path: Path, given: Any, params: Mapping[str, Any], depth: int = 0
) -> Any:
    """Put parameters in where a value is ``params.<name>`` as a whole."""
    if isinstance(given, Mapping):
        raw = _RAW if depth == 0 else _INNER
        return {
            key: value
            if key in raw
            else _with_params(document, (*path, key), value, params, depth + 1)
            for key, value in given.items()
        }
    if isinstance(given, list):
        return [
            _with_params(document, (*path, number), item, params, depth + 1)
            for number, item in enumerate(given)
        ]
    if isinstance(given, str) and given.startswith(_PARAM):
        wanted = given.removeprefix(_PARAM)
        if wanted in params:
            return params[wanted]
        hint = near(wanted, params) if params else "; the rule has no params"
        document.blame(path, f"there is no parameter {wanted!r}{hint}")
    return given
