"""pytest's options of qaml and their twins in the ini file, as the plugin declares them."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from qaml.pytest_plugin import MARKERS, pytest_addoption
from reference.markdown import code, page, prose, table


class _Option(NamedTuple):
    name: str
    text: str
    is_flag: bool
    is_repeatable: bool


class _Twin(NamedTuple):
    kind: str
    default: Any


class Recorder:
    """A replacement for pytest's parser, and for the group of options that it returns.

    Attributes:
        options: options of the command line, by the names of their twins.
        twins: lines of the ini file by name.
    """

    def __init__(self) -> None:
        self.options: dict[str, _Option] = {}
        self.twins: dict[str, _Twin] = {}

    def getgroup(self, *_: str) -> Recorder:
        """Return the recorder itself as the only group."""
        return self

    def addoption(self, name: str, *, action: str = "store", help: str = "", **_: Any) -> None:
        """Remember an option of the command line."""
        key = name.removeprefix("--").replace("-", "_")
        text = help.partition(" (default: ")[0]
        self.options[key] = _Option(name, text, action == "store_true", action == "append")

    def addini(self, name: str, text: str, *, type: str = "string", default: Any = "") -> None:  # noqa: ARG002
        """Remember a line of the ini file."""
        self.twins[name] = _Twin(type, default)


def declared() -> Recorder:
    """Everything that the plugin declares."""
    recorder = Recorder()
    pytest_addoption(cast("Any", recorder))
    return recorder


def options_page() -> str:
    """The page, with options and their twins, and markers."""
    recorder = declared()
    rows = [_row(option, key, recorder.twins[key]) for key, option in recorder.options.items()]
    return page(
        "pytest",
        "A test that asks for the fixture `claim` runs once for every claim. Relative paths start where the command "
        "was typed; those of the ini file (`[tool.pytest.ini_options]` in `pyproject.toml`, or `pytest.ini`) at its "
        "folder. They hold for every [`qaml` command](cli.md), too; what is typed wins.",
        "## Options",
        table(("option", "in the ini file", "default", "says"), rows),
        "## Markers",
        "Every claim carries one: `pytest -m \"qaml(suite='kehoe2021', cost='light')\"`.",
        table(("marker", "says"), [_marker(marker) for marker in MARKERS]),
        "## Outcomes",
        "What a verdict makes of a test: [Judging](../judging.md). Exit codes are pytest's own: "
        "[how a run ends](../howto/your-project.md#how-a-run-ends).",
    )


def _row(option: _Option, key: str, twin: _Twin) -> tuple[str, ...]:
    default = " ".join(twin.default) if isinstance(twin.default, list) else str(twin.default)
    shown = option.name if option.is_flag else f"{option.name} {option.name.rpartition('-')[2].upper()}"
    default = "" if option.is_flag else code(default)
    return code(shown), f"{code(key)} ({twin.kind})", default, prose(option.text)


def _marker(marker: str) -> tuple[str, str]:
    name, _, text = marker.partition(": ")
    return code(name), prose(text)
