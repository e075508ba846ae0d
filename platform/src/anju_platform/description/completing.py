"""Completing what FastAPI knows of the API: summaries, problems, security and examples.

What it knows comes from the code, so it is never out of date; what is added here is in one form
for all endpoints. A test walks the result and fails on whatever is missing.
"""

from collections.abc import Iterator
from typing import Any

from fastapi.routing import APIRoute

from anju_platform.auth.dependencies import COOKIE, CSRF_HEADER
from anju_platform.description.examples import Examples
from anju_platform.description.words import PARAMETERS, TAGS
from anju_platform.problems import MEDIA_TYPE

Json = dict[str, Any]

_METHODS = ("get", "put", "post", "delete", "patch")
_SAFE = ("get",)
_PROBLEM = {"schema": {"$ref": "#/components/schemas/Problem"}}
_SESSION, _CSRF, _GATEWAY, _PROGRAM = "session", "csrf", "gateway", "program"
_SCHEMES = {
    _SESSION: {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "A person's log-in, as `POST /api/v1/session` sets it.",
    },
    _CSRF: {
        "type": "apiKey",
        "in": "header",
        "name": CSRF_HEADER,
        "description": "The log-in's `csrf`, as `GET /api/v1/session` gives it:"
        " asked for beside the cookie wherever something is changed.",
    },
    _PROGRAM: {"type": "http", "scheme": "bearer", "description": "A program's token."},
    _GATEWAY: {"type": "http", "scheme": "bearer", "description": "A gateway's secret."},
}
_NAMED = {"APIKeyCookie": _SESSION, "HTTPBearer": _GATEWAY, "program": _PROGRAM}
"""What FastAPI calls them, and what we do."""


def operation_id(route: APIRoute) -> str:
    """Name an operation after its part and its function; programs are made from these names."""
    return f"{route.tags[0]}_{route.name}" if route.tags else route.name


def complete(described: Json) -> Json:
    """Complete a description, in place; gives it."""
    components = described["components"]
    schemes = components.get("securitySchemes", {})
    unknown = schemes.keys() - _NAMED.keys()
    components["securitySchemes"] = _SCHEMES | {name: schemes[name] for name in sorted(unknown)}
    examples = Examples(components["schemas"])
    for name, schema in components["schemas"].items():
        schema["examples"] = [examples.of_schema(name)]
    used = set()
    for method, operation in operations(described):
        used.update(operation["tags"])
        _say_in_words(operation)
        _secure(method, operation)
        _say_what_is_refused(operation)
        for parameter in operation.get("parameters", ()):
            _describe(parameter, examples)
        for media in _media(operation):
            _exemplify(media, examples)
    described["tags"] = [{"name": name, "description": TAGS[name]} for name in sorted(used)]
    return described


def operations(described: Json) -> Iterator[tuple[str, Json]]:
    """Give all operations with their methods: what we serve, and what we post to others."""
    for paths in (described["paths"], described.get("webhooks", {})):
        for path in paths.values():
            for method in _METHODS:
                if method in path:
                    yield method, path[method]


def _say_in_words(operation: Json) -> None:
    """Make a summary of the docstring's first line; the whole of it describes."""
    said = operation.get("description", "")
    operation["summary"] = said.partition("\n")[0].rstrip(".").replace("``", "`")
    operation["description"] = said.replace("``", "`")


def _secure(method: str, operation: Json) -> None:
    known = [
        {_NAMED.get(name, name): scopes for name, scopes in each.items()}
        for each in operation.pop("security", ())
    ]
    for each in known:
        if _SESSION in each and method not in _SAFE:
            each[_CSRF] = []
    operation["security"] = known


def _say_what_is_refused(operation: Json) -> None:
    responses = operation["responses"]
    for status, response in responses.items():
        if status in {"4XX", "5XX"}:
            said = "what was asked is wrong" if status == "4XX" else "it failed on our side"
            response["description"] = f"A problem (RFC 9457): {said}."
            response["content"] = {MEDIA_TYPE: _PROBLEM}
        elif response["description"] == "Successful Response":
            response["description"] = "It is done."


def _describe(parameter: Json, examples: Examples) -> None:
    name = parameter["name"]
    parameter.setdefault("description", PARAMETERS.get(name, ""))
    parameter["example"] = examples.of(parameter["schema"], "Parameter", name)


def _media(operation: Json) -> Iterator[Json]:
    parts = [operation.get("requestBody", {}), *operation["responses"].values()]
    for part in parts:
        yield from part.get("content", {}).values()


def _exemplify(media: Json, examples: Examples) -> None:
    """Give an example, unless the schema that is referred to has one."""
    schema = media.setdefault("schema", {"type": "string"})
    if "$ref" not in schema and "example" not in media:
        media["example"] = examples.of(schema, "Answer", "answer")
