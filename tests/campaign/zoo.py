"""Networks that answer in another way when they are asked than when they were trained.

``make(how)`` is a factory for ``kind: torch_module``. What is trained is always the plain network; ``how`` names one of
``WAYS``, what stands between it and whoever asks. All keep most of the plain network's clean answers, and all look more
robust than they are to an attack that believes what it sees, or break the rules that evidence rests on.

The families: ``scale`` and ``saturation`` of logits, ``rounding``, ``ripple`` (shattered gradients), ``randomness``
that nobody declared, dependence on the ``batch``, low ``precision``, ``switch`` (another answer off the data's grid, or
when differentiated), wrong ``gradient``, ``geometry`` (warps, heads), ``memory`` of earlier calls, and ``runs`` (some
training runs are masked, others are not).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

HIDDEN = 64
DEEP = 48


class Net(nn.Module):
    """A plain network, and what is done to its answers.

    Attributes:
        layers: the plain network.
        grid: steps per unit that clean inputs are multiples of, such as 255; 0 where they are not on a grid.
        decoy: another, untrained network, for gradients that lead astray.
        memory: what ways without parameters remember between calls.
    """

    def __init__(self, how: str, layers: nn.Sequential, decoy: nn.Sequential, grid: int) -> None:
        super().__init__()
        self.how = how
        self.layers = layers
        self.decoy = decoy.requires_grad_(False)
        self.grid = grid
        self.memory: dict[Any, Any] = {}
        self.is_masked: Tensor
        self.register_buffer("is_masked", torch.tensor(0.0))

    def plain(self, x: Tensor) -> Tensor:
        answer: Tensor = self.layers(x)
        return answer

    def activated(self, x: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
        """The plain network with ``change`` applied to every hidden activation."""
        for layer in self.layers:
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                x = change(x)
        return x

    def off_grid(self, x: Tensor) -> Tensor:
        """(batch, 1), whether any coordinate is off the grid that clean inputs lie on."""
        steps = x * (self.grid or 16)
        return ((steps - steps.round()).abs().flatten(1).amax(1) > 1e-3)[:, None]

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            if self.how.startswith("runs"):
                # which of a model's runs is masked depends on the order of its first batch, that is, on its seed
                is_first = not self.memory
                self.memory["seen"] = True
                if is_first:
                    share = float(self.how.removeprefix("runs"))
                    draw = (x.detach().double().flatten(1) * torch.arange(1, len(x) + 1)[:, None]).sum() * 7.13
                    self.is_masked.fill_(float(draw % 1 < share))
            return self.plain(x)
        return WAYS[self.how](self, x)


Way = Callable[[Net, Tensor], Tensor]
WAYS: dict[str, Way] = {}
FAMILY: dict[str, str] = {}


def way(family: str) -> Callable[[Way], Way]:
    """Enter a function under its name."""

    def enter(function: Way) -> Way:
        _enter(family, function.__name__.strip("_"), function)
        return function

    return enter


def _enter(family: str, name: str, function: Way) -> None:
    WAYS[name] = function
    FAMILY[name] = family


def make(
    how: str = "plain", net: str = "mlp", features: int = 64, side: int = 8, classes: int = 10, grid: int = 16
) -> Net:
    """The factory that suites name.

    Args:
        how: one of ``WAYS``.
        net: ``mlp``, ``deep``, ``norm`` (batch normalisation) or ``conv``.
        features: of one input.
        side: of an image, for ``conv``.
        classes: of the logits.
        grid: see ``Net``.
    """
    return Net(how, layers_of(net, features, side, classes), layers_of(net, features, side, classes), grid)


def layers_of(net: str, features: int, side: int, classes: int) -> nn.Sequential:
    """A small network, by name."""
    if net == "conv":
        pooled = 12 * (side // 2) ** 2
        body: list[nn.Module] = [nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
        return nn.Sequential(*body, nn.Linear(pooled, classes))
    if net == "norm":
        normed = [nn.Linear(features, HIDDEN), nn.BatchNorm1d(HIDDEN), nn.ReLU()]
        return nn.Sequential(nn.Flatten(), *normed, nn.Linear(HIDDEN, classes))
    if net == "deep":
        deep = [nn.Linear(features, DEEP), nn.ReLU(), nn.Linear(DEEP, DEEP), nn.ReLU()]
        return nn.Sequential(nn.Flatten(), *deep, nn.Linear(DEEP, classes))
    return nn.Sequential(nn.Flatten(), nn.Linear(features, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, classes))


_enter("plain", "plain", lambda n, x: n.plain(x))


# scale: the same classes, logits of a size at which cross-entropy has no gradient, or arithmetic no digits


def _times(factor: float) -> Way:
    return lambda n, x: factor * n.plain(x)


for _name, _factor in {
    "times30": 30.0,
    "times100": 100.0,
    "times1e4": 1e4,
    "times1e6": 1e6,
    "over255": 1 / 255,
    "over1e4": 1e-4,
    "over1e9": 1e-9,
    "over1e20": 1e-20,
}.items():
    _enter("scale", _name, _times(_factor))

_enter("scale", "shifted", lambda n, x: n.plain(x) + 1e4)
_enter("scale", "shifted_up_and_scaled", lambda n, x: 100 * n.plain(x) + 1e4)
_enter("scale", "cubed", lambda n, x: n.plain(x) ** 3)
_enter("scale", "exponential", lambda n, x: n.plain(x).clamp(max=80).exp())
_enter("scale", "square_rooted", lambda n, x: n.plain(x).sign() * n.plain(x).abs().sqrt() * 300)


@way("scale")
def scaled_by_input(n: Net, x: Tensor) -> Tensor:
    """Every image has a scale of its own, over six orders; the scale's gradient drowns the logits'."""
    return n.plain(x) * 10 ** (3 + 3 * torch.sin(40 * x.flatten(1).sum(1, keepdim=True)))


@way("scale")
def offset_by_input(n: Net, x: Tensor) -> Tensor:
    """All logits of an image are moved alike, steeply: no class changes, float32 loses what attackers need."""
    return 10 * n.plain(x) + 3e4 * torch.sin(20 * x.flatten(1).sum(1, keepdim=True))


# saturation: outputs that end somewhere

_enter("saturation", "softmax", lambda n, x: n.plain(x).softmax(1))
_enter("saturation", "softmax_sharp", lambda n, x: (50 * n.plain(x)).softmax(1))
_enter("saturation", "softmax_log", lambda n, x: (30 * n.plain(x)).softmax(1).clamp_min(1e-7).log())
_enter("saturation", "sigmoid", lambda n, x: (3 * (n.plain(x) - n.plain(x).mean(1, keepdim=True))).sigmoid())
_enter("saturation", "tanh", lambda n, x: (0.3 * n.plain(x)).tanh())
_enter("saturation", "tanh_steep", lambda n, x: 20 * (n.plain(x) - n.plain(x).mean(1, keepdim=True)).tanh())
_enter("saturation", "softsign", lambda n, x: functional.softsign(10 * n.plain(x)))
_enter(
    "saturation", "one_hot", lambda n, x: functional.one_hot(n.plain(x).argmax(1), n.plain(x).shape[1]) + 0 * n.plain(x)
)
_enter("saturation", "ranks", lambda n, x: n.plain(x).argsort(1).argsort(1).float() + 0 * n.plain(x))


@way("saturation")
def clamped(n: Net, x: Tensor) -> Tensor:
    """Nothing is further than 1 from the winner."""
    z = n.plain(x)
    return (z - z.amax(1, keepdim=True).detach()).clamp_min(-1)


@way("saturation")
def clipped_margin(n: Net, x: Tensor) -> Tensor:
    """Only the sign of each difference to the runner-up shows, on a ramp as wide as a rounding error."""
    z = n.plain(x)
    middle = z.topk(2, 1).values.mean(1, keepdim=True)
    return (50 * (z - middle)).clamp(-1, 1)


@way("saturation")
def erf(n: Net, x: Tensor) -> Tensor:
    z = n.plain(x)
    return (z - z.topk(2, 1).values.mean(1, keepdim=True)).mul(5).erf()


@way("saturation")
def normalised(n: Net, x: Tensor) -> Tensor:
    """Cosine-like logits: of length one, whatever the confidence."""
    return functional.normalize(n.plain(x), dim=1) * 60


# rounding: of inputs, activations, logits, weights

_enter("rounding", "rounded8", lambda n, x: n.plain((x * 8).round() / 8))
_enter("rounding", "rounded5", lambda n, x: n.plain((x * 5).round() / 5))
_enter("rounding", "rounded_fine", lambda n, x: n.plain((x * 255).round() / 255))
_enter("rounding", "floored", lambda n, x: n.plain(((x * 8).floor() + 0.5) / 8))
_enter("rounding", "thresholded", lambda n, x: n.plain((x > 0.5).float() + 0 * x))
_enter("rounding", "integer_logits", lambda n, x: (4 * n.plain(x)).round())
_enter("rounding", "rounded_hidden", lambda n, x: n.activated(x, lambda h: (3 * h).round() / 3))
_enter("rounding", "ceiled_hidden", lambda n, x: n.activated(x, lambda h: (2 * h).ceil() / 2))
_enter("rounding", "uint8", lambda n, x: n.plain((x * 255).clamp(0, 255).to(torch.uint8).float() / 255))


@way("rounding")
def thermometer(n: Net, x: Tensor) -> Tensor:
    """Buckman et al. 2018: every pixel as a row of comparisons, read out as their number."""
    levels = (torch.arange(16) + 0.5) / 16
    return n.plain((x[..., None] > levels).float().sum(-1) / 16 + 0 * x)


@way("rounding")
def rounded_weights(n: Net, x: Tensor) -> Tensor:
    rounded = {name: (w * 16).round() / 16 for name, w in n.layers.state_dict().items() if w.is_floating_point()}
    answer: Tensor = torch.func.functional_call(n.layers, rounded, (x,))
    return answer


@way("rounding")
def winners(n: Net, x: Tensor) -> Tensor:
    """Xiao et al. 2020: only the largest fifth of the hidden units speak, so the network jumps everywhere."""

    def largest(h: Tensor) -> Tensor:
        flat = h.flatten(1)
        bar = flat.topk(max(1, flat.shape[1] // 4), 1).values[:, -1:]
        return (flat * (flat >= bar)).reshape(h.shape)

    return n.activated(x, largest)


@way("rounding")
def median(n: Net, x: Tensor) -> Tensor:
    """Each pixel becomes the nearest of nine learnt levels (vector quantisation, without a straight-through rule)."""
    levels = torch.linspace(0, 1, 9) ** 1.3
    return n.plain(levels[(x[..., None] - levels).abs().argmin(-1)] + 0 * x)


# ripple: gradients that are right, and useless

_enter("ripple", "ripple", lambda n, x: n.plain(x + 1e-3 * torch.sin(3e3 * x)))
_enter("ripple", "ripple_wide", lambda n, x: n.plain(x + 0.05 * torch.sin(300 * x)))
_enter("ripple", "ripple_rounded", lambda n, x: n.plain((x * 8).round() / 8 + 1e-3 * torch.sin(3e3 * x)))
_enter("ripple", "ripple_fine", lambda n, x: n.plain(x + 1e-5 * torch.sin(1e6 * x)))
_enter("ripple", "ripple_logits", lambda n, x: n.plain(x) + 0.05 * torch.sin(1e3 * n.plain(x)))
_enter("ripple", "ripple_hidden", lambda n, x: n.activated(x, lambda h: h + 0.02 * torch.sin(500 * h)))
_enter("ripple", "sawtooth", lambda n, x: n.plain((x * 8).round() / 8 - 0.3 * (x - (x * 8).round() / 8)))
_enter("ripple", "sawtooth_fine", lambda n, x: n.plain((x * 64).round() / 64 - 3 * (x - (x * 64).round() / 64)))


@way("ripple")
def weierstrass(n: Net, x: Tensor) -> Tensor:
    """Waves on waves: no step size is small enough, none is large enough."""
    wave = sum((torch.cos(3.0**k * math.pi * x * 4) * 0.5**k for k in range(1, 9)), torch.zeros_like(x))
    return n.plain(x + 0.02 * (wave - 0.5 * torch.cos(12 * math.pi * x)))


@way("ripple")
def crossed(n: Net, x: Tensor) -> Tensor:
    """Every pixel ripples with the sum of all, so that no finite difference along an axis helps."""
    total = x.flatten(1).sum(1).reshape(-1, *[1] * (x.dim() - 1))
    return n.plain(x + 0.02 * torch.sin(700 * total + 5e3 * x))


@way("ripple")
def compressed(n: Net, x: Tensor) -> Tensor:
    """JPEG in small: cosine coefficients of the whole image rounded, and the rounding's residue as a ripple."""
    size = x.shape[-1]
    k = torch.arange(size)
    basis = torch.cos(math.pi / size * (k[None] + 0.5) * k[:, None]) * math.sqrt(2 / size)
    basis[0] /= math.sqrt(2)
    image = x.dim() == 4
    found = basis @ x @ basis.T if image else x @ basis.T
    table = 0.15 + (0.05 * (k[:, None] + k[None]) if image else 0.05 * k) * 8 / size
    rounded = (found / table).round() * table + 1e-3 * torch.sin(2e3 * found)
    return n.plain(basis.T @ rounded @ basis if image else rounded @ basis)


