"""How other people's code fails."""

from __future__ import annotations


class Crashed(Exception):
    """Other people's code raised something; its traceback is text, since the process is gone.

    Attributes:
        trace: the traceback.
    """

    def __init__(self, message: str, trace: str) -> None:
        super().__init__(message)
        self.trace = trace
