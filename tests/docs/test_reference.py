"""The generated pages are the code's, and hold everything that can be named."""

from __future__ import annotations

import re
from typing import Any

import pytest
from reference.markdown import prose, table
from reference.pages import PAGES

from qaml.attacks.base import ATTACKS
from qaml.claims.base import CLAIMS
from qaml.claims.detectors.base import DETECTORS
from qaml.data.base import DATASETS, TRANSFORMS
from qaml.defences.base import DEFENCES
from qaml.doctor.faults import FAULTS
from qaml.findings import FINDINGS
from qaml.models.base import MODELS
from qaml.models.kernel_svm.kernels import KERNELS
from qaml.quantum.channels import CHANNELS
from qaml.samplers.base import SAMPLERS
from tests.docs.fences import DOCS, ROOT

REFERENCE = DOCS / "reference"
REGISTRIES: list[Any] = [
    DATASETS,
    TRANSFORMS,
    CHANNELS,
    SAMPLERS,
    KERNELS,
    MODELS,
    DEFENCES,
    ATTACKS,
    DETECTORS,
    CLAIMS,
]


@pytest.mark.parametrize("name", PAGES)
def test_committed_page_is_the_codes(name: str) -> None:
    committed = (REFERENCE / name).read_text("utf-8")
    assert committed == PAGES[name](), "run: make reference, and commit docs/reference"


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda registry: registry.family)
def test_every_kind_and_every_field_of_it_is_listed(registry: Any) -> None:
    text = (REFERENCE / "parts.md").read_text("utf-8")
    for kind in registry.kinds():
        sections = re.findall(rf"^### {kind}(?: \(\w+\))?\n(.*?)(?=^##)", text, re.MULTILINE | re.DOTALL)
        fields = {name for name in registry.load(kind).model_fields if name != "kind"}
        assert any(fields == set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) for section in sections), kind


def test_every_finding_is_listed() -> None:
    assert sorted(re.findall(r"^\| `(\w+)`", (REFERENCE / "findings.md").read_text("utf-8"), re.MULTILINE)) == sorted(
        FINDINGS
    )


def test_every_fault_of_the_doctor_is_listed() -> None:
    listed = re.findall(r"^\| `(\w+)`", (REFERENCE / "doctor.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(FAULTS)


def test_every_variable_of_the_environment_is_listed() -> None:
    text = (REFERENCE / "environment.md").read_text("utf-8")
    sources = "\n".join(path.read_text("utf-8") for path in (ROOT / "qaml").rglob("*.py"))
    named = set(re.findall(r"\"(QAML_[A-Z_]+)\"", sources))
    assert len(named) >= 4
    assert named <= set(re.findall(r"^\| `(\w+)`", text, re.MULTILINE))


def test_prose_keeps_code_and_disarms_the_rest() -> None:
    assert (
        prose("``a < b`` and 2**N <b>\nnext line\n\nnext paragraph")
        == "`a < b` and 2\\*\\*N \\<b>  next line".replace("  ", " ") + "\n\nnext paragraph"
    )
    assert table(("a", "b"), [("x|y", "two\nlines")]) == "| a | b |\n|---|---|\n| x\\|y | two lines |"
    assert table(("a", "b"), []) == ""
