"""Sound models under sound attacks: nothing may be alarmed, and what is true must not get lost."""

from __future__ import annotations

import os
from collections.abc import Iterator
from math import nan
from typing import Any, NamedTuple

from tests.campaign.pairs import FACTORY
from tests.campaign.plain import FIELDS, Plain
from tests.campaign.runner import Record, Workplace, judged

DIGITS = {"kind": "digits", "test": 300}
ONE_OR_NINE = {
    "kind": "mnist",
    "transforms": [
        {"kind": "select_classes", "classes": [1, 9]},
        {"kind": "subset", "train": 800, "test": 250},
        {"kind": "downscale", "size": 16},
    ],
}
TRAINED = {"lr": 3e-3, "epochs": 20}
TRAINERS = {
    "five-steps": {"kind": "pgd", "epsilon": 0.1, "steps": 5},
    "one-step": {"kind": "fgsm", "epsilon": 0.1},
    "ten-steps": {"kind": "bim", "epsilon": 0.05},
}
"""What defences train against, by name."""
ADVERSARIAL = {"kind": "adversarial_training", "attack": "five-steps", "regenerate": "batch"}
ONE_STEP = {"kind": "adversarial_training", "attack": "one-step"}

PGD = {"kind": "pgd", "epsilon": 0.05}
WEAKER = {"kind": "pgd", "epsilon": 0.03}
STATES = {"kind": "bim", "epsilon": 0.1, "steps": 20}
L2 = {"kind": "pgd", "norm": "l2", "epsilon": 0.4}
FOOL = {"kind": "deepfool", "epsilon": 0.4}
CARLINI = {"kind": "carlini_wagner", "epsilon": 0.4}
MOMENTUM = {"kind": "mim", "epsilon": 0.05, "steps": 20}
AUTO = {"kind": "autoattack", "epsilon": 0.05, "steps": 30, "queries": 500}
AVERAGED = {"kind": "pgd", "epsilon": 0.05, "eot": 16}


class Sound(NamedTuple):
    """A sound model and the attacks that it is judged under, each in a suite of its own.

    Attributes:
        model: as in a suite, without its dataset; a string is a plain network of the zoo.
    """

    dataset: dict[str, Any]
    model: dict[str, Any]
    attacks: tuple[dict[str, Any], ...] = (PGD,)


def _fnn(**more: Any) -> dict[str, Any]:
    return {"kind": "fnn", "training": TRAINED, "dropout": 0.0, "seeds": 3, **more}


def _conv(**more: Any) -> dict[str, Any]:
    return {
        "kind": "convnet",
        "channels": [8, 16, 16],
        "hidden": 32,
        "training": {"lr": 2e-3, "epochs": 6},
        "seeds": 1,
        **more,
    }


def _qvc(layers: int, **more: Any) -> dict[str, Any]:
    training = {"lr": 0.02, "batch": 64, "epochs": 6}
    return {"kind": "qvc", "layers": layers, "logit_scale": 10.0, "training": training, "seeds": 3, **more}


def _rbm(hidden: int, **more: Any) -> dict[str, Any]:
    return {"kind": "rbm", "hidden": hidden, "training": {"lr": 1e-2, "epochs": 20, "batch": 10}, "seeds": 3, **more}


def _qnn(**more: Any) -> dict[str, Any]:
    return {"kind": "qnn", "layers": 4, "training": {"lr": 0.02, "batch": 64, "epochs": 15}, "seeds": 1, **more}


def _linear(**more: Any) -> dict[str, Any]:
    return {"kind": "linear", "training": {"lr": 1e-2, "epochs": 20}, "seeds": 3, **more}


MOONS = FIELDS["moons"].spec
TUMOURS = FIELDS["tumours"].spec
ISING = {"kind": "tfim"}
FAR = {"kind": "pgd", "epsilon": 0.3}

