"""Datasets of this process, loaded once and read-only, and the test examples that are attacked and scored."""

from __future__ import annotations

import hashlib
import json
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from qaml.data.base import DatasetPart, load_plain, transformed
from qaml.data.chosen import Chosen
from qaml.errors import DataError
from qaml.plan.canonical import canonical
from qaml.plan.role import Role
from qaml.run.reads import watching
from qaml.run.store import DATA_RECORD, Damaged
from qaml.types import Data, IntArray, Split

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from qaml.run.job import Job
    from qaml.vocab import Order

BLOCK = 4096


class DataChanged(Damaged):
    """A dataset's content differs from the one that stored results were made from.

    The key is that of its ``load`` step, which runs again.
    """


class Loaded(NamedTuple):
    """A dataset after its transforms, with read-only arrays.

    Attributes:
        data: the splits and their description.
        fingerprints: a digest of each split's arrays, by the split's name.
        n_test: number of test examples before the transforms.
        n_repeated: how many of those are also training examples; counted only when the dataset is read anew, else 0.
    """

    data: Data
    fingerprints: dict[str, str]
    n_test: int
    n_repeated: int


class _Dataset:
    """A dataset that is read at its first use, or again on request."""

    def __init__(self, part: DatasetPart) -> None:
        self._part = part
        self._content: Loaded | None = None

    def content(self, *, anew: bool) -> Loaded:
        if self._content is None or anew:
            self._content = None  # so that memory never holds two of them
            self._content = _read(self._part, is_counted=anew)
        return self._content


class _Wanted:
    """A part as a key of a cache: hashed by its canonical form, since a field may be a mapping."""

    def __init__(self, part: DatasetPart) -> None:
        self.part = part
        self._says = type(part), canonical(part)

    def __hash__(self) -> int:
        return hash(self._says)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Wanted) and self._says == other._says


@lru_cache(maxsize=4)
def _dataset(wanted: _Wanted) -> _Dataset:
    return _Dataset(wanted.part)


def loaded(part: DatasetPart, *, anew: bool = False) -> Loaded:
    """The dataset as this process has loaded it; with ``anew`` it is read again."""
    return _dataset(_Wanted(part)).content(anew=anew)


def data_of(job: Job, part: DatasetPart) -> Data:
    """The dataset that the job's parent ``data`` recorded.

    Raises:
        DataChanged: the dataset that is loaded now has other content.
    """
    record = json.loads(job.read(Role("data"), DATA_RECORD).read_text())
    recorded = {name: record[name]["fingerprint"] for name in ("train", "test")}
    with watching(is_on=False):  # the load step has noted what the dataset reads
        return _as_recorded(job, part, recorded)


def _as_recorded(job: Job, part: DatasetPart, recorded: dict[str, str]) -> Data:
    found = loaded(part)
    if found.fingerprints != recorded:  # another worker may have noticed first, and this one holds the former content
        found = loaded(part, anew=True)
    if found.fingerprints != recorded:
        which = " and ".join(f"the {name} split" for name in recorded if found.fingerprints[name] != recorded[name])
        raise DataChanged(
            job.parents[Role("data")],
            f"dataset {part.kind!r} has other content than before ({which}), though it declares the same: "
            "it changes while its results are computed, or every time it is read",
            "let read() give the same arrays each time (seed it), and keep its files as they are during a run",
        )
    return found.data


def _read(part: DatasetPart, *, is_counted: bool) -> Loaded:
    from qaml.data.contract import repeated

    plain = load_plain(part)
    n_repeated = repeated(plain) if is_counted else 0
    data = transformed(part, plain)
    splits = {"train": data.train, "test": data.test}
    for split in splits.values():
        for array in split:
            array.flags.writeable = False
    digests = {name: fingerprint(split) for name, split in splits.items()}
    return Loaded(data, digests, len(plain.test), n_repeated)


def fingerprint(split: Split) -> str:
    """SHA-256 of the CRC-32 of every 4 KiB, which takes a third of the time of SHA-256 of the arrays."""
    import numpy as np

    digest = hashlib.sha256()
    for array in split:
        digest.update(f"{array.dtype} {array.shape} ".encode())
        digest.update(_checksums(np.ascontiguousarray(array)))
    return digest.hexdigest()


def _checksums(array: NDArray[np.generic]) -> bytes:
    raw = array.reshape(-1).view("u1").data
    return b"".join(zlib.crc32(raw[at : at + BLOCK]).to_bytes(4, "little") for at in range(0, len(raw), BLOCK))


def own(split: Split) -> Split:
    """A writable copy, which a step may pass to code of other packages."""
    return Split(split.inputs.copy(), split.labels.copy(), split.indices.copy())


def evaluated(data: Data, count: int | None, examples: Order | Chosen) -> Split:
    """The examples that are attacked and scored; a smaller count takes the first ones of a larger count.

    Args:
        data: a dataset.
        count: number of examples; ``None`` for all of them.
        examples: the order of the test split, ``shuffled``, which keeps the class shares (files are rarely in random
            order), or as in the ``file``; or the choice of a suite.

    Raises:
        DataError: an example is chosen that the split does not have.
    """
    import numpy as np

    from qaml.data.stratified import stratified_order, take

    chosen = examples if isinstance(examples, Chosen) else Chosen(order=examples)
    split = data.train if chosen.split == "train" else data.test
    if chosen.indices is not None:
        return take(split, _places(split, chosen)[:count])
    if chosen.permute is not None:
        # raw PCG64 output is fixed for good, the methods of numpy's Generator are not
        keys = np.random.PCG64(np.random.SeedSequence(chosen.permute)).random_raw(len(split))
        return take(split, np.argsort(keys, kind="stable")[:count])
    if chosen.order == "file":
        return own(Split(split.inputs[:count], split.labels[:count], split.indices[:count]))
    return take(split, stratified_order(split.labels, split.indices, count))


def _places(split: Split, chosen: Chosen) -> IntArray:
    """Where the chosen examples are in the split.

    Raises:
        DataError: one is not there.
    """
    import numpy as np

    places = {int(index): place for place, index in enumerate(split.indices)}
    missing = [index for index in chosen.indices or () if index not in places]
    if missing:
        name = "training" if chosen.split == "train" else "test"
        raise DataError(
            f"'evaluation.indices' names {name} example {missing[0]}, which the dataset does not have",
            f"{len(places):,} examples are left after the transforms, from number {min(places)} to {max(places)}",
        )
    return np.array([places[index] for index in chosen.indices or ()], np.int64)
