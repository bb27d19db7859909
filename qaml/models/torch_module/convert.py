"""Weights of other formats as safetensors, without running anything that a file holds."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from qaml.errors import PartError
from qaml.files.npz import NpzError, read_npz
from qaml.files.regular import open_regular, read_regular
from qaml.models.weights_part import MOST_BYTES

NESTED = ("state_dict", "model_state_dict", "model", "net", "weights", "params")
"""Names below which training scripts keep the state dictionary in a checkpoint."""
MOST_STRUCTURE = 64 << 20
"""Largest size of what describes the tensors of a file, in bytes."""


def converted(path: Path, key: str = "") -> bytes:
    """The tensors of a file as a safetensors file.

    ``.npz`` files hold arrays by name. Other files are what ``torch.save`` writes: a state dictionary, or a checkpoint
    with one in it. They are read with ``weights_only``, which makes tensors and plain values and refuses all else.

    Args:
        path: the file.
        key: name of the state dictionary in a checkpoint; by default one of ``NESTED``.

    Raises:
        PartError: the file cannot be read, holds code or something other than tensors, or is too large.
    """
    try:
        content = _arrays(path) if path.suffix.lower() == ".npz" else _saved(path)
    except OSError as error:
        raise PartError(f"cannot read {path}: {error.strerror or error}") from error
    tensors = _tensors(_state(content, key))
    if (size := sum(_n_bytes(tensor) for tensor in tensors.values())) > MOST_BYTES:
        raise PartError(f"{path} holds {size:,} bytes of weights, expected at most {MOST_BYTES:,}")
    return save({name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()})


def _arrays(path: Path) -> Mapping[str, Any]:
    try:
        arrays = read_npz(read_regular(path, MOST_BYTES), MOST_BYTES)
    except NpzError as error:
        raise PartError(f"{path} cannot be converted: {error}") from error
    return {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}


def _saved(path: Path) -> Any:
    _check_archive(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a file of unknown origin: the reader raises many kinds
        reason = " ".join(str(error).split()).partition(" Please file")[0]
        raise PartError(
            f"{path} holds more than tensors and is not read: {type(error).__name__}: {reason[:300]}",
            "where its classes are defined, write 'torch.save(model.state_dict(), path)' and convert that file",
        ) from error


def _check_archive(path: Path) -> None:
    """Refuse files that are no archive of today's torch, and archives that unpack to more than expected."""
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except zipfile.BadZipFile as error:
        raise PartError(
            f"{path} is not what torch.save writes since version 1.6",
            "load it with torch where you trust it, and save its state dictionary again",
        ) from error
    described = sum(member.file_size for member in members if member.filename.endswith(".pkl"))
    if sum(member.file_size for member in members) > MOST_BYTES or described > MOST_STRUCTURE:
        raise PartError(f"{path} is too large, expected at most {MOST_BYTES:,} bytes of weights")


def _state(content: Any, key: str) -> Mapping[str, Any]:
    """The state dictionary in what a file holds."""
    if key:
        if not isinstance(content, Mapping) or not isinstance(content.get(key), Mapping):
            raise PartError(f"the file has no state dictionary {key!r}", f"it has {_names(content)}")
        found: Mapping[str, Any] = content[key]
        return found
    if isinstance(content, Mapping) and not any(isinstance(value, Tensor) for value in content.values()):
        nested: Mapping[str, Any] | None = next(
            (content[name] for name in NESTED if isinstance(content.get(name), Mapping)), None
        )
        if nested is None:
            raise PartError(f"the file has no tensors, but {_names(content)}", "name its state dictionary with --key")
        return nested
    if not isinstance(content, Mapping):
        raise PartError(f"the file holds a {type(content).__name__}, expected a state dictionary")
    state: Mapping[str, Any] = content
    return state


def _tensors(state: Mapping[str, Any]) -> dict[str, Tensor]:
    others = [str(name) for name, value in state.items() if not (isinstance(name, str) and isinstance(value, Tensor))]
    if others:
        raise PartError(
            f"expected a state dictionary of tensors, and {others[0][:60]!r} is none",
            "name the state dictionary with --key, or save only that",
        )
    unusual = [name for name, value in state.items() if value.layout != torch.strided or value.is_quantized]
    if unusual:
        raise PartError(f"{unusual[0][:60]!r} is sparse or quantised", "save a dense, dequantised state dictionary")
    return dict(state)


def _n_bytes(tensor: Tensor) -> int:
    """The bytes of a tensor written out: a view may repeat a few numbers without end."""
    return math.prod(tensor.shape) * tensor.element_size()


def _names(content: Any) -> str:
    names = list(_first(content)) if isinstance(content, Mapping) else []
    return ", ".join(repr(name) for name in names) or f"a {type(content).__name__}"


def _first(content: Mapping[Any, Any]) -> Iterator[str]:
    for name, _ in zip(content, range(8), strict=False):
        yield str(name)[:40]
