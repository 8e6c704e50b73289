"""The clean stage, from data/raw to three splits and the counts of what was dropped."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from finesent.data.splits import split_of
from finesent.data.tables import read_rows
from finesent.errors import FinesentError
from stages.clean import main

Rows = list[tuple[str, int | str]]
MakeProject = Callable[..., Path]
FilesUnder = Callable[[Path], dict[str, bytes]]

TRAIN: Rows = [
    ("Awful <br>film", 0),
    ("  so   so ", 1),
    ("Superb!", 2),
    ("superb! ", 2),
    ("Superb!", 0),
    ("seen in dev", 1),
    ("   ", 1),
    ("Seen in TEST", 2),
]
DEV: Rows = [("seen in dev", 1), ("bad", 0), ("bad", 0), ("good", 2), ("", 0)]
TEST: Rows = [("seen in test", 2), ("other", 0)]


def own_splits() -> dict[str, Rows]:
    return {"train": TRAIN, "dev": DEV, "test": TEST}


def without_splits(count: int = 240) -> Rows:
    return [(f"the film no {n} was fine", n % 3) for n in range(count)]


def texts(split: str) -> list[str]:
    return [str(text) for text in read_rows(Path(f"data/clean/{split}.parquet"))["text"]]


def test_published_splits_are_cleaned_and_train_is_rid_of_copies(make_project: MakeProject) -> None:
    make_project(own_splits())
    assert main() == "clean: 4 train, 4 dev, 2 test; dropped 2 without text and 3 duplicates"
    assert texts("train") == ["Awful <br>film", "so so", "Superb!", "Superb!"]
    assert texts("dev") == ["seen in dev", "bad", "bad", "good"]
    assert texts("test") == ["seen in test", "other"]
    train = read_rows(Path("data/clean/train.parquet"))
    assert list(train.columns) == ["id", "text", "label"]
    assert train["id"].tolist() == ["train-1", "train-2", "train-3", "train-5"]
    assert train["label"].tolist() == [0, 1, 2, 0]


def test_every_count_is_in_the_metrics(make_project: MakeProject) -> None:
    make_project(own_splits())
    main()
    assert json.loads(Path("metrics/clean.json").read_text()) == {
        "rows": {"train": 4, "dev": 4, "test": 2},
        "dropped_without_text": {"train": 1, "dev": 1, "test": 0},
        "duplicates": {
            "train_shared_with_dev_or_test": 2,
            "train_repeated": 1,
            "train_conflicting_labels": 1,
            "dev_repeated": 1,
            "test_repeated": 0,
            "dev_shared_with_test": 0,
            "train_dropped_as_duplicates": 3,
        },
        "classes": {"train": [2, 1, 1], "dev": [2, 1, 1], "test": [1, 0, 1]},
    }


def test_keep_rules_keep_the_rows_and_still_count_them(make_project: MakeProject) -> None:
    make_project(own_splits(), clean={"repeated_in_train": "keep", "shared_with_dev_or_test": "keep"})
    main()
    assert len(texts("train")) == 7
    counts = json.loads(Path("metrics/clean.json").read_text())["duplicates"]
    assert (counts["train_shared_with_dev_or_test"], counts["train_repeated"]) == (2, 1)
    assert counts["train_dropped_as_duplicates"] == 0


def test_recipe_is_applied_to_all_splits(make_project: MakeProject) -> None:
    test: Rows = [*TEST, ("<br>", 0)]
    make_project({**own_splits(), "test": test}, clean={"recipe": "reviews"})
    main()
    assert texts("train") == ["awful film", "so so", "superb!", "superb!"]
    assert texts("test") == ["seen in test", "other"]
    assert json.loads(Path("metrics/clean.json").read_text())["dropped_without_text"]["test"] == 1


def test_data_without_splits_are_cut_by_their_cleaned_text(make_project: MakeProject) -> None:
    rows = without_splits()
    copies = [(f" {text.upper()} ", label) for text, label in rows[:50]]
    make_project({"all": [*rows, *copies, ("", 0)]})
    main()
    for split in ("train", "dev", "test"):
        assert texts(split)
        assert {split_of(text) for text in texts(split)} == {split}
    metrics = json.loads(Path("metrics/clean.json").read_text())
    assert metrics["dropped_without_text"] == {"all": 1}
    assert metrics["duplicates"]["train_shared_with_dev_or_test"] == 0
    assert sum(metrics["rows"].values()) + metrics["duplicates"]["train_repeated"] == 290


@pytest.mark.parametrize("splits", [own_splits(), {"all": without_splits()}], ids=["own splits", "all"])
def test_running_twice_and_elsewhere_gives_the_same_bytes(
    make_project: MakeProject, files_under: FilesUnder, splits: dict[str, Rows]
) -> None:
    runs = []
    for name in ("one", "one", "the other"):
        folder = Path.cwd() if Path.cwd().name == name else make_project(splits, name)
        main()
        runs.append({**files_under(folder / "data" / "clean"), **files_under(folder / "metrics")})
    assert set(runs[0]) == {"train.parquet", "dev.parquet", "test.parquet", "clean.json"}
    assert runs[0] == runs[1] == runs[2]


def refused(match: str, files_under: FilesUnder) -> FinesentError:
    """Run the stage to its error and see that it wrote nothing at all."""
    with pytest.raises(FinesentError, match=match) as caught:
        main()
    assert not files_under(Path("data/clean"))
    assert not files_under(Path("metrics"))
    return caught.value


@pytest.mark.parametrize("split", ["train", "dev"])
def test_class_without_a_row_is_refused(
    make_project: MakeProject, files_under: FilesUnder, split: str
) -> None:
    splits = own_splits()
    splits[split] = [row for row in splits[split] if row[1] != 1]
    make_project(splits)
    error = refused("no row of the class 'fair'", files_under)
    assert error.place == f"data/clean/{split}"


def test_class_that_cleaning_empties_is_refused(make_project: MakeProject, files_under: FilesUnder) -> None:
    train: Rows = [("bad", 0), ("seen in dev", 1), ("good", 2)]
    make_project({**own_splits(), "train": train})
    refused("no row of the class 'bad', 'fair', 'good'", files_under)


def test_test_split_may_lack_a_class_but_not_every_row(
    make_project: MakeProject, files_under: FilesUnder
) -> None:
    make_project({**own_splits(), "test": [(" ", 0)]})
    error = refused("has no row with a text", files_under)
    assert error.place == "data/clean/test"


@pytest.mark.parametrize("label", [3, -1, "good", "", "1.5"])
def test_label_outside_the_catalog_names_file_and_row(
    make_project: MakeProject, files_under: FilesUnder, label: int | str
) -> None:
    make_project({**own_splits(), "dev": [*DEV, ("new", label)]})
    error = refused("is not in the catalog; allowed are 0, 1, 2", files_under)
    assert error.place == "dev.csv, row 6, column label"
    assert repr(str(label)) in error.problem


def test_unknown_data_set_is_refused(make_project: MakeProject, files_under: FilesUnder) -> None:
    folder = make_project(own_splits())
    params = json.loads((folder / "params.yaml").read_text())
    (folder / "params.yaml").write_text(json.dumps({**params, "dataset": "mime"}))
    refused("unknown data set 'mime'.*did you mean 'mine'", files_under)


def test_missing_raw_data_are_named(make_project: MakeProject, files_under: FilesUnder) -> None:
    folder = make_project(own_splits())
    (folder / "data" / "raw" / "test.csv").unlink()
    refused(r"test\.csv: the file is missing", files_under)
    (folder / "data" / "raw" / "source.json").unlink()
    refused(r"data/raw/source\.json: the file is missing", files_under)


def test_full_disk_leaves_only_whole_files(
    make_project: MakeProject, files_under: FilesUnder, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_project(own_splits())
    write, calls = pq.write_table, []

    def fills_up(table: Any, path: Path, **options: Any) -> None:
        calls.append(path)
        if len(calls) < 2:
            write(table, path, **options)
            return
        path.write_bytes(b"PAR1 half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pq, "write_table", fills_up)
    with pytest.raises(FinesentError, match=r"data/clean/dev\.parquet: the disk is full"):
        main()
    assert set(files_under(Path("data/clean"))) == {"train.parquet"}
    assert len(texts("train")) == 4
    assert not files_under(Path("metrics"))
