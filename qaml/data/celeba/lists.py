"""CelebA's two lists: attributes and split of every image.

The original lists have blanks between fields: ``list_attr_celeba.txt`` begins with the number of images and a line of
40 attribute names, ``list_eval_partition.txt`` has no heading. Their re-export has commas and one line of headings.
"""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterator, Mapping, Sequence
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar

from qaml.data.pinned_file import first_file
from qaml.errors import DataError
from qaml.files.regular import open_regular

ATTRIBUTES = "list_attr_celeba"
PARTITION = "list_eval_partition"
ENDINGS = (".txt", ".csv")
TRAIN, TEST = 0, 2
"""Codes of the partition list; 1 is validation."""

T = TypeVar("T")

RESTORE = "put an intact copy of the list there"


class Row(NamedTuple):
    """One line of a list, about one image; ``line`` is its number, from 1."""

    line: int
    image: str
    values: Sequence[str]


class Listed(NamedTuple):
    """The first images of a split, in the order of the partition list.

    Attributes:
        images: file names.
        labels: whether each has the attribute.
    """

    images: tuple[str, ...]
    labels: tuple[bool, ...]


def find(stem: str, folder: Path) -> Path | None:
    """The list as text or as CSV, if it is there."""
    return first_file(folder / f"{stem}{end}" for end in ENDINGS)


def read_attribute(path: Path, attribute: str) -> dict[str, bool]:
    """Whether each image has an attribute.

    Raises:
        DataError: the list is damaged, or has no such attribute.
    """
    names, rows = _attribute_rows(path)
    if attribute not in names:
        close = difflib.get_close_matches(attribute, names, 1, 0.6)
        known = f"attributes: {', '.join(names)}"
        raise DataError(
            f"celeba: unknown attribute {attribute!r}", f"did you mean {close[0]!r}? {known}" if close else known
        )
    column = names.index(attribute)
    found: dict[str, bool] = {}
    for row in rows:
        if len(row.values) != len(names):
            raise _damaged(
                path, row.line, f"expected a file name and {len(names)} values, got {len(row.values)} values"
            )
        if row.values[column] not in ("1", "-1"):
            raise _damaged(path, row.line, f"expected 1 or -1 for {attribute}, got {row.values[column]!r}")
        _add(found, path, row, row.values[column] == "1")
    return found


def read_partition(path: Path) -> dict[str, int]:
    """The split of each image: 0 for training, 1 for validation, 2 for testing.

    Raises:
        DataError: the list is damaged.
    """
    skipped = 1 if path.suffix == ".csv" else 0
    found: dict[str, int] = {}
    for row in islice(_rows(path), skipped, None):
        if len(row.values) != 1 or row.values[0] not in ("0", "1", "2"):
            raise _damaged(
                path, row.line, f"expected a file name and 0, 1 or 2, got {' '.join(row.values) or 'nothing'}"
            )
        _add(found, path, row, int(row.values[0]))
    return found


def choose(
    partition: Mapping[str, int], has_attribute: Mapping[str, bool], split: int, limit: int | None, path: Path
) -> Listed:
    """The first images of a split with their labels.

    Args:
        partition: image → split.
        has_attribute: image → whether it has the attribute.
        split: code of the partition list.
        limit: largest number of images to choose; all for ``None``.
        path: path of the attribute list, for the error message.

    Raises:
        DataError: an image has no attributes.
    """
    images = tuple(islice((image for image, code in partition.items() if code == split), limit))
    unknown = next((image for image in images if image not in has_attribute), None)
    if unknown is not None:
        raise DataError(f"{path}: no line about {unknown}", RESTORE)
    return Listed(images, tuple(has_attribute[image] for image in images))


def _attribute_rows(path: Path) -> tuple[list[str], Iterator[Row]]:
    rows = _rows(path)
    first = next(rows, None)
    if path.suffix == ".csv":
        if first is None:
            raise _damaged(path, 1, "expected a line of headings: image_id, then attribute names")
        return list(first.values), rows
    names = next(rows, None)
    if first is None or names is None or not first.image.isdecimal():
        raise _damaged(path, 1, "expected the number of images, then a line of attribute names")
    return [names.image, *names.values], _counted(path, rows, int(first.image))


def _counted(path: Path, rows: Iterator[Row], announced: int) -> Iterator[Row]:
    """Yield the rows, and check at the end that line 1 states their number."""
    n_rows = 0
    for row in rows:
        n_rows += 1
        yield row
    if n_rows != announced:
        raise _damaged(path, 1, f"{announced} images are announced, got {n_rows}")


def _rows(path: Path) -> Iterator[Row]:
    try:
        with TextIOWrapper(open_regular(path), encoding="utf-8-sig", newline="") as opened:
            lines = csv.reader(opened) if path.suffix == ".csv" else (line.split() for line in opened)
            for line, fields in enumerate(lines, 1):
                if fields:
                    yield Row(line, fields[0], fields[1:])
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a text file ({error})", RESTORE) from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}", "check the file's permissions") from error


def _add(found: dict[str, T], path: Path, row: Row, value: T) -> None:
    if row.image in found:
        raise _damaged(path, row.line, f"{row.image} is listed twice")
    found[row.image] = value


def _damaged(path: Path, line: int, fault: str) -> DataError:
    return DataError(f"{path}:{line}: {fault}", RESTORE)
