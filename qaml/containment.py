"""Foreign code in this process, for short calls that need no process of their own: importing a part, querying it.

Its exceptions, exits and output reach the caller alone. Memory, time and native crashes need
``run/isolation``.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

from qaml.interruption import Interrupted
from qaml.process_state import process_state_kept
from qaml.text import clean, one_line

_LONGEST = 500


class Escaped(Exception):
    """Foreign code did not return; the message says what it did, the cause is the exception that it raised."""


class Left(BaseException):
    """``os._exit`` was called."""


def error_in_words(error: BaseException) -> str:
    """Any exception in one line, even if its ``__str__`` fails."""
    try:
        said = one_line(str(error))[:_LONGEST]
    except BaseException:
        said = ""
    return said if isinstance(error, Left) else f"{type(error).__name__}: {said}".removesuffix(": ")


@contextmanager
def contained() -> Iterator[list[str]]:
    """Run foreign code: process state is restored, printed text and warnings go to the standard error, cleaned.

    Yields:
        A list that is filled at the end with the changes that were undone.

    Raises:
        Escaped: it raised or exited, by any means in Python; an interrupt by terminal or signal stays one.
    """
    printed = io.StringIO()
    try:
        with (
            exits_noticed(),
            _interrupts() as is_pressed,
            _warnings_cleaned(),
            redirect_stdout(printed),
            redirect_stderr(printed),
            process_state_kept() as changes,
        ):
            try:
                yield changes
            except BaseException as error:
                if isinstance(error, Interrupted) or (isinstance(error, KeyboardInterrupt) and is_pressed()):
                    raise
                raise Escaped(error_in_words(error)) from error
    finally:
        if (text := printed.getvalue()) and sys.stderr is not None:
            sys.stderr.write(clean(text))


@contextmanager
def exits_noticed() -> Iterator[None]:
    """Make ``os._exit`` raise ``Left`` in this process, because a command that it ends would look like a success."""
    leave, here = os._exit, os.getpid()

    def noticed(status: int) -> Any:
        if os.getpid() != here:  # a child that was forked leaves like this
            leave(status)
        raise Left(f"it called os._exit({status!r})")

    os._exit = noticed
    try:
        yield
    finally:
        os._exit = leave


@contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Record whether an interrupt came from the terminal: code can raise ``KeyboardInterrupt``, too."""
    pressed = False
    handler = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: Any) -> None:
        nonlocal pressed
        pressed = True
        if callable(handler):
            handler(number, frame)

    # in another thread, and where the signal is ignored, no interrupt arrives
    is_heard = threading.current_thread() is threading.main_thread() and callable(handler)
    if is_heard:
        signal.signal(signal.SIGINT, note)
    try:
        yield lambda: pressed
    finally:
        if is_heard:
            signal.signal(signal.SIGINT, handler)


@contextmanager
def _warnings_cleaned() -> Iterator[None]:
    """Warnings are shown again when the block ends, without what acts on a terminal."""
    found: list[warnings.WarningMessage] = []
    try:
        with warnings.catch_warnings(record=True) as found:
            yield
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("always")  # whether to show them was decided where they were made
            for each in found:
                warnings.warn_explicit(clean(str(each.message)), each.category, each.filename, each.lineno)
