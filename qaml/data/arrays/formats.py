"""Labelled examples in files of several formats: numbers and texts only, never objects, as much as fits into bounds."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np

from qaml.data.pinned import MOST_BYTES, ending_of
from qaml.errors import DataError
from qaml.files.npz import NUMBERS, TEXTS, NpzError, names_in, read_npy, read_npz
from qaml.types import AnyArray, IntArray

Role = Literal["all", "train", "test", "apart"]
"""The examples to look for: all of them, those that the names of arrays say are for training or for testing, or test
examples in a file of their own."""
Values = AnyArray | list[str]
"""One value an example: numbers, or texts."""

INPUTS: Final = ("inputs", "x", "X", "data", "images")
LABELS: Final = ("labels", "y", "target", "targets")
MOST_POSITIONS: Final = 1 << 31
"""Largest size of a text with positions, in bytes."""


class Wanted(NamedTuple):
    """What to take from a file.

    Attributes:
        inputs: name of the array, or names or positions of the columns; ``None`` for the default.
        labels: name of the array, or name or position of the column; ``None`` for the default.
        column: array or column that says of each example what it is for; ``None`` for none.
        role: the examples to look for among arrays with default names.
        has_labels: whether the file holds the labels, too.
    """

    inputs: tuple[str | int, ...] | None = None
    labels: str | int | None = None
    column: str | int | None = None
    role: Role = "all"
    has_labels: bool = True


class Found(NamedTuple):
    """Examples as they are in a file.

    Attributes:
        inputs: (n, …) numbers.
        labels: (n,) numbers or texts; empty where another file holds them.
        marks: (n,) what each example is for, where that was asked for.
    """

    inputs: AnyArray
    labels: Values
    marks: Values | None = None


def read(path: str, content: bytes, wanted: Wanted) -> Found:
    """The examples in a file; its ending says which format it has.

    Raises:
        DataError: the content is of another format, or lacks what is wanted.
    """
    from qaml.data.arrays import tables

    readers: dict[str, Callable[[str, bytes, Wanted], Found]] = {
        ".npz": _read_npz,
        ".safetensors": _read_safetensors,
        ".npy": lambda path, content, _: Found(read_array(path, content, NUMBERS), []),
        ".parquet": tables.read_parquet,
    }
    return readers.get(ending_of(path), tables.read_csv)(path, content, wanted)


def read_array(path: str, content: bytes, kinds: str = NUMBERS + TEXTS) -> AnyArray:
    """The array in an npy file.

    Raises:
        DataError: the content is no such file.
    """
    try:
        return read_npy(content, kinds)
    except NpzError as error:
        raise DataError(f"{path}: {error}", _how(".npy", error)) from error


def read_positions(path: str, content: bytes, n: int) -> IntArray:
    """Positions among n examples, from an npy file or from a text with one a line; increasing.

    Raises:
        DataError: the content is something else, names a position twice or one that does not exist, or names all.
    """
    if ending_of(path) == ".npy":
        found = read_array(path, content, NUMBERS)
    else:
        words = content[:MOST_POSITIONS].split()
        if not all(word.isdigit() and len(word) < 12 for word in words):
            raise DataError(f"{path}: expected one position a line, a whole number from 0")
        found = np.array([int(word) for word in words], np.int64)
    if found.ndim != 1 or found.dtype.kind not in "iu" or not len(found):
        raise DataError(f"{path}: expected positions, one row of whole numbers, got {found.dtype} {found.shape}")
    low, high = int(found.min()), int(found.max())
    if low < 0 or high >= n:
        raise DataError(f"{path}: positions lie in {low} … {high}, expected 0 … {n - 1}", "they count from 0")
    positions: IntArray = np.unique(found).astype(np.int64)
    if len(positions) < len(found) or len(positions) == n:
        fault = "name all examples" if len(positions) == n else "repeat"
        raise DataError(f"{path}: the positions {fault}", "expected those of the test examples, each once")
    return positions


# --- arrays by name


def _read_npz(path: str, content: bytes, wanted: Wanted) -> Found:
    def arrays(names: Sequence[str]) -> dict[str, AnyArray]:
        return read_npz(content, MOST_BYTES, NUMBERS + TEXTS, names)

    try:
        return _named(path, names_in(content), wanted, arrays)
    except NpzError as error:
        raise DataError(f"{path}: {error}", _how(".npz", error)) from error


def _read_safetensors(path: str, content: bytes, wanted: Wanted) -> Found:
    found = _load_safetensors(path, content)
    return _named(path, list(found), wanted, lambda names: {name: found[name] for name in names})


def _load_safetensors(path: str, content: bytes) -> dict[str, AnyArray]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return load(content)
    except (SafetensorError, KeyError, ValueError, TypeError) as error:  # numpy lacks some of its types
        raise DataError(f"{path}: it is no safetensors file of numbers ({error})", _HOW[".safetensors"]) from error


def _named(
    path: str, names: Sequence[str], wanted: Wanted, arrays: Callable[[Sequence[str]], dict[str, AnyArray]]
) -> Found:
    inputs = wanted.inputs[0] if wanted.inputs is not None else _default(path, names, INPUTS, wanted.role, "inputs")
    chosen = [str(inputs)]
    if wanted.has_labels:
        labels = wanted.labels if wanted.labels is not None else _default(path, names, LABELS, wanted.role, "labels")
        chosen.append(str(labels))
    chosen += [str(wanted.column)] if wanted.column is not None else []
    for name in chosen:
        if name not in names:
            raise unknown(path, "array", name, names)
    found = arrays(chosen)
    values = [as_values(path, name, found[name]) for name in chosen[1:]]
    marks = values.pop() if wanted.column is not None else None
    return Found(found[chosen[0]], values[0] if values else [], marks)


def _default(path: str, names: Sequence[str], known: Sequence[str], role: Role, field: str) -> str:
    """The array that a usual name means."""
    for pattern in _PATTERNS[role]:
        fitting = [name for stem in known if (name := pattern.format(stem)) in names]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise DataError(
                f"{path}: which array holds {field}? {', '.join(fitting)}", f"write '{field}: {fitting[0]}'"
            )
    expected = " or ".join(repr(_PATTERNS[role][0].format(stem)) for stem in known[:2])
    shown = ", ".join(names[:20]) or "none"
    hint = f"arrays: {shown}; write '{field}: NAME'"
    if role == "test":
        hint = f"arrays: {shown}; write 'split: {{test_share: 0.2}}', or name the array in 'test_file'"
    raise DataError(f"{path}: no array of {'test ' * (role == 'test')}{field}, such as {expected}", hint)


_PATTERNS: Final[dict[Role, tuple[str, ...]]] = {
    "all": ("{}", "{}_train", "train_{}"),
    "train": ("{}_train", "train_{}", "{}"),
    "test": ("{}_test", "test_{}"),
    "apart": ("{}_test", "test_{}", "{}"),
}


def as_values(path: str, name: str, array: AnyArray) -> Values:
    """The values of an array of labels or marks, texts as a list; of a one-hot array, the places of the ones.

    Raises:
        DataError: it has more than one value an example.
    """
    column = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if _is_one_hot(column):
        column = column.argmax(axis=1)
    if column.ndim != 1:
        raise DataError(f"{path}: array {name!r} has shape {array.shape}, expected one value an example")
    return column.tolist() if column.dtype.kind in TEXTS else column


def _is_one_hot(array: AnyArray) -> bool:
    if array.ndim != 2 or array.dtype.kind not in NUMBERS or not array.size:
        return False
    return bool((((array == 0) | (array == 1)).all(axis=1) & (array.sum(axis=1) == 1)).all())


# --- words


_HOW: Final = {
    ".npz": "numpy.savez(path, x_train=…, y_train=…, x_test=…, y_test=…) writes one",
    ".npy": "numpy.save(path, array) writes one",
    ".safetensors": "safetensors.numpy.save_file({'inputs': …, 'labels': …}, path) writes one",
}


def _how(ending: str, error: NpzError) -> str:
    is_of_objects = "objects" in str(error)
    return "save texts with array.astype(str), numbers with array.astype(float)" if is_of_objects else _HOW[ending]


def unknown(path: str, what: str, name: object, names: Sequence[str]) -> DataError:
    """The error of an array or a column that is not in the file."""
    close = difflib.get_close_matches(str(name), names, 1, 0.6)
    listed = f"{what}s: {', '.join(names[:20]) or 'none'}" + f" and {len(names) - 20} more" * (len(names) > 20)
    return DataError(f"{path}: no {what} {name!r}", f"did you mean {close[0]!r}? {listed}" if close else listed)


def look(path: str, content: bytes) -> None:
    """Read a file as far as that is possible without a declaration.

    Raises:
        DataError: it is not what its ending says.
    """
    from qaml.data.arrays import tables

    match ending_of(path):
        case ".npz":
            try:
                is_sound = bool(names_in(content))
            except NpzError:
                is_sound = False
            if not is_sound:
                raise DataError(f"{path}: it is no npz file", _HOW[".npz"])
        case ".npy":
            read_array(path, content)
        case ".safetensors":
            _load_safetensors(path, content)
        case ".parquet":
            tables.columns_of_parquet(path, content)
        case _:
            tables.check_csv(path, content)