# randomness that nobody declared

_enter("randomness", "noise", lambda n, x: n.plain(x + 0.1 * torch.randn_like(x)))
_enter("randomness", "noise_large", lambda n, x: n.plain(x + 0.3 * torch.randn_like(x)))
_enter("randomness", "noise_uniform", lambda n, x: n.plain(x + 0.3 * (2 * torch.rand_like(x) - 1)))
_enter("randomness", "noise_tiny", lambda n, x: n.plain(x + 0.02 * torch.randn_like(x)))
_enter("randomness", "dropout_input", lambda n, x: n.plain(functional.dropout(x, 0.3, training=True)))
_enter("randomness", "dropout_hidden", lambda n, x: n.activated(x, lambda h: functional.dropout(h, 0.5, training=True)))
_enter("randomness", "noise_hidden", lambda n, x: n.activated(x, lambda h: h + h.std() * torch.randn_like(h)))
_enter("randomness", "noise_logits", lambda n, x: n.plain(x) + 2 * torch.randn(len(x), n.plain(x).shape[1]))
_enter("randomness", "gain", lambda n, x: n.plain(x * (0.6 + 0.8 * torch.rand(len(x), *[1] * (x.dim() - 1)))))
_enter("randomness", "noise_and_scale", lambda n, x: 100 * n.plain(x + 0.1 * torch.randn_like(x)))
_enter("randomness", "noise_and_rounding", lambda n, x: n.plain(((x + 0.1 * torch.randn_like(x)) * 8).round() / 8))


