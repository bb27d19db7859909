"""Which step is taken when, and what becomes of failure, damage and warnings; with steps that compute nothing."""

from __future__ import annotations

import errno
import os
import shutil
import threading
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qaml.errors import QamlError, RunError, StoreError
from qaml.plan.claims import ClaimPlan
from qaml.plan.digest import Digest
from qaml.plan.kinds import KINDS, Kind, StepKind
from qaml.plan.plan import Plan
from qaml.plan.role import Role
from qaml.plan.step import Step, make_step
from qaml.run import scheduler
from qaml.run.costs.estimate import Costs
from qaml.run.progress import Reporter, read
from qaml.run.prune import prune
from qaml.run.scheduler import REBUILDS, Scheduler, StepCrashed
from qaml.run.store import Store
from tests.run import stand_in

CODE = Digest("code", ())


@pytest.fixture(autouse=True)
def _stand_ins(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, kind in list(KINDS.items()):
        monkeypatch.setitem(KINDS, name, kind._replace(module=stand_in.__name__))
    monkeypatch.setattr(scheduler, "WAIT", 0.001)
    stand_in.RAN.clear()
    yield
    stand_in.RAN.clear()


def step(name: str, *parents: Step, cost: float = 1.0, kind: StepKind = "train", **payload: Any) -> Step:
    return make_step(kind, name, {"name": name, **payload}, {Role("train", p.title): p for p in parents}, CODE, cost)


def plan(*steps: Step, claims: tuple[Step, ...] = ()) -> Plan:
    """Steps with parents first; claims default to the last step."""
    judged: Any = {
        f"suite::{judge.title}": ClaimPlan(None, None, {}, {}, judge, {})  # type: ignore[arg-type]
        for judge in claims or steps[-1:]
    }
    return Plan({s.key: s for s in steps}, judged)


def worker(made: Plan, store: Path, name: str = "main", workers: int = 1) -> Scheduler:
    return Scheduler(made, Store(store), Reporter(store / "temporary", name), workers=workers)


def test_parents_come_first_and_nothing_runs_twice(tmp_path: Path) -> None:
    load = step("load")
    train = step("train", load)
    judge = step("judge", load, train)
    made = plan(load, train, judge)
    worker(made, tmp_path).complete(judge.key)
    assert stand_in.RAN == ["load", "train", "judge"]
    worker(made, tmp_path).complete(judge.key)
    assert stand_in.RAN == ["load", "train", "judge"]


def test_a_package_that_only_one_step_needs_is_named_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = step("draw")
    monkeypatch.setitem(KINDS, "train", Kind("no_such_package", 1.0))
    with pytest.raises(RunError, match="draw: the Python package 'no_such_package' is not installed") as caught:
        worker(plan(draw), tmp_path).complete(draw.key)
    assert "pip install qaml-bench" in caught.value.hint


def test_the_longest_remaining_path_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Costs, "seconds", lambda _, step: step.cost)
    short = step("short", cost=5)
    long = step("long", cost=1)
    longer = step("longer", long, cost=9)
    judge = step("judge", short, longer)
    worker(plan(short, long, longer, judge), tmp_path).complete(judge.key)
    assert stand_in.RAN == ["long", "longer", "short", "judge"]


def test_the_claim_at_hand_comes_first(tmp_path: Path) -> None:
    small, large = step("small"), step("large", cost=9)
    first, second = step("first", small), step("second", large)
    one = worker(plan(large, small, second, first, claims=(second, first)), tmp_path)
    one.complete(first.key)
    assert stand_in.RAN == ["small", "first"]
    one.complete(second.key)
    assert stand_in.RAN == ["small", "first", "large", "second"]


