"""Free energies, logits and gradients against enumeration, in float64."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from qaml.errors import PartError
from qaml.models.base import Training
from qaml.models.rbm.network import RBMClassifier
from qaml.models.rbm.part import RBM
from qaml.samplers.base import BoltzmannParameters
from qaml.samplers.conditional import conditional_moments
from qaml.samplers.exact.enumeration import enumerate_machine
from qaml.types import Bounds, InputInfo
from tests.samplers.machines import joint, small_machine, states

N_PIXELS, N_CLASSES, N_HIDDEN = 4, 3, 5
INFO = InputInfo((1, 2, 2), ("a", "b", "c"), Bounds(0.0, 1.0))


@pytest.fixture
def module() -> RBMClassifier:
    network = RBMClassifier(N_PIXELS, N_CLASSES, N_HIDDEN).double()
    machine = small_machine(N_PIXELS + N_CLASSES, N_HIDDEN, scale=1.5)
    with torch.no_grad():
        for name, values in machine._asdict().items():
            getattr(network, name).copy_(torch.from_numpy(values))
    return network


def parameters_of(network: RBMClassifier) -> BoltzmannParameters[Any]:
    return BoltzmannParameters(*(getattr(network, f).detach().numpy() for f in BoltzmannParameters._fields))


def log_z(network: RBMClassifier) -> Tensor:
    """Log Z, differentiable: every visible state by its free energy."""
    visible = torch.from_numpy(states(N_PIXELS + N_CLASSES))
    return torch.logsumexp(-network.free_energy(visible), 0)


def test_free_energy_is_the_sum_over_hidden_states(module: RBMClassifier) -> None:
    w, b, c = parameters_of(module)
    v, h = states(N_PIXELS + N_CLASSES), states(N_HIDDEN)
    listed = -np.log(np.exp(v @ b[:, None] + h @ c + v @ w @ h.T).sum(1))
    np.testing.assert_allclose(module.free_energy(torch.from_numpy(v)).detach(), listed, rtol=1e-12)


def test_probabilities_of_visible_states_sum_to_one_under_the_enumerated_log_z(module: RBMClassifier) -> None:
    visible = torch.from_numpy(states(N_PIXELS + N_CLASSES))
    log_p = -module.free_energy(visible) - enumerate_machine(parameters_of(module)).log_z
    assert float(log_p.exp().sum().detach()) == pytest.approx(1, rel=1e-12)
    assert float(log_z(module).detach()) == pytest.approx(joint(parameters_of(module))[0], rel=1e-12)


def test_logits_are_minus_the_free_energy_of_each_label(module: RBMClassifier) -> None:
    inputs = torch.rand(6, *INFO.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    logits = module(inputs)
    for label in range(N_CLASSES):
        one_hot = torch.eye(N_CLASSES, dtype=torch.float64)[label].expand(6, -1)
        visible = torch.cat([inputs.flatten(1), one_hot], 1)
        torch.testing.assert_close(logits[:, label], -module.free_energy(visible), rtol=1e-13, atol=1e-13)


def test_logits_keep_their_precision_where_softplus_saturates() -> None:
    network = RBMClassifier(1, 2, 1).double()
    with torch.no_grad():
        network.weights[0, 0] = 30.0
    expected = np.log1p(np.exp(30.0))
    assert float(network(torch.ones(1, 1, dtype=torch.float64)).detach()[0, 0]) == pytest.approx(expected, rel=1e-15)


def test_input_and_parameter_gradients_agree_with_finite_differences(module: RBMClassifier) -> None:
    inputs = torch.rand(2, N_PIXELS, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    inputs.requires_grad_()

    def logits(pixels: Tensor, weights: Tensor, visible_bias: Tensor, hidden_bias: Tensor) -> Tensor:
        values = {"weights": weights, "visible_bias": visible_bias, "hidden_bias": hidden_bias}
        result: Tensor = torch.func.functional_call(module, values, (pixels,))
        return result

    assert torch.autograd.gradcheck(logits, (inputs, module.weights, module.visible_bias, module.hidden_bias))


def test_gradient_of_the_exact_likelihood_is_data_minus_model(module: RBMClassifier) -> None:
    """Eqs. 5 and 8: autograd of eq. 4 against the two phases, the negative one enumerated."""
    generator = torch.Generator().manual_seed(2)
    data = torch.rand(9, N_PIXELS + N_CLASSES, dtype=torch.float64, generator=generator)
    loss = module.free_energy(data).mean() + log_z(module)
    gradients = torch.autograd.grad(loss, [getattr(module, f) for f in BoltzmannParameters._fields])
    machine = parameters_of(module)
    positive, negative = conditional_moments(machine, data.numpy()), enumerate_machine(machine).moments
    for gradient, on_data, on_model in zip(gradients, positive, negative, strict=True):
        # the shares and halves of conditional_moments are float32 constants
        np.testing.assert_allclose(gradient, on_model - on_data, atol=1e-7)


def test_build_depends_on_the_seed_only_and_starts_as_described() -> None:
    part = RBM(hidden=300, init_scale=0.05)
    before = torch.random.get_rng_state()
    first, again, other = (part.build(INFO, seed) for seed in (0, 0, 1))
    assert torch.equal(before, torch.random.get_rng_state())
    assert isinstance(first, RBMClassifier)
    assert torch.equal(first.weights, again.get_parameter("weights"))
    assert not torch.equal(first.weights, other.get_parameter("weights"))
    assert first.weights.shape == (7, 300)
    assert float(first.weights.detach().std()) == pytest.approx(0.05, rel=0.1)
    assert not first.visible_bias.any()


def test_inputs_that_are_no_probabilities_are_refused() -> None:
    RBM().check(INFO)
    with pytest.raises(PartError, match=r"expects inputs in \[0, 1\], got \[-1, 1\]"):
        RBM().check(INFO._replace(bounds=Bounds(-1.0, 1.0)))


def test_a_schedule_is_refused_and_not_ignored() -> None:
    with pytest.raises(PartError, match="constant learning rate, got the schedule 'one_cycle'"):
        RBM(training=Training(schedule="one_cycle")).check(INFO)


def test_part_has_the_papers_defaults_and_keeps_its_sampler_when_written() -> None:
    part = RBM()
    assert (part.hidden, part.training.lr, part.training.epochs, part.training.batch) == (40, 0.01, 100, 10)
    assert part.model_dump()["negative_phase"] == {"kind": "pcd", "sweeps": 50, "chains": 10}
    read = RBM.model_validate_json('{"kind": "rbm", "negative_phase": {"kind": "exact"}}')
    assert read.negative_phase.kind == "exact"
    assert RBM.model_validate_json(read.model_dump_json()) == read
