"""Specs are validated and tests collected with these modules: they must not load what computes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from qaml.data import DATASETS, DatasetPart
from tests.data import own

HEAVY = {
    "numpy",
    "polars",
    "safetensors",
    "PIL",
    "sklearn",
    "scipy",
    "torch",
    "urllib3",
    "requests",
    "rich",
    "filelock",
    "platformdirs",
}
DESCRIBE = """
import json, sys
from qaml.data import DatasetPart
part = DatasetPart.model_validate(json.loads(sys.argv[1]))
part.info, part.checksums(), part.model_json_schema()
print(" ".join(sys.modules))
"""


def required(kind: str) -> Mapping[str, Any]:
    """Fields of a kind that has no defaults for them."""
    return own.EXAMPLES.get(kind, [{}])[0]


@pytest.mark.parametrize("kind", DATASETS.kinds())
def test_describing_imports_nothing_heavy(kind: str) -> None:
    first = '{"kind": "normalise", "bounds": [-1, 1]}'
    rest = '{"kind": "binarise", "threshold": 0}, {"kind": "subset", "train": 5}'
    fields = "".join(f", {json.dumps(name)}: {json.dumps(value)}" for name, value in required(kind).items())
    spec = f'{{"kind": "{kind}", "transforms": [{first}, {rest}]{fields}}}'
    loaded = subprocess.run(
        [sys.executable, "-c", DESCRIBE, spec], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "pydantic" in loaded
    assert not HEAVY & set(loaded)


@pytest.mark.parametrize("kind", DATASETS.kinds())
def test_a_dataset_describes_itself(kind: str) -> None:
    part = DatasetPart.model_validate({"kind": kind, **required(kind)})
    assert part.kind == kind
    assert part.info == part.describe()
    assert part.info.bounds.low < part.info.bounds.high
    assert part.checksums()
    assert DatasetPart.model_validate_json(part.model_dump_json(serialize_as_any=True)) == part
    fields = type(part).model_fields
    assert all(field.description for name, field in fields.items() if name != "kind")
