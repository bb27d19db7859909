"""What a campaign wrote down: a line of JSON for each try, in a file of the commit it was done on."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar


class Named(Protocol):
    """A record: a named tuple with a name of its own."""

    @property
    def name(self) -> str: ...

    def _asdict(self) -> dict[str, Any]: ...


Kind = TypeVar("Kind", bound=Named)


class Records(Generic[Kind]):
    """A file with a line for each record, added to as they come."""

    def __init__(self, path: Path, kind: type[Kind], *, fresh: bool = False) -> None:
        self.path = path
        self.kind = kind
        path.parent.mkdir(parents=True, exist_ok=True)
        if fresh:
            path.unlink(missing_ok=True)

    def all(self) -> list[Kind]:
        if not self.path.exists():
            return []
        return [self.kind(**json.loads(line)) for line in self.path.read_text().splitlines()]

    def to_do(self, names: Iterable[str]) -> list[str]:
        """Those that have no record yet."""
        done = {record.name for record in self.all()}
        return [name for name in names if name not in done]

    def add(self, record: Kind) -> Kind:
        with self.path.open("a") as lines:
            lines.write(json.dumps(record._asdict()) + "\n")
        return record


def commit() -> str:
    """Of the checkout, with ``+`` if the package has changes."""
    said = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    changed = subprocess.run(["git", "status", "--porcelain", "qaml"], capture_output=True, text=True, check=True)
    return said.stdout.strip() + "+" * bool(changed.stdout)
