"""Load a dataset, verify it, and record its content; later steps load it again in their own process."""

from __future__ import annotations

import json

import numpy as np

from qaml.run.dataset import loaded
from qaml.run.job import Job
from qaml.run.store import DATA_RECORD
from qaml.types import Split


def execute(job: Job) -> None:
    """Write ``dataset.json``: shape, classes, bounds, counts, digests of the arrays after all transforms."""
    part = job.payload["dataset"]
    data, digests, n_test, n_repeated = loaded(part, anew=True)
    content = {
        "shape": data.info.shape,
        "classes": data.info.classes,
        "bounds": data.info.bounds.limits,
        "train": _describe(data.train, digests["train"]),
        "test": _describe(data.test, digests["test"]),
        "n_test": n_test,
        "test_in_training": n_repeated,
        "declared": job.payload["checksums"],
    }
    (job.output / DATA_RECORD).write_text(json.dumps(content, indent=1))


def _describe(split: Split, fingerprint: str) -> dict[str, object]:
    return {"examples": len(split), "classes": np.bincount(split.labels).tolist(), "fingerprint": fingerprint}
