"""Requests a process of its own for a step, and waits for its result."""

from __future__ import annotations

import atexit
import json
import math
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from functools import cache
from tempfile import TemporaryFile
from typing import IO, Any

from qaml import errors
from qaml.errors import QamlError, RunError
from qaml.run.isolation.errors import Crashed, Overdue
from qaml.run.isolation.request import Report, Request
from qaml.run.isolation.server import KILL, LENGTH, REQUEST
from qaml.run.store import Damaged
from qaml.run.surroundings import ONE_THREAD
from qaml.text import clean

CAN_FORK = sys.platform != "win32"
BOOT = "import sys; sys.path[:] = {path!r}; from qaml.run.isolation.server import {function}; {function}({argument})"
PRINTED = 64 * 1024
"""Largest number of bytes of a step's output that are passed on; longer output is cut at its beginning."""
PATIENCE = 5.0
"""Seconds that a server has to end a step's process."""
PREPARATION = 300.0
"""Seconds that may pass until the first message, where time is limited: the server imports libraries, loads data."""

Message = dict[str, Any]
Messages = Generator[Message, None, None]
Progress = Callable[[float, str], None]


def perform_apart(request: Request, progress: Progress, limit: float = math.inf) -> Report:
    """Run a step in a process of its own, which ends if this process is interrupted.

    Args:
        request: the step and its surroundings.
        progress: called with the share done, 0–1, and a few words.
        limit: seconds from its first message after which the process is ended; without effect where processes cannot
            be forked.

    Raises:
        QamlError: the error that the step raised, or its process ended without a result.
        Overdue: it did not finish within the limit.
        Crashed: the step raised another exception.
    """
    outcome: Message = {}
    status = 0
    with TemporaryFile() as printed:
        try:
            with closing(
                _server(os.getpid()).run(request, printed, limit) if CAN_FORK else _spawned(request, printed)
            ) as messages:
                for message in messages:
                    if "progress" in message:
                        progress(*message["progress"])
                    elif "ended" in message:
                        status = message["ended"]
                    else:
                        outcome = message
        finally:
            _show(printed)
    if "done" in outcome:
        return Report(outcome["done"]["sources"], tuple(outcome["done"]["changes"]))
    if "failed" in outcome:
        raise _error(outcome["failed"])
    raise RunError(
        f"the process that ran its code {_ended(status)}",
        "nothing of qaml ended it: look for what leaves Python, or runs out of memory",
    )


def _error(failed: Message) -> Exception:
    if failed["kind"] == "damaged":
        from qaml.run.dataset import DataChanged

        damage = DataChanged if failed["is_data"] else Damaged
        return damage(failed["key"], failed["message"], failed["hint"], is_gone=failed["is_gone"])
    if failed["kind"] == "qaml":
        kind: type[QamlError] = getattr(errors, failed["class"])
        return kind(failed["message"], failed["hint"])
    if failed["kind"] == "exit":
        return RunError(f"its code called sys.exit({failed['code']})", "raise an exception instead")
    return Crashed(f"{failed['type']}: {failed['message']}", failed["trace"])


def _ended(status: int) -> str:
    """How a process ended, in words, from its status of ``waitpid``."""
    if not CAN_FORK or os.WIFEXITED(status):
        code = os.waitstatus_to_exitcode(status) if CAN_FORK else status
        return f"left Python with exit code {code}"
    number = os.WTERMSIG(status)
    with suppress(ValueError):
        return f"ended with signal {number} ({signal.Signals(number).name})"
    return f"ended with signal {number}"


def _show(printed: IO[bytes]) -> None:
    """Print a step's output in this process, where it becomes part of the test's output."""
    size = printed.seek(0, os.SEEK_END)
    printed.seek(max(0, size - PRINTED))
    text = printed.read().decode(errors="replace")
    if text and sys.stdout is not None:
        sys.stdout.write(clean(text))


class _Lines:
    """Splits received bytes into messages, a line of JSON each."""

    def __init__(self) -> None:
        self._rest = b""

    def add(self, piece: bytes) -> Iterator[Message]:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            with suppress(ValueError):
                yield json.loads(line)


