"""The page in a real Chromium: what a reader sees, presses, prints, and what a screen reader is told.

Without a Chromium these tests are skipped; FINESENT_REQUIRE_BROWSER=1 makes that a failure.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from finesent.report.content import Content

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    named = [os.environ.get("FINESENT_CHROMIUM"), *map(shutil.which, _NAMES)]
    path = next((name for name in named if name), None)
    if path is None:
        if os.environ.get("FINESENT_REQUIRE_BROWSER") == "1":
            pytest.fail("FINESENT_REQUIRE_BROWSER is set, and there is no Chromium")
        pytest.skip("there is no Chromium")
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=path, args=_FLAGS)
        yield chromium
        chromium.close()


class Reader:
    """A page that is open, with all that it complained of and all that it asked for."""

    def __init__(self, browser: Any, file: Path, address: str = "", **options: Any) -> None:
        self.context = browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | options))
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.file = file
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.route("**/*", self._answer)
        self.page.goto(file.as_uri() + address)

    def _answer(self, route: Any) -> None:
        self.requests.append(route.request.url)
        if route.request.url.split("#")[0] == self.file.as_uri():
            route.continue_()
        else:
            route.abort()

    def texts(self) -> list[str]:
        """The texts of the explorer's rows."""
        found: list[str] = self.page.locator("#items tbody th > span").all_inner_texts()
        return found

    def column(self, number: int) -> list[str]:
        """What stands in one column of the explorer, the text being column 0."""
        found: list[str] = self.page.locator(f"#items tbody td:nth-child({number + 1})").all_inner_texts()
        return found

    def found(self) -> str:
        """The line that is read aloud."""
        text: str = self.page.locator("#found").inner_text()
        return text


@pytest.fixture
def opened(browser: Any, page_file: Path) -> Iterator[Any]:
    """Opens the page; every reader is checked at the end for complaints and for requests."""
    readers: list[Reader] = []

    def start(address: str = "", **options: Any) -> Reader:
        readers.append(Reader(browser, page_file, address, **options))
        return readers[-1]

    yield start
    for reader in readers:
        assert reader.complaints == []
        assert {url.split("#")[0] for url in reader.requests} == {page_file.as_uri()}
        assert reader.page.evaluate("window.broken") is None
        reader.context.close()


def expected(content: Content, by: str, status: str, versus: str = "baseline") -> int:
    """How many items a choice holds, counted anew."""

    def right(item: Any, name: str) -> bool:
        return bool(item.answers[name].predicted == item.label)

    def off(item: Any) -> int:
        return abs(item.answers[by].predicted - item.label)

    tests = {
        "wrong": lambda item: not right(item, by),
        "confident": lambda item: not right(item, by),
        "hopeless": lambda item: not any(answer.right for answer in item.answers.values()),
        "fixed": lambda item: right(item, by) and not right(item, versus),
        "broken": lambda item: not right(item, by) and right(item, versus),
        "adjacent": lambda item: off(item) == 1,
        "far": lambda item: off(item) > 1,
    }
    return sum(map(tests[status], content.items))


def test_statuses_hold_what_they_say(opened: Any, content: Content) -> None:
    reader = opened()
    reader.page.select_option("[name=by]", label="after-n")
    for status in ("wrong", "confident", "hopeless", "fixed", "broken", "adjacent", "far"):
        reader.page.select_option("[name=status]", status)
        assert reader.found().startswith(f"{expected(content, 'after-n', status)} of 400 items")
        assert reader.page.locator("[name=versus]").is_enabled() == (status in ("fixed", "broken"))


def test_the_surest_mistakes_come_first(opened: Any) -> None:
    reader = opened()
    reader.page.select_option("[name=status]", "confident")
    shown = [int(text.removesuffix(" %")) for text in reader.column(4)]
    assert shown == sorted(shown, reverse=True) and shown[0] > shown[-1]
    assert all(text.endswith(tuple("0123456789")) and text != "0" for text in reader.column(5))


