"""What valid specs become."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from qaml.claims.base import Cell
from qaml.errors import SpecError
from qaml.spec.load import find_specs, load_suite, load_text
from qaml.spec.nodes import Located
from qaml.spec.problems import Problems
from qaml.spec.reader import read
from qaml.spec.suite import Inference, Suite
from qaml.vocab import PROFILES, ProfileName
from tests.spec.cases import REAL, ROOT, VALID


def load(name: str, profile: ProfileName = "standard") -> Suite:
    return load_suite(ROOT / "tests" / "specs" / "valid" / f"{name}.yaml", profile)


def settings(part: Any) -> dict[str, Any]:
    dumped: dict[str, Any] = part.model_dump()
    return dumped


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("path", [*VALID, *REAL], ids=lambda path: path.stem)
def test_loads_at_every_profile(path: Path, profile: ProfileName) -> None:
    suite = load_suite(path, profile)
    assert suite.profile == profile
    assert suite.path == path
    assert len({claim.id for claim in suite.claims}) == len(suite.claims)


def test_defaults() -> None:
    suite = load("minimal")
    assert (suite.name, suite.title, suite.summary) == ("minimal", "minimal", "")
    model = suite.models["linear"]
    assert (model.dataset, model.defences, model.derived_from) == ("digits", (), None)
    assert model.seeds == type(model.part).default_seeds
    claim = suite.claims[0]
    assert (claim.id, claim.case, claim.expected.verdict, claim.paper_says) == ("learns", {}, "supported", None)
    assert claim.line == 5
    assert claim.yaml == (
        "- {id: learns, statement: It learns., kind: bound, metric: clean_accuracy, of: {model: linear}, at_least: 0.8}"
    )


def test_a_byte_order_mark_and_dos_lines_change_nothing() -> None:
    plain, dos = load("minimal"), load("bom_and_dos_lines")
    assert dos.claims == plain.claims
    assert dos.models == plain.models


def test_profiles_merge_replace_and_skip() -> None:
    quick, standard, paper = (load("profiles", profile) for profile in PROFILES)
    assert quick.datasets["data"].kind == "digits"
    assert quick.datasets["data"].transforms == (), "another kind replaces the entry, its transforms too"
    assert quick.models["net"].part.training.epochs == 2
    assert quick.models["net"].part.training.lr == 0.01, "what the profile does not mention stays"
    assert quick.models["wide"].part.training.epochs == 30, "its own word is stronger than what it extends"
    assert settings(quick.attacks["strong"])["steps"] == 5
    assert quick.attacks["strong"].grid == pytest.approx((1 / 255, 8 / 255))
    assert (quick.evaluation.seeds, quick.evaluation.images) == (1, 100)
    assert quick.models["net"].seeds == 4, "a model's own seeds are stronger than the evaluation's"
    assert not quick.diagnostics.enabled
    assert [claim.id for claim in quick.claims] == ["net-is-robust"]
    assert settings(quick.claims[0].part)["at_least"] == 0.1
    assert settings(quick.claims[0].part)["of"]["epsilon"] == pytest.approx(1 / 255)
    assert [claim.id for claim in standard.claims] == ["net-is-robust", "wide-is-robust"]
    assert standard.models["wide"].seeds == 4
    assert paper.models["wide"].part.kind == "linear", "another kind than the inherited one replaces the entry"
    assert paper.models["wide"].seeds == type(paper.models["wide"].part).default_seeds


@pytest.mark.parametrize(
    ("profile", "verdict", "findings"),
    [
        ("quick", "supported", ()),
        ("standard", "refuted", ("zero_gradients",)),
        ("paper", "invalid", ("zero_gradients",)),
    ],
)
def test_expectations_by_profile(profile: ProfileName, verdict: str, findings: tuple[str, ...]) -> None:
    expected = load("profiles", profile).claims[0].expected
    assert (expected.verdict, expected.findings) == (verdict, findings)


def test_a_profile_may_skip_every_claim() -> None:
    assert load("profile_skips_all", "quick").claims == ()
    assert len(load("profile_skips_all", "standard").claims) == 1


def test_for_expands_in_order_and_fills_in_numbers_as_numbers() -> None:
    claims = load("expansion").claims
    assert [claim.id for claim in claims] == [
        f"{model}-under-{attack}-at-0-{tenth}"
        for model in ("one", "two")
        for attack in ("fgsm", "pgd")
        for tenth in (1, 2)
    ]
    first = claims[0]
    assert first.case == {"model": "one", "attack": "fgsm", "epsilon": "0.1"}
    assert first.statement == "one keeps half of its accuracy under fgsm at 0.1, written {epsilon}."
    assert first.part.cells() == (Cell(model="one", attack=("fgsm",), metric="robust_accuracy", epsilon=0.1),)
    assert {claim.line for claim in claims} == {10}
    assert {claim.yaml for claim in claims} == {first.yaml}
    assert first.yaml.startswith('- id: "{model}-under')
    assert first.yaml.endswith("because: at every attack}")


def test_expectations_by_case() -> None:
    def found(profile: ProfileName) -> dict[str, tuple[str, str]]:
        return {c.id: (c.expected.verdict, c.expected.because) for c in load("expansion", profile).claims}

    quick, standard = found("quick"), found("standard")
    assert quick["one-under-pgd-at-0-1"] == ("inconclusive", "one is small")
    assert quick["two-under-pgd-at-0-1"] == ("inconclusive", "two is small")
    assert quick["two-under-pgd-at-0-2"] == ("refuted", "two is worse")
    assert quick["one-under-fgsm-at-0-1"] == ("supported", "")
    assert standard["one-under-pgd-at-0-1"] == ("invalid", "at every attack")
    assert standard["two-under-pgd-at-0-1"] == ("refuted", "two is worse")


def test_a_derived_model_shares_training_and_changes_inference() -> None:
    models = load("derived").models
    trained, derived = models["resized"], models["voted"]
    assert list(models) == ["voted", "resized"]
    assert derived.derived_from == "resized"
    assert derived.inference == Inference(decision="vote", draws=5, evidence_draws=4)
    assert trained.inference == Inference(decision="mean", draws=32, evidence_draws=4)
    assert derived._replace(name="resized", derived_from=None, inference=trained.inference) == trained


def test_every_claim_kind_and_the_tables() -> None:
    suite = load("every_kind")
    kinds = {claim.part.kind for claim in suite.claims}
    assert kinds == {
        *("bound", "difference", "contrast", "equivalence", "ordering", "trend"),
        *("reported", "parameter", "all_of", "any_of"),
    }
    assert suite.reported["table1"].rows == {"fgsm": (0.5, None), "clean": (0.9, 0.8)}
    assert suite.assumed == {"attacks.fgsm.epsilon": "not stated", "a free key": "anything"}
    assert suite.attacks["fgsm"] == suite.attacks["again"], "an alias repeats the value"


def test_find_specs(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "notes.md", "deeper/c.yaml", "schema/suite.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("", "utf-8")
    assert find_specs([tmp_path]) == [tmp_path / "a.yml", tmp_path / "b.yaml"]
    assert find_specs([tmp_path / "b.yaml", tmp_path]) == [tmp_path / "b.yaml", tmp_path / "a.yml"]


HEAVY = ("torch", "numpy", "scipy", "sklearn", "numba", "pennylane", "foolbox", "dwave", "dimod", "matplotlib")


def test_loading_imports_no_heavy_library() -> None:
    program = (
        "import sys; from pathlib import Path; from qaml.spec.load import load_suite\n"
        f"for path in {[str(path) for path in (*VALID, *REAL)]!r}:\n"
        "    for profile in ('quick', 'standard', 'paper'): load_suite(Path(path), profile)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_a_rule_may_name_what_only_another_profile_sweeps() -> None:
    text = (ROOT / "tests" / "specs" / "invalid" / "expected_when.yaml").read_text("utf-8")
    text = text.replace("atack: fgsm", "attack: fgsm").replace("{attack: [fgsm]}", "{attack: [fgsm, pgd]}")
    text = text.replace("  fgsm: {kind", "  pgd: {kind: pgd, epsilon: 0.1}\n  fgsm: {kind")
    text += "profiles: {quick: {claims: {'linear-is-robust-to-{attack}': {for: {attack: [pgd]}}}}}\n"
    quick, standard = (load_text(text, "when.yaml", profile).claims for profile in PROFILES[:2])
    assert [claim.case["attack"] for claim in quick] == ["pgd"]
    assert [claim.expected.verdict for claim in (*quick, *standard)] == ["refuted"] * 3


def test_a_spec_of_several_hundred_claims_loads() -> None:
    text = (ROOT / "tests" / "specs" / "valid" / "expansion.yaml").read_text("utf-8")
    head, _, claim = text.partition("claims:\n")
    claims = "".join(claim.replace("-under-", f"-{i}-under-") for i in range(72))
    assert len(load_text(f"{head}claims:\n{claims}", "long.yaml", "quick").claims) == 72 * 8


def test_a_text_is_parsed_once_for_all_profiles(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []

    def reading(text: str, problems: Problems) -> Located:
        parsed.append(text)
        return read(text, problems)

    monkeypatch.setattr("qaml.spec.load.read", reading)
    text = "suite: once\nsuite: twice\nclaims: [{id: a, a: 1, a: 2}]\n"
    said: list[str] = []
    asked: list[tuple[str, ProfileName]] = [("a.yaml", "quick"), ("b.yaml", "standard"), ("a.yaml", "quick")]
    for name, profile in asked:
        with pytest.raises(SpecError) as caught:
            load_text(text, name, profile)
        said.append(str(caught.value))
    assert parsed == [text]
    assert said[0] == said[2] == said[1].replace("b.yaml", "a.yaml")
    assert "a.yaml:2:1" in said[0]