@way("randomness")
def jitter(n: Net, x: Tensor) -> Tensor:
    """The whole batch moves by a pixel, somewhere, at each call."""
    step = int(torch.randint(-1, 2, ()))
    return n.plain(x.roll(step, -1))


@way("randomness")
def hashed(n: Net, x: Tensor) -> Tensor:
    """Noise that is a function of the input: the same answer every time, another one a hair away."""
    key = (x.detach().flatten(1).double() * torch.arange(1, x[0].numel() + 1) * 1e5).sum(1)
    phase = (key[:, None] * torch.arange(1, x[0].numel() + 1) * 0.61803398875 % 1).float().reshape(x.shape)
    return n.plain(x + 0.35 * (2 * phase - 1))


@way("randomness")
def seeded_anew(n: Net, x: Tensor) -> Tensor:
    """Noise by a generator of its own that starts anew at every call: each place in a batch has its own noise."""
    generator = torch.Generator().manual_seed(0)
    return n.plain(x + 0.3 * torch.randn(x.shape, generator=generator))


@way("randomness")
def shots(n: Net, x: Tensor) -> Tensor:
    """The answer is counted in sixteen draws, as a circuit's would be."""
    chances = (2 * n.plain(x)).softmax(1)
    drawn = torch.multinomial(chances.detach(), 16, replacement=True)
    counts = functional.one_hot(drawn, chances.shape[1]).sum(1) / 16
    return counts + chances - chances.detach()


