from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaml.outcome.drawings import Curve
from qaml.outcome.outcome import Outcome
from qaml.report.figures import transfer
from qaml.report.figures.accents import accents
from qaml.report.pages.html import pages
from qaml.report.text.origin import Origin, origin
from tests.report.pages import Page
from tests.report.sample import outcome
from tests.report.sample_west import GRID, MODELS, accuracy, cell, curve, everything, west

PAIRS = [(s, t) for s in ("convnet", "resnet") for t in ("convnet", "resnet")]


def claim(pairs: list[tuple[str, str]], epsilons: tuple[float, ...] = (0.1,), attack: str = "pgd") -> Outcome:
    return outcome("c", "C.", cells=tuple(cell(attack, s, t, e) for s, t in pairs for e in epsilons))


def test_an_attack_named_after_its_surrogate_was_made_there() -> None:
    assert origin("qvc", "pgd@convnet") == Origin("pgd", "convnet")
    assert origin("qvc", "pgd") == Origin("pgd", "qvc")
    assert origin("qvc", "cnn-pgd", "cnn") == Origin("cnn-pgd", "cnn")
    assert origin("qvc", "pgd@convnet").words == "pgd made on convnet"


def test_rows_made_columns_score() -> None:
    (matrix,) = transfer.matrices([claim(PAIRS)], MODELS)
    assert (matrix.attack, matrix.sources, matrix.targets) == ("pgd", ("convnet", "resnet"), ("convnet", "resnet"))
    (panel,) = matrix.panels
    assert {pair: e.value for pair, e in panel.cells.items()} == {(s, t): accuracy(s, t, 0.1) for s, t in PAIRS}


def test_claims_of_a_suite_are_put_together() -> None:
    whole = transfer.matrices([claim(PAIRS)], MODELS)
    assert transfer.matrices([claim(PAIRS[:2]), claim(PAIRS[2:])], MODELS) == whole


def test_curves_fill_what_the_cells_leave_open() -> None:
    lost = PAIRS[1]
    line = Curve(
        model=lost[1],
        attack=f"pgd@{lost[0]}",
        metric="accuracy_under_attack",
        epsilons=(0.0, 0.1),
        values=(0.9, 0.4),
        lows=(0.8, 0.3),
        highs=(1.0, 0.5),
    )
    known = claim([pair for pair in PAIRS if pair != lost])
    assert transfer.matrices([known], MODELS) == ()
    (matrix,) = transfer.matrices([known.model_copy(update={"curves": (line,)})], MODELS)
    (panel,) = matrix.panels
    assert panel.epsilon == 0.1
    assert (panel.cells[lost].value, panel.cells[lost].low, panel.cells[lost].high) == (0.4, 0.3, 0.5)


def test_a_surrogate_that_only_curves_name_has_a_colour() -> None:
    drawn = tuple(curve("pgd", "qvc200", target) for target in ("resnet", "convnet"))
    claims = west().model_copy(update={"outcomes": (claim(PAIRS).model_copy(update={"curves": drawn}),)})
    assert set(accents(claims)) == {"convnet", "resnet", "qvc200"}
    assert dict(pages(claims))["attacks/kehoe2021/pgd.html"].count('class="tm"') == 1


@pytest.mark.parametrize("pairs", [PAIRS[:3], PAIRS[:2], [(m, m) for m in MODELS]])
def test_less_than_two_by_two_cells_are_no_matrix(pairs: list[tuple[str, str]]) -> None:
    assert transfer.matrices([claim(pairs)], MODELS) == ()


def test_models_that_no_transfer_connects_never_meet() -> None:
    quantum = [(s, t) for s in ("qvc200", "qvc500") for t in ("qvc200", "qvc500")]
    apart = transfer.matrices([claim(PAIRS + quantum)], MODELS)
    assert [matrix.targets for matrix in apart] == [("convnet", "resnet"), ("qvc200", "qvc500")]
    (joined,) = transfer.matrices([claim([*PAIRS, *quantum, ("convnet", "qvc500")])], MODELS)
    assert joined.targets == ("convnet", "resnet", "qvc200", "qvc500")


def test_attacks_have_matrices_of_their_own() -> None:
    found = transfer.matrices([claim(PAIRS), claim(PAIRS, attack="fgsm")], MODELS)
    assert [matrix.attack for matrix in found] == ["pgd", "fgsm"]


def test_of_many_budgets_the_fullest_are_shown_from_the_smallest_to_the_largest() -> None:
    (matrix,) = transfer.matrices([claim(PAIRS, GRID)], MODELS)
    assert [panel.epsilon for panel in matrix.panels] == [0.01, 0.05, 0.1, 0.3]
    more = [claim(PAIRS, GRID), claim([("convnet", "qvc200")], (0.01, 0.02, 0.05, 0.1))]
    (matrix,) = transfer.matrices(more, MODELS)
    assert [panel.epsilon for panel in matrix.panels] == [0.01, 0.02, 0.05, 0.1]


@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=12, unique=True))
def test_at_most_four_budgets_are_shown_and_they_increase(epsilons: list[float]) -> None:
    (matrix,) = transfer.matrices([claim(PAIRS, tuple(epsilons))], MODELS)
    shown = [panel.epsilon for panel in matrix.panels]
    assert len(shown) == min(len(epsilons), transfer.MOST_PANELS)
    assert shown == sorted(set(shown))
    assert {min(epsilons), max(epsilons)} <= {shown[0], shown[-1]}


def test_the_sentence_tells_the_white_box_and_the_transferred_range() -> None:
    (matrix,) = transfer.matrices([claim([*PAIRS, ("convnet", "qvc200")])], MODELS)
    assert transfer.sentence(matrix) == (
        "At ε = 0.1 white-box pgd leaves 4.7 to 7.1 %, and transferred it leaves from 37.4 % (made on convnet, tried"
        " on resnet) to 81.6 % (made on convnet, tried on qvc200)."
    )


def test_every_cell_is_drawn_and_told_as_text() -> None:
    looks = accents(west())
    views = transfer.transfer_views([everything()], looks)
    assert [view.attack for view in views] == ["pgd", "fgsm"]
    for view in views:
        assert len(view.drawings) == 4
        for drawing in view.drawings:
            assert len(re.findall('class="heat (?:bx|wb)"', drawing)) == 24
            assert drawing.count('class="heat wb"') == 5
            assert drawing.count('class="na"') == 1
        assert len(view.lines) == 20
        assert [line.values.count("–") for line in view.lines].count(1) == 4
        (first,) = (line for line in view.lines if (line.epsilon, line.source) == ("0.1", "convnet"))
        assert first.values[view.targets.index("qvc200")].startswith("81.6 [79.6")


def test_the_attacks_page_shows_matrices_with_a_table_and_the_overview_what_came_of_them() -> None:
    found = {name: Page(text) for name, text in pages(west())}
    attack = found["attacks/west2022/pgd.html"]
    assert ("details", ("class",)) in attack.shape
    assert attack.source.count('class="tm"') == 4
    assert "convnet-cifar" not in attack.source.split('class="transfer"')[1].split("<footer>")[0]
    overview = found["index.html"]
    assert "How attacks transfer between models" in overview.text
    assert "transferred it leaves from" in overview.text
    assert 'class="tm"' not in overview.source
