"""The published rows: well-formed, and their caveats' arithmetic true."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finesent.catalog.published import PublishedRow, read_published
from finesent.errors import FinesentError
from finesent.evaluation.integer_check import attainable, integer_caveats

CATALOG = Path(__file__).parents[2] / "catalog" / "published.yaml"


@pytest.fixture(scope="module")
def rows() -> dict[str, PublishedRow]:
    return {row.ablation: row for row in read_published(CATALOG).rows if row.ablation is not None}


@given(st.integers(1, 5000), st.integers(2, 6), st.data())
def test_every_real_share_is_attainable(n: int, decimals: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    unit = 10**decimals
    assert attainable(round(k / n, decimals), n, decimals)
    assert attainable((k * unit // n) / unit, n, decimals), "cut off instead of rounded"


@pytest.mark.parametrize(("n", "decimals"), [(3, 2), (7, 3), (37, 2), (40, 4)])
def test_agrees_with_trying_every_count(n: int, decimals: int) -> None:
    unit = 10**decimals
    possible = {k * unit // n for k in range(n + 1)} | {(2 * k * unit + n) // (2 * n) for k in range(n + 1)}
    # A tie may be rounded down as well.
    possible |= {-((-2 * k * unit + n) // (2 * n)) for k in range(n + 1)}
    assert {v for v in range(unit + 1) if attainable(v / unit, n, decimals)} == possible


def test_a_share_above_one_is_not_attainable() -> None:
    assert not attainable(1.01, 50, 2)


def test_baseline_is_a_dev_number(rows: dict[str, PublishedRow]) -> None:
    assert round(535 / 1101, 6) == 0.485922
    assert attainable(0.485922, 1101, 6) and not attainable(0.485922, 2210, 6)
    row = rows["baseline"]
    assert (row.claimed_split, row.actual_split, row.n) == ("test", "dev", 1101)
    assert (row.claimed_n, row.logged_accuracy) == (2210, 0.485922)
    assert int(0.485922 * 1000) / 1000 == row.accuracy


def test_after_n_and_the_measured_rows_are_counts_of_test(rows: dict[str, PublishedRow]) -> None:
    assert int(1253 / 2210 * 10_000) / 10_000 == rows["after-n"].accuracy
    assert rows["after-n"].actual_split == "unknown"
    for name in ("layerwise", "prompt"):
        assert attainable(rows[name].accuracy, 2210, 4) and not attainable(rows[name].accuracy, 1101, 4)
        assert rows[name].actual_split == "test"


def test_triplet_is_no_count_of_test(rows: dict[str, PublishedRow]) -> None:
    assert not attainable(rows["triplet"].accuracy, 2210, 4)
    assert not attainable(0.5727, 2210, 4), "nor is the guess in the notebook"
    assert rows["triplet"].actual_split == "not measured"


def test_the_integer_check_finds_both_rows_and_no_other(rows: dict[str, PublishedRow]) -> None:
    found = {row.system: integer_caveats(row) for row in read_published(CATALOG).rows}
    assert [system for system, caveats in found.items() if caveats] == [
        "baseline",
        '"after-n" + prompt + triplet loss',
    ]
    assert found["baseline"] == [
        "Integer check: the log's 0.485922 is 535 of 1,101 (dev) and no whole number of 2,210 (test)."
    ]
    assert found['"after-n" + prompt + triplet loss'] == [
        "Integer check: 0.5725 is no whole number of 2,210 (1,265 gives 0.57240, 1,266 gives 0.57285)."
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, []),
        ({"accuracy": 0.333}, []),
        ({"accuracy": 0.34}, ["0.34 is no whole number of 3"]),
        # A mean of two runs over three items is a whole number of six.
        ({"accuracy": 0.167}, ["0.167 is no whole number of 3"]),
        ({"accuracy": 0.167, "runs": "1-2"}, []),
        ({"logged_accuracy": 0.34}, ["the log's 0.34 is no whole number of 3"]),
        ({"logged_accuracy": 0.75, "claimed_n": 4}, []),
        ({"logged_accuracy": 0.6667, "claimed_n": 4}, ["2 of 3 (dev) and no whole number of 4 (test)"]),
    ],
)
def test_integer_caveats(rows: dict[str, PublishedRow], changes: dict[str, Any], words: list[str]) -> None:
    plain = {"accuracy": 0.67, "n": 3, "runs": "1", "claimed_n": None, "logged_accuracy": None}
    # Half of 4 items and two thirds of 3 may both be claimed: accuracy is judged on the claimed n.
    if changes.get("claimed_n") == 4:
        plain["accuracy"] = 0.5
    row = rows["baseline"].model_copy(update=plain | changes)
    found = integer_caveats(row)
    assert len(found) == len(words)
    for sentence, part in zip(found, words, strict=True):
        assert part in sentence


def test_prompt_gain_is_below_the_spread_over_seeds(rows: dict[str, PublishedRow]) -> None:
    spread = next(row for row in read_published(CATALOG).rows if row.backbone == "roberta-base")
    assert (spread.accuracy, spread.accuracy_sd, spread.runs) == (0.5668, 0.0092, "20")
    assert rows["prompt"].accuracy - rows["after-n"].accuracy < 0.0092


def test_anchors_share_what_the_anchor_says() -> None:
    anchors = [row for row in read_published(CATALOG).rows if row.study == "model-recycling"]
    assert len(anchors) == 7
    assert {row.ablation for row in anchors} == {None}
    assert [row.runs for row in anchors] == ["20"] * 6 + ["1"]


def test_five_hundred_items_leave_four_points(rows: dict[str, PublishedRow]) -> None:
    capo = next(row for row in read_published(CATALOG).rows if row.study == "capo")
    assert 1.96 * (capo.accuracy * (1 - capo.accuracy) / capo.n) ** 0.5 == pytest.approx(0.043, abs=0.001)


def test_malformed_files_are_refused(tmp_path: Path) -> None:
    text = CATALOG.read_text(encoding="utf-8")
    path = tmp_path / "published.yaml"
    path.write_text(text.replace("  - study: capo", "  - study: cappo"), encoding="utf-8")
    with pytest.raises(FinesentError, match="names the study 'cappo'"):
        read_published(path)
    path.write_text(text.replace("system: t5-base,", "system: bert-base-uncased,"), encoding="utf-8")
    with pytest.raises(FinesentError, match="stands twice"):
        read_published(path)
    path.write_text(text.replace("actual_split: dev", "actual_split: guess"), encoding="utf-8")
    with pytest.raises(FinesentError, match="actual_split"):
        read_published(path)
