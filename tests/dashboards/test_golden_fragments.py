"""The alert row, drawn exactly: the same fragment on first load and over the stream."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from anju_dashboards.clock import Clock
from anju_dashboards.rendering import Renderer
from anju_platform.alerts.schemas import AlertView

GOLDEN = Path(__file__).parent / "golden"
NOW = datetime(2026, 3, 1, 6, 32, 26, tzinfo=UTC)


def alert(**changes: Any) -> AlertView:
    at = NOW - timedelta(seconds=19)
    fields: dict[str, Any] = {
        "id": UUID("01890a5d-ac96-774b-bcce-b302099a8057"),
        "version": 1,
        "rule_id": "fall",
        "severity": 1,
        "title": "疑似跌倒",
        "title_en": "Suspected fall",
        "icon": "radar-2",
        "condition": "active",
        "handling": "unacked",
        "mode": "actual",
        "latched": True,
        "place": "3 栋 2 单元 501 卫生间",
        "place_en": "Building 3, entrance 2, flat 501, bathroom",
        "x": 120.5,
        "y": 31.0,
        "device": "b3-501-fall",
        "device_name": "毫米波雷达",
        "device_name_en": "Fall radar",
        "observed_at": at,
        "detected_at": at,
        "activated_at": at,
        "occurrences": 1,
    }
    return AlertView(**(fields | changes))


CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "unacked_zh": ("zh", {}),
    "unacked_en": ("en", {}),
    "acked_zh": ("zh", {"handling": "acked", "owner": "王磊", "severity": 2, "version": 2}),
    "clear_late_en": (
        "en",
        {"condition": "clear", "late_s": 240.0, "occurrences": 3, "severity": 3},
    ),
    "muted_drill_zh": ("zh", {"overlays": ("maintenance",), "mode": "drill"}),
    "nowhere_en": ("en", {"place": None, "place_en": None, "x": None, "y": None}),
    "closed_zh": ("zh", {"handling": "closed", "cause": "false", "closed_by": "李强"}),
    "hostile_en": ("en", {"title_en": "<script>alert(1)</script>", "place_en": '"><b>x'}),
}


@pytest.mark.parametrize("name", CASES)
def test_a_row_is_drawn_as_agreed(name: str) -> None:
    language, changes = CASES[name]
    renderer = Renderer()
    clock = Clock(ZoneInfo("Asia/Shanghai"), NOW)
    drawn = renderer.render(
        "wall/alert_row.html", renderer.language(language), clock, alert=alert(**changes)
    )
    path = GOLDEN / f"alert_row_{name}.html"
    if os.environ.get("ANJU_TEST_WRITE_GOLDEN"):
        path.write_text(drawn + "\n", "utf-8")
    assert drawn + "\n" == path.read_text("utf-8")


@pytest.mark.parametrize(
    ("changes", "loud"),
    [
        ({}, True),
        ({"mode": "drill"}, True),
        ({"severity": 2}, False),
        ({"handling": "acked", "owner": "王磊"}, False),
        ({"overlays": ("shelved",)}, False),
        ({"mode": "test"}, False),
    ],
)
def test_only_a_real_unacknowledged_p1_that_nothing_mutes_sounds(
    changes: dict[str, Any], loud: bool
) -> None:
    renderer = Renderer()
    clock = Clock(ZoneInfo("Asia/Shanghai"), NOW)
    drawn = renderer.render(
        "wall/alert_row.html", renderer.language("zh"), clock, alert=alert(**changes)
    )
    assert f'data-loud="{str(loud).lower()}"' in drawn
