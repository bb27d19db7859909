"""The draws of the three papers stay what they were: a step's seed depends on its parameters alone, not on the code.

``python -m tests.plan.test_seeds`` records them anew, where a suite was changed on purpose.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import get_args

import pytest

from qaml.plan.plan import make_plan
from qaml.spec.load import load_suite
from qaml.vocab import ProfileName

RECORD = Path(__file__).with_name("seeds.json")
SPECS = Path(__file__).parents[2] / "specs"


def seeds_of(suite: str, profile: ProfileName) -> dict[str, str]:
    """Kind of step → how many there are, and a digest of their seeds; judging draws nothing."""
    loaded = load_suite(SPECS / f"{suite}.yaml", profile)
    found: dict[str, set[int]] = {}
    for step in make_plan((loaded, entry) for entry in loaded.claims).steps.values():
        found.setdefault(step.kind, set()).add(step.seed)
    kinds = sorted(found.keys() - {"judge"})
    return {kind: f"{len(found[kind])} {_digest(found[kind])}" for kind in kinds}


def _digest(seeds: set[int]) -> str:
    return hashlib.sha256(json.dumps(sorted(seeds)).encode()).hexdigest()[:16]


def _suites() -> list[str]:
    return sorted(path.stem for path in SPECS.glob("*.yaml"))


@pytest.mark.parametrize("profile", get_args(ProfileName))
@pytest.mark.parametrize("suite", _suites())
def test_seeds_are_as_recorded(suite: str, profile: ProfileName) -> None:
    assert seeds_of(suite, profile) == json.loads(RECORD.read_text())[suite][profile]


if __name__ == "__main__":
    made = {suite: {profile: seeds_of(suite, profile) for profile in get_args(ProfileName)} for suite in _suites()}
    RECORD.write_text(json.dumps(made, indent=1) + "\n")
