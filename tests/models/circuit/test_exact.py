"""Circuits of amplitudes alone have exact distances, whatever increasing function of the values their logits are."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from qaml.attacks.exact_l2.projection import exact_distances, has_exact_distances
from tests.models.circuit.examples import info_of, module_of, part_of

LAYERS = [{"encode": "amplitude", "on": "data"}, {"repeat": 3, "block": [{"rot": "all"}, {"cnot": "ring"}]}]
READOUTS: dict[str, Any] = {
    "values": {"z": [3, 0, 1]},
    "probabilities": {"probabilities": [2, 0]},
    "shares": {"probabilities": [2, 0], "renormalise": True},
    "logarithms": {"probabilities": [2, 0], "log": True},
    "head": {"z": "all", "head": True},
    "head of probabilities": {"probabilities": [0, 3], "head": True},
}


@pytest.mark.parametrize("readout", READOUTS.values(), ids=READOUTS)
def test_the_nearest_point_is_where_the_decision_changes(readout: dict[str, Any]) -> None:
    fields = {"wires": {"data": 3, "rest": 1}, "layers": LAYERS, "readout": readout}
    module = module_of(fields, info_of(7, 3)).eval()
    assert has_exact_distances(module)
    inputs = torch.rand(8, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        labels = module(inputs).argmax(1)
        found = exact_distances(module, inputs, labels)
        offsets = torch.from_numpy(found.nearest) - inputs
        assert torch.equal(module(inputs + 0.999 * offsets).argmax(1), labels)
        assert not (module(inputs + 1.001 * offsets).argmax(1) == labels).any()


def test_a_single_value_of_two_classes() -> None:
    module = module_of({"layers": [{"encode": "amplitude"}, {"ry": "all"}], "readout": {"parity": "all"}}, info_of(4))
    inputs = torch.rand(3, 4, dtype=torch.float64)
    forms = torch.einsum("bi,kij,bj->bk", inputs, module.observables(), inputs)  # type: ignore[operator]
    torch.testing.assert_close(forms / inputs.square().sum(1, keepdim=True), module(inputs), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "layers",
    [
        [{"encode": "angle"}],
        [{"encode": "amplitude"}, {"ry": 0, "angles": {"affine": "dense"}}],
        [{"encode": "amplitude"}, {"repeat": 2, "block": [{"su4": "chain", "angles": {"affine": "dense"}}]}],
    ],
)
def test_an_angle_that_is_a_feature_has_none(layers: list[Any]) -> None:
    part = part_of(layers=layers)
    assert not part.has_exact_distances
    assert "observables" not in part.capabilities
    assert not has_exact_distances(part.build(info_of(3), 0))
