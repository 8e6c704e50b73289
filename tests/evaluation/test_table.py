"""The Markdown table and the sentences below it."""

from __future__ import annotations

from typing import Any

import pytest

from finesent.catalog.published import Published
from finesent.evaluation.markdown import number, p_value, signed, spread, table
from finesent.evaluation.results import RecurringPhrases
from finesent.evaluation.spreads import Spread
from finesent.evaluation.table import render
from tests.evaluation.handmade import comparison, gain, result, verdict


def cells(text: str, name: str, column: str = "ablation") -> dict[str, str]:
    """The row that begins with ``name``, of the table whose first column is ``column``."""
    lines = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in text.splitlines()]
    start = next(n for n, line in enumerate(lines) if line[0] == column)
    row = next(line for line in lines[start:] if line[0] == name)
    return dict(zip(lines[start], row, strict=True))


def test_a_row_holds_every_number() -> None:
    text = render(comparison())
    assert cells(text, "after-n") == {
        "ablation": "after-n",
        "seeds": "3",
        "dev accuracy": "56.71 ± 1.00",
        "dev macro-F1": "56.71 ± 1.00",
        "test accuracy": "56.71 ± 1.00",
        "test macro-F1": "56.71 ± 1.00",
        "test MAE": "0.567 ± 0.010",
        "test quadratic κ": "0.567 ± 0.010",
        "accuracy − baseline [95 %]": "+8.21 [+6.21, +10.21]",
        "p (Holm)": ".012",
        "published accuracy": "56.69 [2]",
    }
    assert cells(text, "baseline")["accuracy − baseline [95 %]"] == "–"
    assert text.endswith("|\n")


def test_people_stand_below_the_ablations() -> None:
    row = cells(render(comparison()), "people: one held-out rater")
    assert row["test accuracy"] == "55.00 [53.00, 57.00]"
    assert row["test MAE"] == "0.550 [0.530, 0.570]"
    assert row["dev accuracy"] == row["p (Holm)"] == "–"
    assert "- People, one held-out rater (n = 1,100): Each rating against" in render(comparison())


def test_claims_come_first_with_the_published_gain() -> None:
    text = render(comparison(claims=[verdict(), verdict(published_gain=None)]))
    assert text.index("## Claims") < text.index("| ablation")
    assert "- Supported: after-n over baseline gains +8.21 points" in text
    assert text.count("Published: +8.19.") == 1
    assert "## Claims" not in render(comparison(claims=[]))


def test_gains_in_every_metric() -> None:
    row = cells(render(comparison()), "after-n over baseline", "pair")
    assert row == {
        "pair": "after-n over baseline",
        "metric": "accuracy",
        "gain [95 %]": "+8.21 [+6.21, +10.21]",
        "p": "< .001",
        "p (Holm)": ".012",
        "p (sign flip)": ".250",
        "smallest detectable": "2.80",
    }


def test_further_test_sets_and_cost() -> None:
    text = render(comparison())
    row = cells(text, "Tweets", "test set")
    assert (row["classes"], row["n"], row["accuracy"], row["majority"]) == (
        "3",
        "300",
        "50.00 ± 2.00",
        "41.00",
    )
    assert "- Tweets: 4 that train holds, or nearly, were taken out first." in text
    assert "22,700,000" in text and "150,000" in text and "3.00" in text
    assert "## Further test sets" not in render(comparison(transfer={}))


def test_footnotes_and_comparability() -> None:
    text = render(comparison())
    assert "Published: Vyacheslav Shishaev (2025), Pushing the Limits" in text
    assert "1. baseline, printed as test. Measured on dev" in text
    assert '2. unfreezing "after-n", printed as test. Cannot be verified' in text
    assert "\n3. " not in text
    assert "Published numbers are on sst5 with twitter-roberta: not comparable with this run." in text
    assert "This run: vader-movies with minilm-l6, trained on 600 sampled rows; dev n = 1,000" in text
    assert "Nothing was selected on test" in text
    assert "56.68 ± 0.92" in text