def test_every_column_sorts_both_ways_by_mouse(opened: Any) -> None:
    reader = opened()
    for head in reader.page.locator("#items th[aria-sort]").all():
        button = head.locator("button")
        number = reader.page.locator("#items th[aria-sort]").all_inner_texts().index(head.inner_text())
        if head.get_attribute("aria-sort") == "none":
            button.click()
        first = head.get_attribute("aria-sort")
        values = reader.texts() if number == 0 else reader.column(number)
        button.click()
        assert {first, head.get_attribute("aria-sort")} == {"ascending", "descending"}
        assert (reader.texts() if number == 0 else reader.column(number)) != values
        assert reader.page.locator("#items thead th:not([aria-sort=none])").count() == 1


def test_sorted_words_are_in_order(opened: Any, content: Content) -> None:
    reader = opened("#explorer?sort=words&order=descending")
    assert [int(text) for text in reader.column(2)] == sorted(
        (item.words for item in content.items), reverse=True
    )[:25]


def test_text_and_class_filters_join(opened: Any, content: Content) -> None:
    reader = opened()
    reader.page.fill("[name=text]", "CHARMING")
    reader.page.select_option("[name=label]", "1")
    count = sum("charming" in item.text.lower() and item.label == 1 for item in content.items)
    assert count > 0 and reader.found().startswith(f"{count} of 400 items")
    assert all("charming" in text for text in reader.texts())
    reader.page.get_by_role("button", name="Reset").click()
    assert reader.found().startswith("400 of 400 items")
    assert reader.page.input_value("[name=text]") == ""


def test_a_search_that_finds_nothing_says_so(opened: Any) -> None:
    reader = opened()
    reader.page.fill("[name=text]", "nothing has this")
    assert reader.found() == "0 of 400 items"
    assert reader.texts() == []


def test_texts_are_shown_letter_by_letter(opened: Any, content: Content) -> None:
    reader = opened()
    for item in content.items[:3]:
        reader.page.fill("[name=text]", item.text)
        assert reader.page.locator("#items tbody th > span").first.text_content() == item.text


def test_keyboard_alone_sorts_filters_and_turns_pages(opened: Any) -> None:
    reader = opened()
    page = reader.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.locator("[name=text]").focus()
    page.keyboard.type("film")
    assert "film" in reader.texts()[0].lower()
    before = reader.texts()
    page.locator("#items th button").nth(2).focus()
    page.keyboard.press("Enter")
    assert page.locator("#items th").nth(2).get_attribute("aria-sort") == "descending"
    page.keyboard.press("Space")
    assert page.locator("#items th").nth(2).get_attribute("aria-sort") == "ascending"
    assert reader.texts() != before
    page.locator("#next").focus()
    page.keyboard.press("Enter")
    assert "page 2 of" in page.locator("#page").inner_text()
    assert page.evaluate("document.activeElement.id") == "next"


def test_pages_end_at_both_ends(opened: Any) -> None:
    reader = opened("#explorer?page=999")
    assert reader.page.locator("#page").inner_text() == "page 16 of 16"
    assert reader.page.get_attribute("#next", "aria-disabled") == "true"
    reader.page.locator("#next").press("Enter")
    assert reader.page.locator("#page").inner_text() == "page 16 of 16"
    reader.page.click("#previous")
    assert reader.found().endswith("showing 351 to 375")


def test_a_view_can_be_shared_by_its_address(opened: Any) -> None:
    first = opened()
    first.page.select_option("[name=by]", label="layerwise")
    first.page.select_option("[name=status]", "fixed")
    first.page.fill("[name=text]", "a & b=c")
    first.page.fill("[name=text]", "film")
    first.page.locator("#items th button").nth(4).click()
    address = first.page.evaluate("location.hash")
    assert "by=layerwise" in address and "status=fixed" in address
    second = opened(address)
    assert second.found() == first.found()
    assert second.texts() == first.texts()
    assert second.page.input_value("[name=text]") == "film"


