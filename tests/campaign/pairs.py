"""Which weakness meets which attack, and the suite that each pair becomes."""

from __future__ import annotations

import json
import os
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

from qaml.vocab import Norm
from tests.campaign.plain import FIELDS, Plain
from tests.campaign.zoo import FAMILY, WAYS

FACTORY = "tests.campaign.zoo"

ATTACKS: dict[str, dict[str, Any]] = {
    "fgsm": {"kind": "fgsm", "norm": "linf"},
    "bim": {"kind": "bim", "norm": "linf"},
    "pgd": {"kind": "pgd", "norm": "linf", "steps": 20},
    "pgd_margin": {"kind": "pgd", "norm": "linf", "steps": 20, "loss": "margin"},
    "pgd_restarts": {"kind": "pgd", "norm": "linf", "steps": 20, "restarts": 4},
    "pgd_eot": {"kind": "pgd", "norm": "linf", "steps": 10, "eot": 8},
    "mim": {"kind": "mim", "norm": "linf"},
    "deepfool_linf": {"kind": "deepfool", "norm": "linf"},
    "autoattack": {"kind": "autoattack", "norm": "linf", "steps": 20, "queries": 200},
    "noise": {"kind": "uniform_noise", "norm": "linf"},
    "fgsm_l2": {"kind": "fgsm", "norm": "l2"},
    "pgd_l2": {"kind": "pgd", "norm": "l2", "steps": 20},
    "deepfool": {"kind": "deepfool", "norm": "l2"},
    "carlini_wagner": {"kind": "carlini_wagner", "norm": "l2", "steps": 60},
    "autoattack_l2": {"kind": "autoattack", "norm": "l2", "steps": 20, "queries": 200},
    "bim_l2": {"kind": "bim", "norm": "l2"},
}
UNLIMITED = ("deepfool_norms", "carlini_wagner_norms")
"""The same attacks without a budget, judged by the median of their norms."""

MARGIN = 0.02
"""What is claimed beyond the truth."""


class Pair(NamedTuple):
    """A weakness under an attack.

    Attributes:
        how: of ``zoo.WAYS``.
        attack: of ``ATTACKS`` or ``UNLIMITED``.
    """

    field: str
    net: str
    how: str
    attack: str

    @property
    def name(self) -> str:
        return "-".join(self)

    @property
    def family(self) -> str:
        return FAMILY[self.how]

    @property
    def norm(self) -> Norm:
        norm: Norm = "l2" if self.attack in UNLIMITED else ATTACKS[self.attack]["norm"]
        return norm

    @property
    def epsilon(self) -> float:
        return FIELDS[self.field].epsilon[self.norm]


def every_pair() -> list[Pair]:
    """All of them, in a fixed order; those on real data only where there is real data."""
    masks = [how for how in WAYS if how != "plain"]
    others = cycle(name for name in (*ATTACKS, *UNLIMITED) if name not in ("pgd", "noise"))
    on_digits = [Pair("digits", "mlp", how, attack) for how in masks for attack in ("pgd", next(others))]
    anywhere = [how for how in masks if FAMILY[how] not in ("switch", "runs", "memory")]
    elsewhere = cycle([("moons", "mlp"), ("mnist", "mlp"), ("tumours", "mlp"), ("digits", "conv"), ("digits", "deep")])
    spread = [Pair(*next(elsewhere), how, next(others)) for how in anywhere[::2]]
    elsewhere = cycle([("fashion", "deep"), ("tumours", "deep"), ("digits", "norm"), ("moons", "deep")])
    spread += [Pair(*next(elsewhere), how, attack) for how in anywhere[1::3] for attack in ("pgd", next(others))]
    idle = [Pair("digits", "mlp", how, "noise") for how in ("plain", "ripple")]
    found = [*on_digits, *spread, *idle]
    return [pair for pair in found if "QAML_DATA" in os.environ or not FIELDS[pair.field].is_real]


def suite_of(pair: Pair, plain: Plain, limit: float, name: str = "campaign") -> dict[str, Any]:
    """A suite with one claim: more is kept than can be, by ``limit``."""
    attack = dict(ATTACKS[pair.attack.removesuffix("_norms")])
    claim: dict[str, Any] = {
        "id": "c",
        "statement": "More is robust than is.",
        "kind": "bound",
        "of": {"model": "m", "attack": "a"},
    }
    if pair.attack in UNLIMITED:
        claim |= {"metric": "norm_quantile", "at_least": limit}
    else:
        attack |= {"epsilon": pair.epsilon}
        claim |= {"metric": "robust_accuracy", "at_least": limit}
    return {
        "suite": name,
        "datasets": {"d": FIELDS[pair.field].spec},
        "models": {"m": model_of(pair, plain)},
        "attacks": {"a": attack},
        "claims": [claim],
    }


def model_of(pair: Pair, plain: Plain) -> dict[str, Any]:
    """The masked network, with its trained weights; some runs of many where only some are masked."""
    weights = {"path": str(plain.weights), "sha256": plain.sha256}
    model: dict[str, Any] = {"kind": "torch_module", "dataset": "d", "factory": f"{FACTORY}:make", "weights": weights}
    model |= {"arguments": {"how": pair.how, **plain.arguments}, "seeds": 1}
    if pair.family == "runs":
        # trained on with steps that change no weight, so that every run has the same truth
        model |= {"fine_tune": True, "training": {"epochs": 1, "lr": 1e-12}, "seeds": 6}
    return model


def write(suite: dict[str, Any], path: Path) -> Path:
    """As YAML, of which JSON is a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(suite, indent=1))
    return path
