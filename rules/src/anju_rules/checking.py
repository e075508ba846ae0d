"""Does a rule mean something? Its conditions, names, steps and excuses, met with the catalogue.

Everything here looks at the rule as written, key by key, so that one fault hides no other.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from anju_devices.catalog import MODELS
from anju_devices.model import DeviceModel
from anju_rules.coherence import faults
from anju_rules.condition import compile_condition
from anju_rules.document import Document, Path, walk
from anju_rules.errors import ConditionError
from anju_rules.fitting import near
from anju_rules.meaning import Words, misfits
from anju_rules.rule import Rule
from anju_rules.wording import PEOPLE

# one line for each key that holds a condition
CONDITIONS = (
    "when",
    "clear",
    "at_once",
    "unless.when",
    "absent_for.while",
    "sequence.after.*",
    "steps.*.when",
)
# one line for each key that names a value of the reading (m.<name>)
NAMES = ("discriminator", "hold_from", "distinct.of", "rate.of")
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
    words = Words(models)
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
    for inner, name in walk(entry, "notify.*"):
        if isinstance(name, str) and name not in PEOPLE:
            document.blame((*path, *inner), f"nobody is called {name!r}{near(name, PEOPLE)}")


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


def _check_condition(
    document: Document, path: Path, text: str, params: Mapping[str, Any], words: Words
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
    for column, message in misfits(condition, words, params):
        blame(column, message)


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
