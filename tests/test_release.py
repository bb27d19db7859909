"""What a release publishes: built here, and looked at."""

from __future__ import annotations

import email
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import qaml

ROOT = Path(__file__).parent.parent
BESIDE = ("*.egg-info", "*cache*", "*.pyc", ".*", "latest", "build", "dist", "_build", "site")
"""What is no source."""
BUILD = "from setuptools import build_meta as b; b.build_wheel('dist'); b.build_sdist('dist')"


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with wheel and sdist, built from a copy of the sources."""
    copy = tmp_path_factory.mktemp("release") / "qaml"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*BESIDE))
    built = subprocess.run([sys.executable, "-c", BUILD], cwd=copy, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    assert "would be ignored" not in built.stderr, "setup.py names every package, also those of files alone"
    return copy / "dist"


@pytest.fixture(scope="module")
def wheel(dist: Path) -> zipfile.ZipFile:
    (path,) = dist.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    return email.message_from_bytes(wheel.read(f"qaml_bench-{qaml.__version__}.dist-info/METADATA"))


def test_the_wheel_holds_every_file_of_the_package_and_the_licence(wheel: zipfile.ZipFile) -> None:
    # without compiled code, numba's included
    found = (path for path in (ROOT / "qaml").rglob("*") if path.is_file())
    files = {path.relative_to(ROOT) for path in found if path.parent.name != "__pycache__"}
    files |= {"qaml" / path.relative_to(ROOT) for path in (ROOT / "specs").rglob("*") if path.is_file()}
    inside = {Path(name) for name in wheel.namelist()}
    about = Path(f"qaml_bench-{qaml.__version__}.dist-info")
    assert {path for path in inside if path.parts[0] != about.name} == files
    assert wheel.read(str(about / "licenses/LICENSE")) == (ROOT / "LICENSE").read_bytes()
    assert b"qaml = qaml.cli:main" in wheel.read(str(about / "entry_points.txt"))
    assert b"[pytest11]" in wheel.read(str(about / "entry_points.txt"))


def test_suites_of_the_wheel_are_known_by_name(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path / "site")
    command = "from qaml.spec.shipped import shipped; print(*shipped().items(), sep='\\n')"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run(
        [sys.executable, "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    files = {path.stem: tmp_path / "site/qaml/specs" / path.name for path in sorted((ROOT / "specs").glob("*.yaml"))}
    assert done.stdout.splitlines() == [str(item) for item in files.items()], done.stderr
    assert all(path.is_file() for path in files.values())


def test_the_sdist_holds_what_tests_and_documentation_need(dist: Path) -> None:
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    wanted = [
        "LICENSE",
        "CHANGELOG.md",
        "CITATION.cff",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "Makefile",
        "constraints.txt",
    ]
    wanted += ["docs/conf.py", "specs/schema/suite.json", "tests/test_release.py", "benchmarks", "setup.py"]
    wanted += ["reports/published/kehoe2021/outcomes.json.xz", "reports/published/kehoe2021/sheets.json"]
    assert set(wanted) <= inside
    assert not [name for name in inside if name.startswith(("site", "reports/latest")) or "cache" in name]


def test_the_package_index_is_told_who_what_and_where(metadata: Message) -> None:
    assert (metadata["Name"], metadata["Version"]) == ("qaml-bench", qaml.__version__)
    assert (metadata["License-Expression"], metadata["Author"]) == ("Apache-2.0", "The qaml authors")
    classifiers = metadata.get_all("Classifier", [])
    assert "Framework :: Pytest" in classifiers
    pythons = {text.rpartition(" ")[2] for text in classifiers if re.search(r":: 3\.\d+$", text)}
    assert pythons == set(matrix())
    assert {text.partition(",")[0] for text in metadata.get_all("Project-URL", [])} >= {"Repository", "Issues"}


def matrix() -> list[str]:
    """The versions of Python that the workflow checks."""
    found: list[str] = YAML(typ="safe").load(ROOT / ".github/workflows/checks.yml")["jobs"]["check"]["strategy"][
        "matrix"
    ]["python"]
    return found


def test_readme_leads_somewhere_from_the_package_index(metadata: Message) -> None:
    text = str(metadata.get_payload())
    targets = re.findall(r"\]\(([^)]+)\)", text)
    assert len(targets) > 10
    assert [target for target in targets if not target.startswith(("https://", "#"))] == []
    images = re.findall(r"!\[[^]]*\]\(([^)]+)\)", text)
    assert images
    assert all(f"/raw/v{qaml.__version__}/" in target for target in images)
    for target in targets:
        path = re.sub(r"^https://github\.com/[^/]+/[^/]+/(?:raw|blob)/[^/]+/", "", target).partition("#")[0]
        assert target == path or (ROOT / path).exists(), target


@pytest.mark.skipif(importlib.util.find_spec("twine") is None, reason="twine is not installed: make dist installs it")
def test_twine_has_nothing_to_say(dist: Path) -> None:
    command = [sys.executable, "-m", "twine", "check", "--strict", *map(str, dist.iterdir())]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_one_version_everywhere() -> None:
    assert YAML(typ="safe").load(ROOT / "CITATION.cff")["version"] == qaml.__version__
    newest = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)[0]
    assert newest == qaml.__version__


def test_the_citation_names_every_suites_paper() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.citation-file-format", "CITATION.cff"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    titles = [each["title"] for each in YAML(typ="safe").load(ROOT / "CITATION.cff")["references"]]
    suites = [YAML(typ="safe").load(path)["source"]["citation"] for path in sorted((ROOT / "specs").glob("*20*.yaml"))]
    assert len(suites) == len(titles) == 3
    assert all(any(title in citation for citation in suites) for title in titles)
