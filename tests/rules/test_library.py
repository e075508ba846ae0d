"""Every built-in rule passes its own tests, as written and with a restart before each step."""

from __future__ import annotations

from typing import Any

import pytest

from anju_dashboards.icons import known
from anju_devices.catalog import MODELS
from anju_rules import Rule, load_library, run_trials
from anju_rules.trials import missing_proofs

LIBRARY = load_library()
BY_ID = {rule.id: rule for rule in LIBRARY}


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
def test_rule_shows_all_five_proofs(rule: Rule) -> None:
    assert missing_proofs(rule) == ()


@pytest.mark.parametrize("rule", LIBRARY, ids=lambda rule: rule.id)
def test_rule_says_when_it_rings_and_what_to_do(rule: Rule) -> None:
    texts = [rule.says, rule.do]
    assert [text for text in texts if text is None or not (text.zh and text.en)] == []


@pytest.mark.parametrize("rule", LIBRARY, ids=lambda rule: rule.id)
def test_rule_has_a_picture(rule: Rule) -> None:
    assert rule.icon in known()


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


def test_what_protects_a_life_is_watched_for_a_day() -> None:
    assert set(BY_ID["protection-off"].models) == {
        name for name, model in MODELS.items() if model.life_safety
    }


# -- product.md, its default table ---------------------------------------------------------------

TABLE: list[tuple[str, str, int, dict[str, Any]]] = [
    # (row, rule, severity, what else the table says of it; durations in ms)
    ("door: forced open within 8 s", "door-forced", 2, {"unless.within": 8_000}),
    ("door: held open", "door-held-open", 3, {"hold": 120_000, "steps": [(2, "hold", 600_000)]}),
    (
        "door: denials in 5 min",
        "door-denials",
        3,
        {"count.n": 3, "count.within": 300_000, "steps": [(2, "n", 10)]},
    ),
    ("door: duress", "door-duress", 1, {"hold": 0, "notify": ("guard",), "latch": True}),
    (
        "door: tailgating, P3 at plant rooms",
        "tailgating",
        4,
        {"steps": [(3, "when", 'd.plant_room == true || p.place_kind == "plant_room"')]},
    ),
    (
        "door: faster than walking",
        "credential-too-fast",
        3,
        {"travel.faster_m_s": 7, "entity": "person"},
    ),
    (
        "door: visitor overstayed",
        "visitor-overstayed",
        4,
        {"hold_from": "valid_until", "hold": 1_800_000, "entity": "person"},
    ),
    ("door: controller silent", "door-controller-silent", 3, {"absent_for.hold": 60_000}),
    (
        "door: controller of a main gate",
        "main-gate-silent",
        2,
        {"absent_for.hold": 60_000, "absent_for.condition": "d.main == true"},
    ),
    ("lane: barrier open without a vehicle", "barrier-open", 3, {"hold": 180_000}),
    ("lane: forced arm", "barrier-forced", 2, {"hold": 0}),
    ("camera: fire lane > 300 s", "fire-lane", 2, {"params.dwell_s": 300}),
    # its second is the edge's: see the rule
    ("camera: intrusion in armed hours", "zone-intrusion", 2, {"hold": 0}),
    ("camera: loitering > 180 s", "loitering", 3, {"params.dwell_s": 180}),
    ("camera: façade", "falling-object", 2, {"hold": 0}),
    # the camera says it every 30 s while it lasts
    ("camera: crowd > limit for 30 s", "crowd", 3, {"count.n": 2, "count.within": 40_000}),
    ("camera: fire, smoke candidate 3 s", "fire-candidate", 2, {"hold": 3_000, "latch": True}),
    # the edge waits ten seconds before it says "lost"
    ("any camera: no frame 120 s", "camera-lost", 3, {"hold": 110_000}),
    ("any camera: blocked 30 s", "camera-blocked", 3, {"hold": 30_000}),
    ("any camera: moved or out of focus 30 s", "camera-disturbed", 3, {"hold": 30_000}),
    ("lift: trapped > 60 s", "lift-trapped", 1, {"hold": 60_000, "latch": True}),
    ("lift: or the button", "lift-alarm", 1, {"hold": 0, "latch": True}),
    ("lift: e-bike", "lift-ebike", 3, {}),
    (
        "cabinet, shed: 300 mA for 60 s",
        "electrical-leakage",
        2,
        {"hold": 60_000, "params.residual_ma": 300},
    ),
    ("cabinet, shed: 70 °C for 60 s", "cable-hot", 2, {"hold": 60_000, "params.cable_c": 70}),
    ("shed: smoke", "charging-shed-alarm", 2, {"hold": 0}),
    ("hydrant: pressure", "hydrant-pressure", 2, {"hold": 120_000}),
    ("tank: level", "tank-level", 2, {"hold": 120_000}),
    ("tank: pressure", "tank-pressure", 2, {"hold": 120_000}),
    ("hydrant: tilt > 15° 10 s", "hydrant-tilted", 2, {"hold": 10_000, "params.tilt": 15}),
    ("manhole: tilt > 15° 10 s", "manhole-open", 2, {"hold": 10_000, "params.tilt": 15}),
    (
        "every device: silent > 2 of its intervals",
        "device-silent",
        4,
        {"models": ("*",), "absent_for.times": 2, "absent_for.interval": "interval_s"},
    ),
    ("life-safety device > 24 h", "protection-off", 3, {"absent_for.hold": 86_400_000}),
    ("every device: battery < 20 %", "battery-low", 4, {"models": ("*",), "params.least": 20}),
]


@pytest.mark.parametrize(("row", "name", "severity", "more"), TABLE, ids=[one[0] for one in TABLE])
def test_the_default_table_is_a_rule(
    row: str, name: str, severity: int, more: dict[str, Any]
) -> None:
    rule = BY_ID[name]
    assert rule.severity == severity, row
    found = {key: _said(rule, key) for key in more}
    assert found == more
    if "steps" not in more:
        assert rule.steps == ()


def _said(rule: Rule, path: str) -> Any:
    """Give what a rule says under a dotted path; steps as (severity, by what, how much)."""
    if path == "steps":
        kinds = ("hold", "n", "when")
        return [
            (step.severity, kind, getattr(step, kind))
            for step in rule.steps
            for kind in kinds
            if getattr(step, kind) is not None
        ]
    found: Any = rule
    for key in path.split("."):
        found = found[key] if isinstance(found, dict) else getattr(found, key)
    return found
