"""Looks at a dataset: what was read, its scale, its labels, and whether inputs say anything about them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qaml.containment import error_in_words
from qaml.data.base import DatasetPart, transformed
from qaml.data.contract import checked, repeated
from qaml.data.stratified import stratified_order, take
from qaml.doctor.chart import Chart, Seen, seen
from qaml.errors import QamlError
from qaml.judge.findings.training import MOST
from qaml.judge.statistics.exact import binomial_excess
from qaml.run.dataset import fingerprint
from qaml.types import Data, DoubleArray, IntArray, Split

NARROWEST = 1 / 50
"""Smallest share of the declared bounds that the values of a sound dataset use."""
MOST_UNEQUAL = 10.0
MOST_TRAINING, MOST_TEST = 2000, 500
"""Largest numbers of examples by which inputs and labels are related."""
LEAST_TEST = 30
"""Smallest number of test examples from which anything about chance is said."""
ORDERS = 299
"""Number of random orders with which a dependence is compared."""
CHANCE = 0.01
"""Chance that a share of the most frequent class has of what is called no better than it."""


def examine_dataset(part: DatasetPart, chart: Chart) -> Data | None:
    """Read a dataset, and look at it; its data if they can be used."""
    data = _read(part, chart)
    if data is None:
        return None
    chart.begin("values and labels")
    chart.add(*_values(data), *_balance(data))
    chart.begin("whether inputs tell the labels")
    chart.add(*_related(data, chart))
    return data


def _read(part: DatasetPart, chart: Chart) -> Data | None:
    chart.begin("reading")
    try:
        found = part.read()
    except QamlError as error:
        chart.add(seen("data_unreadable", error.message, error.hint))
        return None
    except Exception as error:
        chart.add(seen("data_unreadable", f"read() raises {error_in_words(error)}"))
        return None
    chart.begin("the contract of datasets")
    try:
        plain = checked(part.kind, found, part.describe())
        n_repeated, n_test = repeated(plain), len(plain.test)
        data = transformed(part, plain)
        if part.runs_foreign_code:
            chart.begin("reading again")
            chart.add(*_reads_alike(part, plain))
    except QamlError as error:
        chart.add(seen("data_refused", error.message, error.hint))
        return None
    except Exception as error:
        chart.add(seen("data_refused", f"a transform raises {error_in_words(error)}"))
        return None
    if n_repeated:
        share = n_repeated / n_test
        message = f"{n_repeated:,} of {n_test:,} test examples ({share:.1%}) are training examples, too"
        chart.add(seen("test_in_training", message, gravity="fault" if share > MOST else "note"))
    return data


def _reads_alike(part: DatasetPart, first: Data) -> Iterator[Seen]:
    again = checked(part.kind, part.read(), part.describe())
    for name, one, other in (("training", first.train, again.train), ("test", first.test, again.test)):
        if fingerprint(one) != fingerprint(other):
            yield seen("data_changes", f"read twice, the {name} split differs")
            return


def _values(data: Data) -> Iterator[Seen]:
    bounds = data.info.bounds
    low, high = float(data.train.inputs.min()), float(data.train.inputs.max())
    if bounds.is_finite and high - low < NARROWEST * bounds.width:
        declared = bounds.in_words()
        yield seen("values_off_scale", f"values lie in [{low:.3g}, {high:.3g}], declared bounds are {declared}")


def _balance(data: Data) -> Iterator[Seen]:
    counts = np.bincount(data.test.labels, minlength=data.info.n_classes)
    most, least = int(counts.argmax()), int(counts.argmin())
    if counts[most] > MOST_UNEQUAL * max(int(counts[least]), 1):
        names, n = data.info.classes, len(data.test)
        what = f"{counts[most]:,} of {n:,} test examples are {names[most]!r}, {counts[least]:,} {names[least]!r}"
        yield seen("imbalanced", what)


def _related(data: Data, chart: Chart) -> Iterator[Seen]:
    train, test = sample(data.train, MOST_TRAINING), sample(data.test, MOST_TEST)
    bounds, info = data.info.bounds, data.info
    majority = float(np.bincount(test.labels).max() / len(test))
    sizes = f"{len(data.train):,} + {len(data.test):,} examples of shape {info.shape}"
    head = f"{sizes} in {bounds.in_words()}, {info.n_classes} classes"
    if len(test) < LEAST_TEST:
        chart.fact(head)
        return
    nearest, linear = _predicted(train, test, info.n_classes)
    shares = [float((found == test.labels).mean()) for found in (nearest, linear)]
    chart.fact(f"{head}; nearest neighbours get {shares[0]:.0%}, a linear model {shares[1]:.0%} right")
    if not any(is_informed(found, test.labels, majority) for found in (nearest, linear)):
        yield seen(
            "labels_unrelated",
            f"of {len(test)} test examples the nearest training example gets {shares[0]:.0%} right, a linear model "
            f"{shares[1]:.0%}, the most frequent class {majority:.0%}",
        )


def is_chance(n_right: int, n: int, majority: float, level: float = CHANCE) -> bool:
    """Whether so many right answers are no sign of more than the share of the most frequent class."""
    return binomial_excess(n_right, n, min(majority, 1 - 1e-9)) > level


def is_informed(predicted: IntArray, labels: IntArray, majority: float) -> bool:
    """Whether predictions say something about labels: more are right than the most frequent class has, or the two
    depend on each other (where one class is frequent, good answers may be right no more often than that class)."""  # noqa: D205, D209
    n_right, n = int((predicted == labels).sum()), len(labels)
    return not is_chance(n_right, n, majority) or _depend(predicted, labels)


def _depend(one: IntArray, other: IntArray) -> bool:
    """Whether Pearson's χ² of two labellings is larger than of all but 1 % of random orders."""
    size = int(max(one.max(), other.max())) + 1
    rows, columns = np.bincount(one, minlength=size), np.bincount(other, minlength=size)
    expected = np.outer(rows, columns) / len(one)

    def statistic(order: IntArray) -> float:
        counts = np.bincount(one * size + order, minlength=size * size).reshape(size, size)
        return float((np.square(counts - expected)[expected > 0] / expected[expected > 0]).sum())

    rng, found = np.random.default_rng(0), statistic(other)
    n_larger = sum(statistic(rng.permutation(other)) >= found * (1 - 1e-9) for _ in range(ORDERS))
    return (1 + n_larger) / (1 + ORDERS) <= CHANCE


