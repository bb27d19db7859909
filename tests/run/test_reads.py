"""What others' code reads while it runs: files and variables of its own, nothing of Python's, libraries' or qaml's."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from qaml.run.reads import MOST_FILES, MOST_VARIABLES, states, watching
from qaml.run.store import file_state, is_same_file

CODE = """
import json, os
from pathlib import Path

def read(path):
    return Path(path).read_text()

def look_up(name):
    return os.environ.get(name), os.getenv(name), name in os.environ

def count(path):
    number = int(read(path)) + 1
    Path(path).write_text(str(number))
"""


@pytest.fixture
def theirs(tmp_path: Path) -> ModuleType:
    """A module of somebody else's."""
    path = tmp_path / "theirs.py"
    path.write_text(CODE)
    module = ModuleType("theirs")
    exec(compile(CODE, str(path), "exec"), module.__dict__)
    return module


def test_a_file_is_noted_with_its_content(theirs: ModuleType, tmp_path: Path) -> None:
    table = tmp_path / "table.txt"
    table.write_text("1")
    with watching() as found:
        theirs.read(table)
        theirs.read(os.__file__)
    noted = states(found)
    assert noted == {str(table): file_state(table)}
    table.write_text("1")
    assert is_same_file(table, noted[str(table)]), "written again with the same content"
    table.write_text("2")
    assert not is_same_file(table, noted[str(table)])
    table.unlink()
    assert is_same_file(table, noted[str(table)]), "what is not there, as on another machine, is not compared"


def test_what_code_keeps_for_itself_is_no_source(theirs: ModuleType, tmp_path: Path) -> None:
    counter = tmp_path / "counter.txt"
    counter.write_text("1")
    with watching() as found:
        theirs.count(counter)
    assert states(found) == {}


def test_variables_are_noted_where_others_ask(theirs: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THEIR_MODE", "fast")
    before = os.environ.encodekey
    with watching() as found:
        theirs.look_up("THEIR_MODE")
        theirs.look_up("THEIR_OTHER")
        Path("~").expanduser()  # Python's own code asks for HOME
    noted = states(found)
    assert sorted(noted) == ["env:THEIR_MODE", "env:THEIR_OTHER"]
    assert noted["env:THEIR_OTHER"] == "absent"
    assert os.environ.encodekey is before


def test_nothing_is_noted_outside_or_where_it_is_switched_off(theirs: ModuleType, tmp_path: Path) -> None:
    table = tmp_path / "table.txt"
    table.write_text("1")
    with watching() as found, watching(is_on=False) as inner:
        theirs.read(table)
        theirs.look_up("THEIR_MODE")
    theirs.read(table)
    assert states(found) == states(inner) == {}


def test_a_folder_of_many_files_and_a_copied_environment_are_left_out(theirs: ModuleType, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.txt" for number in range(MOST_FILES + 1)]
    for path in paths:
        path.write_text("1")
    with watching() as found:
        for path in paths:
            theirs.read(path)
        for number in range(MOST_VARIABLES + 1):
            theirs.look_up(f"THEIR_{number}")
    assert states(found) == {}
    assert states(found, tmp_path) == {}


def test_a_compiled_module_is_known_by_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "theirs_compiled.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    __import__("theirs_compiled")
    del sys.modules["theirs_compiled"]
    with watching() as found:
        __import__("theirs_compiled")
    del sys.modules["theirs_compiled"]
    assert list(states(found)) == [str(tmp_path / "theirs_compiled.py")]
