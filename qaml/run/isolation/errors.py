"""The error of a step that runs code of other packages."""

from __future__ import annotations

from qaml.errors import RunError


class Crashed(Exception):
    """Code of another package raised an exception in a process that has ended, so the traceback is text.

    Attributes:
        trace: the traceback.
    """

    def __init__(self, message: str, trace: str) -> None:
        super().__init__(message)
        self.trace = trace


class Overdue(RunError):
    """A step's process was ended because it did not finish within its time."""
