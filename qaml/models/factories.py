"""Functions and classes of users that a spec names as ``module:callable``, and their arguments.

A spec is data and never runs code by itself: a Python module is imported only if the user who runs the suite names it
in the environment variable ``QAML_TRUSTED_MODULES``.
"""

from __future__ import annotations

import copy
import difflib
import importlib
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, JsonValue, WithJsonSchema
from pydantic_core import PydanticCustomError

from qaml.errors import PartError
from qaml.process_state import process_state_kept

TRUSTED_MODULES = "QAML_TRUSTED_MODULES"
"""Name of the environment variable with the Python modules that specs may load, separated by commas or blanks."""


def _with_colon(value: object) -> object:
    """Point to the colon where a class is written as in Python."""
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", value):
        module, _, name = value.rpartition(".")
        message = f"expected module:callable, got {value!r}"
        raise PydanticCustomError("factory", "{message}", {"message": message, "hint": f"write {module}:{name}"})
    return value


Factory = Annotated[str, BeforeValidator(_with_colon), Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$")]
"""``module:callable``."""

Arguments = Annotated[dict[str, JsonValue], WithJsonSchema({"type": "object"})]
"""Keyword arguments of a factory: numbers, texts, lists and mappings, nested at will."""


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


def resolve(factory: str, what: str = "a module") -> Callable[..., Any]:
    """Import ``module:callable`` if its module is trusted.

    Args:
        factory: the callable.
        what: what it returns, in words.

    Raises:
        PartError: it is not, or there is no such callable.
    """
    trusted(factory)
    return imported(factory, what)


def imported(factory: str, what: str = "a module") -> Callable[..., Any]:
    """Import ``module:callable``, whose module is known to be harmless or trusted.

    Raises:
        PartError: there is no such callable.
    """
    name, _, attribute = factory.partition(":")
    try:
        with process_state_kept():
            module = importlib.import_module(name)
    except Exception as error:
        raise _not_imported(name, error) from error
    try:
        made = getattr(module, attribute)
    except AttributeError as error:
        close = difflib.get_close_matches(attribute, [key for key, value in vars(module).items() if callable(value)], 1)
        hint = f"did you mean {close[0]!r}?" if close else f"name a function or class that returns {what}"
        raise PartError(f"the Python module {name!r} has no {attribute!r}", hint) from error
    if not callable(made):
        raise PartError(f"factory {factory!r} is not callable", f"name a function or class that returns {what}")
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


def called(factory: Callable[..., Any], name: str, arguments: Mapping[str, JsonValue]) -> Any:
    """Call a factory with copies of its arguments; switches of the process that it changes are restored.

    Raises:
        PartError: the factory raises.
    """
    try:
        with process_state_kept():
            return factory(**copy.deepcopy(dict(arguments)))
    except Exception as error:
        raise PartError(f"factory {name!r} failed: {type(error).__name__}: {error}", "check 'arguments'") from error
