"""The committed JSON Schema is the code's, accepts every valid spec, and refuses what it can know to be wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qaml.attacks.base import ATTACKS
from qaml.claims.base import CLAIMS
from qaml.claims.detectors.base import DETECTORS
from qaml.data.base import DATASETS, TRANSFORMS
from qaml.defences.base import DEFENCES
from qaml.models.base import MODELS
from qaml.models.kernel_svm.kernels import KERNELS
from qaml.quantum.channels import CHANNELS
from qaml.samplers.base import SAMPLERS
from qaml.spec.problems import Problems
from qaml.spec.reader import read
from qaml.spec.schema import json_schema
from tests.spec.schema_validator import errors

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "specs" / "schema" / "suite.json"
SPECS = [*sorted((ROOT / "specs").glob("*.yaml")), *sorted((ROOT / "tests" / "specs" / "valid").glob("*.yaml"))]
FIRST_LINE = "# yaml-language-server: $schema=schema/suite.json"


def test_committed_schema_is_the_codes() -> None:
    assert json.loads(COMMITTED.read_text("utf-8")) == json_schema(), (
        "run: qaml schema > specs/schema/suite.json, and commit it"
    )


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_schema_accepts_valid_specs(path: Path) -> None:
    text = path.read_text("utf-8")
    plain = read(text, Problems(path.name, text.split("\n"))).plain()
    schema = json_schema()
    assert errors(plain, schema, schema) == []


@pytest.mark.parametrize("path", sorted((ROOT / "specs").glob("*.yaml")), ids=lambda path: path.stem)
def test_first_line_names_the_schema(path: Path) -> None:
    assert path.read_text("utf-8").split("\n")[0] == FIRST_LINE


@pytest.mark.parametrize(
    "registry", [DATASETS, TRANSFORMS, CHANNELS, SAMPLERS, KERNELS, MODELS, DEFENCES, ATTACKS, DETECTORS, CLAIMS]
)
def test_every_kind_can_be_chosen(registry: Any) -> None:
    definitions = json_schema()["$defs"]
    options = [option["$ref"].rpartition("/")[2] for option in definitions[registry.base_class.__name__]["anyOf"]]
    offered = {definitions[name]["properties"]["kind"]["const"] for name in options}
    assert offered == {kind for kind in registry.kinds() if "/" not in kind}


def _unlimited(node: Any, path: str = "") -> Iterator[str]:
    if isinstance(node, dict):
        if node.get("type") == "integer" and not node.keys() & {"maximum", "exclusiveMaximum"}:
            yield path
        for name, child in node.items():
            yield from _unlimited(child, f"{path}.{name}" if name not in ("properties", "anyOf", "items") else path)
    elif isinstance(node, list):
        for child in node:
            yield from _unlimited(child, path)


def test_every_whole_number_has_a_limit() -> None:
    """A number of a stranger's must not become a loop, an array or a plan without end."""
    compared_only = {".ExpectationRule.when", ".SelectClasses.classes", ".TorchModule.arguments"}
    found = {path.removesuffix(".additionalProperties") for path in _unlimited(json_schema()["$defs"])}
    assert {path for path in found if "Model.TorchModule" not in path} <= compared_only


def test_every_field_of_a_kind_is_explained() -> None:
    definitions = json_schema()["$defs"]
    silent = [
        f"{name}.{field}"
        for name, definition in definitions.items()
        for field, schema in definition.get("properties", {}).items()
        if "description" not in schema and field not in ("kind", "derive")
    ]
    assert silent == []


@pytest.mark.parametrize(
    ("section", "value"),
    [
        ("attacks", {"fgsm": {"kind": "fgsm", "epsilno": 0.1}}),
        ("attacks", {"fgsm": {"kind": "fgsmm", "epsilon": 0.1}}),
        ("models", {"rbm": {"kind": "rbm"}}),
        ("models", {"rbm": {"kind": "rbm", "dataset": "d", "negative_phase": {"kind": "pdc"}}}),
        ("models", {"Rbm": {"kind": "rbm", "dataset": "d"}}),
        ("claims", []),
        ("claims", [{"id": "a", "statement": "b", "kind": "bound", "of": {"model": "m", "epsilon": True}}]),
        ("profiles", {"fast": {}}),
        ("modles", {}),
    ],
)
def test_schema_refuses(section: str, value: object) -> None:
    claim = {"id": "a", "statement": "b", "kind": "bound", "metric": "clean_accuracy", "of": {"model": "m"}}
    schema = json_schema()
    good = {"suite": "x", "claims": [claim]}
    assert errors(good, schema, schema) == []
    assert errors({**good, section: value}, schema, schema) != []
