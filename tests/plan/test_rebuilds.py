"""What a changed line rebuilds, for every module of qaml: the steps whose keys change, and no others."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

import pytest

import qaml
from qaml.attacks.base import ATTACKS
from qaml.plan import digest
from qaml.plan.kinds import StepKind
from qaml.plan.plan import make_plan
from qaml.plan.step import Step, parts_in
from qaml.spec.load import load_text
from tests.testing.test_every_kind import ATTACK_CASES

ROOT = Path(qaml.__file__).parent
MODULES = {
    ".".join(("qaml", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in ROOT.rglob("*.py")
}
KINDS = {kind for group in get_args(StepKind) for kind in get_args(group)}

SUITE = """
suite: rebuilt
evaluation: {seeds: 1, images: 50}
diagnostics: {enabled: true}
datasets:
  digits: {kind: digits}
  moons: {kind: moons}
models:
  linear: {kind: linear, dataset: digits, training: {epochs: 3}}
  hardened: {extends: linear, defences: [{kind: adversarial_training, attack: bim}]}
  fnn: {kind: fnn, dataset: moons}
  qnn: {kind: qnn, dataset: moons}
  counted: {derive: {from: qnn, inference: {device: lightning.qubit, shots: 100}}}
  rbm: {kind: rbm, dataset: digits, hidden: 4, negative_phase: {kind: annealer, hardware: {topology: pegasus}}}
"""
CLAIM = """
  - {{id: {model}-{name}, statement: s, kind: bound, metric: {metric}, of: {{model: {model}, attack: {name}{more}}},
     at_least: 0.1}}
