"""Estimators: their answers as logits, repeated fits, trust, and what they are stored as."""

from __future__ import annotations

import importlib
import json
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from sklearn.ensemble import RandomForestClassifier
from sklearn.svm import SVC
from sklearn.utils import all_estimators

from qaml.defences.augmentation.hooks import NoisyCopies
from qaml.errors import PartError, RunError
from qaml.models.base import Hooks
from qaml.models.estimator import network
from qaml.models.estimator.known import KNOWN
from qaml.models.estimator.part import Estimator
from qaml.testing.material import FEATURES, IMAGES, blobs
from qaml.testing.models import check_model
from qaml.types import InputInfo, Split
from tests.models import own_estimators

FOREST = "sklearn.ensemble:RandomForestClassifier"


@pytest.fixture(autouse=True)
def _trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QAML_TRUSTED_MODULES", own_estimators.__name__)
    network._fitted_once.cache_clear()


def part(factory: str, **fields: Any) -> Estimator:
    own = factory if ":" in factory else f"{own_estimators.__name__}:{factory}"
    return Estimator.model_validate_json(json.dumps({"kind": "estimator", "factory": own, **fields}))


def fitted(model: Estimator, info: InputInfo = IMAGES, data: Split | None = None, seed: int = 3) -> Any:
    module = model.build(info, 0)
    model.fit(module, blobs(info) if data is None else data, info, Hooks(), seed)
    return module


@pytest.mark.parametrize("factory", ["Centroids", "Scores", "Drawing", "Greedy", "pipeline"])
def test_estimators_of_users_hold_to_what_every_model_does(factory: str) -> None:
    check_model(part(factory), IMAGES)


def test_logits_are_logarithms_of_probabilities() -> None:
    model, data = part(FOREST, arguments={"n_estimators": 7, "random_state": 5}), blobs(IMAGES)
    forest = RandomForestClassifier(7, random_state=5).fit(data.inputs.reshape(49, -1), data.labels)
    points = np.random.default_rng(0).uniform(size=(20, 1, 8, 8)).astype(np.float32)
    expected = np.log(np.clip(forest.predict_proba(points.reshape(20, -1)), 1e-12, 1))
    np.testing.assert_allclose(fitted(model)(torch.from_numpy(points)), expected, rtol=1e-6)


@pytest.mark.parametrize("info", [IMAGES, FEATURES], ids=["three-classes", "two-classes"])
def test_logits_are_decision_values(info: InputInfo) -> None:
    data = blobs(info)
    machine = SVC(C=2.0).fit(data.inputs.reshape(49, -1), data.labels)
    logits = fitted(part("sklearn.svm:SVC", arguments={"C": 2.0}), info)(torch.from_numpy(data.inputs)).numpy()
    values = machine.decision_function(data.inputs.reshape(49, -1))
    np.testing.assert_allclose(logits if values.ndim == 2 else logits[:, 1] - logits[:, 0], values, atol=1e-5)
    if values.ndim == 1:
        np.testing.assert_allclose(logits.sum(1), 0, atol=1e-6)


def test_labels_alone_are_certain_answers() -> None:
    module, data = fitted(part("Centroids")), blobs(IMAGES)
    logits = module(torch.from_numpy(data.inputs))
    np.testing.assert_allclose(logits.unique(), [np.log(1e-12), 0.0], rtol=1e-6)
    assert (logits.argmax(1).numpy() == module.estimator.predict(data.inputs.reshape(49, -1))).all()


@pytest.mark.parametrize("factory", [FOREST, "sklearn.svm:SVC", "Centroids"])
def test_classes_that_training_lacks_are_never_the_answer(factory: str) -> None:
    data = blobs(IMAGES)
    some = data.labels != 1
    module = fitted(part(factory), data=Split(data.inputs[some], data.labels[some], data.indices[some]))
    logits = module(torch.from_numpy(data.inputs))
    assert logits.shape == (49, 3)
    assert logits.isfinite().all()
    assert set(logits.argmax(1).tolist()) == {0, 2}


def test_no_number_is_no_answer() -> None:
    from qaml.models.logits import has_answer

    logits = fitted(part("Scores", arguments={"nan": True}))(torch.from_numpy(blobs(IMAGES).inputs))
    assert has_answer(logits).tolist() == [False] + [True] * 48


