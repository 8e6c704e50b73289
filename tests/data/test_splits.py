"""The split of a text depends on the text alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finesent.data import splits as module
from finesent.data.cleaning import normalised
from finesent.data.splits import linked_groups, split_of
from tests.data.stored import rows_of


def split_by_hash(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    parts = module.split_by_hash(rows_of(rows, batch=1000))
    return {name: part.frame() for name, part in parts.items()}


def study_splits(published: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    parts = module.study_splits({name: rows_of(rows, batch=1000) for name, rows in published.items()})
    return {name: part.frame() for name, part in parts.items()}


def frame(texts: list[str]) -> pd.DataFrame:
    columns = {"id": [f"all-{n}" for n in range(len(texts))], "text": texts, "label": 0}
    return pd.DataFrame(columns).astype({"id": "str", "text": "str", "label": "int64"})


def test_shares_are_eighty_ten_ten() -> None:
    texts = [f"sentence number {n}" for n in range(20_000)]
    counts = pd.Series([split_of(text) for text in texts]).value_counts()
    # Four standard deviations of a binomial count: 57 for train, 43 for the others.
    assert abs(counts["train"] - 16_000) < 4 * 57
    assert abs(counts["dev"] - 2_000) < 4 * 43
    assert abs(counts["test"] - 2_000) < 4 * 43


@pytest.mark.parametrize(
    ("text", "split"),
    [("the", "train"), ("film", "dev"), ("boring", "test")],
)
def test_assignment_stays_the_same_for_ever(text: str, split: str) -> None:
    assert split_of(text) == split


@given(text=st.text("abcdefgh éß.,", min_size=1), spaces=st.integers(1, 3))
def test_copies_stay_together(text: str, spaces: int) -> None:
    assert split_of(text.upper()) == split_of(text)
    assert split_of(" " * spaces + text.replace(" ", " " * spaces) + "\n") == split_of(text)


def test_order_and_company_move_no_row() -> None:
    rows = frame([f"sentence {n}" for n in range(300)])
    shuffled = rows.iloc[np.random.default_rng(0).permutation(len(rows))]
    more = pd.concat([frame([f"other {n}" for n in range(50)]).assign(id="x"), rows])
    whole = split_by_hash(rows)
    for other in (shuffled, more):
        for name, part in split_by_hash(other).items():
            assert set(part["id"]) - {"x"} == set(whole[name]["id"])


def documents(rows: dict[str, list[str]]) -> pd.DataFrame:
    """Rows of documents, given as the texts of each."""
    groups, texts = zip(*((name, text) for name, texts in rows.items() for text in texts), strict=True)
    return frame(list(texts)).assign(group=list(groups))


def splits_of_groups(rows: pd.DataFrame) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, part in split_by_hash(rows).items():
        for group in part["group"]:
            found.setdefault(group, set()).add(name)
    return found


def test_a_document_stays_in_one_split() -> None:
    rows = documents({str(n): [f"sentence {n} {k}" for k in range(5)] for n in range(400)})
    found = splits_of_groups(rows)
    assert all(len(names) == 1 for names in found.values())
    assert found == {str(n): {split_of(str(n))} for n in range(400)}
    assert sum(len(part) for part in split_by_hash(rows).values()) == len(rows)


def test_documents_that_share_a_text_are_one() -> None:
    rows = documents({"film": ["a", "Thanks!"], "boring": ["b", "thanks! "], "c": ["C", "A"], "the": ["d"]})
    assert linked_groups(rows["group"], map(normalised, rows["text"])) == ["boring"] * 6 + ["the"]
    found = splits_of_groups(rows)
    assert found["film"] == found["boring"] == found["c"] == {split_of("boring")} == {"test"}
    assert found["the"] == {"train"}


pairs_of_groups = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("uvwxyz")), min_size=1)


@given(rows=pairs_of_groups, seed=st.integers(0, 100))
def test_neither_a_text_nor_a_document_is_in_two_splits_in_any_order(
    rows: list[tuple[str, str]], seed: int
) -> None:
    table = frame([text for _, text in rows]).assign(group=[group for group, _ in rows])
    shuffled = table.iloc[np.random.default_rng(seed).permutation(len(table))]
    assigned = {row: name for name, part in split_by_hash(table).items() for row in part["id"]}
    assert assigned == {row: name for name, part in split_by_hash(shuffled).items() for row in part["id"]}
    for column in ("group", "text"):
        assert (table["id"].map(assigned).groupby(table[column]).nunique() == 1).all()


def test_every_row_is_in_one_split_in_its_order() -> None:
    rows = frame([f"sentence {n % 250}" for n in range(300)])
    parts = split_by_hash(rows)
    assert list(parts) == ["train", "dev", "test"]
    for part in parts.values():
        numbers = [int(identifier.removeprefix("all-")) for identifier in part["id"]]
        assert numbers == sorted(numbers)
        assert part.index.tolist() == list(range(len(part)))
    joined = pd.concat(parts.values()).set_index("id").loc[rows["id"]].reset_index()
    pd.testing.assert_frame_equal(joined, rows)
    texts = [set(part["text"]) for part in parts.values()]
    assert not (texts[0] & texts[1] or texts[0] & texts[2] or texts[1] & texts[2])


def test_dev_is_cut_out_of_train_where_it_was_not_published() -> None:
    rows = frame([f"sentence number {n % 15_000}" for n in range(20_000)])
    test = frame(["sentence number 7", "film"])
    splits = study_splits({"train": rows, "test": test})
    assert list(splits) == ["train", "dev", "test"]
    pd.testing.assert_frame_equal(splits["test"], test)
    # The dev split of data that have no splits at all: the same tenth of the range.
    pd.testing.assert_frame_equal(splits["dev"], split_by_hash(rows)["dev"])
    assert {split_of(text) for text in splits["train"]["text"]} == {"train", "test"}
    assert not set(splits["train"]["text"]) & set(splits["dev"]["text"])
    # Four standard deviations of the count of 15,000 texts, of which a third stands twice.
    assert abs(len(splits["dev"]) / 20_000 - 0.1) < 4 * (0.09 / 15_000 * 10 / 9) ** 0.5
    for part in (splits["train"], splits["dev"]):
        numbers = [int(identifier.removeprefix("all-")) for identifier in part["id"]]
        assert numbers == sorted(numbers)
        assert part.index.tolist() == list(range(len(part)))
    assert len(splits["train"]) + len(splits["dev"]) == len(rows)


def test_a_document_of_a_train_split_is_not_cut_in_two() -> None:
    rows = documents({str(n): [f"sentence {n} {k}" for k in range(5)] for n in range(200)})
    splits = study_splits({"train": rows, "test": frame(["x"])})
    assert set(splits["dev"]["group"]) == {str(n) for n in range(200) if split_of(str(n)) == "dev"}
    assert not set(splits["train"]["group"]) & set(splits["dev"]["group"])


def test_published_splits_are_left_as_they_are() -> None:
    published = {name: frame([name, "film", "boring"]) for name in ("train", "dev", "test")}
    for name, part in study_splits(published).items():
        pd.testing.assert_frame_equal(part, published[name])
    whole = study_splits({"all": frame(["the", "film", "boring"])})
    assert {name: part["text"].tolist() for name, part in whole.items()} == {
        "train": ["the"], "dev": ["film"], "test": ["boring"],
    }  # fmt: skip
