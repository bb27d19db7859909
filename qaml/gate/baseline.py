"""Baselines: what an accepted run measured, as a small sorted JSON file to be reviewed, and its evidence per image.

The JSON file holds a line of numbers a cell; the evidence, a bit an image and training run where decisions are not
random, is stored beside it in ``NAME.npz``, whose checksum the JSON file holds beside its own. However a writer is
stopped, the files are the former two or the new two.
"""

from __future__ import annotations

import glob
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from qaml.errors import QamlError, StoreError
from qaml.files.checksum import Unsealed, seal
from qaml.files.hold import hold
from qaml.files.npz import MOST_BYTES, NpzError, read_npz
from qaml.files.regular import read_regular
from qaml.files.write import write
from qaml.outcome.record import LargeRecordError
from qaml.outcome.upgrade import Fields, Format, VersionError, current, unchanged
from qaml.types import AnyArray, FloatArray, IntArray
from qaml.vocab import ProfileName


def _with_libraries(fields: Fields) -> Fields:
    """Read version 2, which had code and versions of libraries within ``measure`` and cannot separate them."""
    cells = {name: {**cell, "libraries": ""} for name, cell in fields["cells"].items()}
    return {**fields, "cells": cells}


FORMAT = Format(upgrades=(unchanged, _with_libraries))
"""Version 2 has a checksum; version 3 knows settings, code and libraries apart."""
_PATIENCE = 10.0
"""Seconds to wait for another writer in the same folder."""
LEVEL = 0.01
"""Chance of any false alarm in a suite, unless the baseline says otherwise."""

EVIDENCE = ".npz"
"""Ending of the evidence file's name."""

MOST_JSON = 16 << 20
"""Largest size of a baseline file, in bytes."""

Key = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


class GateError(QamlError):
    """A baseline cannot be read, or asks for what the data cannot give."""


class Recorded(BaseModel):
    """One cell of a baseline: a model's accuracy on clean images, or under one attack at one budget."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    accuracy: float = Field(ge=0, le=1)
    """Mean accuracy over training runs, for readers; the gate judges by the evidence."""
    runs: int = Field(ge=1, le=1_000_000)
    """Number of training runs."""
    images: int = Field(ge=1, le=2**31)
    data: Key
    """Digest of the dataset: its declaration and checksums, and a foreign one's code."""
    measure: Key
    """Digest of the settings of the attack and of what scores it."""
    code: Key | None = None
    """Digest of their code; a cell of other code is compared, and the report says so."""
    libraries: str
    """Name of the versions of ``Baseline.libraries`` that this code used; cells of others are not compared."""
    weights: tuple[Key, ...]
    """Digest of the weights of each training run: target first, then the models that adversarials were made on."""
    evidence: str
    """Name of this cell's array in the evidence file."""
    reserve: str | None = None
    """Name of the array of further images, which are used only when the cell looks worse."""
    spare: int = Field(0, ge=0, le=2**31)
    """Number of these further images."""


