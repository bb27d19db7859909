"""What every defence must do, over every registered kind."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from qaml.defences.base import DEFENCES, ForTraining
from qaml.models.base import Training
from qaml.models.seeding import reseed
from qaml.models.training import fit_classifier
from qaml.types import InputInfo
from tests.defences.examples import EXAMPLES, defence, fgsm, network
from tests.models.examples import COLOUR, GREY, GlobalDraws, Recorder, assert_same_weights, blobs

KINDS = DEFENCES.kinds()
INSIDE = ["feature_squeezing", "spatial_smoothing", "random_resizing"]
DATA = ["feature_squeezing", "spatial_smoothing"]


def test_every_kind_has_an_example() -> None:
    assert set(KINDS) == set(EXAMPLES)


@pytest.mark.parametrize("kind", DATA)
@pytest.mark.parametrize("info", [GREY, COLOUR], ids=["grey", "colour"])
def test_data_defences_change_data_and_leave_the_classifier(kind: str, info: InputInfo) -> None:
    part, inputs, module = defence(kind, where="data"), blobs(info).inputs, nn.Flatten()
    before = inputs.copy()
    defended = part.defend_inputs(inputs, info)
    assert defended.dtype == np.float32
    assert defended.shape == inputs.shape
    assert info.bounds.low <= defended.min() < defended.max() <= info.bounds.high
    assert not np.array_equal(defended, inputs)
    np.testing.assert_array_equal(inputs, before)
    assert part.wrap(module, info) is module


@pytest.mark.parametrize("kind", DATA)
def test_the_same_defence_stands_in_either_place(kind: str) -> None:
    inputs = blobs(COLOUR).inputs
    wrapped = defence(kind, where="classifier").wrap(nn.Flatten(), COLOUR)
    defended = defence(kind, where="data").defend_inputs(inputs, COLOUR)
    np.testing.assert_array_equal(wrapped(torch.tensor(inputs)).detach().numpy(), defended.reshape(len(inputs), -1))


@pytest.mark.parametrize("kind", INSIDE)
def test_classifier_defences_leave_data_and_wrap_the_classifier(kind: str) -> None:
    part, inputs, module = defence(kind, where="classifier"), blobs(GREY).inputs, network().eval()
    assert part.defend_inputs(inputs, GREY) is inputs
    wrapped = part.wrap(module, GREY)
    moving = torch.tensor(inputs, requires_grad=True)
    logits = wrapped(moving)
    assert logits.shape == (len(inputs), 3)
    assert not torch.equal(logits, module(moving))
    (gradient,) = torch.autograd.grad(logits.sum(), moving)
    assert gradient.isfinite().all()
    assert (gradient.flatten(1).abs().sum(1) > 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_part_says_of_its_randomness_is_so(kind: str) -> None:
    wrapped = defence(kind, **({"where": "classifier"} if kind in INSIDE else {})).wrap(network().eval(), GREY)
    inputs = torch.tensor(blobs(GREY).inputs)
    with GlobalDraws(), torch.no_grad():
        differs = not torch.equal(wrapped(inputs), wrapped(inputs))
    assert defence(kind).randomises == differs == getattr(wrapped, "is_randomised", False)


@pytest.mark.parametrize("kind", KINDS)
def test_training_resumes_bit_for_bit_and_leaves_the_global_generators_alone(kind: str) -> None:
    part = defence(kind, **({"where": "classifier"} if kind in INSIDE else {}))
    training, data = Training(epochs=4, batch=16), blobs(GREY)

    class Composed(Recorder):
        def __init__(self, *start: object) -> None:
            super().__init__(*start)  # type: ignore[arg-type]
            inner = part.training_hooks(ForTraining(3, fgsm, network(9).eval(), GREY))
            self.epoch, self.batch = inner.epoch, inner.batch  # type: ignore[method-assign]

    whole, uninterrupted, resumed = Composed(), network(), network(1)
    with GlobalDraws():
        history = fit_classifier(uninterrupted, training, data, whole, 0)
    assert fit_classifier(resumed, training, data, Composed(whole.checkpoints[1]), 0) == history
    assert_same_weights(uninterrupted, resumed)

    plain = network()
    fit_classifier(plain, training, data, Recorder(), 0)
    assert any(
        not torch.equal(ours, theirs)
        for ours, theirs in zip(plain.parameters(), uninterrupted.parameters(), strict=True)
    )


@pytest.mark.parametrize("kind", INSIDE)
def test_training_sees_what_the_classifier_will_see(kind: str) -> None:
    part = defence(kind, where="classifier")
    inputs, labels = torch.tensor(blobs(GREY).inputs), torch.tensor(blobs(GREY).labels)
    seen, same = part.training_hooks(ForTraining(0, info=GREY)).batch(network(), inputs, labels, 7)
    assert same is labels
    assert not torch.equal(seen, inputs)
    again, _ = part.training_hooks(ForTraining(0, info=GREY)).batch(network(), inputs, labels, 7)
    assert torch.equal(seen, again)
    other, _ = part.training_hooks(ForTraining(0, info=GREY)).batch(network(), inputs, labels, 8)
    assert torch.equal(seen, other) is not part.randomises


@pytest.mark.parametrize("kind", DATA)
def test_data_defences_leave_training_alone(kind: str) -> None:
    inputs, labels = torch.zeros(2, 1, 8, 8), torch.zeros(2, dtype=torch.long)
    hooks = defence(kind, where="data").training_hooks(ForTraining(0, info=GREY))
    assert hooks.batch(network(), inputs, labels, 0) == (inputs, labels)


class Drawing(nn.Module):
    """A randomised classifier."""

    is_randomised = True

    def __init__(self) -> None:
        super().__init__()
        self.generator = torch.Generator()

    def reseed(self, seed: int) -> None:
        self.generator.manual_seed(seed)

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.flatten(1) + torch.rand(len(inputs), 64, generator=self.generator)


@pytest.mark.parametrize("kind", INSIDE)
def test_a_wrapper_passes_reseeding_on(kind: str) -> None:
    wrapped = defence(kind, where="classifier").wrap(Drawing(), GREY)
    twice = defence(kind, where="classifier").wrap(wrapped, GREY)
    inputs = torch.tensor(blobs(GREY).inputs)

    def sequence(seed: int) -> Tensor:
        reseed(twice, seed)
        return torch.stack([twice(inputs), twice(inputs)])

    first = sequence(1)
    assert torch.equal(sequence(1), first)
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(sequence(2), first)
