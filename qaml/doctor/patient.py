"""A model under examination: its part with real inputs, and, once it is built, what it answers to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from qaml.data.base import DatasetPart
from qaml.defences.base import DefencePart
from qaml.doctor.datasets import sample
from qaml.models.base import ModelPart
from qaml.run.classifier import as_asked, defended, wrapped
from qaml.run.dataset import loaded, own
from qaml.spec.suite import Inference
from qaml.types import Data, DoubleArray, InputInfo, Split

TAUGHT, LOOKED_AT = 512, 256
"""Largest numbers of training examples that a model is taught, and of test examples that it is asked."""
SEED = 20


class Patient(NamedTuple):
    """A model with its data.

    Attributes:
        part: the model.
        dataset: its dataset.
        defences: defences of the model.
        inference: rule by which it decides.
        info: description of the inputs.
        train: training examples, at most ``TAUGHT``.
        test: test examples, at most ``LOOKED_AT``; both are changed by the defences that change data.
        n_train: number of all training examples.
        n_test: number of all test examples.
    """

    part: ModelPart
    dataset: DatasetPart
    defences: Sequence[DefencePart]
    inference: Inference
    info: InputInfo
    train: Split
    test: Split
    n_train: int
    n_test: int

    @property
    def is_foreign(self) -> bool:
        """Whether its code is not qaml's own."""
        return self.part.runs_foreign_code

    def classifier(self, module: nn.Module) -> nn.Module:
        """The module as a run asks it: in evaluation mode, with its inference and the defences inside."""
        description = {"model": self.part, "inference": self.inference}
        return wrapped(as_asked(module, description), self.defences, self.info)

    def asked(self, module: nn.Module, count: int) -> Asked:
        """The classifier with the first ``count`` test examples."""
        inputs, labels = torch.from_numpy(self.test.inputs[:count]), torch.from_numpy(self.test.labels[:count])
        return Asked(self, module, self.classifier(module), inputs, labels)


class Asked(NamedTuple):
    """A built model with the test examples that it is asked.

    Attributes:
        patient: the model.
        bare: the module that the part built.
        module: the classifier as a run asks it.
        inputs: (n, *shape).
        labels: (n,).
    """

    patient: Patient
    bare: nn.Module
    module: nn.Module
    inputs: Tensor
    labels: Tensor

    def logits(self, inputs: Tensor | None = None) -> DoubleArray:
        """Logits (n, classes) of these inputs (default: all), without gradients."""
        with torch.no_grad():
            found: DoubleArray = self.module(self.inputs if inputs is None else inputs).double().cpu().numpy()
        return found


def patient_of(
    part: ModelPart, dataset: DatasetPart, defences: Sequence[DefencePart] = (), inference: Inference | None = None
) -> Patient:
    """A model with examples of its dataset.

    Raises:
        QamlError: the dataset cannot be loaded.
    """
    return with_data(part, dataset, loaded(dataset).data, defences, inference)


def with_data(
    part: ModelPart,
    dataset: DatasetPart,
    data: Data,
    defences: Sequence[DefencePart] = (),
    inference: Inference | None = None,
) -> Patient:
    """A model with examples of loaded data."""
    train, test = (
        _defended(own(sample(split, count)), defences, data.info)
        for split, count in ((data.train, TAUGHT), (data.test, LOOKED_AT))
    )
    sizes = len(data.train), len(data.test)
    return Patient(part, dataset, defences, inference or Inference(), data.info, train, test, *sizes)


def _defended(split: Split, defences: Sequence[DefencePart], info: InputInfo) -> Split:
    return Split(np.ascontiguousarray(defended(split.inputs, defences, info)), split.labels, split.indices)
