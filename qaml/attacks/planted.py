"""The planted-adversarial test: give an attack a task that is known to have a solution, and see whether it finds it.

Zimmermann et al. 2022, "Increasing confidence in adversarial robustness evaluations", section 4 and algorithm 1 (arXiv
2206.13991): the classifier's last layer is replaced by a binary one that separates a point on the surface of the ball
around an image from many points further inside. An attack that does not leave the clean side is too weak to say
anything about the classifier that the features come from.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from qaml.attacks.access import access, is_fooled
from qaml.attacks.base import AttackPart, Target
from qaml.attacks.elsewhere import MadeElsewhere
from qaml.attacks.geometry import project, random_perturbations, single_precision
from qaml.errors import PartError
from qaml.models.capabilities import Featured, is_randomised
from qaml.types import BoolArray, Bounds
from qaml.vocab import Norm

N_INNER = 200
"""Number of points that the head must keep on the clean side."""
INNER_SHARE = 0.9
"""Share of the budget that these points keep within (η of algorithm 1), so that there is room for a boundary."""
CLOSENESS = 0.5
"""Position of the boundary between the highest inner score (0) and the planted point's (1). Nearer to 1, sound PGD
misses a quarter of the adversarials of two-dimensional inputs."""
RIDGES = (10.0, 1.0, 0.1, 1e-8)
"""Regularisation of the head, the strongest that separates. A head that fits its points exactly is so crooked that
sound PGD misses half of the adversarials on a small convolutional network; at 10 it misses none, noise nearly all."""
_SCALE = 10.0
_TRIES = 5


class Features(nn.Module):
    """A classifier's ``features`` method as a module: (batch, *shape) → (batch, …)."""

    def __init__(self, module: Featured) -> None:
        super().__init__()
        self.module = module

    def forward(self, inputs: Tensor) -> Tensor:
        """Map inputs to the input of the classifier's last layer."""
        return self.module.features(inputs)


class Overheard(nn.Module):
    """The input of a linear layer inside a classifier, as a module: (batch, *shape) → (batch, …).

    Args:
        module: the classifier, whose own output is discarded.
        layer: one of its layers.
    """

    def __init__(self, module: nn.Module, layer: nn.Linear) -> None:
        super().__init__()
        self.module = module
        self._layer = (layer,)  # not a child of its own

    def forward(self, inputs: Tensor) -> Tensor:
        """Map inputs to the last input of the layer."""
        heard: list[Tensor] = []
        with self._layer[0].register_forward_pre_hook(lambda _, given: heard.append(given[0])):
            self.module(inputs)
        given = heard[-1]
        return given.to(inputs.dtype) if given.is_floating_point() else given  # a user's module may compute in any


def features_of(module: nn.Module, sample: Tensor) -> nn.Module | None:
    """The input of a classifier's last layer: ``features(inputs)``, or the input of the last linear layer called.

    Args:
        module: a classifier in evaluation mode.
        sample: (2 or more, *shape) inputs to try it on.

    Returns:
        A module, or None where no linear layer is called on as many rows, or none that gradients reach; None also
        where the forward pass draws, since a point planted in one draw is missing in the next.
    """
    if isinstance(module, Featured):
        return Features(module)
    if is_randomised(module):
        return None
    leaf = sample.detach().clone().requires_grad_(True)
    with torch.no_grad():
        asked = _last_called(module, sample)
    with torch.enable_grad():
        differentiated = _last_called(module, leaf)
    if asked is None or asked is not differentiated:  # a separate network for gradients has no single last layer
        return None
    overheard = Overheard(module, asked)
    with torch.enable_grad():
        heard = overheard(leaf)
    is_usable = heard.shape[:1] == sample.shape[:1] and heard.requires_grad and heard.is_floating_point()
    return overheard.eval() if is_usable else None


def _last_called(module: nn.Module, inputs: Tensor) -> nn.Linear | None:
    """The linear layer that is called last, or none."""
    called: list[nn.Linear] = []
    with ExitStack() as hooks:
        for layer in module.modules():
            if isinstance(layer, nn.Linear):
                hooks.enter_context(layer.register_forward_pre_hook(lambda own, _: called.append(own)))
        module(inputs)
    return called[-1] if called else None