SOUND: dict[str, Sound] = {
    "linear": Sound(DIGITS, _linear(), (PGD, L2, FOOL, CARLINI, AUTO)),
    "linear-decayed": Sound(DIGITS, _linear(training={"lr": 1e-2, "epochs": 20, "weight_decay": 0.01}), (PGD,)),
    "quadratic": Sound(DIGITS, {"kind": "quadratic", "training": {"lr": 3e-3, "epochs": 15}, "seeds": 3}, (PGD, FOOL)),
    "quadratic-bounded": Sound(
        DIGITS,
        {"kind": "quadratic", "norm_bounded": True, "training": {"lr": 1e-2, "epochs": 15}, "seeds": 3},
        (PGD, L2),
    ),
    "fnn": Sound(DIGITS, _fnn(), (PGD, MOMENTUM, AUTO, L2, FOOL)),
    "fnn-deep": Sound(DIGITS, _fnn(hidden=[96, 64]), (PGD, FOOL)),
    "fnn-wide": Sound(DIGITS, _fnn(hidden=[256, 64]), (PGD,)),
    "fnn-long": Sound(DIGITS, _fnn(training={"lr": 3e-3, "epochs": 80}), (PGD, L2)),
    "fnn-dropout": Sound(DIGITS, _fnn(dropout=0.2), (PGD, CARLINI)),
    "fnn-adversarial": Sound(DIGITS, _fnn(defences=[ADVERSARIAL]), (PGD, AUTO, MOMENTUM)),
    "fnn-adversarial-strong": Sound(
        DIGITS, _fnn(defences=[ADVERSARIAL], hidden=[128, 64]), ({"kind": "pgd", "epsilon": 0.1},)
    ),
    "fnn-augmented": Sound(DIGITS, _fnn(defences=[{"kind": "gaussian_augmentation", "sigma": 0.1}]), (PGD, L2)),
    "fnn-combined": Sound(DIGITS, _fnn(defences=[{"kind": "combined_loss", "attack": "ten-steps"}])),
    "fnn-smoothed": Sound(DIGITS, _fnn(defences=[{"kind": "spatial_smoothing", "window": 2}]), (WEAKER,)),
    "fnn-resized": Sound(
        DIGITS, _fnn(defences=[{"kind": "random_resizing"}], inference={"decision": "mean", "draws": 16}), (AVERAGED,)
    ),
    "convnet": Sound(DIGITS, _conv(), (PGD, L2)),
    "convnet-adversarial": Sound(DIGITS, _conv(defences=[ONE_STEP]), (PGD,)),
    "resnet": Sound(DIGITS, {"kind": "resnet18", "width": 4, "training": {"epochs": 4}, "seeds": 1}, (WEAKER,)),
    "rbm-20": Sound(DIGITS, _rbm(20), (PGD, L2)),
    "rbm-40": Sound(DIGITS, _rbm(40), (PGD, WEAKER)),
    "rbm-two-classes": Sound(
        {**DIGITS, "transforms": [{"kind": "select_classes", "classes": [3, 5]}]}, _rbm(20), (PGD,)
    ),
    "qvc-10": Sound(DIGITS, _qvc(10), (PGD, L2)),
    "qvc-30": Sound(DIGITS, _qvc(30), (WEAKER, FOOL)),
    "qvc-unscaled": Sound(DIGITS, _qvc(20, logit_scale=1.0), (WEAKER, L2)),
    "qnn-moons": Sound(MOONS, _qnn(wires=2, encoding="angle"), ({"kind": "pgd", "epsilon": 0.2},)),
    "qnn-ising": Sound(ISING, _qnn(), (STATES,)),
    "qnn-noise-layers": Sound(
        MOONS,
        _qnn(wires=2, encoding="angle", noise_layers={}, inference={"decision": "exact"}),
        ({"kind": "pgd", "epsilon": 0.2, "gradient": "exact"},),
    ),
    "fnn-moons": Sound(MOONS, _fnn(hidden=[32, 16]), (FAR, {"kind": "pgd", "norm": "l2", "epsilon": 0.4})),
    "linear-moons": Sound(MOONS, _linear(), (FAR,)),
    "quadratic-moons": Sound(MOONS, {"kind": "quadratic", "training": {"lr": 1e-2, "epochs": 20}, "seeds": 3}, (FAR,)),
    "fnn-tumours": Sound(TUMOURS, _fnn(hidden=[32, 16]), (PGD, FOOL)),
    "linear-tumours": Sound(TUMOURS, _linear(), (PGD,)),
    "fnn-one-or-nine": Sound(ONE_OR_NINE, _fnn(hidden=[64, 32]), ({"kind": "pgd", "epsilon": 0.1},)),
    "qvc-one-or-nine": Sound(ONE_OR_NINE, _qvc(10), ({"kind": "pgd", "epsilon": 0.1},)),
    "cnn-one-or-nine": Sound(
        ONE_OR_NINE,
        {"kind": "huang_cnn", "training": {"lr": 2e-3, "epochs": 5}, "seeds": 1},
        ({"kind": "pgd", "epsilon": 0.1},),
    ),
}
"""Name → model. Modules of users, the zoo's plain networks, are added to them by ``plain_models``."""

