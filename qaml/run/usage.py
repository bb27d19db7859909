"""What a store holds, told without reading more than manifests."""

from __future__ import annotations

from typing import NamedTuple

from qaml.run.store import Damaged, Store


class Usage(NamedTuple):
    """What one kind of step occupies."""

    kind: str
    artefacts: int
    size: int


def usage(store: Store) -> list[Usage]:
    """What each kind of step occupies, largest first; artefacts whose manifests are damaged are a kind of their own.

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
