"""Does a rule mean something? Its conditions, names, steps and excuses, met with the catalogue.

Everything here looks at the rule as written, key by key, so that one fault hides no other.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from anju_devices.catalog import MODELS
from anju_devices.model import DeviceModel, Field, Kind
from anju_rules.coherence import faults
from anju_rules.condition import compile_condition
from anju_rules.document import Document, Path, walk
from anju_rules.errors import ConditionError
from anju_rules.fitting import near
from anju_rules.geography import HOME_M
from anju_rules.rule import Rule
from anju_rules.syntax import (
    Binary,
    Choice,
    Has,
    Items,
    Literal,
    Method,
    Node,
    Unary,
    Variable,
    parse,
)

# one line for each key that holds a condition
CONDITIONS = (
    "when",
    "clear",
    "at_once",
    "unless.when",
    "absent_for.while",
    "daily.while",
    "sequence.after.*",
    "steps.*.when",
)
# one line for each key that names a value of the reading (m.<name>)
NAMES = ("discriminator", "hold_from", "distinct.of", "rate.of")
_ALWAYS = {"event", "device", "model"}
_LARGEST = 2**53


def check_params(document: Document, path: Path, params: Mapping[str, Any]) -> None:
    """A parameter is a constant of the condition language: a number, a text, true or false."""
    for name, value in params.items():
        where = (*path, "params", name)
        if not name.isidentifier() or not name.isascii():
            document.blame(where, "a parameter's name has letters, digits and _ only", at_key=True)
        elif not isinstance(value, str | bool | int | float):
            document.blame(where, "a parameter is a number, a text, true or false")
        elif not isinstance(value, str) and not abs(value) <= _LARGEST:
            document.blame(where, f"a parameter is a finite number of at most {_LARGEST}")


def check_entry(document: Document, path: Path, entry: Mapping[str, Any]) -> None:
    """Check what one rule says against the catalogue and the condition language."""
    models = _models(document, path, entry)
    params = entry.get("params")
    known = params if isinstance(params, Mapping) else {}
    words = _Words(models)
    for pattern in CONDITIONS:
        for inner, text in walk(entry, pattern):
            if isinstance(text, str):
                where = (*path, *inner)
                _check_condition(document, where, text, known, words)
    for pattern in NAMES:
        for inner, name in walk(entry, pattern):
            if isinstance(name, str) and models and name not in words.names:
                message = f"none of its models says m.{name}{near(name, words.names)}"
                document.blame((*path, *inner), message)


def _models(document: Document, path: Path, entry: Mapping[str, Any]) -> list[DeviceModel]:
    """Give the models a rule is about, and tell which do not exist."""
    given = entry.get("models")
    named = [one for one in given if isinstance(one, str)] if isinstance(given, list) else []
    if isinstance(given, list) and not given:
        document.blame((*path, "models"), 'expected at least one model, or "*" for all of them')
    for key in ("models", "except_models"):
        for inner, name in walk(entry, f"{key}.*"):
            if isinstance(name, str) and name not in MODELS and (name != "*" or key != "models"):
                message = f"there is no model {name!r}{near(name, MODELS)}"
                document.blame((*path, *inner), message)
    excepted = entry.get("except_models")
    left_out = excepted if isinstance(excepted, list) else []
    if "*" in named:
        return [model for name, model in MODELS.items() if name not in left_out]
    if left_out:
        document.blame((*path, "except_models"), 'goes with models: ["*"] only')
    return [MODELS[name] for name in named if name in MODELS]


class _Words:
    """What the models of one rule can say."""

    def __init__(self, models: list[DeviceModel]) -> None:
        self.fields: dict[str, list[Field]] = {}
        for model in models:
            for field in (*model.fields, *(f for event in model.events for f in event.data)):
                self.fields.setdefault(field.name, []).append(field)
        self.events = {event.name for model in models for event in model.events}
        # how far it is from home is reckoned from where it is
        self.names = {*self.fields, *_ALWAYS, *({HOME_M} if "lat" in self.fields else ())}
        self.are_known = bool(models)


def _check_condition(
    document: Document, path: Path, text: str, params: Mapping[str, Any], words: _Words
) -> None:
    def blame(column: int, message: str) -> None:
        # where the file's own column cannot be told, that in the condition must do
        note = "" if document.exact(path) else f" (column {column} of the condition)"
        document.blame(path, message + note, letter=column - 1)

    try:
        condition = compile_condition(text, params)
    except ConditionError as error:
        blame(error.column, error.message)
        return
    if not words.are_known:
        return
    for column, message in _misfits(parse(text), words):
        blame(column, message)
    if condition.events is not None and not condition.events:
        blame(1, "it can never be true: no event is two events at once")


def _misfits(tree: Node, words: _Words) -> Iterator[tuple[int, str]]:
    """Give what a condition asks that no model of the rule can say: (column, message)."""
    for node in _nodes(tree):
        match node:
            case Variable(root="m", name=name, column=column) if name not in words.names:
                yield column, f"none of its models says m.{name}{near(name, words.names)}"
            case Binary(left=Variable(root="m", name=name), right=right):
                for literal in _texts(right):
                    problem = _wrong_word(name, str(literal.value), words)
                    if problem:
                        yield literal.column, problem


def _wrong_word(name: str, word: str, words: _Words) -> str | None:
    if name == "event" and word not in words.events:
        return f"none of its models has an event {word!r}{near(word, words.events)}"
    fields = words.fields.get(name, [])
    if name in _ALWAYS or not fields or any(field.kind is Kind.TEXT for field in fields):
        return None
    options = {option for field in fields for option in field.options}
    if word in options:
        return None
    if not options:
        return f"m.{name} is a {fields[0].kind}, never a text"
    return f"m.{name} is never {word!r}{near(word, options)}"


def _texts(node: Node) -> list[Literal]:
    nodes = node.items if isinstance(node, Items) else (node,)
    return [one for one in nodes if isinstance(one, Literal) and isinstance(one.value, str)]


def _nodes(tree: Node) -> Iterator[Node]:
    """Give all nodes of a tree; its depth is bounded by the parser."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        match node:
            case Has(variable=variable):
                waiting.append(variable)
            case Unary(operand=operand):
                waiting.append(operand)
            case Binary(left=left, right=right):
                waiting += [right, left]
            case Choice(condition=condition, yes=yes, no=no):
                waiting += [no, yes, condition]
            case Items(items=items):
                waiting += reversed(items)
            case Method(subject=subject, argument=argument):
                waiting += [argument, subject]


