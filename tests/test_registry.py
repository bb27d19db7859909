"""Parts are values: what could change behind a key's back is refused where a part is defined."""

from __future__ import annotations

import importlib.metadata
import itertools
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, MutableSequence
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from qaml.data.base import DATASETS
from qaml.errors import PartError, QamlError, SpecError
from qaml.interruption import end_like_ctrl_c
from qaml.registry import Part
from qaml.spec.load import load_text
from qaml.types import Settings


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        (list, "list"),
        (list[int] | None, "list"),
        (tuple[list[int], ...], "list"),
        (dict[str, list[int]], "list"),
        (MutableSequence[int], "list"),
        (set[str], "set"),
    ],
)
def test_a_field_that_can_change_is_refused_at_import(annotation: Any, kind: str) -> None:
    with pytest.raises(PartError, match=rf"Changing\.values is a {kind}, which can change") as caught:
        type("Changing", (Part,), {"__annotations__": {"values": annotation}})
    assert "write " in caught.value.hint


def test_fields_inside_settings_of_a_part_are_seen_too() -> None:
    class Inner(Settings):
        values: list[int]

    with pytest.raises(PartError, match=r"Changing\.inner holds Inner\.values, a list"):
        type("Changing", (Part,), {"__annotations__": {"inner": Inner | None}})


@pytest.mark.parametrize("annotation", [tuple[int, ...], dict[str, float], frozenset[str], str | None])
def test_values_are_taken(annotation: Any) -> None:
    type("Fixed", (Part,), {"__annotations__": {"values": annotation}})


Package = Callable[[str], None]

EXITS = {
    "sys.exit(0)": "SystemExit: 0",
    "os._exit(0)": "it called os._exit(0)",
    "raise KeyboardInterrupt": "KeyboardInterrupt",
    "raise GeneratorExit": "GeneratorExit",
    "raise type('Odd', (BaseException,), {})('x')": "Odd: x",
    "raise type('Mute', (Exception,), {'__str__': lambda self: 1 / 0})": "Mute",
    "raise ValueError('\\x1b[2J\\n::error::gotcha' * 1000)": "ValueError: \u241b[2J",
    "import pytest; pytest.skip('not today', allow_module_level=True)": "Skipped: not today",
    "f = lambda: f(); f()": "RecursionError: maximum recursion",
    "import a_library_that_nobody_has": "ModuleNotFoundError: No module named",
    "def f(:": "SyntaxError: invalid syntax",
    "nothing = 1": "AttributeError: module",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Package]:
    """Installs a distribution whose dataset ``odd/points`` stands in a module of this text."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(DATASETS, "_refused", {})
    monkeypatch.setattr(DATASETS, "_loaded", {})

    def install(text: str) -> None:
        about = tmp_path / "odd-1.dist-info"
        about.mkdir()
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1\n")
        (about / "entry_points.txt").write_text("[qaml.datasets]\nodd/points = odd_package:Points\n")
        (tmp_path / "odd_package.py").write_text(f"import os, sys, warnings\n{text}\n", "utf-8")

    yield install
    sys.modules.pop("odd_package", None)


@pytest.mark.parametrize(("text", "said"), EXITS.items(), ids=str)
def test_whatever_a_package_does_instead_of_being_imported_is_its_error(package: Package, text: str, said: str) -> None:
    package(text)
    for _ in range(2):
        with pytest.raises(PartError) as caught:
            DATASETS.load("odd/points")
        assert f"dataset 'odd/points' of package odd cannot be imported: {said}" in str(caught.value)
        assert len(str(caught.value)) < 1000
        assert caught.value.hint == "repair or uninstall package odd"
    assert os._exit.__module__ == "posix"


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_an_interrupt_of_the_terminal_or_by_a_signal_stays_one(package: Package, name: str) -> None:
    package(f"import signal; os.kill(os.getpid(), signal.{name}); import time; time.sleep(5)")
    number = getattr(signal, name)
    give_back = end_like_ctrl_c()
    handler = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt):
        DATASETS.load("odd/points")
    assert signal.getsignal(number) is handler
    give_back()


@pytest.mark.parametrize(
    "handler", [signal.SIG_IGN, signal.SIG_DFL, lambda *_: None], ids=["ignored", "default", "own"]
)
def test_an_interrupt_that_a_package_raises_is_its_error_whatever_signals_do(package: Package, handler: Any) -> None:
    package("raise KeyboardInterrupt")
    before = signal.signal(signal.SIGINT, handler)
    try:
        with pytest.raises(PartError, match="KeyboardInterrupt"):
            DATASETS.load("odd/points")
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)


POINTS = """
from qaml.data.base import DatasetPart
from qaml.types import Bounds, InputInfo
from pydantic import model_validator


