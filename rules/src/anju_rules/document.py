"""A YAML text as plain values that know where they stand; bounded in every direction.

Only what rules need is YAML here: mappings with words as keys, lists, and plain values. No
anchors and aliases (a page of them expands to gigabytes), no tags, one document.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from anju_rules import letters
from anju_rules.errors import Fault
from anju_rules.positions import Source, places

MAX_CHARACTERS = 1_000_000
MAX_DEPTH = 16
MAX_VALUES = 50_000
MAX_FAULTS = 50
_LONGEST_NUMBER = 40
# a Chinese keyboard's colon after a key, its brackets, its quotes around a value
_WIDE = re.compile(r"(?:[A-Za-z0-9_]\s*(?=：)|[:,{]\s*(?=[“‘])|(?=[［］｛｝＂＇]))(.)")
_TAG = "tag:yaml.org,2002:"
# written in C where the system has it: a large file is read in a second
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Path: TypeAlias = tuple[str | int, ...]
"""Keys and places in lists that lead to a value from the top of the file."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one value stands: its own beginning and end, its key's beginning, how it is quoted."""

    begin: int
    end: int
    key: int | None = None
    style: str | None = None
    text: str | None = None


@dataclass(slots=True)
class Document:
    """What a file says, where each value stands, and what is wrong so far."""

    source: Source
    content: Any = None
    places: dict[Path, Place] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    spoiled: set[Path] = field(default_factory=set)
    """Values that have a fault already: what follows from it is not told as well."""

    def fault(self, place: int, message: str) -> None:
        """Note a fault at a place of the text."""
        line, column = self.source.spot(place)
        self.faults.append(Fault(line, column, message))

    def blame(
        self, path: Path, message: str, *, at_key: bool = False, letter: int | None = None
    ) -> None:
        """Note a fault of a value, of its key, or of one ``letter`` (from 0) of a string.

        Only the first fault of a value is told, and none of what is in it.
        """
        if letter is None and any(path[:length] in self.spoiled for length in range(len(path) + 1)):
            return
        self.spoiled.add(path)
        line, column = self.source.spot(self._find(path, at_key=at_key, letter=letter))
        entry, rest = self.content, path
        if path and isinstance(path[0], int) and isinstance(entry, list):
            entry, rest = entry[path[0]], path[1:]
        rule = entry.get("id") if isinstance(entry, dict) else None
        named = rule if isinstance(rule, str) else ""
        self.faults.append(Fault(line, column, message, spell(rest), named[:64]))

    def _find(self, path: Path, *, at_key: bool, letter: int | None) -> int:
        while path and path not in self.places:
            path = path[:-1]
        place = self.places.get(path, Place(0, 0))
        if at_key and place.key is not None:
            return place.key
        if letter is not None and place.text is not None:
            written = self.source.text[place.begin : place.end]
            found = places(written, place.style, place.text)
            if found is not None:
                return place.begin + found[min(letter, len(found) - 1)]
        return place.begin

    def exact(self, path: Path) -> bool:
        """Say whether a column of this string can be pointed at in the file."""
        place = self.places.get(path)
        if place is None or place.text is None:
            return False
        written = self.source.text[place.begin : place.end]
        return places(written, place.style, place.text) is not None


def spell(path: Any) -> str:
    """Give a path as people write it: ``steps[0].for``."""
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).removeprefix(".")


def read_document(text: str) -> Document:
    """Read a YAML text; what is wrong with it is in the document's ``faults``."""
    if len(text) > MAX_CHARACTERS:
        document = Document(Source(text[:1]))
        document.fault(0, f"{len(text)} characters; a rule file has at most {MAX_CHARACTERS}")
        return document
    document = Document(Source(text))
    for place, what in letters.invisible(text)[:MAX_FAULTS]:
        document.fault(place, f"{what}: not allowed here, for nobody can see it")
    if document.faults:
        return document
    builder = _Builder(document)
    try:
        for event in yaml.parse(text, Loader=_Loader):
            builder.take(event)
    except _TooMuchError as error:
        document.fault(error.place, str(error))
    except yaml.MarkedYAMLError as error:
        document.fault(*_explain(document.source, error))
    except yaml.YAMLError as error:
        document.fault(getattr(error, "position", 0), f"not YAML: {error}")
    return document


def _explain(source: Source, error: yaml.MarkedYAMLError) -> tuple[int, str]:
    """Say what most likely went wrong where YAML stumbled, or where that began."""
    text, problem = source.text, error.problem or "it cannot be read"
    marks = [mark for mark in (error.problem_mark, error.context_mark) if mark is not None]
    spots = [source.at(mark.line, mark.column) for mark in marks] or [0]
    for place in spots:
        begin = text.rfind("\n", 0, place) + 1
        end = text.find("\n", place)
        line = text[begin : end if end >= 0 else len(text)]
        indent = len(line) - len(line.lstrip())
        if "\t" in line[: max(indent, place - begin + 1)]:
            return begin + line.index("\t"), "not YAML: a tab; indent with blanks"
        wide = _WIDE.search(line)
        if wide:
            _, what = letters.foreign(wide.group(1)) or (0, "")
            return begin + wide.start(1), f"not YAML: {what}"
    place = spots[0]
    star = text.find("*", max(0, place - 1), place + 1)
    if star >= 0:
        return star, 'not YAML: a value that begins with * needs quotes: "*"'
    hint = ""
    if ":" in problem or "key" in problem or "mapping values" in problem:
        hint = "; a text with ': ' or with quotes inside needs quotes around it"
    return place, f"not YAML: {problem}{hint}"


