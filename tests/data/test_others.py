"""Which further data sets can be used, and what is used of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finesent.catalog.entries import dataset
from finesent.data.others import all_rows, check_choice, draw_transfer, rows_to_test_on
from finesent.errors import FinesentError
from finesent.params.transfer import DataChoice
from finesent.validation import parse


@pytest.fixture(autouse=True)
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalog with data sets of 2 to 5 classes, called after their number."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "catalog").mkdir()
    entries = {
        name: {
            "title": name.capitalize(),
            "licence": "none",
            "labels": [f"class {label}" for label in range(classes)],
            "layouts": {"default": {"format": "csv", "files": {"all": {"path": "all.csv"}}}},
            "sources": [{"kind": "local"}],
        }
        for name, classes in {"two": 2, "three": 3, "four": 4, "five": 5, "other-five": 5}.items()
    }
    (tmp_path / "catalog" / "datasets.yaml").write_text(json.dumps(entries))


def choice(study: str, panel: str | None = None, **transfer: tuple[str, list[int]]) -> DataChoice:
    sets: dict[str, Any] = {
        name: {"dataset": chosen, "classes": classes, "rows": None}
        for name, (chosen, classes) in transfer.items()
    }
    return parse(DataChoice, {"dataset": study, "transfer": sets, "panel": panel}, "params.yaml")


def test_each_data_set_comes_once() -> None:
    chosen = choice("five", "other-five", a=("three", [3, 2]), b=("other-five", [5]), c=("three", [2]))
    assert list(check_choice(chosen, dataset("five"))) == ["three", "other-five"]
    assert check_choice(choice("five"), dataset("five")) == {}


@pytest.mark.parametrize(
    ("study", "test_set", "classes", "owner"),
    [
        ("three", "five", 5, "the study's data set has 3"),
        ("five", "three", 5, "three has 3"),
        ("two", "five", 3, "the study's data set has 2"),
        ("five", "two", 3, "two has 2"),
        ("four", "five", 3, "the study's data set has 4"),
    ],
)
def test_classes_that_a_side_does_not_have_are_refused(
    study: str, test_set: str, classes: int, owner: str
) -> None:
    with pytest.raises(FinesentError, match=f"cannot be scored at {classes} classes: {owner}") as caught:
        check_choice(choice(study, further=(test_set, [classes])), dataset(study))
    assert caught.value.place == "params.yaml: transfer.further.classes"


def test_an_unknown_data_set_is_told_by_its_key() -> None:
    with pytest.raises(FinesentError, match=r"unknown data set 'thre'.*did you mean 'three'") as caught:
        check_choice(choice("five", further=("thre", [3])), dataset("five"))
    assert caught.value.place.startswith("params.yaml: transfer.further.dataset")
    with pytest.raises(FinesentError, match=r"unknown data set 'fife'.*did you mean 'five'") as caught:
        check_choice(choice("other-five", "fife"), dataset("other-five"))
    assert caught.value.place.startswith("params.yaml: panel")


def test_a_panel_with_other_classes_is_refused() -> None:
    with pytest.raises(FinesentError, match="three has 3 classes and the study's data set 5") as caught:
        check_choice(choice("five", "three"), dataset("five"))
    assert caught.value.place == "params.yaml: panel"


def frame(*ids: str) -> pd.DataFrame:
    return pd.DataFrame({"id": list(ids), "text": [f"text {name}" for name in ids], "label": 0})


def test_a_published_test_split_is_taken_before_anything_else() -> None:
    parts = {name: frame(f"{name}-1") for name in ("train", "dev", "test")}
    assert rows_to_test_on(parts)["id"].tolist() == ["test-1"]
    assert rows_to_test_on({"all": frame("all-1", "all-2")})["id"].tolist() == ["all-1", "all-2"]
    assert all_rows(parts)["id"].tolist() == ["train-1", "dev-1", "test-1"]
    without_dev = {name: parts[name] for name in ("train", "test")}
    assert rows_to_test_on(without_dev)["id"].tolist() == ["test-1"]
    assert all_rows(without_dev)["id"].tolist() == ["train-1", "test-1"]


@given(size=st.integers(1, 60), more=st.integers(0, 20))
def test_a_larger_draw_holds_a_smaller_one_in_the_same_order(size: int, more: int) -> None:
    rows = frame(*(f"all-{number}" for number in range(80)))
    small, large = (draw_transfer(rows, count, "x")["id"].tolist() for count in (size, size + more))
    assert len(small) == size
    assert [name for name in large if name in set(small)] == small
    numbers = [int(name.removeprefix("all-")) for name in large]
    assert numbers == sorted(numbers)


def test_the_draw_is_no_mere_cut() -> None:
    rows = frame(*(f"all-{number}" for number in range(1000)))
    drawn = [int(name.removeprefix("all-")) for name in draw_transfer(rows, 200, "x")["id"]]
    assert 400 < sum(drawn) / len(drawn) < 600


def test_null_takes_every_row() -> None:
    rows = frame("a", "b", "c")
    pd.testing.assert_frame_equal(draw_transfer(rows, None, "x"), rows)


def test_too_few_rows_and_none_are_refused() -> None:
    with pytest.raises(FinesentError, match="3 rows are asked for and there are 2") as caught:
        draw_transfer(frame("a", "b"), 3, "tweets")
    assert caught.value.place == "params.yaml: transfer.tweets.rows"
    with pytest.raises(FinesentError, match="no row is left") as caught:
        draw_transfer(frame(), None, "tweets")
    assert caught.value.place == "params.yaml: transfer.tweets"
