"""Train a QNode in processes that are killed at random points of time, resumed, and compared with one left in peace.

``python -m tests.run.kill_qnode FOLDER SEED KILLS DEVICE …`` forks a process for each training. It prints a line of
JSON for each device: the epochs of the checkpoints from which trainings went on, the seconds after which they were
killed, the files that differ in the end, and those that are left.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pennylane as qml
import torch
import torch._dynamo

from qaml.models.base import Checkpoint
from qaml.models.qnode import network, trial
from qaml.models.qnode.part import PennyLane
from qaml.run.checkpoint import Checkpoints
from qaml.run.job import Job
from qaml.run.steps import train
from qaml.testing.material import blobs
from qaml.types import Data
from tests.models import user_qnodes
from tests.models.examples import GREY

IMPORTED = (network, trial, user_qnodes, torch._dynamo, qml.device("lightning.qubit", wires=1))
"""What a training imports late: imported here, so that no forked process spends its time on it."""
FIELDS: Mapping[str, Mapping[str, Any]] = {
    "default.qubit": {"epochs": 6, "batch": 25, "lr": 0.05},
    "lightning.qubit": {"epochs": 4, "batch": 25, "optimiser": "sgd", "momentum": 0.9, "lr": 0.05},
}
ENVIRONMENT = {"QAML_TRUSTED_MODULES": "tests.models.user_qnodes", "QAML_CHECKPOINT_SECONDS": "0"}


class Training(NamedTuple):
    """The step of a training in a folder that outlives its processes."""

    folder: Path
    device: str

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint" / "checkpoint.safetensors"

    @property
    def output(self) -> Path:
        return self.folder / "output"

    def begin(self) -> int:
        """A process that trains; it ends with 0 unless something is raised."""
        child = os.fork()
        if child == 0:
            try:
                self._execute()
            except BaseException as error:
                sys.stderr.write(f"{type(error).__name__}: {error}\n")
                os._exit(1)
            os._exit(0)
        return child

    def _execute(self) -> None:
        fields = {"factory": "tests.models.user_qnodes:angles", "device": self.device, "training": FIELDS[self.device]}
        part = PennyLane.model_validate_json(json.dumps({"kind": "pennylane", **fields}))
        data, read = Data(blobs(GREY), blobs(GREY), GREY), Checkpoints.read

        def reading(own: Checkpoints) -> Checkpoint | None:
            found = read(own)
            with (self.folder / "log").open("a") as file:
                file.write(f"{0 if found is None else found.epoch}\n")
            return found

        setattr(Checkpoints, "read", reading)  # noqa: B010  # in this process alone
        setattr(train, "data_of", lambda *_: data)  # noqa: B010
        made = self.folder / f"output-{os.getpid()}"
        made.mkdir(parents=True)
        payload = {"model": part, "dataset": SimpleNamespace(info=GREY), "defences": [], "crafts": {}}
        job = Job("ab" * 32, payload, 5, {}, lambda *_: Path(), made, self.checkpoint.parent, lambda *_: None)
        train.execute(job)
        made.rename(self.output)

    def is_killed(self, delay: float, *, waits: bool) -> bool:
        """Whether a training is killed ``delay`` seconds after its beginning, or after its next checkpoint."""
        before, child = self._written(), self.begin()
        while waits and self._written() in (before, 0) and not self.output.exists():
            time.sleep(0.001)
        time.sleep(delay)
        os.kill(child, signal.SIGKILL)
        return ended(child) == -signal.SIGKILL

    def _written(self) -> int:
        try:
            return self.checkpoint.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def files(self) -> dict[str, bytes]:
        """The artefact's files."""
        return {path.name: path.read_bytes() for path in self.output.iterdir()}


def ended(child: int) -> int:
    """How a process ended: its exit code, or minus the signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def tried(folder: Path, device: str, kills: int, draw: random.Random) -> dict[str, Any]:
    """Kill a device's trainings so many times, every second time after a checkpoint, and let them end."""
    peaceful, start = Training(folder / "peaceful", device), time.monotonic()
    assert ended(peaceful.begin()) == 0
    lasted = time.monotonic() - start
    found: dict[str, Any] = {"device": device, "from": [], "delays": [], "differing": [], "left": []}
    while len(found["delays"]) < kills:
        training = Training(folder / str(len(found["from"])), device)
        while len(found["delays"]) < kills:
            waits = len(found["delays"]) % 2 == 0
            delay = draw.uniform(0, lasted / 4 if waits else lasted)
            if not training.is_killed(delay, waits=waits):
                break  # it had ended before
            found["delays"].append(round(delay, 3))
        if not training.output.exists():
            assert ended(training.begin()) == 0
        ours, theirs = training.files(), peaceful.files()
        found["differing"] += [name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name)]
        found["from"].append((training.folder / "log").read_text().split())
    found["left"] = [str(path) for path in folder.rglob("checkpoint*")]
    return found


def main(folder: str, seed: str, kills: str, *devices: str) -> None:
    """Try each device."""
    torch.set_num_threads(1)
    os.environ |= ENVIRONMENT
    draw = random.Random(int(seed))
    for device in devices:
        sys.stdout.write(json.dumps(tried(Path(folder) / device, device, int(kills), draw)) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
