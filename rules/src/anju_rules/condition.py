"""A condition's text to a checked function with three values: true, false, unknown.

A value that is missing, null, not a number (NaN) or of the wrong type makes its comparison
unknown (None), never an error; ``false && unknown`` is false and ``true || unknown`` is
true (Kleene). Numbers are doubles: ``7 / 2`` is 3.5; dividing by zero is unknown.

The function is generated once per rule version from the checked tree, out of names made
here and literals written with ``repr``: no text of the author reaches the compiler. All the
checks together cost about as much again as the bare Python expression; interpreters of CEL
in Python are hundreds of times slower (docs/semantics.md).
"""

import math
import operator
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, TypeAlias

from anju_rules.errors import ConditionError
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

Namespace: TypeAlias = Mapping[str, Any]
Function: TypeAlias = Callable[[Namespace, Namespace, Namespace, Namespace, Namespace], bool | None]
"""``f(m, d, p, b, s)``: the reading, the device, the people, the baseline, the site."""

_NUMBER, _BOOLEAN, _TEXT, _ANY = "number", "boolean", "text", "any"
_ARITHMETIC: dict[str, tuple[str, Callable[[float, float], float]]] = {
    "+": ("plus", operator.add),
    "-": ("minus", operator.sub),
    "*": ("times", operator.mul),
    "/": ("divided", operator.truediv),
    "%": ("remainder", math.fmod),
}
_LARGEST = sys.float_info.max
_PYTHON = {"startsWith": "startswith", "endsWith": "endswith"}


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition: call it, and ask which variables it reads."""

    text: str
    function: Function
    reads: frozenset[tuple[str, str]]
    events: frozenset[str] | None
    """The values of ``m.event`` it can be true for, or None when it does not say."""
    asks_for: frozenset[str] = frozenset()
    """The roots of which it asks whether there is something (``has``)."""

    @property
    def reads_more(self) -> bool:
        """Whether it looks at more than the reading, ``m``."""
        return any(root != "m" for root, _ in self.reads)

    @property
    def can_be_told_early(self) -> bool:
        """Whether a verdict without any context but the reading stands whatever the context is.

        Unknown values make three-valued logic undecided, never wrong; only ``has`` takes
        what is not known for what is not there.
        """
        return self.asks_for <= {"m"}

    def names(self, root: str) -> frozenset[str]:
        """Give the names it reads below one root."""
        return frozenset(name for where, name in self.reads if where == root)


def compile_condition(text: str, params: Namespace | None = None) -> Condition:
    """Compile a condition; ``params.x`` becomes the constant of that name.

    Raises:
        ConditionError: the text is not of the language, or a type cannot fit; it points at
            the column.
    """
    writer = _Writer(text, params or {})
    tree = parse(text)
    result, kind = writer.value(tree)
    if kind not in {_BOOLEAN, _ANY}:
        raise ConditionError(f"a condition must be true or false, this is a {kind}", text, 1)
    writer.line(f"return {result} if {result} is True or {result} is False else None")
    source = "def condition(m, d, p, b, s):\n" + "\n".join(writer.lines)
    scope: dict[str, Any] = {
        "__builtins__": {"type": type, "float": float, "int": int, "str": str, "bool": bool},
        **{name: partial(_compute, operation) for name, operation in _ARITHMETIC.values()},
        "comparable": _comparable,
    }
    exec(compile(source, "<condition>", "exec"), scope)  # noqa: S102 - generated here, see above
    return Condition(
        text,
        scope["condition"],
        frozenset(writer.reads),
        _events(tree),
        frozenset(writer.asks_for),
    )


def _comparable(left: object, right: object) -> bool:
    """Two numbers, two texts or two booleans; anything else has no verdict."""
    if type(left) in {int, float} and type(right) in {int, float}:
        return left == left and right == right  # noqa: PLR0124 - NaN is not itself
    return type(left) is type(right) and type(left) in {str, bool}


def _compute(operation: Callable[[float, float], float], left: float, right: float) -> float | None:
    """Give the result, or None where there is no finite one."""
    try:
        result = operation(left, right)
    except (ArithmeticError, ValueError):
        return None
    return result if abs(result) <= _LARGEST else None


def _events(tree: Node) -> frozenset[str] | None:
    """Find which events a condition needs, so that others need not ask it."""
    if isinstance(tree, Binary):
        if tree.operator == "&&":
            sides = [e for e in (_events(tree.left), _events(tree.right)) if e is not None]
            return frozenset.intersection(*sides) if sides else None
        if tree.operator == "||":
            left, right = _events(tree.left), _events(tree.right)
            return left | right if left is not None and right is not None else None
        if isinstance(tree.left, Variable) and (tree.left.root, tree.left.name) == ("m", "event"):
            if tree.operator == "==" and isinstance(tree.right, Literal):
                return frozenset({str(tree.right.value)})
            if tree.operator == "in" and isinstance(tree.right, Items):
                items = [i.value for i in tree.right.items if isinstance(i, Literal)]
                if len(items) == len(tree.right.items):
                    return frozenset(str(item) for item in items)
    return None


class _Writer:
    """Writes the function's body: one statement per node, three-valued throughout."""

    def __init__(self, text: str, params: Namespace) -> None:
        self.lines: list[str] = []
        self.reads: set[tuple[str, str]] = set()
        self.asks_for: set[str] = set()
        self._text = text
        self._params = params
        self._depth = 1
        self._count = 0

    def line(self, code: str) -> None:
        self.lines.append("    " * self._depth + code)

    def _error(self, message: str, node: Node) -> ConditionError:
        return ConditionError(message, self._text, node.column)

    def _store(self, code: str) -> str:
        self._count += 1
        name = f"t{self._count}"
        self.line(f"{name} = {code}")
        return name

    def value(self, node: Node) -> tuple[str, str]:
        """Write what computes ``node``; give the name holding it and its kind."""
        match node:
            case Literal(value=value):
                return self._literal(value)
            case Variable():
                return self._variable(node)
            case Has(variable=variable):
                self.reads.add((variable.root, variable.name))
                self.asks_for.add(variable.root)
                return self._store(f"{variable.root}.get({variable.name!r}) is not None"), _BOOLEAN
            case Items():
                raise self._error("a list stands to the right of 'in' only", node)
            case _:
                return self._computed(node)

    def _computed(self, node: Unary | Binary | Choice | Method) -> tuple[str, str]:
        match node:
            case Unary():
                return self._unary(node)
            case Choice():
                return self._choice(node)
            case Method():
                return self._method(node)
            case Binary():
                return self._BINARY.get(node.operator, _Writer._arithmetic)(self, node)

    @staticmethod
    def _literal(value: bool | float | str | None) -> tuple[str, str]:
        if value is None:
            return "None", _ANY
        if isinstance(value, bool):
            return repr(value), _BOOLEAN
        return repr(value), _TEXT if isinstance(value, str) else _NUMBER

    def _variable(self, node: Variable) -> tuple[str, str]:
        if node.root == "params":
            if node.name not in self._params:
                raise self._error(f"the rule has no parameter {node.name!r}", node)
            return self._literal(self._params[node.name])
        self.reads.add((node.root, node.name))
        return self._store(f"{node.root}.get({node.name!r})"), _ANY

    def _is(self, name: str, kind: str, wanted: str) -> list[str]:
        """Give the checks that ``name`` is of the wanted kind; none where it is known."""
        if kind == wanted:
            # a computed number or boolean may still be unknown
            return [f"{name} is not None"] if name.startswith("t") and name[1:].isdigit() else []
        if wanted == _NUMBER:
            return [f"(type({name}) is float or type({name}) is int)", f"{name} == {name}"]
        return [f"type({name}) is {'bool' if wanted == _BOOLEAN else 'str'}"]

    def _need(self, node: Node, wanted: str) -> tuple[str, list[str]]:
        name, kind = self.value(node)
        if kind not in {wanted, _ANY}:
            raise self._error(f"expected a {wanted}, this is a {kind}", node)
        return name, self._is(name, kind, wanted)

    def _guarded(self, code: str, checks: list[str]) -> str:
        return self._store(f"({code}) if {' and '.join(checks)} else None" if checks else code)

    def _unary(self, node: Unary) -> tuple[str, str]:
        if node.operator == "!":
            name, checks = self._need(node.operand, _BOOLEAN)
            return self._guarded(f"not {name}", checks), _BOOLEAN
        name, checks = self._need(node.operand, _NUMBER)
        return self._guarded(f"-{name}", checks), _NUMBER

    def _logic(self, node: Binary) -> tuple[str, str]:
        decisive = "False" if node.operator == "&&" else "True"
        left, left_kind = self.value(node.left)
        if left_kind not in {_BOOLEAN, _ANY}:
            raise self._error(f"expected a boolean, this is a {left_kind}", node.left)
        result = self._store(decisive)
        self.line(f"if {left} is not {decisive}:")
        self._depth += 1
        right, right_kind = self.value(node.right)
        if right_kind not in {_BOOLEAN, _ANY}:
            raise self._error(f"expected a boolean, this is a {right_kind}", node.right)
        other = "True" if decisive == "False" else "False"
        self.line(f"if {right} is not {decisive}:")
        self.line(f"    {result} = {other} if {left} is {other} and {right} is {other} else None")
        self._depth -= 1
        return result, _BOOLEAN

    def _choice(self, node: Choice) -> tuple[str, str]:
        condition, _ = self._need(node.condition, _BOOLEAN)
        result = self._store("None")
        kinds = []
        for test, branch in (("True", node.yes), ("False", node.no)):
            self.line(f"if {condition} is {test}:")
            self._depth += 1
            name, kind = self.value(branch)
            self.line(f"{result} = {name}")
            kinds.append(kind)
            self._depth -= 1
        return result, kinds[0] if kinds[0] == kinds[1] else _ANY

    def _method(self, node: Method) -> tuple[str, str]:
        subject, checks = self._need(node.subject, _TEXT)
        argument, more = self._need(node.argument, _TEXT)
        python = _PYTHON.get(node.name)
        code = f"{subject}.{python}({argument})" if python else f"{argument} in {subject}"
        return self._guarded(code, checks + more), _BOOLEAN

    def _same_kind(self, left: tuple[str, str], right: tuple[str, str], node: Node) -> list[str]:
        kinds = {left[1], right[1]} - {_ANY}
        if len(kinds) > 1:
            raise self._error(f"cannot compare a {left[1]} with a {right[1]}", node)
        if kinds:
            (kind,) = kinds
            return self._is(*left, kind) + self._is(*right, kind)
        return [f"comparable({left[0]}, {right[0]})"]

    def _equality(self, node: Binary) -> tuple[str, str]:
        left, right = self.value(node.left), self.value(node.right)
        checks = self._same_kind(left, right, node)
        return self._guarded(f"{left[0]} {node.operator} {right[0]}", checks), _BOOLEAN

    def _order(self, node: Binary) -> tuple[str, str]:
        left, right = self.value(node.left), self.value(node.right)
        if _BOOLEAN in {left[1], right[1]}:
            raise self._error("true and false have no order", node)
        checks = self._same_kind(left, right, node)
        if left[1] == right[1] == _ANY:
            checks.append(f"type({left[0]}) is not bool")
        return self._guarded(f"{left[0]} {node.operator} {right[0]}", checks), _BOOLEAN

    def _arithmetic(self, node: Binary) -> tuple[str, str]:
        left, checks = self._need(node.left, _NUMBER)
        right, more = self._need(node.right, _NUMBER)
        code = f"{_ARITHMETIC[node.operator][0]}({left}, {right})"
        return self._guarded(code, checks + more), _NUMBER

    def _membership(self, node: Binary) -> tuple[str, str]:
        if not isinstance(node.right, Items):
            raise self._error('\'in\' needs a list such as ["a", "b"]', node.right)
        constants = [i.value for i in node.right.items if isinstance(i, Literal)]
        kinds = {self._literal(value)[1] for value in constants}
        if len(constants) < len(node.right.items) or len(kinds) > 1 or _ANY in kinds:
            raise self._error("a list holds constants of one kind", node.right)
        if not constants:
            return self._store("False"), _BOOLEAN
        (kind,) = kinds
        name, checks = self._need(node.left, kind)
        values = ", ".join(repr(value) for value in constants)
        return self._guarded(f"{name} in ({values},)", checks), _BOOLEAN

    _BINARY: ClassVar[dict[str, Callable[["_Writer", Binary], tuple[str, str]]]] = {
        "&&": _logic,
        "||": _logic,
        "in": _membership,
        "==": _equality,
        "!=": _equality,
        "<": _order,
        "<=": _order,
        ">": _order,
        ">=": _order,
    }
