"""Messages between the workers of a session: which steps are made and which failed, a line each.

Locks and the store decide; messages spare every worker the search on disk for what others may have made meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

SUFFIX = ".news"


class Word(NamedTuple):
    """A message that a worker has made a step, or failed to.

    Attributes:
        key: key of the step.
        failure: why it failed; ``None`` if it is made.
        is_refused: whether it failed because of the machine, such as a full disk.
        hint: what to do about the failure.
        trace: traceback of an unexpected exception; empty for an error that a user can act on.
    """

    key: str
    failure: str | None = None
    is_refused: bool = False
    hint: str = ""
    trace: str = ""

    @property
    def is_sound(self) -> bool:
        """Whether every field has its type."""
        texts = (self.key, self.failure or "", self.hint, self.trace)
        return isinstance(self.is_refused, bool) and all(isinstance(text, str) for text in texts)


class News:
    """The messages that one worker writes and reads.

    Args:
        folder: the folder that the workers of one session share.
        worker: name of this worker, such as ``gw0``.
    """

    def __init__(self, folder: Path, worker: str) -> None:
        self.folder = folder
        self.own = folder / f"{worker}{SUFFIX}"
        self._heard: dict[Path, int] = {}

    def write(self, word: Word) -> None:
        """Write a message for the other workers; does nothing if the folder is gone."""
        try:
            with self.own.open("a", encoding="ascii") as file:
                file.write(json.dumps(word) + "\n")
        except OSError:
            return  # a worker that does not receive the message looks into the store

    def heard(self) -> Iterator[Word]:
        """The messages that other workers have written since the last call."""
        for path in self.folder.glob(f"*{SUFFIX}"):
            if path != self.own:
                yield from self._new_lines(path)

    def _new_lines(self, path: Path) -> Iterator[Word]:
        start = self._heard.get(path, 0)
        try:
            if path.stat().st_size == start:
                return
            with path.open("rb") as file:
                file.seek(start)
                text = file.read()
        except OSError:
            return
        whole = text[: text.rfind(b"\n") + 1]  # the rest of a line that is being written comes later
        self._heard[path] = start + len(whole)
        for line in whole.splitlines():
            with suppress(ValueError, TypeError):
                word = Word(*json.loads(line))
                if word.is_sound:
                    yield word
