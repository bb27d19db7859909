"""Workers of pytest-xdist that are forks, too: made before the controller begins, they wait for its first word."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

SPARE = 6
"""Workers that may be started in a run; those that take a dead one's place count."""


class _Waiting:
    """A fork that waits to be a worker; looks like a ``Popen`` to execnet."""

    def __init__(self, number: int, others: list[_Waiting], pids: Path, prepare: Callable[[], None]) -> None:
        theirs, ours = os.pipe(), os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            for other in others:
                other.stdin.close()
                other.stdout.close()
            os.close(theirs[1])
            os.close(ours[0])
            prepare()
            _work(theirs[0], ours[1], pids / str(number))
        os.close(theirs[0])
        os.close(ours[1])
        self.stdin: IO[bytes] = os.fdopen(theirs[1], "wb")
        self.stdout: IO[bytes] = os.fdopen(ours[0], "rb")

    def wait(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


def _work(stdin: int, stdout: int, pid: Path) -> None:
    os.dup2(stdin, 0)
    os.dup2(stdout, 1)
    os.close(stdin)
    os.close(stdout)
    sys.stdin, sys.stdout = os.fdopen(0, closefd=False), os.fdopen(1, "w", closefd=False)
    code = 1
    try:
        line = sys.stdin.readline()
        if line:
            pid.write_text(str(os.getpid()))
            exec(eval(line), {"__name__": "__main__"})  # as execnet's own processes begin
        code = 0
    finally:
        os._exit(code)


def make_workers(pids: Path, prepare: Callable[[], None] = lambda: None) -> None:
    """From here on, a worker of pytest-xdist is a fork of this process as it is now.

    Args:
        pids: a folder where each that begins to work writes its process id.
        prepare: called in each of them.
    """
    from execnet import gateway_io
    from execnet.gateway_base import Popen2IO

    pids.mkdir(exist_ok=True)
    waiting: list[_Waiting] = []
    for number in range(SPARE):
        waiting.append(_Waiting(number, waiting, pids, prepare))

    def __init__(self: Any, args: list[str], execmodel: Any) -> None:  # noqa: ARG001
        self.popen = waiting.pop(0)
        Popen2IO.__init__(self, self.popen.stdin, self.popen.stdout, execmodel=execmodel)

    gateway_io.Popen2IOMaster.__init__ = __init__  # type: ignore[method-assign]
