"""What steps get of a dataset: one unwritable copy a process, own copies of what they hand on, one order."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import Field

from qaml.data.digits import Digits
from qaml.run.dataset import evaluated, fingerprint, loaded, own
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
    test = loaded(Digits()).data.test
    for split in (own(test), evaluated(test, 20, order), evaluated(test, None, order)):
        for array in split:
            array[:] = 0
    assert test.inputs.any()
    assert test.labels.any()


def test_a_few_come_first_among_more_and_the_file_is_as_it_was() -> None:
    test = loaded(Digits()).data.test
    few, all_of_them = evaluated(test, 50, "shuffled"), evaluated(test, None, "shuffled")
    assert np.array_equal(few.indices, all_of_them.indices[:50])
    assert not np.array_equal(few.indices, test.indices[:50])
    assert np.bincount(few.labels).tolist() == [5] * 10
    assert np.array_equal(evaluated(test, 50, "file").indices, test.indices[:50])


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
