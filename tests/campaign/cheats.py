"""Attacks that say something else than they do, or do less than they say, against models whose truth is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tests.campaign.healthy import module_of
from tests.campaign.plain import FIELDS, Plain
from tests.campaign.runner import Record, Workplace, judged
from tests.campaign.truth import Truth

NETWORKS = (
    ("digits", "mlp"),
    ("digits", "deep"),
    ("digits", "norm"),
    ("digits", "conv"),
    ("moons", "mlp"),
    ("tumours", "deep"),
)
"""Of the plain networks: dataset and network."""

BEYOND = 1.1
"""What is claimed of a median norm, in units of the true one at most."""

CHEATS: dict[str, dict[str, Any]] = {
    "thrice": {"kind": "campaign/overreach"},
    "a-tenth-too-far": {"kind": "campaign/overreach", "times": 1.1},
    "a-few-thrice": {"kind": "campaign/overreach", "share": 0.1},
    "thrice-l2": {"kind": "campaign/overreach", "norm": "l2"},
    "out-of-bounds": {"kind": "campaign/out_of_bounds"},
}


def median_at_most(truth: Truth, attack_steps: int = 12) -> float:
    """The median L2 norm of the smallest adversarials known, images that are wrong counting as zero: bisection."""
    low, high = 0.0, 4 * truth_epsilon(truth.plain)
    for _ in range(attack_steps):
        middle = (low + high) / 2
        low, high = (middle, high) if truth.at_most("plain", "l2", middle) > 0.5 else (low, middle)
    return high


def truth_epsilon(plain: Plain) -> float:
    return FIELDS[plain.field].epsilon["l2"]


class Cheat(NamedTuple):
    """One claim that must not come out as ``never``."""

    name: str
    suite: dict[str, Any]
    truth: float
    limit: float
    never: str


def suite_of(plain: Plain, attack: dict[str, Any], claim: dict[str, Any]) -> dict[str, Any]:
    """A suite with one claim about a plain network."""
    about = {"id": "c", "statement": "Not so.", "kind": "bound", "of": {"model": "m", "attack": "a"}}
    return {
        "suite": "cheats",
        "datasets": {"d": FIELDS[plain.field].spec},
        "models": {"m": {**module_of(plain), "dataset": "d"}},
        "attacks": {"a": attack},
        "claims": [{**about, **claim}],
    }


def every_cheat(place: Workplace, networks: Sequence[tuple[str, str]] = NETWORKS) -> Iterator[Cheat]:
    """Default Carlini–Wagner and DeepFool by the median, noise alone, and attacks beyond budget or bounds."""
    for field, net in networks:
        truth = place.truth(field, net)
        plain, median = truth.plain, median_at_most(truth)
        limit = round(BEYOND * median, 5)
        for kind in ("carlini_wagner", "deepfool"):
            claim: dict[str, Any] = {"metric": "norm_quantile", "at_least": limit}
            suite = suite_of(plain, {"kind": kind}, claim)
            yield Cheat(f"{field}-{net}-{kind}-default", suite, median, limit, "supported")
        epsilon = FIELDS[field].epsilon["linf"]
        at_most = truth.at_most("plain", "linf", epsilon)
        claim = {"metric": "robust_accuracy", "at_least": round(at_most + 0.02, 4)}
        noise = {"kind": "uniform_noise", "epsilon": epsilon, "draws": 20}
        yield Cheat(f"{field}-{net}-noise", suite_of(plain, noise, claim), at_most, claim["at_least"], "supported")
    for field, net in networks[:2]:
        truth = place.truth(field, net)
        for name, attack in CHEATS.items():
            norm = attack.get("norm", "linf")
            epsilon = FIELDS[field].epsilon[norm] / 2
            robust = truth.at_most("plain", norm, epsilon)
            for side, verdict in (("at_least", "refuted"), ("at_most", "supported")):
                claim = {"metric": "robust_accuracy", side: round(robust - 0.1, 4)}
                suite = suite_of(truth.plain, {**attack, "epsilon": epsilon}, claim)
                yield Cheat(f"{field}-{net}-{name}-{side}", suite, robust, claim[side], verdict)


def try_cheat(cheat: Cheat, place: Workplace) -> Record:
    """What qaml says; false where it is what must never be."""
    results, seconds = place.run(cheat.suite)
    attack = cheat.suite["attacks"]["a"]["kind"]
    record = judged((cheat.name, "cheat", attack, cheat.truth, cheat.limit, float("nan")), results, seconds)
    return record._replace(never=cheat.never)
