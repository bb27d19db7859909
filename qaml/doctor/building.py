"""Builds a model, and where that fails, finds out why: its code, its weights, or what it makes of real inputs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from qaml.containment import error_in_words
from qaml.doctor.chart import Chart, Seen, seen
from qaml.doctor.patient import SEED, Patient
from qaml.errors import PartError, QamlError
from qaml.models.factory_part import FactoryPart
from qaml.models.weights import load_weights
from qaml.models.weights_part import verified
from qaml.types import InputInfo

SIZES = (1, 2, 3, 4, 8, 10, 16, 20, 32, 50, 64, 100, 128, 200, 256)
"""Sizes of batches that are tried where a module refuses others."""


def built(patient: Patient, chart: Chart) -> nn.Module | None:
    """The untrained module, or none with the reason in the chart."""
    chart.begin("its code")
    try:
        patient.part.find_code()
    except QamlError as error:
        chart.add(seen("code_missing", error.message, error.hint))
        return None
    chart.begin("building")
    try:
        module = patient.part.build(patient.info, SEED)
    except Exception as error:
        chart.add(*_why_not_built(patient, error))
        return None
    brings_weights = isinstance(patient.part, FactoryPart) and patient.part.weights is not None
    if patient.is_foreign and not brings_weights and not patient.part.is_trained:
        chart.begin("building again")
        chart.add(*_seeded(patient, module))
    return module


def _why_not_built(patient: Patient, error: Exception) -> Iterator[Seen]:
    """The first reason that can be found; the error itself if none can."""
    if isinstance(patient.part, FactoryPart):
        part = patient.part
        try:
            module = part.made(patient.info)
        except QamlError as reason:
            yield seen("cannot_be_built", reason.message, reason.hint)
            return
        try:
            if part.weights is not None:
                load_weights(module, verified(part.weights))
        except QamlError as reason:
            yield seen("weights_refused", reason.message, reason.hint)
            return
        names_its_remedy = isinstance(error, QamlError) and error.hint
        found = [] if names_its_remedy else list(strange_outputs(module.eval(), patient))
        if found:
            yield found[0]
            return
    message, hint = (error.message, error.hint) if isinstance(error, QamlError) else (error_in_words(error), "")
    yield seen("cannot_be_built", message, hint)


def _seeded(patient: Patient, module: nn.Module) -> Iterator[Seen]:
    """Whether initial weights are a function of the seed, and of nothing else."""
    same, other = (patient.part.build(patient.info, seed).state_dict() for seed in (SEED, SEED + 1))
    first = module.state_dict()
    if not _equal(first, same):
        names = [name for name, value in first.items() if not _equal({name: value}, {name: same[name]})]
        yield seen("weights_unseeded", f"built twice with one seed, {names[0]!r} differs")
    elif _equal(first, other) and any(_is_random(value) for value in first.values()):
        yield seen("weights_alike", "built with two seeds, all initial weights are the same")


def _equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def _is_random(values: Tensor) -> bool:
    """Whether weights look drawn: many, hardly any of them twice."""
    return values.is_floating_point() and values.numel() >= 8 and torch.unique(values).numel() > values.numel() // 2


def strange_outputs(module: nn.Module, patient: Patient) -> Iterator[Seen]:
    """What is wrong with what a module returns for real inputs: an error, another shape, no batch of another size."""
    inputs = torch.from_numpy(patient.test.inputs[:8])
    logits, error = _asked(module, inputs)
    if logits is None:
        yield _why_it_fails(module, patient.info, inputs, str(error))
        return
    expected = (len(inputs), patient.info.n_classes)
    if tuple(logits.shape) != expected:
        yield seen("wrong_outputs", f"returns {tuple(logits.shape)}, expected {expected}", _about(logits, expected))
        return
    single, error = _asked(module, inputs[:1])
    if "more than 1 value per channel" in error:
        return  # batch statistics, which another look names
    if single is None:
        yield seen("fixed_batch", f"takes {len(inputs)} inputs, and fails on a single one: {error}")
    elif tuple(single.shape) != (1, expected[1]):
        yield seen("fixed_batch", f"returns {tuple(single.shape)} for a single input, expected {(1, expected[1])}")


def _asked(module: nn.Module, inputs: Tensor) -> tuple[Tensor | None, str]:
    """Its output, or the error in words."""
    try:
        with torch.no_grad():
            return module(inputs), ""
    except PartError as error:
        return None, error.message
    except Exception as error:
        return None, error_in_words(error)


def _why_it_fails(module: nn.Module, info: InputInfo, inputs: Tensor, error: str) -> Seen:
    n, shape = len(inputs), (len(inputs), *info.shape)
    if "expected a tensor of logits" in error:
        return seen("wrong_outputs", error, "return the tensor of logits alone, not a tuple or a mapping with it")
    if "complex" in error:
        return seen("wrong_outputs", error, "return real numbers: .real, or probabilities' logarithms")
    if info.is_image and _gives(module, inputs.permute(0, 2, 3, 1).contiguous(), n):
        return seen("channels_last", f"fails on {shape}, and takes channels last")
    for size in SIZES:
        if size != n and _gives(module, inputs[torch.arange(size) % n], size):
            return seen("fixed_batch", f"takes batches of {size} inputs, and fails on {n}: {error}")
    if len(info.shape) > 1 and _gives(module, inputs.flatten(1), n):
        return seen("fails_on_inputs", f"fails on {shape}, and takes flat ones", "begin forward with inputs.flatten(1)")
    return seen("fails_on_inputs", f"fails on real inputs of shape {shape}: {error}")


def _gives(module: nn.Module, inputs: Tensor, n: int) -> bool:
    logits, _ = _asked(module, inputs)
    return logits is not None and logits.ndim == 2 and len(logits) == n


def _about(logits: Tensor, expected: tuple[int, int]) -> str:
    """What to do about outputs of another shape."""
    n, k = expected
    found = tuple(logits.shape)
    if found in ((n,), (n, 1)):
        is_whole = np.array_equal(logits.numpy(), logits.round().numpy())
        if is_whole and (k > 2 or logits.max() > 0):
            return "return logits, before argmax: one number a class, not the class"
        return "one output z says class 1 against class 0: return torch.cat([torch.zeros_like(z), z], 1)"
    if len(found) == 2 and found[0] == n:
        return f"the last layer has {found[1]} outputs, the dataset {k} classes: make them equal, or select classes"
    if found in ((k,), (1, k)):
        return "it answers once for the whole batch: take no mean over the first axis"
    if found == (k, n):
        return "transpose the outputs: a row for each input"
    return "return one logit for each class of the dataset, a row for each input"
