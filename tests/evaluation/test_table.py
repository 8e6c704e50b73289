"""The Markdown table and the sentences below it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from finesent.catalog.published import Published, read_published
from finesent.evaluation.bootstrap import Interval
from finesent.evaluation.report import AblationResult, Comparison, Seconds, Spread
from finesent.evaluation.revisions import Revision
from finesent.evaluation.table import markdown, render

CATALOG = Path(__file__).parents[2] / "catalog" / "published.yaml"


def result(accuracy: float, sd: float | None = 0.01, **changes: Any) -> AblationResult:
    spread = Spread(mean=accuracy, sd=sd)
    values: dict[str, Any] = {
        "dev_accuracy": spread,
        "dev_macro_f1": spread,
        "test_accuracy": spread,
        "test_macro_f1": spread,
        "collapsed_seeds": [],
        "gain_test_accuracy": None,
        "gain_test_macro_f1": None,
        "training_seconds": Seconds(per_seed=12.34, total=37.02),
    }
    return AblationResult(**(values | changes))


def comparison(**changes: Any) -> Comparison:
    gain = Interval(value=0.0821, low=0.061, high=0.1029)
    values: dict[str, Any] = {
        "dataset": "vader-movies",
        "backbone": "minilm-l6",
        "train_size": 600,
        "seeds": [0, 1, 2],
        "dev_n": 1000,
        "test_n": 1100,
        "baseline": "baseline",
        "confidence": 0.95,
        "resamples": 10000,
        "resampled": "seeds and items",
        "ablations": {
            "baseline": result(0.485),
            "after-n": result(0.5671, gain_test_accuracy=gain, gain_test_macro_f1=gain),
        },
        "published": read_published(CATALOG),
    }
    return Comparison(**(values | changes))


def cells(text: str, name: str) -> dict[str, str]:
    lines = [line.strip("| ").split("|") for line in text.splitlines() if line.startswith("|")]
    titles = [title.strip() for title in lines[0]]
    row = next(line for line in lines if line[0].strip() == name)
    return dict(zip(titles, [cell.strip() for cell in row], strict=True))


def test_a_row_holds_every_number() -> None:
    text = render(comparison())
    assert cells(text, "after-n") == {
        "ablation": "after-n",
        "seeds": "3",
        "dev accuracy": "56.71 ± 1.00",
        "dev macro-F1": "56.71 ± 1.00",
        "test accuracy": "56.71 ± 1.00",
        "test macro-F1": "56.71 ± 1.00",
        "test accuracy − baseline [95 %]": "+8.21 [+6.10, +10.29]",
        "test macro-F1 − baseline [95 %]": "+8.21 [+6.10, +10.29]",
        "training s / seed": "12.3",
        "published accuracy": "56.69 [2]",
    }
    assert cells(text, "baseline")["test accuracy − baseline [95 %]"] == "–"
    assert text.endswith("|\n")


def test_footnotes_and_comparability() -> None:
    text = render(comparison())
    assert "Published: Vyacheslav Shishaev (2025), Pushing the Limits" in text
    assert "1. baseline, printed as test. Measured on dev" in text
    assert '2. unfreezing "after-n", printed as test. Cannot be verified' in text
    assert "3. " not in text
    assert "Published numbers are on sst5 with twitter-roberta: not comparable with this run." in text
    assert "This run: vader-movies with minilm-l6, trained on 600 sampled rows; dev n = 1000" in text
    assert "Nothing was selected on test" in text
    assert "56.68 ± 0.92" in text


def test_the_papers_own_setting_is_comparable_unless_sampled() -> None:
    same = {"dataset": "sst5", "backbone": "twitter-roberta"}
    assert "training on every row: not comparable" in render(comparison(**same))
    assert "not comparable" not in render(comparison(**same, train_size=None))


def test_one_seed_says_so() -> None:
    text = render(comparison(seeds=[0], resampled="items", ablations={"baseline": result(0.485, sd=None)}))
    assert cells(text, "baseline")["test accuracy"] == "48.50"
    assert "resamples of items: with one seed they say nothing about other seeds" in text
    assert "of one seed" in text


def test_collapsed_seeds_are_flagged() -> None:
    text = render(comparison(ablations={"baseline": result(0.28, collapsed_seeds=[0, 2])}))
    assert cells(text, "baseline")["seeds"] == "2 of 3 seeds collapsed"
    assert "baseline: 2 of 3 seeds collapsed (0, 2)" in text


def test_without_published_rows_there_is_nothing_about_them() -> None:
    text = render(comparison(published=Published(studies={}, rows=[])))
    assert "ublished numbers" not in text and "Published:" not in text
    assert cells(text, "after-n")["published accuracy"] == "–"


def test_changes_since_a_revision() -> None:
    old = {
        "after-n": {
            "dev_accuracy": 0.5671,
            "dev_macro_f1": 0.56710001,
            "test_accuracy": 0.55,
            "gain_test_accuracy": 0.1,
        },
        "focal": {"test_accuracy": 0.5},
    }
    text = render(comparison(), Revision("main", old))
    row = cells(text, "after-n")
    assert row["Δ test accuracy since main"] == "+1.71"
    assert row["Δ dev accuracy since main"] == "+0.00"
    assert row["Δ dev macro-F1 since main"] == "+0.00"
    assert row["Δ difference since main"] == "-1.79"
    assert row["Δ test macro-F1 since main"] == "–"
    assert cells(text, "baseline")["Δ test accuracy since main"] == "new"
    assert "- focal: gone since main." in text


@pytest.mark.parametrize(
    ("rows", "text"),
    [([], ""), ([{"a": "x", "long": "1"}], "| a   | long |\n| --- | ---: |\n| x   |    1 |")],
)
def test_markdown(rows: list[dict[str, str]], text: str) -> None:
    assert markdown(rows, left=("a",)) == text