@pytest.mark.parametrize(
    ("factory", "fields", "message"),
    [
        ("Scores", {"arguments": {"factor": 2.0}}, "returned no probabilities: rows from .* with sums up to 2"),
        ("Centroids", {"arguments": {"answers": 0.5}}, r"'predict' of .* returned 0\.5, expected labels from 0 to 2"),
        ("Centroids", {"arguments": {"answers": "a"}}, "returned values of type <U1, expected numbers"),
        ("Centroids", {"answers": "predict_proba"}, "has no 'predict_proba'"),
        ("nothing", {}, "returned a object without a method 'fit'"),
        ("Broken", {}, "'fit' of .* failed: ZeroDivisionError: no data like these"),
        (
            "sklearn.svm:SVC",
            {"arguments": {"kernel": "none"}},
            "'fit' of 'sklearn.svm:SVC' failed: InvalidParameterError",
        ),
        ("sklearn.svm:SVC", {"arguments": {"trees": 3}}, "factory 'sklearn.svm:SVC' failed: TypeError"),
        ("absent", {}, "has no 'absent'"),
    ],
)
def test_unusable_estimators_are_refused(factory: str, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(PartError, match=message):
        fitted(part(factory, **fields))


def test_the_seed_is_every_open_random_state_and_there_is_one_thread() -> None:
    free = part(FOREST, arguments={"n_estimators": 3, "n_jobs": 4})
    inputs = torch.from_numpy(blobs(IMAGES).inputs)
    one, same, other = fitted(free, seed=1), fitted(free, seed=1), fitted(free, seed=2)
    assert torch.equal(one(inputs), same(inputs))
    assert not torch.equal(one(inputs), other(inputs))
    assert one.estimator.get_params()["n_jobs"] == 1
    fixed = part(FOREST, arguments={"n_estimators": 3, "random_state": 0})
    assert torch.equal(fitted(fixed, seed=1)(inputs), fitted(fixed, seed=2)(inputs))


@pytest.mark.parametrize("factory", [FOREST, "sklearn.neighbors:KNeighborsClassifier", "Drawing", "pipeline"])
def test_what_is_stored_predicts_the_same_and_is_plain(factory: str) -> None:
    model = part(factory)
    module = fitted(model)
    state = module.state_dict()
    assert all(isinstance(value, torch.Tensor) for value in state.values())
    network._fitted_once.cache_clear()
    again: Any = model.build(IMAGES, 9)
    again.load_state_dict(state)
    points = torch.rand(40, 1, 8, 8)
    assert torch.equal(again(points), module(points))
    assert again.estimator is not module.estimator


def test_a_fit_that_does_not_repeat_is_noticed() -> None:
    model = part("Unrepeatable")
    state = fitted(model).state_dict()
    with pytest.raises(PartError, match="fitted again to the same data with the same seed, answers differently"):
        model.build(IMAGES, 0).load_state_dict(state)


def test_estimators_of_the_library_are_fitted_once_for_consecutive_steps() -> None:
    model = part(FOREST)
    first = fitted(model)
    again: Any = model.build(IMAGES, 0)
    again.load_state_dict(first.state_dict())
    assert again.estimator is first.estimator


class _Weighing(Hooks):
    def weigh(self, losses: torch.Tensor) -> torch.Tensor:
        return losses * 2


def test_defences_change_what_it_is_fitted_to() -> None:
    model, data = part("Centroids"), blobs(IMAGES)
    module = model.build(IMAGES, 0)
    model.fit(module, data, IMAGES, NoisyCopies(0.1, IMAGES.bounds, 0), 0)
    assert module.state_dict()["inputs"].shape == (98, 64)
    with pytest.raises(RunError, match="weighs the training examples"):
        model.fit(module, data, IMAGES, _Weighing(), 0)


def test_only_classifiers_of_the_library_need_no_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {estimator.__name__: estimator for _, estimator in all_estimators(type_filter="classifier")}
    for factory in KNOWN:
        module, _, name = factory.partition(":")
        assert getattr(importlib.import_module(module), name) is known[name]
        known[name]()  # plain settings suffice
    monkeypatch.delenv("QAML_TRUSTED_MODULES")
    assert not part(FOREST).runs_foreign_code
    part(FOREST).find_code()
    own = part("Centroids")
    assert own.runs_foreign_code
    with pytest.raises(PartError, match="which is not trusted"):
        own.build(IMAGES, 0)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"factory": "sklearn.pipeline:make_pipeline"}, "not among scikit-learn's classifiers"),
        ({"factory": "sklearn.ensemble:VotingClassifier"}, "not among scikit-learn's classifiers"),
        ({"factory": "sklearn.utils:all_estimators"}, "not among scikit-learn's classifiers"),
        ({"factory": "sklearn.svm.SVC"}, "expected module:callable, got 'sklearn.svm.SVC'"),
        ({"factory": FOREST, "training": {"epochs": 3}}, "fitted at once, without an optimiser"),
        ({"factory": FOREST, "answers": "score"}, "answers"),
    ],
)
def test_fields_that_do_not_fit_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Estimator.model_validate_json(json.dumps({"kind": "estimator", **fields}))
