"""The options of the command line and of the ini file: declared, checked, and read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from difflib import get_close_matches
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from qaml.session.options import FLAGS, OPTIONS, REPEATED, Options

if TYPE_CHECKING:
    from qaml.session.session import Session

DEVICES = ("cpu", "cuda")
AUTOLOAD = "PYTEST_DISABLE_PLUGIN_AUTOLOAD"

_DIGITS = 9
"""Most digits of a number of seeds: Python refuses to read numbers of thousands."""


def add_options(parser: pytest.Parser) -> None:
    """Declare every option with its ini twin."""
    group = parser.getgroup("qaml", "claims about adversarial robustness")
    for name, (default, text) in OPTIONS.items():
        action = "append" if name in REPEATED else "store"
        group.addoption(f"--qaml-{name}", action=action, default=None, help=f"{text} (default: {default or 'unset'})")
        kind: Any = "linelist" if name in REPEATED else "string"
        listed = [default] if default else []
        parser.addini(f"qaml_{name}", text, type=kind, default=listed if name in REPEATED else default)
    for name, text in FLAGS.items():
        group.addoption(f"--qaml-{name}", action="store_true", default=None, help=text)
        parser.addini(_ini(name), text, type="bool", default=False)


def _ini(name: str) -> str:
    return f"qaml_{name.replace('-', '_')}"


def check_options(config: pytest.Config) -> None:
    """Refuse wrong values before anything is collected: once, and without a traceback.

    A default folder need not exist: most projects have no test of claims.
    """
    from qaml.vocab import PROFILES

    for name, choices in {"profile": PROFILES, "device": DEVICES}.items():
        if option(config, name) not in choices:
            raise pytest.UsageError(
                f"--qaml-{name}: expected one of {', '.join(choices)}, got {option(config, name)!r}"
            )
    seeds = str(option(config, "seeds"))
    if seeds and not (seeds.isdecimal() and len(seeds) <= _DIGITS and int(seeds) > 0):
        raise pytest.UsageError(f"--qaml-seeds: expected a positive number, got {seeds[:40]!r}")
    for name in FLAGS:
        try:
            option(config, name)
        except (ValueError, pytest.UsageError) as error:
            raise pytest.UsageError(f"{_ini(name)}: expected true or false: {error}") from None
    for spec in config.getoption("--qaml-spec") or ():
        if not (path := _spec(config, spec)).exists():
            from qaml.spec.shipped import advice

            raise pytest.UsageError(f"--qaml-spec: no such file or folder: {spec}\n  hint: {advice(path)}")


def check_selection(config: pytest.Config, session: Callable[[], Session]) -> None:
    """Refuse a missing device or store, a run without claims, and a baseline that could not be used in the end.

    Args:
        config: pytest's configuration of the run.
        session: loads its specs, which only these options need so early; the mistakes of a spec are reported by its
            test.
    """
    from qaml.errors import QamlError
    from qaml.run.device import check_device

    try:
        check_device(str(option(config, "device")))
    except QamlError as error:
        raise pytest.UsageError(f"--qaml-device: {error}") from None
    if config.getoption("--qaml-store") is not None and not config.getoption("collectonly"):
        _check_store(chosen_folder(config, "store"))
    named = option(config, "claim")
    if named and not session().named(named) and not session().broken:
        near = get_close_matches(named[0], [name for c in session().claims for name in (c.node, c.entry.id)], 3)
        hint = f"did you mean {' or '.join(near)}?" if near else "'qaml list' shows the ids"
        raise pytest.UsageError(f"--qaml-claim: no claim is named {' or '.join(named)}\n  hint: {hint}")
    if file := baseline_file(config):
        _check_baseline(file, session)


def baseline_file(config: pytest.Config) -> Path | None:
    """The baseline with which the run is compared."""
    return chosen_folder(config, "baseline") if str(option(config, "baseline")) else None


def _check_baseline(file: Path, session: Callable[[], Session]) -> None:
    from qaml.errors import QamlError
    from qaml.gate.judge import check_comparable

    try:
        check_comparable(session, file)
    except QamlError as error:
        raise pytest.UsageError(f"--qaml-baseline: {error}") from None


def _check_store(folder: Path) -> None:
    from qaml.errors import StoreError
    from qaml.run.store import Store

    try:
        Store(folder).prepare()
    except StoreError as error:
        raise pytest.UsageError(str(error)) from None


def _base(config: pytest.Config, name: str) -> Path:
    """The base of relative paths: the working directory of the command, or the folder of the ini file."""
    return config.invocation_params.dir if config.getoption(f"--qaml-{name}") is not None else config.rootpath


def _spec(config: pytest.Config, typed: str) -> Path:
    """The file or folder of a typed path or name."""
    from qaml.spec.shipped import located

    return located(typed, _base(config, "spec"))


def chosen_folder(config: pytest.Config, name: str) -> Path:
    """A chosen path, relative paths resolved."""
    return _base(config, name) / str(option(config, name))


def option(config: pytest.Config, name: str) -> Any:
    """An option, or its ini twin."""
    given = config.getoption(f"--qaml-{name}")
    return given if given is not None else config.getini(_ini(name))


def session_options(config: pytest.Config, shared: Mapping[str, Any]) -> Options:
    """Every option of a session; ``shared`` holds the values that the controller sends to its workers."""
    seeds = str(option(config, "seeds"))
    return Options(
        specs=tuple(_spec(config, spec) for spec in option(config, "spec")),
        profile=option(config, "profile"),
        store=chosen_folder(config, "store"),
        report=chosen_folder(config, "report"),
        seeds=int(seeds) if seeds else None,
        is_strict=bool(option(config, "strict")),
        is_hardware_strict=bool(option(config, "strict-hardware")),
        device=str(option(config, "device")),
        replay=tuple(_replay(config)),
        **shared,
    )


def _replay(config: pytest.Config) -> Iterator[str]:
    """The chosen options, of the command line or the ini file, as arguments of ``qaml run``."""
    from qaml.spec.load import as_typed

    for name in ("store", "seeds", "device"):
        value = str(option(config, name))
        if value != OPTIONS[name].default or config.getoption(f"--qaml-{name}") is not None:
            yield f"--{name}"
            yield as_typed(chosen_folder(config, name)) if name == "store" else value
    yield from (f"--{name}" for name in FLAGS if name != "refresh" and option(config, name))


class Chosen(NamedTuple):
    """The options of a command outside pytest.

    Attributes:
        options: options for a session.
        root: the folder that paths of the ini file, and default ones, start at.
        arguments: arguments for pytest: every option that differs from its default.
    """

    options: Options
    root: Path
    arguments: tuple[str, ...]


class _Reader:
    """A pytest plugin that reads the options and runs nothing."""

    def __init__(self) -> None:
        self.found: Chosen | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> int:
        """Read the options instead of running a session."""
        check_options(config)
        options = session_options(config, {})
        self.found = Chosen(options, config.rootpath, tuple(_arguments(config)))
        return 0


def _arguments(config: pytest.Config) -> Iterator[str]:
    for name, (default, _) in OPTIONS.items():
        value, is_given = option(config, name), config.getoption(f"--qaml-{name}") is not None
        values = value if name in REPEATED else [value]
        if is_given or values != ([default] if default else []):
            yield from (f"--qaml-{name}={_placed(config, name, each)}" for each in values if each)
    yield from (f"--qaml-{name}" for name in FLAGS if option(config, name))


def _placed(config: pytest.Config, name: str, value: str) -> str | Path:
    """The value of an option as it holds from any folder."""
    if name == "spec":
        return _spec(config, value)
    return _base(config, name) / value if name in ("store", "report", "baseline") else value


def project_options(arguments: Sequence[str]) -> Chosen:
    """The options of a command outside pytest: typed ones, or else those of the ini file that pytest would find.

    Args:
        arguments: options of this plugin; paths start at the working directory.

    Raises:
        QamlError: wrong values, or an ini file that pytest cannot read.
    """
    from qaml.errors import QamlError

    reader, printed = _Reader(), StringIO()
    # the project's tests play no part: no plugins, no conftest files, and none of their settings in the ini file
    quiet = ["-pqaml.pytest_plugin", "-s", "--assert=plain", "--noconftest", "-oaddopts=", "-orequired_plugins="]
    environment = {name: os.environ.pop(name) for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS") if name in os.environ}
    autoload = os.environ.get(AUTOLOAD)
    os.environ[AUTOLOAD] = "1"
    try:
        with redirect_stderr(printed), redirect_stdout(printed):
            pytest.main([*quiet, *arguments], plugins=[reader])
    finally:
        os.environ.update(environment)
        os.environ.pop(AUTOLOAD) if autoload is None else os.environ.update({AUTOLOAD: autoload})
    if reader.found is None:
        raise QamlError(printed.getvalue().strip().removeprefix("ERROR: "))
    return reader.found
