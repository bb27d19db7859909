"""The server, which forks one process a step. It imports torch and the modules of steps, no code of other packages."""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import pickle
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from qaml.plan.kinds import KINDS
from qaml.run.isolation import child
from qaml.run.isolation.request import Request

LENGTH = struct.Struct("!Q")
KILL = b"K"
REQUEST = b"R"
PRELOADED = (
    "torch",
    "torch._dynamo",
    "safetensors.torch",
    "qaml.attacks.autoattack.ensemble",
    "qaml.attacks.gradient.descent",
    "qaml.attacks.minimisation.smallest",
    "qaml.attacks.noise.draws",
    "qaml.attacks.planted",
    "qaml.models.edge",
    "qaml.models.torch_module.network",
    "qaml.models.training",
    *(kind.module for name, kind in KINDS.items() if name not in ("ask", "embed", "inspect", "measure")),
)
"""Modules that nearly every step imports, imported before the first fork."""
PR_SET_PDEATHSIG = 1
EXPENDABLE = "500"
"""Score by which Linux ends the step's process, not the one that waits for it, when memory runs out."""


def serve(descriptor: int) -> None:
    """Fork a process for each request, until the other end of the socket is closed.

    Args:
        descriptor: file descriptor of a stream socket. A request is a letter, a length and a pickled ``Request``. Two
            descriptors come with the letter: the socket for messages and the file for the step's output. The answer is
            the status of the process, as 8 bytes.
    """
    control = socket.socket(fileno=descriptor)
    for name in PRELOADED:
        with suppress(ImportError):
            importlib.import_module(name)
    _use_one_thread()
    gc.collect()
    gc.freeze()
    ended, wakeup = os.pipe()
    os.set_blocking(wakeup, False)
    os.set_blocking(ended, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakeup)
    while (received := _receive(control)) is not None:
        request, channel, printed = received
        _load(request)
        own = os.getpid()
        pid = os.fork()
        if pid == 0:
            os.close(ended)
            os.close(wakeup)
            control.close()
            _become_child(channel, printed, own)
            child.run(request, socket.socket(fileno=channel).sendall)
        os.close(channel)
        os.close(printed)
        status = _attend(pid, control, ended)
        with suppress(OSError):
            control.sendall(LENGTH.pack(status))


def _use_one_thread() -> None:
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def _receive(control: socket.socket) -> tuple[Request, int, int] | None:
    letter = KILL
    while letter == KILL:  # it was for a process that had ended by itself
        letter, descriptors, _, _ = socket.recv_fds(control, 1, 2)
    length = _read_exactly(control, LENGTH.size)
    content = None if length is None else _read_exactly(control, LENGTH.unpack(length)[0])
    if content is None:
        return None
    request: Request = pickle.loads(content)
    return request, descriptors[0], descriptors[1]


def _read_exactly(control: socket.socket, length: int) -> bytes | None:
    pieces = bytearray()
    while len(pieces) < length:
        piece = control.recv(min(length - len(pieces), 1 << 20))
        if not piece:
            return None
        pieces += piece
    return bytes(pieces)


def _load(request: Request) -> None:
    """Load qaml's own datasets once; each step's process inherits them, and cannot change those of this process."""
    from qaml.run.dataset import loaded

    os.environ.clear()
    os.environ.update(request.environment)
    with suppress(OSError):
        os.chdir(request.folder)
    for part in pickle.loads(request.datasets):
        with suppress(Exception):  # the step meets the same error and reports it
            loaded(part)


def _become_child(channel: int, printed: int, parent: int) -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setpgid(0, 0)
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(EXPENDABLE)
    if os.getppid() != parent:
        os._exit(1)
    os.set_inheritable(channel, False)
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    os.close(printed)


def _attend(pid: int, control: socket.socket, ended: int) -> int:
    """Wait for the process; end it on request, or when the requesting process is gone."""
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            break
        readable, _, _ = select.select([control.fileno(), ended], [], [])
        if control.fileno() in readable:
            letter = control.recv(1)
            _kill(os.killpg, pid)
            _kill(os.kill, pid)  # it may not have a group yet
            _, status = os.waitpid(pid, 0)
            if not letter:
                os._exit(0)
            break
        with suppress(BlockingIOError):
            os.read(ended, 1 << 12)
    _kill(os.killpg, pid)  # processes that it has started
    return status


def _kill(end: Callable[[int, int], None], pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        end(pid, signal.SIGKILL)


def perform_once() -> None:
    """Run the step that is pickled on standard input; messages go to the former standard output."""
    request: Request = pickle.loads(sys.stdin.buffer.read())
    messages = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    child.run(request, messages.write)
