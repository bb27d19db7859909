"""Norms, projection and noise."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qaml.attacks.geometry import perturbation_norms, project, random_perturbations
from qaml.attacks.noise.part import UniformNoise
from qaml.types import Bounds
from qaml.vocab import Norm
from tests.attacks.truth import Problem


def test_norms_are_measured_in_float64() -> None:
    clean = torch.full((1, 1, 2, 2), 0.5)
    moved = clean + torch.tensor([[[[0.25, 0.0], [-0.5, 0.0]]]])
    assert perturbation_norms(clean, moved, "linf").tolist() == [0.5]
    assert perturbation_norms(clean, moved, "l2").tolist() == [np.sqrt(0.3125)]
    assert perturbation_norms(clean, moved, "l2").dtype == torch.float64


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    norm=st.sampled_from(["linf", "l2"]),
    low=st.sampled_from([0.0, -1.0, 0.1, -128.0]),
    span=st.sampled_from([1.0, 0.7, 255.0]),
    share=st.floats(1e-6, 2.0),
    seed=st.integers(0, 1000),
)
def test_projection_is_within_ball_and_box(norm: Norm, low: float, span: float, share: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    clean = torch.rand(8, 1, 6, 6, generator=generator) * span + low
    clean = clean.clamp(*torch.tensor([low, low + span]).tolist())
    far = clean + torch.randn(clean.shape, generator=generator) * span
    projected = project(far, clean, share * span, norm, Bounds(low, low + span))
    sizes = perturbation_norms(clean, projected, norm)
    assert bool((sizes <= share * span * (1 + 1e-12)).all())
    assert projected.min() >= np.float32(low)
    assert projected.max() <= np.float32(low + span)
    again = project(projected, clean, share * span, norm, Bounds(low, low + span))
    torch.testing.assert_close(again, projected, rtol=1e-5, atol=1e-6 * span)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_projection_keeps_what_is_within_and_mends_what_is_not_finite(norm: Norm) -> None:
    clean = torch.full((1, 4), 0.5)
    inside = torch.tensor([[0.55, 0.45, 0.5, 0.5]])
    assert torch.equal(project(inside, clean, 0.1, norm, Bounds(0, 1)), inside)
    broken = torch.tensor([[torch.nan, torch.inf, 0.55, -torch.inf]])
    assert torch.equal(project(broken, clean, 0.1, norm, Bounds(0, 1)), torch.tensor([[0.5, 0.5, 0.55, 0.5]]))


def test_l2_projection_keeps_the_direction() -> None:
    clean = torch.zeros(1, 2)
    assert project(torch.tensor([[3.0, 4.0]]), clean, 1.0, "l2", Bounds(-9, 9)).tolist() == [
        pytest.approx([0.6, 0.8], abs=1e-6)
    ]


def test_noise_is_uniform_in_the_cube() -> None:
    noise = random_perturbations(torch.zeros(2000, 5), 0.3, "linf", torch.Generator().manual_seed(0)).numpy()
    assert np.abs(noise).max() <= 0.3
    n = noise.size
    # a uniform on [−ε, ε] has variance ε²/3 and fourth moment ε⁴/5
    assert noise.mean() == pytest.approx(0, abs=4 * 0.3 / np.sqrt(3 * n))
    assert (noise**2).mean() == pytest.approx(0.03, abs=4 * np.sqrt((0.3**4 / 5 - 0.03**2) / n))


def test_noise_lies_on_the_sphere() -> None:
    noise = random_perturbations(torch.zeros(500, 1, 3, 3), 2.0, "l2", torch.Generator().manual_seed(0))
    torch.testing.assert_close(noise.flatten(1).norm(dim=1), torch.full((500,), 2.0))
    assert noise.flatten(1).mean(0).abs().max() < 4 * 2 / np.sqrt(9 * 500)


def test_more_draws_fool_more_and_the_same_first() -> None:
    problem = Problem(4, (3,), n=200)
    fooled = [problem.fooled(problem.run(UniformNoise(epsilon=(0.2,), draws=draws)))[0] for draws in (1, 3, 30)]
    assert (fooled[0] <= fooled[1]).all()
    assert (fooled[1] <= fooled[2]).all()
    assert fooled[0].sum() < fooled[1].sum() < fooled[2].sum()