def sample(split: Split, count: int) -> Split:
    """The first examples in random order with the class shares kept, at most ``count``."""
    return take(split, stratified_order(split.labels, split.indices, min(count, len(split))))


def _predicted(train: Split, test: Split, n_classes: int) -> tuple[IntArray, IntArray]:
    """The labels that the nearest training example has, and those of ridge regression on the classes."""
    known, asked = _rows(train), _rows(test)
    mean, scale = known.mean(0), known.std(0)
    scale[scale == 0] = 1
    known, asked = (known - mean) / scale, (asked - mean) / scale
    inner = asked @ known.T
    distances = np.square(known).sum(1)[None] - 2 * inner
    nearest: IntArray = train.labels[distances.argmin(1)]
    gram = known @ known.T + 1.0
    gram[np.diag_indices_from(gram)] += 1e-2 * float(np.trace(gram)) / len(gram)
    targets = np.eye(n_classes)[train.labels]
    scores = (inner + 1.0) @ np.linalg.solve(gram, targets - targets.mean(0))
    return nearest, scores.argmax(1)


def _rows(split: Split) -> DoubleArray:
    rows = split.inputs.reshape(len(split), -1)
    step = -(-rows.shape[1] // 4096)  # of huge images every n-th coordinate
    return rows[:, ::step].astype(np.float64)
