"""Signals that ask a run to end: all of them end it as Ctrl-C does, and wait while outcomes are written."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

LIKE_CTRL_C = tuple(one for one in signal.Signals if one.name in ("SIGTERM", "SIGHUP"))


class Interrupted(KeyboardInterrupt):
    """A signal asked the run to end; any code can raise a plain ``KeyboardInterrupt``."""


def _interrupt(number: int, _: FrameType | None) -> None:
    raise Interrupted(signal.Signals(number).name)


def end_like_ctrl_c() -> Callable[[], None]:
    """Let SIGTERM and SIGHUP raise ``Interrupted``, unless they are handled or ignored already (``nohup``).

    Returns:
        A function that restores the former handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    ours = [number for number in LIKE_CTRL_C if signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, _interrupt)

    def give_back() -> None:
        for number in ours:
            if signal.getsignal(number) is _interrupt:
                signal.signal(number, signal.SIG_DFL)

    return give_back


@contextmanager
def held() -> Iterator[list[int]]:
    """Delay every interrupt except SIGKILL and SIGQUIT until the block ends.

    Yields:
        The signals that arrived meanwhile.
    """
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    before: dict[int, Any] = {}
    for number in (signal.SIGINT, *LIKE_CTRL_C):
        if signal.getsignal(number) not in (signal.SIG_IGN, None):
            before[number] = signal.signal(number, lambda number, _: came.append(number))
    try:
        yield came
    finally:
        for changed, handler in before.items():
            signal.signal(changed, handler)
