"""State of a whole process: recorded before foreign code runs, restored and reported after it.

Only libraries that are loaded already are covered; nothing is imported. What this cannot contain (``sys.exit``, memory,
native crashes) needs a process of its own: ``run/isolation``.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType
from typing import Any, NamedTuple, cast

PATCHED = (
    "torch",
    "torch.nn.functional",
    "torch.autograd",
    "torch.optim",
    "numpy",
    "numpy.linalg",
    "numpy.random",
    "random",
)
"""Modules whose functions are compared before and after."""
_changes: ContextVar[list[str] | None] = ContextVar("changes", default=None)
BY_LIBRARIES = ("KMP_", "TORCHINDUCTOR_")
"""Environment variables that numerical libraries set for themselves."""
SIGNALS = tuple(one for one in signal.Signals if one.name in ("SIGINT", "SIGTERM", "SIGABRT", "SIGSEGV", "SIGALRM"))


class Item(NamedTuple):
    """One piece of state.

    Attributes:
        name: name in messages.
        get: returns its present value.
        put: sets a value.
        show: returns the value in words; empty for a value that is too long to show.
        is_reported: whether a change is reported; drawing from a generator is normal use.
    """

    name: str
    get: Callable[[], Any]
    put: Callable[[Any], object]
    show: Callable[[Any], str] = str
    is_reported: bool = True


@contextmanager
def process_state_kept() -> Iterator[list[str]]:
    """Restore at the end every state that the block changed.

    Yields:
        A list that is filled at the end: one line for each change, such as ``default dtype: torch.float32, then
        torch.float64``.
    """
    before = [(item, item.get()) for item in _items()]
    functions, modules = _functions(), dict(sys.modules)
    changes: list[str] = []
    around = _changes.set(changes)
    try:
        yield changes
    finally:
        _changes.reset(around)
        for item, value in before:
            changes += _given_back(item, value)
        changes += _patched(functions)
        changes += _modules_given_back(modules)
        for change in changes:
            note_change(change)


def note_change(change: str) -> None:
    """Add a line to the enclosing ``process_state_kept`` about a change that was undone already."""
    around = _changes.get()
    if around is not None and change not in around:
        around.append(change)


def _given_back(item: Item, before: Any) -> Iterator[str]:
    now = item.get()
    if now == before:
        return
    item.put(before)
    if not item.is_reported:
        return
    if isinstance(before, dict):
        names = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
        if foreign := [name for name in names if not name.startswith(BY_LIBRARIES)]:
            yield f"{item.name}: {', '.join(foreign)}"
        return
    shown = f": {item.show(before)}, then {item.show(now)}" if item.show(before) else ""
    yield f"{item.name}{shown}"


def _items() -> Iterator[Item]:
    yield Item("working directory", _folder, _change_folder)
    yield Item("environment variables", lambda: dict(os.environ), _put_environment, _nothing)
    yield Item("sys.path", lambda: list(sys.path), _put_path, _nothing)
    yield Item("warning filters", lambda: list(warnings.filters), _put_filters, _nothing)
    yield Item("recursion limit", sys.getrecursionlimit, sys.setrecursionlimit)
    yield Item("state of random", random.getstate, random.setstate, is_reported=False)
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            yield Item(f"handler of {number.name}", _handler(number), _put_handler(number), _nothing)
    if "numpy" in sys.modules:
        yield from _of_numpy(sys.modules["numpy"])
    if "torch" in sys.modules and hasattr(sys.modules["torch"], "set_default_dtype"):
        yield from _of_torch(sys.modules["torch"])


def _of_numpy(numpy: Any) -> Iterator[Item]:
    def state() -> tuple[Any, ...]:
        kind, keys, *rest = numpy.random.get_state()
        return (kind, keys.tobytes(), *rest)

    def put(value: tuple[Any, ...]) -> None:
        kind, keys, *rest = value
        numpy.random.set_state((kind, numpy.frombuffer(keys, dtype=numpy.uint32), *rest))

    yield Item("state of numpy.random", state, put, is_reported=False)
    yield Item("numpy.seterr", numpy.geterr, lambda value: numpy.seterr(**value), _nothing)


def _of_torch(torch: Any) -> Iterator[Item]:
    yield Item("default dtype", torch.get_default_dtype, torch.set_default_dtype)
    yield Item("gradients", torch.is_grad_enabled, torch.set_grad_enabled, lambda on: "on" if on else "off")
    yield Item("threads of torch", torch.get_num_threads, torch.set_num_threads)
    yield Item("precision of products", torch.get_float32_matmul_precision, torch.set_float32_matmul_precision)
    yield Item(
        "deterministic algorithms", torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms
    )
    yield Item("anomaly detection", torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly)

    def state() -> bytes:
        found: bytes = torch.random.get_rng_state().numpy().tobytes()
        return found

    def put(value: bytes) -> None:
        torch.random.set_rng_state(torch.frombuffer(bytearray(value), dtype=torch.uint8))

    yield Item("state of torch's generator", state, put, is_reported=False)


def _nothing(_: Any) -> str:
    return ""


def _folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109
    except OSError:  # it was deleted
        return ""


def _change_folder(folder: str) -> None:
    if folder:
        os.chdir(folder)


def _put_environment(value: dict[str, str]) -> None:
    for name in set(os.environ) - set(value):
        del os.environ[name]
    os.environ.update(value)


def _put_path(value: list[str]) -> None:
    """Move new entries to the end: former ones keep their priority, and code that needs new ones still works."""
    added = [entry for entry in sys.path if entry not in value]
    sys.path[:] = [*value, *added]


def _put_filters(value: list[Any]) -> None:
    warnings.resetwarnings()  # which also makes Python forget what it has warned of
    cast("list[Any]", warnings.filters).extend(value)


def _handler(number: signal.Signals) -> Callable[[], Any]:
    return lambda: signal.getsignal(number)


def _put_handler(number: signal.Signals) -> Callable[[Any], object]:
    return lambda value: signal.signal(number, value) if value is not None else None


def _functions() -> dict[str, tuple[ModuleType, dict[str, Any]]]:
    """The functions behind the names of well-known modules."""
    found = {}
    for name in PATCHED:
        module = sys.modules.get(name)
        if module is not None:
            found[name] = (module, {key: value for key, value in vars(module).items() if callable(value)})
    return found


def _patched(before: dict[str, tuple[ModuleType, dict[str, Any]]]) -> Iterator[str]:
    """Restore functions that were replaced or removed; new names stay (a submodule that was imported)."""
    for name, (module, functions) in before.items():
        for key, function in functions.items():
            if _is_foreign(name, function, vars(module).get(key)):
                setattr(module, key, function)
                yield f"{name}.{key} was replaced"


def _modules_given_back(before: dict[str, ModuleType]) -> Iterator[str]:
    for name, module in before.items():
        if sys.modules.get(name) is not module:
            sys.modules[name] = module
            yield f"sys.modules[{name!r}] was replaced"


def _is_foreign(name: str, before: Any, now: Any) -> bool:
    """Whether foreign code replaced a function, and not its own library (torch wraps some on request)."""
    return now is not before and _library(getattr(now, "__module__", None)) != _library(name)


def _library(module: str | None) -> str:
    return (module or "").partition(".")[0]


def cores() -> int:
    """The number of cores that this process may use."""
    return (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()) or 1
