"""The JSON Schema of specs, with which an editor completes and explains fields. Covers the built-in kinds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from inspect import getdoc
from typing import Any, Final, Literal

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from qaml.attacks.base import ATTACKS
from qaml.claims.base import CLAIMS, Cell, ReportedTable
from qaml.claims.detectors.base import DETECTORS
from qaml.data.base import DATASETS, TRANSFORMS
from qaml.defences.base import DEFENCES
from qaml.findings import FINDINGS
from qaml.models.base import MODELS
from qaml.models.circuit.blocks import Block
from qaml.models.kernel_svm.kernels import KERNELS
from qaml.quantum.channels import CHANNELS
from qaml.registry import Part, Registry
from qaml.samplers.base import SAMPLERS
from qaml.spec.claims import ClaimFields
from qaml.spec.document import SLUG
from qaml.spec.entries import Derivation, ModelFields
from qaml.spec.expectations import ExpectationRule
from qaml.spec.merge import OVERRIDABLE
from qaml.spec.suite import Account, Citation, Diagnostics, Evaluation
from qaml.types import Settings
from qaml.vocab import PROFILES, VERDICTS

Schema = dict[str, Any]

_REGISTRIES: Final[tuple[Registry[Any], ...]] = (
    *(DATASETS, TRANSFORMS, CHANNELS, SAMPLERS, KERNELS),
    *(MODELS, DEFENCES, ATTACKS, DETECTORS, CLAIMS),
)
_SETTINGS: Final[tuple[type[Settings], ...]] = (
    *(Citation, Evaluation, Diagnostics, Account, ReportedTable, Cell),
    *(ModelFields, Derivation, ClaimFields, ExpectationRule),
)
_PLACEHOLDER: Final[Schema] = {"type": "string", "pattern": r"^\{[a-z][a-z0-9_-]*\}$"}
_NAME: Final[Schema] = {"type": "string", "pattern": f"^{SLUG.pattern}$"}
_VALUE: Final[Schema] = {"type": ["string", "number"]}
_FAMILY: Final = "x-family"
_EXTENDS: Final[Schema] = {
    "type": "string",
    "description": "An entry of the same section that this one is merged over.",
}


def json_schema() -> Schema:
    """The schema of a whole spec file, as JSON Schema 2020-12."""
    parts = {each: [each.load(kind) for kind in each.builtin_kinds()] for each in _REGISTRIES}  # no other package's
    classes = [*_SETTINGS, *Block.members(), *(part for members in parts.values() for part in members)]
    named: list[tuple[type[Settings], Literal["validation"]]] = [(cls, "validation") for cls in classes]
    names, generated = models_json_schema(named, schema_generator=_Generator)
    definitions: Schema = _tidied(generated["$defs"])
    ref = {cls: names[cls, "validation"]["$ref"].rpartition("/")[2] for cls in classes}
    for registry, members in parts.items():
        for part in members:
            _require(definitions[ref[part]], "kind")
        definitions[registry.base_class.__name__] = _any(_ref(ref[part]) for part in members)
    definitions[Block.__name__] = _any(_ref(ref[block]) for block in Block.members()) | {"description": getdoc(Block)}
    definitions[ref[ExpectationRule]]["properties"]["findings"]["items"]["enum"] = list(FINDINGS)
    _allow_placeholders(definitions, [ref[part] for part in parts[CLAIMS]])
    definitions |= _entries(definitions, {part: ref[part] for part in (*parts[MODELS], *parts[CLAIMS])}, parts)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A qaml suite",
        **_object(_sections(), required=("suite", "claims")),
        "$defs": dict(sorted(definitions.items())),
    }


def _sections() -> Schema:
    return {
        "suite": {**_NAME, "description": "Unique among specs; the first half of test ids."},
        "title": {"type": "string"},
        "source": _ref("Citation"),
        "summary": {"type": "string", "description": "For the report; {claim-id} is filled in with its numbers."},
        "evaluation": _ref("Evaluation"),
        "diagnostics": _ref("Diagnostics"),
        "devices": {
            "type": "object",
            "additionalProperties": _ref("Account"),
            "description": "What may be spent on each PennyLane device, by its name.",
        },
        "datasets": _table(_any([_ref("DatasetPart"), _ref("Extending")])),
        "models": _table(_any([_ref("Model"), _ref("Extending"), _ref("Deriving")])),
        "attacks": _table(_any([_ref("AttackPart"), _ref("Extending")])),
        "detectors": _table(_any([_ref("DetectorPart"), _ref("Extending")])),
        "reported": {**_table(_ref("ReportedTable")), "description": "The paper's tables."},
        "assumed": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "What the paper does not state and we chose, by dotted path or free key.",
        },
        "claims": {"type": "array", "items": _ref("Claim"), "minItems": 1},
        "profiles": _object({name: _any([_overrides(), {"type": "null"}]) for name in PROFILES}),
    }


def _overrides() -> Schema:
    entries = {"type": "object", "additionalProperties": {"type": "object"}}
    sections: Schema = dict.fromkeys(OVERRIDABLE, entries)
    sections |= {"evaluation": _ref("Evaluation"), "diagnostics": _ref("Diagnostics")}
    skip = {"type": "boolean", "description": "Leave this claim out at this profile."}
    claim = {"type": "object", "properties": {"skip": skip}}
    return _object(sections | {"claims": {"type": "object", "additionalProperties": claim}})


def _entries(
    definitions: Schema, ref: Mapping[type[Part], str], parts: Mapping[Registry[Any], list[type[Part]]]
) -> Schema:
    """Definitions of models and claims as a suite writes them: a kind's fields and the shared ones together."""
    shared_claim = deepcopy(definitions["ClaimFields"])
    shared_claim["properties"] |= {"for": _sweep(), "expected": _expected()}
    made: Schema = {}
    for family, members, shared in (
        ("Model", parts[MODELS], definitions["ModelFields"]),
        ("Claim", parts[CLAIMS], shared_claim),
    ):
        made |= {f"{family}.{ref[part]}": _combined(definitions[ref[part]], shared) for part in members}
        made[family] = _any(_ref(f"{family}.{ref[part]}") for part in members)
    made["Deriving"] = _object({"derive": _ref("Derivation")}, required=("derive",))
    made["Extending"] = {"type": "object", "properties": {"extends": _EXTENDS}, "required": ["extends"]}
    return made


