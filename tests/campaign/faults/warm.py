"""Runs in forks of this process, which has imported what they need: a run costs what it does, not what it imports."""

from __future__ import annotations

import gc
import importlib
import os
import resource
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from contextlib import chdir, redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import pytest

PAGE_MIB = resource.getpagesize() / 2**20

Action = Callable[[], int]
"""What a fork does; its result is the exit code."""


class Ended(NamedTuple):
    """How a fork ended.

    Attributes:
        code: exit code, or minus the signal that ended it.
        out: what it printed.
        seconds: wall time.
        worked: processor time, in seconds.
        grown: MiB of memory at its height, above what it started with.
        is_late: whether it was ended because its time was over.
    """

    code: int
    out: str
    seconds: float
    worked: float
    grown: float
    is_late: bool = False

    @property
    def has_traceback(self) -> bool:
        """Whether a person was shown one."""
        return "Traceback (most recent call last)" in self.out or "INTERNALERROR" in self.out


def warm_up(action: Action, folder: Path) -> Ended:
    """Import whatever a fork imports that does this, and hold one thread: only such a process can be forked safely."""
    names = folder.parent / "modules.txt"

    def noting() -> int:
        code = action()
        names.write_text("\n".join(name for name, module in list(sys.modules.items()) if module is not None))
        return code

    ended = run(noting, folder)
    for name in names.read_text().split() if names.exists() else ():
        with suppress(Exception), warnings.catch_warnings(action="ignore"):
            importlib.import_module(name)
    sys.modules["torch"].set_num_threads(1)
    gc.collect()
    gc.freeze()
    return ended


def done_here(arguments: Sequence[str], folder: Path) -> None:
    """Do what a command does in this process, for what it keeps in memory: digests of sources, compiled templates."""
    from qaml.cli import app

    with chdir(folder), redirect_stdout(StringIO()):
        app(list(arguments), standalone_mode=False)


class Fork:
    """A process at work: forked from this one, in a session (and process group) of its own.

    Args:
        action: what it does.
        folder: its working directory.
        prepare: called in it beforehand, such as to set limits.
        name: where several run in one folder.
    """

    def __init__(
        self, action: Action, folder: Path, prepare: Callable[[], None] = lambda: None, name: str = ""
    ) -> None:
        self.printed = folder.parent / f"{folder.name}{name}.out"
        self.start = time.perf_counter()
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            _become(action, folder, self.printed, prepare)

    def wait(self, limit: float = 120.0, *, is_tidy: bool = True) -> Ended:
        """Until it has ended, or ``limit`` seconds have passed: then it and all that it started are killed.

        Args:
            limit: in seconds.
            is_tidy: whether to kill what it left behind, too.
        """
        late = False
        pause = 0.002
        while not self.is_done():
            if not late and time.perf_counter() - self.start > limit:
                late = True
                self.signal(signal.SIGKILL, is_group=True)
            time.sleep(pause)
            pause = min(0.05, 1.2 * pause)
        if is_tidy:
            self.signal(signal.SIGKILL, is_group=True)
        _, status, used = os.wait4(self.pid, 0)
        seconds = time.perf_counter() - self.start
        content = self.printed.read_text(errors="replace")
        head, _, out = content.partition("\n")
        grown = used.ru_maxrss / 1024 - float(head or 0)
        return Ended(os.waitstatus_to_exitcode(status), out, seconds, used.ru_utime + used.ru_stime, grown, late)

    def is_done(self) -> bool:
        """Whether it has ended; it is not reaped before ``wait``, so that nobody else gets its number."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def signal(self, number: int, *, is_group: bool = False) -> None:
        """Send a signal, to it or to all of its group."""
        with suppress(ProcessLookupError, PermissionError):
            (os.killpg if is_group else os.kill)(self.pid, number)


def run(action: Action, folder: Path, prepare: Callable[[], None] = lambda: None, limit: float = 120.0) -> Ended:
    """Do something in a fork and wait for it."""
    return Fork(action, folder, prepare).wait(limit)


def _become(action: Action, folder: Path, printed: Path, prepare: Callable[[], None]) -> None:
    code = 70
    try:
        os.setsid()
        out = os.open(printed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.write(out, f"{_resident():.1f}\n".encode())
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(out, 2)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.chdir(folder)
        prepare()
        code = action()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        code = 130
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        os._exit(code)


def _resident() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_MIB


def pytest_run(*arguments: str) -> Action:
    """Claims of the working directory, as ``pytest`` runs them."""
    return lambda: int(pytest.main(["-p", "no:hypothesispytest", "-p", "no:cacheprovider", "-q", *arguments]))


def qaml_command(*arguments: str) -> Action:
    """A command line of ``qaml``."""

    def action() -> int:
        from qaml.cli import main

        sys.argv = ["qaml", *arguments]
        main()
        return 0

    return action
