from __future__ import annotations

from qaml.report.pages import html
from qaml.report.text.caveats import caveats
from tests.report.pages import Page
from tests.report.sample import outcome
from tests.report.sample_west import CAVEAT, west


def test_a_caveat_is_told_once_wherever_it_stands() -> None:
    told = outcome(
        "c", "C.", setting={"a": "cnn; on x. Caveat of x: lossy", "b": "rbm. Caveat of x: lossy"}, notes=("seeds",)
    )
    assert caveats(told) == ("x: lossy",)
    assert caveats(told.model_copy(update={"notes": ("caveat: few images",)})) == ("few images", "x: lossy")
    assert caveats(outcome("c", "C.", setting={"a": "cnn; on x"})) == ()


def test_a_caveat_stands_between_the_verdict_and_the_figures() -> None:
    text = Page(dict(html.pages(west()))["claims/west2022/qvc-resists-convnet-pgd.html"]).text
    verdict, caveat, figures = (
        text.index(part) for part in ("supported:", f"Caveat fmnist: {CAVEAT}", "The measured number")
    )
    assert verdict < caveat < figures
