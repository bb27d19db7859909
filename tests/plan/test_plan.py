"""From a suite to steps: what is shared, what depends on what, and what does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from qaml.errors import RunError
from qaml.plan.maker import min_images
from qaml.plan.plan import Plan, ancestors, make_plan
from qaml.plan.role import Role
from qaml.plan.step import Step
from qaml.spec.load import load_text
from qaml.spec.suite import Suite

SUITE = """
suite: planned
evaluation: {seeds: 2, images: 50}
diagnostics: {enabled: true}
datasets:
  digits: {kind: digits}
models:
  linear: {kind: linear, dataset: digits, training: {epochs: 3}}
  twin: {kind: linear, dataset: digits, training: {epochs: 3}}
  rbm: {kind: rbm, dataset: digits, hidden: 8, training: {epochs: 2}}
  hardened: {extends: linear, defences: [{kind: adversarial_training, attack: fgsm}]}
  squeezed: {extends: linear, defences: [{kind: feature_squeezing, bits: 3}]}
attacks:
  fgsm: {kind: fgsm, epsilon: [0.05, 0.1]}
  deepfool: {kind: deepfool, epsilon: 0.5}
  deepfool-far: {kind: deepfool, epsilon: [0.5, 2.0]}
  from-rbm: {kind: transfer, surrogate: rbm, attack: fgsm}
claims:
"""
CLAIM = """
  - id: {name}
    statement: A model keeps something.
    kind: bound
    metric: {metric}
    of: {{model: {of}}}
    at_least: 0.1
"""
CLAIMS = {
    "linear": "linear, attack: fgsm",
    "linear-again": "linear, attack: fgsm",
    "twin": "twin, attack: fgsm",
    "hardened": "hardened, attack: fgsm",
    "squeezed": "squeezed, attack: fgsm",
    "transferred": "linear, attack: from-rbm",
    "near": "linear, attack: deepfool",
    "far": "linear, attack: deepfool-far",
    "clean": "linear",
}
TEXT = SUITE + "".join(
    CLAIM.format(name=name, of=of, metric="robust_accuracy" if "attack" in of else "clean_accuracy")
    for name, of in CLAIMS.items()
)


def suite(text: str = TEXT) -> Suite:
    return load_text(text, "planned.yaml", "quick", Path("planned.yaml"))


def planned(*claims: str, text: str = TEXT, seeds: int | None = None, device: str = "cpu") -> Plan:
    loaded = suite(text)
    entries = {entry.id: entry for entry in loaded.claims}
    return make_plan(((loaded, entries[name]) for name in claims or entries), seeds=seeds, device=device)


def titles(plan: Plan) -> list[str]:
    return [step.title for step in plan.steps.values()]


def of_kind(plan: Plan, kind: str) -> list[Step]:
    return [step for step in plan.steps.values() if step.kind == kind]


def test_the_steps_of_one_claim() -> None:
    assert titles(planned("linear")) == [
        "load digits",
        "train linear, seed 0",
        "train linear, seed 1",
        "evaluate linear on clean images, seed 0",
        "evaluate linear on clean images, seed 1",
        "attack linear with fgsm, seed 0",
        "attack linear with fgsm, seed 1",
        "evaluate linear on linear with fgsm, seed 0",
        "evaluate linear on linear with fgsm, seed 1",
        "teach a surrogate of linear",
        "diagnose linear in linf at 0.1",
        "plant adversarials in linear for fgsm",
        "pictures of linear under fgsm",
        "judge linear",
    ]


def test_no_two_steps_of_a_claim_have_the_same_title() -> None:
    """Provenance lists artefacts by title."""
    plan = planned()
    for claim in plan.claims.values():
        titles_behind = [step.title for step in ancestors(plan, claim.judge.key).values()]
        assert len(set(titles_behind)) == len(titles_behind)


def test_parents_come_before_children_and_are_in_the_plan() -> None:
    plan = planned()
    seen: set[str] = set()
    for key, step in plan.steps.items():
        assert step.key == key
        assert set(step.parents.values()) <= seen
        seen.add(key)


def test_equal_work_is_one_step() -> None:
    one, both = planned("linear"), planned("linear", "linear-again")
    assert len(both.steps) == len(one.steps) + 1  # its judge
    assert planned("linear", "twin").claims["planned::twin"].models["twin"].trains == tuple(
        planned("linear").claims["planned::linear"].models["linear"].trains
    )


def test_keys_depend_on_neither_order_nor_selection() -> None:
    everything = planned()
    for name in ("linear", "hardened", "transferred"):
        alone = planned(name)
        assert alone.steps.keys() <= everything.steps.keys()
        assert alone.claims[f"planned::{name}"].judge.key == everything.claims[f"planned::{name}"].judge.key
    names = [entry.id for entry in suite().claims]
    assert planned(*reversed(names)).steps.keys() == everything.steps.keys()


def test_a_clean_claim_needs_no_attack() -> None:
    kinds = {step.kind for step in planned("clean").steps.values()}
    assert kinds == {"load", "train", "evaluate", "judge"}


def test_a_minimisation_attack_runs_once_for_all_budgets() -> None:
    plan = planned("near", "far")
    assert len(of_kind(plan, "attack")) == 2  # a seed each
    near, far = (
        plan.claims[f"planned::{name}"].attacks["linear", a]
        for name, a in (("near", "deepfool"), ("far", "deepfool-far"))
    )
    assert [s.key for s in near.crafts] == [s.key for s in far.crafts]
    assert [s.key for s in near.scores] != [s.key for s in far.scores]


def test_adversarial_training_once_attacks_an_undefended_twin() -> None:
    plan = planned("hardened")
    trains = {step.title: step for step in of_kind(plan, "train")}
    hardened = trains["train hardened, seed 0"]
    assert plan.steps[hardened.parents[Role("undefended")]].title.startswith("train ")
    # the twin without the defence is the plain model: trained once if somebody claims something about it, too
    plain = planned("linear").claims["planned::linear"].models["linear"].trains[0]
    assert hardened.parents[Role("undefended")] == plain.key


def test_transferred_adversarials_are_made_on_the_surrogate_and_scored_on_the_target() -> None:
    plan = planned("transferred")
    steps = plan.claims["planned::transferred"].attacks["linear", "from-rbm"]
    assert steps.battery is None
    craft, score = steps.crafts[0], steps.scores[0]
    assert plan.steps[craft.parents[Role("train")]].title == "train rbm, seed 0"
    assert plan.steps[score.parents[Role("train")]].title == "train linear, seed 0"
    assert score.parents[Role("attack")] == craft.key


def test_surrogates_with_a_reference_are_evaluated_for_the_verdict() -> None:
    """Whichever way the claim names them; those without one, and a model's own attacks, cost nothing."""
    held = TEXT.replace("hidden: 8, ", "hidden: 8, reference_accuracy: 0.9, reference_source: a table, ")
    claims = {text: planned_from(text).claims["planned::transferred"] for text in (TEXT, held)}
    roles = {
        text: [str(role) for role in claim.judge.parents if role[:2] == ("clean", "rbm")]
        for text, claim in claims.items()
    }
    assert roles == {TEXT: [], held: ["clean rbm 0", "clean rbm 1"]}
    surrogates = {text: claim.judge.payload["claim"].surrogates for text, claim in claims.items()}
    assert surrogates == {TEXT: {}, held: {"rbm": (("from-rbm",), 0.9, "a table")}}
    assert planned_from(held).claims["planned::linear"].judge.payload["claim"].surrogates == {}


