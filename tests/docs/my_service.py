"""A vendor's client, as the guide about hardware needs one: its jobs are files, and outlive the process that asks."""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import Any

import pennylane as qml


class Client:
    """Runs gates on a simulator; FIVE_DIES is the number of results after which the process that asks dies, once."""

    def __init__(self) -> None:
        self.folder = Path(os.environ["FIVE_JOBS"])
        self.folder.mkdir(exist_ok=True)

    def run(self, gates: list[Any], wires: list[int], shots: int) -> str:
        """The id of a new job."""
        assert {wire for _, _, on in gates for wire in on} <= {1, 3}, "the wire map"
        job_id = f"{len(list(self.folder.glob('*.json'))):04}"
        (self.folder / f"{job_id}.json").write_text(json.dumps([gates, wires, shots]))
        return job_id

    def counts(self, job_id: str) -> dict[str, int]:
        """The counts of a job."""
        text = (self.folder / f"{job_id}.json").read_text()
        gates, wires, shots = json.loads(text)
        if int(job_id) == int(os.environ.get("FIVE_DIES", "-1")):
            os._exit(9)
        operations = [getattr(qml, name)(*angles, wires=on) for name, angles, on in gates]
        flips = [qml.BitFlip(0.05, wires=wire) for wire in wires]  # what is misread
        tape = qml.tape.QuantumScript([*operations, *flips], [qml.counts(wires=wires)], shots=shots)
        device = qml.device("default.mixed", wires=[1, 3], seed=zlib.crc32(text.encode()))
        return {str(outcome): int(n) for outcome, n in qml.execute([tape], device, diff_method=None)[0].items()}

    def properties(self) -> dict[str, Any]:
        """What the machine says of itself."""
        return {"backend": "five", "readout error": 0.05}