"""


def _suite() -> str:
    attacks = {kind: {"kind": kind, **cases[0], "epsilon": 0.1} for kind, cases in ATTACK_CASES.items()}
    attacks["transfer"] = {"kind": "transfer", "surrogate": "hardened", "attack": "fgsm"}
    attacks["joint"] = {"kind": "joint", "surrogates": ["linear", "hardened"], "attack": "fgsm"}
    named = {kind.replace("_", "-"): fields for kind, fields in attacks.items()} | {"near": {"kind": "deepfool"}}
    named["asked"] = {"kind": "square", "epsilon": 0.1, "queries": 10, "ask": "device"}
    others = ("hardened", "fnn", "qnn", "counted", "rbm")
    asked = [("linear", name) for name in named if name != "asked"] + [(model, "fgsm") for model in others]
    asked += [("counted", "asked")]
    metrics = {"exact-l2": "certified_accuracy", "near": "norm_quantile"}
    claims = [
        CLAIM.format(
            model=model,
            name=name,
            metric=metrics.get(name, "accuracy_under_attack"),
            more=", quantile: 0.5" if name == "near" else "",
        )
        for model, name in asked
    ]
    listed = [f"  {name}: {json.dumps(fields)}" for name, fields in named.items()]
    return "\n".join([SUITE, "attacks:", *listed, "claims:", *claims])


class Rebuilder:
    """Plans one suite again and again, with the sources of some modules changed."""

    def __init__(self) -> None:
        self._suite = load_text(_suite(), "rebuilt.yaml", "quick")
        self.before = self._plan()

    def _plan(self) -> tuple[Step, ...]:
        plan = make_plan((self._suite, entry) for entry in self._suite.claims)
        assert not plan.unplanned
        return tuple(plan.steps.values())

    def rebuilt(self, modules: Iterable[str]) -> list[Step]:
        """The steps whose keys change with a line in each of these modules."""
        changed = {MODULES[name] for name in modules}
        read = digest._source

        def source(path: Path) -> digest.Source:
            found = read(path)
            return found._replace(digest=f"{found.digest} changed") if path in changed else found

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(digest, "_source", source)
            digest._digest.cache_clear()
            after = self._plan()
        digest._digest.cache_clear()
        return [old for old, new in zip(self.before, after, strict=True) if old.key != new.key]


@pytest.fixture(scope="module")
def plans() -> Rebuilder:
    return Rebuilder()


ANYTHING: frozenset[str] = frozenset(KINDS)
NOTHING: frozenset[str] = frozenset()
JUDGING = frozenset({"judge"})
MEASURING = frozenset({"evaluate", "measure"})
ASKING = JUDGING | {"ask", "measure", "portrait"}
REBUILDS: dict[str, frozenset[str]] = {
    # what people see, say and ask for
    **dict.fromkeys(("report", "session", "gate", "cli", "api", "testing", "project", "doctor"), NOTHING),
    **dict.fromkeys(("pytest_plugin", "pytest_options", "pytest_report", "pytest_results"), NOTHING),
    **dict.fromkeys(("registry", "types", "vocab", "errors", "text"), NOTHING),
    **dict.fromkeys(("containment", "interruption", "installation", ""), NOTHING),
    "files": NOTHING,
    "files.checksum": JUDGING,
    "files.npz": ANYTHING,
    "spec": NOTHING,
    "spec.suite": JUDGING,
    "spec.limits": JUDGING,
    "plan": NOTHING,
    "plan.judged": JUDGING,
    "plan.canonical": ANYTHING,
    # what is decided
    **dict.fromkeys(("claims", "findings", "outcome", "judge", "metrics"), JUDGING),
    "metrics.spectrum": JUDGING | MEASURING | {"picture"},
    "metrics.distance": JUDGING | {"diagnose"},
    # how steps come to be run, and what each kind of them does
    "run": NOTHING,
    **dict.fromkeys(
        ("run.steps", "run.job", "run.dataset", "run.arrays", "run.classifier", "run.checkpoint"), ANYTHING
    ),
    **dict.fromkeys(("run.adversarials", "run.answers", "run.tested"), ANYTHING),
    "run.steps.evaluate": JUDGING | MEASURING,
    "run.repetition": JUDGING | MEASURING,
    "run.steps.measure": JUDGING | {"measure"},
    "run.steps.ask": ASKING,
    **dict.fromkeys(("run.counting", "run.ledger", "run.charges"), ASKING),
    "run.exact": JUDGING | {"diagnose", "exact", "nearer"},
    **{f"run.steps.{kind}": JUDGING | {kind} for kind in ("diagnose", "plant", "exact", "nearer", "inspect")},
    **{f"run.steps.{kind}": JUDGING | {kind} for kind in ("picture", "portrait")},
    # what tells whether an attack can be trusted
    "attacks": ANYTHING,
    **{
        f"attacks.{name}": JUDGING | {"diagnose"}
        for name in ("battery", "looks", "search", "taught", "victim", "views")
    },
    "attacks.straight_through": JUDGING | {"diagnose"},
    "attacks.planted": JUDGING | {"plant"},
    # what computes
    **dict.fromkeys(("data", "quantum", "samplers", "models", "defences"), ANYTHING),
    **dict.fromkeys(("autograd", "budgets", "compiled", "identical", "process_state"), ANYTHING),
}
"""Module or package → the kinds of steps that a changed line in it may rebuild, with all that follows from them."""


def _rule(module: str) -> str:
    """The longest entry of ``REBUILDS`` that a module is in."""
    parts = module.split(".")[1:]
    return next((name for n in range(len(parts), 0, -1) if (name := ".".join(parts[:n])) in REBUILDS), "")


def test_every_module_is_in_the_table() -> None:
    lost = sorted(module for module in MODULES if module != "qaml" and not _rule(module))
    assert not lost, f"say in REBUILDS what a changed line of these rebuilds: {', '.join(lost)}"
    unused = sorted(REBUILDS.keys() - {_rule(module) for module in MODULES})
    assert not unused, f"REBUILDS names modules that are not there: {', '.join(unused)}"


def _named(kinds: frozenset[str]) -> str:
    return "+".join(sorted(kinds)) or "nothing"


LIMITS: list[frozenset[str]] = sorted(set(REBUILDS.values()) - {ANYTHING}, key=_named)


@pytest.mark.parametrize("kinds", LIMITS, ids=_named)
def test_a_changed_line_rebuilds_no_more_than_it_must(plans: Rebuilder, kinds: frozenset[str]) -> None:
    modules = [module for module in MODULES if REBUILDS[_rule(module)] == kinds]
    if _kinds(plans, modules) <= kinds:
        return
    found = {module: sorted(_kinds(plans, [module]) - kinds) for module in modules}
    lines = [f"{name} is imported by what runs in {', '.join(more)}" for name, more in found.items() if more]
    pytest.fail(
        "\n".join([*lines, "take the import away, or say in REBUILDS that a changed line rebuilds these steps"])
    )


def _kinds(plans: Rebuilder, modules: Iterable[str]) -> set[str]:
    return {step.kind for step in plans.rebuilt(modules)}


def test_every_kind_of_step_is_planned(plans: Rebuilder) -> None:
    assert {step.kind for step in plans.before} == KINDS


def test_what_computes_is_noticed(plans: Rebuilder) -> None:
    assert _kinds(plans, ["qaml.models.linear.network"]) >= {"train", "attack", "evaluate", "judge"}
    assert _kinds(plans, ["qaml.metrics.accuracy"]) == {"judge"}


@pytest.mark.parametrize("kind", ATTACKS.kinds())
def test_a_changed_attack_rebuilds_its_own_steps_and_what_follows(plans: Rebuilder, kind: str) -> None:
    package = ATTACKS.load(kind).__module__.rpartition(".")[0]
    modules = {module for module in MODULES if module.startswith(f"{package}.")}
    if package == "qaml.attacks":
        modules = {ATTACKS.load(kind).__module__}
    rebuilt = {step.key for step in plans.rebuilt(modules)}
    for step in plans.before:
        if step.kind in ("load", "train", "attack"):
            its = any(type(part).__module__ in modules for part in parts_in(step.payload))
            follows = any(parent in rebuilt for parent in step.parents.values())
            assert (step.key in rebuilt) == (its or follows), step.title


def test_no_attack_rebuilds_the_training_of_a_model_that_it_does_not_train(plans: Rebuilder) -> None:
    interfaces = {"qaml.attacks.base", "qaml.attacks.geometry"}  # training checks budgets, whoever trains on them
    attacks = [module for module in MODULES if module.startswith("qaml.attacks.") and module not in interfaces]
    trained = {step.title for step in plans.rebuilt(attacks) if step.kind == "train"}
    assert trained == {"train hardened, seed 0"}
