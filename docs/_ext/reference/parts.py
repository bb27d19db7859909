"""Every kind of every family with its fields, and the settings that they share, from the JSON Schema of specs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from inspect import getdoc
from typing import Any, Final, NamedTuple

from qaml.metrics.table import METRICS, metric
from qaml.spec.schema import json_schema
from reference.markdown import anchor, code, page, prose, table

Schema = dict[str, Any]


class _Family(NamedTuple):
    """A section of the page.

    Attributes:
        title: its heading.
        base: the family's base class, as the schema calls it.
        about: where such parts are written in a spec.
    """

    title: str
    base: str
    about: str


_FAMILIES: Final = (
    _Family("Datasets", "DatasetPart", "Entries of `datasets`. [Where the data come from](../data.md)."),
    _Family("Transforms", "TransformPart", "In `transforms` of a dataset, applied in order."),
    _Family(
        "Models",
        "ModelPart",
        "Entries of `models`, with the fields of [every model](#every-model) beside their own. "
        "[What they are](../models.md).",
    ),
    _Family("Samplers", "SamplerPart", "`negative_phase` of an `rbm`."),
    _Family("Kernels", "KernelPart", "`kernel` of a `kernel_svm`."),
    _Family("Channels", "ChannelPart", "Noise of circuits, in `noise` of `inference` and in `channels` of a model."),
    _Family(
        "Defences",
        "DefencePart",
        "In `defences` of a model, applied in order. [How they differ](../models.md#defences).",
    ),
    _Family("Attacks", "AttackPart", "Entries of `attacks`."),
    _Family("Detectors", "DetectorPart", "Entries of `detectors`. [What they flag](../spec.md#detectors)."),
    _Family(
        "Claims",
        "ClaimPart",
        "Entries of `claims`, with the fields of [every claim](#every-claim) beside their own. A field that is not a "
        'text may be a placeholder of `for`, such as `"{epsilon}"`. [How each is decided](../judging.md#rules).',
    ),
)
_SHARED: Final = {
    "Citation": "Source",
    "Evaluation": "Evaluation",
    "Diagnostics": "Diagnostics",
    "ReportedTable": "Reported table",
    "ModelFields": "Every model",
    "Derivation": "Derive",
    "ClaimFields": "Every claim",
    "ExpectationRule": "Expected",
}
_METRICS: Final = "Metrics"
_BOUNDS: Final = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def parts_page() -> str:
    """The page, with families of parts, then the settings that they hold or share."""
    return _Page(json_schema()["$defs"]).text()


class _Page:
    """The heading of each definition of the schema, so that types can link to it."""

    def __init__(self, definitions: Schema) -> None:
        self._definitions = definitions
        self._kinds = {family: [_name(each) for each in definitions[family.base]["anyOf"]] for family in _FAMILIES}
        self._headings = {family.base: family.title for family in _FAMILIES} | _SHARED
        for family, names in self._kinds.items():
            for name in names:
                kind = definitions[name]["properties"]["kind"]["const"]
                is_ambiguous = kind in self._headings.values() or kind == family.title.lower()
                self._headings[name] = f"{kind} ({family.title.lower()})" if is_ambiguous else kind
        self._nested = [name for name in self._referenced() if name not in self._headings]
        self._headings |= {name: _words(name) for name in self._nested}

    def text(self) -> str:
        blocks = ["Every `kind` that qaml brings along. A field without a default is nothing where it is left out."]
        for family, names in self._kinds.items():
            blocks += [f"## {family.title}", family.about]
            blocks += [block for name in names for block in self._section(name)]
        blocks += ["## Settings", "What parts hold, and what the sections of a spec share."]
        blocks += [block for name in (*_SHARED, *self._nested) for block in self._section(name)]
        blocks += [f"## {_METRICS}", *_metrics()]
        return page("Parts and settings", *blocks)

    def _referenced(self) -> Iterator[str]:
        """Settings that fields point at, each once, in the order in which they appear."""
        roots = [*(name for names in self._kinds.values() for name in names), *_SHARED]
        found: dict[str, None] = {}
        while roots:
            name = roots.pop(0)
            for inner in _references([self._definitions[name].get(key) for key in ("properties", "anyOf")]):
                if inner not in found and inner != "Placeholder":
                    found[inner] = None
                    roots.append(inner)
        return iter(found)

    def _section(self, name: str) -> Iterator[str]:
        definition = self._definitions[name]
        yield f"### {self._headings[name]}"
        yield prose(definition.get("description", ""))
        if "anyOf" in definition:
            yield f"One of {', '.join(map(self._type, definition['anyOf']))}."
        required = definition.get("required", ())
        fields = ((n, schema) for n, schema in definition.get("properties", {}).items() if n != "kind")
        yield table(
            ("field", "type", "default", "says"),
            [
                (
                    code(field),
                    self._type(schema),
                    "*required*" if field in required else self._default(schema),
                    _says(schema),
                )
                for field, schema in fields
            ],
        )

    def _type(self, schema: Schema) -> str:
        if "$ref" in schema:
            heading = self._headings[_name(schema)]
            return f"[{heading}]({anchor(heading)})"
        if "anyOf" in schema:
            options = [self._type(option) for option in schema["anyOf"] if not _is_placeholder(option)]
            return " or ".join(dict.fromkeys(options))
        if "const" in schema:
            return code(_written(schema["const"]))
        if "enum" in schema:
            if schema["enum"] == METRICS.builtin_kinds():
                return f"[metric]({anchor(_METRICS)})"
            return ", ".join(code(str(value)) for value in schema["enum"])
        return self._plain(schema)

    def _plain(self, schema: Schema) -> str:
        match schema["type"]:
            case "null":
                return "nothing"
            case "array" if "prefixItems" in schema:
                return "[" + ", ".join(self._type(item) for item in schema["prefixItems"]) + "]"
            case "array":
                return f"list of {self._type(schema['items'])}"
            case "object":
                inner = schema.get("additionalProperties")
                return f"mapping to {self._type(inner)}" if isinstance(inner, dict) else "mapping"
            case list(names):
                return " or ".join(map(_scalar, names))
            case name:
                limits = [f"{sign} {schema[key]:,}" for key, sign in _BOUNDS.items() if key in schema]
                return " ".join((_scalar(name), ", ".join(limits))).strip()

    def _default(self, schema: Schema) -> str:
        """The default as a spec would write it; of a group of settings, only the differences from its own section."""
        found = next((each["default"] for each in _alternatives(schema) if "default" in each), None)
        if found is None or found == "":
            return ""
        if not isinstance(found, dict) or not found:
            return code(_written(found))
        own = self._own_defaults(schema, found.get("kind"))
        changed = {name: value for name, value in found.items() if name == "kind" or value != own.get(name)}
        return code(_written(changed)) if changed else "its defaults"

    def _own_defaults(self, schema: Schema, kind: str | None) -> Schema:
        """The defaults of a group of settings, or of the part of this kind."""
        name = next(iter(_references(schema)))
        options = [_name(option) for option in self._definitions[name].get("anyOf", ())] or [name]
        fields = [self._definitions[option]["properties"] for option in options]
        chosen = next(each for each in fields if kind is None or each["kind"]["const"] == kind)
        return {field: each.get("default") for field, each in chosen.items()}


def _metrics() -> Iterator[str]:
    yield (
        "What a cell measures. After a weak attack the truth may be lower for a metric that *falls* under a stronger "
        "one, and higher for one that *rises*; a *void* one then says nothing. [Their intervals](../statistics.md), "
        "[the rules](../judging.md), [a metric of your own](../howto/metric.md)."
    )
    known = [metric(name) for name in METRICS.builtin_kinds()]
    yield table(
        ("metric", "says", "unit", "under a stronger attack", "attacks", "budget"),
        [(code(m.kind), prose(getdoc(m) or ""), m.unit, m.direction, m.attacks, m.budget) for m in known],
    )


def _scalar(name: str) -> str:
    return {"string": "text", "boolean": "true or false"}.get(name, name)


def _written(value: Any) -> str:
    """A value as YAML's flow style writes it."""
    match value:
        case dict():
            return "{" + ", ".join(f"{name}: {_written(each)}" for name, each in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_written, value)) + "]"
        case float() if value != round(value, 4):
            return f"{value:.4g}"
        case str():
            return value
        case _:
            return json.dumps(value)


def _alternatives(schema: Schema) -> Iterator[Schema]:
    yield schema
    for option in schema.get("anyOf", ()):
        yield from _alternatives(option)


def _says(schema: Schema) -> str:
    return prose(schema.get("description", ""))


def _is_placeholder(schema: Schema) -> bool:
    return bool(schema.get("$ref", "").endswith("/Placeholder"))


def _name(reference: Schema) -> str:
    return str(reference["$ref"].rpartition("/")[2])


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, list):
        for item in schema:
            yield from _references(item)
    elif isinstance(schema, dict):
        if "$ref" in schema:
            yield _name(schema)
        for value in schema.values():
            yield from _references(value)


def _words(name: str) -> str:
    """``GivenChains`` → ``Given chains``."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: f" {found[1].lower()}", name)
