"""Rules from YAML: checked, with errors that name file, rule and key."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import yaml

from anju_rules.condition import compile_condition
from anju_rules.durations import Duration
from anju_rules.errors import ConditionError, InvalidRuleError
from anju_rules.rule import Rule

_PARAM = "params."


class _Lined(dict[Any, Any]):
    """A mapping that knows its line."""

    def __init__(self, content: Mapping[Any, Any], line: int) -> None:
        super().__init__(content)
        self.line = line


class _StrictLoader(yaml.SafeLoader):
    """YAML that refuses a key given twice, and notes on which line a mapping begins."""


def _mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> _Lined:
    line = node.start_mark.line + 1
    keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
    twice = {str(key) for key in keys if keys.count(key) > 1}
    if twice:
        raise yaml.YAMLError(f"line {line}: given twice: {', '.join(sorted(twice))}")
    return _Lined(loader.construct_mapping(node, deep=True), line)


_StrictLoader.add_constructor("tag:yaml.org,2002:map", _mapping)


def load_library() -> list[Rule]:
    """Give the built-in rules."""
    folder = files("anju_rules") / "library"
    found = []
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".yaml"):
            found += read_rules(entry.read_text(encoding="utf-8"), entry.name)
    return found


def load_rules(path: Path) -> list[Rule]:
    """Give the rules of one file.

    Raises:
        InvalidRuleError: the file cannot be read, or a rule in it is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRuleError(f"{path}: cannot be read: {error}") from error
    return read_rules(text, str(path))


def read_rules(text: str, name: str) -> list[Rule]:
    """Give the rules of a YAML text: one rule, or a list of them; ``name`` is for errors.

    Raises:
        InvalidRuleError: it is not YAML, or a rule in it is wrong.
    """
    try:
        document = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a safe loader, stricter
    except yaml.YAMLError as error:
        raise InvalidRuleError(f"{name}: not YAML: {error}") from error
    entries = document if isinstance(document, list) else [document]
    return [_read(entry, name) for entry in entries]


def _read(entry: Any, name: str) -> Rule:
    if not isinstance(entry, Mapping):
        raise InvalidRuleError(f"{name}: expected a rule with keys, found {type(entry).__name__}")
    line = f":{entry.line}" if isinstance(entry, _Lined) else ""
    where = f"{name}{line}: rule {entry.get('id', '?')!r}"
    try:
        params = entry.get("params") or {}
        rule = msgspec.convert(_with_params(entry, params, where), Rule, dec_hook=_decode)
    except (msgspec.ValidationError, ValueError) as error:
        raise InvalidRuleError(f"{where}: {error}") from error
    _check(rule, where)
    return rule


def _with_params(given: Any, params: Mapping[str, Any], where: str) -> Any:
    """Put parameters in where a value is ``params.<name>`` as a whole."""
    if isinstance(given, Mapping):
        return {
            key: value
            if key in {"when", "clear", "at_once", "while", "params", "tests"}
            else _with_params(value, params, where)
            for key, value in given.items()
        }
    if isinstance(given, list):
        return [_with_params(item, params, where) for item in given]
    if isinstance(given, str) and given.startswith(_PARAM):
        wanted = given.removeprefix(_PARAM)
        if wanted not in params:
            raise InvalidRuleError(f"{where}: there is no parameter {wanted!r}")
        return params[wanted]
    return given


def _decode(wanted: type, given: Any) -> Any:
    if wanted is Duration:
        return Duration.read(given)
    raise NotImplementedError(f"cannot read a {wanted.__name__}")


def _check(rule: Rule, where: str) -> None:
    conditions = {
        "when": rule.when,
        "clear": rule.clear,
        "at_once": rule.at_once,
        "unless.when": rule.unless.when if rule.unless else None,
        "absent_for.while": rule.absent_for.condition if rule.absent_for else None,
    }
    for key, text in conditions.items():
        if text is not None:
            try:
                compile_condition(text, rule.params)
            except ConditionError as error:
                raise InvalidRuleError(f"{where}: {key}: {error}") from error
    if rule.absent_for and (rule.count or rule.unless or rule.hold):
        raise InvalidRuleError(f"{where}: absent_for goes with no for, count or unless")
    for step in rule.steps:
        if (step.hold is None) == (step.n is None):
            raise InvalidRuleError(f"{where}: a step has either for or n")
        if step.times is not None and not (rule.absent_for and rule.absent_for.learned):
            raise InvalidRuleError(f"{where}: a step's times goes with absent_for.learned")
        if step.severity >= rule.severity:
            raise InvalidRuleError(f"{where}: a step must be more severe than {rule.severity}")
