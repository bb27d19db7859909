"""The published checks over every registered kind; a kind without a case fails."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from qaml.attacks.base import ATTACKS
from qaml.data.base import DATASETS, TRANSFORMS
from qaml.defences.base import DEFENCES
from qaml.metrics.table import METRICS, metric
from qaml.models.base import MODELS
from qaml.models.kernel_svm.kernels import KERNELS
from qaml.registry import Part, Registry
from qaml.samplers.base import SAMPLERS
from qaml.testing.attacks import check_attack
from qaml.testing.datasets import check_dataset
from qaml.testing.defences import check_defence
from qaml.testing.material import FEATURES, IMAGES
from qaml.testing.metrics import check_metric
from qaml.testing.models import check_model
from qaml.testing.samplers import check_sampler
from tests.data import own
from tests.data.test_cifar2 import needs_cifar2
from tests.data.test_mnist import needs_data
from tests.data.test_transforms import FITTING
from tests.defences.examples import EXAMPLES as DEFENCE_EXAMPLES
from tests.models.examples import EXAMPLES as MODEL_EXAMPLES
from tests.models.examples import TRAINING

Fields = Mapping[str, Any]

MODEL_CASES: dict[str, list[Fields]] = {kind: [{"training": dict(TRAINING), **f}] for kind, f in MODEL_EXAMPLES.items()}
MODEL_CASES["rbm"] = [
    {"hidden": 4, "negative_phase": {"kind": kind, **fields}, "training": {"epochs": 4, "batch": 16, "lr": 0.01}}
    for kind, fields in (("pcd", {"sweeps": 2, "chains": 5}), ("cd", {}), ("exact", {}))
]
QNN_CASES: list[Fields] = [
    {"wires": 4, "readout": 3, "entangler": "cnot_ring"},
    {"noise_layers": {"position": "after"}},
    {"encoding": "angle", "noise_layers": {"draw": "sample", "share": 0.5, "inference": False}},
]
MODEL_CASES["qnn"] = [{"layers": 2, "training": dict(TRAINING), **fields} for fields in QNN_CASES]
MODEL_CASES["qcnn"] = [{"training": dict(TRAINING)}, {"training": dict(TRAINING), "noise_layers": {}}]
MODEL_CASES["pennylane"] = [{"factory": "tests.models.user_qnodes:angles", "training": {**TRAINING, "epochs": 1}}]
MODEL_CASES["circuit"] += [
    {
        "wires": 2,
        "layers": [{"rot": "all", "angles": {"affine": "dense"}}, {"cz": "chain"}],
        "readout": {"probabilities": "all", "head": True},
        "training": dict(TRAINING),
    },
    {
        "layers": [
            {"encode": "amplitude"},
            {"ry": 0},
            {"noise": [{"kind": "bit_flip", "probability": 0.1}]},
            {"pool": "cnot"},
        ],
        "readout": {"probabilities": "all", "log": True},
        "training": dict(TRAINING),
    },
]
MODEL_CASES["quanvolution"] += [
    {
        "layers": [{"encode": "angle", "axis": "y", "scale": 3.0}, {"random": 4}],
        "classifier": {"kind": "fnn", "hidden": [16, 16]},
        "training": {**TRAINING, "epochs": 2},
    },
]
MODEL_CASES["estimator"] = [
    {"factory": "sklearn.ensemble:RandomForestClassifier", "arguments": {"n_estimators": 5}},
    {"factory": "sklearn.svm:SVC"},
    {"factory": "sklearn.neighbors:KNeighborsClassifier", "answers": "predict"},
]
KERNEL_CASES: dict[str, list[Fields]] = {
    "rbf": [{"gamma": 0.5}],
    "linear": [{}],
    "polynomial": [{"degree": 2, "coefficient": 1.0}],
    "fidelity": [{"layers": [{"encode": "amplitude"}, {"cz": "chain"}]}],
}
MODEL_CASES["kernel_svm"] = [
    {"kernel": {"kind": kind, **fields}} for kind, several in KERNEL_CASES.items() for fields in several
]
TWO_CLASSES = ("qnn", "qcnn")
ATTACK_CASES: dict[str, list[Fields]] = {
    "fgsm": [{"epsilon": [0.0, 0.1]}, {"epsilon": 0.5, "norm": "l2"}],
    "bim": [{"epsilon": [0.0, 0.1]}],
    "pgd": [{"epsilon": [0.05, 0.1], "steps": 5, "restarts": 2}, {"epsilon": 0.5, "norm": "l2", "steps": 5}],
    "mim": [{"epsilon": [0.0, 0.1]}],
    "deepfool": [{"epsilon": [0.1, 1.0], "steps": 10}, {"steps": 10}],
    "hop_skip_jump": [{"norm": "linf", "epsilon": [0.1, 1.0], "queries": 80, "evaluations": 10}],
    "boundary": [{"epsilon": 1.0, "queries": 30}],
    "square": [{"epsilon": [0.0, 0.1], "queries": 10}, {"norm": "l2", "epsilon": 1.0, "queries": 10}],
    "carlini_wagner": [{"epsilon": [0.1, 1.0], "steps": 10}],
    "exact_l2": [{}, {"epsilon": [0.1, 1.0]}, {"norm": "linf"}],
    "uniform_noise": [{"epsilon": [0.0, 0.2], "draws": 3}],
    "autoattack": [{"epsilon": 0.1, "steps": 5, "queries": 10}],
}
SAMPLER_CASES: dict[str, list[Fields]] = {
    "exact": [{}],
    "cd": [{"sweeps": 2}],
    "pcd": [{"sweeps": 2, "chains": 6}],
    "parallel_tempering": [{"sweeps": 2, "chains": 4, "levels": 3}],
    "annealer": [{"hardware": {"size": 2}, "reads": 50, "sweeps": 10}],
}
DATASET_CASES: dict[str, list[Fields]] = {
    "digits": [
        {},
        {"transforms": [{"kind": "select_classes", "classes": ["1", "9"]}, {"kind": "subset", "train": 40}]},
        {"transforms": [{"kind": "pca", "components": 4}, {"kind": "rescale", "bounds": [0, "pi"]}]},
    ],
    "moons": [{}, {"transforms": [{"kind": "amplitudes"}]}],
    "circles": [{}, {"n": 50, "noise": 0.0, "factor": 0.3, "seed": 1}],
    "blobs": [{}, {"n": 60, "classes": 3, "features": 5, "std": 0.5}],
    "iris": [{}, {"transforms": [{"kind": "select_classes", "classes": ["setosa", "virginica"]}]}],
    "wine": [{}, {"transforms": [{"kind": "rescale", "bounds": [0, "pi"]}]}],
    "breast_cancer": [{"test_share": 0.3, "seed": 1}],
    "tfim": [{}, {"sites": 3, "fields": 40}],
    "mnist": [{"transforms": [{"kind": "subset", "train": 50, "test": 20}, {"kind": "downscale", "size": 7}]}],
    "fashion_mnist": [{"transforms": [{"kind": "subset", "train": 50, "test": 20}, {"kind": "binarise"}]}],
    "cifar2": [{"transforms": [{"kind": "subset", "train": 50, "test": 20}]}],
    **own.EXAMPLES,
}
DEFENCE_CASES: dict[str, list[Fields]] = {kind: [fields] for kind, fields in DEFENCE_EXAMPLES.items()}
DEFENCE_CASES["feature_squeezing"] = [{"bits": 2}, {"bits": 2, "where": "classifier"}]
DEFENCE_CASES["spatial_smoothing"] = [{"window": 3}, {"window": 3, "where": "classifier"}]

# transfers and joint attacks compute nothing themselves (tests/attacks/test_transfer.py, test_joint.py); CelebA and
# CIFAR-10 need generated files (tests/data/test_celeba.py, test_cifar10.py)
ELSEWHERE = {"attack": {"transfer", "joint"}, "dataset": {"celeba", "cifar10"}}
NEEDS = {"mnist": [needs_data], "fashion_mnist": [needs_data], "cifar2": [needs_cifar2]}
CASES: list[tuple[Registry[Any], dict[str, list[Fields]]]] = [
    (MODELS, MODEL_CASES),
    (ATTACKS, ATTACK_CASES),
    (SAMPLERS, SAMPLER_CASES),
    (KERNELS, KERNEL_CASES),
    (DATASETS, DATASET_CASES),
    (DEFENCES, DEFENCE_CASES),
]


def parts(cases: Mapping[str, list[Fields]]) -> pytest.MarkDecorator:
    """One parameter a case: kind and fields."""
    pairs = [(kind, fields) for kind, several in cases.items() for fields in several]
    ids = [kind if len(cases[kind]) == 1 else f"{kind}-{cases[kind].index(fields)}" for kind, fields in pairs]
    named = [pytest.param(*pair, id=name, marks=NEEDS.get(pair[0], [])) for pair, name in zip(pairs, ids, strict=True)]
    return pytest.mark.parametrize(("kind", "fields"), named)


def make(registry: Registry[Any], kind: str, fields: Fields) -> Any:
    part: Part = registry.load(kind).model_validate_json(json.dumps({"kind": kind, **fields}))
    return part


@pytest.mark.parametrize(("registry", "cases"), CASES, ids=[registry.family for registry, _ in CASES])
def test_every_kind_has_a_case(registry: Registry[Any], cases: dict[str, list[Fields]]) -> None:
    covered = set(cases) | ELSEWHERE.get(registry.family, set())
    assert not (lost := set(registry.kinds()) - covered), f"no conformance case here for the {registry.family}s {lost}"
    assert covered <= set(registry.kinds())


def test_every_transform_is_in_some_dataset_or_has_tests_of_its_own() -> None:
    assert {part.kind for part, _ in FITTING} == set(TRANSFORMS.kinds())


@parts(MODEL_CASES)
def test_models(kind: str, fields: Fields, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QAML_TRUSTED_MODULES", "tests.models.user_module, tests.models.user_qnodes")
    check_model(make(MODELS, kind, fields), FEATURES if kind in TWO_CLASSES else IMAGES)


@parts(ATTACK_CASES)
def test_attacks(kind: str, fields: Fields) -> None:
    part = make(ATTACKS, kind, fields)
    check_attack(part, IMAGES)
    if not part.needs_images:
        check_attack(part, FEATURES)


@parts(SAMPLER_CASES)
def test_samplers(kind: str, fields: Fields) -> None:
    check_sampler(make(SAMPLERS, kind, fields))


@parts(DATASET_CASES)
def test_datasets(kind: str, fields: Fields, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if kind in own.EXAMPLES:
        own.write(tmp_path)
        monkeypatch.chdir(tmp_path)
    check_dataset(make(DATASETS, kind, fields))


@parts(DEFENCE_CASES)
def test_defences(kind: str, fields: Fields) -> None:
    check_defence(make(DEFENCES, kind, fields), IMAGES)


@pytest.mark.parametrize("name", METRICS.builtin_kinds())
def test_metrics(name: str) -> None:
    check_metric(metric(name))


def test_the_example_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parent.parent / "example_package")
    for name in [name for name in sys.modules if name.startswith("qaml_example")]:
        monkeypatch.delitem(sys.modules, name)
    from qaml_example.centroids.part import Centroids  # type: ignore[import-not-found]
    from qaml_example.darken import Darken  # type: ignore[import-not-found]
    from qaml_example.lost import Lost  # type: ignore[import-not-found]
    from qaml_example.spirals import Spirals  # type: ignore[import-not-found]

    check_model(Centroids(), IMAGES)
    check_attack(Darken(epsilon=(0.1, 0.2)), IMAGES)
    check_metric(Lost(kind="example/lost"))
    check_dataset(Spirals())
