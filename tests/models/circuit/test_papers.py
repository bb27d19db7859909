"""Circuits of papers agree with PennyLane, in values and gradients of angles, weights of features, and inputs."""

from __future__ import annotations

import pytest
import torch

from qaml.spec.problems import Problems
from qaml.spec.reader import read
from qaml.types import InputInfo
from tests.docs.fences import DOCS, fences
from tests.models.circuit.examples import EXAMPLES, Example, info_of, module_of, part_of
from tests.quantum.circuits import assert_same, gradients


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_values_and_gradients(example: Example) -> None:
    module = module_of(example.fields, example.info)
    inputs = torch.rand(2, example.info.n_features, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    arrays = [module.angles, module.weights_of_features, inputs.requires_grad_()]
    ours, theirs = module(inputs), example.logits(*arrays)
    assert_same(ours, theirs)
    for own, other in zip(gradients(ours, arrays), gradients(theirs, arrays), strict=True):
        assert_same(own, other)


@pytest.mark.parametrize("name", ["universal perturbations", "qcnn"])
def test_a_circuit_of_amplitudes_collapses(name: str) -> None:
    module = module_of(EXAMPLES[name].fields, EXAMPLES[name].info).eval().requires_grad_(False)
    inputs = torch.rand(40, EXAMPLES[name].info.n_features, dtype=torch.float64).requires_grad_()
    by_gates, collapsed = module.train()(inputs), module.eval()(inputs)
    assert module._fixed is not None
    assert module._fixed.collapsed is not None
    assert_same(collapsed, by_gates)
    assert_same(gradients(collapsed, [inputs]), gradients(by_gates, [inputs]))


IN_FULL = {"universal perturbations": info_of(256, 4), "re-uploading": info_of(2), "zz feature map": info_of(8)}
IN_FULL |= {"qcnn": info_of(256), "pixels": info_of(256, 8)}


@pytest.mark.parametrize(("number", "info"), list(enumerate(IN_FULL.values())), ids=IN_FULL)
def test_the_page_has_them_in_full_size(number: int, info: InputInfo) -> None:
    specs = [fence.text for fence in fences(DOCS / "circuits.md") if fence.text.startswith("kind: circuit")]
    fields = read(specs[number], Problems("page", [])).plain()
    part, small = part_of(**fields), EXAMPLES[list(IN_FULL)[number]]
    assert fields.keys() == {"kind", *small.fields}
    assert part.has_exact_distances is (fields["layers"][0].get("encode") == "amplitude")
    logits = module_of(fields, info)(torch.rand(2, info.n_features, dtype=torch.float64))
    assert logits.shape == (2, info.n_classes)
    assert logits.isfinite().all()
