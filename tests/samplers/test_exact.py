import numpy as np
import pytest

from qaml.errors import PartError
from qaml.samplers import BoltzmannParameters
from qaml.samplers.exact.enumeration import all_states, enumerate_machine
from qaml.samplers.exact.part import Exact
from tests.samplers.machines import joint, small_machine


@pytest.mark.parametrize(("n_visible", "n_hidden"), [(6, 3), (3, 6), (5, 5), (1, 1)])
def test_enumeration_equals_the_sum_over_every_joint_state(n_visible: int, n_hidden: int) -> None:
    machine = small_machine(n_visible, n_hidden, scale=2.0)
    log_z, moments = joint(machine)
    exact = enumerate_machine(machine)
    assert exact.log_z == pytest.approx(log_z, rel=1e-12)
    for ours, listed in zip(exact.moments, moments, strict=True):
        np.testing.assert_allclose(ours, listed, rtol=1e-12)


def test_enumeration_in_several_blocks_and_with_large_energies() -> None:
    # two independent layers: log Z and means are sums and products of single units
    b, c = np.linspace(-60, 80, 30), np.linspace(-400, 500, 14)
    exact = enumerate_machine(BoltzmannParameters(np.zeros((30, 14)), b, c))
    assert exact.log_z == pytest.approx(np.logaddexp(0, b).sum() + np.logaddexp(0, c).sum(), rel=1e-12)
    visible, hidden = 1 / (1 + np.exp(-b)), 1 / (1 + np.exp(-c))
    np.testing.assert_allclose(exact.moments.visible, visible, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(exact.moments.products, np.outer(visible, hidden), rtol=1e-9, atol=1e-15)


def test_all_states_lists_each_state_once() -> None:
    listed = all_states(4)
    assert listed.shape == (16, 4)
    assert len({tuple(state) for state in listed}) == 16


def test_negative_phase_is_the_enumeration_in_float32() -> None:
    machine = small_machine(6, 4)
    moments = Exact().start(6, 4, seed=0).moments(machine, np.zeros((1, 6), np.float32))
    for ours, listed in zip(moments, joint(machine)[1], strict=True):
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, listed, rtol=1e-6)


def test_a_machine_with_two_large_layers_is_refused() -> None:
    assert Exact().start(794, 20, seed=0)
    with pytest.raises(PartError, match="at most 20 units, got 794 visible and 21 hidden") as refusal:
        Exact().start(794, 21, seed=0)
    assert "pcd" in refusal.value.hint
