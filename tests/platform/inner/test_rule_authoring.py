"""The guide to writing rules shows a rule that can be kept and activated."""

from __future__ import annotations

import re

from servers import REPOSITORY

from anju_platform.rulebook import proof, texts


def test_the_rule_of_the_guide_is_sound() -> None:
    guide = (REPOSITORY / "docs" / "rule-authoring.md").read_text("utf-8")
    (text,) = re.findall(r"```yaml\n(.*?)```", guide, flags=re.DOTALL)
    assert texts.read_new(text).id == "cellar-hot"
    trials = proof.prove(text)
    assert len(trials) == 2
    assert [trial for trial in trials if trial.problem] == []