class Baseline(BaseModel):
    """The content of a baseline file."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    schema_version: int = FORMAT.version
    created: str
    """Time of the recording, ISO 8601, UTC."""
    commit: str | None = None
    profile: ProfileName
    level: float = Field(LEVEL, gt=0, le=0.5)
    """Chance of any false alarm among all cells."""
    sensitivity: float | None = Field(None, gt=0, le=1)
    """Drop that must be noticed with a chance of 95 % in every cell; with too little data for it the gate refuses."""
    reserve: int = Field(0, ge=0, le=1_000_000)
    """Test images kept in reserve for each cell of fixed weights: what looks worse must look so on them, too."""
    tolerances: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}
    """Pattern of cells (``*`` matches anything) → a drop that does not count, as a share; the first match applies."""
    evidence_sha256: str
    libraries: dict[str, dict[str, str]] = {}
    """Library versions by the names that cells use: name → distribution → version."""
    cells: dict[str, Recorded]
    """The cells by name: ``suite/model/attack@budget`` or ``suite/model/clean``."""

    def tolerance(self, cell: str) -> float:
        """The drop of this cell that does not count."""
        return next((value for pattern, value in self.tolerances.items() if fnmatchcase(cell, pattern)), 0.0)


class Evidence(NamedTuple):
    """Which decisions were right, image by image.

    Attributes:
        correct: (runs, n) shares of draws; zeros and ones where nothing is random.
        indices: (n,) positions of the images in the test split.
    """

    correct: FloatArray
    indices: IntArray


def evidence_path(path: Path) -> Path:
    """The file beside a baseline."""
    return path.with_suffix(EVIDENCE)


def write_baseline(path: Path, baseline: Mapping[str, Any], evidence: Mapping[str, Evidence]) -> Baseline:
    """Write both files.

    Args:
        path: path of the JSON file.
        baseline: fields of ``Baseline`` except the checksum.
        evidence: array name → evidence.

    Raises:
        GateError: a file cannot be written, or could not be read again.
    """
    if path.suffix == EVIDENCE:
        raise GateError(f"{path} has the name of a baseline's evidence", f"name it {path.stem}.json")
    packed = io.BytesIO()
    np.savez_compressed(packed, allow_pickle=False, **_packed(evidence))
    digest = hashlib.sha256(packed.getbuffer()).hexdigest()
    try:
        complete = Baseline(**baseline, evidence_sha256=digest)
    except ValidationError as error:
        raise GateError(f"no such baseline: {_first(error)}", "'qaml baseline save --help'") from error
    content = complete.model_dump(mode="json")
    content["cells"] = dict(sorted(content["cells"].items()))
    text = seal(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    _check_readable(path, text, packed.getvalue(), complete)
    early = _early_path(path, digest)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with hold(path.parent, _PATIENCE):
            write(early, packed.getvalue())
            try:
                write(path, text)
            except StoreError:
                early.unlink(missing_ok=True)
                raise
            write(evidence_path(path), packed.getvalue())
            for leftover in path.parent.glob(f".{glob.escape(path.stem)}.{'[0-9a-f]' * 16}.npz"):
                leftover.unlink(missing_ok=True)
    except OSError as error:
        raise GateError(f"cannot write the baseline {path}: {error.strerror or error}", "name another file") from error
    except StoreError as error:
        raise GateError(f"cannot write the baseline {path}: {error.message}", error.hint) from error
    return complete


def _check_readable(path: Path, text: str, packed: bytes, baseline: Baseline) -> None:
    """Refuse to write what ``read_baseline`` would refuse: the former files stay.

    Raises:
        GateError: it is too large, or cells and evidence do not fit each other.
    """
    hint = "a file for every suite, or fewer images in reserve"
    if len(text.encode("utf-8", "replace")) > MOST_JSON or len(packed) > MOST_BYTES:
        raise GateError(f"the baseline {path} would be too large to be read again", hint)
    try:
        Known(read_npz(packed), baseline.cells)
    except NpzError as error:
        raise GateError(f"the baseline {path} could not be read again: {error}", hint) from error


def _early_path(path: Path, digest: str) -> Path:
    """The path of the evidence until the JSON file that needs it is written."""
    return path.with_name(f".{path.stem}.{digest[:16]}.npz")


def read_baseline(path: Path) -> tuple[Baseline, Mapping[str, Evidence]]:
    """Read both files.

    Raises:
        GateError: one is missing or malformed, or they do not belong together.
    """
    try:
        baseline = Baseline.model_validate_json(current(read_regular(path, MOST_JSON), FORMAT))
    except OSError as error:
        hint = "'qaml baseline save' makes one from a finished run"
        raise GateError(f"cannot read the baseline {path}: {error.strerror or error}", hint) from error
    except Unsealed as error:
        hint = "restore it; settings are options of 'qaml baseline save', and 'update' accepts what was measured since"
        raise GateError(f"{path} {error}", hint) from error
    except (VersionError, LargeRecordError) as error:
        raise GateError(f"{path} {error}", "'qaml baseline save' makes one") from error
    except ValidationError as error:
        raise GateError(f"{path} is no baseline: {_first(error)}", "'qaml baseline save' makes one") from error
    beside = evidence_path(path)
    hint = "commit both files, or save the baseline anew"
    try:
        packed = _read_evidence(path, baseline.evidence_sha256)
    except OSError as error:
        raise GateError(f"the evidence {beside} of the baseline cannot be read: {error.strerror}", hint) from error
    if hashlib.sha256(packed).hexdigest() != baseline.evidence_sha256:
        raise GateError(f"the evidence {beside} of the baseline is not the one that it was saved with", hint)
    try:
        return baseline, Known(read_npz(packed), baseline.cells)
    except NpzError as error:
        raise GateError(f"the evidence {beside} of the baseline is damaged: {error}", hint) from error


def _read_evidence(path: Path, digest: str) -> bytes:
    try:
        return read_regular(_early_path(path, digest), MOST_BYTES)  # its writer is still at work, or was killed
    except FileNotFoundError:
        return read_regular(evidence_path(path), MOST_BYTES)


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


def _packed(evidence: Mapping[str, Evidence]) -> dict[str, AnyArray]:
    arrays: dict[str, AnyArray] = {}
    for name, (correct, indices) in evidence.items():
        is_binary = bool(np.isin(correct, (0, 1)).all())
        arrays[name] = np.packbits(correct > 0.5, axis=1) if is_binary else correct.astype(np.float32)
        arrays[f"{name}.indices"] = indices.astype(np.int32)
    return arrays


class Known(Mapping[str, Evidence]):
    """The evidence of a baseline's cells, by the name of its array; unpacked at the first access.

    Args:
        arrays: the arrays of the file.
        cells: the cells that name them.

    Raises:
        NpzError: an array is missing, or does not fit its cell.
    """

    def __init__(self, arrays: Mapping[str, AnyArray], cells: Mapping[str, Recorded]) -> None:
        self._arrays = arrays
        self._runs: dict[str, int] = {}
        for name, cell in cells.items():
            for array, images in ((cell.evidence, cell.images), (cell.reserve, cell.spare)):
                if array is not None:
                    _check(arrays, array, cell.runs, images, name)
                    self._runs[array] = cell.runs

    def __getitem__(self, name: str) -> Evidence:
        """The evidence under this name."""
        if name not in self._runs:
            raise KeyError(name)
        correct, indices = self._arrays[name], self._arrays[f"{name}.indices"].astype(np.int64)
        if correct.dtype == np.uint8:
            correct = np.unpackbits(correct, axis=1, count=len(indices))
        return Evidence(correct.astype(np.float32), indices)

    def __iter__(self) -> Iterator[str]:
        """The names of all evidence."""
        return iter(self._runs)

    def __len__(self) -> int:
        """The number of cells with evidence, reserves not counted."""
        return len(self._runs)


def _check(arrays: Mapping[str, AnyArray], name: str, runs: int, images: int, cell: str) -> None:
    """Refuse evidence that the judge could not use, or would misread.

    Raises:
        NpzError: an array is missing, is of another shape, or holds values that are no shares or no images.
    """
    correct, indices = arrays.get(name), arrays.get(f"{name}.indices")
    if correct is None or indices is None:
        raise NpzError(f"it lacks the arrays of {cell}")
    is_packed = correct.dtype == np.uint8
    wide = -(-images // 8) if is_packed else images
    if images < 1 or correct.shape != (runs, wide) or indices.shape != (images,):
        raise NpzError(f"the arrays of {cell} are not of {runs} runs on {images} images")
    is_share = is_packed or (correct.dtype == np.float32 and bool(((correct >= 0) & (correct <= 1)).all()))
    if not is_share or indices.dtype != np.int32 or indices.min() < 0 or len(np.unique(indices)) != images:
        raise NpzError(f"the arrays of {cell} do not hold shares of right answers and positions of images")