# -- what does not go together -----------------------------------------------------------------


def _dead_steps(rule: Rule) -> Iterator[tuple[Path, str]]:
    """Steps that are never reached, or change nothing when they are."""
    whole = rule.absent_for or rule.dwell
    first = whole.hold if whole else rule.hold
    for number, step in enumerate(rule.steps):
        counting = rule.count or rule.distinct
        if step.n is not None and counting and step.n <= counting.n:
            yield ("steps", number, "n"), f"the rule itself waits for {counting.n} already"
        if step.hold is not None and step.hold <= first:
            where = ("steps", number, "for")
            yield where, f"the rule itself waits {first / 1000:g} s already"
        for other in rule.steps:
            if other.severity <= step.severity and other is not step and _is_sooner(other, step):
                yield ("steps", number), "never reached: another step is sooner and as severe"
                break


def _is_sooner(one: Any, other: Any) -> bool:
    if one.hold is not None and other.hold is not None:
        return bool(one.hold < other.hold)
    return one.n is not None and other.n is not None and bool(one.n < other.n)


# one line for each thing that does not go together
RULES: tuple[Callable[[Rule], Iterator[tuple[Path, str]]], ...] = (
    faults,
    _dead_steps,
)


def check_rule(document: Document, path: Path, rule: Rule) -> None:
    """Check what only a whole rule tells: what does not go together."""
    for look in RULES:
        for inner, message in look(rule):
            document.blame((*path, *inner), message)
