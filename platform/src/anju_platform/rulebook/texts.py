"""Rules as people write them: read within bounds, put in one form, compared.

A text comes from a person and may be made to harm: it is looked through as a stream of YAML
events before anything is built of it, and what it says is held within bounds that the
database and the writer of a community can live with.
"""

import difflib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import msgspec
import yaml

from anju_platform.auth.rights import TOLD
from anju_platform.errors import InvalidRequestError
from anju_platform.rulebook.homes import HOME_STATE
from anju_rules import InvalidRuleError, Rule, RuleSet
from anju_rules.document import read_document
from anju_rules.durations import Duration
from anju_rules.loading import read_rules

MOST_BYTES = 64 * 1024
NAME = "rule"
"""What a text is called in error messages, as a file is by its path."""
INGEST_DOWN, WORKER_DOWN = "platform-ingest-down", "platform-worker-down"
NOT_ESCALATED, NO_SCREEN = "platform-not-escalated", "platform-no-screen"
CHANNEL_FAILS, ROTA_HOLE = "platform-channel-fails", "platform-rota-hole"
WEBHOOK_PAUSED = "platform-webhook-paused"
CANARY, CANARY_MISSED = "canary", "platform-canary-missed"
OURSELVES = frozenset(
    {
        INGEST_DOWN,
        WORKER_DOWN,
        NOT_ESCALATED,
        NO_SCREEN,
        CHANNEL_FAILS,
        ROTA_HOLE,
        WEBHOOK_PAUSED,
        CANARY_MISSED,
    }
)
"""Ids of the platform's alerts about itself (:mod:`anju_platform.oversight`)."""
RESERVED = OURSELVES | {HOME_STATE, CANARY}
"""Ids under which something else keeps its state."""

_MOST_LETTERS = 200
_MOST_TESTS = 100
_MOST_COUNTED = 64
"""A count remembers no more moments than that."""
_LONGEST = Duration(400 * 86_400_000)
_LONGEST_SILENCE = Duration(7 * 86_400_000)
"""For so long it is known when nobody could be heard (:mod:`anju_platform.registry.coverage`)."""
_MOST_TIMES = 1_000
_MOST_STEPS = 16
"""Each step's condition is judged at every reading of every community's one writer."""
_ID = re.compile(r"[a-z0-9-]{1,64}")
_WORD = re.compile(r"[A-Za-z0-9_.*-]{1,64}")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")
_ORDER = {field.encode_name: n for n, field in enumerate(msgspec.structs.fields(Rule))}


def read(text: str) -> Rule:
    """Give the one rule of a text.

    Raises:
        InvalidRuleError: it is no rule, more than one, or beyond the bounds; its ``faults`` have
            line and column where they are known.
    """
    try:
        return _read(text)
    except InvalidRuleError:
        raise
    except Exception as error:
        # numbers no processor can hold, names that are no names: whatever it is, it is the text's
        said = f"{type(error).__name__}: {error}"[:_MOST_LETTERS]
        raise InvalidRuleError(f"{NAME}: cannot be read: {said}") from error


def _read(text: str) -> Rule:
    size = len(text.encode())
    if size > MOST_BYTES:
        raise InvalidRuleError(f"{NAME}: it has {size} bytes, {MOST_BYTES} are allowed")
    rules = read_rules(text, NAME)
    if len(rules) != 1:
        raise InvalidRuleError(f"{NAME}: expected one rule, found {len(rules)}")
    _bound(rules[0])
    RuleSet(rules)
    return rules[0]


@lru_cache(maxsize=2048)
def read_version(text: str, rule_id: str, version: int) -> Rule | InvalidRuleError:
    """Give a stored version of a rule, the same object each time, or why it cannot be read."""
    try:
        rule = read(text)
    except InvalidRuleError as error:
        return error
    if rule.id != rule_id:
        return InvalidRuleError(f"{NAME}: it is of the rule {rule.id!r}, not {rule_id!r}")
    return msgspec.structs.replace(rule, version=version)


def read_new(text: str) -> Rule:
    """Give the rule of a text somebody wants to keep: it must also name what there is.

    Raises:
        InvalidRuleError: as :func:`read`, or it names roles that do not exist.
    """
    rule = read(text)
    if rule.id in RESERVED:
        raise InvalidRuleError(f"{NAME}: the id {rule.id!r} is taken by the platform itself")
    strangers = sorted(set(rule.notify) - TOLD)
    if strangers:
        known = ", ".join(sorted(TOLD))
        raise InvalidRuleError(
            f"{NAME}: notify: nobody is {', '.join(strangers)}; expected some of {known}"
        )
    return rule


def demand_new(text: str) -> Rule:
    """Give the rule of a text, as :func:`read_new`.

    Raises:
        InvalidRequestError: the text will not do; it says why.
    """
    try:
        return read_new(text)
    except InvalidRuleError as error:
        raise InvalidRequestError(str(error)) from error


