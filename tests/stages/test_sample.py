"""The sample stage: training rows are drawn, and dev and test are nobody's business here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from finesent.data.tables import read_rows, write_rows
from finesent.errors import FinesentError
from stages.sample import main

MakeProject = Callable[..., Path]
FilesUnder = Callable[[Path], dict[str, bytes]]

CLEAN, SAMPLED = Path("data/clean/train.parquet"), Path("data/sampled/train.parquet")


def write_train(sizes: tuple[int, int, int] = (40, 20, 10)) -> pd.DataFrame:
    """Write clean training rows, sorted by class, half of them short and half long."""
    labels = [label for label, size in enumerate(sizes) for _ in range(size)]
    rows = pd.DataFrame(
        {
            "id": [f"train-{n:03}" for n in range(len(labels))],
            "text": [f"row {n}" + " and more of it" * (n % 2) for n in range(len(labels))],
            "label": labels,
        }
    )
    write_rows(CLEAN, rows)
    return rows


@pytest.mark.parametrize("train_size", [None, 70])
def test_every_row_is_taken_byte_for_byte(make_project: MakeProject, train_size: int | None) -> None:
    make_project({}, sample={"train_size": train_size})
    write_train()
    assert main() == "sample: 70 of 70 training rows, by class [40, 20, 10]"
    assert SAMPLED.read_bytes() == CLEAN.read_bytes()


def test_draw_has_the_size_and_the_shares_asked_for(make_project: MakeProject) -> None:
    make_project({}, sample={"train_size": 35})
    rows = write_train()
    assert main() == "sample: 35 of 70 training rows, by class [20, 10, 5]"
    drawn = read_rows(SAMPLED)
    assert drawn["id"].is_unique
    assert set(drawn["id"]) <= set(rows["id"])
    assert drawn["id"].tolist() != rows["id"].tolist()[:35]


@pytest.mark.parametrize(("balance", "sizes"), [("downsample", "[10, 10, 10]"), ("upsample", "[40, 40, 40]")])
def test_classes_are_balanced(make_project: MakeProject, balance: str, sizes: str) -> None:
    make_project({}, sample={"balance": balance})
    write_train()
    assert main().endswith(f"by class {sizes}")


def test_dev_and_test_are_neither_read_nor_written(
    make_project: MakeProject, files_under: FilesUnder
) -> None:
    folder = make_project({}, sample={"train_size": 20})
    write_train()
    for split in ("dev", "test"):
        (folder / "data" / "clean" / f"{split}.parquet").write_bytes(b"not to be read")
    before = files_under(folder)
    main()
    after = files_under(folder)
    assert set(after) - set(before) == {str(SAMPLED)}
    assert {name: after[name] for name in before} == before


def test_running_twice_and_elsewhere_gives_the_same_bytes_and_another_seed_others(
    make_project: MakeProject,
) -> None:
    contents = []
    for name, seed in [("one", 5), ("the other", 5), ("another seed", 6)]:
        make_project({}, name, sample={"train_size": 20, "seed": seed})
        write_train()
        main()
        contents.append(SAMPLED.read_bytes())
    main()
    assert SAMPLED.read_bytes() == contents[2]
    assert contents[0] == contents[1] != contents[2]


@pytest.mark.parametrize(
    ("rules", "place", "problem"),
    [
        ({"train_size": 71}, "params.yaml: sample.train_size", "71 rows are asked for and there are 70"),
        ({"train_size": 2}, "data/sampled/train", "no row of the class 'fair', 'good'"),
        ({"train_size": 0}, "params.yaml", "sample.train_size: "),
    ],
)
def test_impossible_draw_is_refused_and_leaves_what_there_was(
    make_project: MakeProject, rules: dict[str, int], place: str, problem: str
) -> None:
    folder = make_project({})
    write_train()
    main()
    before = SAMPLED.read_bytes()
    params = json.loads((folder / "params.yaml").read_text())
    params["sample"].update(rules)
    (folder / "params.yaml").write_text(json.dumps(params))
    with pytest.raises(FinesentError, match=problem) as caught:
        main()
    assert caught.value.place == place
    assert SAMPLED.read_bytes() == before
    assert [path.name for path in SAMPLED.parent.iterdir()] == ["train.parquet"]


def test_missing_clean_rows_are_named(make_project: MakeProject) -> None:
    make_project({})
    with pytest.raises(FinesentError, match=r"data/clean/train\.parquet: the file is missing"):
        main()
    assert not SAMPLED.exists()
