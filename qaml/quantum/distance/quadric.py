"""The nearest point of a quadratic cone, from one eigendecomposition and a scalar equation.

With M = V diag(μ) Vᵀ, c = Vᵀx and xᵀMx > 0, the projection of x on {z : zᵀMz ≤ 0} has the coordinates cᵢ/(1 + λμᵢ),
where λ in (0, 1/|μ₁|) solves Σ μᵢcᵢ²/(1 + λμᵢ)² = 0 and μ₁ < 0 is the smallest eigenvalue. Strong duality holds
although the problem is not convex (the S-lemma: Boyd & Vandenberghe 2004, appendix B). ``docs/exact.md`` derives it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from qaml.types import DoubleArray

NEGLIGIBLE = 1e-30
"""The component of x along the smallest eigenvector is taken to be at least this share of x's largest."""
STEPS = 100
"""Largest number of evaluations of the secular equation; seven are typical."""


class Quadric(NamedTuple):
    """A symmetric matrix M as its eigenvalues, ascending, and eigenvectors, the columns of ``vectors``."""

    eigenvalues: DoubleArray
    vectors: DoubleArray

    @classmethod
    def of(cls, matrix: DoubleArray) -> Quadric:
        """Decompose a symmetric (d, d) matrix."""
        return cls(*np.linalg.eigh(matrix))

    def negated(self) -> Quadric:
        """The decomposition of −M."""
        return Quadric(-self.eigenvalues[::-1], np.ascontiguousarray(self.vectors[:, ::-1]))

    @property
    def rounding(self) -> float:
        """Eigenvalues up to this size cannot be distinguished from zero."""
        return float(len(self.eigenvalues) * np.finfo(np.float64).eps * np.abs(self.eigenvalues).max(initial=0.0))


class Projection(NamedTuple):
    """The nearest points of {z : zᵀMz ≤ 0}.

    Attributes:
        norms: (n,) distances; 0 where xᵀMx ≤ 0 already, infinite where M has no negative eigenvalue.
        offsets: (n, d) nearest point minus x, in eigenvector coordinates; zero where the distance is 0 or infinite.
        dual: (n,) square roots of the Lagrangian dual's values: lower bounds of the distances at any accuracy of the
            multiplier.
        forms: (n,) xᵀMx.
    """

    norms: DoubleArray
    offsets: DoubleArray
    dual: DoubleArray
    forms: DoubleArray


def quadric_distance(quadric: Quadric, inputs: DoubleArray) -> Projection:
    """Project every input on {z : zᵀMz ≤ 0}, whose boundary is the quadric zᵀMz = 0.

    The set is a cone, so x − z is orthogonal to z and d² = ‖x‖² − ‖z‖². If M has a negative eigenvalue, some vector
    inside the cone is not orthogonal to x, so d < ‖x‖: the apex z = 0 is never the nearest point. There Mz ≠ 0, and a
    hair beyond z on the line from x the form is negative. If M has none, no z has zᵀMz < 0 and the distance is
    infinite: the null space of M is a tie and no flip. An input in it is a tie already, at distance 0.

    Args:
        quadric: the decomposed matrix (d, d).
        inputs: (n, d).

    Returns:
        Distances, offsets, certificates.
    """
    scales = np.abs(inputs).max(axis=1, initial=0.0)
    coordinates = (inputs / np.where(scales > 0, scales, 1.0)[:, None]) @ quadric.vectors
    forms = np.square(coordinates) @ quadric.eigenvalues
    offsets = np.zeros_like(coordinates)
    norms, dual = np.zeros(len(inputs)), np.zeros(len(inputs))
    if len(quadric.eigenvalues) == 0 or quadric.eigenvalues[0] >= -quadric.rounding:
        separated = forms > quadric.rounding * np.square(coordinates).sum(axis=1)
        norms[separated] = dual[separated] = np.inf
    else:
        rows = np.flatnonzero(forms > 0)
        ratios = quadric.eigenvalues / -quadric.eigenvalues[0]
        offsets[rows], dual[rows] = _project(ratios, coordinates[rows])
        norms = np.linalg.norm(offsets, axis=1) * scales
        dual *= scales
        offsets *= scales[:, None]
    return Projection(norms, offsets, dual, forms * np.square(scales))


