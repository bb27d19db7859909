"""The how-to guide about hardware, followed to its last step: a fake service takes the machine's place."""

from __future__ import annotations

import json
import os
import shutil
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qaml.cli import app
from qaml.run.charges import Charges
from tests.docs.fences import DOCS, fences
from tests.plugin.project import Project
from tests.plugin.test_third_party import install

PAGE = fences(DOCS / "howto" / "your-device.md")
SERVICE = Path(__file__).with_name("my_service.py")


@pytest.mark.slow
def test_the_machine_is_measured_and_what_was_paid_is_not_paid_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clean: a job of 10 images and 2 calibrations; attacked, 10 images beside 10 clean ones: 2 jobs of 12 circuits."""
    project = Project(tmp_path / "project")
    site, jobs = project.root / "site", tmp_path / "jobs"
    code, spec, metadata = (
        next(fence.text for fence in PAGE if fence.text.startswith(start))
        for start in ("# my_devices.py", "suite:", "[project.entry-points")
    )
    install(site, "my-devices", tomllib.loads(metadata)["project"]["entry-points"])
    (site / "my_devices.py").write_text(code)
    shutil.copy(SERVICE, site / "my_service.py")
    project.spec("hardware", spec)
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH", "")]))
    project.environment |= {"PYTHONPATH": path, "FIVE_JOBS": str(jobs), "QAML_TRUSTED_MODULES": "my.five"}
    monkeypatch.setenv("QAML_TRUSTED_MODULES", "my.five")
    planned = CliRunner().invoke(app, ["plan", str(project.root / "specs"), "--store", str(project.store)]).output
    assert "hardware on my.five: at most 7,200 shots in 3 jobs, cost 1.08 USD; 0 shots are spent of 20,000" in planned
    assert not jobs.exists()
    assert project.qaml("run", "specs", "-n", "0", FIVE_DIES="15").returncode != 0
    n_submitted = len(list(jobs.glob("*.json")))
    assert n_submitted == 24, "the second job was in flight"
    done = project.qaml("run", "specs", "-n", "0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list(jobs.glob("*.json"))) == 3 * 12, "nothing was asked twice"
    charges = list(Charges(project.store / "devices"))
    assert sum(each.shots for each in charges) == 7200
    (outcome,) = project.report()["outcomes"]
    assert not [each for each in outcome["findings"] if "count" in each["name"]], "shots are no change of precision"
    (note,) = [note for note in outcome["notes"] if "was measured on my.five" in note]
    assert "3 jobs, 7,200 shots charged, cost 1.08 USD, 1 jobs fetched by their ids" in note
    evidence = [json.loads(found.read_text()) for found in project.store.rglob("jobs.json")]
    assert [len(each["jobs"]) for each in evidence] in ([1, 2], [2, 1])
    assert all(each["calibration"]["backend"] == "five" and each["wires"] == [3, 1] for each in evidence)
    assert all(each["compiled"]["gates"] == ["CNOT", "RY", "RZ"] for each in evidence), evidence
