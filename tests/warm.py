"""pytest and qaml in forks of a process that has imported them: a run costs what it does, not what it imports.

The process is this file's ``serve``, one beside each process that tests. It forks one child a request, which gets the
folder, environment, arguments and streams of a new process, and this process learns how the child ended. pytest's
workers are new processes as ever, and so is a run whose environment changes Python itself: see ``can_run``.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pickle
import pkgutil
import random
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import IO, Any, NamedTuple, NoReturn

ROOT = Path(__file__).parents[1]
NUMBERS = struct.Struct("!q")
MODULES = ("-m pytest", "-m qaml.cli", "-m tests.run.kill_qnode")
PYTHON_VARIABLES = frozenset({"PYTHONPATH", "PYTHONDONTWRITEBYTECODE"})
ELSEWHERE = ("LANG", "LC_", "OMP_", "MKL_", "NUMBA_", "COVERAGE_")
FOREIGN_PACKAGES = ("pennylane", "dwave", "foolbox", "dimod", "minorminer", "matplotlib")


class Request(NamedTuple):
    """A process to be: arguments behind ``python``, its folder and environment, whether it has a session of its own."""

    arguments: tuple[str, ...]
    folder: str
    environment: Mapping[str, str]
    has_session: bool


def can_run(arguments: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Whether a fork does what a new process would: it cannot have another Python, language or number of threads."""
    if " ".join(arguments[:2]) not in MODULES or not hasattr(os, "fork"):
        return False
    differs = {name for name in {*environment, *os.environ} if environment.get(name) != os.environ.get(name)}
    python = {name for name in differs if name.startswith("PYTHON")} - PYTHON_VARIABLES
    own = environment.get("PYTHONPATH", "").split(os.pathsep)
    is_of_this_code = not any(
        (Path(place) / "qaml").exists() and Path(place).resolve() != ROOT for place in own if place
    )
    return is_of_this_code and not python and not any(name.startswith(ELSEWHERE) for name in differs)


