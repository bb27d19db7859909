"""What a person chose at the command line or in the ini file: declared, checked, and read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from qaml.judge.session import Options

DEVICES = ("cpu", "cuda")

_OPTIONS = {
    "profile": ("quick", "scale of the claims: quick, standard or paper"),
    "spec": ("specs", "a spec file or a folder of specs (may be given several times; ini: one a line)"),
    "store": (".qaml/store", "folder of trained models, attacks and outcomes"),
    "report": ("reports/latest", "folder of the report"),
    "seeds": ("", "training runs of every model (default: what the suites say)"),
    "device": ("cpu", "cpu or cuda"),
    "baseline": ("", "a file of 'qaml baseline save': cells that are worse than there fail the run"),
}
_FLAGS = {
    "refresh": "compute everything again, whatever the store holds",
    "strict": "an inconclusive claim fails",
    "strict-hardware": "what another processor computed counts as absent: results agree to about seven digits",
}


def add_options(parser: pytest.Parser) -> None:
    """Declare every option with its ini twin."""
    group = parser.getgroup("qaml", "claims about adversarial robustness")
    for name, (default, text) in _OPTIONS.items():
        action = "append" if name == "spec" else "store"
        group.addoption(f"--qaml-{name}", action=action, default=None, help=f"{text} (default: {default or 'unset'})")
        kind: Any = "linelist" if name == "spec" else "string"
        parser.addini(f"qaml_{name}", text, type=kind, default=[default] if name == "spec" else default)
    for name, text in _FLAGS.items():
        group.addoption(f"--qaml-{name}", action="store_true", default=None, help=text)
        parser.addini(_ini(name), text, type="bool", default=False)


def _ini(name: str) -> str:
    return f"qaml_{name.replace('-', '_')}"


def check_options(config: pytest.Config) -> None:
    """Refuse wrong values before anything is collected: once, and without a traceback.

    A default folder need not exist: in most projects nothing asks for claims.
    """
    from qaml.vocab import PROFILES

    for name, choices in {"profile": PROFILES, "device": DEVICES}.items():
        if option(config, name) not in choices:
            raise pytest.UsageError(
                f"--qaml-{name}: expected one of {', '.join(choices)}, got {option(config, name)!r}"
            )
    seeds = str(option(config, "seeds"))
    if seeds and not (seeds.isdecimal() and int(seeds) > 0):
        raise pytest.UsageError(f"--qaml-seeds: expected a positive number, got {seeds!r}")
    if file := baseline_file(config):
        _check_baseline(file)
    for spec in config.getoption("--qaml-spec") or ():
        if not (_base(config, "spec") / spec).exists():
            raise pytest.UsageError(f"--qaml-spec: no such file or folder: {spec}")
    if config.getoption("--qaml-store") is not None and not config.getoption("collectonly"):
        _check_store(chosen_folder(config, "store"))


def baseline_file(config: pytest.Config) -> Path | None:
    """The baseline that the run is held against."""
    return chosen_folder(config, "baseline") if str(option(config, "baseline")) else None


def _check_baseline(file: Path) -> None:
    from qaml.errors import QamlError
    from qaml.gate.baseline import read_baseline

    try:
        read_baseline(file)
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
    """What a relative path starts at: where the command was typed, or the folder of the ini file."""
    return config.invocation_params.dir if config.getoption(f"--qaml-{name}") is not None else config.rootpath


def chosen_folder(config: pytest.Config, name: str) -> Path:
    """A path that was chosen."""
    return _base(config, name) / str(option(config, name))


def option(config: pytest.Config, name: str) -> Any:
    """An option, or its ini twin."""
    given = config.getoption(f"--qaml-{name}")
    return given if given is not None else config.getini(_ini(name))


def session_options(config: pytest.Config, shared: Mapping[str, Any]) -> Options:
    """Everything a session needs; ``shared`` is what the controller tells its workers."""
    from qaml.judge.session import Options

    seeds = str(option(config, "seeds"))
    return Options(
        specs=tuple(_base(config, "spec") / spec for spec in option(config, "spec")),
        profile=option(config, "profile"),
        store=chosen_folder(config, "store"),
        report=chosen_folder(config, "report"),
        seeds=int(seeds) if seeds else None,
        is_strict=bool(option(config, "strict")),
        is_hardware_strict=bool(option(config, "strict-hardware")),
        device=str(option(config, "device")),
        **shared,
    )
