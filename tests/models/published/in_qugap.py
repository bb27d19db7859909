"""Makes ``qugap.safetensors`` and outputs in ``expected.json`` from the repository of QuGAP, without running its code.

Anil, Vinod & Narayan 2024 (arXiv:2402.08648), github.com/Idsl-group/QuGAP, commit e0544daf, MIT licence
(``LICENSE-QuGAP``): ``targets/targ_q_10_2.txt`` is a pickled module of 9 wires and 10 layers, trained on zeros and
ones of MNIST, 16 × 16. It holds the trained ``q_params``, 270 float32, and the unitary matrix U that the authors' own
PennyLane code computed from them in complex64. From U follow the outputs here: the probabilities of the ancilla behind
(x ⊗ |0⟩)/‖x‖. (In the two files of 8 × 8 images U belongs to other numbers than ``q_params``.)

``python -m tests.models.published.in_qugap FILE``
"""

from __future__ import annotations

import hashlib
import json
import pickletools
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from qaml.types import AnyArray, FloatArray

HERE = Path(__file__).parent
SHA256 = "834d53ea7f077c51d0ad2378b08b329408af3afd3db3ed767e3c3038f3c1e3bc"


def inputs() -> FloatArray:
    """Three random images, (3, 256)."""
    return np.random.default_rng(18).uniform(0, 1, (3, 256)).astype(np.float32)


def arrays(content: bytes) -> tuple[AnyArray, AnyArray]:
    """The trained numbers, and the columns of U, (512, 256); arrays are at the end of the file's two storages."""
    blobs = [argument for _, argument, _ in pickletools.genops(content) if isinstance(argument, bytes)]
    assert [len(blob) for blob in blobs] == [1322, 1048827]
    numbers = np.frombuffer(blobs[0][-4 * 270 :], "<f4")
    return numbers, np.frombuffer(blobs[1][-8 * 512 * 256 :], "<c8").reshape(256, 512).T


def main() -> None:
    content = Path(sys.argv[1]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == SHA256
    numbers, columns = arrays(content)
    save_file({"q_params": numbers.copy()}, HERE / "qugap.safetensors")
    amplitudes = inputs().astype(np.float64)
    states = amplitudes / np.linalg.norm(amplitudes, axis=1, keepdims=True) @ columns.astype(np.complex128).T
    found = (np.abs(states) ** 2).reshape(3, 256, 2).sum(1)  # the ancilla is the last wire, the fastest axis
    path = HERE / "expected.json"
    expected = json.loads(path.read_text()) if path.exists() else {}
    expected["qugap"] = {"values": (found / found.sum(1, keepdims=True)).tolist()}
    path.write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
