"""Labelled examples in tables: CSV, and Parquet where pyarrow is installed; one row an example."""

from __future__ import annotations

import csv
import re
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO, TextIOWrapper
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

from qaml.data.arrays.formats import Found, Values, Wanted, unknown
from qaml.data.pinned import MOST_BYTES, ending_of
from qaml.errors import DataError
from qaml.files.npz import NUMBERS
from qaml.types import AnyArray

DELIMITERS = ",;\t"
_OF_AN_INDEX = ("", "Unnamed: 0", "__index_level_0__")
"""Names that pandas gives to the column of row numbers."""
_QUOTED = re.compile('"[^"]*"')


class Columns(NamedTuple):
    """Positions of columns.

    Attributes:
        inputs: those of the coordinates, in order.
        label: that of the label.
        mark: that of the column that says what each example is for.
        names: the names of all columns, or their positions.
    """

    inputs: tuple[int, ...]
    label: int
    mark: int | None
    names: Sequence[str]


class Row(NamedTuple):
    """One row; ``line`` is the number of its last line, from 1."""

    line: int
    cells: list[str]


def read_csv(path: str, content: bytes, wanted: Wanted) -> Found:
    """The examples of a table whose cells are divided by commas, semicolons or tabs.

    The first row holds the names of the columns, where a column is asked for by name, or where one of its cells of
    inputs is no number.

    Raises:
        DataError: the content is no such table, lacks a column, or a cell of inputs is no number.
    """
    rows = _rows(path, content)
    first = next(rows, None)
    if first is None:
        raise DataError(f"{path}: the table is empty")
    is_named = any(isinstance(each, str) for each in (*(wanted.inputs or ()), wanted.labels, wanted.column))
    columns = _columns(path, [cell.strip() for cell in first.cells] if is_named else len(first.cells), wanted)
    has_heading = is_named or not all(_is_number(first.cells[place]) for place in columns.inputs)
    return _examples(path, columns, rows if has_heading else chain((first,), rows))


def check_csv(path: str, content: bytes) -> None:
    """Check that every row has as many cells as the first one.

    Raises:
        DataError: it is no table of at least two rows and columns.
    """
    n_rows, n_columns = 0, 0
    for row in _rows(path, content):
        n_rows, n_columns = n_rows + 1, len(row.cells)
    if n_rows < 2 or n_columns < 2:
        raise DataError(f"{path}: {n_rows} rows and {n_columns} columns, expected at least two of each")


def _examples(path: str, columns: Columns, rows: Iterator[Row]) -> Found:
    chosen = itemgetter(*columns.inputs)
    is_one = len(columns.inputs) == 1
    numbers = array("f")
    labels: list[str] = []
    marks: list[str] = []
    for row in rows:
        try:
            numbers.extend((float(chosen(row.cells)),) if is_one else map(float, chosen(row.cells)))
        except ValueError as error:
            wrong = next(place for place in columns.inputs if not _is_number(row.cells[place]))
            raise DataError(
                f"{path}:{row.line}: column {columns.names[wrong]!r} holds no number",
                "leave the row out, or name the columns of inputs in 'inputs'",
            ) from error
        labels.append(row.cells[columns.label].strip())
        if columns.mark is not None:
            marks.append(row.cells[columns.mark].strip())
    if not labels:
        raise DataError(f"{path}: the table has no rows below its heading")
    inputs = np.frombuffer(numbers, np.float32).reshape(len(labels), len(columns.inputs))
    return Found(inputs, labels, marks if columns.mark is not None else None)


