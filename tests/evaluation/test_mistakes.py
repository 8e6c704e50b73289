"""Error analysis against loops over items and seeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from finesent.errors import FinesentError
from finesent.evaluation.metrics import per_length_bin, probabilities
from finesent.evaluation.mistakes import changes_table, items_table, most_confident_mistakes
from finesent.evaluation.predictions import Predictions

Make = Callable[..., Predictions]
TEXTS = {f"test-{number}": f"text {number}" for number in range(60)}


@pytest.fixture
def both(make: Make) -> dict[str, Predictions]:
    return {"baseline": make("baseline", skill=0.0), "after-n": make("after-n", skill=0.5)}


def test_one_row_an_ablation_and_item(both: dict[str, Predictions]) -> None:
    table = items_table(both, TEXTS)
    assert table["ablation"].tolist() == ["baseline"] * 60 + ["after-n"] * 60
    for row in table.to_dict("records"):
        split = both[row["ablation"]].splits["test"]
        number = split.ids.index(row["id"])
        label = int(split.labels[number])
        each = [probabilities(logits[number]) for logits in split.logits]
        mean = [sum(float(one[c]) for one in each) / 3 for c in range(5)]
        assert row["text"] == f"text {number}"
        assert (row["label"], row["words"], row["seeds"]) == (label, split.words[number], 3)
        assert row["predicted"] == mean.index(max(mean))
        assert row["confidence"] == pytest.approx(max(mean))
        assert row["probability_of_label"] == pytest.approx(mean[label])
        assert row["seeds_right"] == sum(int(np.argmax(one)) == label for one in each)
        assert row["distance"] == abs(row["predicted"] - label)
        assert row["adjacent"] == (row["distance"] == 1)


def test_the_hardest_items_are_wrong_everywhere(both: dict[str, Predictions]) -> None:
    table = items_table(both, TEXTS)
    for name, rows in table.groupby("id"):
        assert set(rows["hardest"]) == {bool((rows["seeds_right"] == 0).all())}, name
    assert 0 < table["hardest"].sum() < len(table)


def test_bins_of_length_are_those_of_the_summary(both: dict[str, Predictions]) -> None:
    table = items_table(both, TEXTS)
    split = both["baseline"].splits["test"]
    expected = per_length_bin(split.words, split.predicted == split.labels)
    found = table[table["ablation"] == "baseline"].groupby("length_bin").size()
    assert found.to_dict() == {f"{entry.shortest}-{entry.longest}": entry.n for entry in expected}


def test_changes_are_items_that_one_of_the_two_has_right(both: dict[str, Predictions]) -> None:
    items = items_table(both, TEXTS).set_index(["ablation", "id"])
    changes = changes_table(both, TEXTS, [("after-n", "baseline"), ("baseline", "after-n")])
    expected = []
    for better, than in (("after-n", "baseline"), ("baseline", "after-n")):
        for name in TEXTS:
            ours, theirs = items.loc[(better, name)], items.loc[(than, name)]
            if (ours["distance"] == 0) != (theirs["distance"] == 0):
                expected.append(
                    {
                        "better": better,
                        "than": than,
                        "id": name,
                        "text": TEXTS[name],
                        "label": ours["label"],
                        "predicted_better": ours["predicted"],
                        "predicted_than": theirs["predicted"],
                        "seeds_right_better": ours["seeds_right"],
                        "seeds_right_than": theirs["seeds_right"],
                        "change": "fixed" if ours["distance"] == 0 else "broken",
                    }
                )
    assert changes.to_dict("records") == expected
    assert set(changes["change"]) == {"fixed", "broken"}


def test_without_pairs_the_columns_stay(both: dict[str, Predictions]) -> None:
    some, none = changes_table(both, TEXTS, [("after-n", "baseline")]), changes_table(both, TEXTS, [])
    assert len(none) == 0
    assert none.dtypes.to_dict() == some.dtypes.to_dict()


def test_both_tables_become_arrow_tables_of_plain_types(both: dict[str, Predictions]) -> None:
    for frame in (items_table(both, TEXTS), changes_table(both, TEXTS, [("after-n", "baseline")])):
        table = pa.Table.from_pandas(frame, preserve_index=False)
        plain = (pa.string(), pa.large_string(), pa.int64(), pa.float64(), pa.bool_())
        assert all(field.type in plain for field in table.schema)


def test_the_surest_mistakes_of_each_ablation(both: dict[str, Predictions]) -> None:
    table = items_table(both, TEXTS)
    found = most_confident_mistakes(table, 4)
    assert found["ablation"].tolist() == ["baseline"] * 4 + ["after-n"] * 4
    for name, rows in found.groupby("ablation"):
        assert (rows["distance"] > 0).all()
        assert all(before >= after for before, after in pairwise(rows["confidence"]))
        left = table[(table["ablation"] == name) & (table["distance"] > 0) & ~table["id"].isin(rows["id"])]
        assert left["confidence"].max() <= rows["confidence"].min()


def test_items_without_a_text_and_other_items_are_refused(both: dict[str, Predictions], make: Make) -> None:
    with pytest.raises(FinesentError, match="no row 'test-3'"):
        items_table(both, {name: text for name, text in TEXTS.items() if name != "test-3"})
    split = both["after-n"].splits["test"]
    other = replace(
        both["after-n"],
        splits=both["after-n"].splits | {"test": replace(split, ids=[f"x{name}" for name in split.ids])},
    )
    with pytest.raises(FinesentError, match="not scored on the same test items"):
        changes_table(both | {"after-n": other}, TEXTS, [])