def planned_from(text: str) -> Plan:
    return make_plan((made, claim) for made in [suite(text)] for claim in made.claims)


def test_a_reference_changes_no_key_but_that_of_verdicts() -> None:
    held = TEXT.replace("hidden: 8, ", "hidden: 8, reference_accuracy: 0.9, ")
    old, new = planned_from(TEXT).steps, planned_from(held).steps
    assert {step.kind for key, step in new.items() if key not in old} == {"judge"}


def test_circuits_that_describe_themselves_are_drawn() -> None:
    held = TEXT.replace("  twin: {kind: linear,", "  twin: {kind: circuit, layers: [{encode: amplitude}, {rot: all}],")
    assert [step.title for step in of_kind(planned_from(held), "portrait")] == ["portrait of twin under fgsm"]


def test_minimising_l2_attacks_are_held_against_exact_distances_where_the_model_has_them() -> None:
    plan = planned("near", "far", "linear")
    (step,) = of_kind(plan, "exact")  # the budgets are no part of it
    for claim, attack in (("near", "deepfool"), ("far", "deepfool-far")):
        steps = plan.claims[f"planned::{claim}"].attacks["linear", attack]
        assert steps.exact is not None
        assert steps.exact.key == step.key
        assert Role("exact", "linear", attack) in plan.claims[f"planned::{claim}"].judge.parents
    assert step.parents[Role("train")] == plan.claims["planned::near"].models["linear"].trains[0].key
    assert plan.claims["planned::linear"].attacks["linear", "fgsm"].exact is None


@pytest.mark.parametrize(
    "change",
    [
        ("model: linear, attack: deepfool}", "model: rbm, attack: deepfool}"),
        ("kind: deepfool, epsilon: 0.5}", "kind: deepfool, norm: linf, epsilon: 0.5}"),
        ("kind: deepfool, epsilon: 0.5}", "kind: exact_l2, epsilon: 0.5}"),
        ("kind: deepfool, epsilon: 0.5}", "kind: transfer, surrogate: rbm, attack: deepfool-far}"),
        ("diagnostics: {enabled: true}", "diagnostics: {enabled: false}"),
    ],
)
def test_other_attacks_and_models_are_not(change: tuple[str, str]) -> None:
    assert change[0] in TEXT
    plan = planned("near", text=TEXT.replace(*change))
    assert of_kind(plan, "exact") == []
    if "exact_l2" in change[1]:  # exact as it is, there is nothing to diagnose
        assert of_kind(plan, "diagnose") == []


