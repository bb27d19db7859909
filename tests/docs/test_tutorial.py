"""docs/tutorial.md, followed literally: its files are written, its commands are run, and they print what it shows.

`sh` is run, `text` below it is what was printed, and any other block is a file, named in its first line. All of it goes
through one shell, as in a person's terminal. Numbers that were measured may differ.
"""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from tests import warm
from tests.docs.fences import DOCS, fences

FENCES = fences(DOCS / "tutorial.md")
SHOWN = {
    before.line: after.text if after is not None and after.language == "text" else None
    for before, after in zip(FENCES, [*FENCES[1:], None], strict=True)
    if before.language == "sh"
}
"""The line of each block of commands → what the page says that it prints."""
COMMANDS = {"qaml": "qaml.cli", "pytest": "pytest"}
MARK = "-- tutorial:"


class Printed(NamedTuple):
    """What a block of commands printed, and its exit code."""

    text: str
    code: int


# one test: under xdist several would run the page several times
@pytest.mark.slow
def test_commands_print_what_is_shown(tmp_path: Path) -> None:
    printed = _follow(tmp_path)
    assert printed.keys() == SHOWN.keys()
    shown = {f"line {line}": _comparable(text) for line, text in SHOWN.items() if text is not None}
    assert {
        f"line {line}": _comparable(printed[line].text) for line, text in SHOWN.items() if text is not None
    } == shown
    assert [printed[line] for line, text in SHOWN.items() if text is None and printed[line].code] == []
    outcomes = json.loads((tmp_path / "work" / "first" / "reports" / "latest" / "outcomes.json").read_text("utf-8"))
    assert [outcome["findings"] for outcome in outcomes["outcomes"]] == [[], [], []], "the page says: nothing was found"


def test_every_block_is_run_shown_or_written() -> None:
    assert {fence.language for fence in FENCES} == {"sh", "text", "python", "yaml"}
    assert sum(text is not None for text in SHOWN.values()) == sum(fence.language == "text" for fence in FENCES)


def _follow(folder: Path) -> dict[int, Printed]:
    """Run the page as one shell script, which begins in an empty folder."""
    work, commands = folder / "work", folder / "commands"
    work.mkdir()
    _put_commands(commands)
    with closing(warm.Commands(commands, COMMANDS)):
        done = subprocess.run(
            ["bash", "-c", _script()],
            cwd=work,
            env=_environment() | {"PATH": f"{commands}:{os.environ['PATH']}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
    parts = re.split(rf"^{MARK} (\d+) (\d+)\n", done.stdout, flags=re.MULTILINE)
    blocks = zip(parts[:-1:3], parts[1::3], parts[2::3], strict=True)
    return {int(line): Printed(text, int(code)) for text, line, code in blocks}


def _put_commands(folder: Path) -> None:
    """Beside qaml and pytest what an installation needs: a new environment is empty, pip does nothing."""
    folder.mkdir()
    scripts = {
        "python3": '[ "$1 $2" = "-m venv" ] && mkdir -p "$3/bin" && : > "$3/bin/activate"',
        "pip": '[ "$*" = "install qaml-bench" ]',
    }
    for name, line in scripts.items():
        command = folder / name
        command.write_text(f"#!/bin/sh\n{line}\n")
        command.chmod(command.stat().st_mode | stat.S_IXUSR)


def _environment() -> dict[str, str]:
    foreign = ("PYTEST_", "QAML_", "GITHUB", "BUILD_NUMBER", "MAKE")
    kept = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith(foreign)}
    return kept | {"COLUMNS": "80", "PYTHONPATH": "", "QAML_DATA": "no-data", "QAML_MIRROR": "http://127.0.0.1:9"}


def _script() -> str:
    """The page as a shell script; a mark after each block of commands tells what it printed."""
    lines: list[str] = []
    for fence in FENCES:
        if fence.language == "sh":
            lines += [fence.text, f'echo "{MARK} {fence.line} $?"']
        elif fence.language != "text":
            first, _, rest = fence.text.partition("\n")
            name, _, where = first.removeprefix("# ").partition(", ")
            assert where in ("", "at the end"), f"line {fence.line} of the tutorial: which file is it?"
            arrow, text = (">>", rest) if where else (">", fence.text)
            lines += [f"cat {arrow} {name} <<'END OF FILE'", f"{text}END OF FILE"]
    return "\n".join(lines)


def _comparable(text: str) -> list[str]:
    """Lines without what differs from run to run: measured numbers, times, and the width of lines and columns."""
    text = re.sub(r"\[-?[\d.]+, [\d.]+\]", "[#]", text)
    text = re.sub(r"(?<=s) \(\d+:\d\d:\d\d\)", "", text)
    text = re.sub(r"\d+\.\d+|\d+(?= %)", "#", text)
    text = re.sub(r"([=_-])\1{2,}", r"\1", text)
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]
