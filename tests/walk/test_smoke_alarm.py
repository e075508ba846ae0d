"""The walk of one message: a smoke detector's alarm from its wire to the guards' screens.

The executable twin of ARCHITECTURE.md: real detector lines, edge agent, broker with
accounts, ingest, worker, web process and two browsers.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from devices_on_wire import NativeClient
from playwright.sync_api import Page, expect

from anju_platform.demo.stage import Stage

pytestmark = pytest.mark.browser


def smoke_detector(stage: Stage) -> tuple[str, str]:
    """Give a smoke alarm of the community and its gateway."""
    device = next(d for d in stage.site.community["devices"] if d["model"] == "smoke_alarm")
    return device["slug"], device["gateway"]


def test_a_smoke_alarm_walks_from_the_detector_to_two_screens(
    stage: Stage, open_wall: Callable[[str], Page]
) -> None:
    first, second = open_wall("guard"), open_wall("property")
    for page in (first, second):
        expect(page.locator("#no-alerts")).to_be_visible()
        page.evaluate("window.marker = 1")

    slug, gateway = smoke_detector(stage)
    detector = NativeClient.to(
        stage.site.edge_folder(gateway), stage.site.native_token_file, {slug: "smoke_alarm"}
    )
    detector.send(slug, event="alarm", values={"alarm": True, "smoke": 0.2}, id="smoke-1")
    detector.wait_kept()

    row = first.locator("li.alert").first
    expect(row).to_contain_text("烟雾报警")
    expect(second.locator("li.alert").first).to_contain_text("烟雾报警")
    assert first.evaluate("window.marker") == 1  # nothing was loaded again

    row.click()
    first.keyboard.press("Space")
    expect(row).to_have_class(re.compile("acked"))
    expect(second.locator("li.alert").first).to_contain_text("李强 处理中")
    assert second.evaluate("window.marker") == 1

    first.keyboard.press("c")
    dialog = first.locator("dialog#ask")
    expect(dialog).to_be_visible()
    dialog.locator(".confirm").click()
    expect(dialog).to_be_visible()  # without a cause it does not close
    dialog.locator("input[value=true]").check()
    dialog.locator(".confirm").click()
    expect(first.locator("li.alert")).to_have_count(0)
    expect(second.locator("li.alert")).to_have_count(0)
    detector.close()
