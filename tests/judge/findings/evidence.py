"""Built evidence: a healthy model under attack, and ways to break it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qaml.judge.findings.subject import Rival, Subject
from qaml.metrics.evidence import Attacked, AttackTraits, Clean, Diagnosis
from tests.judge.sources import traits

N = 400
EPSILON = 0.2


SOUND = Clean(np.ones((1, N), dtype=np.float32), np.arange(N))
"""A model on clean images, always right."""


def right(n_right: int, n: int = N) -> NDArray[np.bool_]:
    """(n,) the first images are right."""
    return np.arange(n) < n_right


def healthy_diagnosis(n: int = N, **changes: NDArray[np.bool_] | None) -> Diagnosis:
    """Accuracy 95 % clean, 60 % under FGSM, 40 % under PGD, 80 % under transfer, 94 % under noise, 0 % unbounded."""
    shares = {"fgsm": 0.6, "pgd": 0.4, "transfer": 0.8, "noise": 0.94, "unbounded": 0.0}
    correct = {name: right(int(share * n), n) for name, share in shares.items()}
    for name, value in changes.items():
        if value is not None:
            correct[name] = value
    return Diagnosis(
        epsilon=EPSILON,
        indices=np.arange(n),
        clean_correct=right(int(0.95 * n), n),
        correct=correct,
        zero_gradient=np.zeros(n, dtype=bool),
    )


def attacked(*rows: NDArray[np.bool_], epsilons: tuple[float, ...] = (0.1, 0.2)) -> Attacked:
    """One seed's correctness, an array a budget."""
    correct = np.stack(rows)[None].astype(np.float32)
    return Attacked(correct, epsilons[-len(rows) :], np.arange(correct.shape[2]), claimed=correct < 0.5)


def healthy(
    name: str = "bim",
    attack: AttackTraits | None = None,
    evidence: Attacked | None = None,
    diagnosis: Diagnosis | None = None,
    n: int = N,
    rivals: tuple[Rival, ...] = (),
) -> Subject:
    """A healthy model under a healthy iterative attack, parts of it replaced."""
    default = attacked(right(int(0.7 * n), n), right(int(0.42 * n), n))
    return Subject(
        model="model",
        traits=attack or traits(name),
        clean=Clean(right(int(0.95 * n), n)[None].astype(np.float32), np.arange(n)),
        attacked=evidence if evidence is not None else default,
        diagnosis=diagnosis if diagnosis is not None else healthy_diagnosis(n),
        rivals=rivals,
    )
