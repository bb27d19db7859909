"""Evidence in memory: a source for tests, and generators of healthy models."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import special

from qaml.claims.base import CLAIMS, ClaimPart, ReportedTable
from qaml.judge.source import Detections, Source
from qaml.metrics.evidence import Attacked, AttackTraits, Clean, Diagnosis, Distances
from qaml.spec.suite import ClaimEntry, Expectation


@dataclass
class ArraySource(Source):
    """Implements ``judge.source.Source`` over dictionaries."""

    cleans: dict[str, Clean] = field(default_factory=dict)
    attacks: dict[tuple[str, str], Attacked] = field(default_factory=dict)
    all_traits: dict[str, AttackTraits] = field(default_factory=dict)
    diagnoses: dict[tuple[str, str], Diagnosis] = field(default_factory=dict)
    all_distances: dict[tuple[str, str], Distances] = field(default_factory=dict)
    histories: dict[str, tuple[dict[str, list[float]], ...]] = field(default_factory=dict)
    parameters: dict[tuple[str, str], tuple[tuple[float, ...], ...]] = field(default_factory=dict)
    tables: dict[str, ReportedTable] = field(default_factory=dict)
    detected: dict[str, Detections] = field(default_factory=dict)

    def clean(self, model: str) -> Clean:
        return self.cleans[model]

    def attacked(self, model: str, attack: str) -> Attacked:
        return self.attacks[model, attack]

    def traits(self, attack: str) -> AttackTraits:
        return self.all_traits.get(attack, traits(attack))

    def diagnosis(self, model: str, attack: str) -> Diagnosis | None:
        return self.diagnoses.get((model, attack))

    def distances(self, model: str, attack: str) -> Distances | None:
        return self.all_distances.get((model, attack))

    def history(self, model: str) -> tuple[dict[str, list[float]], ...]:
        return self.histories.get(model, ())

    def parameter(self, model: str, name: str) -> tuple[tuple[float, ...], ...]:
        return self.parameters[model, name]

    def reported(self, table: str) -> ReportedTable:
        return self.tables[table]

    def detections(self, detector: str) -> Detections:
        return self.detected[detector]


def traits(
    name: str,
    *,
    norm: str = "linf",
    is_iterative: bool = True,
    minimises: bool = False,
    is_white_box: bool = True,
    surrogate: str | None = None,
    reach: dict[float, float] | None = None,
    is_exact: bool = False,
) -> AttackTraits:
    return AttackTraits(name, norm, is_iterative, minimises, is_white_box, surrogate, reach or {}, is_exact)


def claim(kind: str, /, **fields: object) -> ClaimPart:
    """A claim part as a spec would make it."""
    return CLAIMS.base_class.model_validate({"kind": kind, **fields})


def entry(part: ClaimPart) -> ClaimEntry:
    return ClaimEntry("claim", {}, "a sentence", part, Expectation(), None, 1, "")


def firsts(n: int, n_right: int, seeds: int = 1) -> NDArray[np.float32]:
    """(seeds, n) zero-one evidence: the first ``n_right`` images are right."""
    return np.tile((np.arange(n) < n_right).astype(np.float32), (seeds, 1))


def add(
    source: ArraySource,
    model: str,
    clean: NDArray[np.float32],
    attacks: dict[str, list[NDArray[np.float32]]],
    epsilons: tuple[float, ...] = (0.1,),
) -> None:
    """Put a model with its attacks (one (seeds, n) array a budget) into a source."""
    indices = np.arange(clean.shape[1])
    source.cleans[model] = Clean(clean, indices)
    for name, rows in attacks.items():
        source.attacks[model, name] = Attacked(np.stack(rows, axis=1), epsilons[: len(rows)], indices)


def correlated(
    generator: np.random.Generator, shares: NDArray[np.float64], difficulty: NDArray[np.float64], agreement: float
) -> NDArray[np.float32]:
    """Zero-one evidence whose share is exact for each seed and whose images are as hard for every seed.

    A Gaussian copula: image i is right for seed s if √a · difficulty_i + √(1−a) · noise_si < Φ⁻¹(share_s).

    Args:
        generator: of the noise.
        shares: (…, seeds) each seed's true share.
        difficulty: (…, n) standard normal.
        agreement: a, 0 … 1.
    """
    noise = generator.standard_normal((*shares.shape, difficulty.shape[-1]))
    latent = np.sqrt(agreement) * difficulty[..., None, :] + np.sqrt(1 - agreement) * noise
    threshold = special.ndtri(np.clip(shares, 1e-12, 1 - 1e-12))
    return np.asarray(latent < threshold[..., None], dtype=np.float32)


def nothing_more(n: int, epsilon: float) -> Diagnosis:
    """A battery that looked at n images and fooled none."""
    everything = np.ones(n, dtype=np.float32)
    members = dict.fromkeys(("fgsm", "noise", "transfer", "pgd"), everything)
    right = np.ones(n, dtype=bool)
    return Diagnosis(epsilon, np.arange(n), right, members, ~right)
