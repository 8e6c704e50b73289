"""The clean stage, from data/raw to three splits and the counts of what was dropped."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from finesent.data import readers
from finesent.data.joining import JoinedParquet
from finesent.data.splits import split_of
from finesent.data.tables import read_rows
from finesent.data.transfer import read_transfer_index
from finesent.errors import FinesentError
from stages.clean import main
from tests.stages.conftest import CATALOG, csv_of

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
            "train_dropped_as_near_duplicates": 0,
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


def test_dev_is_cut_out_of_train_where_only_test_was_published(make_project: MakeProject) -> None:
    rows = without_splits()
    copies = [(f" {text.upper()} ", label) for text, label in rows[:50]]
    test = [rows[0], rows[0], ("  ", 1), ("other", 2)]
    folder = make_project({"train": [*rows, *copies, ("", 0)], "test": test})
    main()
    assert {split_of(text) for text in texts("dev")} == {"dev"}
    assert {split_of(text) for text in texts("train")} == {"train", "test"}
    assert texts("test") == [rows[0][0], rows[0][0], "other"]
    metrics = json.loads(Path("metrics/clean.json").read_text())
    # Counted by the splits that were published.
    assert metrics["dropped_without_text"] == {"train": 1, "test": 1}
    dropped = metrics["duplicates"]["train_dropped_as_duplicates"]
    assert metrics["rows"]["train"] + metrics["rows"]["dev"] + dropped == len(rows) + len(copies)
    dev = read_rows(folder / "data" / "clean" / "dev.parquet")
    assert all(identifier.startswith("train-") for identifier in dev["id"])
    assert data_report()["exact_duplicates"]["across"]["train-dev"] == 0


@pytest.mark.parametrize(
    "splits",
    [own_splits(), {"all": without_splits()}, {"train": without_splits(), "test": TEST}],
    ids=["own splits", "all", "train and test"],
)
def test_running_twice_and_elsewhere_gives_the_same_bytes(
    make_project: MakeProject, files_under: FilesUnder, splits: dict[str, Rows]
) -> None:
    runs = []
    for name in ("one", "one", "the other"):
        folder = Path.cwd() if Path.cwd().name == name else make_project(splits, name)
        main()
        runs.append({**files_under(folder / "data" / "clean"), **files_under(folder / "metrics")})
    assert set(runs[0]) == {
        *("train.parquet", "dev.parquet", "test.parquet"),
        *("phrases.parquet", "recurring.parquet", "panel.parquet", "duplicates.parquet"),
        "transfer/index.json",
        *("clean.json", "data.json"),
    }
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


@pytest.mark.slow
def test_the_size_of_batches_and_the_number_of_processes_do_not_show(
    make_project: MakeProject, files_under: FilesUnder, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = without_splits()
    splits = {"train": [*rows, *TRAIN, ("Café &amp; more", 1), *rows[:9]], "test": [*TEST, *rows[3:5]]}
    runs = []
    for name, size, large in (("whole", 1 << 14, 1 << 26), ("pieces", 50, 0)):
        monkeypatch.setattr(readers, "_BATCH", size)
        # Processes start before there is work for them where data are large.
        monkeypatch.setattr("stages.clean._LARGE", large)
        folder = make_project(splits, name, clean={"recipe": "reviews"})
        main()
        runs.append({**files_under(folder / "data" / "clean"), **files_under(folder / "metrics")})
        assert not list((folder / "data").glob(".clean-*"))
    assert runs[0] == runs[1]


def test_full_disk_leaves_only_whole_files(
    make_project: MakeProject, files_under: FilesUnder, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_project(own_splits())
    write = pq.ParquetWriter.write_table

    def fills_up(writer: Any, table: Any) -> None:
        write(writer, table)
        if len(table) == len(TEST):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", fills_up)
    with pytest.raises(FinesentError, match=r"data/clean/test\.parquet: the disk is full"):
        main()
    written = {Path(name).name for name in files_under(Path("data/clean"))}
    assert {"train.parquet", "dev.parquet"} <= written
    assert "test.parquet" not in written
    assert not any(name.endswith(".tmp") for name in written)
    assert len(texts("train")) == len(texts("dev")) == 4
    assert not files_under(Path("metrics"))


LONG = "the plot of this film holds together very well"
NEAR = "the plot of this film holds together rather well"


def add_other(folder: Path, name: str, splits: dict[str, Rows], labels: list[str] | None = None) -> None:
    """Add a data set to the catalog and to data/others, as download leaves it."""
    place = folder / "data" / "others" / name
    place.mkdir(parents=True)
    for split, rows in splits.items():
        (place / f"{split}.csv").write_text(csv_of(rows), encoding="utf-8")
    (place / "source.json").write_text('{"layout": "default"}')
    files = {split: {"path": f"{split}.csv"} for split in splits}
    catalog = folder / "catalog" / "datasets.yaml"
    entry = {**CATALOG, "title": name.capitalize(), "layouts": {"default": {"format": "csv", "files": files}}}
    known = json.loads(catalog.read_text())
    catalog.write_text(json.dumps({**known, name: {**entry, "labels": labels or CATALOG["labels"]}}))


def chosen(dataset: str, classes: list[int], rows: int | None = None) -> dict[str, Any]:
    return {"dataset": dataset, "classes": classes, "rows": rows}


def data_report() -> dict[str, Any]:
    report: dict[str, Any] = json.loads(Path("metrics/data.json").read_text())
    return report


def test_further_test_sets_lose_what_train_shares_and_are_drawn(make_project: MakeProject) -> None:
    sets = {"z-first": chosen("tweets", [3, 2], 2), "news": chosen("news", [2])}
    folder = make_project({**own_splits(), "train": [*TRAIN, (LONG, 1)]}, transfer=sets)
    # One is in train, one was dropped from train as it stands in dev, one is nearly in train.
    tweets: Rows = [
        ("AWFUL <br> film", 1),
        ("Seen in dev", 0),
        (NEAR, 2),
        ("new", 1),
        ("newer", 2),
        (" ", 0),
        ("last", 0),
    ]
    add_other(folder, "tweets", {"all": tweets})
    add_other(folder, "news", {"train": [("x", 0)], "dev": [("y", 0)], "test": [("z  z", 1)]}, ["down", "up"])
    assert main() == (
        "clean: 5 train, 4 dev, 2 test, 2 z-first, 1 news; dropped 2 without text and 3 duplicates"
    )
    index = read_transfer_index(Path("data/clean/transfer"))
    assert list(index) == ["z-first", "news"]
    assert index["z-first"].model_dump() == {
        "dataset": "tweets",
        "title": "Tweets",
        "labels": ["bad", "fair", "good"],
        "classes": [3, 2],
        "rows": 2,
        "shared_with_train": 3,
    }
    drawn = read_rows(Path("data/clean/transfer/z-first.parquet"))
    assert list(drawn.columns) == ["id", "text", "label"]
    assert set(drawn["text"]) < {"new", "newer", "last"}
    news = read_rows(Path("data/clean/transfer/news.parquet"))
    assert news.to_dict("records") == [{"id": "test-1", "text": "z z", "label": 1}]
    report = data_report()
    assert report["transfer_shared_with_train"] == {"z-first": 3, "news": 0}
    assert report["rows"] == {"train": 8, "dev": 4, "test": 2, "z-first": 6, "news": 1}
    assert report["exact_duplicates"]["across"]["train-z-first"] == 2
    assert report["near_duplicates"]["across"]["train-z-first"] == 1
    assert report["label_conflicts"]["across"] == {
        "train-dev": 0, "train-test": 0, "dev-test": 0, "train-z-first": 2,
    }  # fmt: skip


def test_train_does_not_depend_on_further_test_sets(
    make_project: MakeProject, files_under: FilesUnder
) -> None:
    make_project(own_splits(), "without")
    main()
    without = files_under(Path("data/clean"))
    folder = make_project(own_splits(), "with", transfer={"tweets": chosen("tweets", [3])}, panel="tweets")
    add_other(folder, "tweets", {"all": [("Awful <br>film", 1), ("new", 1)]})
    main()
    given = files_under(Path("data/clean"))
    for split in ("train", "dev", "test"):
        assert given[f"{split}.parquet"] == without[f"{split}.parquet"]


@pytest.mark.parametrize(
    ("action", "left"), [("keep", ["so so", "bad", "good", LONG, NEAR]), ("drop", ["so so", "bad", "good"])]
)
def test_near_duplicates_of_test_go_from_train_if_asked(
    make_project: MakeProject, action: str, left: list[str]
) -> None:
    train: Rows = [("so so", 1), ("bad", 0), ("good", 2), (LONG, 2), (NEAR, 2)]
    dev: Rows = [("d", 0), ("e", 1), ("f", 2)]
    make_project(
        {"train": train, "dev": dev, "test": [(f"{LONG}!", 2)]},
        clean={"near_duplicates": {"action": action, "similarity": 0.6}},
    )
    main()
    assert texts("train") == left
    assert texts("test") == [f"{LONG}!"]
    report = data_report()
    dropped = 5 - len(left)
    assert report["train_dropped_as_near_duplicates"] == dropped
    clean = json.loads(Path("metrics/clean.json").read_text())
    assert clean["duplicates"]["train_dropped_as_near_duplicates"] == dropped
    assert clean["duplicates"]["train_dropped_as_duplicates"] == 0
    # What was found is told either way.
    assert report["exact_duplicates"]["across"]["train-test"] == 1
    pairs = pq.read_table("data/clean/duplicates.parquet").to_pylist()
    across = [
        (pair["kind"], pair["first_id"], pair["second_id"])
        for pair in pairs
        if pair["second_split"] == "test"
    ]
    assert across == [("exact", "train-4", "test-1"), ("near", "train-5", "test-1")]


def test_near_duplicates_need_not_be_looked_for(make_project: MakeProject) -> None:
    train: Rows = [*TRAIN, (LONG, 2), (NEAR, 2)]
    make_project({**own_splits(), "train": train}, clean={"near_duplicates": None})
    main()
    assert data_report()["near_duplicates"] == {"within": {}, "across": {}}
    assert set(pq.read_table("data/clean/duplicates.parquet")["kind"].to_pylist()) == {"exact"}


def test_a_second_data_set_labels_the_same_sentences(make_project: MakeProject) -> None:
    folder = make_project(own_splits(), panel="others")
    add_other(folder, "others", {"train": [("Good!", 1)], "dev": [("x", 0)], "test": [("seen in test .", 0)]})
    main()
    panel = pq.read_table("data/clean/panel.parquet")
    labels = {row["id"]: row["second_label"] for row in panel.to_pylist()}
    assert labels == {"dev-1": None, "dev-2": None, "dev-3": None, "dev-4": 1, "test-1": 0, "test-2": None}
    assert json.loads(panel.schema.metadata[b"finesent"]) == {"dataset": "others", "title": "Others"}


def test_sorted_rows_are_warned_of(make_project: MakeProject, capsys: pytest.CaptureFixture[str]) -> None:
    train: Rows = [(f"sentence no {number}", number // 50) for number in range(150)]
    make_project({**own_splits(), "train": train})
    main()
    assert capsys.readouterr().err == (
        "warning: the rows of train stand sorted by label; never cut them by position\n"
    )
    assert data_report()["sorted_by_label"] == {"train": 1, "dev": 0, "test": 0}


@pytest.mark.parametrize(
    ("blocks", "place", "problem"),
    [
        (
            {"transfer": {"a": chosen("tweet", [3])}},
            "transfer.a.dataset",
            "unknown data set 'tweet'.*did you mean 'tweets'",
        ),
        (
            {"transfer": {"a": chosen("tweets", [5])}},
            "transfer.a.classes",
            "cannot be scored at 5 classes: tweets has 3",
        ),
        (
            {"transfer": {"a": chosen("tweets", [3], 9)}},
            "transfer.a.rows",
            "9 rows are asked for and there are 1",
        ),
        ({"transfer": {"a": chosen("shared", [3])}}, "transfer.a", "no row is left"),
        ({"panel": "tweet"}, "panel", "unknown data set 'tweet'.*did you mean 'tweets'"),
        ({"panel": "two"}, "panel", "two has 2 classes and the study's data set 3"),
        (
            {"transfer": {"a": chosen("mine", [3])}},
            "",
            "transfer.a.dataset: 'mine' is the study's own data set",
        ),
        ({"panel": "mine"}, "", "panel: 'mine' is the study's own data set"),
    ],
)
def test_further_data_that_cannot_be_used_are_refused(
    make_project: MakeProject, files_under: FilesUnder, blocks: dict[str, Any], place: str, problem: str
) -> None:
    folder = make_project(own_splits(), **blocks)
    add_other(folder, "tweets", {"all": [("new", 1)]})
    add_other(folder, "shared", {"all": [("awful <br>film", 1), (" ", 1)]})
    add_other(folder, "two", {"all": [("new", 1)]}, ["down", "up"])
    error = refused(problem, files_under)
    assert error.place.startswith(f"params.yaml: {place}" if place else "params.yaml")


def test_a_broken_further_test_set_leaves_the_last_one(
    make_project: MakeProject, files_under: FilesUnder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_project(own_splits(), transfer={"a": chosen("tweets", [3]), "b": chosen("tweets", [2])})
    add_other(folder, "tweets", {"all": [("new", 1)]})
    main()
    before = files_under(Path("data/clean/transfer"))
    add = JoinedParquet.add

    def fills_up(joined: Any, part: memoryview) -> None:
        if "b.parquet" in joined._file.name:
            raise OSError(errno.ENOSPC, "No space left on device")
        add(joined, part)

    monkeypatch.setattr(JoinedParquet, "add", fills_up)
    with pytest.raises(FinesentError, match="the disk is full"):
        main()
    assert files_under(Path("data/clean/transfer")) == before
    assert {path.name for path in Path("data/clean").iterdir()} >= {"transfer"}
    assert not [path for path in Path("data/clean").iterdir() if path.name.startswith(".")]
