"""Parts that the campaign brings along, as a package of somebody else's would: a dataset, and attacks that cheat."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from qaml.attacks.base import AttackPart, AttackResult, EpsilonGrid, Progress, Target
from qaml.data.base import DatasetPart
from qaml.data.digits import Digits
from qaml.types import Bounds, Data, InputInfo, Split
from qaml.vocab import Norm

if TYPE_CHECKING:
    from torch import Tensor

ENTRY_POINTS: Mapping[str, Mapping[str, str]] = {
    "qaml.datasets": {
        "campaign/tumours": "tests.campaign.parts:Tumours",
        "campaign/wide_digits": "tests.campaign.parts:WideDigits",
    },
    "qaml.attacks": {
        "campaign/overreach": "tests.campaign.parts:Overreach",
        "campaign/out_of_bounds": "tests.campaign.parts:OutOfBounds",
    },
}


def install(folder: Path) -> Path:
    """What an installer leaves of a distribution that names these parts, in a folder for ``sys.path``."""
    about = folder / "qaml_campaign-1.0.dist-info"
    about.mkdir(parents=True, exist_ok=True)
    about.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: qaml-campaign\nVersion: 1.0\n")
    sections = [f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in e.items()) for group, e in ENTRY_POINTS.items()]
    about.joinpath("entry_points.txt").write_text("\n".join(sections))
    return folder


class Tumours(DatasetPart):
    """569 tumours by 30 features that are no image, each scaled onto [0, 1] (Wolberg et al. 1995, in scikit-learn)."""

    kind: Literal["campaign/tumours"] = "campaign/tumours"
    test: int = Field(229, ge=10, le=500)
    """Test examples."""

    def describe(self) -> InputInfo:
        """Thirty features, two classes."""
        return InputInfo((30,), ("malignant", "benign"), Bounds(0.0, 1.0))

    def checksums(self) -> Mapping[str, str]:
        """The data come with scikit-learn and never change."""
        return {"breast_cancer": "scikit-learn"}

    def read(self) -> Data:
        """A seeded choice of test examples; features are scaled by the smallest and largest of all."""
        import numpy as np
        from sklearn.datasets import load_breast_cancer

        values, labels = load_breast_cancer(return_X_y=True)
        scaled = ((values - values.min(0)) / (values.max(0) - values.min(0))).astype(np.float32)
        order = np.random.default_rng(0).permutation(len(labels))
        train, test = order[self.test :], order[: self.test]
        of = [Split(scaled[i], labels[i].astype(np.int64), i.astype(np.int64)) for i in (train, test)]
        return Data(of[0], of[1], self.describe())


class WideDigits(Digits):
    """Handwritten digits whose bounds are too far away to stop an attack: there, exact distances are the truth."""

    kind: Literal["campaign/wide_digits"] = "campaign/wide_digits"  # type: ignore[assignment]

    def describe(self) -> InputInfo:
        """As the digits, in [-4, 5]."""
        return super().describe()._replace(bounds=Bounds(-4.0, 5.0))


class _Cheat(AttackPart):
    """Base of attacks that step against the true class, further than they say."""

    epsilon: EpsilonGrid
    """Budgets, increasing."""
    norm: Norm = "linf"
    """The norm that budgets are said to hold in."""

    needs_gradients: ClassVar[bool] = True
    is_iterative: ClassVar[bool] = True

    @property
    def threat_norm(self) -> Norm:
        """The norm that budgets are measured in."""
        return self.norm

    def moved(self, inputs: Tensor, direction: Tensor, epsilon: float, target: Target) -> Tensor:
        """Where the cheat goes."""
        raise NotImplementedError

    def run(
        self,
        target: Target,
        inputs: Tensor,
        labels: Tensor,
        seed: int,  # noqa: ARG002
        progress: Progress,
    ) -> AttackResult:
        """One step along the gradient of cross-entropy."""
        import torch
        from torch.nn import functional

        leaf = inputs.clone().requires_grad_(True)
        loss = functional.cross_entropy(target.module(leaf), labels, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, leaf)
        direction = gradient.sign()
        if self.norm == "l2":
            direction = functional.normalize(gradient.flatten(1), dim=1).reshape(gradient.shape)
        found = torch.stack([self.moved(inputs, direction, epsilon, target) for epsilon in self.grid])
        with torch.no_grad():
            fooled = torch.stack([target.module(each).argmax(1) != labels for each in found])
        progress(1.0)
        return AttackResult(found.cpu().numpy(), fooled.cpu().numpy())


class Overreach(_Cheat):
    """A gradient step of ``times`` the budget."""

    kind: Literal["campaign/overreach"] = "campaign/overreach"
    times: float = Field(3.0, gt=0)
    """How far it goes, in budgets."""
    share: float = Field(1.0, gt=0, le=1)
    """Of the images; the others stay within the budget."""

    def moved(self, inputs: Tensor, direction: Tensor, epsilon: float, target: Target) -> Tensor:
        """Within the bounds."""
        import torch

        cheated = torch.arange(len(inputs)) < round(self.share * len(inputs))
        times = torch.where(cheated, self.times, 1.0).reshape(-1, *[1] * (inputs.dim() - 1))
        return (inputs + times * epsilon * direction).clamp(*target.bounds)


class OutOfBounds(_Cheat):
    """A gradient step of the budget that nobody clips to the bounds."""

    kind: Literal["campaign/out_of_bounds"] = "campaign/out_of_bounds"

    def moved(self, inputs: Tensor, direction: Tensor, epsilon: float, target: Target) -> Tensor:  # noqa: ARG002
        """Beyond them."""
        return inputs + epsilon * direction
