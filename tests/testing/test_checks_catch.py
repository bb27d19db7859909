"""The published checks fail, in words, for parts that are broken on purpose: one promise broken each."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from qaml.attacks.base import AttackResult, Progress, Target
from qaml.attacks.gradient.part import FGSM
from qaml.attacks.minimisation.part import DeepFool
from qaml.data.base import DatasetPart
from qaml.data.moons import Moons
from qaml.defences.base import ForTraining
from qaml.defences.squeezing.part import FeatureSqueezing
from qaml.models.base import Checkpoint, History, Hooks, Training
from qaml.models.capabilities import Capability
from qaml.models.linear.part import Linear
from qaml.samplers.base import Moments
from qaml.samplers.gibbs.part import PersistentContrastiveDivergence
from qaml.testing.attacks import check_attack
from qaml.testing.datasets import check_dataset
from qaml.testing.defences import check_defence
from qaml.testing.material import IMAGES
from qaml.testing.models import check_model
from qaml.testing.samplers import check_sampler
from qaml.types import Data, InputInfo, Split

SMALL = Training(epochs=4, batch=16)


def fails(check: Callable[[Any], None], part: Any, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check(part)


def model_check(part: Any) -> None:
    check_model(part, IMAGES)


# --- models


class GlobalWeights(Linear):
    def build(self, info: InputInfo, seed: int) -> nn.Module:  # noqa: ARG002
        return nn.Sequential(nn.Flatten(), nn.Linear(info.n_features, info.n_classes))


class OneLogit(Linear):
    def build(self, info: InputInfo, seed: int) -> nn.Module:
        return nn.Sequential(super().build(info, seed), nn.AdaptiveAvgPool1d(1))


class Draws(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.generator = torch.Generator().manual_seed(0)

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.inner(inputs)
        return logits + 1e-9 * torch.rand(3, generator=self.generator) + torch.rand(1, generator=self.generator) * 1e-6


class Wrapped(Linear):
    """A linear classifier inside another module, which offers its logits alone."""

    @property
    def has_exact_distances(self) -> bool:
        return False

    @property
    def capabilities(self) -> frozenset[Capability]:
        return frozenset()


class UndeclaredDraws(Wrapped):
    def build(self, info: InputInfo, seed: int) -> nn.Module:
        return Draws(super().build(info, seed))


class Rounded(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.inner(inputs.round())
        return logits


class NoGradient(Linear):
    def build(self, info: InputInfo, seed: int) -> nn.Module:
        return Rounded(super().build(info, seed))


class Forgetful(Linear):
    """Its checkpoints do not hold the optimiser's momentum."""

    def fit(self, module: nn.Module, data: Split, info: InputInfo, hooks: Hooks, seed: int) -> History:
        class Lossy(Hooks):
            def restore(self) -> Checkpoint | None:
                return hooks.restore()

            def save(self, checkpoint: Checkpoint) -> None:
                kept = {name: a * (0 if name.endswith("exp_avg") else 1) for name, a in checkpoint.arrays.items()}
                hooks.save(checkpoint._replace(arrays=kept))

            def progress(self, done: float, total: float, **values: float) -> None:
                hooks.progress(done, total, **values)

        return super().fit(module, data, info, Lossy(), seed)


FITS = itertools.count()


class Unseeded(Linear):
    def fit(self, module: nn.Module, data: Split, info: InputInfo, hooks: Hooks, seed: int) -> History:
        return super().fit(module, data, info, hooks, seed + next(FITS))