class _Server:
    """This process's server, which starts when it is first needed and ends when this process does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def run(self, request: Request, printed: IO[bytes], limit: float) -> Messages:
        """The messages of one step's process; the last one is the status that it ended with."""
        with self._lock:
            control = self._started()
            channel, theirs = socket.socketpair()
            try:
                self._send(control, request, theirs, printed)
                yield from self._listen(control, channel, limit)
            except BaseException:
                self._interrupt(control)
                raise
            finally:
                channel.close()
                theirs.close()

    def _started(self) -> socket.socket:
        if self._control is not None and self._process is not None and self._process.poll() is None:
            return self._control
        self.stop()
        self._control, theirs = socket.socketpair()
        boot = BOOT.format(path=sys.path, function="serve", argument=theirs.fileno())
        self._process = subprocess.Popen(
            [sys.executable, "-c", boot],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **ONE_THREAD},  # a process with several threads cannot be forked
            pass_fds=(theirs.fileno(),),
            start_new_session=True,  # the terminal interrupts this process only, which ends the server
        )
        theirs.close()
        return self._control

    def _send(self, control: socket.socket, request: Request, theirs: socket.socket, printed: IO[bytes]) -> None:
        import pickle

        content = pickle.dumps(request)
        try:
            socket.send_fds(control, [REQUEST], [theirs.fileno(), printed.fileno()])
            control.sendall(LENGTH.pack(len(content)) + content)
        except OSError as error:
            raise RunError(f"the process that starts others cannot be reached: {error}") from error
        theirs.close()

    def _listen(self, control: socket.socket, channel: socket.socket, limit: float) -> Iterator[Message]:
        lines = _Lines()
        listened = [control, channel]
        is_limited = math.isfinite(limit)
        deadline = time.monotonic() + limit + PREPARATION
        while True:
            left = max(deadline - time.monotonic(), 0.0) if is_limited else None
            readable, _, _ = select.select(listened, [], [], left)
            if not readable:
                raise Overdue(f"the process that ran its code did not finish within {limit:g} seconds")
            if channel in readable:
                deadline = min(deadline, time.monotonic() + limit)
                if piece := channel.recv(1 << 16):
                    yield from lines.add(piece)
                else:
                    listened = [control]
            elif control in readable:
                status = control.recv(LENGTH.size, socket.MSG_WAITALL)
                if len(status) < LENGTH.size:
                    self.stop()
                    raise RunError("the process that starts others ended", "run it again; is there enough memory?")
                yield {"ended": LENGTH.unpack(status)[0]}
                return

    def _interrupt(self, control: socket.socket) -> None:
        """End the step's process, and also the server if it does not answer."""
        try:
            control.settimeout(PATIENCE)
            control.sendall(KILL)
            if len(control.recv(LENGTH.size, socket.MSG_WAITALL)) < LENGTH.size:
                self.stop()
            control.settimeout(None)
        except OSError:
            self.stop()
        except BaseException:  # interrupted again: a late answer would be taken for the end of the next step
            self.stop()
            raise

    def stop(self) -> None:
        """End the server and the process that it runs."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


@cache
def _server(process: int) -> _Server:  # noqa: ARG001
    """The server of a process; a fork of this process cannot use it and gets one of its own."""
    server = _Server()
    atexit.register(server.stop)
    return server


def _spawned(request: Request, printed: IO[bytes]) -> Messages:
    """Run a step in a new process, which imports everything; for systems that cannot fork."""
    import pickle

    boot = BOOT.format(path=sys.path, function="perform_once", argument="")
    process = subprocess.Popen(
        [sys.executable, "-c", boot],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=printed,
        env={**os.environ, **ONE_THREAD},
    )
    assert process.stdin is not None, "it is a pipe"
    assert process.stdout is not None, "it is a pipe"
    try:
        with process.stdin as stdin:
            stdin.write(pickle.dumps(request))
        lines = _Lines()
        while piece := os.read(process.stdout.fileno(), 1 << 16):
            yield from lines.add(piece)
        yield {"ended": process.wait()}
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
