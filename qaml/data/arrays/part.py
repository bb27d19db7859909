"""The user's own arrays and tables: fields, and how they are put together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from qaml.data.base import DatasetPart
from qaml.data.pinned import PinnedFile
from qaml.types import MOST_EXAMPLES, Bounds, Data, InputInfo, Limits, Settings, as_tuple

ARRAYS = (".npz", ".safetensors")
"""Endings of files that hold arrays by name."""
TABLES = (".csv", ".tsv", ".parquet")
"""Endings of files that hold columns, one row an example."""
MOST_FEATURES = 10_000_000
"""Most coordinates of one input."""

Column = str | Annotated[int, Field(ge=-MOST_FEATURES, le=MOST_FEATURES)]
Value = str | Annotated[int, Field(ge=-(2**53), le=2**53)]


class ArrayFile(PinnedFile):
    """A file with one array."""

    endings: ClassVar[tuple[str, ...]] = (".npy",)

    @classmethod
    def look(cls, path: str, content: bytes) -> None:
        """Read the array.

        Raises:
            DataError: it is no such file.
        """
        from qaml.data.arrays.formats import read_array

        read_array(path, content)


class IndexFile(PinnedFile):
    """A file with the positions of the test examples, from 0: an npy file, or a text with one number a line."""

    endings: ClassVar[tuple[str, ...]] = (".npy", ".txt", ".csv")

    @classmethod
    def look(cls, path: str, content: bytes) -> None:
        """Read the positions.

        Raises:
            DataError: it is no such file.
        """
        from qaml.data.arrays.formats import read_positions

        read_positions(path, content, MOST_EXAMPLES)


class ExampleFile(PinnedFile):
    """A file with labelled examples."""

    inputs: Annotated[Annotated[tuple[Column, ...], Field(min_length=1)] | None, BeforeValidator(as_tuple)] = None
    """Name of the array of inputs (default: ``inputs``, ``x``, ``X``, ``data`` or ``images``, also with ``_train`` or
    ``train_``), or names or positions of the columns (default: all that are neither label nor ``split.column``)."""
    labels: Column | ArrayFile | None = None
    """Name of the array of labels (default: ``labels``, ``y`` or ``target``, likewise), name or position of the column
    of labels (−1: the last), or for an npy file the file with them."""

    endings: ClassVar[tuple[str, ...]] = (*ARRAYS, ".npy", *TABLES)

    @model_validator(mode="after")
    def _has_labels(self) -> Self:
        if self.ending == ".npy" and not isinstance(self.labels, ArrayFile):
            raise ValueError("an npy file holds one array: expected 'labels: {path: …, sha256: …}', another npy file")
        if self.ending in TABLES and not isinstance(self.labels, str | int):
            raise ValueError("expected 'labels', the name or the position of the column of labels (-1: the last)")
        if self.ending in ARRAYS and (isinstance(self.labels, int) or not self._names_one_array):
            raise ValueError("expected the names of arrays: one for 'inputs', one for 'labels'")
        return self

    @property
    def _names_one_array(self) -> bool:
        return self.inputs is None or (len(self.inputs) == 1 and isinstance(self.inputs[0], str))

    @classmethod
    def look(cls, path: str, content: bytes) -> None:
        """Read the file as far as its ending says how.

        Raises:
            DataError: it is no such file.
        """
        from qaml.data.arrays.formats import look

        look(path, content)


class Division(Settings):
    """The choice of test examples among those of one file; the other ones are for training."""

    test_share: float | None = Field(None, gt=0, lt=1)
    """Share of the examples that is for testing, at random; every class keeps its share, and examples with equal inputs
    stay together."""
    seed: int = Field(0, ge=0, lt=2**32)
    """Seed of the random choice."""
    indices: IndexFile | None = None
    """File with the positions of the test examples."""
    column: Column | None = None
    """Column, or array, that says of each example what it is for."""
    test: Annotated[tuple[Value, ...], BeforeValidator(as_tuple), Field(min_length=1)] = ("test",)
    """Values of ``column`` in the rows of test examples."""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if sum(each is not None for each in (self.test_share, self.indices, self.column)) != 1:
            raise ValueError("expected one of 'test_share', 'indices' and 'column'")
        return self


class Arrays(DatasetPart):
    """Examples from files of the user's own: npz, npy, safetensors, CSV (also with tabs or semicolons) or Parquet.

    Nothing is unpickled. Parquet needs polars (the extra ``parquet``).
    """

    kind: Literal["arrays"] = "arrays"
    file: ExampleFile
    """The examples: those for training, where the test examples have arrays or a file of their own."""
    test_file: ExampleFile | None = None
    """The test examples, where they are in another file."""
    split: Division | None = None
    """The choice of test examples; left out where the file holds them in arrays of their own (``x_train``, ``y_train``,
    ``x_test``, ``y_test`` and the like), or ``test_file`` does."""
    shape: tuple[Annotated[int, Field(ge=1, le=MOST_FEATURES)], ...] = Field(min_length=1, max_length=3)
    """Shape of one input: [features], or [channels, height, width] for images."""
    classes: Annotated[int, Field(ge=2, le=10_000)] | tuple[Value, ...]
    """Number of classes where labels count from 0, or their names in label order, as they are written in the file."""
    bounds: Limits | Literal["none"]
    """The interval [low, high] of every coordinate, in the file's units; ``null`` for an edge that is open, ``none``
    for both."""
    layout: Literal["chw", "hwc"] = "chw"
    """Order of the axes of images in the file: channels first, or channels last."""
    states: bool = False
    """Whether inputs are quantum states: rows of 2**n real amplitudes of norm 1."""

    needs_files: ClassVar[bool] = True

    @field_validator("shape")
    @classmethod
    def _is_a_shape(cls, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) == 2:
            height, width = shape
            raise ValueError(f"expected [features] or [channels, height, width], such as [1, {height}, {width}]")
        if math.prod(shape) > MOST_FEATURES:
            raise ValueError(f"expected at most {MOST_FEATURES:,} coordinates")
        return shape

    @field_validator("classes")
    @classmethod
    def _are_distinct(cls, classes: int | tuple[Value, ...]) -> int | tuple[Value, ...]:
        if isinstance(classes, tuple) and not 2 <= len({str(each) for each in classes}) == len(classes):
            raise ValueError("expected at least two classes, each named once")
        return classes

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.split is not None and self.test_file is not None:
            raise ValueError("expected 'split' or 'test_file', not both")
        if self.split is None and self.test_file is None and self.file.ending not in ARRAYS:
            raise ValueError("which examples are for testing? such as 'split: {test_share: 0.2}', or 'test_file'")
        if self.layout == "hwc" and len(self.shape) != 3:
            raise ValueError("'layout' is of images: expected 'shape: [channels, height, width]'")
        n = math.prod(self.shape)
        if self.states and (n < 2 or n & (n - 1) or self._bounds != (-1, 1)):
            raise ValueError("states have 2**n amplitudes in [-1, 1]: expected such a 'shape', and 'bounds: [-1, 1]'")
        return self

    @classmethod
    def hint_about_missing(cls, field: str, given: Mapping[str, Any]) -> str:
        """The declaration of shape, classes and bounds that would fit the file."""
        if field not in ("shape", "classes", "bounds"):
            return ""
        from qaml.data.arrays.described import described

        return described(given).get(field, "")

    def describe(self) -> InputInfo:
        """What was declared."""
        names = range(self.classes) if isinstance(self.classes, int) else self.classes
        return InputInfo(self.shape, tuple(map(str, names)), self._bounds, self.states)

    @property
    def _bounds(self) -> Bounds:
        return Bounds.between((None, None) if self.bounds == "none" else self.bounds)

    def checksums(self) -> Mapping[str, str]:
        """File → SHA-256, as declared."""
        files: list[PinnedFile] = []
        for table in filter(None, (self.file, self.test_file)):
            files += [table, table.labels] if isinstance(table.labels, ArrayFile) else [table]
        if self.split is not None and self.split.indices is not None:
            files.append(self.split.indices)
        return {file.path: file.sha256 for file in files}

    def read(self) -> Data:
        """The examples in the order of the file; ``indices`` count through the file that an example is in.

        Raises:
            DataError: a file cannot be read, is another one than declared, or something else than declared is in it.
        """
        from qaml.data.arrays.examples import splits

        return Data(*splits(self), self.describe())