def test_presence_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fresh run asks for a step when it begins and when it takes it; a cached one for the verdicts alone."""
    load = step("load")
    judges = [step(f"judge {n}", step(f"train {n}", load)) for n in range(30)]
    trains = [step(f"train {n}", load) for n in range(30)]
    made = plan(load, *trains, *judges, claims=tuple(judges))
    asked: Counter[str] = Counter()
    has = Store.has

    def counted(store: Store, key: str) -> bool:
        asked[key] += 1
        return has(store, key)

    monkeypatch.setattr(Store, "has", counted)
    for most, keys in ((2, made.steps.keys()), (1, {judge.key for judge in judges})):
        asked.clear()
        one = worker(made, tmp_path)
        for judge in judges:
            one.complete(judge.key)
        assert asked.keys() == keys
        assert max(asked.values()) <= most


def test_what_vanishes_meanwhile_is_made_again(tmp_path: Path) -> None:
    """Another process makes room in the store."""
    load = step("load")
    train = step("train", load)
    one, two = step("one", train), step("two", train)
    scheduler = worker(plan(load, train, one, two, claims=(one, two)), tmp_path)
    scheduler.complete(one.key)
    for gone in (load, train, one):
        shutil.rmtree(scheduler.store.folder(gone.key))
    stand_in.RAN.clear()
    scheduler.complete(two.key)
    assert [name for name in stand_in.RAN if name != "two"] == ["load", "train"]
    assert stand_in.RAN[-1] == "two"


def test_what_ends_a_claim_in_the_middle_leaves_the_rest_sound(tmp_path: Path) -> None:
    """A timeout or Ctrl-C: no exception of the step's, so the step did not fail."""
    slow = step("slow", does="time out")
    judge, other = step("judge", slow), step("other", step("train"))
    train = step("train")
    one = worker(plan(slow, train, judge, other, claims=(judge, other)), tmp_path)
    checkpoint = one.store.checkpoint(slow.key)
    checkpoint.mkdir(parents=True)
    with pytest.raises(stand_in.TimedOut):
        one.complete(judge.key)
    one.complete(other.key)
    assert stand_in.RAN == ["slow", "train", "other"]
    assert checkpoint.exists()
    assert not one.failed
    with one.store.lock(slow.key) as is_free:
        assert is_free
    with pytest.raises(stand_in.TimedOut):
        one.complete(judge.key)


def test_a_worker_without_claims_helps_and_tries_nothing_that_failed(tmp_path: Path) -> None:
    bad, picture = step("bad", does="crash"), step("picture", kind="picture", does="crash")
    good = [step(f"good {n}", seconds=0.01) for n in range(4)]
    sound, spoilt = step("sound", *good, picture, kind="judge"), step("spoilt", bad)
    made = plan(bad, picture, *good, sound, spoilt, claims=(spoilt, sound))
    first, second = (worker(made, tmp_path, name, workers=2) for name in ("gw0", "gw1"))
    with pytest.raises(StepCrashed):
        first.complete(spoilt.key)
    assert not first.store.has(sound.key)
    second.help()
    assert first.store.has(sound.key)
    assert sorted(stand_in.RAN) == sorted(["bad", "picture", "sound", *(each.title for each in good)])
    assert {Role("train", "picture"): "ZeroDivisionError: no"} == stand_in.MISSING
    first.complete(sound.key)


def test_what_stands_behind_a_present_artefact_is_not_needed(tmp_path: Path) -> None:
    load = step("load")
    train = step("train", load)
    judge = step("judge", train)
    made = plan(load, train, judge)
    worker(made, tmp_path).complete(judge.key)
    for done in (load, judge):
        shutil.rmtree(Store(tmp_path).folder(done.key))
    stand_in.RAN.clear()
    worker(made, tmp_path).complete(judge.key)
    assert stand_in.RAN == ["judge"]


def test_a_refusal_reaches_who_needs_the_step_and_nobody_else(tmp_path: Path) -> None:
    bad, good = step("bad", does="refuse", cost=9), step("good")
    needs_bad, needs_good = step("a", bad), step("b", good)
    one = worker(plan(bad, good, needs_bad, needs_good, claims=(needs_bad, needs_good)), tmp_path)
    for _ in range(2):
        with pytest.raises(RunError, match="refused") as caught:
            one.complete(needs_bad.key)
        assert caught.value.hint == "ask differently"
    one.complete(needs_good.key)
    assert stand_in.RAN == ["bad", "good", "b"]


@pytest.mark.parametrize(
    ("does", "says"), [("fill the disk", "no space left on device"), ("take all memory", "not enough memory")]
)
def test_what_the_machine_refuses_is_told_and_no_verdict_is_kept_without_its_picture(
    tmp_path: Path, does: str, says: str
) -> None:
    load = step("load")
    picture = step("picture", load, kind="picture", does=does)
    portrait = step("portrait", picture, kind="picture")
    judge = step("judge", load, portrait, kind="judge")
    own = worker(plan(load, picture, portrait, judge), tmp_path)
    with pytest.raises(StoreError, match=f"^picture: .*{says}"):
        own.complete(judge.key)
    assert stand_in.RAN == ["load", "picture"]