def test_seeds_and_devices_make_other_steps() -> None:
    assert len(of_kind(planned("clean", seeds=5), "train")) == 5
    cpu, cuda = planned("clean"), planned("clean", device="cuda")
    assert not cpu.steps.keys() & cuda.steps.keys()
    assert len({step.seed for step in of_kind(planned("clean", seeds=5), "train")}) == 5


@pytest.mark.parametrize(
    ("change", "rebuilt"),
    [
        (
            ("epochs: 3}}\n  twin", "epochs: 4}}\n  twin"),
            {"train", "evaluate", "attack", "surrogate", "diagnose", "plant", "picture", "judge"},
        ),
        (
            ("epsilon: [0.05, 0.1]", "epsilon: [0.05, 0.2]"),
            {"attack", "evaluate", "diagnose", "plant", "picture", "judge"},
        ),
        (("at_least: 0.1", "at_least: 0.2"), {"judge"}),
        (("images: 50", "images: 60"), {"attack", "evaluate", "diagnose", "picture", "judge"}),
        (("images: 50", "order: file, images: 50"), {"attack", "evaluate", "diagnose", "plant", "picture", "judge"}),
        (("hidden: 8", "hidden: 9"), set()),  # another model's: the battery has a surrogate of its own
    ],
)
def test_a_change_of_the_spec_rebuilds_what_it_is_about(change: tuple[str, str], rebuilt: set[str]) -> None:
    assert change[0] in TEXT
    old, new = planned("linear"), planned("linear", text=TEXT.replace(*change))
    assert {step.kind for key, step in new.steps.items() if key not in old.steps} == rebuilt


def test_another_stream_is_another_training_and_the_first_is_as_before() -> None:
    same = TEXT.replace("  twin: {kind: linear,", "  twin: {kind: linear, stream: 0,")
    other = TEXT.replace("  twin: {kind: linear,", "  twin: {kind: linear, stream: 1,")
    keys = [
        {step.key for step in of_kind(planned("linear", "twin", text=text), "train") if "rbm" not in step.title}
        for text in (TEXT, same, other)
    ]
    assert keys[0] == keys[1]
    assert len(keys[0]) == 2
    assert len(keys[2]) == 4
    assert keys[0] < keys[2]


def test_ancestors_stop_where_work_is_done() -> None:
    plan = planned("clean")
    judge = plan.claims["planned::clean"].judge
    everything = ancestors(plan, judge.key)
    assert set(everything) == set(plan.steps)
    trained = {step.key for step in of_kind(plan, "train")}
    rest = ancestors(plan, judge.key, trained.__contains__)
    assert {step.kind for step in rest.values()} == {"load", "evaluate", "judge"}
    with pytest.raises(RunError, match="the plan has no step 000000000000"):
        ancestors(plan, "0" * 64)


@pytest.mark.parametrize(("limits", "smallest"), [((None, None), None), ((3, None), 3), ((5, 4, None), 4)])
def test_the_smallest_limit(limits: tuple[int | None, ...], smallest: int | None) -> None:
    assert min_images(*limits) == smallest


def test_the_caveat_of_a_models_data_stands_with_the_verdict() -> None:
    text = TEXT.replace("  digits: {kind: digits}", "  digits: {kind: digits}\n  photos: {kind: cifar2}").replace(
        "twin: {kind: linear, dataset: digits", "twin: {kind: linear, dataset: photos"
    )
    claims = make_plan((s, claim) for s in [suite(text)] for claim in s.claims).claims
    caveats = claims["planned::twin"].judge.payload["claim"].caveats
    assert caveats["photos"].startswith("pixels decoded from a lossy JPEG copy")
    assert claims["planned::linear"].judge.payload["claim"].caveats == {}


def test_a_plan_without_end_is_refused_claim_by_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = planned()
    monkeypatch.setattr("qaml.plan.maker.MAX_STEPS", len(whole.steps))
    assert not planned().unplanned
    monkeypatch.setattr("qaml.plan.maker.MAX_STEPS", len(whole.steps) - 1)
    cut = planned()
    assert len(cut.steps) < len(whole.steps)
    assert cut.unplanned
    for error in cut.unplanned.values():
        assert "the plan has more than" in str(error)
        assert "ask for fewer seeds" in str(error)


def test_models_without_gradients_are_diagnosed_on_fewer_images() -> None:
    text = TEXT.replace("images: 50", "images: 150").replace(
        "{kind: fgsm, epsilon: [0.05, 0.1]}", "{kind: square, epsilon: 0.1}"
    )
    forest = '{kind: estimator, dataset: digits, factory: "sklearn.ensemble:RandomForestClassifier"}'
    text = text.replace("twin: {kind: linear, dataset: digits, training: {epochs: 3}}", f"twin: {forest}")
    images = {
        step.title.split()[1]: step.payload["images"]
        for step in of_kind(planned("linear", "twin", text=text), "diagnose")
    }
    assert images == {"linear": 150, "twin": 100}