PLAIN: dict[str, tuple[str, str, tuple[dict[str, Any], ...]]] = {
    "module-mlp": ("digits", "mlp", (PGD, FOOL, AUTO)),
    "module-deep": ("digits", "deep", (PGD,)),
    "module-norm": ("digits", "norm", (WEAKER, L2)),
    "module-conv": ("digits", "conv", (PGD,)),
    "module-moons": ("moons", "deep", (FAR,)),
    "module-tumours": ("tumours", "mlp", (PGD,)),
}
"""The zoo's plain networks: name → dataset, network, attacks."""


def module_of(plain: Plain) -> dict[str, Any]:
    """A plain network as a user's module with weights."""
    weights = {"path": str(plain.weights), "sha256": plain.sha256}
    return {
        "kind": "torch_module",
        "factory": f"{FACTORY}:make",
        "weights": weights,
        "arguments": plain.arguments,
        "seeds": 1,
    }


class Trial(NamedTuple):
    """A sound model under one attack.

    Attributes:
        plain: dataset and network of the zoo, where the model is a module with weights.
    """

    name: str
    dataset: dict[str, Any]
    model: dict[str, Any] | None
    attack: dict[str, Any]
    plain: tuple[str, str] | None = None


def every_trial() -> Iterator[Trial]:
    """All that can be had here."""
    has_files = "QAML_DATA" in os.environ
    for name, sound in SOUND.items():
        if has_files or sound.dataset is not ONE_OR_NINE:
            for attack in sound.attacks:
                yield Trial(f"{name}-{_word(attack)}", sound.dataset, sound.model, attack)
    for name, (field, net, attacks) in PLAIN.items():
        for attack in attacks:
            yield Trial(f"{name}-{_word(attack)}", FIELDS[field].spec, None, attack, (field, net))


def _word(attack: dict[str, Any]) -> str:
    return f"{attack['kind']}{'-l2' if attack.get('norm') == 'l2' else ''}-{attack['epsilon']:g}"


def try_sound(trial: Trial, place: Workplace) -> Record:
    """Measure first, with a stronger attack beside; then claim five points less than that, and than its interval."""
    model = trial.model if trial.plain is None else module_of(place.truth(*trial.plain).plain)
    assert model is not None
    first, _ = place.run(suite_of(trial.dataset, model, trial.attack, {"c": 0.001}, ("a", "strong")))
    about = (trial.name, "sound", trial.attack["kind"])
    if isinstance(first, Exception):
        return judged((*about, nan, nan, nan), first, 0.0)._replace(never="")
    found = first["c"].measured[0].estimate
    limits = {
        "c": max(round(float(found.value) - 0.05, 4), 0.001),
        "sure": max(round(float(found.low) - 0.05, 4), 0.001),
    }
    results, seconds = place.run(suite_of(trial.dataset, model, trial.attack, limits))
    record = judged((*about, float(found.value), limits["c"], nan), results, seconds)
    sure = "error" if isinstance(results, Exception) else results["sure"].verdict
    return record._replace(never="", sure=sure)


def stronger(attack: dict[str, Any]) -> dict[str, Any]:
    """What a sound model keeps under it is taken for the truth: the margin from three starts."""
    more: dict[str, Any] = {key: attack[key] for key in ("eot", "gradient") if key in attack}
    norm = attack.get("norm", "l2" if attack["kind"] in ("deepfool", "carlini_wagner") else "linf")
    strong = {"kind": "pgd", "loss": "margin", "steps": 60, "restarts": 3, "epsilon": attack["epsilon"]}
    return {**strong, "norm": norm, **more}


def suite_of(
    dataset: dict[str, Any],
    model: dict[str, Any],
    attack: dict[str, Any],
    limits: dict[str, float],
    under: tuple[str, ...] = ("a",),
) -> dict[str, Any]:
    """A suite with a claim for each limit: so much is robust at least, under the attack or under both."""
    claims = [
        {
            "id": name,
            "statement": "So much is robust.",
            "kind": "bound",
            "metric": "robust_accuracy",
            "of": {"model": "m", "attack": list(under)},
            "at_least": limit,
        }
        for name, limit in limits.items()
    ]
    return {
        "suite": "healthy",
        "datasets": {"d": dataset},
        "models": {"m": {**model, "dataset": "d"}},
        "attacks": {**TRAINERS, "a": attack, "strong": stronger(attack)},
        "claims": claims,
    }
