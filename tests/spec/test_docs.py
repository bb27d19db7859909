"""What docs/spec.md shows is what happens."""

from __future__ import annotations

import re

import pytest

from qaml.errors import SpecError
from qaml.spec.load import load_text
from tests.spec.cases import ROOT

BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", (ROOT / "docs" / "spec.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
EXAMPLE, COMPLAINT = BLOCKS[0][1], BLOCKS[1][1]


def test_the_example_is_refused_as_shown() -> None:
    with pytest.raises(SpecError) as caught:
        load_text(EXAMPLE, "example.yaml", "quick")
    assert str(caught.value) + "\n" == COMPLAINT


def test_the_example_loads_once_repaired() -> None:
    suite = load_text(EXAMPLE.replace("0.1, 8/255]", "0.1]"), "example.yaml", "quick")
    assert [claim.id for claim in suite.claims] == ["rbm-beats-linear-under-fgsm"]
