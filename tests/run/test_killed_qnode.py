"""The training of a QNode, killed at random points of time and resumed, leaves the files of one left in peace."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests import warm
from tests.campaign.whole import drawn

ROOT = Path(__file__).parents[2]
DEVICES = ("default.qubit", "lightning.qubit")


def test_resumed_equals_uninterrupted(tmp_path: Path) -> None:
    kills = drawn(2, 25)
    arguments = ["-m", "tests.run.kill_qnode", str(tmp_path), "18", str(kills), *DEVICES]
    done = warm.run(arguments, tmp_path, {**os.environ, "PYTHONPATH": str(ROOT)})  # where 'tests' is
    assert done.returncode == 0, done.stderr
    every = [json.loads(line) for line in done.stdout.splitlines()]
    assert tuple(found["device"] for found in every) == DEVICES
    for found in every:
        assert (found["differing"], found["left"], len(found["delays"])) == ([], [], kills), found
        assert any(epoch != "0" for epochs in found["from"] for epoch in epochs), found
