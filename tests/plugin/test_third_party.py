"""Parts of other packages, found through entry points."""

from __future__ import annotations

import shutil
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.plugin.project import Project

PACKAGE = Path(__file__).parent.parent / "example_package"


def install(folder: Path, name: str, groups: Mapping[str, Mapping[str, str]], version: str = "1.0") -> None:
    """What an installer leaves of a distribution: its metadata and its entry points."""
    about = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    about.mkdir(parents=True)
    about.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    sections = [f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in e.items()) for group, e in groups.items()]
    about.joinpath("entry_points.txt").write_text("\n".join(sections))


@pytest.fixture
def site(project: Project) -> Path:
    """A folder of installed packages, the example among them."""
    folder = project.root / "site"
    shutil.copytree(PACKAGE / "qaml_example", folder / "qaml_example")
    install(folder, "qaml-example", declared())
    project.environment["PYTHONPATH"] = str(folder)
    return folder


def declared() -> Mapping[str, Mapping[str, str]]:
    groups: Mapping[str, Mapping[str, str]] = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"][
        "entry-points"
    ]
    return groups


def test_a_model_an_attack_and_a_metric_of_another_package(project: Project, site: Path) -> None:
    project.spec("example")
    run = project.pytest()
    names = ("centroids-in-the-dark", "darkness-costs-little")
    assert run.outcomes == dict.fromkeys((f"example::{name}" for name in names), "passed"), run.out
    outcome, lost = sorted(project.report()["outcomes"], key=lambda each: names.index(each["id"]))
    assert (lost["unit"], [cell["metric"] for cell in lost["cells"]]) == ("points", ["example/lost"])
    assert outcome["provenance"]["seeds"] == {"centroids": 2}
    assert outcome["curves"][0]["epsilons"] == [0.0, 0.1, 0.2]

    # its code is part of the keys: a changed attack attacks again, and trains nothing
    before = project.artefacts()
    network = site / "qaml_example" / "darken.py"
    network.write_text(network.read_text() + "\nUNUSED = 1\n")
    plan = project.qaml("plan", "specs").stdout
    to_do = {" ".join(line.split()[2:]) for line in plan.splitlines() if line.startswith("to do")}
    assert "to do    attack centroids with darken, seed 0" in plan
    assert {title for title in to_do if title.startswith("train")} == set()
    assert project.artefacts() == before

    # a changed metric judges the claim again, and nothing else
    module = site / "qaml_example" / "lost.py"
    network.write_text(network.read_text().removesuffix("\nUNUSED = 1\n"))
    module.write_text(module.read_text() + "\nUNUSED = 1\n")
    plan = project.qaml("plan", "specs").stdout
    left = [line.split()[2:4] for line in plan.splitlines() if line.startswith("to do")]
    assert left == [["judge", "darkness-costs-little"]]


@pytest.mark.usefixtures("site")
def test_its_fields_are_checked_like_ours(project: Project) -> None:
    path = project.spec("example")
    path.write_text(path.read_text().replace("sharpness", "sharpnes").replace("example/lost", "example/last"))
    done = project.qaml("validate", "specs")
    assert done.returncode == 2
    assert "claims.darkness-costs-little.metric: unknown metric 'example/last'" in done.stderr
    assert "did you mean 'example/lost'?" in done.stderr
    assert "models.centroids.sharpnes: unknown field" in done.stderr
    assert "did you mean 'sharpness'?" in done.stderr


def test_without_the_package_the_kind_is_unknown(project: Project) -> None:
    project.spec("example")
    run = project.pytest()
    assert run.outcomes == {"example::spec": "failed"}
    assert "unknown model 'example/centroids'" in run.text("example::spec")


def test_a_package_that_cannot_be_imported_is_named(project: Project, site: Path) -> None:
    (site / "qaml_example" / "centroids" / "part.py").write_text("import a_library_that_nobody_has\n")
    project.spec("example")
    project.spec("small")
    run = project.pytest("--collect-only", "-q")
    assert "small::linear" in run.out
    run = project.pytest("-k", "spec")
    text = run.text("example::spec")
    assert "model 'example/centroids' of package qaml-example cannot be imported: ModuleNotFoundError" in text
    assert "repair or uninstall package qaml-example" in text
    assert "Traceback" not in run.out


def test_a_broken_package_that_no_spec_asks_for_hurts_nobody(project: Project, site: Path) -> None:
    install(site, "qaml-broken", {"qaml.models": {"broken/model": "nowhere:Model"}})
    project.spec("example")
    done = project.qaml("validate", "specs")
    assert (done.returncode, done.stderr) == (0, "")


def test_what_a_package_changes_when_it_is_imported_is_changed_back(project: Project, site: Path) -> None:
    part = site / "qaml_example" / "centroids" / "part.py"
    part.write_text(part.read_text() + "\nimport os\n\nos.chdir('/')\nos.environ['HOME'] = '/'\n")
    project.spec("example")
    done = project.qaml("validate", "specs", PYTHONWARNINGS="error")
    assert done.returncode == 0, done.stderr
    assert "importing package qaml-example changed, and got back: working directory: " in done.stderr

    part.write_text("raise SystemExit(3)\n")
    done = project.qaml("validate", "specs")
    assert done.returncode == 2
    assert "model 'example/centroids' of package qaml-example cannot be imported: SystemExit: 3" in done.stderr

    part.write_text("import os\n\nos._exit(0)\n")
    done = project.qaml("validate", "specs")
    assert done.returncode == 2
    assert "of package qaml-example cannot be imported: it called os._exit(0)" in done.stderr


def test_two_packages_with_one_kind(project: Project, site: Path) -> None:
    install(site, "qaml-twin", {"qaml.models": {"example/centroids": "qaml_example.centroids.part:Centroids"}})
    project.spec("example")
    text = project.pytest().text("example::spec")
    assert "model 'example/centroids' is registered more than once, by" in text
    assert "package qaml-example" in text
    assert "package qaml-twin" in text


def test_a_class_that_is_no_part(project: Project, site: Path) -> None:
    install(site, "qaml-odd", {"qaml.models": {"odd/model": "pathlib:Path"}})
    path = project.spec("example")
    path.write_text(path.read_text().replace("kind: example/centroids", "kind: odd/model"))
    assert "model 'odd/model' of package qaml-odd is not a subclass of ModelPart" in project.pytest().out


@pytest.mark.parametrize("edge", ["pytest", "cli"])
def test_a_foreign_distribution_called_qaml_is_explained(project: Project, edge: str) -> None:
    install(project.root / "site", "qaml", {}, "0.3")
    project.environment["PYTHONPATH"] = str(project.root / "site")
    project.spec("small")
    message = "another project's distribution 'qaml' (0.3) is installed"
    if edge == "pytest":
        run = project.pytest()
        assert run.outcomes == {"qaml::installation": "failed"}
        text = run.text("qaml::installation")
    else:
        done = project.qaml("validate", "specs")
        assert done.returncode == 2
        text = done.stderr
    assert message in text
    assert "hint: pip uninstall qaml, then pip install --force-reinstall --no-deps qaml-bench" in text


@pytest.mark.slow
def test_the_example_installs_with_pip(project: Project) -> None:
    source = project.root / "source"
    shutil.copytree(PACKAGE, source)
    target = project.root / "site"
    arguments = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", str(target), str(source)]
    done = project.python("-m", "pip", "install", *arguments)
    assert done.returncode == 0, done.stderr
    project.environment["PYTHONPATH"] = str(target)
    project.spec("example")
    done = project.qaml("validate", "specs")
    assert (done.returncode, done.stderr) == (0, ""), sys.version
