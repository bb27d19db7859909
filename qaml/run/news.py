"""What the workers of a session tell each other: which steps are made and which failed, a line each.

Locks and the store decide; this saves every worker from asking the disk for all that others may have made meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

SUFFIX = ".news"


class Word(NamedTuple):
    """One step that a worker is done with.

    Attributes:
        key: the step's.
        failure: why it failed; nothing if it is made.
        is_refused: whether the machine stood in its way.
        hint: what to do about it.
        trace: where code crashed; nothing for what a person can act on.
    """

    key: str
    failure: str | None = None
    is_refused: bool = False
    hint: str = ""
    trace: str = ""

    @property
    def is_sound(self) -> bool:
        """Whether every field is of its kind."""
        texts = (self.key, self.failure or "", self.hint, self.trace)
        return isinstance(self.is_refused, bool) and all(isinstance(text, str) for text in texts)


class News:
    """One worker's side.

    Args:
        folder: shared by the workers of one session.
        worker: such as ``gw0``.
    """

    def __init__(self, folder: Path, worker: str) -> None:
        self.folder = folder
        self.own = folder / f"{worker}{SUFFIX}"
        self._heard: dict[Path, int] = {}

    def tell(self, word: Word) -> None:
        """Tell the others; silently does nothing where the folder has gone."""
        try:
            with self.own.open("a", encoding="ascii") as file:
                file.write(json.dumps(word) + "\n")
        except OSError:
            return  # a courtesy: whoever does not hear of it looks for itself

    def heard(self) -> Iterator[Word]:
        """What the others told since the last time."""
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
        whole = text[: text.rfind(b"\n") + 1]  # of a line that is being written the rest comes later
        self._heard[path] = start + len(whole)
        for line in whole.splitlines():
            with suppress(ValueError, TypeError):
                word = Word(*json.loads(line))
                if word.is_sound:
                    yield word
