"""Configuration of a plain torch module: the user's code and weights, without writing a package."""

from __future__ import annotations

import difflib
import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from qaml.errors import PartError
from qaml.files.regular import as_written, read_declared
from qaml.models.base import History, Hooks
from qaml.models.network_part import NetworkPart
from qaml.process_state import process_state_kept
from qaml.types import InputInfo, Module, Settings, Split

TRUSTED_MODULES = "QAML_TRUSTED_MODULES"
"""Name of the environment variable with the Python modules that specs may load, separated by commas or blanks."""
MOST_BYTES = 8 << 30
"""Largest size of a file of weights, in bytes."""


class Weights(Settings):
    """Trained weights in a user's file."""

    path: str = Field(min_length=1)
    """Path of a safetensors file with the module's state dictionary; relative paths start at the current directory."""
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    """Checksum of the file: results depend on the file's content, not on its name."""


class TorchModule(NetworkPart):
    """A ``torch.nn.Module`` that a user's function or class makes.

    A spec is data and never runs code by itself: the Python module is imported only if the user who runs the suite
    names it in the environment variable ``QAML_TRUSTED_MODULES``. Weights are read from safetensors, which holds arrays
    and nothing that could run.
    """

    kind: Literal["torch_module"] = "torch_module"
    factory: str = Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$")
    """``module:callable``, called with ``arguments``, returns the module: (batch, …) in bounds → (batch, n_classes)."""
    arguments: dict[str, bool | int | float | str] = Field(default={})
    """Keyword arguments of the factory."""
    reads: tuple[str, ...] = Field((), exclude=True)  # the key holds their content; no draw depends on their names
    """Files and folders that the module reads, and environment variables as ``env:NAME``: results depend on their
    content. Imports, variables and files that are opened by constant names are noticed without it."""
    weights: Weights | None = None
    """Trained weights; without them the module is trained from its factory's initial ones."""
    fine_tune: bool = False
    """Whether to train on from ``weights``; otherwise they are used unchanged."""

    @model_validator(mode="after")
    def _fine_tune_something(self) -> TorchModule:
        if self.fine_tune and self.weights is None:
            raise ValueError("fine_tune needs weights to start from")
        return self

    @property
    def is_trained(self) -> bool:
        """Whether the weights are used unchanged, so that ``fit`` changes nothing."""
        return self.weights is not None and not self.fine_tune

    @property
    def source_modules(self) -> tuple[str, ...]:
        """The Python modules whose changes make trained results stale, beside this part's own.

        Raises:
            PartError: they are not trusted, so that their source may not be read either.
        """
        return (trusted(self.factory),)

    @property
    def runs_foreign_code(self) -> bool:
        """Always true: the factory and the module are the user's."""
        return True

    @property
    def what_it_reads(self) -> tuple[str, ...]:
        """The files, folders and variables that the part declares."""
        return self.reads

    def find_code(self) -> None:
        """Import the factory's module, if it is trusted, and look the factory up."""
        resolve(self.factory)

    def build(self, info: InputInfo, seed: int) -> Module:
        """The user's module with the user's weights behind ``models.edge``, tried out with two all-zero inputs.

        Raises:
            PartError: the factory is not trusted, cannot be imported or called, returns something else than a module
                with these inputs and classes, or the weights are missing, changed or do not fit.
        """
        from qaml.models.seeding import seeded
        from qaml.models.torch_module.network import load_weights, made_by, try_out

        factory = resolve(self.factory)
        with seeded(seed):
            module = made_by(factory, self.factory, self.arguments)
            if self.weights is not None:
                load_weights(module, verified(self.weights))
            try_out(module, self.factory, info)
        return module

    def fit(self, module: Module, data: Split, info: InputInfo, hooks: Hooks, seed: int) -> History:
        """Train with cross-entropy; do nothing for weights that are used unchanged."""
        if self.is_trained:
            module.eval()
            return {}
        return super().fit(module, data, info, hooks, seed)


def trusted_modules() -> frozenset[str]:
    """The Python modules that specs may load."""
    return frozenset(os.environ.get(TRUSTED_MODULES, "").replace(",", " ").split())


def trusted(factory: str) -> str:
    """The Python module of ``module:callable``.

    Raises:
        PartError: the module is not trusted.
    """
    name = factory.partition(":")[0]
    if name not in trusted_modules():
        close = difflib.get_close_matches(name, sorted(trusted_modules()), 1, 0.8)
        misspelt = f"did you mean {close[0]!r}, which is? " if close else ""
        raise PartError(
            f"the spec asks to run code of the Python module {name!r}, which is not trusted",
            f"{misspelt}if you trust it, run with {TRUSTED_MODULES}={name}",
        )
    return name


def resolve(factory: str) -> Callable[..., Any]:
    """Import ``module:callable`` if its module is trusted.

    Raises:
        PartError: it is not, or there is no such callable.
    """
    name, attribute = trusted(factory), factory.partition(":")[2]
    try:
        with process_state_kept():
            module = importlib.import_module(name)
    except Exception as error:
        raise _not_imported(name, error) from error
    try:
        made = getattr(module, attribute)
    except AttributeError as error:
        close = difflib.get_close_matches(attribute, [key for key, value in vars(module).items() if callable(value)], 1)
        hint = f"did you mean {close[0]!r}?" if close else "name a function or class that returns a module"
        raise PartError(f"the Python module {name!r} has no {attribute!r}", hint) from error
    if not callable(made):
        raise PartError(f"factory {factory!r} is not callable", "name a function or class that returns a module")
    function: Callable[..., Any] = made
    return function


def _not_imported(name: str, error: Exception) -> PartError:
    """The error for a trusted module that cannot be imported: it is absent, or importing it raises an exception."""
    is_absent = isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}.")
    if not is_absent:
        said = f"importing the Python module {name!r} fails: {type(error).__name__}: {error}"
        return PartError(said, f"'python -c \"import {name}\"' shows where")
    close = difflib.get_close_matches(name, [path.stem for path in Path().glob("*.py")], 1)
    hint = "it must be importable from where you run, such as the root of your project on PYTHONPATH"
    return PartError(f"there is no Python module {name!r}", f"did you mean {close[0]!r}? {hint}" if close else hint)


def verified(weights: Weights) -> bytes:
    """The content of the weights' file.

    Raises:
        PartError: the file cannot be read or differs from its declaration.
    """
    path = as_written(weights.path)
    try:
        content = read_declared(path, weights.sha256, MOST_BYTES)
    except OSError as error:
        raise PartError(
            f"cannot read weights {weights.path!r}: {error.strerror or error}", f"expected a file at {path.absolute()}"
        ) from error
    if content is None:
        # the checksum stays secret: the spec may name any file of the user who runs it
        raise PartError(
            f"weights {weights.path!r} are not the file that was named: expected SHA-256 {weights.sha256}",
            "if the file is the one you mean, write its checksum ('sha256sum') into the spec",
        )
    return content