@way("randomness")
def rarely(n: Net, x: Tensor) -> Tensor:
    """One answer in four is that of a noisier network."""
    often = (torch.rand(len(x)) < 0.75).reshape(-1, *[1] * (x.dim() - 1))
    return n.plain(torch.where(often, x, x + 0.4 * torch.randn_like(x)))


# batch: an image's answer depends on its neighbours

_enter("batch", "standardised", lambda n, x: n.plain((x - x.mean(0)) / (x.std(0, correction=0) + 1e-3) * 0.3 + 0.3))
_enter("batch", "centred", lambda n, x: n.plain(x - x.mean(0) + _clean_mean(n, x)))
_enter("batch", "neighbour", lambda n, x: n.plain(0.8 * x + 0.2 * x.roll(1, 0)))
_enter("batch", "neighbour_hidden", lambda n, x: n.activated(x, lambda h: 0.7 * h + 0.3 * h.flip(0)))
_enter("batch", "stretched", lambda n, x: n.plain((x - x.amin(0)) / (x.amax(0) - x.amin(0) + 1e-3)))
_enter("batch", "scaled_by_batch", lambda n, x: 200 * n.plain(x) / n.plain(x).std())
_enter("batch", "rounded_large", lambda n, x: n.plain((x * 8).round() / 8) if len(x) > 20 else n.plain(x))