@pytest.mark.parametrize(
    "address",
    [
        "#explorer?by=nobody&label=99&sort=constructor&status=toString&order=up&page=-1",
        "#explorer?__proto__=1&x=%",
    ],
)
def test_a_broken_address_is_as_good_as_none(opened: Any, address: str) -> None:
    reader = opened(address)
    assert reader.found() == "400 of 400 items, showing 1 to 25"


def test_all_answers_unfold(opened: Any, content: Content) -> None:
    reader = opened()
    reader.page.locator("#items summary").first.click()
    lines = reader.page.locator("#items .answers").first.locator("li").all_inner_texts()
    assert [line.split(":")[0] for line in lines] == list(content.comparison.ablations)


def test_theme_follows_the_system_until_a_choice_is_made(opened: Any) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    light, dark = opened(color_scheme="light").page, opened(color_scheme="dark").page
    assert light.evaluate(paper) != dark.evaluate(paper)
    system = light.evaluate(paper)
    light.click("#theme")
    assert light.evaluate(paper) == dark.evaluate(paper)
    assert light.get_attribute("#theme", "aria-pressed") == "true"
    light.reload()
    assert light.evaluate(paper) == dark.evaluate(paper)
    light.click("#theme")
    assert light.evaluate(paper) == system


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_is_wider_than_the_window(opened: Any, width: int) -> None:
    reader = opened(viewport={"width": width, "height": 844})
    assert reader.page.evaluate("document.documentElement.scrollWidth") <= width
    reader.page.evaluate("document.querySelectorAll('details').forEach((folded) => { folded.open = true; })")
    assert reader.page.evaluate("document.documentElement.scrollWidth") <= width


def test_regions_that_scroll_can_be_reached_by_keyboard(opened: Any) -> None:
    reader = opened(viewport={"width": 390, "height": 844})
    unreachable = """[...document.querySelectorAll('.scroll')]
        .filter((region) => region.scrollWidth > region.clientWidth && region.tabIndex < 0).length"""
    reader.page.wait_for_function("document.querySelectorAll(\".scroll[tabindex='-1']\").length > 0")
    assert reader.page.evaluate(unreachable) == 0


def test_paper_has_everything_and_no_controls(opened: Any) -> None:
    reader = opened()
    page = reader.page
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    for gone in (".bar", "#controls", ".pages", ".skip"):
        assert not page.locator(gone).is_visible()
    assert page.locator("details:not(.all-answers):not([open])").count() == 0
    assert page.locator("#provenance pre").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details:not([open])").count() > 0
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_without_scripts_the_hardest_items_are_there(opened: Any, browser: Any, page_file: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(page_file.as_uri())
    assert page.locator("noscript").inner_text().startswith("Filters and sorting need JavaScript")
    assert page.locator("#hardest tbody tr").count() == 50
    assert page.locator("#hardest").is_visible()
    assert not page.locator("#controls").is_visible() and not page.locator("#theme").is_visible()
    context.close()


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Any, page_file: Path, width: int, scheme: str) -> None:
    # axe needs to evaluate its own script, which the page's policy forbids to everybody.
    context = browser.new_context(
        viewport={"width": width, "height": 844},
        color_scheme=scheme,
        bypass_csp=True,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(page_file.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach((folded) => { folded.open = true; })")
    found = axe.Axe().run(page).response["violations"]
    serious = [
        (rule["id"], [node["html"][:200] for node in rule["nodes"]][:5])
        for rule in found
        if rule["impact"] in ("serious", "critical")
    ]
    context.close()
    assert serious == []


def test_the_bare_page_opens_without_a_complaint(browser: Any, tmp_path: Path, bare_page: str) -> None:
    file = tmp_path / "bare.html"
    file.write_text(bare_page, encoding="utf-8")
    reader = Reader(browser, file)
    assert reader.page.locator("h2").count() == 12
    assert reader.complaints == []
    reader.context.close()
