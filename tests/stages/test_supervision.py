"""From trees and raters to tokenized training rows, through clean, sample and tokenize."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from finesent.data.duplicates import duplicate_key
from finesent.data.tables import read_rows
from finesent.data.tokens import read_tokens
from finesent.errors import FinesentError
from stages import clean, sample, tokenize
from tests.conftest import write_backbone
from tests.stages.conftest import CATALOG

MakeProject = Callable[..., Path]
Rows = list[tuple[str, int]]

TREES = {
    "train": [
        "(2 (1 (1 the) (1 story)) (2 (1 was) (2 good)))",
        "(0 (0 so) (0 awful))",
        "(1 (1 so) (1 (1 it) (1 was)))",
        # A copy of one of test's.
        "(1 (1 it) (1 was))",
    ],
    "dev": ["(0 (0 so) (0 bad))", "(1 (1 plain))", "(2 (2 was) (2 good))"],
    "test": ["(1 (1 it) (1 was))", "(2 (2 superb))"],
}
RATINGS = {
    "The story was good": [3, 4],
    "so awful .": [-4, -3, -4],
    "so it was": [0, 1],
    "it was": [4, 4],
    "so bad": [-4, -4],
}
PHRASES = {"min_words": 1, "neutral_share": 1.0, "weight": 0.5}


def make_treebank(make_project: MakeProject, **blocks: Any) -> Path:
    """Make a project whose own data set comes as trees, and beside it one of single ratings."""
    folder = make_project({}, **blocks)
    raw, others = folder / "data" / "raw", folder / "data" / "others" / "rated"
    for split, trees in TREES.items():
        (raw / f"{split}.txt").write_text("\n".join([*trees, ""]))
    others.mkdir(parents=True)
    (others / "source.json").write_text('{"layout": "default"}')
    sums = [(n, sum(given) / len(given), given) for n, given in enumerate(RATINGS.values())]
    texts = [f"{n}\t{mean}\t{text}" for (n, mean, _), text in zip(sums, RATINGS, strict=True)]
    (others / "texts.txt").write_text("\n".join([*texts, ""]))
    (others / "ratings.txt").write_text("".join(f"{n}\t{mean}\t0\t{given}\n" for n, mean, given in sums))
    own = {"format": "ptb-trees", "files": {split: {"path": f"{split}.txt"} for split in TREES}}
    rated = {
        "format": "vader-ratings",
        "files": {"all": {"path": "texts.txt"}},
        "extras": {"ratings": {"path": "ratings.txt"}},
    }
    entries = {"mine": own, "rated": rated}
    catalog = {name: {**CATALOG, "layouts": {"default": layout}} for name, layout in entries.items()}
    (folder / "catalog" / "datasets.yaml").write_text(json.dumps(catalog))
    return folder


def keys(split: str) -> set[str]:
    return {duplicate_key(text) for text in read_rows(Path(f"data/clean/{split}.parquet"))["text"]}


def test_phrases_are_of_train_and_never_sentences_of_dev_or_test(make_project: MakeProject) -> None:
    make_treebank(make_project)
    clean.main()
    phrases = read_rows(Path("data/clean/phrases.parquet"))
    assert phrases["text"].tolist() == ["the", "story", "the story", "was", "good", "so", "awful", "so", "it"]
    assert not {duplicate_key(text) for text in phrases["text"]} & (keys("dev") | keys("test"))
    assert json.loads(Path("metrics/clean.json").read_text())["phrases"] == {
        "trees": 4,
        "trees_of_sentences_not_in_train": 1,
        "rows": 9,
        "dropped_as_sentences_of_dev_or_test": 2,
    }


def test_phrases_do_not_depend_on_the_trees_of_dev_and_test(make_project: MakeProject) -> None:
    folder = make_treebank(make_project)
    clean.main()
    before = Path("data/clean/phrases.parquet").read_bytes()
    # The same sentences, every node but the root relabelled.
    for split in ("dev", "test"):
        path = folder / "data" / "raw" / f"{split}.txt"
        flat = [f"{tree[:3]}{tree[3:].replace('(0', '(2').replace('(1', '(0')}" for tree in TREES[split]]
        path.write_text("\n".join([*flat, ""]))
    clean.main()
    assert Path("data/clean/phrases.parquet").read_bytes() == before


@pytest.mark.parametrize("raters", [None, "rated"])
def test_ratings_reach_train_alone(make_project: MakeProject, raters: str | None) -> None:
    make_treebank(make_project, raters=raters)
    clean.main()
    columns = {
        split: list(read_rows(Path(f"data/clean/{split}.parquet")).columns)
        for split in ("train", "dev", "test")
    }
    plain = ["id", "text", "label"]
    assert columns == {"train": [*plain, "soft_label"] if raters else plain, "dev": plain, "test": plain}
    counts = json.loads(Path("metrics/clean.json").read_text())
    assert ("ratings" in counts) == (raters is not None)
    if raters:
        assert (counts["ratings"]["sentences"], counts["ratings"]["held_back"]) == (3, 2)


def test_a_data_set_without_single_ratings_is_refused(make_project: MakeProject) -> None:
    folder = make_treebank(make_project, raters="plain")
    catalog = json.loads((folder / "catalog" / "datasets.yaml").read_text())
    (folder / "catalog" / "datasets.yaml").write_text(json.dumps({**catalog, "plain": catalog["mine"]}))
    with pytest.raises(FinesentError, match="plain does not say what each person said") as caught:
        clean.main()
    assert caught.value.place == "params.yaml: raters"


def test_phrases_follow_the_sentences_into_the_tokens(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_treebank(make_project, raters="rated", sample={"phrases": PHRASES})
    write_backbone(folder / "data" / "backbone")
    clean.main()
    assert sample.main() == (
        "sample: 3 of 3 training rows, by class [1, 1, 1]; 9 phrases, by class [2, 6, 1]"
    )
    monkeypatch.setattr(sys, "argv", ["tokenize", "plain"])
    tokenize.main()
    train = read_tokens(Path("data/tokenized/plain/train.parquet"))
    assert train.phrases is not None and train.phrases.tolist() == [False] * 3 + [True] * 9
    assert train.weights is not None and train.weights.tolist() == [1.0] * 3 + [0.5] * 9
    assert train.soft_labels is not None
    assert train.soft_labels[:3].sum(axis=1).tolist() == pytest.approx([1.0] * 3)
    assert bool((train.soft_labels[3:] != train.soft_labels[3:]).all()), "nobody rated a phrase"
    dev = read_tokens(Path("data/tokenized/plain/dev.parquet"))
    assert (dev.phrases, dev.weights, dev.soft_labels) == (None, None, None)


def test_phrases_of_data_without_trees_are_refused(make_project: MakeProject) -> None:
    splits: dict[str, Rows] = {
        split: [(f"{split} {label}", label) for label in range(3)] for split in ("train", "dev", "test")
    }
    make_project(splits, sample={"phrases": PHRASES})
    clean.main()
    assert "phrases" not in json.loads(Path("metrics/clean.json").read_text())
    with pytest.raises(FinesentError, match="has no trees of its training sentences"):
        sample.main()
    assert not Path("data/sampled/train.parquet").exists()