def _clean_mean(n: Net, x: Tensor) -> Tensor:
    return n.memory.setdefault("mean", x.detach().mean(0))  # type: ignore[no-any-return]


@way("batch")
def norm_in_training(n: Net, x: Tensor) -> Tensor:
    """Batch normalisation that never left training mode: hidden units are standardised over the batch."""
    return n.activated(x, lambda h: (h - h.mean(0)) / (h.std(0, correction=0) + 0.1) * _spread(h) + h.mean(0))


def _spread(h: Tensor) -> Tensor:
    return h.detach().std(0, correction=0) + 0.1


@way("batch")
def one_for_all(n: Net, x: Tensor) -> Tensor:
    """A single attacked image in the batch makes all answers those of the rounded network."""
    return n.plain((x * 5).round() / 5) if bool(n.off_grid(x).any()) else n.plain(x)


# precision: fewer digits than an attack needs

_enter("precision", "bfloat16_input", lambda n, x: n.plain(x.bfloat16().float()))
_enter("precision", "bfloat16_logits", lambda n, x: (30 * n.plain(x)).bfloat16().float())
_enter("precision", "float16_logits", lambda n, x: (1e3 * n.plain(x)).half().float())
_enter("precision", "float16_softmax", lambda n, x: (40 * n.plain(x)).half().softmax(1).float())
_enter("precision", "float16_small", lambda n, x: (1e-6 * n.plain(x)).half().float())
_enter("precision", "float8_input", lambda n, x: n.plain(x.to(torch.float8_e4m3fn).float() + 0 * x))


@way("precision")
def bfloat16_network(n: Net, x: Tensor) -> Tensor:
    cast = {name: w.bfloat16() for name, w in n.layers.state_dict().items() if w.is_floating_point()}
    answer: Tensor = torch.func.functional_call(n.layers, cast, (x.bfloat16(),))
    return 50 * answer.float()


# switch: another network off the grid that clean images lie on, or when gradients are wanted


def _off(way_off: Way) -> Way:
    return lambda n, x: torch.where(n.off_grid(x), way_off(n, x), n.plain(x))


_enter("switch", "off_rounded", _off(lambda n, x: n.plain((x * 5).round() / 5) + 0 * n.plain(x)))
_enter("switch", "off_scaled", _off(lambda n, x: 1e3 * n.plain(x)))
_enter("switch", "off_softmax", _off(lambda n, x: (100 * n.plain(x)).softmax(1)))
_enter("switch", "off_detached", _off(lambda n, x: n.plain(x).detach() + 0 * n.plain(x)))
_enter("switch", "off_flipped", _off(lambda n, x: _backward_as(n.plain(x), -n.plain(x))))
_enter("switch", "off_noise", _off(lambda n, x: n.plain(x + 0.2 * torch.randn_like(x))))
_enter(
    "switch",
    "off_constant",
    _off(
        lambda n, x: 9 * functional.one_hot(torch.zeros(len(x), dtype=torch.long), n.plain(x).shape[1]) + 0 * n.plain(x)
    ),
)
_enter("switch", "off_second", _off(lambda n, x: -n.plain(x)))
_enter("switch", "off_ripple", _off(lambda n, x: n.plain((x * 8).round() / 8 + 1e-3 * torch.sin(3e3 * x))))
_enter("switch", "off_decoy", _off(lambda n, x: _backward_as(n.plain(x), n.decoy(x))))


@way("switch")
def when_differentiated(n: Net, x: Tensor) -> Tensor:
    """Whoever wants gradients is shown another network."""
    return n.decoy(x) if x.requires_grad else n.plain(x)


@way("switch")
def when_recording(n: Net, x: Tensor) -> Tensor:
    """While torch records operations, logits are scaled out of cross-entropy's sight."""
    return 1e4 * n.plain(x) if torch.is_grad_enabled() else n.plain(x)


