"""Writes the guide to the rules a guard can read: ``python -m anju_rules.guide DIRECTORY``.

``rules.md`` and ``rules.zh-CN.md`` come from the library alone: each rule's ``says`` and
``do``, and plain words made of its fields. ``--check`` tells how the written ones differ.
"""

import argparse
import difflib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from anju_devices.catalog import MODELS
from anju_rules.changes import quiet_for
from anju_rules.figures import figures, is_named
from anju_rules.loading import load_library
from anju_rules.rule import LATE, Rule, Title
from anju_rules.wording import LANGUAGES, Language

_INTRO = {
    "en": (
        "# What rings, and when\n\n[中文](rules.zh-CN.md)\n\n"
        "Every built-in rule in plain words. This page is generated from the rules: change"
        " `rules/src/anju_rules/library/`, then `make schema`.\n\n"
        "| severity | means |\n|---|---|\n"
        "| **P1 life** | somebody may die: go now |\n"
        "| **P2 urgent** | danger, or protection lost: within 3 min |\n"
        "| **P3 attention** | look at it: within 15 min |\n"
        "| **P4 maintenance** | put it right the next day |\n"
    ),
    "zh": (
        "# 什么时候会报警\n\n[English](rules.md)\n\n"
        "本页用大白话说明每一条内置规则。内容由规则文件自动生成：要改请改"
        " `rules/src/anju_rules/library/`，再运行 `make schema`。\n\n"
        "| 级别 | 意思 |\n|---|---|\n"
        "| **P1 生命** | 可能出人命，马上去 |\n"
        "| **P2 紧急** | 有危险或失去防护，3 分钟内处理 |\n"
        "| **P3 注意** | 需要去看一看，15 分钟内处理 |\n"
        "| **P4 维护** | 第二天修好 |\n"
    ),
}
_GROUPS: tuple[tuple[Title, frozenset[str]], ...] = (
    (Title("门禁", "Doors"), frozenset({"door"})),
    (Title("车辆出入口", "Vehicles"), frozenset({"vehicle_lane"})),
    (Title("摄像机", "Cameras"), frozenset({"camera"})),
    (Title("电梯", "Lifts"), frozenset({"lift"})),
    (
        Title("居家", "Homes"),
        frozenset(
            {
                *("sos_button", "wearable", "im_ok", "pir", "door_contact", "water_meter"),
                *("bathroom_presence", "fall_radar", "bed_mat", "smoke_alarm", "co_alarm"),
                *("gas_alarm", "stove_plug", "climate", "locator"),
            }
        ),
    ),
    (
        Title("公共设施", "Site"),
        frozenset(
            {"electrical_cabinet", "charging_shed", "hydrant", "water_tank", "manhole"}
            | {"binary_sensor"}
        ),
    ),
    # everything else: gateways, and rules about every device
    (Title("设备", "Devices"), frozenset()),
)


def write_guide(rules: Sequence[Rule], language: str) -> str:
    """Give the page in one language (``zh`` or ``en``)."""
    words = LANGUAGES[language]
    parts = [_INTRO[language]]
    for title, models in _GROUPS:
        own = [rule for rule in rules if _group(rule) == models]
        if own:
            parts.append(f"## {getattr(title, language)}\n")
            parts += [_rule(rule, words) for rule in own]
    return "\n".join(parts)


def _group(rule: Rule) -> frozenset[str]:
    """Give the models of the group a rule belongs to: that of its first model."""
    found = (models for _, models in _GROUPS if rule.models[0] in models)
    return next(found, frozenset())


def _rule(rule: Rule, words: Language) -> str:
    title = getattr(rule.title, words.code)
    lines = [
        f"### {title}\n",
        f"**P{rule.severity} {words.severities[rule.severity]}** · `{rule.id}`\n",
    ]
    if rule.says is not None:
        lines.append(getattr(rule.says, words.code) + "\n")
    rows = describe(rule, words.code, mark="`")
    lines += [f"- **{name}**{words.colon}{text}" for name, text in rows]
    return "\n".join(lines) + "\n"


def describe(rule: Rule, language: str, *, mark: str = "") -> list[tuple[str, str]]:
    """Give what a rule does as (what is said, in words); ``mark`` stands around parameters."""
    words = LANGUAGES[language]
    params = (f"{mark}{name}{mark} = {value}" for name, value in rule.params.items())
    rows = [
        (words.about, _models(rule, words)),
        (words.waits, words.end(_waits(rule, words))),
        (words.rises, words.end(_rises(rule, words))),
        (words.ends, words.end(_ends(rule, words))),
        (words.told, words.comma.join(words.people.get(name, name) for name in rule.notify)),
        (words.advice, getattr(rule.do, words.code) if rule.do else ""),
        (words.parameters, words.comma.join(params)),
    ]
    return [(name, text) for name, text in rows if text]


