"""What the models of a rule can say, and what a condition asks that they never do."""

from collections.abc import Iterator, Mapping
from typing import Any

from anju_devices.model import DeviceModel, Field, Kind
from anju_rules.condition import Condition
from anju_rules.fitting import near
from anju_rules.geography import HOME_M
from anju_rules.numbers import is_number
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

_ALWAYS = {"event", "device", "model"}
_COMPARISONS = {"==", "!=", "<", "<=", ">", ">=", "in"}
_KINDS = {bool: {Kind.BOOLEAN}, str: {Kind.CHOICE, Kind.TEXT}}
_NAMES = {
    Kind.BOOLEAN: "true or false",
    Kind.NUMBER: "a number",
    Kind.CHOICE: "a word",
    Kind.TEXT: "a text",
}


class Words:
    """What the models of one rule can say."""

    def __init__(self, models: list[DeviceModel]) -> None:
        self.fields: dict[str, list[Field]] = {}
        self.events: dict[str, set[str]] = {}
        for model in models:
            for event in model.events:
                names = self.events.setdefault(event.name, set())
                names.update(field.name for field in event.data)
            for field in (*model.fields, *(f for event in model.events for f in event.data)):
                self.fields.setdefault(field.name, []).append(field)
        self.lasting = {field.name for model in models for field in model.fields}
        # how far it is from home is reckoned from where it is
        self.names = {*self.fields, *_ALWAYS, *({HOME_M} if "lat" in self.fields else ())}
        self.are_known = bool(models)


def misfits(
    condition: Condition, words: Words, params: Mapping[str, Any]
) -> Iterator[tuple[int, str]]:
    """Give what a condition asks that no model of the rule can say: (column, message)."""
    if not words.are_known:
        return
    if condition.events is not None and not condition.events:
        yield 1, "it can never be true: no event is two events at once"
    events = condition.events or frozenset()
    known = events <= words.events.keys()
    said = {name for event in events if known for name in words.events[event]}
    for node in nodes(parse(condition.text)):
        match node:
            case Variable(root="m", name=name, column=column):
                if name not in words.names:
                    yield column, f"none of its models says m.{name}{near(name, words.names)}"
                elif events and known and name not in said | words.lasting | _ALWAYS | {HOME_M}:
                    yield column, f"{' and '.join(sorted(events))} comes without m.{name}"
            case Binary(operator=operator, left=left, right=right) if operator in _COMPARISONS:
                yield from _compared(left, right, words, params)
                yield from _compared(right, left, words, params)


def _compared(
    asked: Node, constant: Node, words: Words, params: Mapping[str, Any]
) -> Iterator[tuple[int, str]]:
    """Tell when a value is compared with what it never is."""
    if not isinstance(asked, Variable) or asked.root != "m":
        return
    for one in constant.items if isinstance(constant, Items) else (constant,):
        match one:
            case Literal(value=value):
                given = value
            case Variable(root="params", name=name):
                given = params.get(name)
            case _:
                continue
        problem = _never(asked.name, given, words) if given is not None else None
        if problem:
            yield one.column, problem


def _never(name: str, value: object, words: Words) -> str | None:
    """Say why ``m.<name>`` never is such a value, if that is so."""
    if name == "event":
        missing = value not in words.events
        known = near(str(value), words.events)
        return f"none of its models has an event {value!r}{known}" if missing else None
    fields = words.fields.get(name, [])
    kinds = {field.kind for field in fields}
    wanted = _KINDS.get(type(value), {Kind.NUMBER})
    if name in _ALWAYS or not fields:
        return None
    if not kinds & wanted:
        return f"m.{name} is {_NAMES[fields[0].kind]}, never {value!r}"
    if isinstance(value, str):
        options = {option for field in fields for option in field.options}
        if Kind.TEXT not in kinds and value not in options:
            return f"m.{name} is never {value!r}{near(value, options)}"
    elif is_number(value):
        return _beyond(name, value, [field for field in fields if field.kind is Kind.NUMBER])
    return None


def _beyond(name: str, value: float, fields: list[Field]) -> str | None:
    """A number no sound device reports: what it says beyond its range is not taken in."""
    if all(field.maximum is not None and value > field.maximum for field in fields):
        return f"m.{name} is never over {max(field.maximum or 0 for field in fields):g}"
    if all(field.minimum is not None and value < field.minimum for field in fields):
        return f"m.{name} is never under {min(field.minimum or 0 for field in fields):g}"
    return None


def nodes(tree: Node) -> Iterator[Node]:
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
