"""Any bytes are a suite or a spec error with positions; never a traceback, and nothing is executed."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qaml.errors import SpecError
from qaml.spec.limits import MAX_PROBLEMS
from qaml.spec.load import load_text
from qaml.spec.reader import decode
from qaml.spec.schema import json_schema
from qaml.text import clean
from qaml.vocab import PROFILES
from tests.campaign.whole import drawn
from tests.spec.cases import INVALID, REAL, VALID
from tests.spec.mutation import NASTY, mutated

FORBIDDEN = ("os.system", "os.exec", "os.fork", "os.posix_spawn", "os.remove", "subprocess.", "socket.", "compile")
FORBIDDEN_EXACTLY = ("exec", "import", "shutil.rmtree", "ctypes.dlopen", "pickle.find_class")


class Watch:
    """Records what the interpreter reports as executed, imported, started or written while it is on."""

    def __init__(self) -> None:
        self.is_on = False
        self.seen: list[str] = []
        sys.addaudithook(self._audit)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.is_on:
            return
        writes = event == "open" and isinstance(arguments[1], str) and not set(arguments[1]).isdisjoint("wax+")
        if writes or event in FORBIDDEN_EXACTLY or event.startswith(FORBIDDEN):
            self.seen.append(f"{event} {arguments!r}"[:200])

    @contextmanager
    def on(self) -> Iterator[None]:
        self.is_on = True
        try:
            yield
        finally:
            self.is_on = False


@pytest.fixture(scope="module")
def watch() -> Watch:
    json_schema()  # loads every part, so that nothing is left to import
    for path in (*VALID, *REAL, *INVALID):  # hints about missing fields import what looks at the file that is named
        load(path.read_bytes(), "quick")
    load(b"a: b: c", "quick")
    return Watch()


def load(content: bytes, profile: Any) -> SpecError | None:
    try:
        load_text(decode(content, "fuzz.yaml"), "fuzz.yaml", profile)
    except SpecError as error:
        return error
    return None


def check(content: bytes, profile: str, watch: Watch) -> bool:
    """Load a spec, hold what comes out against the promise, and say whether it was refused."""
    with watch.on():
        error = load(content, profile)
    assert watch.seen == []
    if error is None:
        return False
    assert error.problems
    assert len(error.problems) <= MAX_PROBLEMS + 1
    assert clean(str(error)) == str(error)
    for problem in error.problems:
        assert problem.location.file == "fuzz.yaml"
        assert problem.location.line >= 1
        assert problem.location.column >= 1
        assert problem.message
        assert "pydantic" not in str(problem)
    return True


def seeds() -> list[bytes]:
    small = [path.read_bytes() for path in INVALID if path.stat().st_size < 5000]
    return [*small, *(path.read_bytes() for path in VALID for _ in range(20))]


def fuzz(specs: list[bytes], n_inputs: int, seed: int, watch: Watch) -> int:
    rng = random.Random(seed)
    return sum(check(mutated(specs, rng), rng.choice(PROFILES), watch) for _ in range(n_inputs))


def test_the_watch_sees_what_is_executed(watch: Watch, tmp_path: Path) -> None:
    with watch.on():
        eval("1 + 1")
        (tmp_path / "written").write_text("x")
    seen, watch.seen = watch.seen, []
    assert any(event.startswith("compile") for event in seen)
    assert any(event.startswith("open") for event in seen)


MALFORMED = (
    *(
        'a: "\\xZ"',
        'a: "\\u12',
        'a: "\\U00110000"',
        'a: "\\U99999999"',
        'a: "\\UFFFFFFFF"',
        'a: "\\',
        "a: !%ff x",
        "a: |99",
    ),
    *("%", "%YAML", "%YAML 1", "%YAML 1.a\n---\na: 1", "%YAML 9.9\n---\na", "%TAG !", "%TAG ! x\n%TAG ! y\n---\na"),
    *(
        "\ufeff%YAML 1.3\n---\na",
        "---\n%YAML 1.1\n...\n%",
        "%FOO bar\n---\na: 1",
        "!<a",
        "a: !<>",
        "&",
        "a: *",
        "? ?",
        "- - -",
    ),
)


@pytest.mark.parametrize("text", MALFORMED)
def test_malformed_escapes_and_directives(text: str, watch: Watch) -> None:
    assert check(text.encode(), "quick", watch)


def test_mutated_specs(watch: Watch) -> None:
    assert 50 < fuzz(seeds(), 100, 2, watch) < 100, "mutations should damage most specs, not all"


@pytest.mark.slow
def test_many_mutated_specs(watch: Watch) -> None:
    n = drawn(800, 4000)
    assert n / 2 < fuzz(seeds(), n, 1, watch) < n, "mutations should damage most specs, not all"
    assert fuzz([path.read_bytes() for path in REAL], drawn(4, 20), 0, watch) > 0


WORDS = st.sampled_from([word.decode("utf-8", "replace") for word in NASTY])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), WORDS)
KEYS = st.sampled_from(
    [
        *("suite", "title", "summary", "source", "datasets", "models", "attacks", "reported", "assumed", "claims"),
        *("profiles", "evaluation", "diagnostics", "kind", "dataset", "defences", "inference", "training", "extends"),
        *("derive", "from", "for", "expected", "id", "statement", "of", "over", "metric", "model", "attack", "epsilon"),
        *("quick", "standard", "when", "verdict", "skip", "columns", "rows", "table", "each", "terms", "a", "b"),
    ]
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(KEYS, KEYS, WORDS), inner, max_size=6)
    ),
    max_leaves=30,
)


def flow(tree: Any) -> str:
    """A tree as YAML in flow style, scalars as they are."""
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{key}: {flow(value)}" for key, value in tree.items()) + "}"
    return "[" + ", ".join(map(flow, tree)) + "]" if isinstance(tree, list) else str(tree)


fast = settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])


@fast
@given(content=st.binary(max_size=300))
def test_any_bytes(watch: Watch, content: bytes) -> None:
    check(content, "quick", watch)


@fast
@given(text=st.text(max_size=300).filter(lambda text: "pydantic" not in text))  # which messages must not mention
def test_any_text(watch: Watch, text: str) -> None:
    check(text.encode("utf-8", "surrogatepass"), "quick", watch)


@fast
@given(tree=st.dictionaries(KEYS, TREES, max_size=8))
def test_any_tree(watch: Watch, tree: dict[str, Any]) -> None:
    check(flow(tree).encode("utf-8", "replace"), "standard", watch)
    body = "".join(f"{key}: {flow(value)}\n" for key, value in tree.items())
    check(b"suite: x\nclaims: [{}]\n" + body.encode("utf-8", "replace"), "quick", watch)


@pytest.mark.slow
@settings(fast, max_examples=drawn(250, 2000))
@given(tree=st.dictionaries(KEYS, TREES, max_size=8))
def test_many_trees(watch: Watch, tree: dict[str, Any]) -> None:
    check(flow(tree).encode("utf-8", "replace"), "standard", watch)