class _TooMuchError(Exception):
    """The file is beyond a bound, or nothing that can be read on from."""

    def __init__(self, message: str, place: int) -> None:
        super().__init__(message)
        self.place = place


@dataclass(slots=True)
class _Frame:
    """A mapping or list that is being read."""

    container: Any
    path: Path
    key: str | None = None
    key_at: int | None = None
    first_lines: dict[str, int] = field(default_factory=dict)


class _Builder:
    """Makes values of YAML's events, without recursion: depth is only a number here."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._stack: list[_Frame] = []
        self._values = 0
        self._documents = 0
        self._scalars = yaml.SafeLoader("")

    def take(self, event: Any) -> None:
        """Take one event of YAML's parser."""
        begin = self._document.source.at(event.start_mark.line, event.start_mark.column)
        end = self._document.source.at(event.end_mark.line, event.end_mark.column)
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise _TooMuchError("a second document; a file has one list of rules", begin)
            case yaml.AliasEvent():
                self._document.fault(begin, "an alias (*name): write the value out")
                self._put(None, Place(begin, end))
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._stack.pop()
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._refuse_extras(event, begin)
                self._open(event, Place(begin, end))
            case yaml.ScalarEvent():
                self._refuse_extras(event, begin)
                self._scalar(event, begin, end)

    def _refuse_extras(self, event: Any, begin: int) -> None:
        if event.anchor is not None:
            self._document.fault(begin, "an anchor (&name): rules have none, nor aliases")
        if event.tag is not None:
            message = f"a YAML tag ({event.tag[:40]}): a text that begins with ! needs quotes"
            self._document.fault(begin, message)

    def _open(self, event: Any, place: Place) -> None:
        if len(self._stack) >= MAX_DEPTH:
            raise _TooMuchError(f"nested more than {MAX_DEPTH} deep", place.begin)
        frame = self._stack[-1] if self._stack else None
        if frame is not None and isinstance(frame.container, dict) and frame.key is None:
            raise _TooMuchError("a key must be a word", place.begin)
        container: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._stack.append(_Frame(container, self._put(container, place)))

    def _scalar(self, event: Any, begin: int, end: int) -> None:
        frame = self._stack[-1] if self._stack else None
        if frame is not None and isinstance(frame.container, dict) and frame.key is None:
            self._key(frame, str(event.value), begin)
            return
        plain = event.implicit[0] and event.tag is None
        style = None if plain else event.style
        value = self._value(event.value, begin) if plain else event.value
        self._put(value, Place(begin, end, style=style, text=event.value))

    def _key(self, frame: _Frame, key: str, begin: int) -> None:
        line, _ = self._document.source.spot(begin)
        first = frame.first_lines.setdefault(key, line)
        if key in frame.container:
            self._document.fault(
                begin, f"the key {letters.shown(key)} is given twice, first on line {first}"
            )
        frame.key, frame.key_at = key, begin
        frame.container.setdefault(key, None)

    def _value(self, text: str, begin: int) -> Any:
        """Give what a plain scalar means: nothing, yes or no, a number, a day, or a text."""
        loader = self._scalars
        tag = loader.resolve(yaml.ScalarNode, text, (True, False)).removeprefix(_TAG)  # type: ignore[no-untyped-call]
        if tag in {"int", "float"} and len(text) > _LONGEST_NUMBER:
            self._document.fault(begin, f"a number of {len(text)} characters")
            return 0
        make = {
            "null": loader.construct_yaml_null,
            "bool": loader.construct_yaml_bool,
            "int": loader.construct_yaml_int,
            "float": loader.construct_yaml_float,
            "timestamp": loader.construct_yaml_timestamp,
        }.get(tag)
        if make is None:
            return text
        try:
            return make(yaml.ScalarNode(_TAG + tag, text))
        except (ValueError, OverflowError) as error:
            self._document.fault(begin, f"{letters.shown(text)}: {error}")
            return text

    def _put(self, value: Any, place: Place) -> Path:
        """Put a value where it belongs; give its path."""
        self._values += 1
        if self._values > MAX_VALUES:
            raise _TooMuchError(f"more than {MAX_VALUES} values", place.begin)
        if not self._stack:
            self._document.content = value
            path: Path = ()
        else:
            frame = self._stack[-1]
            if isinstance(frame.container, list):
                path = (*frame.path, len(frame.container))
                frame.container.append(value)
            else:
                key = frame.key or ""
                path = (*frame.path, key)
                frame.container[key] = value
                place = Place(place.begin, place.end, frame.key_at, place.style, place.text)
                frame.key = None
        self._document.places[path] = place
        return path


def walk(content: Any, pattern: str) -> Iterator[tuple[Path, Any]]:
    """Give the values a pattern such as ``steps.*.when`` leads to, with their paths."""
    found: list[tuple[Path, Any]] = [((), content)]
    for part in pattern.split("."):
        deeper: list[tuple[Path, Any]] = []
        for path, value in found:
            if part == "*" and isinstance(value, list):
                deeper += [((*path, number), item) for number, item in enumerate(value)]
            elif isinstance(value, dict) and part in value:
                deeper.append(((*path, part), value[part]))
        found = deeper
    yield from found
