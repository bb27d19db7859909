"""The kernel on processors with narrower registers, or without fused multiplication and addition."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from llvmlite.binding import get_host_cpu_features

from tests.quantum.layered.test_kernel import NARROW, ROOT

CODE = """
from tests.quantum.vector.test_network import assert_follows, filled, reuploading
for n_wires in (2, 7):
    circuit = reuploading(n_wires, 2)
    assert_follows(circuit, list(filled(circuit, 19)))
"""


@pytest.mark.slow
@pytest.mark.skipif("fma" not in get_host_cpu_features(), reason="no such processor can be imitated here")
def test_narrower_registers_without_fusion_follow_the_torch_path(tmp_path: Path) -> None:
    features = NARROW.replace(",+fma", ",-fma")
    narrow = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": features, "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=ROOT, env=os.environ | narrow, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