class Hidden(nn.Module):
    """What it learnt stands beside its parameters."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.offset = 0.0

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.inner(inputs)
        return logits + self.offset * torch.arange(logits.shape[1])


class HiddenState(Wrapped):
    def build(self, info: InputInfo, seed: int) -> nn.Module:
        return Hidden(super().build(info, seed))

    def fit(self, module: nn.Module, data: Split, info: InputInfo, hooks: Hooks, seed: int) -> History:
        history = super().fit(module, data, info, hooks, seed)
        module.offset = 1.0  # type: ignore[assignment]
        return history


class Boasting(Linear):
    @property
    def capabilities(self) -> frozenset[Capability]:
        return frozenset({"features", "shots_needed"})


class Silent(Linear):
    def fit(self, module: nn.Module, data: Split, info: InputInfo, hooks: Hooks, seed: int) -> History:  # noqa: ARG002
        return super().fit(module, data, info, Hooks(), seed)


class Nowhere(Linear):
    @property
    def source_modules(self) -> tuple[str, ...]:
        return ("nowhere.network",)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (GlobalWeights, r"linear\.build used torch's global generator"),
        (OneLogit, r"expected logits of shape \(5, 3\), got \(5, 1\)"),
        (UndeclaredDraws, "draws at inference: declare is_randomised"),
        (NoGradient, "gradients in the inputs are all zero"),
        (Forgetful, "a run resumed half-way and one that was not interrupted: .* differs"),
        (Unseeded, "two training runs with one seed"),
        (HiddenState, "rebuilt from its state dictionary gives other logits"),
        (Silent, r"fit offered no checkpoint through hooks\.save"),
        (Boasting, "declares features, shots_needed, which its module does not have"),
        (Nowhere, "source_modules names 'nowhere.network', which cannot be found"),
    ],
)
def test_models(part: type[Linear], message: str) -> None:
    fails(model_check, part(training=SMALL), message)


class Undocumented(Linear):
    strength: float = 1.0


def test_fields_need_a_docstring() -> None:
    fails(model_check, Undocumented(), r"linear\.strength has no docstring")


# --- attacks


class Attack(FGSM):
    """FGSM, spoilt afterwards."""

    def run(self, target: Target, inputs: Tensor, labels: Tensor, seed: int, progress: Progress) -> AttackResult:
        return self.spoil(super().run(target, inputs, labels, seed, progress), target)

    def spoil(self, result: AttackResult, target: Target) -> AttackResult:
        raise NotImplementedError


class TooFar(Attack):
    def spoil(self, result: AttackResult, target: Target) -> AttackResult:  # noqa: ARG002
        return result._replace(adversarials=np.clip(result.adversarials * 1.3 + 0.05, 0, 1))


class OutOfBounds(Attack):
    def spoil(self, result: AttackResult, target: Target) -> AttackResult:  # noqa: ARG002
        return result._replace(adversarials=result.adversarials + np.float32(1e-3))


class Boastful(Attack):
    def spoil(self, result: AttackResult, target: Target) -> AttackResult:  # noqa: ARG002
        return result._replace(claimed=~result.claimed)


class Double(Attack):
    def spoil(self, result: AttackResult, target: Target) -> AttackResult:  # noqa: ARG002
        return result._replace(adversarials=result.adversarials.astype(np.float64))


class Dropped(Attack):
    def spoil(self, result: AttackResult, target: Target) -> AttackResult:  # noqa: ARG002
        return result._replace(adversarials=result.adversarials[:, 1:])


class Trains(Attack):
    def spoil(self, result: AttackResult, target: Target) -> AttackResult:
        target.module.train()
        return result


class Gradients(Attack):
    def spoil(self, result: AttackResult, target: Target) -> AttackResult:
        next(iter(target.module.parameters())).sum().backward()  # type: ignore[no-untyped-call]
        return result


class Normless(DeepFool):
    def run(self, target: Target, inputs: Tensor, labels: Tensor, seed: int, progress: Progress) -> AttackResult:
        return super().run(target, inputs, labels, seed, progress)._replace(norms=None)


class Quiet(FGSM):
    def run(self, target: Target, inputs: Tensor, labels: Tensor, seed: int, progress: Progress) -> AttackResult:  # noqa: ARG002
        return super().run(target, inputs, labels, seed, lambda _: None)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (TooFar(epsilon=(0.1,)), r"a perturbation of linf norm 0\.\d+ at ε = 0\.1"),
        (OutOfBounds(epsilon=(0.1,)), r"an adversarial goes up to 1\.00\d*, bounds are \[0\.0, 1\.0\]"),
        (Boastful(epsilon=(0.1,)), "fgsm claims another success than predicting again shows"),
        (Double(epsilon=(0.1,)), "expected float32 adversarials, got float64"),
        (Dropped(epsilon=(0.1,)), r"expected adversarials of shape \(budgets, n, \*shape\) = \(1, 12, 1, 8, 8\)"),
        (Gradients(epsilon=(0.1,)), "the attack left a gradient in a parameter"),
        (Trains(epsilon=(0.1,)), "the attack left the classifier in another mode"),
        (Normless(steps=5), "an attack that minimises returns the smallest norms"),
        (Quiet(epsilon=(0.1,)), "the attack reported no progress"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_attacks(part: Any, message: str) -> None:
    fails(check_attack, part, message)


# --- samplers


class Phase:
    """A sampler at work, spoilt."""

    def __init__(self, inner: Any, spoil: str) -> None:
        self.inner, self.spoil = inner, spoil

    def moments(self, parameters: Any, batch: Any) -> Moments[Any]:
        moments: Moments[Any] = self.inner.moments(parameters, batch)
        match self.spoil:
            case "sums":
                return Moments(*(10 * np.asarray(a) for a in moments))
            case "pairs":
                return moments._replace(products=np.ones_like(moments.products))
            case "batch":
                batch[:] = 0
            case "global":
                np.random.rand()  # noqa: NPY002
        return Moments(*moments)

    def samples(self) -> Any:
        samples = self.inner.samples()
        return 1 - samples if self.spoil == "samples" else samples[:, :3] if self.spoil == "units" else samples

    def state(self) -> Mapping[str, Any]:
        state = dict(self.inner.state())
        return {"visible": state["visible"]} if self.spoil == "state" else state

    def restore(self, state: Mapping[str, Any]) -> None:
        self.inner.restore({**self.inner.state(), **state})


class SpoiltSampler(PersistentContrastiveDivergence):
    spoil: str = ""
    """How."""

    def start(self, n_visible: int, n_hidden: int, seed: int, device: str = "cpu") -> Any:
        return Phase(super().start(n_visible, n_hidden, seed, device), self.spoil)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        ("sums", "products holds averages of zeros and ones"),
        ("pairs", "a pair is on more often than one of its units"),
        ("batch", "parameters and batch before and after: batch differs"),
        ("global", "sampler pcd used numpy's global generator"),
        ("samples", "differs from the average of the samples by"),
        ("units", "expected samples of 7 units of 0 and 1, got shape"),
        ("state", "the state restored and the state given|a restored sampler and one that was not interrupted"),
    ],
)
def test_samplers(spoil: str, message: str) -> None:
    fails(check_sampler, SpoiltSampler(spoil=spoil, chains=6, sweeps=2), message)


# --- datasets


class SpoiltData(Moons):
    spoil: Literal["bounds", "type", "labels", "indices", "draws", "classes"] = "bounds"
    """How."""

    def read(self) -> Data:
        data = super().read()
        inputs, labels, indices = data.train.inputs, data.train.labels, data.train.indices
        match self.spoil:
            case "bounds":
                inputs = inputs * 100
            case "type":
                inputs = inputs.astype(np.complex64)
            case "labels":
                labels = labels + 1
            case "indices":
                indices = indices * 0
            case "draws":
                inputs = inputs * np.float32(np.random.default_rng().random())
            case "classes":
                labels = labels * 0
        return data._replace(train=Split(inputs, labels, indices))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        ("bounds", r"training inputs lie in .*, declared bounds are"),
        ("type", "training inputs are complex64, expected float32"),
        ("labels", "training labels lie in"),
        ("indices", "training indices repeat"),
        ("draws", "loaded twice, the train split differs"),
        ("classes", "training split has no example of 'lower'"),
    ],
)
def test_datasets(spoil: Any, message: str) -> None:
    part: DatasetPart = SpoiltData(spoil=spoil)
    fails(check_dataset, part, message)


# --- defences


class SpoiltDefence(FeatureSqueezing):
    spoil: Literal["place", "bounds", "gradient", "says", "hooks"] = "place"
    """How."""

    def defend_inputs(self, inputs: Any, info: InputInfo) -> Any:
        if self.spoil == "place":
            inputs[0] = 0
        return inputs + np.float32(0.5) if self.spoil == "bounds" else super().defend_inputs(inputs, info)

    def wrap(self, module: nn.Module, info: InputInfo) -> nn.Module:
        return Detached(module) if self.spoil == "gradient" else super().wrap(module, info)

    @property
    def randomises(self) -> bool:  # type: ignore[override]
        return self.spoil == "says"

    def training_hooks(self, given: ForTraining) -> Hooks:
        return Counting() if self.spoil == "hooks" else super().training_hooks(given)


class Detached(Rounded):
    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.inner(inputs.detach())
        return logits


class Counting(Hooks):
    """Remembers how often it was called, which a resumed run does not."""

    calls = 0

    def batch(self, module: nn.Module, inputs: Tensor, labels: Tensor, step: int) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        self.calls += 1
        return inputs * (1 - 0.01 * self.calls), labels


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        ("place", "defend_inputs changed its inputs in place"),
        ("bounds", r"defended inputs go up to 1\.\d+, bounds are"),
        ("gradient", "no gradient reaches the inputs through the defence"),
        ("says", "randomises is True, but the wrapped module's is_randomised is False"),
        ("hooks", "a resumed defended run and one that was not interrupted"),
    ],
)
def test_defences(spoil: Any, message: str) -> None:
    fails(check_defence, SpoiltDefence(spoil=spoil, where="classifier"), message)
