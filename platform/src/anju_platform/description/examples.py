"""Examples, composed: each field has one everywhere, so that they fit together (:mod:`.words`)."""

from typing import Any

from anju_platform.description.words import WORDS

Json = dict[str, Any]

_MOMENT, _DAY, _ID = "2026-03-01T02:14:05Z", "2026-03-01", "0195509c-7c38-7a64-9b2e-1f0c5f6e4d21"
_OF_FORMAT = {"date-time": _MOMENT, "date": _DAY, "uuid": _ID}
_NULL = {"type": "null"}


class Examples:
    """Composes examples of schemas; ``missing`` names the fields of which nothing is known."""

    def __init__(self, schemas: Json) -> None:
        self._schemas = schemas
        self.missing: set[str] = set()

    def of_schema(self, name: str) -> Any:
        """Compose the example of a named schema."""
        return self.of(self._schemas[name], name, name)

    def of(self, schema: Json, owner: str, field: str) -> Any:
        """Compose the example of a schema that stands for a field of another."""
        for known in (f"{owner}.{field}", field):
            if known in WORDS and self._fits(schema, WORDS[known]):
                return WORDS[known]
        if "$ref" in schema:
            return self.of_schema(schema["$ref"].rpartition("/")[2])
        for key in ("anyOf", "oneOf", "allOf"):
            if key in schema:
                return self.of(next(s for s in schema[key] if s != _NULL), owner, field)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][0]
        return self._of_type(schema, owner, field)

    def _of_type(self, schema: Json, owner: str, field: str) -> Any:
        match schema.get("type"):
            case "object":
                return self._object(schema, owner, field)
            case "array":
                items = schema.get("prefixItems") or [schema.get("items", {})]
                return [self.of(item, owner, field) for item in items]
            case "string":
                return self._text(schema, owner, field)
            case "integer" | "number":
                return max(schema.get("minimum", 1), min(1, schema.get("maximum", 1)))
            case "boolean":
                return bool(schema.get("default", False))
            case _:
                return {}

    def _object(self, schema: Json, owner: str, field: str) -> Json:
        made = {
            name: self.of(part, owner, name) for name, part in schema.get("properties", {}).items()
        }
        values = schema.get("additionalProperties")
        if not made and isinstance(values, dict):
            return {"1": self.of(values, owner, field)}
        return made

    def _text(self, schema: Json, owner: str, field: str) -> str:
        known = _OF_FORMAT.get(schema.get("format", ""))
        if known is None:
            self.missing.add(f"{owner}.{field}")
        return known or field

    def _fits(self, schema: Json, value: Any) -> bool:
        """Tell whether a word is of a schema's type: a name may be of a list and of its items."""
        if "$ref" in schema:
            schema = self._schemas[schema["$ref"].rpartition("/")[2]]
        if "enum" in schema or "const" in schema:
            return value in schema.get("enum", [schema.get("const")])
        parts = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
        if parts:
            return any(self._fits(part, value) for part in parts)
        types = {"string": str, "boolean": bool, "array": list, "object": dict}
        kind = schema.get("type")
        if kind in {"integer", "number"}:
            return isinstance(value, int | float) and not isinstance(value, bool)
        return kind in types and isinstance(value, types[kind])
