"""A project of a user's: specs, one test file, and pytest run in it from outside."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias
from xml.etree import ElementTree

from tests import warm

TEST = "def test_claim(claim):\n    claim.check()\n"
SPECS = Path(__file__).parent / "specs"
TIMES = {"created", "seconds", "checksum"}  # which covers the times, too


Run: TypeAlias = subprocess.Popen[str] | warm.Forked


class Result(NamedTuple):
    """One run of pytest: exit code, what it printed, and each test's outcome and message by id."""

    code: int
    out: str
    tests: Mapping[str, tuple[str, str]]
    properties: Mapping[str, Mapping[str, str]]

    def outcome(self, test: str) -> str:
        return self.tests[test][0]

    def text(self, test: str) -> str:
        return self.tests[test][1]

    @property
    def outcomes(self) -> dict[str, str]:
        return {name: outcome for name, (outcome, _) in self.tests.items()}


class Project:
    """A folder with ``specs/``, ``test_claims.py`` and everything that pytest leaves there."""

    is_warm = True
    """Whether runs are forks of a warm process, in place of new ones that import everything themselves."""

    def __init__(self, root: Path, *, is_warm: bool = True, **environment: str) -> None:
        self.root = root
        self.is_warm = is_warm
        self.environment = environment
        (root / "specs").mkdir(parents=True)
        (root / "test_claims.py").write_text(TEST)

    @property
    def store(self) -> Path:
        return self.root / ".qaml" / "store"

    def spec(self, name: str, text: str | None = None) -> Path:
        """Write a spec; without a text, the one of this name beside these tests."""
        path = self.root / "specs" / f"{name}.yaml"
        path.write_text((SPECS / f"{name}.yaml").read_text() if text is None else text)
        return path

    def pytest(self, *arguments: str, **environment: str) -> Result:
        """Run pytest in a process of its own."""
        junit = self.root / "junit.xml"
        junit.unlink(missing_ok=True)
        done = self.python(
            "-m", "pytest", "-p", "no:hypothesispytest", f"--junitxml={junit}", *arguments, **environment
        )
        tests, properties = _read(junit) if junit.exists() else ({}, {})
        return Result(done.returncode, done.stdout + done.stderr, tests, properties)

    def python(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run Python in the project's folder."""
        settings = self._environment(environment)
        if self.is_warm and warm.can_run(arguments, settings):
            return warm.run(arguments, self.root, settings)
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env=settings,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def start(self, *arguments: str, **environment: str) -> Run:
        """Begin to run pytest in a session of its own, as a terminal would."""
        settings = self._environment(environment)
        command = ("-m", "pytest", "-p", "no:hypothesispytest", *arguments)
        if self.is_warm and warm.can_run(command, settings):
            return warm.start(command, self.root, settings)
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=self.root,
            env=settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # what runs in the background ignores interrupts, and so would all that it starts
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        foreign = ("PYTEST_", "QAML_", "GITHUB", "BUILD_NUMBER")  # under CI pytest prints its summary in full
        kept = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith(foreign)}
        # modules are rewritten within a second: none of their compiled files may stay
        offline = {
            "PYTHONDONTWRITEBYTECODE": "1",
            "QAML_DATA": str(self.root / "no-data"),
            "QAML_MIRROR": "http://127.0.0.1:9",
            "COLUMNS": "200",
        }
        return {**kept, **offline, **self.environment, **more}

    def qaml(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the command line."""
        return self.python("-m", "qaml.cli", *arguments, **environment)

    def report(self, folder: str = "reports/latest") -> dict[str, Any]:
        """The content of ``outcomes.json``."""
        content: dict[str, Any] = json.loads((self.root / folder / "outcomes.json").read_text())
        return content

    def artefacts(self) -> dict[str, Path]:
        """What each artefact is, in the words of the plan → its folder."""
        found = {}
        for manifest in self.store.glob("artefacts/*/*/manifest.json"):
            found[json.loads(manifest.read_text())["provenance"]["title"]] = manifest.parent
        return found

    def made_at(self) -> dict[str, int]:
        """When each artefact was made, in nanoseconds."""
        return {title: (folder / "manifest.json").stat().st_mtime_ns for title, folder in self.artefacts().items()}

    def forget(self) -> None:
        """Empty the store."""
        shutil.rmtree(self.store, ignore_errors=True)


def _read(junit: Path) -> tuple[dict[str, tuple[str, str]], dict[str, dict[str, str]]]:
    tests, properties = {}, {}
    for case in ElementTree.parse(junit).getroot().iter("testcase"):
        name = case.attrib["name"]
        inside = name[name.find("[") + 1 : -1] if name.endswith("]") else name
        tests[inside] = _outcome(case)
        properties[inside] = {p.attrib["name"]: p.attrib["value"] for p in case.iter("property")}
    return tests, properties


def _outcome(case: ElementTree.Element) -> tuple[str, str]:
    for tag, outcome in {"error": "error", "failure": "failed", "skipped": "skipped"}.items():
        element = case.find(tag)
        if element is not None:
            if element.attrib.get("type") == "pytest.xfail":
                outcome = "xfailed"
            return outcome, f"{element.attrib.get('message', '')}\n{element.text or ''}"
    return "passed", ""


def without_times(value: Any) -> Any:
    """JSON without wall times, which differ from run to run."""
    if isinstance(value, dict):
        return {name: without_times(content) for name, content in value.items() if name not in TIMES}
    if isinstance(value, list):
        return [without_times(content) for content in value]
    return value


def wait_for(path: Path, seconds: float = 60.0) -> None:
    """Until a file is there."""
    wait_until(path.exists, f"{path} did not appear", seconds)


def wait_until(is_so: Callable[[], bool], otherwise: str, seconds: float = 60.0) -> None:
    """Until something is so."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"{otherwise} within {seconds} s"
        time.sleep(0.02)
