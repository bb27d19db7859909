"""The report in a real browser: it opens from disk, asks nothing of a network, and serves every reader."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

from qaml.outcome.merge import save
from qaml.outcome.outcome import Outcomes
from qaml.report.pages import html
from qaml.report.pages.comparison import write_comparison
from tests.report.hostile import TOGETHER
from tests.report.sample import comparison, sample, write_media
from tests.report.sample_huang import portrayed
from tests.report.sample_west import defended, detected, west
from tests.report.test_html import with_past, with_suffix
from tests.report.test_sampling import sampled

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None and os.environ.get("QAML_REQUIRE_BROWSER") != "1",
        reason="no Chromium is installed (Debian: apt-get install chromium); QAML_REQUIRE_BROWSER=1 requires it",
    ),
]
CLAIM = "claims/kehoe2021/rbm-beats-cnn-adv-under-fgsm.html"
KINDS = {
    "overview": "index.html",
    "claim": CLAIM,
    "claim with transfers": "claims/west2022/qvc-resists-convnet-pgd.html",
    "claim with portraits": f"claims/huang2023/{portrayed().id}.html",
    "claim with samplers": f"claims/{sampled().suite}/{sampled().id}.html",
    "model": "models/kehoe2021/rbm.html",
    "attack": "attacks/west2022/pgd.html",
    "glossary": "glossary.html",
    "comparison": "compared/index.html",
}
AXE = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
GRAVE = ("serious", "critical")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM is not None, "QAML_REQUIRE_BROWSER=1, but no Chromium is installed"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def one_page(browser: Browser, **settings: Any) -> Iterator[Page]:
    """A page for all files of a kind of test: each context would start processes of its own."""
    context = browser.new_context(**settings)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def desktop(browser: Browser) -> Iterator[Page]:
    yield from one_page(browser)


@pytest.fixture(scope="module")
def telephone(browser: Browser) -> Iterator[Page]:
    yield from one_page(browser, viewport={"width": 390, "height": 844}, device_scale_factor=3, is_mobile=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with a page of every kind."""
    folder = tmp_path_factory.mktemp("report")
    small, large = sample(), west()
    huang = portrayed().model_copy(update={"suite": "huang2023"})
    claims = (*small.outcomes, *large.outcomes, defended(), detected(), huang, sampled())
    claims = tuple({claim.node: claim for claim in claims}.values())
    outcomes = with_past(small.model_copy(update={"suites": (*small.suites, *large.suites), "outcomes": claims}))
    write_media(folder)
    (folder / "media" / "0123-embedding.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'/>")
    save(outcomes, folder)
    html.write_report(outcomes, folder)
    turned = outcomes.outcomes[0].model_copy(update={"verdict": "refuted"})
    later = outcomes.model_copy(update={"outcomes": (turned, *outcomes.outcomes[2:])})
    write_comparison(outcomes, later, (folder, folder), folder / "compared")
    return folder


class Watched:
    """A page, and whatever it complains of or asks for."""

    def __init__(self, context: BrowserContext) -> None:
        self.page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        self.page.on("request", self._asked)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _asked(self, request: Request) -> None:
        if not request.url.startswith(("file:", "data:text/csv")):
            self.complaints.append(f"asked for {request.url}")

    def open(self, file: Path) -> Page:
        self.page.goto(file.as_uri())
        return self.page


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    context = browser.new_context()
    watched = Watched(context)
    yield watched
    context.close()
    assert watched.complaints == []


def test_every_page_opens_from_disk_without_a_complaint(watched: Watched, folder: Path) -> None:
    for file in sorted(folder.rglob("*.html")):
        page = watched.open(file)
        assert page.locator("h1").count() == 1
        assert page.evaluate("getComputedStyle(document.body).paddingLeft") == "28px", "the style sheet is not applied"