class PlantedClassifier(nn.Module):
    """A linear binary head on features: logits (−s, s), with s > 0 at the planted point.

    The clean image's features are subtracted first: the differences that matter are small beside them.
    """

    origin: Tensor
    direction: Tensor

    def __init__(self, features: nn.Module, origin: Tensor, direction: Tensor, threshold: float) -> None:
        super().__init__()
        self.backbone = features
        self.register_buffer("origin", origin)
        self.register_buffer("direction", direction)
        self.threshold = threshold

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (batch, *shape) to logits (batch, 2); class 0 is the clean side."""
        score = (self.backbone(inputs).flatten(1) - self.origin) @ self.direction - self.threshold
        return torch.stack([-score, score], 1) * _SCALE


class Plant(NamedTuple):
    """A planted task for one image.

    Attributes:
        classifier: the head on the features.
        adversarial: (1, *shape), within budget and bounds, of class 1.
        exists: whether the clean image is of class 0 and the planted one of class 1, as predicted.
    """

    classifier: PlantedClassifier
    adversarial: Tensor
    exists: bool


def plant(
    features: nn.Module, image: Tensor, epsilon: float, bounds: Bounds, norm: Norm, generator: torch.Generator
) -> Plant:
    """Build a head under which an adversarial exists within the budget.

    Args:
        features: (batch, *shape) → (batch, …), in evaluation mode.
        image: (1, *shape) the clean image.
        epsilon: the budget.
        bounds: bounds of the inputs.
        norm: norm of the budget.
        generator: generator of the points.
    """
    for _ in range(_TRIES):
        attempt = _try_plant(features, image, epsilon, bounds, norm, generator)
        if attempt.exists:
            break
    return attempt


def _try_plant(
    features: nn.Module, image: Tensor, epsilon: float, bounds: Bounds, norm: Norm, generator: torch.Generator
) -> Plant:
    planted = _surface_point(image, epsilon, bounds, norm, generator)
    many = image.expand(N_INNER, *image.shape[1:])
    inside = random_perturbations(many, INNER_SHARE * epsilon, norm, generator)
    if norm == "l2":
        # uniform in the ball, not on its surface
        radius = torch.rand(N_INNER, generator=generator) ** (1.0 / image.numel())
        inside = inside * radius.to(image.device).reshape(-1, *[1] * (image.ndim - 1))
    inner = project(many + inside, many, epsilon, norm, bounds)
    with torch.no_grad():
        outputs = features(torch.cat([image, inner, planted])).flatten(1).double()
    direction, highest = _separate(outputs[1:] - outputs[0])
    threshold = highest + CLOSENESS * (1.0 - highest)
    classifier = PlantedClassifier(features, outputs[0].float(), direction.float(), threshold).eval()
    sides = is_fooled(classifier, torch.cat([image, planted]), torch.zeros(2, dtype=torch.int64, device=image.device))
    return Plant(classifier, planted, exists=highest < 1.0 and sides.tolist() == [False, True])


def _surface_point(image: Tensor, epsilon: float, bounds: Bounds, norm: Norm, generator: torch.Generator) -> Tensor:
    """A corner of cube and box, or a point of the sphere as far out as the box permits."""
    low, high = single_precision(bounds)
    if norm == "linf":
        signs = (torch.rand(image.shape, generator=generator) < 0.5).to(image.device)
        step = torch.where(signs, -epsilon, epsilon)
    else:
        step = random_perturbations(image, epsilon, norm, generator)
    # where the box cuts a coordinate's step short, it goes the other way if there is more room
    short = ((image + step).clamp(low, high) - image).abs()
    other = ((image - step).clamp(low, high) - image).abs()
    step = torch.where(other > short, -step, step)
    return project(image + step, image, epsilon, norm, bounds)


def _separate(differences: Tensor) -> tuple[Tensor, float]:
    """Ridge regression to score 1 for the last row, 0 for the others.

    Returns:
        The direction, scaled so that the last row scores 1, and the highest score among the others and 0.
    """
    wanted = torch.zeros(len(differences), dtype=torch.float64, device=differences.device)
    wanted[-1] = 1.0
    gram = differences @ differences.T
    unit = gram.diagonal().mean().clamp(min=1e-300) * torch.eye(len(gram)).to(gram)
    for ridge in RIDGES:
        direction = differences.T @ torch.linalg.solve(gram + ridge * unit, wanted)
        scores = differences @ direction
        scores, direction = scores / scores[-1], direction / scores[-1]
        highest = max(float(scores[:-1].max()), 0.0)
        if highest < 1.0:
            return direction, highest
    return direction, 1.0


def planted_test(
    features: nn.Module,
    inputs: Tensor,
    epsilon: float,
    bounds: Bounds,
    norm: Norm,
    attack: AttackPart,
    seed: int,
) -> BoolArray:
    """Plant an adversarial near every image and attack: which ones did the attack miss?

    Every image has a classifier of its own, so the attack runs once an image: use few (64).

    Args:
        features: (batch, *shape) → (batch, …), the input of the classifier's last layer; see ``Features``.
        inputs: (n, *shape) clean images within bounds.
        epsilon: the budget, which replaces the attack's own.
        bounds: bounds of the inputs.
        norm: norm of the budget, which must be the attack's.
        attack: the attack under test.
        seed: seed of the points and of the attack.

    Returns:
        (n,) bool; False also where no adversarial could be planted.

    Raises:
        PartError: the attack works in another norm, or on a surrogate.
    """
    if isinstance(attack, MadeElsewhere):
        raise PartError(f"a {attack.words} has no planted test", "test the attack that runs on the surrogate")
    if attack.threat_norm != norm:
        raise PartError(f"expected an attack in {norm}, got {attack.kind!r} in {attack.threat_norm}")
    attack = attack.model_copy(update={"epsilon": (epsilon,)})
    generator = torch.Generator().manual_seed(seed)
    missed = np.zeros(len(inputs), dtype=np.bool_)
    side = torch.zeros(1, dtype=torch.int64, device=inputs.device)
    for index in range(len(inputs)):
        image = inputs[index : index + 1].float()
        with access(Target(features, bounds, 2), image, side, seed) as held:
            task = plant(held, image, epsilon, bounds, norm, generator)
        if not task.exists:
            continue
        target = Target(task.classifier, bounds, 2)
        result = attack.run(target, image, side, seed, lambda _: None)
        with access(target, image, side, seed) as held:
            found = is_fooled(held, torch.from_numpy(result.adversarials[0]).to(image.device), side)
        missed[index] = not bool(found)
    return missed