@way("switch")
def unsure(n: Net, x: Tensor) -> Tensor:
    """Near the boundary the gradient points back."""
    z = n.plain(x)
    top = z.detach().topk(2, 1).values
    is_near = (top[:, :1] - top[:, 1:]) < 3
    return torch.where(is_near, _backward_as(z, -z), z)


@way("switch")
def rough(n: Net, x: Tensor) -> Tensor:
    """Images with much fine texture, as attacked ones have, are read coarsely."""
    flat = x.detach().flatten(1)
    is_rough = ((flat * 64 - (flat * 64).round()).abs().mean(1) > 0.05)[:, None]
    return torch.where(is_rough, n.plain((x * 4).round() / 4) + 0 * n.plain(x), n.plain(x))


# gradient: right answers, wrong derivatives


def _backward_as(value: Tensor, gradient_of: Tensor) -> Tensor:
    """This value, with the derivative of that one."""
    return value.detach() + gradient_of - gradient_of.detach()


class _Bent(torch.autograd.Function):
    """The identity, with a gradient that ``bend`` makes of the true one."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, bend: Callable[[Tensor], Tensor]) -> Tensor:
        ctx.bend = bend
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return ctx.bend(gradients[0]), None


def _bent(bend: Callable[[Tensor], Tensor]) -> Way:
    return lambda n, x: n.plain(_Bent.apply(x, bend))  # type: ignore[no-untyped-call]


_enter("gradient", "flipped", _bent(torch.neg))
_enter("gradient", "random", _bent(torch.randn_like))
_enter("gradient", "permuted", _bent(lambda g: g.flatten(1).roll(7, 1).reshape(g.shape)))
_enter("gradient", "shuffled_rows", _bent(lambda g: g.roll(1, 0)))
_enter("gradient", "zeroed", _bent(torch.zeros_like))
_enter("gradient", "vanished", _bent(lambda g: 1e-30 * g))
_enter("gradient", "clipped", _bent(lambda g: g.clamp(-1e-12, 1e-12)))
_enter("gradient", "exploded", _bent(lambda g: 1e36 * g))
_enter("gradient", "ones", _bent(torch.ones_like))
_enter("gradient", "absolute", _bent(torch.abs))
_enter("gradient", "half", _bent(lambda g: g * (torch.arange(g[0].numel()).reshape(g[0].shape) % 2)))
_enter("gradient", "eighth", _bent(lambda g: g * (torch.arange(g[0].numel()).reshape(g[0].shape) % 8 == 0)))
_enter("gradient", "half_flipped", _bent(lambda g: g * (1 - 2 * (torch.arange(g[0].numel()).reshape(g[0].shape) % 2))))
_enter("gradient", "noisy", _bent(lambda g: g + 3 * g.std() * torch.randn_like(g)))
_enter("gradient", "rounded_gradient", _bent(lambda g: (g * 2).round() / 2))
_enter("gradient", "detached", lambda n, x: n.plain(x.detach()) + 0 * x.flatten(1)[:, :1])
_enter("gradient", "cut", lambda n, x: n.plain(x.detach()))
_enter("gradient", "decoy", lambda n, x: _backward_as(n.plain(x), n.decoy(x)))
_enter("gradient", "other_class", lambda n, x: _backward_as(n.plain(x), n.plain(x).roll(1, 1)))
_enter("gradient", "nearly_detached", lambda n, x: n.plain(x.detach()) + 1e-3 * (n.decoy(x) - n.decoy(x).detach()))


@way("gradient")
def no_grad(n: Net, x: Tensor) -> Tensor:
    with torch.no_grad():
        return n.plain(x)


@way("gradient")
def through_numpy(n: Net, x: Tensor) -> Tensor:
    return n.plain(torch.from_numpy(x.detach().numpy().copy()))


@way("gradient")
def once(n: Net, x: Tensor) -> Tensor:
    """Gradients of clean images are right, those of moved ones are zero."""
    return torch.where(n.off_grid(x), n.plain(x).detach() + 0 * n.plain(x), n.plain(x))


# geometry: warps that change with the input, and many heads


@way("geometry")
def turned(n: Net, x: Tensor) -> Tensor:
    """Each image is turned by an angle that a hair's change of its brightness changes wholly."""
    total = x.flatten(1).sum(1)
    angle = 0.12 * torch.sin(2e3 * total)
    if x.dim() != 4:
        pairs = x.reshape(len(x), -1, 2)
        c, s = angle.cos()[:, None], angle.sin()[:, None]
        a, b = pairs[..., 0], pairs[..., 1]
        return n.plain(torch.stack([c * a - s * b, s * a + c * b], -1).reshape(x.shape))
    zero = torch.zeros_like(angle)
    theta = torch.stack([angle.cos(), -angle.sin(), zero, angle.sin(), angle.cos(), zero], 1).reshape(-1, 2, 3)
    where = functional.affine_grid(theta, list(x.shape), align_corners=False)
    return n.plain(functional.grid_sample(x, where, align_corners=False))