def test_a_reader_goes_from_the_overview_to_the_evidence_and_back(watched: Watched, folder: Path) -> None:
    page = watched.open(folder / "index.html")
    page.get_by_role(
        "link", name="The RBM keeps at least 5 points more robust accuracy than cnn-adv under fgsm."
    ).click()
    assert page.url.endswith(CLAIM)
    page.get_by_role("link", name="next claim").click()
    assert page.url.endswith("rbm-beats-cnn-adv-under-deepfool.html")
    page.go_back()
    page.get_by_role("link", name="transfer beats white-box").click()
    assert page.url.endswith("glossary.html#finding-transfer_beats_white_box")
    page.go_back()
    page.locator(".findings").get_by_role("link", name="rbm", exact=True).click()
    assert page.url.endswith("models/kehoe2021/rbm.html")
    page.get_by_role("link", name="fgsm", exact=True).first.click()
    assert page.url.endswith("attacks/kehoe2021/fgsm.html")
    page.get_by_role("link", name="qaml report").click()
    assert page.url.endswith("index.html")


def visible(page: Page) -> list[str]:
    """The verdicts of the rows that are not filtered away."""
    rows = page.locator("table.claims tr[data-m]")
    found: list[str] = rows.evaluate_all("rows => rows.filter(r => !r.closest('[hidden]')).map(r => r.className)")
    return found


def test_filters_narrow_the_overview_and_stay_in_the_address(watched: Watched, folder: Path) -> None:
    page = watched.open(folder / "index.html")
    every = visible(page)
    page.get_by_label("verdict").select_option("refuted")
    refuted = visible(page)
    assert set(refuted) == {"refuted"}
    assert len(refuted) == every.count("refuted")
    assert page.locator("#shown").inner_text() == f"{len(refuted)} of {len(every)} claims"
    page.get_by_label("search").fill("deepfool")
    assert 0 < len(visible(page)) < len(refuted)
    assert page.url.endswith("#q=deepfool&v=refuted")
    page.reload()
    assert 0 < len(visible(page)) < len(refuted)
    page.get_by_label("search").fill("")
    page.get_by_label("verdict").select_option("")
    page.get_by_label("attack").select_option(label="cw")
    assert 0 < len(visible(page)) < len(every)
    page.get_by_label("attack").select_option("")
    page.get_by_label("model").select_option(label="qvc200")
    page.get_by_label("suite").select_option(label="west2022")
    assert page.locator("section.suite:visible").count() == 1
    page.get_by_label("model").select_option("")
    page.get_by_label("suite").select_option("")
    assert visible(page) == every


def test_a_number_of_the_matrix_shows_its_claims(watched: Watched, folder: Path) -> None:
    page = watched.open(folder / "index.html")
    number = page.locator(".matrix td.inconclusive a").first
    wanted = int(number.inner_text())
    number.click()
    assert visible(page) == ["inconclusive"] * wanted