def test_the_papers_own_setting_is_comparable_unless_sampled() -> None:
    same = {"dataset": "sst5", "backbone": "twitter-roberta"}
    assert "training on every row: not comparable" in render(comparison(**same))
    assert "not comparable" not in render(comparison(**same, train_size=None))


def test_one_seed_says_what_cannot_be_given() -> None:
    one = gain(p_sign_flip=None, seeds_sd=None)
    gains = dict.fromkeys(("accuracy", "macro_f1", "mae", "quadratic_kappa"), one)
    text = render(
        comparison(
            seeds=[0],
            resampled="items",
            ablations={"baseline": result(0.485, sd=None), "after-n": result(0.5, sd=None, gains=gains)},
        )
    )
    assert cells(text, "baseline")["test accuracy"] == "48.50"
    assert "with one seed it says nothing about other seeds" in text
    assert "there is no sign-flip test" in text


def test_collapsed_seeds_are_flagged() -> None:
    text = render(comparison(ablations={"baseline": result(0.28, collapsed_seeds=[0, 2])}, transfer={}))
    assert cells(text, "baseline")["seeds"] == "2 of 3 seeds collapsed"
    assert "baseline: 2 of 3 seeds collapsed (0, 2)" in text


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"near_duplicates_in_test": None}, "were not looked for"),
        ({"near_duplicates_in_test": 0}, "No test sentence nearly repeats"),
        ({"near_duplicates_in_test": 7}, "7 of 1,100 test sentences nearly repeat one that was trained on"),
    ],
)
def test_near_duplicates(changes: dict[str, Any], sentence: str) -> None:
    without = {"accuracy": Spread(mean=0.4801, sd=0.01)}
    text = render(
        comparison(
            ablations={"baseline": result(0.485, without_near_duplicates=without)}, transfer={}, **changes
        )
    )
    assert sentence in text
    assert ("without them: baseline 48.01" in text) == (changes["near_duplicates_in_test"] == 7)


@pytest.mark.parametrize(
    ("n", "without", "sentence"),
    [
        (0, None, "- No test sentence shares a phrase of 4 words or more with train's trees.\n"),
        (
            1007,
            Spread(mean=0.4702, sd=0.01),
            "- 1,007 of 1,100 test sentences share a phrase of 4 words or more with train's trees; test "
            "accuracy without them: baseline 47.02.\n",
        ),
        (
            1100,
            None,
            "- 1,100 of 1,100 test sentences share a phrase of 4 words or more with train's trees.\n",
        ),
    ],
    ids=["none", "some", "all"],
)
def test_recurring_phrases(n: int, without: Spread | None, sentence: str) -> None:
    scores = None if without is None else {"accuracy": without}
    text = render(
        comparison(
            ablations={"baseline": result(0.485, without_recurring=scores)},
            transfer={},
            recurring=RecurringPhrases(min_words=4, n=n),
        )
    )
    assert sentence in text


def test_without_phrases_nothing_is_said_of_them() -> None:
    assert "train's trees" not in render(comparison())


def test_without_published_rows_there_is_nothing_about_them() -> None:
    text = render(comparison(published=Published(studies={}, rows=[])))
    assert "ublished numbers" not in text and "Published: V" not in text
    assert cells(text, "after-n")["published accuracy"] == "–"


@pytest.mark.parametrize(
    ("rows", "text"),
    [([], ""), ([{"a": "x", "long": "1"}], "| a   | long |\n| --- | ---: |\n| x   |    1 |")],
)
def test_layout(rows: list[dict[str, str]], text: str) -> None:
    assert table(rows, left=("a",)) == text


def test_numbers() -> None:
    assert (number("accuracy", 0.51239), number("mae", 0.7016)) == ("51.24", "0.702")
    assert (signed("accuracy", -0.000001), signed("mae", 0.01)) == ("+0.00", "+0.010")
    assert spread("macro_f1", Spread(mean=0.3, sd=None)) == "30.00"
    assert [p_value(p) for p in (0.0004, 0.0446, 1.0)] == ["< .001", ".045", "1.000"]
