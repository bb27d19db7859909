"""The part of JSON Schema that our schema uses, in its plainest form: a reference to check specs against."""

from __future__ import annotations

import re
from typing import Any

Schema = dict[str, Any]
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}
_UNDERSTOOD = {
    *("$ref", "$defs", "$schema", "title", "description", "default", "type", "const", "enum", "anyOf"),
    *("properties", "required", "additionalProperties", "propertyNames", "minProperties"),
    *("items", "prefixItems", "minItems", "maxItems", "uniqueItems"),
    *("minLength", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
}


def errors(value: Any, schema: Schema, root: Schema, path: str = "") -> list[str]:
    """What is wrong with a value; empty if the schema accepts it."""
    unknown = schema.keys() - _UNDERSTOOD
    assert not unknown, f"the validator does not know {unknown}"
    if "$ref" in schema:
        return errors(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root, path)
    if "anyOf" in schema:
        attempts = [errors(value, option, root, path) for option in schema["anyOf"]]
        return [] if any(not found for found in attempts) else [f"{path}: fits no alternative {attempts}"]
    return [*_plain(value, schema, path), *_object(value, schema, root, path), *_array(value, schema, root, path)]


def _plain(value: Any, schema: Schema, path: str) -> list[str]:
    found = []
    types = schema.get("type", [])
    names = [types] if isinstance(types, str) else types
    allowed = tuple(kind for name in names for kind in _TYPES[name])
    if names and (not isinstance(value, allowed) or (isinstance(value, bool) and "boolean" not in names)):
        found.append(f"{path}: {value!r} is not {names}")
    if "const" in schema and value != schema["const"]:
        found.append(f"{path}: {value!r} is not {schema['const']!r}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{path}: {value!r} is not in {schema['enum']}")
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{path}: {value!r} does not match {schema['pattern']}")
    if isinstance(value, int | float) and not isinstance(value, bool):
        limits = (
            value < schema.get("minimum", value),
            value > schema.get("maximum", value),
            "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"],
            "exclusiveMaximum" in schema and value >= schema["exclusiveMaximum"],
        )
        found.extend(f"{path}: {value} is outside" for outside in limits if outside)
    return found


def _object(value: Any, schema: Schema, root: Schema, path: str) -> list[str]:
    if not isinstance(value, dict):
        return []
    found = [f"{path}: lacks {name}" for name in schema.get("required", []) if name not in value]
    properties = schema.get("properties", {})
    others = schema.get("additionalProperties", True)
    for name, child in value.items():
        here = f"{path}.{name}"
        found.extend(errors(name, schema.get("propertyNames", {}), root, here))
        if name in properties:
            found.extend(errors(child, properties[name], root, here))
        elif others is False:
            found.append(f"{here}: unknown")
        elif others is not True:
            found.extend(errors(child, others, root, here))
    return found


def _array(value: Any, schema: Schema, root: Schema, path: str) -> list[str]:
    if not isinstance(value, list):
        return []
    found = [f"{path}: too short"] if len(value) < schema.get("minItems", 0) else []
    prefix = schema.get("prefixItems", [])
    for index, item in enumerate(value):
        child = prefix[index] if index < len(prefix) else schema.get("items", {})
        found.extend(errors(item, child, root, f"{path}[{index}]"))
    return found
