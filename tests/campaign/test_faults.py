"""A fixed sample of the campaign of faults: nothing is lost, nothing wrong is believed, nobody is harmed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.campaign.faults.__main__ import ROWS, SAMPLE
from tests.campaign.faults.attempt import Attempt
from tests.campaign.faults.results import page
from tests.campaign.records import Records

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def attempts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Attempt]]:
    """From a process of its own: only one without threads can be forked."""
    folder = tmp_path_factory.mktemp("faults")
    command = [sys.executable, "-m", "tests.campaign.faults", "--sample", "-n", "2", "--folder", str(folder)]
    done = subprocess.run([*command, "--of", "now"], cwd=ROOT, capture_output=True, text=True, check=False)
    found = {row: Records(folder / f"now-{row}.jsonl", Attempt).all() for row in ROWS}
    assert done.returncode in (0, 1), done.stderr
    return found


def test_the_page_names_what_was_lost() -> None:
    sound = Attempt("kills 0: SIGINT", "kills", "SIGINT", [], "as alone", "3 passed", 1.0)
    lost = sound._replace(name="kills 1: SIGINT", faults=["lost: a claim"])
    written = page("abc1234", {"kills": [sound, lost]})
    assert "# Faults on abc1234\n" in written
    assert "| kills | 2 | 1 | 1 | 1 as alone |" in written
    assert "- kills 1: SIGINT: lost: a claim" in written
    assert "Nothing." in page("abc1234", {"kills": [sound]})


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS)
def test_a_sample_comes_through(attempts: dict[str, list[Attempt]], row: str) -> None:
    assert len(attempts[row]) == SAMPLE[row]
    assert [attempt for attempt in attempts[row] if attempt.faults] == []
