"""The API's description is complete: words, names that stay, examples that are what they say."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from anju_platform.api import describe
from anju_platform.description.completing import operations
from anju_platform.description.examples import Examples
from anju_platform.description.words import PARAMETERS, TAGS, WORDS

DESCRIBED = json.loads(describe())
SCHEMAS: dict[str, Any] = DESCRIBED["components"]["schemas"]
OPERATIONS = list(operations(DESCRIBED))
SESSION_LESS = {
    "session_log_in",
    "session_give_code",
    "gateway_put_snapshot",
    "notifications_take_one",
    "accounts_accept",
    "webhooks_alert",
    "probes_healthy",
    "probes_ready",
    "probes_metrics",
}


def faults(schema: dict[str, Any], value: Any) -> list[str]:
    """Say what is wrong with an example of a schema."""
    known = jsonschema_rs.validator_for({**schema, "components": DESCRIBED["components"]})
    return [f"{error.message} at {error.instance_path}" for error in known.iter_errors(value)]


def media(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    parts = {"body": operation.get("requestBody", {}), **operation["responses"]}
    for where, part in parts.items():
        for content in part.get("content", {}).values():
            yield f"{operation['operationId']} {where}", content


def test_every_endpoint_says_what_it_is_for() -> None:
    for _, operation in OPERATIONS:
        name = operation["operationId"]
        assert operation["summary"], name
        assert operation["description"].startswith(operation["summary"]), name
        assert operation["tags"], name
        assert len(operation["summary"]) < 100, name
    assert {tag["name"] for tag in DESCRIBED["tags"]} == TAGS.keys()
    assert all(tag["description"] for tag in DESCRIBED["tags"])


def test_every_endpoint_has_a_name_of_its_own_that_programs_can_use() -> None:
    names = Counter(operation["operationId"] for _, operation in OPERATIONS)
    assert [name for name, count in names.items() if count > 1] == []
    assert [name for name in names if not re.fullmatch(r"[a-z_]+", name)] == []
    assert {"alerts_acknowledge", "alerts_list_open", "webhooks_add_webhook"} <= names.keys()


def test_every_schema_and_parameter_is_described() -> None:
    assert [name for name, schema in SCHEMAS.items() if not schema.get("description")] == []
    silent = {
        f"{operation['operationId']} {parameter['name']}"
        for _, operation in OPERATIONS
        for parameter in operation.get("parameters", ())
        if not parameter["description"]
    }
    assert silent == set()


def test_every_example_is_one_of_its_schema() -> None:
    wrong = {}
    for name, schema in SCHEMAS.items():
        (example,) = schema["examples"]
        wrong[name] = faults({"$ref": f"#/components/schemas/{name}"}, example)
    for _, operation in OPERATIONS:
        for parameter in operation.get("parameters", ()):
            key = f"{operation['operationId']} {parameter['name']}"
            wrong[key] = faults(parameter["schema"], parameter["example"])
        for where, content in media(operation):
            if "$ref" not in content["schema"]:
                wrong[where] = faults(content["schema"], content["example"])
    assert {where: found for where, found in wrong.items() if found} == {}


def test_every_answer_has_an_example() -> None:
    for _, operation in OPERATIONS:
        for status, answer in operation["responses"].items():
            assert answer["description"], operation["operationId"]
            assert status == "204" or answer["content"], operation["operationId"]


def test_nothing_that_is_text_is_without_a_word() -> None:
    examples = Examples(SCHEMAS)
    for name in SCHEMAS:
        examples.of_schema(name)
    assert examples.missing == set()


def test_no_word_is_left_over() -> None:
    fields = {(name, field) for name, s in SCHEMAS.items() for field in s.get("properties", {})}
    asked = {p["name"] for _, o in OPERATIONS for p in o.get("parameters", ())}
    fields |= {("Parameter", name) for name in asked} | {("Answer", "answer")}
    known = {f"{owner}.{field}" for owner, field in fields} | {field for _, field in fields}
    assert WORDS.keys() - known == set()
    assert PARAMETERS.keys() - asked == set()


@pytest.mark.parametrize("status", ["4XX", "5XX"])
def test_every_endpoint_says_how_it_refuses(status: str) -> None:
    for path, methods in DESCRIBED["paths"].items():
        for operation in methods.values():
            (media_type,) = operation["responses"][status]["content"]
            assert media_type == "application/problem+json", path


def test_what_changes_something_asks_for_the_token_beside_the_cookie() -> None:
    schemes = DESCRIBED["components"]["securitySchemes"]
    assert schemes["session"]["in"] == "cookie"
    for method, operation in OPERATIONS:
        name = operation["operationId"]
        if name in SESSION_LESS:
            assert all("session" not in each for each in operation["security"]), name
            continue
        (needed,) = [each for each in operation["security"] if "session" in each]
        assert ("csrf" in needed) == (method != "get"), name