def _bound(rule: Rule) -> None:
    """Refuse what would only fail later, where nobody looks: when it raises, or is stored."""
    faults = [
        *([] if _ID.fullmatch(rule.id) else ["id: expected a-z, 0-9 and '-', 64 at most"]),
        *([] if rule.models else ["models: it is about no device"]),
        *(f"{key}: {fault}" for key, said in _words(rule) if (fault := _wrong(said))),
        *(
            f"{where}: {int(length) / 86_400_000:g} days are too long"
            for where, length in _durations(rule, "")
            if length > _LONGEST
        ),
    ]
    if rule.absent_for and rule.absent_for.times > _MOST_TIMES:
        faults.append(f"absent_for.times: {_MOST_TIMES} at most")
    counts = [rule.count.n if rule.count else 0, *(step.n or 0 for step in rule.steps)]
    if max(counts) > _MOST_COUNTED:
        faults.append(f"n: no more than {_MOST_COUNTED} are counted")
    if _silence(rule) > _LONGEST_SILENCE:
        faults.append("absent_for: longer than 7 days: what was blind before that is forgotten")
    if len(rule.steps) > _MOST_STEPS:
        faults.append(f"steps: {_MOST_STEPS} at most")
    if len(rule.tests) > _MOST_TESTS:
        faults.append(f"tests: {_MOST_TESTS} at most")
    if faults:
        raise InvalidRuleError("\n".join(f"{NAME}: rule {rule.id!r}: {fault}" for fault in faults))


def _silence(rule: Rule) -> float:
    """Give the longest silence, in ms, that a rule's text alone may wait for."""
    absent = rule.absent_for
    if absent is None:
        return 0
    holds = [step.hold or 0 for step in rule.steps]
    most = absent.learned.most if absent.learned else 0
    return max(absent.hold, most, *holds, *(most * (step.times or 0) for step in rule.steps))


def _words(rule: Rule) -> Iterator[tuple[str, tuple[str, re.Pattern[str] | None]]]:
    yield "title.zh", (rule.title.zh, None)
    yield "title.en", (rule.title.en, None)
    for key, names in (
        ("icon", (rule.icon,)),
        ("models", rule.models),
        ("except_models", rule.except_models),
        ("notify", rule.notify),
        ("discriminator", (rule.discriminator,) if rule.discriminator is not None else ()),
    ):
        for name in names:
            yield key, (name, _WORD)


def _wrong(said: tuple[str, re.Pattern[str] | None]) -> str:
    text, wanted = said
    if wanted is not None:
        return "" if wanted.fullmatch(text) else f"{text[:80]!a} is no name"
    if not text.strip() or len(text) > _MOST_LETTERS or _UNPRINTABLE.search(text):
        return f"expected 1 to {_MOST_LETTERS} letters that can be printed"
    return ""


def _durations(given: Any, where: str) -> Iterator[tuple[str, Duration]]:
    if isinstance(given, Duration):
        yield where, given
    elif isinstance(given, msgspec.Struct):
        for field in msgspec.structs.fields(given):
            name = f"{where}.{field.encode_name}".lstrip(".")
            yield from _durations(getattr(given, field.name), name)
    elif isinstance(given, tuple):
        for number, item in enumerate(given):
            yield from _durations(item, f"{where}[{number}]")


# -- the library's own texts ---------------------------------------------------------------


@cache
def library_texts() -> Mapping[str, str]:
    """Give the text of every rule of the library as written, comments and all, by its id."""
    found = {}
    for entry in (files("anju_rules") / "library").iterdir():
        if entry.name.endswith(".yaml"):
            content = entry.read_text(encoding="utf-8")
            for text in _split(content):
                found[str(yaml.safe_load(text)["id"])] = text
    return found


def _split(content: str) -> Iterator[str]:
    """Give the texts of the rules of one file of the library."""
    node = yaml.compose(content, Loader=yaml.SafeLoader)
    if not isinstance(node, yaml.SequenceNode):
        yield content
        return
    for item in node.value:
        lines = content[item.start_mark.index : item.end_mark.index].rstrip().split("\n")
        margin = " " * item.start_mark.column
        yield "\n".join([lines[0], *(line.removeprefix(margin) for line in lines[1:])]) + "\n"


# -- comparing -----------------------------------------------------------------------------


class FieldChange(msgspec.Struct, frozen=True):
    """A field that differs, named as ``params.least``; values as JSON, null where it is not."""

    field: str
    old: str | None
    new: str | None


def canonical(text: str) -> str:
    """Give a readable rule in one form: known keys in their order, no comments, no version."""
    said: str = yaml.safe_dump(
        _content(text), sort_keys=False, allow_unicode=True, width=100, default_flow_style=False
    )
    return said


def difference(old: str, new: str, names: tuple[str, str]) -> str:
    """Give the unified diff of two texts' canonical forms, empty when they say the same."""
    before, after = canonical(old).splitlines(), canonical(new).splitlines()
    return "\n".join(difflib.unified_diff(before, after, *names, lineterm=""))


def changes(old: str, new: str) -> list[FieldChange]:
    """Give the fields in which two texts differ, in the order of a rule's fields."""
    before, after = dict(_flat(_content(old), "")), dict(_flat(_content(new), ""))
    names = sorted({*before, *after}, key=lambda name: (_place(name.split(".")[0]), name))
    return [
        FieldChange(name, before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    ]


def _content(text: str) -> dict[str, Any]:
    document = read_document(text).content  # as the loader reads it, which YAML's own may refuse
    rule = document[0] if isinstance(document, list) else document
    kept = {key: value for key, value in rule.items() if key != "version"}
    return _ordered(kept, _place)


def _place(key: str) -> tuple[int, str]:
    return _ORDER.get(key, len(_ORDER)), key


def _ordered(given: Mapping[Any, Any], place: Callable[[str], Any]) -> dict[str, Any]:
    named = {str(key): value for key, value in given.items()}
    return {key: _plain(named[key]) for key in sorted(named, key=place)}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _ordered(value, str)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _flat(given: Mapping[str, Any], where: str) -> Iterator[tuple[str, str]]:
    for key, value in given.items():
        name = f"{where}{key}"
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{name}.")
        else:
            yield name, json.dumps(value, ensure_ascii=False, default=str)
