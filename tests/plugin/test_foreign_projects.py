"""Projects that have fixtures, parameters and folders of the names that qaml uses, and that never heard of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.plugin.conftest import Planted
from tests.plugin.project import Project

OPENAPI = "openapi: 3.1.0\ninfo: {title: shop, version: 1.0.0}\npaths: {/orders: {get: {}}}\n"
FILES = {
    "module/test_it.py": """
        import os, pytest

        @pytest.fixture
        def claim():
            return "own"

        @pytest.fixture
        def appeal(claim):
            return claim + " appeal"

        def test_itself(claim): assert claim == "own"
        def test_transitively(appeal): assert appeal == "own appeal"
        def test_the_environment_is_untouched(): assert "OMP_NUM_THREADS" not in os.environ
        """,
    "conftest_of_its_own/conftest.py": """
        import pytest

        @pytest.fixture(params=["small", "large"])
        def claim(request):
            return request.param

        def pytest_generate_tests(metafunc):
            if "qaml_like" in metafunc.fixturenames:
                metafunc.parametrize("qaml_like", ["a::b"])
        """,
    "conftest_of_its_own/test_it.py": """
        import pytest

        def test_itself(claim): assert claim in ("small", "large")
        def test_by_name(request): assert request.getfixturevalue("claim") if False else True
        @pytest.mark.usefixtures("claim")
        def test_used(): pass
        def test_fails_with_a_name_like_ours(qaml_like): assert False
        """,
    "class_of_its_own/test_it.py": """
        import pytest, unittest

        class TestClaims:
            @pytest.fixture
            def claim(self):
                return 1

            def test_itself(self, claim): assert claim == 1
            @pytest.mark.parametrize("claim", ["x", "y"], indirect=False)
            def test_parametrised(self, claim): assert claim in "xy"

        class TestOld(unittest.TestCase):
            def test_claim(self): self.assertTrue(True)
        """,
    "parametrised/test_it.py": """
        import pytest

        @pytest.mark.parametrize("claim", ["a", "b"])
        def test_directly(claim): assert claim in "ab"

        @pytest.mark.parametrize(("claim", "paid"), [("a", 1), ("b", 2)])
        def test_with_another(claim, paid): assert claim in "ab"

        @pytest.fixture
        def claim(request): return request.param * 2

        @pytest.mark.parametrize("claim", ["a", "b"], indirect=True)
        def test_indirectly(claim): assert claim in ("aa", "bb")
        """,
    "generated/test_it.py": """
        def pytest_generate_tests(metafunc):
            metafunc.parametrize("claim", [1, 2])

        def test_it(claim): assert claim in (1, 2)
        """,
    "specs/openapi.yaml": OPENAPI,
    "specs/nested/broken.yaml": "a: [",
}


def dedented(text: str) -> str:
    lines = text.splitlines()
    indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return "\n".join(line[indent:] for line in lines) + "\n"


@pytest.fixture
def foreign(tmp_path: Path) -> Project:
    project = Project(tmp_path / "foreign", is_warm=False)
    (project.root / "test_claims.py").unlink()
    for name, text in FILES.items():
        path = project.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedented(text))
    return project


@pytest.mark.parametrize("workers", [pytest.param("2", marks=pytest.mark.slow), "0"])
def test_a_project_that_never_heard_of_qaml_is_as_it_is_without(
    foreign: Project, workers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    files = sorted(foreign.root.rglob("*"))
    common = ("-n", workers, "-p", "no:cacheprovider", "--import-mode=importlib", "-W", "error", "--strict-markers")
    without = foreign.pytest(*common, "-p", "no:qaml")
    run = foreign.pytest(*common)
    assert run.code == without.code == 1  # one test of the project fails
    assert run.outcomes == without.outcomes
    assert len(run.outcomes) >= 12
    assert "claims ===" not in run.out
    assert [path for path in sorted(foreign.root.rglob("*")) if path.name != "junit.xml"] == files


def test_where_claims_are_asked_for_foreign_files_are_named(foreign: Project) -> None:
    (foreign.root / "test_claims.py").write_text("def test_claim(claim):\n    claim.check()\n")
    run = foreign.pytest("test_claims.py")
    assert set(run.outcomes.values()) == {"failed"}
    assert "specs/openapi.yaml:1:1: " in run.out
    assert "hint: " in run.text("openapi::spec")
    assert "INTERNALERROR" not in run.out


def test_fixtures_may_stand_between_a_test_and_its_claim(planted: Planted, tmp_path: Path) -> None:
    test = tmp_path / "test_between.py"
    test.write_text(
        dedented("""
        import pytest

        @pytest.fixture
        def claim(claim):  # another step on the way
            return claim

        @pytest.fixture
        def verdict(claim):
            return claim.outcome.verdict

        def test_claim(verdict): assert verdict == "supported"
        @pytest.mark.parametrize("times", [1, 2])
        def test_twice(qaml_claim, times): qaml_claim.check()
        def test_dynamically(request): request.getfixturevalue("claim")
        """)
    )
    chosen = (f"--rootdir={planted.root}", "--qaml-claim", "planted::right", f"--qaml-report={tmp_path / 'report'}")
    run = planted.pytest(str(test), *chosen, f"--qaml-spec={planted.root / 'specs' / 'planted.yaml'}")
    between = {"planted::right": "passed", "planted::right-1": "passed", "planted::right-2": "passed"}
    assert run.outcomes == between | {"test_dynamically": "failed"}
    assert "the fixture 'qaml_claim' has no claim to measure" in run.text("test_dynamically")
