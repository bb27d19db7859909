"""What a masked network can keep at most: adversarials of the plain one, scored on it.

None of this is qaml's: the attacks are written out here, so that a fault of qaml's attacks cannot hide in the truth
that they are held against.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from qaml.types import Bounds
from qaml.vocab import Norm
from tests.campaign.plain import Plain
from tests.campaign.zoo import FAMILY, Net

STEPS = 40
RESTARTS = 3
DRAWS = 16
"""Of a module that draws, half to choose the worst adversarial and half to score it."""

Loss = Callable[[Tensor, Tensor], Tensor]


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    return functional.cross_entropy(logits, labels, reduction="none")


def margin(logits: Tensor, labels: Tensor) -> Tensor:
    """The best rival's logit minus the true one's."""
    own = logits.gather(1, labels[:, None])[:, 0]
    return logits.scatter(1, labels[:, None], -torch.inf).amax(1) - own


def towards(rival: int) -> Loss:
    """The margin of one class; where that is the true one, of the best rival."""

    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        own = logits.gather(1, labels[:, None])[:, 0]
        return torch.where(labels == rival, margin(logits, labels), logits[:, rival] - own)

    return loss


def project(x: Tensor, start: Tensor, epsilon: float, norm: Norm, bounds: Bounds) -> Tensor:
    """The nearest point (in L2 of the ball alone) within ball and bounds."""
    moved = x - start
    if norm == "linf":
        moved = moved.clamp(-epsilon, epsilon)
        return torch.clamp(start + moved, *bounds)
    sizes = moved.flatten(1).norm(dim=1).reshape(-1, *[1] * (x.dim() - 1))
    return torch.clamp(start + moved * (epsilon / sizes.clamp_min(1e-12)).clamp_max(1), *bounds)


def uphill(gradient: Tensor, norm: Norm) -> Tensor:
    """The steepest direction of length one in this norm."""
    if norm == "linf":
        return gradient.sign()
    return functional.normalize(gradient.flatten(1), dim=1).reshape(gradient.shape)


def climb(
    module: nn.Module, x: Tensor, y: Tensor, epsilon: float, norm: Norm, bounds: Bounds, loss: Loss, seed: int
) -> Tensor:
    """Projected gradient ascent from a random start (the clean input for seed 0); the last point."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(x.shape, generator=generator) if seed else torch.zeros_like(x)
    found = project(x + epsilon * uphill(noise, norm) * (seed > 0), x, epsilon, norm, bounds)
    for step in range(STEPS):
        leaf = found.requires_grad_(True)
        (gradient,) = torch.autograd.grad(loss(module(leaf), y).sum(), leaf)
        length = 4 * epsilon / STEPS if step < STEPS // 2 else epsilon / STEPS
        found = project(leaf.detach() + length * uphill(gradient, norm), x, epsilon, norm, bounds)
    return found.detach()


def adversarials(plain: Plain, norm: Norm, epsilon: float) -> Iterator[Tensor]:
    """Of the plain network: cross-entropy and margin from three starts, and each rival class from one."""
    module = plain.masked("plain")
    about = (plain.inputs, plain.labels, epsilon, norm, plain.bounds)
    for seed in range(RESTARTS):
        yield climb(module, *about, cross_entropy, seed)
        yield climb(module, *about, margin, seed)
    for rival in range(plain.classes):
        yield climb(module, *about, towards(rival), 0)


def guided(plain: Plain, masked: Net, norm: Norm, epsilon: float) -> Iterator[Tensor]:
    """Along the plain network's gradient, towards the rival that the masked one says is nearest."""
    module, found, y = plain.masked("plain"), plain.inputs, plain.labels
    for step in range(STEPS):
        leaf = found.clone().requires_grad_(True)
        with torch.no_grad():
            said = masked(found).float().nan_to_num(-1e9)
        rival = said.scatter(1, y[:, None], -torch.inf).argmax(1)
        logits = module(leaf)
        (gradient,) = torch.autograd.grad((logits.gather(1, rival[:, None]) - logits.gather(1, y[:, None])).sum(), leaf)
        length = 2.5 * epsilon / STEPS
        found = project(found + length * uphill(gradient, norm), plain.inputs, epsilon, norm, plain.bounds)
        if step % 4 == 3:
            yield found


class Truth:
    """Upper bounds of a plain network's masked versions; adversarials are made once a budget."""

    def __init__(self, plain: Plain) -> None:
        self.plain = plain
        self._made: dict[tuple[Norm, float], list[Tensor]] = {}

    def made(self, norm: Norm, epsilon: float) -> list[Tensor]:
        if (norm, epsilon) not in self._made:
            path = self.plain.weights.with_suffix(f".{norm}-{epsilon:g}.safetensors")
            if not path.exists():
                save_file({"made": torch.stack([*adversarials(self.plain, norm, epsilon)])}, path)
            self._made[norm, epsilon] = [self.plain.inputs, *load_file(path)["made"]]
        return self._made[norm, epsilon]

    def right(self, how: str, norm: Norm, epsilon: float) -> Tensor:
        """(n,) the share of draws in which each image is right under the worst that is known of it."""
        masked = self.plain.masked(how)
        tries = [*self.made(norm, epsilon), *guided(self.plain, masked, norm, epsilon)]
        draws = DRAWS if FAMILY[how] == "randomness" or "noise" in how else 2
        chosen = torch.stack([_right(self.plain.masked(how), each, self.plain.labels, draws // 2) for each in tries])
        scored = torch.stack([_right(self.plain.masked(how), each, self.plain.labels, draws // 2) for each in tries])
        return scored.gather(0, chosen.argmin(0)[None])[0]

    def at_most(self, how: str, norm: Norm, epsilon: float) -> float:
        return float(self.right(how, norm, epsilon).mean())

    def clean(self, how: str) -> float:
        return float(_right(self.plain.masked(how), self.plain.inputs, self.plain.labels, 4).mean())


@torch.no_grad()
def _right(module: nn.Module, x: Tensor, y: Tensor, draws: int) -> Tensor:
    return torch.stack([(module(x.clone()).argmax(1) == y).float() for _ in range(draws)]).mean(0)
