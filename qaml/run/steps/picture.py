"""Images of an attack for the report: clean, adversarial and perturbation, with labels and confidence."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from qaml.metrics.spectrum import low_frequency_share
from qaml.plan.role import Role
from qaml.run.answers import NO_ANSWER, Answers, answers, decides
from qaml.run.arrays import Rows, read_arrays
from qaml.run.classifier import trained
from qaml.run.job import Job
from qaml.types import AnyArray, Bounds, FloatArray, InputInfo

SCALE = 84
"""Smallest width of a picture, in pixels."""
LEAST_BUDGETS = 3
"""Smallest number of budgets for a curve."""

Ask = Callable[[FloatArray], Answers]


def execute(job: Job) -> None:
    """Write ``strip.json`` and three PNG files an image, at the largest budget; correctly classified images come first.

    The first image also has its class probabilities at every budget, if there are enough budgets for a curve.
    """
    description = job.payload["classifier"]
    info: InputInfo = description["dataset"].info
    module = trained(job, description)
    asked = partial(answers, decides(module, description["inference"]), inference=description["inference"])
    ask: Ask = partial(asked, seed=job.seed, device=job.device)
    path = job.read(Role("attack"), "adversarials.npz")
    made = read_arrays(path, without="adversarials")
    labels, epsilon = made["labels"], float(made["epsilons"][-1])
    unattacked = ask(made["start"])
    chosen = np.argsort(unattacked.predicted != labels, kind="stable")[: job.payload["count"]]
    clean = made["start"][chosen]
    with path.open("rb") as file:
        rows = Rows(file, "adversarials", merged=2)
        last = len(rows) - len(labels)
        adversarial = np.concatenate([rows[last + index : last + index + 1] for index in chosen])
        along = np.concatenate([rows[place : place + 1] for place in range(int(chosen[0]), len(rows), len(labels))])
    attacked = ask(adversarial)
    low_frequency = low_frequency_share(adversarial - clean)
    pictures = []
    for position, index in enumerate(chosen):
        pictures.append(
            {
                "files": _draw(job.output, position, clean[position], adversarial[position], info.bounds),
                "true_label": info.classes[labels[index]],
                "clean_label": _named(unattacked.predicted[index], info.classes),
                "clean_confidence": float(unattacked.confidence[index]),
                "adversarial_label": _named(attacked.predicted[position], info.classes),
                "adversarial_confidence": float(attacked.confidence[position]),
                "linf": float(np.abs(adversarial[position] - clean[position]).max()),
                "l2": float(np.linalg.norm(adversarial[position] - clean[position])),
                "low_frequency": _existing(low_frequency[position]),
            }
        )
    content: dict[str, Any] = {"epsilon": repr(epsilon), "pictures": pictures}
    if len(made["epsilons"]) >= LEAST_BUDGETS and np.isfinite(made["epsilons"]).all():
        content["probabilities"] = _along(ask, made, int(chosen[0]), along, info.classes)
    (job.output / "strip.json").write_text(json.dumps(content))


def _existing(value: float) -> float | None:
    """The value; ``None`` for NaN, the share of an unchanged image, which JSON lacks."""
    return None if np.isnan(value) else float(value)


def _named(predicted: int, classes: Sequence[str]) -> str:
    return "no answer" if predicted == NO_ANSWER else classes[predicted]


def _along(
    ask: Ask, made: Mapping[str, AnyArray], index: int, inputs: FloatArray, classes: Sequence[str]
) -> dict[str, Any]:
    """Class probabilities of one image, clean and at every budget of the attack."""
    epsilons = made["epsilons"]
    if epsilons[0] > 0:
        epsilons, inputs = np.insert(epsilons, 0, 0.0), np.concatenate([made["start"][index : index + 1], inputs])
    return {
        "image": int(made["indices"][index]),
        "epsilons": epsilons.tolist(),
        "classes": list(classes),
        "values": ask(inputs).shares.round(6).tolist(),
    }


def _draw(folder: Path, position: int, clean: FloatArray, adversarial: FloatArray, bounds: Bounds) -> list[str]:
    """Save the three pictures of one image and return their file names."""
    low, high = bounds.closed(float(clean.min()), float(clean.max()))
    width = high - low
    grey = [((image - low) / width).clip(0, 1) for image in (clean, adversarial)]
    drawn = [_plain(image) for image in grey] + [_diverging((adversarial - clean).mean(0) / width)]
    names = [f"{position}-{kind}.png" for kind in ("clean", "adversarial", "perturbation")]
    for name, array in zip(names, drawn, strict=True):
        picture = Image.fromarray(array)
        factor = max(1, -(-SCALE // picture.width))
        picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST).save(
            folder / name, optimize=True
        )
    return names


def _plain(image: FloatArray) -> NDArray[np.uint8]:
    """A (channels, height, width) image in 0–1 as pixels, grey (height, width) or RGB (height, width, 3)."""
    pixels = (image * 255).round().astype(np.uint8)
    return pixels[0] if pixels.shape[0] == 1 else np.moveaxis(pixels, 0, -1)


def _diverging(change: FloatArray) -> NDArray[np.uint8]:
    """Pixels of a change: blue below zero, white at zero, vermilion above; the scale is the image's largest change."""
    largest = float(np.abs(change).max()) or 1.0
    share = (change / largest)[..., None]
    white, below, above = (
        np.array(colour, dtype=np.float32) for colour in ((250, 250, 250), (0, 90, 160), (204, 74, 20))
    )
    towards = np.where(share < 0, below, above)
    return np.asarray(white + (towards - white) * np.abs(share), dtype=np.float32).round().astype(np.uint8)
