"""Linear and quadratic models: what can be written down."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from qaml.models.linear.network import LinearClassifier
from qaml.models.linear.part import Linear
from qaml.models.quadratic.network import BoundedQuadratic, FreeQuadratic, quadratic_forms
from qaml.models.quadratic.part import Quadratic
from qaml.models.seeding import seeded
from qaml.types import Bounds, InputInfo
from tests.models.examples import GREY, Recorder, blobs, model

FEATURES = InputInfo((5,), ("a", "b", "c"), Bounds(-1.0, 1.0))


def _inputs(n: int = 7, d: int = 5) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(3))


def test_linear_logits_are_wx_plus_b() -> None:
    module = Linear().build(FEATURES, 0)
    assert isinstance(module, LinearClassifier)
    weight, bias = (p.detach().double().numpy() for p in (module.output.weight, module.output.bias))
    inputs = _inputs()
    np.testing.assert_allclose(
        module(inputs).detach().numpy(), inputs.double().numpy() @ weight.T + bias, rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize(("share", "flips"), [(0.999, False), (1.001, True)])
def test_a_linear_model_flips_exactly_at_its_margin_over_the_one_norm(share: float, flips: bool) -> None:
    module = LinearClassifier(5, 3).double()
    with torch.no_grad():
        module.output.weight.copy_(_inputs(3, 5))
    inputs = _inputs().double()
    logits = module(inputs).detach()
    top, second = logits.topk(2).indices.T
    weight = module.output.weight.detach()
    direction = weight[second] - weight[top]
    margin = (logits.gather(1, top[:, None]) - logits.gather(1, second[:, None])).squeeze(1)
    epsilon = margin / direction.abs().sum(1)
    moved = module(inputs + share * epsilon[:, None] * direction.sign())
    assert bool((moved.argmax(1) != top).all()) is flips


def test_free_quadratic_logits_are_the_formula() -> None:
    module = Quadratic().build(FEATURES, 0)
    assert isinstance(module, FreeQuadratic)
    matrices = module.symmetric_matrices().detach().double().numpy()
    weight, bias = (p.detach().double().numpy() for p in (module.affine.weight, module.affine.bias))
    x = _inputs().double().numpy()
    expected = np.stack([[v @ a @ v for a in matrices] for v in x]) + x @ weight.T + bias
    np.testing.assert_allclose(module(_inputs()).detach().numpy(), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(matrices, matrices.transpose(0, 2, 1))


def test_quadratic_gradient_is_twice_the_observable_times_the_input() -> None:
    module = FreeQuadratic(5, 3).double()
    inputs = _inputs().double().requires_grad_()
    (gradient,) = torch.autograd.grad(module(inputs)[:, 1].sum(), inputs)
    torch.testing.assert_close(gradient, 2 * inputs @ module.symmetric_matrices()[1] + module.affine.weight[1])


def test_bounded_quadratic_logits_are_the_formula() -> None:
    module = Quadratic(norm_bounded=True).build(FEATURES, 0)
    assert isinstance(module, BoundedQuadratic)
    matrices = module.observables().detach().double().numpy()
    x = _inputs().double().numpy()
    expected = np.stack([[v @ a @ v / (v @ v) for a in matrices] for v in x])
    for mode in (True, False):
        np.testing.assert_allclose(module.train(mode)(_inputs()).detach().numpy(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("scale", [0.0, 1e-3, 1.0, 10.0, 1e3])
def test_bounded_observables_never_exceed_norm_one(scale: float) -> None:
    with seeded(0):
        module = BoundedQuadratic(6, 4).double()
        module.factors.data = torch.randn(4, 6, 6, dtype=torch.float64) * scale
    eigenvalues = torch.linalg.eigvalsh(module.observables())
    assert eigenvalues.abs().max() <= 1 + 1e-9
    inputs = _inputs(200, 6).double()
    assert module(inputs).abs().max() <= 1 + 1e-9
    torch.testing.assert_close(module.observables(), module.observables().mT)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 50.0])
def test_bounded_logits_do_not_see_the_length_of_the_input(scale: float) -> None:
    module = BoundedQuadratic(5, 3).double()
    torch.testing.assert_close(module(_inputs().double() * scale), module(_inputs().double()))


def test_every_symmetric_matrix_within_the_bound_is_reached() -> None:
    """O = 2(I + KᵀK)⁻¹ − I is solved by K = ((I − O)(I + O)⁻¹)^½."""
    with seeded(5):
        rotation = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64))[0]
    spectrum = torch.tensor([-0.999, -0.5, 0.0, 0.3, 0.9, 1.0], dtype=torch.float64)
    target = rotation @ torch.diag(spectrum) @ rotation.T
    module = BoundedQuadratic(6, 1).double()
    module.factors.data = (torch.diag(((1 - spectrum) / (1 + spectrum)).sqrt()) @ rotation.T)[None]
    torch.testing.assert_close(module.observables()[0], target)


def test_bounded_training_starts_undecided() -> None:
    module = Quadratic(norm_bounded=True).build(GREY, 0)
    assert isinstance(module, BoundedQuadratic)
    assert torch.linalg.eigvalsh(module.observables()).abs().max() < 0.1


def test_bounded_training_stays_within_the_bound() -> None:
    part = model("quadratic", norm_bounded=True, training={"epochs": 30, "batch": 16, "lr": 0.1})
    module = part.build(GREY, 0)
    history = part.fit(module, blobs(GREY), GREY, Recorder(), 0)
    assert history["accuracy"][-1] > 0.9
    assert isinstance(module, BoundedQuadratic)
    assert torch.linalg.eigvalsh(module.observables().double()).abs().max() <= 1 + 1e-5


def test_bounded_quadratic_resumes_bit_for_bit() -> None:
    part, data, whole = model("quadratic", norm_bounded=True), blobs(GREY), Recorder()
    one, other = part.build(GREY, 0), part.build(GREY, 1)
    history = part.fit(one, data, GREY, whole, 0)
    assert part.fit(other, data, GREY, Recorder(whole.checkpoints[0]), 0) == history
    assert torch.equal(one.get_parameter("factors"), other.get_parameter("factors"))


def test_evaluation_notices_new_weights() -> None:
    """In evaluation mode the observables are kept between calls; loading, casting and copying must renew them."""
    module, other = BoundedQuadratic(5, 3).eval(), BoundedQuadratic(5, 3).eval()
    inputs = _inputs()
    before = module(inputs)
    copied = copy.deepcopy(module)
    module.load_state_dict(other.state_dict())
    assert torch.equal(module(inputs), other(inputs))
    assert not torch.equal(module(inputs), before)
    assert torch.equal(copied(inputs), before)
    with torch.no_grad():
        module.factors.mul_(2)
    torch.testing.assert_close(
        module(inputs), quadratic_forms(module.observables(), inputs) / inputs.square().sum(1, True)
    )
    torch.testing.assert_close(module.double()(inputs.double()).float(), module.float()(inputs))


def test_zero_inputs_get_zero_logits_and_finite_gradients() -> None:
    module = BoundedQuadratic(5, 3).eval()
    inputs = torch.zeros(1, 5, requires_grad=True)
    logits = module(inputs)
    (gradient,) = torch.autograd.grad(logits.sum(), inputs)
    assert torch.equal(logits, torch.zeros(1, 3))
    assert gradient.isfinite().all()


def test_a_fused_optimiser_renews_kept_observables_too() -> None:
    """Adversarial training evaluates between steps, and a fused step counts no version of the weights."""
    module = BoundedQuadratic(5, 3)
    optimiser = torch.optim.Adam(module.parameters(), lr=0.1, fused=True)
    inputs = torch.rand(4, 5)
    for _ in range(2):
        module.eval()(inputs)
        module.train()(inputs).square().sum().backward()
        optimiser.step()
    torch.testing.assert_close(module.eval()(inputs), module.train()(inputs))
