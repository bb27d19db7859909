"""Every command and every option of the command line, as typer knows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typer.core import TyperGroup
from typer.main import get_command

from qaml.cli import app
from reference.markdown import code, page, prose, table


def commands_page() -> str:
    """The page, with a section for each command."""
    blocks = [block for path, command in _leaves("qaml", get_command(app)) for block in _section(path, command)]
    exits = table(
        ("exit code", "means"),
        [
            ("0", "all is well"),
            ("1", "claims failed, or the doctor saw a fault"),
            ("2", "bad input, with a message; or the run was interrupted"),
        ],
    )
    return page("Command line", exits, *blocks)


def _leaves(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(command, TyperGroup):
        yield path, command
        return
    for name, inner in command.commands.items():
        yield from _leaves(f"{path} {name}", inner)


def _section(path: str, command: Any) -> Iterator[str]:
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
    usage = " ".join((path, *(["[OPTIONS]"] if options else []), *map(_argument, arguments)))
    yield f"## {path}"
    yield prose(command.help)
    yield f"```text\n{usage}\n```"
    yield table(("argument", "says"), [(code(_argument(each)), prose(each.help)) for each in arguments])
    yield table(("option", "default", "says"), [_option(each) for each in options])


def _argument(parameter: Any) -> str:
    name = parameter.name.upper()
    return f"[{name}]..." if parameter.nargs == -1 else f"[{name}]"


def _option(parameter: Any) -> tuple[str, str, str]:
    name = ", ".join(parameter.opts)
    if parameter.is_flag:
        return code(name), "", prose(parameter.help)
    shown = parameter.show_default  # a description instead of a value, where an ini file may set another default
    default = shown if isinstance(shown, str) else "" if parameter.default in (None, "") else str(parameter.default)
    repeated = " (may be given several times)" if parameter.multiple else ""
    return code(f"{name} {parameter.name.upper()}"), code(default), prose(parameter.help) + repeated
