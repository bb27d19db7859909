"""The strip of pictures: what it tells of each image, and of the first one along the budgets."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from qaml.metrics.spectrum import low_frequency_share
from qaml.run.job import Job
from qaml.run.steps import picture
from qaml.spec.suite import Inference
from qaml.types import Bounds, InputInfo

INFO = InputInfo((1, 8, 8), ("dark", "bright", "other"), Bounds(0.0, 1.0))
GRID = (0.1, 0.2, 0.3)


class Brightness(nn.Module):
    """Bright above one half, dark below; never the third."""

    def forward(self, inputs: Tensor) -> Tensor:
        score = 8 * (inputs.flatten(1).mean(1) - 0.5)
        return torch.stack([-score, score, torch.full_like(score, -4.0)], 1)


def arrays(epsilons: tuple[float, ...] = GRID) -> dict[str, NDArray[Any]]:
    """Three images: the first is called bright wrongly, the second is moved towards dark, the third is not moved."""
    start = np.full((3, 1, 8, 8), 0.6, dtype=np.float32)
    steps = np.array(epsilons, dtype=np.float32)[:, None, None, None, None]
    adversarials = np.where(np.isfinite(steps), start - steps, start - 0.3).astype(np.float32)
    adversarials[:, 2] = start[2]
    return {
        "start": start,
        "adversarials": adversarials,
        "labels": np.array([0, 1, 1]),
        "indices": np.array([7, 3, 12]),
        "epsilons": np.array(epsilons),
    }


def strip(folder: Path, monkeypatch: pytest.MonkeyPatch, made: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Execute the step on these adversarials; the content of its ``strip.json``."""
    np.savez(folder / "adversarials.npz", **made)  # type: ignore[arg-type]
    monkeypatch.setattr(picture, "trained", lambda *_: Brightness().eval())
    picture.execute(
        Job(
            key="k",
            payload={"classifier": {"dataset": SimpleNamespace(info=INFO), "inference": Inference()}, "count": 3},
            seed=0,
            parents={},
            read=lambda _, name: folder / name,
            output=folder,
            checkpoint=folder,
            progress=lambda *_: None,
        )
    )
    content: dict[str, Any] = json.loads((folder / "strip.json").read_text())
    return content


def test_probabilities_are_the_softmax_of_the_first_shown_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = arrays()
    along = strip(tmp_path, monkeypatch, made)["probabilities"]
    assert along["image"] == 3  # the first image is wrong, so the second is shown first
    assert along["epsilons"] == [0.0, *GRID]
    assert along["classes"] == list(INFO.classes)
    seen = torch.from_numpy(np.concatenate([made["start"][1:2], made["adversarials"][:, 1]]))
    wanted = torch.softmax(Brightness()(seen).double(), 1)
    np.testing.assert_allclose(along["values"], wanted.numpy(), atol=1e-6)
    assert [along["values"][i].index(max(along["values"][i])) for i in (0, 2, 3)] == [1, 0, 0]


@pytest.mark.parametrize("grid", [(0.3,), (0.1, 0.3), (float("inf"),), (0.1, 0.2, float("inf"))])
def test_fewer_than_three_finite_budgets_make_no_curve(
    grid: tuple[float, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "probabilities" not in strip(tmp_path, monkeypatch, arrays(grid))


def test_a_grid_that_starts_at_zero_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grid = (0.0, 0.1, 0.2)
    along = strip(tmp_path, monkeypatch, arrays(grid))["probabilities"]
    assert along["epsilons"] == list(grid)
    assert len(along["values"]) == 3


def test_each_picture_tells_its_norms_and_its_low_frequency_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = arrays()
    made["adversarials"][-1, 1] = made["start"][1] + 0.1 * (-1.0) ** np.arange(8)  # the highest frequency
    shown = strip(tmp_path, monkeypatch, made)["pictures"]
    assert [p["clean_label"] for p in shown] == ["bright"] * 3
    assert [p["true_label"] for p in shown] == ["bright", "bright", "dark"]
    wanted = low_frequency_share((made["adversarials"][-1] - made["start"])[[1]])[0]
    assert shown[0]["low_frequency"] == pytest.approx(wanted, abs=1e-6)
    assert shown[0]["low_frequency"] < 0.01
    assert shown[1]["low_frequency"] is None  # nothing was changed
    assert shown[2]["low_frequency"] == pytest.approx(1.0)
    assert shown[0]["linf"] == pytest.approx(0.1, abs=1e-6)
    assert shown[0]["l2"] == pytest.approx(0.8, abs=1e-5)
    for name in shown[0]["files"]:
        with Image.open(tmp_path / name) as image:
            assert image.width >= picture.SCALE