def _project(ratios: DoubleArray, coordinates: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
    """Offsets (n, d) and the dual (n,) for ρ = μ/|μ₁|, and inputs outside the cone."""
    # the hard case, c₁ = 0: the multiplier reaches its limit and a component of either sign appears along v₁;
    # a component too small to matter makes it an ordinary one
    smallest = NEGLIGIBLE * np.abs(coordinates).max(axis=1, initial=0.0)
    first = coordinates[:, 0]
    coordinates = coordinates.copy()
    coordinates[:, 0] = np.copysign(np.maximum(np.abs(first), smallest), first)
    weighted = np.square(coordinates) * ratios
    rest, share = _multipliers(ratios, weighted)
    weights = _weights(ratios, rest, share)
    offsets = -share[:, None] * ratios * coordinates / weights
    dual = share * (weighted / weights).sum(axis=1)
    return offsets, np.sqrt(np.maximum(dual, 0.0))


def _weights(ratios: DoubleArray, rest: DoubleArray, share: DoubleArray) -> DoubleArray:
    """1 + λμ = 1 + tρ, (n, d), without cancellation at either end: (1 + ρ) − sρ where ρ < 0, exactly s for ρ = −1."""
    n_negative = int(np.searchsorted(ratios, 0.0))
    weights = np.empty((len(share), len(ratios)))
    negative, positive = ratios[:n_negative], ratios[n_negative:]
    np.multiply.outer(rest, -negative, out=weights[:, :n_negative])
    weights[:, :n_negative] += 1.0 + negative
    np.multiply.outer(share, positive, out=weights[:, n_negative:])
    weights[:, n_negative:] += 1.0
    return weights


def _multipliers(ratios: DoubleArray, weighted: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
    """Solve Σ ρc²/(1 + tρ)² = 0 for t = λ|μ₁| in (0, 1).

    Newton's method on 1/√N − 1/√P, P and −N the sums over positive and negative ρ: each term would be linear for one
    eigenvalue (as in trust regions, Moré & Sorensen 1983). It is kept in a bracket by geometric means. Both t and
    s = 1 − t take every correction, so that either is accurate to its last digits where it is small.

    Args:
        ratios: (d,) ρ, ascending from −1.
        weighted: (n, d) ρc², with a negative and a positive entry a row, and a positive sum.

    Returns:
        s and t, (n,) each.
    """
    n_negative = int(np.searchsorted(ratios, 0.0))
    # N ≥ c₁²/s² and P(s) ≤ P(1), so the root is not below this
    low = np.sqrt(-weighted[:, 0] / weighted[:, n_negative:].sum(axis=1))
    high = np.ones(len(weighted))
    rest, share = np.ones(len(weighted)), np.zeros(len(weighted))
    active = np.arange(len(weighted))
    for _ in range(STEPS):
        if not len(active):
            break
        s, t = rest[active], share[active]
        inverse = 1.0 / _weights(ratios, s, t)
        terms = weighted * inverse * inverse
        slopes = terms * inverse
        gain, loss = terms[:, n_negative:].sum(axis=1), -terms[:, :n_negative].sum(axis=1)
        gain_slope = slopes[:, n_negative:] @ ratios[n_negative:]
        loss_slope = slopes[:, :n_negative] @ ratios[:n_negative]
        value = loss**-0.5 - gain**-0.5
        step = -value / (loss_slope * loss**-1.5 + gain_slope * gain**-1.5)
        low, high = np.where(value < 0, s, low), np.where(value > 0, s, high)
        inside = (low <= s + step) & (s + step <= high)
        rest[active] = np.where(inside, s + step, np.sqrt(low * high))
        share[active] = np.where(inside, t - step, 1.0 - rest[active])
        going = np.abs(gain - loss) > 1e-14 * (gain + loss)
        if not going.all():
            active, weighted, low, high = active[going], weighted[going], low[going], high[going]
    return rest, share
