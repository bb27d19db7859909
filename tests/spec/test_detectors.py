"""Attacks named by the model that they are made on, and detectors, as a suite holds them."""

from __future__ import annotations

from qaml.attacks.elsewhere import as_seen_by, made_on
from qaml.attacks.transfer import Transfer
from qaml.judge.papers import paper_value
from qaml.spec.load import load_suite
from tests.spec.cases import ROOT

SUITE = load_suite(ROOT / "tests" / "specs" / "valid" / "detectors.yaml", "standard")
CLAIMS = {claim.id: claim.part for claim in SUITE.claims}


def test_names() -> None:
    assert made_on("pgd", "convnet") == "pgd@convnet"
    assert as_seen_by("pgd@convnet", "convnet") == "pgd"
    assert as_seen_by("pgd@convnet", "qvc") == "pgd@convnet"
    assert as_seen_by("pgd", "convnet") == "pgd"


def test_every_name_is_an_entry_of_the_suite() -> None:
    made = {name for name in SUITE.attacks if "@" in name}
    assert made == {"fgsm@linear", "fgsm@fnn", "pgd@linear", "pgd@fnn", "pgd@third"}
    assert SUITE.attacks["pgd@fnn"] == Transfer(surrogate="fnn", attack="pgd")


def test_on_its_own_model_an_attack_is_white_box() -> None:
    (crossed,) = CLAIMS["fnn-under-pgd-of-linear"].cells()
    (own,) = CLAIMS["fnn-under-pgd-of-fnn"].cells()
    assert crossed.attack == ("pgd@linear",)
    assert own.attack == ("pgd",)
    assert own.label == "fnn under pgd"
    (several,) = CLAIMS["several"].cells()
    assert several.attack == ("pgd", "pgd@fnn", "both"), "named twice, once"


def test_a_papers_table_names_them_in_rows() -> None:
    cells = CLAIMS["table"].cells(SUITE.reported)
    assert [(cell.model, cell.attack) for cell in cells] == [
        *(("linear", ("pgd",)), ("fnn", ("pgd@linear",))),
        *(("linear", ("pgd@fnn",)), ("fnn", ("pgd",))),
        *(("linear", ()), ("fnn", ())),
    ]
    assert [paper_value(cell, SUITE.reported.values()) for cell in cells] == [0.1, 0.6, 0.7, 0.1, 0.9, 0.9]


def test_a_detector_sees_plain_attacks_as_made_on_the_attacked_model() -> None:
    pair, elsewhere = SUITE.detectors["pair"], SUITE.detectors["elsewhere"]
    assert pair.mixture(SUITE.attacks) == ("pgd@linear", "fgsm@linear")
    assert pair.pairs(SUITE.attacks) == (
        *(("linear", "pgd"), ("fnn", "pgd@linear")),
        *(("linear", "fgsm"), ("fnn", "fgsm@linear")),
    )
    assert elsewhere.mixture(SUITE.attacks) == ("moved", "pgd@third", "both")
    assert elsewhere.pairs(SUITE.attacks) == (
        *(("linear", "moved"), ("fnn", "moved"), ("third", "moved")),
        *(("linear", "pgd@third"), ("fnn", "pgd@third"), ("third", "pgd")),
        *(("linear", "both"), ("fnn", "both")),
    )
    assert SUITE.detectors["sure"].threshold == 0.5
    assert pair.threshold == 0.0
