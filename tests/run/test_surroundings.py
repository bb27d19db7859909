"""One thread for a step, whatever the settings around it, which whoever else runs in the process finds again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import product

import pytest

from tests.campaign.whole import WHOLE

ASKED = """
import json, os, sys
{before}
from threadpoolctl import threadpool_info
from qaml.run.surroundings import one_thread

def threads():
    pools = {{each["filepath"]: each["num_threads"] for each in threadpool_info()}}
    if "torch" in sys.modules:
        pools["torch"] = sys.modules["torch"].get_num_threads()
    return pools, os.environ.get("OMP_NUM_THREADS"), os.environ.get("OPENBLAS_NUM_THREADS")

outside = threads()
try:
    with one_thread():
        import numpy, scipy.linalg, torch
        torch.ones(9) @ torch.ones(9)
        inside = threads()
        raise KeyError
except KeyError:
    after = threads()
json.dump([outside, inside, after], sys.stdout)
"""


TORCH = "import numpy, torch; torch.set_num_threads(3)"
BETWEEN = "from qaml.run.surroundings import one_thread\nwith one_thread(): pass\nimport numpy"


PAIRS = [("", None), ("", "4"), (TORCH, "1"), (BETWEEN, None), (BETWEEN, "4")]


@pytest.mark.parametrize(("before", "setting"), [*product(("", TORCH, BETWEEN), (None, "1", "4"))] if WHOLE else PAIRS)
def test_a_step_computes_on_one_thread_and_leaves_the_settings_alone(before: str, setting: str | None) -> None:
    environment = {name: value for name, value in os.environ.items() if "THREADS" not in name}
    environment |= {} if setting is None else {"OMP_NUM_THREADS": setting}
    code = ASKED.format(before=before)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    outside, inside, after = json.loads(done.stdout)
    cores = len(os.sched_getaffinity(0))
    usual = int(setting or cores)
    pools, *variables = inside
    assert len(pools) >= 4  # numpy's, scipy's and torch's
    assert set(pools.values()) == {1}
    assert variables == ["1", "1"]
    assert after[1:] == outside[1:] == [setting, None]
    for name, number in after[0].items():
        if "libgomp" in name and before == TORCH:
            continue  # torch's own pool: what torch was told
        new = min(usual, cores) if "openblas" in name else usual
        assert number == outside[0].get(name, new), name
    assert after[0]["torch"] == (3 if before == TORCH else usual)
