"""The page as a document: sound, complete, self-contained, and never broken by a text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from finesent.evaluation.results import RecurringPhrases
from finesent.report.content import Content
from finesent.report.formatting import spread
from finesent.report.page import render_page
from finesent.report.sections import SECTIONS
from finesent.report.views import data
from tests.report.builder import make_content

_VOID = {"meta", "link", "img", "br", "input", "hr"}


class Document(HTMLParser):
    """Elements with their attributes, the text outside scripts and styles, and whether all were closed."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.blocks: list[tuple[str, dict[str, str], str]] = []
        self.text = ""
        self.unclosed: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {key: value or "" for key, value in attrs}
        self.elements.append((tag, attributes))
        if tag in ("script", "style"):
            self.blocks.append((tag, attributes, ""))
        if tag not in _VOID:
            self.unclosed.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.unclosed.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.unclosed and self.unclosed[-1] in ("script", "style"):
            tag, attributes, before = self.blocks[-1]
            self.blocks[-1] = (tag, attributes, before + data)
        else:
            self.text += data

    def values(self, attribute: str) -> list[str]:
        """Every value of an attribute on the page."""
        return [found[attribute] for _, found in self.elements if attribute in found]


@pytest.fixture(scope="module", params=["page", "bare_page"])
def document(request: pytest.FixtureRequest) -> Document:
    return Document(request.getfixturevalue(request.param))


@pytest.fixture(scope="module")
def full(page: str) -> Document:
    return Document(page)


def test_every_element_is_closed(document: Document) -> None:
    assert document.unclosed == []


def test_ids_are_unique_and_references_lead_somewhere(document: Document) -> None:
    ids = document.values("id")
    assert len(ids) == len(set(ids))
    referred = [name for key in ("aria-labelledby", "aria-describedby") for name in document.values(key)]
    inside = [href[1:] for href in document.values("href") if href.startswith("#")]
    assert set(referred + inside) <= set(ids)


