"""Weights of other formats: what they hold survives, what they would run does not run."""

from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load
from typer.testing import CliRunner

from qaml.cli import app
from qaml.errors import PartError
from qaml.models.torch_module import convert
from qaml.models.torch_module.convert import converted


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    net = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 3, bias=False))
    net[2].weight = net[0].weight  # tied
    return dict(net.state_dict())


def _same(content: bytes, state: dict[str, torch.Tensor]) -> None:
    found = load(content)
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in state.items())


def test_state_dictionaries_checkpoints_and_arrays(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    path = tmp_path / "net.pt"
    torch.save(state, path)
    _same(converted(path), state)
    torch.save({"epoch": 3, "model_state_dict": state, "optimizer": {"lr": 0.1, "state": {}}}, path)
    _same(converted(path), state)
    torch.save({"teacher": state, "student": {}}, path)
    _same(converted(path, "teacher"), state)
    with pytest.raises(PartError, match="no tensors, but 'teacher', 'student'") as error:
        converted(path)
    assert error.value.hint == "name its state dictionary with --key"
    arrays: dict[str, Any] = {name: tensor.numpy() for name, tensor in state.items()}
    np.savez(tmp_path / "net.npz", **arrays)
    _same(converted(tmp_path / "net.npz"), state)


class _Runs:
    """An object whose unpickling would create a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_nothing_that_a_file_holds_is_run(tmp_path: Path) -> None:
    path, trap = tmp_path / "net.pt", tmp_path / "trap"
    for content in (_Runs(trap), {"a": torch.zeros(1), "b": _Runs(trap)}, torch.nn.Linear(2, 2)):
        torch.save(content, path)
        with pytest.raises(PartError, match="holds more than tensors and is not read") as error:
            converted(path)
        assert "model.state_dict()" in error.value.hint
    np.savez(tmp_path / "net.npz", a=np.array([_Runs(trap)], dtype=object))
    with pytest.raises(PartError, match="cannot be converted"):
        converted(tmp_path / "net.npz")
    assert not trap.exists()


def test_unusual_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.pt"
    with pytest.raises(PartError, match="No such file"):
        converted(path)
    torch.save({"a": torch.zeros(1)}, path, _use_new_zipfile_serialization=False)
    with pytest.raises(PartError, match=r"not what torch\.save writes since version 1\.6"):
        converted(path)
    torch.save([torch.zeros(1)], path)
    with pytest.raises(PartError, match="holds a list"):
        converted(path)
    torch.save({"a": torch.zeros(1), "b": 3}, path)
    with pytest.raises(PartError, match="'b' is none"):
        converted(path)
    torch.save({"a": torch.eye(3).to_sparse()}, path)
    with pytest.raises(PartError, match="sparse"):
        converted(path)

    monkeypatch.setattr(convert, "MOST_BYTES", 1 << 16)
    torch.save({"a": torch.zeros(1).expand(1 << 40)}, path)  # a few bytes that unpack to terabytes
    with pytest.raises(PartError, match="holds 4,398,046,511,104 bytes"):
        converted(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("net/data/0", b"\0" * (1 << 17))
    with pytest.raises(PartError, match="too large"):
        converted(path)


def test_the_command_prints_the_lines_for_the_spec(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    source, to = tmp_path / "net.pt", tmp_path / "net.safetensors"
    torch.save(state, source)
    done = CliRunner().invoke(app, ["weights", "convert", str(source), str(to)])
    digest = hashlib.sha256(to.read_bytes()).hexdigest()
    assert (done.exit_code, done.output) == (0, f"weights:\n  path: {to}\n  sha256: {digest}\n")
    _same(to.read_bytes(), state)
    refused = CliRunner().invoke(app, ["weights", "convert", str(tmp_path / "absent.pt"), str(to)])
    assert refused.exit_code == 2
    assert refused.output.startswith(f"cannot read {tmp_path / 'absent.pt'}: No such file")
