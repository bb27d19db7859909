"""The space that a store's artefacts occupy, computed from the manifests alone."""

from __future__ import annotations

from typing import NamedTuple

from qaml.run.store import Damaged, Store


class Usage(NamedTuple):
    """The number of artefacts of one kind of step, and their size in bytes."""

    kind: str
    artefacts: int
    size: int


def usage(store: Store) -> list[Usage]:
    """The usage of each kind of step, largest first; artefacts whose manifests are damaged count as kind ``damaged``.

    Raises:
        StoreError: the store cannot be read.
    """
    counts: dict[str, tuple[int, int]] = {}
    keys = store.keys()
    for key in keys:
        try:
            manifest = store.manifest(key)
        except Damaged:
            kind, size = "damaged", 0
        else:
            kind, size = str(manifest.provenance.get("kind", "?")), manifest.size
        count, total = counts.get(kind, (0, 0))
        counts[kind] = (count + 1, total + size)
    return sorted((Usage(k, c, s) for k, (c, s) in counts.items()), key=lambda u: -u.size)
