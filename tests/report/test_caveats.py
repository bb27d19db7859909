from __future__ import annotations

from qaml.report.pages import html
from tests.report.pages import Page
from tests.report.sample_west import CAVEAT, west


def test_a_caveat_stands_between_the_verdict_and_the_figures() -> None:
    text = Page(dict(html.pages(west()))["claims/west2022/qvc-resists-convnet-pgd.html"]).text
    verdict, caveat, figures = (
        text.index(part) for part in ("supported:", f"Caveat fmnist: {CAVEAT}", "The measured number")
    )
    assert verdict < caveat < figures