def run(arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run ``python`` with these arguments to its end, five minutes at most."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as error:
        done = Forked(Request(tuple(arguments), str(folder), environment, False), out.fileno(), error.fileno())
        try:
            code = done.wait(300)
        except BaseException:
            done.kill()
            raise
        for each in (out, error):
            each.seek(0)
        return subprocess.CompletedProcess(list(arguments), code, out.read(), error.read())


def start(arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Forked:
    """Begin to run it in a session of its own; what it prints comes from ``communicate``."""
    printed = tempfile.TemporaryFile("w+")  # noqa: SIM115
    begun = Forked(Request(tuple(arguments), str(folder), environment, True), printed.fileno(), printed.fileno())
    begun.stdout = printed
    return begun


CLIENT = """
import json, os, socket, sys
address, module, *arguments = sys.argv[1:]
with socket.socket(socket.AF_UNIX) as server:
    server.connect(address)
    asked = json.dumps([["-m", module, *arguments], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(server, [len(asked).to_bytes(8, "big")], [1, 2])
    server.sendall(asked)
    sys.exit(int(server.makefile().readline() or 70))
"""


class Commands:
    """Programs for a shell, each of which runs a module in a fork; they are there until ``close``.

    Args:
        folder: where the programs are written.
        modules: program → module, one of ``pytest`` and ``qaml.cli``.
    """

    def __init__(self, folder: Path, modules: Mapping[str, str]) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(folder / "s"))
        self._socket.listen()
        (folder / "client.py").write_text(CLIENT)
        for name, module in modules.items():
            line = f'exec "{sys.executable}" -S -E "{folder}/client.py" "{folder}/s" {module} "$@"'
            (folder / name).write_text(f"#!/bin/sh\n{line}\n")
            (folder / name).chmod(0o755)
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()

    def _answer(self) -> None:
        with suppress(OSError):  # it is closed
            while True:
                with self._socket.accept()[0] as client:
                    header, streams, _, _ = socket.recv_fds(client, 8, 2)
                    content = client.recv(int.from_bytes(header, "big"), socket.MSG_WAITALL)
                    arguments, place, environment = json.loads(content)
                    code = Forked(Request(tuple(arguments), place, environment, False), *streams).wait(300)
                    for each in streams:
                        os.close(each)
                    client.sendall(f"{code}\n".encode())

    def close(self) -> None:
        """Answer no more."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(10)


class Forked:
    """A child of the warm process, with what tests use of ``subprocess.Popen``."""

    def __init__(self, request: Request, out: int, error: int) -> None:
        self._channel, theirs = socket.socketpair()
        content = pickle.dumps(request)
        with theirs:
            control = _server(os.getpid())
            socket.send_fds(control, [NUMBERS.pack(len(content))], [out, error, theirs.fileno()])
            control.sendall(content)
        self.stdout: IO[str] | None = None
        self.returncode: int | None = None
        self._printed = ""
        self.pid = self._number()

    def poll(self) -> int | None:
        """The exit code, or ``None`` before the end."""
        if self.returncode is None and select.select([self._channel], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, or minus the signal that ended it."""
        if self.returncode is None:
            if not select.select([self._channel], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("a fork", timeout or 0.0)
            self.returncode = self._number()
            self._channel.close()
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        """What it has printed, once it has ended; as of ``Popen``, again after a timeout."""
        self.wait(timeout)
        if self.stdout is not None and not self.stdout.closed:
            self.stdout.seek(0)
            self._printed = self.stdout.read()
            self.stdout.close()
        return self._printed, None

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def _number(self) -> int:
        received = self._channel.recv(NUMBERS.size, socket.MSG_WAITALL)
        assert len(received) == NUMBERS.size, "the warm process has ended"
        number: int = NUMBERS.unpack(received)[0]
        return number


@cache
def _server(process: int) -> socket.socket:  # noqa: ARG001
    """The way to this process's warm process."""
    ours, theirs = socket.socketpair()
    code = f"from tests.warm import serve; serve({theirs.fileno()})"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    server = subprocess.Popen(
        [sys.executable, "-c", code], env=environment, cwd=ROOT, pass_fds=(theirs.fileno(),), start_new_session=True
    )
    theirs.close()

    def stop() -> None:
        ours.close()
        server.wait(10)

    atexit.register(stop)
    return ours


def serve(descriptor: int) -> None:
    """Import, then fork a child for each request until the other end of the socket is closed.

    A request is a length, three descriptors (standard output, standard error, a socket for the answers) and a pickled
    ``Request``; the answers are the child's number and how it ended, 8 bytes each.
    """
    control = socket.socket(fileno=descriptor)
    _import()
    waiting: dict[int, socket.socket] = {}
    ended, wakeup = os.pipe()
    os.set_blocking(ended, False)
    os.set_blocking(wakeup, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakeup)
    while True:
        readable, _, _ = select.select([control.fileno(), ended], [], [])
        if ended in readable:
            with suppress(BlockingIOError):
                os.read(ended, 1 << 12)
            _reap(waiting)
        if control.fileno() not in readable:
            continue
        header, descriptors, _, _ = socket.recv_fds(control, NUMBERS.size, 3)
        if not header:
            return
        content = control.recv(NUMBERS.unpack(header)[0], socket.MSG_WAITALL)
        request: Request = pickle.loads(content)
        channel = socket.socket(fileno=descriptors[2])
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            for each in (ended, wakeup):
                os.close(each)
            control.close()
            channel.close()
            for other in waiting.values():
                other.close()
            _become(request, *descriptors[:2])
        for each in descriptors[:2]:
            os.close(each)
        waiting[pid] = channel
        channel.sendall(NUMBERS.pack(pid))


def _reap(waiting: dict[int, socket.socket]) -> None:
    while waiting:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        with waiting.pop(pid) as channel, suppress(OSError):
            channel.sendall(NUMBERS.pack(os.waitstatus_to_exitcode(status)))


def _import() -> None:
    """Everything that runs import, but what only some of them do, and what they keep in memory about qaml itself."""
    import pytest
    import torch

    import qaml
    from qaml.plan import digest
    from qaml.run.isolation.server import PRELOADED

    assert pytest
    names = {*PRELOADED, "_pytest.junitxml", "xdist.plugin", "qaml.pytest_plugin", "qaml.cli"}
    for module in pkgutil.walk_packages(qaml.__path__, "qaml."):
        path = Path(module.module_finder.find_spec(module.name).origin)  # type: ignore[union-attr,arg-type,call-arg]
        digest._source(path)
        if not module.name.startswith(("qaml.samplers", "qaml.attacks", "qaml.quantum")):
            text = path.read_text()
            if not any(f"import {name}" in text or f"from {name}" in text for name in FOREIGN_PACKAGES):
                names.add(module.name)
    with warnings.catch_warnings(action="ignore"):
        for name in sorted(names):
            with suppress(ImportError):
                importlib.import_module(name)
    for name in list(sys.modules):
        digest._find(name) if name.startswith("qaml.") else None
    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()


def _become(request: Request, out: int, error: int) -> NoReturn:
    """The child: settle as a new process would and run the module."""
    code = 70
    try:
        _settle(request, out, error)
        code = _run(request.arguments[1], request.arguments[2:])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
    except KeyboardInterrupt:
        code = 130
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(Exception):
            atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        os._exit(code)


def _settle(request: Request, out: int, error: int) -> None:
    if request.has_session:
        os.setsid()
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(error, 2)
    for each in {out, error} - {1, 2}:
        os.close(each)
    os.chdir(request.folder)
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ.clear()
    os.environ.update(request.environment)
    own = [place for place in request.environment.get("PYTHONPATH", "").split(os.pathsep) if place]
    sys.path[:] = [request.folder, *own, *(each for each in sys.path if each and each not in given)]
    sys.dont_write_bytecode = bool(request.environment.get("PYTHONDONTWRITEBYTECODE"))
    importlib.invalidate_caches()
    for name in ("tests", "tests.warm"):  # a user's own package may have the name
        sys.modules.pop(name, None)
    random.seed()
    if not any(flag == "-n" and number != "0" for flag, number in pairwise(request.arguments)):
        _keep_a_server()  # with workers it is they who need one


class _Kept:
    """A fork that waits to become the server of steps' processes, with what ``apart`` uses of ``Popen``."""

    def __init__(self) -> None:
        self.control, theirs = socket.socketpair()
        self.is_used = False
        self._status: int | None = None
        self._pid = os.fork()
        if self._pid == 0:
            self.control.close()
            _wait_to_serve(theirs)
        theirs.close()

    def use(self) -> socket.socket:
        """Start it; the answer is the way to it."""
        content = pickle.dumps(sys.path)
        self.control.sendall(NUMBERS.pack(len(content)) + content)
        self.is_used = True
        return self.control

    def poll(self) -> int | None:
        """The exit code, or ``None`` before the end."""
        if self._status is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            self._status = os.waitstatus_to_exitcode(status) if pid else None
        return self._status

    def wait(self, timeout: float | None = None) -> int:
        """The exit code."""
        end = time.monotonic() + (timeout or 60.0)
        while (status := self.poll()) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired("a server", timeout or 60.0)
            time.sleep(0.002)
        return status

    def kill(self) -> None:
        """End it at once."""
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)


def _wait_to_serve(asked: socket.socket) -> NoReturn:
    try:
        os.setsid()
        for stream in range(3):
            os.dup2(os.open(os.devnull, os.O_RDWR), stream)
        header = asked.recv(NUMBERS.size, socket.MSG_WAITALL)
        if len(header) == NUMBERS.size:
            sys.path[:] = pickle.loads(asked.recv(NUMBERS.unpack(header)[0], socket.MSG_WAITALL))
            from qaml.run.isolation.server import serve

            serve(asked.detach())
    finally:
        os._exit(0)


def _keep_a_server() -> None:
    """The first server of steps' processes is a fork made now, before the run imports anything of the user's."""
    from qaml.run.isolation import apart

    kept = _Kept()
    start = apart._Server._started

    def started(server: Any) -> socket.socket:
        if kept.is_used:
            return start(server)
        server._control, server._process = kept.use(), kept
        return kept.control

    apart._Server._started = started  # type: ignore[method-assign,assignment]


def _run(module: str, arguments: Sequence[str]) -> int:
    if module == "pytest":
        from _pytest.assertion.rewrite import AssertionRewritingHook

        # plugins were imported before pytest could rewrite what they assert, and pytest would say so
        AssertionRewritingHook._warn_already_imported = lambda *_: None  # type: ignore[method-assign]
        sys.argv = [pytest_main(), *arguments]
        runpy.run_module("pytest", run_name="__main__", alter_sys=True)
        return 0
    if module.startswith("tests."):
        sys.argv = [module, *arguments]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        return 0
    from qaml.cli import main

    sys.argv = [str(ROOT / "qaml" / "cli.py"), *arguments]
    main()
    return 0


def pytest_main() -> str:
    """The path that ``python -m pytest`` has as its first argument."""
    import pytest

    return str(Path(pytest.__file__).with_name("__main__.py"))
