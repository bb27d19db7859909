"""What steps get of a dataset: one unwritable copy a process, own copies of what they hand on, one order."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from pydantic import Field

from qaml.data.chosen import Chosen
from qaml.data.digits import Digits
from qaml.errors import DataError
from qaml.run.dataset import evaluated, fingerprint, loaded, own
from qaml.spec.suite import Evaluation
from qaml.types import Split
from qaml.vocab import Order


def test_a_process_has_one_copy_that_nobody_can_write() -> None:
    data = loaded(Digits()).data
    assert loaded(Digits()).data is data
    for array in (*data.train, *data.test):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    again = loaded(Digits(), anew=True)
    assert again.data is not data
    assert again.fingerprints == loaded(Digits()).fingerprints


@pytest.mark.parametrize("order", ["shuffled", "file"])
def test_copies_are_a_steps_own(order: Order) -> None:
    data = loaded(Digits()).data
    test = data.test
    for split in (own(test), evaluated(data, 20, order), evaluated(data, None, order)):
        for array in split:
            array[:] = 0
    assert test.inputs.any()
    assert test.labels.any()


def test_a_few_come_first_among_more_and_the_file_is_as_it_was() -> None:
    data = loaded(Digits()).data
    test = data.test
    few, all_of_them = evaluated(data, 50, "shuffled"), evaluated(data, None, "shuffled")
    assert np.array_equal(few.indices, all_of_them.indices[:50])
    assert not np.array_equal(few.indices, test.indices[:50])
    assert np.bincount(few.labels).tolist() == [5] * 10
    assert np.array_equal(evaluated(data, 50, "file").indices, test.indices[:50])


def test_any_change_changes_the_fingerprint() -> None:
    split = own(loaded(Digits()).data.test)
    seen = {fingerprint(split)}
    for change in ("inputs", "labels", "indices"):
        other = own(split)
        getattr(other, change).flat[-1] += 1
        seen.add(fingerprint(other))
    seen.add(fingerprint(Split(split.inputs.reshape(500, 64), split.labels, split.indices)))
    assert len(seen) == 5


def test_a_field_of_a_dataset_may_be_a_mapping() -> None:
    class Named(Digits):
        names: dict[str, int] = Field({})

    one, other = Named(names={"a": 1}), Named(names={"a": 2})
    assert loaded(one).data is loaded(Named(names={"a": 1})).data
    assert loaded(one).data is not loaded(other).data


def examples(**fields: Any) -> Order | Chosen:
    return Evaluation.model_validate_json(json.dumps(fields)).examples


def test_a_suite_chooses_the_examples() -> None:
    data = loaded(Digits()).data
    test, train = data.test, data.train
    numbers = [int(test.indices[7]), int(test.indices[2]), int(test.indices[30])]
    assert evaluated(data, 3, examples(indices=numbers)).indices.tolist() == numbers
    assert evaluated(data, 2, examples(indices=numbers)).indices.tolist() == numbers[:2]
    assert np.array_equal(evaluated(data, 9, examples(first=9)).indices, test.indices[:9])
    permuted = evaluated(data, None, examples(permute=3))
    assert sorted(permuted.indices) == sorted(test.indices)
    assert np.array_equal(evaluated(data, 9, examples(permute=3, first=9)).indices, permuted.indices[:9])
    assert permuted.indices[:4].tolist() != evaluated(data, 4, examples(permute=4)).indices.tolist()
    trained = evaluated(data, 50, examples(split="train", images=50))
    assert np.isin(trained.indices, train.indices).all()
    assert np.bincount(trained.labels).max() <= 6, "class shares are kept"
    assert np.array_equal(evaluated(data, 9, examples(split="train", first=9)).inputs, train.inputs[:9])
    with pytest.raises(DataError, match="names training example 99999, which the dataset does not have"):
        evaluated(data, None, examples(split="train", indices=[99999]))


def test_a_choice_that_is_not_made_leaves_keys_as_they_were() -> None:
    assert examples(images=50) == "shuffled"
    assert examples(first=50) == examples(images=50, order="file") == "file"
    assert [Evaluation(images=5).n_images, Evaluation(first=6).n_images, Evaluation(indices=(4, 2)).n_images] == [
        5,
        6,
        2,
    ]
    chosen = examples(split="train", permute=1)
    assert isinstance(chosen, Chosen)
    assert "training examples" in chosen.in_words