def _rows(path: str, content: bytes) -> Iterator[Row]:
    """Yield the rows that are not empty, all of the first one's length."""
    head = _QUOTED.sub("", content[: 1 << 16].split(b"\n", 1)[0].decode("utf-8", "replace"))
    delimiter = "\t" if ending_of(path) == ".tsv" else max(DELIMITERS, key=head.count)
    width = 0
    try:
        with TextIOWrapper(BytesIO(content), encoding="utf-8-sig", newline="") as text:
            rows = csv.reader(text, delimiter=delimiter, strict=True)
            for cells in rows:
                if not cells:
                    continue
                width = width or len(cells)
                if len(cells) != width:
                    raise DataError(f"{path}:{rows.line_num}: {len(cells)} cells, expected {width} as in the first row")
                yield Row(rows.line_num, cells)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: it is no table ({error})", "save it as CSV in UTF-8") from error


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _columns(path: str, heading: Sequence[str] | int, wanted: Wanted) -> Columns:
    """The positions of the wanted columns; the heading is the columns' names, or their number."""
    names = heading if not isinstance(heading, int) else [str(place) for place in range(heading)]
    width = len(names)

    def place(column: str | int) -> int:
        if isinstance(column, int):
            if not -width <= column < width:
                raise DataError(f"{path}: no column {column}", f"it has {width}, from 0 (or from the right: -1, -2, …)")
            return column % width
        if column not in names:
            raise unknown(path, "column", column, names)
        if names.count(column) > 1:
            raise DataError(f"{path}: two columns are called {column!r}", "name them by position, from 0")
        return names.index(column)

    label = place(-1 if wanted.labels is None else wanted.labels)
    mark = None if wanted.column is None else place(wanted.column)
    if wanted.inputs is None:
        inputs = tuple(each for each in range(width) if each not in (label, mark))
        if (index := next((each for each in inputs if names[each] in _OF_AN_INDEX), None)) is not None:
            raise DataError(
                f"{path}: column {index}, called {names[index]!r}, is an index: as an input it could tell the label",
                "save the table without its index, or name the columns of inputs in 'inputs'",
            )
    else:
        inputs = tuple(place(column) for column in wanted.inputs)
    if not inputs or {label, mark} & set(inputs) or len(set(inputs)) < len(inputs):
        raise DataError(
            f"{path}: expected columns of inputs, each once, beside that of the label", f"it has {width} columns"
        )
    return Columns(inputs, label, mark, names)


# --- Parquet


def read_parquet(path: str, content: bytes, wanted: Wanted) -> Found:
    """The examples of a Parquet file.

    Raises:
        DataError: polars is not installed, the content is no such file, lacks a column, or holds texts as inputs.
    """
    names = columns_of_parquet(path, content)
    columns = _columns(path, names, wanted)
    chosen = [names[place] for place in columns.inputs]
    words = [names[place] for place in (columns.label, columns.mark) if place is not None]
    with _polars(path) as polars:
        table = polars.read_parquet(BytesIO(content), columns=[*chosen, *words])
    inputs = np.empty((len(table), len(chosen)), np.float32)
    for position, name in enumerate(chosen):
        values = _column(path, table[name])
        if isinstance(values, list):
            raise DataError(f"{path}: column {name!r} holds no numbers", "name the columns of inputs in 'inputs'")
        with np.errstate(over="ignore"):  # infinite in float32: refused as any other infinity
            inputs[:, position] = values
    labels, *marks = (_column(path, table[name]) for name in words)
    return Found(inputs, labels, marks[0] if marks else None)


def columns_of_parquet(path: str, content: bytes) -> list[str]:
    """The names of the columns of a Parquet file, none of which is read.

    Raises:
        DataError: polars is not installed, or the content is no such file, or too large once unpacked.
    """
    with _polars(path) as polars:
        names = list(polars.read_parquet_schema(BytesIO(content)))
        n_rows = polars.scan_parquet(BytesIO(content)).select(polars.len()).collect().item()
    if len(names) * n_rows * 8 > MOST_BYTES:
        raise DataError(f"{path}: {n_rows:,} rows are too many", f"expected at most {MOST_BYTES:,} bytes unpacked")
    return names


@contextmanager
def _polars(path: str) -> Iterator[Any]:
    """Yield the library, whose errors and panics become errors about the file."""
    try:
        import polars
    except ImportError as error:
        raise DataError(
            f"{path}: Parquet needs polars, which is not installed",
            "pip install 'qaml-bench[parquet]', or save the table as CSV",
        ) from error
    try:
        yield polars
    except (polars.exceptions.PolarsError, polars.exceptions.PanicException, OSError, ValueError) as error:
        words = str(error).split("\n", 1)[0]
        raise DataError(f"{path}: it is no Parquet file of a table ({words})", "save the table as CSV") from error


def _column(path: str, column: Any) -> Values:
    """A column as numbers, a missing one as NaN, or as texts where it holds any."""
    with _polars(path) as polars:
        if column.dtype.is_numeric() or column.dtype == polars.Boolean:
            values = column.to_numpy()
            numbers: AnyArray = values if values.dtype.kind in NUMBERS else column.cast(polars.Float64).to_numpy()
            return numbers
        # each text once, however often it occurs: a small file may repeat a long one
        texts = column.cast(polars.String).fill_null("")
        words = texts.unique(maintain_order=True)
        places = texts.cast(polars.Enum(words)).to_physical().to_list()
        known: list[str] = words.to_list()
        return [known[place] for place in places]