def test_a_crash_says_which_step_and_keeps_its_cause(tmp_path: Path) -> None:
    bad = step("bad", does="crash")
    judge = step("judge", bad)
    one = worker(plan(bad, judge), tmp_path)
    with pytest.raises(StepCrashed, match=r"^bad failed: ZeroDivisionError: no$") as caught:
        one.complete(judge.key)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert [path.name for path in (tmp_path / "temporary").iterdir()] == ["main.json"]


def test_a_failure_behind_a_present_artefact_hurts_nobody(tmp_path: Path) -> None:
    load = step("load")
    train = step("train", load)
    one, other = step("one", train), step("other", load, does="refuse")
    one_plan = plan(load, train, one)
    worker(one_plan, tmp_path).complete(train.key)
    both = worker(plan(load, train, one, other, claims=(one, other)), tmp_path)
    both.order.fail(load.key)
    both.complete(one.key)
    with pytest.raises(RunError, match="refused"):
        both.complete(other.key)


def test_a_damaged_parent_is_rebuilt(tmp_path: Path) -> None:
    train = step("train")
    one, two = step("one", train, cost=2), step("two", train)
    made = plan(train, one, two, claims=(one, two))
    worker(made, tmp_path).complete(one.key)
    assert stand_in.RAN == ["train", "one"]
    (Store(tmp_path).folder(train.key) / "result").write_text("damaged")
    worker(made, tmp_path).complete(two.key)
    assert stand_in.RAN == ["train", "one", "two", "train", "two"]  # noticed by the first "two"
    assert Store(tmp_path).read(train.key, "result").read_text() == "train"


@pytest.mark.parametrize("when", ["looked", "opened"])
def test_a_parent_that_others_pruned_is_rebuilt_however_often(tmp_path: Path, when: str) -> None:
    train = step("train")
    one = step("one", train, does="open")
    own = worker(plan(train, one), tmp_path)
    read, times = own.store.read, REBUILDS + 2

    def reading(key: str, name: str) -> Path:
        nonlocal times
        path = read(key, name) if when == "opened" else tmp_path
        if times:
            times -= 1
            assert prune(Store(tmp_path)).artefacts == 1
        return path if when == "opened" else read(key, name)

    own.store.read = reading  # type: ignore[method-assign]
    own.complete(one.key)
    assert stand_in.RAN == ["train", "one"] * (REBUILDS + 3)


def test_a_pruned_checkpoint_or_temporary_folder_ends_no_step(tmp_path: Path) -> None:
    one = step("one", does="lose")
    worker(plan(one), tmp_path).complete(one.key)
    assert stand_in.RAN == ["one", "one"]


def test_what_cannot_be_read_is_told_and_not_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train = step("train")
    judge = step("judge", train)
    own = worker(plan(train, judge), tmp_path)
    own.complete(train.key)
    (own.store.folder(train.key) / "result").chmod(0)
    opened = os.open

    def refuses(path: Any, *arguments: Any, **options: Any) -> int:
        if str(path).endswith("result"):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return opened(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refuses)
    with pytest.raises(StoreError, match=r"judge: cannot read .*result: permission denied"):
        own.complete(judge.key)
    assert stand_in.RAN == ["train", "judge"]


def test_damage_that_rebuilding_does_not_repair_is_given_up(tmp_path: Path) -> None:
    train = step("train")
    judge = step("judge", train, reads="a file that training never writes")
    with pytest.raises(StoreError, match=rf"\(train\) was found damaged {REBUILDS + 1} times") as caught:
        worker(plan(train, judge), tmp_path).complete(judge.key)
    assert "check the disk" in caught.value.hint


def test_two_workers_share_the_steps_and_both_see_a_failure(tmp_path: Path) -> None:
    good = [step(f"good {n}", seconds=0.02) for n in range(6)]
    bad = step("bad", does="refuse", seconds=0.05)
    sound, spoilt = step("sound", *good), step("spoilt", *good, bad)
    made = plan(*good, bad, sound, spoilt, claims=(sound, spoilt))
    errors: list[str] = []

    def work(name: str) -> None:
        own = worker(made, tmp_path, name, workers=2)
        own.complete(sound.key)
        try:
            own.complete(spoilt.key)
        except QamlError as error:
            errors.append(error.message)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("gw0", "gw1")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert not any(thread.is_alive() for thread in threads)
    assert errors == ["bad: refused", "bad: refused"]
    assert sorted(stand_in.RAN) == sorted(["bad", "sound", *(s.title for s in good)])


