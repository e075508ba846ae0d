"""The guide to the rules: written for guards, from the rules, and true to their figures."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from servers import REPOSITORY

from anju_devices.catalog import MODELS
from anju_rules import Rule, load_library
from anju_rules.figures import is_named
from anju_rules.guide import _GROUPS, unsaid, write_guide
from anju_rules.loading import read_rules
from anju_rules.rule import Title
from anju_rules.wording import LANGUAGES

LIBRARY = load_library()


@pytest.mark.parametrize("rule", LIBRARY, ids=lambda rule: rule.id)
def test_a_rule_says_when_it_rings_with_all_its_figures(rule: Rule) -> None:
    assert rule.says is not None, "add says: {zh: ..., en: ...} to the rule"
    assert rule.says.zh.strip().endswith("。")
    assert rule.says.en.strip().endswith(".")
    for language in LANGUAGES:
        assert unsaid(rule, language) == [], f"says.{language} must name these figures"


@pytest.mark.parametrize("rule", LIBRARY, ids=lambda rule: rule.id)
def test_whoever_is_told_has_a_name_in_both_languages(rule: Rule) -> None:
    for words in LANGUAGES.values():
        assert set(rule.notify) <= set(words.people)


def test_a_figure_that_is_not_said_is_found() -> None:
    text = (
        "id: a\ntitle: {zh: 热, en: Hot}\nicon: flame\nseverity: 3\nmodels: [climate]\n"
        "when: m.temperature > params.limit || m.humidity > 90\nfor: 90s\nparams: {limit: 35}\n"
        "count: {n: 4, within: 2h}\n"
    )
    (rule,) = read_rules(text, "a.yaml")
    assert unsaid(rule, "en") == ["params.limit", "count.within", "for", "count.n", "when: 90"]
    said = "Above 35 for 1.5 min, or 90 % wet, 4 times within 120 min."
    rule = msgspec.structs.replace(rule, says=Title("", said))
    assert unsaid(rule, "en") == []
    assert "for" in unsaid(msgspec.structs.replace(rule, says=Title("", "135, 900, 0.4, 12")), "en")


def test_a_figure_within_another_is_not_named() -> None:
    assert not is_named(frozenset({"30"}), "within 130 s, or 30.5, or 0.30")
    assert is_named(frozenset({"30"}), "within 30. Then 300.")


def test_every_model_has_one_group() -> None:
    grouped = [name for _, models in _GROUPS for name in models]
    assert sorted([*grouped, "gateway"]) == sorted(MODELS)


@pytest.mark.parametrize(("language", "name"), [("en", "rules.md"), ("zh", "rules.zh-CN.md")])
def test_the_written_page_is_the_generated_one_and_tells_every_rule(
    language: str, name: str
) -> None:
    page = Path(REPOSITORY / "docs" / name).read_text(encoding="utf-8")
    assert page == write_guide(LIBRARY, language), "run: make schema"
    for rule in LIBRARY:
        assert f"`{rule.id}`" in page