def test_everything_is_reached_by_keyboard(watched: Watched, folder: Path) -> None:
    page = watched.open(folder / "index.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"
    page.keyboard.type("deepfool")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "fs"
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.tagName"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none" or page.evaluate("document.activeElement === document.body")
    assert reached >= {"A", "SUMMARY", "SELECT"}
    page.locator(".howto summary").focus()
    page.keyboard.press("Enter")
    assert page.locator(".howto li").first.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_nothing_serious(kind: str, scheme: Any, desktop: Page, folder: Path) -> None:
    page = desktop
    page.emulate_media(color_scheme=scheme)
    page.goto((folder / KINDS[kind]).as_uri())
    page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
    page.evaluate("for (const f of document.querySelectorAll('.family')) f.style.contentVisibility = 'visible'")
    page.evaluate(AXE)
    rules = ", runOnly: ['color-contrast']" if scheme == "dark" else ""  # all that the dark style sheet changes
    found = page.evaluate(f"axe.run({{resultTypes: ['violations']{rules}}}).then((results) => results.violations)")
    grave = [(v["id"], [node["html"][:200] for node in v["nodes"]]) for v in found if v["impact"] in GRAVE]
    assert grave == []


def test_it_follows_the_readers_colours_and_prints_on_white(browser: Browser, folder: Path) -> None:
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto((folder / CLAIM).as_uri())
    colour = "getComputedStyle(document.documentElement).backgroundColor"
    assert page.evaluate(colour) == "rgb(21, 25, 29)"
    page.emulate_media(media="print")
    assert page.evaluate(colour) == "rgb(255, 255, 255)"
    page.emulate_media(media="screen", color_scheme="light")
    assert page.evaluate(colour) == "rgb(255, 255, 255)"
    context.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_telephone_scrolls_one_way_only(kind: str, telephone: Page, folder: Path) -> None:
    telephone.goto((folder / KINDS[kind]).as_uri())
    telephone.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
    assert telephone.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("file", ["index.html", CLAIM])
def test_the_policy_stops_what_was_smuggled_in(file: str, browser: Browser, folder: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request))
    page.goto((folder / file).as_uri())
    page.evaluate(
        """() => {
          const add = (html) => document.body.insertAdjacentHTML("beforeend", html);
          const script = document.createElement("script");
          script.textContent = "window.ran = 'script'";
          document.body.append(script);
          add("<img src=x onerror=\\"window.ran = 'handler'\\">");
          add("<p id=styled style='color: rgb(1, 2, 3)'>x</p><style>body { color: rgb(1, 2, 3) }</style>");
          add("<img src='https://evil.example/x.png'><link rel=stylesheet href='https://evil.example/x.css'>");
          add("<iframe src='https://evil.example/'></iframe>");
          add("<a id=link href=\\"javascript:window.ran = 'link'\\">x</a>");
          document.getElementById("link").click();
        }"""
    )
    assert page.evaluate("fetch('https://evil.example/').then(() => 'sent', () => 'refused')") == "refused"
    page.wait_for_timeout(100)
    assert page.evaluate("window.ran") is None
    assert page.evaluate("getComputedStyle(document.getElementById('styled')).color") != "rgb(1, 2, 3)"
    assert {request.failure for request in asked if not request.url.startswith("file:")} == {"csp"}
    context.close()


def test_the_numbers_of_a_figure_are_saved_from_disk(watched: Watched, folder: Path, tmp_path: Path) -> None:
    page = watched.open(folder / CLAIM)
    with page.expect_download() as saving:
        page.get_by_role("link", name="data (CSV)").first.click()
    saving.value.save_as(tmp_path / "saved.csv")
    header, row = (tmp_path / "saved.csv").read_text("utf-8").splitlines()
    assert saving.value.suggested_filename == "rbm-beats-cnn-adv-under-fgsm-measured.csv"
    assert header == "label,value,low,high,n_seeds,n_images,per_seed,at_least,at_most,paper"
    assert row.startswith("rbm − cnn-adv,0.124,0.08,")


def all_hostile() -> Outcomes:
    """A claim and a suite for each group of hostile texts, which is in every field of theirs."""
    kinds = (comparison("cnn-adv", "fgsm"), defended(), portrayed(), sampled(), detected())
    small = sample().model_dump() | {"earlier": ()}
    fields: dict[str, Any] = {"suites": [], "outcomes": [], "failures": []}
    for number, text in enumerate(TOGETHER):
        claim = kinds[number % len(kinds)].model_dump() | {"suite": "kehoe2021"}
        for name, record in (("suites", small["suites"][0]), ("outcomes", claim), ("failures", small["failures"][0])):
            fields[name].append(with_suffix(record, text))
    return with_past(Outcomes.model_validate(small | fields))


def test_hostile_text_does_nothing(watched: Watched, tmp_path: Path) -> None:
    html.write_report(all_hostile(), tmp_path)
    pages = [
        max(part.glob("*.html"), key=lambda file: file.stat().st_size) for part in tmp_path.glob("*/*") if part.is_dir()
    ]
    assert sum("claims" in file.parts for file in pages) == len(TOGETHER) < len(pages)
    for file in (tmp_path / "index.html", *pages):
        page = watched.open(file)
        page.wait_for_load_state()
        assert page.locator("h1").count() == page.locator("body > footer").count() == 1
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), file
    missing = "Failed to load resource: net::ERR_FILE_NOT_FOUND"
    watched.complaints = [said for said in watched.complaints if said != missing]


def test_a_report_of_nothing_opens(watched: Watched, tmp_path: Path) -> None:
    index = html.write_report(Outcomes(created="2026-11-20T00:00:00Z", profile="quick"), tmp_path)
    assert watched.open(index).get_by_text("No claim was judged.").is_visible()
