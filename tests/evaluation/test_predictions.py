"""The prediction file: what is refused, what is kept, and that it is the same file every time."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finesent.errors import FinesentError
from finesent.evaluation.predictions import (
    Predictions,
    TransferScored,
    check_paired,
    items_hash,
    read_predictions,
    write_predictions,
)

Make = Callable[..., Predictions]
MakeTransfer = Callable[..., TransferScored]


def with_split(predictions: Predictions, name: str, **changes: object) -> Predictions:
    split = replace(predictions.splits[name], **changes)  # type: ignore[arg-type]
    return replace(predictions, splits=predictions.splits | {name: split})


def test_reads_back_what_was_written(make: Make, tmp_path: Path) -> None:
    written = make("after-n")
    write_predictions(tmp_path / "after-n.parquet", written)
    read = read_predictions(tmp_path / "after-n.parquet")
    assert (read.ablation, read.dataset, read.labels) == ("after-n", "made-up", written.labels)
    assert read.seeds == [0, 1, 2]
    for name in ("dev", "test"):
        ours, theirs = written.splits[name], read.splits[name]
        assert ours.ids == theirs.ids
        np.testing.assert_array_equal(ours.labels, theirs.labels)
        np.testing.assert_array_equal(ours.words, theirs.words)
        np.testing.assert_array_equal(ours.logits, theirs.logits)
        assert theirs.logits.dtype == np.float32


def test_file_holds_the_columns_and_metadata_of_the_contract(make: Make, tmp_path: Path) -> None:
    predictions = make("prompt", seeds=(5, 3))
    write_predictions(tmp_path / "p.parquet", predictions)
    table = pq.read_table(tmp_path / "p.parquet")
    assert table.schema.remove_metadata() == pa.schema(
        {
            "split": pa.string(),
            "seed": pa.int64(),
            "id": pa.string(),
            "label": pa.int64(),
            "words": pa.int64(),
            "logits": pa.list_(pa.float32()),
        }
    )
    dev, test = predictions.splits["dev"], predictions.splits["test"]
    assert table["split"].to_pylist() == ["dev"] * 80 + ["test"] * 120
    assert table["seed"].to_pylist() == [3] * 40 + [5] * 40 + [3] * 60 + [5] * 60
    assert table["id"].to_pylist() == dev.ids * 2 + test.ids * 2
    assert table["logits"][0].as_py() == dev.logits[1, 0].tolist()
    assert json.loads(table.schema.metadata[b"finesent"]) == {
        "ablation": "prompt",
        "dataset": "made-up",
        "labels": predictions.labels,
        "items": {"dev": items_hash(dev.ids, dev.labels), "test": items_hash(test.ids, test.labels)},
        "transfer": [],
    }


def test_unsorted_seeds_come_back_sorted_with_their_own_logits(make: Make, tmp_path: Path) -> None:
    written = make(seeds=(7, 1))
    write_predictions(tmp_path / "x.parquet", written)
    read = read_predictions(tmp_path / "x.parquet")
    assert read.seeds == [1, 7]
    np.testing.assert_array_equal(read.splits["test"].logits, written.splits["test"].logits[::-1])


def test_equal_predictions_give_equal_bytes(make: Make, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_predictions(tmp_path / name, make())
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    write_predictions(tmp_path / "three", read_predictions(tmp_path / "one"))
    assert (tmp_path / "three").read_bytes() == (tmp_path / "one").read_bytes()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_logits_that_are_no_numbers_are_refused_with_their_place(make: Make, value: float) -> None:
    predictions = make()
    logits = predictions.splits["test"].logits.copy()
    logits[1, 4, 2] = logits[1, 9, 0] = value
    with pytest.raises(FinesentError) as error:
        with_split(predictions, "test", logits=logits)
    assert error.value.place == "baseline: test, seed 1"
    assert "2 of 60 items" in error.value.problem and "'test-4'" in error.value.problem


def test_labels_outside_the_classes_are_refused(make: Make) -> None:
    predictions = make()
    labels = predictions.splits["dev"].labels.copy()
    labels[3] = 5
    with pytest.raises(FinesentError, match="'dev-3' has the label 5"):
        with_split(predictions, "dev", labels=labels)


def test_contradicting_shapes_are_a_defect(make: Make) -> None:
    predictions = make()
    with pytest.raises(ValueError, match="expected logits of shape"):
        with_split(predictions, "dev", logits=predictions.splits["dev"].logits[:2])
    with pytest.raises(ValueError, match="in this order"):
        replace(predictions, splits={"test": predictions.splits["test"]})


def test_an_empty_split_is_refused(make: Make) -> None:
    nothing = np.zeros(0, np.int64)
    with pytest.raises(FinesentError, match="has no item"):
        with_split(
            make(), "test", ids=[], labels=nothing, words=nothing, logits=np.zeros((3, 0, 5), np.float32)
        )


def test_items_hash_tells_ids_labels_and_order_apart() -> None:
    labels = np.array([0, 1])
    assert items_hash(["a", "b"], labels) == items_hash(["a", "b"], labels.astype(np.int32))
    others = [(["b", "a"], labels), (["a", "b"], labels[::-1]), (["a,b"], labels[:1]), (["a", '"b'], labels)]
    hashes = {items_hash(ids, values) for ids, values in others} | {items_hash(["a", "b"], labels)}
    assert len(hashes) == 5


def test_pairing_is_by_content(make: Make) -> None:
    one, other = make("baseline"), make("after-n")
    check_paired(one, other, "test")
    swapped = with_split(other, "test", labels=other.splits["test"].labels[::-1].copy())
    with pytest.raises(FinesentError, match="not scored on the same test items") as error:
        check_paired(one, swapped, "test")
    assert "dvc repro evaluate@baseline evaluate@after-n" in error.value.remedy
    check_paired(one, swapped, "dev")
    with pytest.raises(FinesentError, match="other seeds"):
        check_paired(one, make("after-n", seeds=(0, 1, 3)), "test")
    with pytest.raises(FinesentError, match="other classes"):
        check_paired(one, replace(other, labels=list("abcde")), "test")


def test_missing_and_foreign_files_name_the_command(tmp_path: Path) -> None:
    path = tmp_path / "triplet.parquet"
    with pytest.raises(FinesentError, match="missing") as error:
        read_predictions(path)
    assert "dvc repro evaluate@triplet" in error.value.remedy
    path.write_text("no parquet")
    with pytest.raises(FinesentError, match="not a Parquet file"):
        read_predictions(path)
    pq.write_table(pa.table({"id": ["a"]}), path)
    with pytest.raises(FinesentError, match="not a file that evaluate wrote"):
        read_predictions(path)


def test_tampered_files_are_refused(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    write_predictions(path, make())
    table = pq.read_table(path)
    pq.write_table(table.slice(1), path)
    with pytest.raises(FinesentError, match="one block of all items"):
        read_predictions(path)
    pq.write_table(pa.concat_tables([table.slice(0, 40), table.slice(120)]), path)
    with pytest.raises(FinesentError, match="dev was scored with the seeds"):
        read_predictions(path)
    labels = table["label"].to_numpy().copy()
    labels[0] = (labels[0] + 1) % 5
    changed = table.set_column(3, "label", pa.array(labels))
    pq.write_table(changed, path)
    with pytest.raises(FinesentError, match="seeds of dev were not scored on the same items"):
        read_predictions(path)
    labels[[40, 80]] = labels[0]
    pq.write_table(table.set_column(3, "label", pa.array(labels)), path)
    with pytest.raises(FinesentError, match="items of dev are not those that were scored"):
        read_predictions(path)


@pytest.fixture
def abroad(make: Make, transfer: MakeTransfer) -> Predictions:
    """Predictions with two further test sets, not in alphabetical order."""
    sets = {"sst": transfer("sst", 3, [3, 2]), "amazon": transfer("amazon", 5, [5])}
    return replace(make(), transfer=sets)


def with_transfer(predictions: Predictions, name: str, **changes: object) -> Predictions:
    scored = predictions.transfer[name]
    split = replace(scored.split, **changes)  # type: ignore[arg-type]
    return replace(predictions, transfer=predictions.transfer | {name: replace(scored, split=split)})


def test_further_test_sets_read_back_in_their_order(abroad: Predictions, tmp_path: Path) -> None:
    write_predictions(tmp_path / "b.parquet", abroad)
    read = read_predictions(tmp_path / "b.parquet")
    assert list(read.transfer) == ["sst", "amazon"]
    for name, ours in abroad.transfer.items():
        theirs = read.transfer[name]
        for field in ("dataset", "title", "labels", "classes", "shared_with_train"):
            assert getattr(theirs, field) == getattr(ours, field)
        assert theirs.split.ids == ours.split.ids
        np.testing.assert_array_equal(theirs.split.labels, ours.split.labels)
        np.testing.assert_array_equal(theirs.split.logits, ours.split.logits)
    write_predictions(tmp_path / "again.parquet", read)
    assert (tmp_path / "again.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_further_test_sets_are_splits_of_the_one_file(abroad: Predictions, tmp_path: Path) -> None:
    write_predictions(tmp_path / "b.parquet", abroad)
    table = pq.read_table(tmp_path / "b.parquet")
    names = table["split"].to_pylist()
    assert names == ["dev"] * 120 + ["test"] * 180 + ["transfer/sst"] * 90 + ["transfer/amazon"] * 90
    assert all(len(row) == 5 for row in table["logits"].to_pylist())


def test_a_further_test_set_is_checked_against_its_own_classes(abroad: Predictions) -> None:
    labels = abroad.transfer["sst"].split.labels.copy()
    labels[2] = 3
    with pytest.raises(FinesentError, match=r"transfer/sst: item 'sst-2' has the label 3.*3 classes"):
        with_transfer(abroad, "sst", labels=labels)
    logits = abroad.transfer["amazon"].split.logits.copy()
    logits[2, 5, 0] = np.nan
    with pytest.raises(FinesentError, match=r"transfer/amazon, seed 2.*1 of 30.*'amazon-5'"):
        with_transfer(abroad, "amazon", logits=logits)
    with pytest.raises(ValueError, match="transfer/sst: expected logits"):
        with_transfer(abroad, "sst", logits=logits[:, :, :3])


def test_further_test_sets_are_paired_by_content(abroad: Predictions) -> None:
    check_paired(abroad, abroad)
    check_paired(abroad, abroad, "transfer/sst")
    check_paired(abroad, replace(abroad, transfer={}), "test")
    labels = abroad.transfer["sst"].split.labels
    swapped = with_transfer(abroad, "sst", labels=labels[::-1].copy())
    with pytest.raises(FinesentError, match="not scored on the same transfer/sst items"):
        check_paired(abroad, swapped, "transfer/sst")
    with pytest.raises(FinesentError, match="not scored on the same transfer/sst items"):
        check_paired(replace(abroad, transfer={}), abroad)
    with pytest.raises(FinesentError, match="not scored on the same transfer/none items"):
        check_paired(abroad, abroad, "transfer/none")


def test_a_seed_missing_from_a_further_test_set_is_refused(abroad: Predictions, tmp_path: Path) -> None:
    path = tmp_path / "b.parquet"
    write_predictions(path, abroad)
    table = pq.read_table(path)
    pq.write_table(table.slice(0, len(table) - 30), path)
    with pytest.raises(FinesentError, match="transfer/amazon with"):
        read_predictions(path)
