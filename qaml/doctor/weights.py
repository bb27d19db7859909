"""Looks at a model with its own weights: what they get right on real inputs, and whether they would more on others."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import torch

from qaml.data.base import load
from qaml.doctor.chart import Chart, Seen, seen
from qaml.doctor.datasets import is_informed, sample
from qaml.doctor.patient import LOOKED_AT, Asked, Patient
from qaml.judge.statistics.wilson import wilson
from qaml.types import AnyArray, FloatArray, IntArray

GAIN = 0.15
"""Smallest gain in accuracy that is worth a word."""
SURE = 0.999
SOUND = 0.9
"""Accuracy beyond which nothing else is tried."""
REGULAR = 0.6
"""Smallest accuracy after renaming the classes that shows an order of classes."""
SECONDS = 2.0
NORMALS = {"MNIST": (0.1307, 0.3081), "halves": (0.5, 0.5)}
COLOURS = {
    "ImageNet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "CIFAR-10": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
}
"""Means and deviations by which images are commonly normalised."""

Other = tuple[str, AnyArray, str]


def examine_weights(asked: Asked, chart: Chart) -> None:
    """Compare what the weights get right on real inputs with what they would on others, or by other names."""
    chart.begin("what its weights get right")
    labels = asked.labels.numpy()
    predicted = _predicted(asked, asked.inputs.numpy())
    accuracy, majority = float((predicted == labels).mean()), float(np.bincount(labels).max() / len(labels))
    chart.fact(f"gets {accuracy:.0%} of {len(labels)} test examples right with its own weights")
    if accuracy >= SOUND:
        return
    chart.begin("other scales and orientations")
    found = [*_renamed(asked, predicted, accuracy)] or [*_on_others(asked, accuracy)]
    if not found and not is_informed(predicted, labels, majority):
        what = f"{accuracy:.0%} of {len(labels)} test examples are right, the most frequent class has {majority:.0%}"
        found = [seen("weights_at_chance", what)]
    chart.add(*found[:1])


def _predicted(asked: Asked, inputs: FloatArray) -> IntArray:
    logits = [asked.logits(batch) for batch in torch.split(torch.from_numpy(np.ascontiguousarray(inputs)), 64)]
    classes: IntArray = np.nan_to_num(np.concatenate(logits), nan=-np.inf).argmax(1)
    return classes


def _on_others(asked: Asked, accuracy: float) -> Iterator[Seen]:
    """The change of the inputs that helps most, if any helps surely."""
    labels, deadline = asked.labels.numpy(), time.process_time() + SECONDS
    best, gain = None, GAIN
    for other in _others(asked):
        words, inputs, _ = other
        try:
            share = float((_predicted(asked, inputs) == labels).mean())
        except Exception:  # it takes no such inputs
            continue
        if share - accuracy >= gain and wilson(share, len(labels), SURE).low > wilson(accuracy, len(labels), SURE).high:
            best, gain = (words, share, other[2]), share - accuracy
        if time.process_time() > deadline:
            break
    if best is not None:
        words, share, remedy = best
        what = f"{accuracy:.0%} of {len(labels)} test examples are right, with inputs {words} {share:.0%}"
        yield seen("input_scale", what, remedy)


def _others(asked: Asked) -> Iterator[Other]:
    """The same test examples otherwise: words that follow 'with inputs', inputs, remedy."""
    patient, x = asked.patient, asked.inputs.numpy()
    low, high = patient.info.bounds
    yield (
        "multiplied by 255",
        x * np.float32(255),
        "module and dataset divide by 255: leave it out of the module",
    )
    yield (
        "divided by 255",
        x / np.float32(255),
        "the weights expect inputs in [0, 1]: divide by 255 in the module",
    )
    yield from _untransformed(patient)
    if patient.info.bounds.is_finite:
        yield (
            "inverted",
            np.subtract(low + high, x, dtype=np.float32),
            "the weights expect dark for bright: invert in the module",
        )
    for name, (mean, std) in NORMALS.items():
        yield from _normal(name, x, np.array(mean), np.array(std))
    if patient.info.is_image:
        if patient.info.shape[0] == 3:
            yield "with channels reversed", x[:, ::-1], "the weights expect BGR: inputs[:, [2, 1, 0]] in the module"
            for name, (means, stds) in COLOURS.items():
                yield from _normal(name, x, np.reshape(means, (3, 1, 1)), np.reshape(stds, (3, 1, 1)))
        if patient.info.shape[1] == patient.info.shape[2]:
            yield "transposed", x.swapaxes(2, 3), "the weights expect height and width swapped: inputs.transpose(2, 3)"
        yield "upside down", x[:, :, ::-1], "the weights expect images upside down: inputs.flip(2)"
    axes = (0, *range(2, x.ndim)) if patient.info.is_image else 0
    mean, std = x.mean(axis=axes, keepdims=True), x.std(axis=axes, keepdims=True)
    yield from _normal("this dataset", x, mean, np.where(std == 0, 1, std))


def _normal(name: str, x: FloatArray, mean: AnyArray, std: AnyArray) -> Iterator[Other]:
    words = f"by mean and deviation of {name}"
    yield f"normalised {words}", ((x - mean) / std).astype(np.float32), f"normalise {words}, in the module"
    remedy = "normalised twice? leave it out of the module, or of the dataset"
    undone: FloatArray = (x * std + mean).astype(np.float32)
    yield f"whose normalisation {words} is undone", undone, remedy


def _untransformed(patient: Patient) -> Iterator[Other]:
    """The test examples without one of the dataset's transforms, if they keep their shape."""
    for place, transform in enumerate(patient.dataset.transforms):
        left = (*patient.dataset.transforms[:place], *patient.dataset.transforms[place + 1 :])
        try:
            data = load(patient.dataset.model_copy(update={"transforms": left}))
        except Exception:  # a later transform needs it
            continue
        if data.info.shape != patient.info.shape or data.info.classes != patient.info.classes:
            continue
        test = sample(data.test, LOOKED_AT)
        if np.array_equal(test.indices[: len(patient.test)], patient.test.indices):
            words = f"without the dataset's transform {transform.kind!r}"
            yield (
                words,
                test.inputs[: len(patient.test)],
                f"done twice? leave {transform.kind!r} out of the dataset or the module",
            )


def _renamed(asked: Asked, predicted: IntArray, accuracy: float) -> Iterator[Seen]:
    from scipy.optimize import linear_sum_assignment

    labels, k = asked.labels.numpy(), asked.patient.info.n_classes
    counts = np.zeros((k, k))
    np.add.at(counts, (predicted, labels), 1)
    outputs, classes = linear_sum_assignment(counts, maximize=True)
    share = float(counts[outputs, classes].sum() / len(labels))
    is_sure = wilson(share, len(labels), SURE).low > accuracy
    if share >= REGULAR and share - accuracy >= GAIN and is_sure:
        names = asked.patient.info.classes
        moved = [f"{names[o]} → {names[c]}" for o, c in zip(outputs, classes, strict=True) if o != c]
        what = f"{accuracy:.0%} of {len(labels)} test examples are right, with classes renamed {share:.0%}"
        yield seen("classes_permuted", what, f"rename what the outputs mean: {', '.join(moved[:6])}")
