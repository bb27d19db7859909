"""Digests of sources: code counts, comments do not, interfaces do not, the closure is followed."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from qaml.plan import digest as module
from qaml.plan.digest import digest


def forget() -> None:
    for name in ("_digest", "_find", "_source"):
        getattr(module, name).cache_clear()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "example_digested"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "part.py").write_text("def build():\n    from example_digested import network\n    return network\n")
    (folder / "network.py").write_text('"""Words."""\nimport torch\nfrom .layers import width\n')
    (folder / "layers.py").write_text("width = 40\n")
    (folder / "unrelated.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    forget()
    yield folder
    forget()


def code() -> str:
    forget()
    return digest(["example_digested.part"]).code


def test_a_change_deep_in_the_closure_counts(package: Path) -> None:
    before = code()
    (package / "layers.py").write_text("width = 41\n")
    assert code() != before


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("layers.py", "# a comment\nwidth = 40\n"),
        ("network.py", '"""Other words."""\nimport torch\n\nfrom .layers import width\n'),
        ("unrelated.py", "x = 2\n"),
    ],
)
def test_what_cannot_change_a_result_does_not_count(package: Path, file: str, text: str) -> None:
    before = code()
    (package / file).write_text(text)
    assert code() == before


@pytest.mark.usefixtures("package")
def test_versions_of_the_libraries_used() -> None:
    assert [name for name, _ in digest(["example_digested.part"]).versions] == ["torch"]


@pytest.mark.usefixtures("package")
def test_nothing_is_imported() -> None:
    digest(["example_digested.part"])
    assert "example_digested" not in sys.modules


def test_imports_for_type_checkers_are_not_followed(package: Path) -> None:
    before = code()
    text = "from typing import TYPE_CHECKING\nwidth = 40\nif TYPE_CHECKING:\n    import example_digested.unrelated\n"
    (package / "layers.py").write_text(text)
    with_import = code()
    (package / "unrelated.py").write_text("x = 3\n")
    assert code() == with_import != before


def test_the_attack_on_a_model_does_not_hold_other_models() -> None:
    closure = module._closure(frozenset({"qaml.run.steps.attack", "qaml.attacks.gradient.part"}), frozenset({"qaml"}))
    assert "qaml.attacks.gradient.implementation" in closure
    assert not [name for name in closure if name.startswith("qaml.models.rbm")]
    assert not [name for name in closure if name.endswith(".base")]
