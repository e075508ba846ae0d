"""The condition language's text to a tree: a subset of CEL, bounded in every direction.

Grammar, loosest first: ``c ? a : b``, ``||``, ``&&``, comparisons and ``in``, ``+ -``,
``* / %``, ``! -``, then literals, lists, ``has(m.x)``, ``m.x`` and
``m.x.startsWith("...")``, and the word ``unknown`` for "cannot tell". No macros, no regular
expressions, no other functions.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from anju_rules import letters
from anju_rules.errors import ConditionError

MAX_CHARACTERS = 1_000
MAX_DEPTH = 32
MAX_NODES = 200
_LARGEST = 2.0**53
"""Beyond it a double no longer tells neighbouring whole numbers apart."""

ROOTS = ("m", "d", "p", "b", "s", "params")
METHODS = ("startsWith", "endsWith", "contains")
_COMPARISONS = ("==", "!=", "<=", ">=", "<", ">", "in")
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?)
      | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<mark>&&|\|\||==|!=|<=|>=|[<>!+\-*/%?:().,\[\]])
    )""",
    re.VERBOSE | re.ASCII,  # a fullwidth digit or blank is no digit or blank here
)
_BLANKS = " \t\n\r\f\v"
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'"}


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant: number, text, true or false; None is the word ``unknown``."""

    value: bool | float | int | str | None
    column: int


@dataclass(frozen=True, slots=True)
class Variable:
    """``root.name``, such as ``m.battery``."""

    root: str
    name: str
    column: int


@dataclass(frozen=True, slots=True)
class Has:
    """``has(root.name)``: is there a value? The only question unknown answers."""

    variable: Variable
    column: int


@dataclass(frozen=True, slots=True)
class Unary:
    """``!x`` or ``-x``."""

    operator: str
    operand: "Node"
    column: int


@dataclass(frozen=True, slots=True)
class Binary:
    """``a op b``, for every two-sided operator."""

    operator: str
    left: "Node"
    right: "Node"
    column: int


@dataclass(frozen=True, slots=True)
class Choice:
    """``condition ? yes : no``."""

    condition: "Node"
    yes: "Node"
    no: "Node"
    column: int


@dataclass(frozen=True, slots=True)
class Items:
    """``[a, b, c]``, to the right of ``in`` only."""

    items: tuple["Node", ...]
    column: int


@dataclass(frozen=True, slots=True)
class Method:
    """``text.startsWith(other)`` and its like."""

    name: str
    subject: "Node"
    argument: "Node"
    column: int


Node: TypeAlias = Literal | Variable | Has | Unary | Binary | Choice | Items | Method


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    column: int


def parse(text: str) -> Node:
    """Give the tree of a condition.

    Raises:
        ConditionError: it is not of the language, or too long, deep or large.
    """
    if len(text) > MAX_CHARACTERS:
        message = f"{len(text)} characters; a condition has at most {MAX_CHARACTERS}"
        raise ConditionError(message, text, MAX_CHARACTERS + 1)
    return _Parser(text, _tokens(text)).whole()


def _tokens(text: str) -> list[_Token]:
    found = []
    position = 0
    end = len(text.rstrip(_BLANKS))
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            start = position + len(text[position:]) - len(text[position:].lstrip(_BLANKS))
            odd = letters.foreign(text[start])
            what = odd[1] if odd else repr(text[start])
            raise ConditionError(f"unexpected {what}", text, start + 1)
        kind = match.lastgroup or ""
        found.append(_Token(kind, match.group(kind), match.start(kind) + 1))
        position = match.end()
    found.append(_Token("end", "", end + 1))
    return found


class _Parser:
    """Precedence climbing, with a bound on depth and on the number of nodes."""

    def __init__(self, text: str, tokens: list[_Token]) -> None:
        self._text = text
        self._tokens = tokens
        self._next = 0
        self._depth = 0
        self._nodes = 0

    def whole(self) -> Node:
        tree = self._choice()
        token = self._peek()
        if token.kind != "end":
            raise self._error(f"unexpected {token.text!r}", token.column)
        return tree

    def _error(self, message: str, column: int) -> ConditionError:
        return ConditionError(message, self._text, column)

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _at(self, *marks: str) -> bool:
        token = self._peek()
        return token.kind in {"mark", "name"} and token.text in marks

    def _expect(self, mark: str) -> _Token:
        token = self._take()
        if token.kind != "mark" or token.text != mark:
            found = repr(token.text) if token.kind != "end" else "the end"
            raise self._error(f"expected {mark!r}, found {found}", token.column)
        return token

    def _count(self, column: int) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise self._error(f"more than {MAX_NODES} parts", column)

    def _enter(self, column: int) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error(f"nested more than {MAX_DEPTH} deep", column)

    def _choice(self) -> Node:
        self._enter(self._peek().column)
        tree = self._or()
        if self._at("?"):
            column = self._take().column
            self._count(column)
            yes = self._choice()
            self._expect(":")
            tree = Choice(tree, yes, self._choice(), column)
        self._depth -= 1
        return tree

    def _left(self, marks: tuple[str, ...], side: "_Level") -> Node:
        tree = side(self)
        while self._at(*marks):
            token = self._take()
            self._count(token.column)
            tree = Binary(token.text, tree, side(self), token.column)
        return tree

    def _or(self) -> Node:
        return self._left(("||",), _Parser._and)

    def _and(self) -> Node:
        return self._left(("&&",), _Parser._comparison)

    def _comparison(self) -> Node:
        tree = self._sum()
        if self._at(*_COMPARISONS):
            token = self._take()
            self._count(token.column)
            right = self._items() if token.text == "in" else self._sum()
            tree = Binary(token.text, tree, right, token.column)
            if self._at(*_COMPARISONS):
                raise self._error("comparisons do not chain; use &&", self._peek().column)
        return tree

    def _sum(self) -> Node:
        return self._left(("+", "-"), _Parser._product)

    def _product(self) -> Node:
        return self._left(("*", "/", "%"), _Parser._unary)

    def _unary(self) -> Node:
        if self._at("!", "-"):
            token = self._take()
            self._enter(token.column)
            self._count(token.column)
            operand = self._unary()
            self._depth -= 1
            if token.text == "-" and isinstance(operand, Literal):
                if operand.value is None or isinstance(operand.value, bool | str):
                    raise self._error("'-' needs a number", token.column)
                return Literal(-operand.value, token.column)
            return Unary(token.text, operand, token.column)
        return self._methods(self._primary())

    def _methods(self, subject: Node) -> Node:
        while self._at("."):
            self._take()
            token = self._take()
            if token.text not in METHODS:
                known = ", ".join(METHODS)
                raise self._error(f"unknown function {token.text!r}; known: {known}", token.column)
            self._count(token.column)
            self._expect("(")
            argument = self._choice()
            self._expect(")")
            subject = Method(token.text, subject, argument, token.column)
        return subject

    def _items(self) -> Items:
        opened = self._expect("[")
        items = []
        while not self._at("]"):
            items.append(self._choice())
            if not self._at("]"):
                self._expect(",")
        self._expect("]")
        return Items(tuple(items), opened.column)

    def _primary(self) -> Node:
        token = self._take()
        self._count(token.column)
        match token.kind:
            case "number":
                return self._number(token)
            case "string":
                return Literal(self._unquote(token), token.column)
            case "name":
                return self._named(token)
        if token.text == "(":
            tree = self._choice()
            self._expect(")")
            return tree
        found = repr(token.text) if token.kind != "end" else "the end"
        raise self._error(f"expected a value, found {found}", token.column)

    def _number(self, token: _Token) -> Literal:
        value = float(token.text)
        if value > _LARGEST:
            raise self._error("number too large", token.column)
        return Literal(int(token.text) if token.text.isdigit() else value, token.column)

    def _unquote(self, token: _Token) -> str:
        def replace(match: re.Match[str]) -> str:
            known = _ESCAPES.get(match.group(1))
            if known is None:
                column = token.column + 1 + match.start()
                raise self._error(f"unknown escape {match.group(0)!r}", column)
            return known

        return re.sub(r"\\(.)", replace, token.text[1:-1])

    def _named(self, token: _Token) -> Node:
        if token.text in {"true", "false"}:
            return Literal(token.text == "true", token.column)
        if token.text == "unknown":
            return Literal(None, token.column)
        if token.text == "null":
            raise self._error(
                "there is no null: a missing value is unknown; ask has(...)", token.column
            )
        if token.text == "has":
            self._expect("(")
            inner = self._variable(self._take())
            self._expect(")")
            return Has(inner, token.column)
        return self._variable(token)

    def _variable(self, token: _Token) -> Variable:
        if token.text not in ROOTS:
            roots = ", ".join(f"{root}." for root in ROOTS)
            raise self._error(
                f"unknown name {token.text!r}; values begin with {roots}", token.column
            )
        self._expect(".")
        name = self._take()
        if name.kind != "name":
            raise self._error(f"expected a name after '{token.text}.'", name.column)
        return Variable(token.text, name.text, token.column)


_Level: TypeAlias = Callable[[_Parser], Node]
