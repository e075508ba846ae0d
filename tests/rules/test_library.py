"""Every built-in rule passes its own tests, as written and with a restart before each step."""

from __future__ import annotations

import pytest

from anju_devices.catalog import MODELS
from anju_rules import Rule, load_library, run_trials

LIBRARY = load_library()


@pytest.mark.parametrize("restart", [False, True], ids=["running", "restarted"])
@pytest.mark.parametrize("rule", LIBRARY, ids=lambda rule: rule.id)
def test_rule_keeps_its_promises(rule: Rule, restart: bool) -> None:
    trials = list(run_trials(rule, restart=restart))
    assert [f"{trial.name}: {trial.problem}" for trial in trials if trial.problem] == []


@pytest.mark.parametrize("rule", LIBRARY, ids=lambda rule: rule.id)
def test_rule_is_shown_to_fire_and_not_to_fire(rule: Rule) -> None:
    fires = [test for test in rule.tests if test["expect"]]
    rests = [test for test in rule.tests if not test["expect"]]
    assert fires
    assert rests


@pytest.mark.parametrize("rule", LIBRARY, ids=lambda rule: rule.id)
def test_rule_names_models_of_the_catalogue(rule: Rule) -> None:
    assert set(rule.models) <= {*MODELS, "*"}


def test_ids_are_unique() -> None:
    assert len({rule.id for rule in LIBRARY}) == len(LIBRARY)


def test_life_safety_latches() -> None:
    assert [rule.id for rule in LIBRARY if rule.severity == 1 and not rule.latch] == []


def test_every_event_and_value_a_rule_reads_is_in_the_catalogue() -> None:
    from anju_rules import RuleSet
    from anju_rules.geography import HOME_M

    rules = RuleSet(LIBRARY)
    unknown = []
    for rule in LIBRARY:
        models = [MODELS[name] for name in rule.models if name != "*"] or list(MODELS.values())
        events = {event.name for model in models for event in model.events}
        names = {field.name for model in models for field in model.fields}
        names |= {f.name for model in models for event in model.events for f in event.data}
        names |= {HOME_M} if "lat" in names else set()
        for condition in rules.get(rule.id).reader.conditions():
            read = condition.names("m") - {"event", "device", "model"}
            unknown += [f"{rule.id}: m.{name}" for name in read - names]
            unknown += [f"{rule.id}: event {name}" for name in (condition.events or set()) - events]
    assert unknown == []
