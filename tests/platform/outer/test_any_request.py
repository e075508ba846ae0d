"""Whatever is asked of any endpoint, nothing fails here: requests made up from the description."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import SearchStrategy
from outer_site import Site, Web
from schemathesis.generation.modes import GenerationMode

from anju_platform.api import describe

LogIn = Callable[..., httpx.Client]

ENDLESS = {"/api/v1/stream"}
"""It answers for ever (``test_feed.py``)."""
LEAVES = {("DELETE", "/api/v1/session"), ("DELETE", "/api/v1/me/logins")}
"""They end the log-in that asks."""
EXAMPLES = 10
"""Of each endpoint and kind; all of them are some hundred."""

SCHEMA = schemathesis.openapi.from_dict(json.loads(describe()))


def _asked(
    url: str, client: httpx.Client, answers: list[tuple[int, str]], case: schemathesis.Case
) -> None:
    """Ask, and note how it was answered."""
    if "gateway" not in case.path:  # a made-up token beside the cookie would end every request
        case.headers.pop("Authorization", None)
    answer = case.call(base_url=url, headers=dict(client.headers), cookies=dict(client.cookies))
    answers.append((answer.status_code, f"{answer.status_code} {case.as_curl_command()}"))


def _whatever(cases: SearchStrategy[Any], ask: Callable[[Any], None]) -> None:
    """Let hypothesis make requests up."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def go(case: Any) -> None:
        ask(case)

    with suppress(Unsatisfiable):  # nothing of it can be wrong: it takes nothing
        go()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("role", ["admin", "family"])
def test_no_request_is_a_failure_of_ours(
    site: Site, web: Web, log_in: LogIn, role: str, mode: GenerationMode
) -> None:
    site.alert()
    client = log_in(role)
    failed: dict[str, str] = {}
    asked = 0
    for found in SCHEMA.get_all_operations():
        operation = found.ok()
        name = f"{operation.method.upper()} {operation.path}"
        if operation.path in ENDLESS or tuple(name.split()) in LEAVES:
            continue

        ask = partial(_asked, web.url, client, answers := [])
        _whatever(operation.as_strategy(generation_mode=mode), ask)
        asked += len(answers)
        wrong = [said for status, said in answers if status >= 500]
        if wrong:
            failed[name] = wrong[0]
    assert failed == {}
    assert asked > 300
