"""Comparison of a negative phase's estimates with the machine's own distribution."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qaml.samplers.base import BoltzmannParameters, Moments
from qaml.samplers.conditional import conditional_moments, free_energies
from qaml.samplers.distribution import Distribution, floors_of
from qaml.types import AnyArray, DoubleArray, FloatArray

_BINS = 40
_POINTS = 400
"""Largest number of moments that are shown one by one."""
_PLAIN_DRAWS = 500
"""Number of samples that an estimate without samples is compared with."""


def inspect(
    parameters: BoltzmannParameters[FloatArray],
    estimates: Mapping[str, AnyArray],
    truth: Distribution,
    data: FloatArray,
) -> dict[str, Any]:
    """Measure how far estimates are from the machine's moments, and how far the gradient turns.

    Args:
        parameters: the machine.
        estimates: the estimates of ``models.rbm.update.estimates``.
        truth: the machine's distribution.
        data: (n, n_visible) in [0, 1], for the positive phase.

    Returns:
        ``draws``: samples of an estimate; ``first`` and ``second``: the deviation of first and second moments, root
        mean square, in units of the deviation of as many independent samples (1 is as good as exact sampling), and
        ``reference_error`` the error of the reference itself; ``angle`` between the estimated and the true gradient in
        degrees, and ``ideal_angle`` with as many independent samples; ``divergence``: Kullback–Leibler, of the samples
        from the exact distribution of the visible units, in nats, the bias of the estimate subtracted (small machines
        only); ``points``: moments, true and estimated; ``energies``: histograms of the free energy.
    """
    draws = draws_of(estimates)
    found = [Moments(*(estimates[name][call] for name in Moments._fields)) for call in range(len(estimates["visible"]))]
    floors = floors_of(truth, draws)
    ratios = [
        _ratio(
            [float(np.mean((getattr(one, name) - getattr(truth.moments, name)) ** 2)) for one in found], error, floor
        )
        for name, error, floor in zip(Moments._fields, truth.errors, floors, strict=True)
    ]
    n, m = parameters.weights.shape
    result: dict[str, Any] = {
        "draws": draws,
        "is_exact": truth.is_exact,
        "first": math.sqrt((n * ratios[1] ** 2 + m * ratios[2] ** 2) / (n + m)),
        "second": ratios[0],
        "reference_error": max(e / f if f > 0 else 0.0 for e, f in zip(truth.errors, floors, strict=True)),
        **_angles(found, truth, conditional_moments(parameters, data), draws),
        "divergence": None,
        "points": _points(found, truth),
    }
    for name in ("effective beta", "broken chains"):
        result[name.replace(" ", "_")] = float(estimates[name]) if name in estimates else None
    if "samples" in estimates:
        result["energies"] = _energies(parameters, estimates["samples"], truth)
        result["divergence"] = _divergence(estimates["samples"], truth) if truth.is_exact else None
    return result


def draws_of(estimates: Mapping[str, AnyArray]) -> float:
    """The number of samples behind each estimate."""
    return float(np.mean(estimates["draws"])) if "draws" in estimates else float(_PLAIN_DRAWS)


def _ratio(squares: list[float], error: float, floor: float) -> float:
    """The root mean square over estimates, without the reference's own error, divided by the sampling floor."""
    if floor == 0:
        return 0.0
    return math.sqrt(max(float(np.mean(squares)) - error**2, 0.0)) / floor


def _angles(
    found: list[Moments[Any]], truth: Distribution, positive: Moments[FloatArray], draws: float
) -> dict[str, float]:
    """The angles between gradients ⟨·⟩data − ⟨·⟩model, all parameters as one vector."""

    def gradient(negative: Moments[Any]) -> DoubleArray:
        parts = (np.asarray(a, np.float64) - b for a, b in zip(positive, negative, strict=True))
        return np.concatenate([part.ravel() for part in parts])

    true = gradient(truth.moments)
    angles = [_degrees(gradient(one), true) for one in found]
    noise = math.sqrt(sum(float(variance.sum()) for variance in truth.variances) / draws)
    length = float(np.linalg.norm(true))
    return {"angle": float(np.mean(angles)), "ideal_angle": math.degrees(math.atan2(noise, length))}


def _degrees(one: DoubleArray, other: DoubleArray) -> float:
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    cosine = float(one @ other) / lengths if lengths > 0 else 1.0
    return math.degrees(math.acos(min(max(cosine, -1.0), 1.0)))


def _points(found: list[Moments[Any]], truth: Distribution) -> dict[str, list[float]]:
    """Second moments, evenly thinned, with their estimates averaged."""
    true = truth.moments.products.ravel()
    ours = np.mean([np.asarray(one.products, np.float64).ravel() for one in found], axis=0)
    chosen = np.argsort(true)[:: -(-len(true) // _POINTS)]
    return {"true": true[chosen].tolist(), "estimated": ours[chosen].tolist()}


def _energies(
    parameters: BoltzmannParameters[FloatArray], samples: NDArray[np.uint8], truth: Distribution
) -> dict[str, list[float]]:
    ours, theirs = (
        free_energies(parameters, v.astype(np.float32), np.ones(len(v), np.float32)) for v in (samples, truth.visible)
    )
    kept = theirs[truth.shares > 1e-6 / len(theirs)]
    low, high = min(ours.min(), kept.min()), np.quantile(np.concatenate((ours, kept)), 0.999)
    edges = np.linspace(low, max(high, low + 1e-6), _BINS + 1)
    shares = [
        np.histogram(np.minimum(values, edges[-1]), edges, weights=weights)[0]
        for values, weights in ((ours, np.full(len(ours), 1 / len(ours))), (theirs, truth.shares))
    ]
    return {"edges": edges.tolist(), "estimated": shares[0].tolist(), "true": shares[1].tolist()}


def _divergence(samples: NDArray[np.uint8], truth: Distribution) -> float:
    """The plug-in estimate less its bias, (states seen − 1)/(2 n) (Miller 1955)."""
    codes = samples @ (1 << np.arange(samples.shape[1]))
    states, counts = np.unique(codes, return_counts=True)
    order = truth.visible @ (1 << np.arange(samples.shape[1]))
    chances = np.empty(len(order))
    chances[order] = truth.shares
    seen = counts / counts.sum()
    return float((seen * np.log(seen / chances[states])).sum() - (len(states) - 1) / (2 * counts.sum()))