def test_headings_descend_one_level_at_a_time(document: Document) -> None:
    levels = [int(tag[1]) for tag, _ in document.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_all_sections_are_there_and_in_the_navigation(document: Document) -> None:
    sections = [attributes["id"] for tag, attributes in document.elements if tag == "section"]
    assert sections == [section.name for section in SECTIONS]
    assert {f"#{name}" for name in sections} <= set(document.values("href"))


def test_nothing_is_fetched(document: Document) -> None:
    assert document.values("src") == []
    for tag, attributes in document.elements:
        if "href" in attributes and not attributes["href"].startswith("#"):
            assert tag == "a" or attributes["href"].startswith("data:")
    assert not any("@import" in text or "url(" in text for tag, _, text in document.blocks if tag == "style")
    assert document.values("style") == []
    assert not [key for _, found in document.elements for key in found if key.startswith("on")]


def test_the_policy_allows_exactly_the_blocks_that_are_there(document: Document) -> None:
    (policy,) = [
        found["content"]
        for _, found in document.elements
        if found.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert "unsafe" not in policy

    def hashes(kind: str) -> list[str]:
        texts = [text for tag, found, text in document.blocks if tag == kind and "type" not in found]
        digests = [hashlib.sha256(text.encode()).digest() for text in texts]
        return [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]

    assert rules["script-src"].split() == hashes("script")
    assert rules["style-src"].split() == hashes("style")


def test_no_word_of_python_is_shown(document: Document) -> None:
    assert not re.search(r"\b(None|nan|inf|False|Undefined|Markup)\b", document.text)


def test_tables_name_themselves_and_their_headers(document: Document) -> None:
    headers = [found for tag, found in document.elements if tag == "th"]
    assert headers and all("scope" in found for found in headers)
    tags = [tag for tag, _ in document.elements]
    assert tags.count("table") == tags.count("caption")
    regions = [found for _, found in document.elements if found.get("role") == "region"]
    labels = [found["aria-label"] for found in regions]
    assert len(labels) == len(set(labels))
    assert all(found["tabindex"] == "0" for found in regions)


def test_embedded_items_survive_every_text(full: Document, content: Content) -> None:
    (block,) = [text for _, found, text in full.blocks if found.get("type") == "application/json"]
    assert "<" not in block
    packed = json.loads(block)["items"]
    assert [entry[1] for entry in packed] == [item.text for item in content.items]
    assert [entry[2] for entry in packed] == [item.label for item in content.items]
    names = list(content.comparison.ablations)
    answers = packed[17][4]
    expected = [content.items[17].answers[name] for name in names]
    assert answers[::3] == [answer.predicted for answer in expected]
    assert answers[1::3] == [round(answer.confidence, 3) for answer in expected]
    assert answers[2::3] == [answer.right for answer in expected]


def test_texts_add_no_element(full: Document, content: Content) -> None:
    assert [tag for tag, _ in full.elements].count("script") == 3
    assert "img" not in [tag for tag, _ in full.elements]
    # The example of a near duplicate is shown as it is.
    assert content.near_duplicates[0].first_text in full.text
    assert content.provenance.params in full.text


def test_names_and_sentences_from_params_are_escaped(content: Content) -> None:
    claim = content.comparison.claims[0].model_copy(
        update={"sentence": "Supported: <i>x</i> & y", "source": "<b>'\"</b>", "better": "<u>a</u>"}
    )
    comparison = content.comparison.model_copy(update={"claims": [claim], "title": "<em>T</em>"})
    document = Document(render_page(replace(content, comparison=comparison)))
    assert "<i>x</i> & y" in document.text and "<b>'\"</b>" in document.text
    assert "u" not in [tag for tag, _ in document.elements]
    assert "<em>T</em>" in document.text and "<u>a</u> over" in document.text


def test_the_numbers_of_the_comparison_are_on_the_page(full: Document, content: Content) -> None:
    for result in content.comparison.ablations.values():
        mean, sd = result.test["accuracy"].mean, result.test["accuracy"].sd
        assert sd is not None
        assert f"{100 * mean:.2f} ± {100 * sd:.2f}" in full.text
    for claim in content.comparison.claims:
        lead, _, rest = claim.sentence.partition(": ")
        assert lead in full.text
        assert re.sub(r"(?<!\w)-(?=\d)", "−", rest) in full.text


def test_published_numbers_stand_with_their_caveats(full: Document, content: Content) -> None:
    beside = [row for row in content.comparison.published.rows if row.ablation]
    assert all(row.caveat in full.text for row in beside)
    assert "Integer check" in full.text
    assert "not comparable" in full.text
    assert full.values("id").count("note-1") == 1


@pytest.mark.parametrize("missing", ["without_near_duplicates", "without_recurring", None])
def test_test_scores_stand_beside_those_without_what_train_shares(
    content: Content, missing: str | None
) -> None:
    comparison = content.comparison
    update = {} if missing is None else {missing: None}
    ablations = {name: found.model_copy(update=update) for name, found in comparison.ablations.items()}
    table = data.view(
        replace(content, comparison=comparison.model_copy(update={"ablations": ablations}))
    ).without
    assert table is not None
    titles = {
        "without_near_duplicates": "near duplicates of train",
        "without_recurring": "long phrases of train",
    }
    kept = [key for key in titles if key != missing]
    expected = [("", 1), ("all test items", 2), *((f"without {titles[key]}", 2) for key in kept)]
    assert table.spans == expected
    for row in table.groups[0].rows:
        result = ablations[row[0].text]
        scores = [result.test, *(getattr(result, key) for key in kept)]
        cells = [
            spread(metric, by_metric[metric]) for by_metric in scores for metric in ("accuracy", "macro_f1")
        ]
        assert [cell.text for cell in row[1:]] == cells


@pytest.mark.parametrize(
    ("n", "sentence"),
    [
        (0, "No test item shares a phrase"),
        (1, "1 test item shares a phrase"),
        (2, "2 test items share a phrase"),
    ],
)
def test_items_with_a_long_phrase_of_train_are_counted(content: Content, n: int, sentence: str) -> None:
    found = RecurringPhrases(min_words=5, n=n)
    comparison = content.comparison.model_copy(update={"recurring": found})
    remarks = data.view(replace(content, comparison=comparison)).remarks
    assert f"{sentence} of 5 words or more with train's trees." in remarks


def test_bare_content_is_explained_in_sentences(bare_page: str) -> None:
    text = Document(bare_page).text
    for sentence in (
        "declares no claims",
        "no other ablation",
        "No human ceiling",
        "there is no pair to compare",
        "No training history",
        "No further test set",
        "were not looked for",
        "There are no test items on this page",
        "outside a git repository",
    ):
        assert sentence in text


def test_one_seed_shows_no_spread() -> None:
    document = Document(render_page(make_content(items=30, ablations=3, seeds=1)))
    scores = document.text.split("Scores, one seed")[1].split("Published numbers")[0]
    assert "±" not in scores
    assert "needs two seeds" in document.text
    assert "no sign-flip test" in document.text


@pytest.mark.parametrize(
    "key", ["rows", "exact_duplicates", "near_duplicates", "labels", "words", "sorted_by_label"]
)
def test_every_key_of_the_data_report_may_be_missing(content: Content, key: str) -> None:
    rest = {name: value for name, value in content.data.items() if name != key}
    document = Document(render_page(replace(content, data=rest)))
    assert document.unclosed == []


def test_same_content_same_bytes(content: Content, page: str) -> None:
    assert render_page(content) == page


@pytest.mark.parametrize(
    ("items", "ablations", "limit"), [(1085, 5, 1.5e6), pytest.param(2210, 10, 6e6, marks=pytest.mark.slow)]
)
def test_size(items: int, ablations: int, limit: float) -> None:
    assert len(render_page(make_content(items=items, ablations=ablations)).encode()) < limit
