"""Every gateway's own self-test: from the real agent to the worker, seen on the system page."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from anju_platform.demo.stage import Stage

pytestmark = pytest.mark.browser


def test_each_gateways_canary_walks_to_the_worker_and_nobody_is_called(
    stage: Stage, open_wall: Callable[[str], Page]
) -> None:
    page = open_wall("admin")
    own = set(stage.site.gateway_secrets)
    deadline = time.monotonic() + 60
    walked: set[str] = set()
    while walked != own:
        assert time.monotonic() < deadline, f"only {walked} of {own}"
        system = page.request.get("/api/v1/system").json()
        walks = {each["gateway"]["slug"]: each["canary"] for each in system["gateways"]}
        walked = {slug for slug, walk in walks.items() if walk and walk["told_s"] is not None}
        time.sleep(0.2)
    for slug in own:
        assert 0 < walks[slug]["stored_s"] <= walks[slug]["told_s"] < 60
    assert page.request.get("/api/v1/alerts").json() == []
    page.goto("/system")
    expect(page.get_by_text("全程自检（网关到屏幕）")).to_be_visible()
