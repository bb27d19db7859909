"""Load a dataset once, verify it, and note what it holds; later steps load it again in their own process."""

from __future__ import annotations

import hashlib
import json

import numpy as np

from qaml.run.dataset import loaded
from qaml.run.job import Job
from qaml.types import Split


def execute(job: Job) -> None:
    """Write ``dataset.json``: shape, classes, bounds, counts, digests of the arrays after all transforms."""
    data = loaded(job.payload["dataset"])
    content = {
        "shape": data.info.shape,
        "classes": data.info.classes,
        "bounds": data.info.bounds,
        "train": _describe(data.train),
        "test": _describe(data.test),
        "declared": job.payload["checksums"],
    }
    (job.output / "dataset.json").write_text(json.dumps(content, indent=1))


def _describe(split: Split) -> dict[str, object]:
    digest = hashlib.sha256(np.ascontiguousarray(split.inputs).tobytes() + split.labels.tobytes())
    return {"examples": len(split), "classes": np.bincount(split.labels).tolist(), "sha256": digest.hexdigest()}