def _models(rule: Rule, words: Language) -> str:
    if "*" in rule.models:
        rest = words.comma.join(getattr(MODELS[m].title, words.code) for m in rule.except_models)
        return words.every_device + (words.except_for.format(rest) if rest else "")
    return words.comma.join(getattr(MODELS[name].title, words.code) for name in rule.models)


def _waits(rule: Rule, words: Language) -> Iterator[str]:
    """Say what must pass before it rings."""
    windows = list(_windows(rule, words))
    yield from windows
    if rule.absent_for is not None:
        if rule.absent_for.interval is not None:
            yield words.intervals.format(f"{rule.absent_for.times:g}")
        else:
            yield words.silence.format(words.length(rule.absent_for.hold))
        if (learned := rule.absent_for.learned) is not None:
            yield words.usual.format(words.length(learned.least), words.length(learned.most))
    elif rule.hold:
        phrase = words.hold_from if rule.hold_from is not None else words.hold
        yield phrase.format(words.length(rule.hold))
        if rule.at_once is not None:
            yield words.at_once_possible
    elif not windows:
        yield words.at_once
    if rule.schedule is not None and rule.schedule.hours != "00:00-24:00":
        yield words.hours.format(rule.schedule.hours)
    if rule.late > LATE:
        yield words.late.format(words.length(rule.late))


def _windows(rule: Rule, words: Language) -> Iterator[str]:
    """Say what is looked at together, over some time."""
    for one in (rule.count, rule.distinct):
        if one is not None:
            yield words.counted.format(n=one.n, within=words.length(one.within))
    if rule.sequence is not None:
        yield words.sequence.format(words.length(rule.sequence.within))
    if rule.rate is not None:
        yield words.rate.format(words.length(rule.rate.within))
    if rule.dwell is not None:
        texts = words.length(rule.dwell.hold), words.length(rule.dwell.within)
        yield words.dwell.format(*texts)
    if rule.travel is not None:
        yield words.travel.format(f"{rule.travel.faster_m_s:g}")


def _rises(rule: Rule, words: Language) -> Iterator[str]:
    for step in rule.steps:
        severity = f"P{step.severity} {words.severities[step.severity]}"
        if step.hold is not None:
            yield words.rise_after.format(severity, words.length(step.hold))
        elif step.n is not None:
            yield words.rise_at.format(severity, step.n)
        else:
            yield words.rise_worse.format(severity)


def _ends(rule: Rule, words: Language) -> Iterator[str]:
    """Say what ends it; silence ends nothing that lasts or latches."""
    after = words.clear_for.format(words.length(rule.clear_for)) if rule.clear_for else ""
    quiet = quiet_for(rule, pulse="m.event" in rule.when)
    if rule.latch:
        pass  # its condition may end, the alert does not
    elif rule.waits_for_word:
        yield words.heard_again
    elif rule.clear is not None:
        yield words.cleared + after
    elif quiet is None and "m.event" not in rule.when:
        yield words.no_longer_so + after
    if quiet is not None:
        text = words.quiet_latched if rule.latch else words.quiet
        yield text.format(words.length(quiet))
    if rule.max_gap is not None:
        yield words.gap.format(words.length(rule.max_gap))
    if rule.latch:
        yield words.latched
    elif quiet is None and "m.event" in rule.when and not (rule.clear or rule.waits_for_word):
        yield words.by_a_person  # it is said once, and nothing is ever said of its end


def unsaid(rule: Rule, language: str) -> list[str]:
    """Give the figures of a rule that its ``says`` does not name in one language."""
    text = getattr(rule.says, language) if rule.says is not None else ""
    return [name for name, ways in figures(rule) if ways and not is_named(ways, text)]


def main() -> int:
    """Write both pages, or with ``--check`` say how the written ones differ."""
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    rules = load_library()
    differs = 0
    for language, name in (("en", "rules.md"), ("zh", "rules.zh-CN.md")):
        path: Path = options.directory / name
        wanted = write_guide(rules, language)
        if not options.check:
            path.write_text(wanted, encoding="utf-8")
            continue
        found = path.read_text(encoding="utf-8") if path.exists() else ""
        differs |= found != wanted
        lines = found.splitlines(keepends=True), wanted.splitlines(keepends=True)
        sys.stderr.writelines(difflib.unified_diff(*lines, str(path), "generated"))
    return int(differs)


if __name__ == "__main__":
    sys.exit(main())