def _combined(part: Schema, shared: Schema) -> Schema:
    both = deepcopy(part)
    both["properties"] = deepcopy(shared["properties"]) | both["properties"]
    _require(both, *shared.get("required", ()))
    return both


def _sweep() -> Schema:
    values = {"type": "array", "items": _VALUE, "minItems": 1, "uniqueItems": True}
    return {
        "type": "object",
        "additionalProperties": values,
        "minProperties": 1,
        "description": "Name → values; the claim is repeated for every combination, with {name} filled in.",
    }


def _expected() -> Schema:
    rule = _ref("ExpectationRule")
    verdict = {"enum": list(VERDICTS)}
    return _any([verdict, rule, {"type": "array", "items": rule}]) | {
        "description": "The verdict expected, by profile and combination; default: supported."
    }


def _allow_placeholders(definitions: Schema, claims: list[str]) -> None:
    """Fields of claims other than texts may be a placeholder of ``for``."""
    definitions["Placeholder"] = _PLACEHOLDER
    cells = [name for name in definitions if name.endswith("Cell")]
    for name in {*claims, *cells}:
        for field, schema in definitions[name].get("properties", {}).items():
            if field != "kind" and schema.get("type") not in ("string", "array"):
                description = {"description": schema.pop("description")} if "description" in schema else {}
                definitions[name]["properties"][field] = _any([schema, _ref("Placeholder")]) | description


def _require(schema: Schema, *fields: str) -> None:
    schema["required"] = list(dict.fromkeys((*fields, *schema.get("required", ()))))


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _any(schemas: Iterable[Schema]) -> Schema:
    return {"anyOf": list(schemas)}


def _table(entry: Schema) -> Schema:
    return {"type": "object", "propertyNames": _NAME, "additionalProperties": entry}


def _object(properties: Schema, required: tuple[str, ...] = ()) -> Schema:
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | ({"required": list(required)} if required else {})


class _Generator(GenerateJsonSchema):
    """Writes a family's base class as the family's name, which ``_tidied`` turns into a reference to all its kinds."""

    def function_wrap_schema(self, schema: core_schema.WrapValidatorFunctionSchema) -> JsonSchemaValue:
        """The family's name for a family's base class, and that of blocks."""
        family = next((inner["cls"] for inner in _inside(schema) if "cls" in inner), None)
        if isinstance(family, type) and issubclass(family, Part | Block):
            return {_FAMILY: family.__name__}
        return super().function_wrap_schema(schema)

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        """The schema of a list that also accepts a single value, which a validator turns into a list of one."""
        inner = super().function_before_schema(schema)
        return _any([inner["items"], inner]) if inner.get("type") == "array" and "items" in inner else inner


def _inside(schema: Any) -> Iterator[Any]:
    """A core schema and those that its validators wrap, from the outside."""
    while isinstance(schema, dict):
        yield schema
        schema = schema.get("schema")


def _tidied(schema: Any) -> Any:
    """The schema without the titles that repeat names, and with references to families."""
    if isinstance(schema, list):
        return [_tidied(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    tidy = {key: _tidied(value) for key, value in schema.items() if not (key == "title" and isinstance(value, str))}
    family = tidy.pop(_FAMILY, None)
    return tidy if family is None else _ref(family) | tidy