@pytest.mark.parametrize(("does", "ran"), [("refuse", ["bad"]), ("crash", ["bad"]), ("fill the disk", ["bad", "bad"])])
def test_a_failure_elsewhere_is_told_in_full_and_not_tried_again(tmp_path: Path, does: str, ran: list[str]) -> None:
    """But for what the machine refused one worker, which it may grant another."""
    bad = step("bad", does=does)
    judges = [step(f"judge {n}", bad) for n in range(2)]
    errors: list[QamlError] = []
    for name, judge in zip(("gw0", "gw1"), judges, strict=True):
        with pytest.raises(QamlError) as caught:
            worker(plan(bad, *judges, claims=tuple(judges)), tmp_path, name, workers=2).complete(judge.key)
        errors.append(caught.value)
    assert ran == stand_in.RAN
    assert str(errors[0]) == str(errors[1])
    if does == "crash":
        assert isinstance(errors[1], StepCrashed)
        assert "stand_in.py" in getattr(errors[1].__cause__, "trace", "")


def test_a_file_of_another_store_that_is_gone_is_the_step_s_own_error(tmp_path: Path) -> None:
    elsewhere = f"/another/artefacts/ab/{'ab' * 32}/weights.safetensors"
    with pytest.raises(StepCrashed, match=f"train failed: FileNotFoundError: .*'{elsewhere}'"):
        worker(plan(made := step("train", does="miss a file", errno=errno.ENOENT, file=elsewhere)), tmp_path).complete(
            made.key
        )


def test_a_step_of_another_worker_is_waited_for(tmp_path: Path) -> None:
    train = step("train")
    judge = step("judge", train)
    made = plan(train, judge)
    store = Store(tmp_path)
    waiting = threading.Thread(target=worker(made, tmp_path).complete, args=(judge.key,))
    with store.lock(train.key) as is_free:
        assert is_free
        waiting.start()
        time.sleep(0.05)
        assert stand_in.RAN == []
        with store.writing(train.key, {}) as folder:
            (folder / "result").write_text("by another worker")
    waiting.join(timeout=30)
    assert not waiting.is_alive()
    assert stand_in.RAN == ["judge"]


def test_a_library_s_warning_is_no_error_and_is_not_swallowed(tmp_path: Path) -> None:
    judge = step("judge", does="warn")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("error")
        worker(plan(judge), tmp_path).complete(judge.key)
        filters = list(warnings.filters)
    assert [str(warning.message) for warning in seen] == ["a library is worried"]
    assert filters[0][0] == "error"


def test_progress_ends_with_nothing_left_to_do(tmp_path: Path) -> None:
    train = step("train")
    judge = step("judge", train)
    worker(plan(train, judge), tmp_path, "gw7").complete(judge.key)
    (status,) = read(tmp_path / "temporary")
    assert (status.worker, status.title, status.done, status.total) == ("gw7", "", 2, 2)


def test_a_failing_picture_fails_nobody_and_says_why(tmp_path: Path) -> None:
    train = step("train")
    picture, portrait = step("picture", train, kind="picture", does="crash"), step("portrait", train, kind="portrait")
    judge = step("judge", train, picture, portrait, kind="judge")
    one = worker(plan(train, picture, portrait, judge), tmp_path)
    one.complete(judge.key)
    assert sorted(stand_in.RAN) == ["judge", "picture", "portrait", "train"]
    assert {Role("train", "picture"): "ZeroDivisionError: no"} == stand_in.MISSING
    assert Store(tmp_path).manifest(judge.key).provenance["parents"].keys() == {"train train", "train portrait"}
    with pytest.raises(StepCrashed, match="picture failed"):
        one.complete(picture.key)


def test_what_only_a_picture_needs_fails_nobody_either(tmp_path: Path) -> None:
    attack = step("attack", does="refuse")
    picture = step("picture", attack, kind="picture")
    judge = step("judge", picture, kind="judge")
    worker(plan(attack, picture, judge), tmp_path).complete(judge.key)
    assert {Role("train", "picture"): "refused"} == stand_in.MISSING