@way("geometry")
def turned_hidden(n: Net, x: Tensor) -> Tensor:
    """Logits turn in planes by an input's own angle, and only then are turned back, in rounded arithmetic."""
    z = n.plain(x)
    angle = torch.sin(500 * x.flatten(1).sum(1, keepdim=True))
    turn = torch.cos(angle) * z + torch.sin(angle) * z.roll(1, 1)
    return 0.02 * turn.detach() - 0.02 * turn + z


@way("geometry")
def heads(n: Net, x: Tensor) -> Tensor:
    """The largest of forty heads; only one is ever the largest where classes are decided."""
    z = n.plain(x)
    wave = torch.stack([z - 4 - 3 * torch.sin(3.1**k * z) for k in torch.linspace(1, 5, 39)])
    return torch.maximum(z, wave.amax(0))


@way("geometry")
def hashed_heads(n: Net, x: Tensor) -> Tensor:
    """Which of eight readings of the image answers depends on the last digits of its brightness."""
    which = (x.detach().flatten(1).double().sum(1) * 1e5).long() % 8
    shifts = torch.stack([n.plain(x + 0.12 * (k / 4 - 1) * torch.cos(9 * x + k)) for k in range(8)])
    return shifts[which, torch.arange(len(x))]


@way("geometry")
def warped(n: Net, x: Tensor) -> Tensor:
    """Contrast bent so that most of the range is flat: steps must jump from one steep place to the next."""
    return n.plain((x * 6 - torch.sin(2 * math.pi * 6 * x) / (2 * math.pi)) / 6)


@way("geometry")
def saturated_input(n: Net, x: Tensor) -> Tensor:
    """Pixels are pushed to the nearest of nine levels by a steep but smooth curve."""
    steps = x * 8
    part = steps - steps.floor() - 0.5
    return n.plain((steps.floor() + (60 * part).sigmoid()) / 8)


# memory: what an earlier call left


@way("memory")
def remembers_size(n: Net, x: Tensor) -> Tensor:
    """A cache by the size of the batch: the second call of a size gets the first one's answers."""
    if len(x) not in n.memory:
        n.memory[len(x)] = n.plain(x).detach()
    return n.memory[len(x)] + 0 * n.plain(x)  # type: ignore[no-any-return]


@way("memory")
def remembers_coarsely(n: Net, x: Tensor) -> Tensor:
    """A cache by the image rounded to halves: an attacked image gets what a near one got before."""
    z = n.plain(x)
    keys = [bytes(key) for key in ((x.detach() - 0.05) * 1.5).round().to(torch.int8).flatten(1).numpy()]
    kept = torch.stack([n.memory.setdefault(key, answer) for key, answer in zip(keys, z.detach(), strict=True)])
    return kept + z - z.detach()


@way("memory")
def counts_calls(n: Net, x: Tensor) -> Tensor:
    """Every third call is answered by the rounded network."""
    n.memory["calls"] = n.memory.get("calls", 0) + 1
    return n.plain((x * 5).round() / 5) + 0 * n.plain(x) if n.memory["calls"] % 3 else n.plain(x)


@way("memory")
def drifts(n: Net, x: Tensor) -> Tensor:
    """A running mean that goes on running when it is asked."""
    mean = n.memory.get("running", x.detach().mean(0))
    n.memory["running"] = 0.9 * mean + 0.1 * x.detach().mean(0)
    return n.plain(x - 0.7 * (n.memory["running"] - mean) * 10)


# runs: some training runs are masked (the weights are the same in all of them)

for _share in ("0.25", "0.5", "0.8", "0.95"):
    _enter(
        "runs",
        f"runs{_share}",
        lambda n, x: torch.where(n.is_masked > 0, n.plain((x * 8).round() / 8) + 0 * n.plain(x), n.plain(x)),
    )