class Points(DatasetPart):
    kind: str = "odd/points"

    def describe(self):
        return InputInfo((2,), ("a", "b"), Bounds(0.0, 1.0))

    def checksums(self):
        return {}

    def read(self):
        raise NotImplementedError
"""
SPEC = """
suite: odd
datasets: {odd: {kind: odd/points}}
models: {m: {kind: linear, dataset: odd}}
claims: [{id: c, statement: s, kind: bound, metric: clean_accuracy, of: {model: m}, at_least: 0.5}]
"""


def test_what_a_package_prints_and_warns_of_acts_on_no_terminal(
    package: Package, capsys: pytest.CaptureFixture[str]
) -> None:
    package(POINTS + "\nprint('\\x1b[2J\\n::error::gotcha')\nwarnings.warn('\\u202egotcha')")
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        assert DATASETS.load("odd/points").__name__ == "Points"
    assert [str(each.message) for each in found] == ["\ufffdgotcha"]
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "\u241b[2J\n\u2236\u2236error::gotcha\n"


@pytest.mark.parametrize(
    "body",
    [
        "    def describe(self):\n        BODY\n",
        "    @model_validator(mode='after')\n    def odd(self):\n        BODY\n",
    ],
    ids=["asked", "validated"],
)
@pytest.mark.parametrize(
    "text", [text for text in EXITS if "\n" not in text and text.startswith(("raise ", "sys", "os"))]
)
def test_whatever_a_part_does_instead_of_answering_is_a_mistake_of_its_spec(
    package: Package, body: str, text: str
) -> None:
    package(POINTS + body.replace("BODY", text))
    with pytest.raises(SpecError) as caught:
        load_text(SPEC, "odd.yaml", "quick")
    assert str(caught.value).startswith("odd.yaml:")
    assert EXITS[text][:12] in str(caught.value) or "gotcha" in str(caught.value)
    assert os._exit.__module__ == "posix"


def test_our_own_mistakes_are_not_blamed_on_a_package(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    package(POINTS)

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    # as code of ours: this package may have brought parts in another test
    ours = FunctionType(fail.__code__, {"__name__": "qaml.spec.checks", "__builtins__": __builtins__})
    monkeypatch.setattr("qaml.spec.load.check_suite", ours)
    with pytest.raises(ZeroDivisionError):
        load_text(SPEC, "odd.yaml", "quick")


def test_many_unknown_kinds_cost_one_look_at_what_is_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    looks, scans = itertools.count(), itertools.count()
    monkeypatch.syspath_prepend(str(tmp_path))
    found = importlib.metadata.entry_points()

    class Watched:
        groups = found.groups

        def select(self, group: str) -> object:
            next(scans)
            return found.select(group=group)

    monkeypatch.setattr("qaml.registry.entry_points", lambda: (next(looks), Watched())[1])
    attacks = "\n".join(f"  a{i}: {{kind: {'x' * 9000 if i % 10 == 0 else 'fgms'}}}" for i in range(100))
    with pytest.raises(SpecError) as caught:
        load_text(f"suite: x\nattacks:\n{attacks}\nclaims: [{{}}]\n", "x.yaml", "quick")
    assert str(caught.value).count("unknown attack 'fgms'") == 90
    assert len(str(caught.value)) < 200_000
    assert next(looks) == 1
    assert next(scans) <= len(found.groups)


def test_damaged_metadata_of_some_package_is_told_where_packages_are_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "odd-1.dist-info").mkdir()
    (tmp_path / "odd-1.dist-info" / "METADATA").write_text("Name: odd\nVersion: 1\n")
    (tmp_path / "odd-1.dist-info" / "entry_points.txt").write_text("[qaml.datasets]\nno equals sign\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert DATASETS.load("digits").__name__ == "Digits"
    with pytest.raises(QamlError, match="entry points of some installed package cannot be read"):
        DATASETS.load("odd/points")
