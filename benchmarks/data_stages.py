"""Seconds and memory of the data stages over many rows, each stage in a process of its own.

Run as ``python -m benchmarks.data_stages SENTENCES BACKBONE ROWS [ROWS …]``: SENTENCES as for
benchmarks/many_rows.py, BACKBONE a folder with a tokenizer, such as data/backbone. A tenth of the rows more
are the test split; dev is cut out of train. ``plain pandas`` is the least that a script would do in place of
clean, with every row in one frame; it looks for copies by the cleaned text alone and describes nothing. Peak
memory is of one process; clean on many rows has one more for each core.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from benchmarks.alternate import Command, Failure, run
from benchmarks.many_rows import write_many_rows
from benchmarks.peers.pandas_cleaning import clean
from benchmarks.workspace import ROOT
from finesent.evaluation.markdown import NOTHING, table
from finesent.files import write_json

_STAGES = {
    "download": ["-m", "stages.download"],
    "plain pandas": ["-m", "benchmarks.data_stages", "--plain"],
    "clean": ["-m", "stages.clean"],
    "sample": ["-m", "stages.sample"],
    "tokenize plain": ["-m", "stages.tokenize", "plain"],
    "tokenize words": ["-m", "stages.tokenize", "words"],
}
_TOKENIZER = ("config.json", "tokenizer.json", "tokenizer_config.json")
_LAYOUT = {"format": "fasttext", "files": {"train": {"path": "train.txt"}, "test": {"path": "test.txt"}}}
_PARAMS: dict[str, Any] = {
    "dataset": "many",
    "backbone": "tokenizer",
    "embeddings": None,
    "transfer": {},
    "panel": None,
    "raters": None,
    "clean": {
        "recipe": "reviews",
        "repeated_in_train": "drop",
        "shared_with_dev_or_test": "drop",
        "near_duplicates": None,
    },
    "sample": {"train_size": None, "balance": "none", "length_bins": 4, "seed": 0},
    "inputs": {
        "plain": {"template": "{text}", "max_length": 128},
        "words": {
            "template": "{text}",
            "max_length": 128,
            "words": {"max_size": 20000, "min_count": 2, "lowercase": True},
        },
    },
}


def make_project(folder: Path, sentences: Path, backbone: Path, rows: int) -> None:
    """Write a project folder with ``rows`` training rows and everything else that the data stages read."""
    described = {"title": "many", "licence": "none", "sources": [{"kind": "local"}]}
    local = folder / "data" / "local"
    write_many_rows(sentences, rows, local / "train.txt")
    write_many_rows(sentences, max(1, rows // 10), local / "test.txt", seed=1)
    for name in _TOKENIZER:
        shutil.copy(backbone / name, local / name)
    files = [{"path": name} for name in _TOKENIZER]
    # JSON is YAML.
    write_json(
        folder / "catalog" / "datasets.yaml",
        {"many": {**described, "labels": ["negative", "positive"], "layouts": {"default": _LAYOUT}}},
    )
    write_json(
        folder / "catalog" / "backbones.yaml",
        {"tokenizer": {**described, "parameters": "0", "layouts": {"default": {"files": files}}}},
    )
    write_json(folder / "catalog" / "embeddings.yaml", {})
    write_json(folder / "params.yaml", _PARAMS)


def measured(name: str, command: list[str], folder: Path) -> dict[str, str]:
    """Run Python with these arguments in ``folder``; return its seconds and peak memory, or why it failed."""
    environment = {"PYTHONPATH": str(ROOT)}
    found = run(Command(name, (sys.executable, *command), folder, environment, speaks=False))
    if isinstance(found, Failure):
        return {"seconds": f"failed: {found.reason}", "peak MiB": NOTHING}
    return {"seconds": f"{found.seconds:.1f}", "peak MiB": f"{found.peak_memory / 2**20:.0f}"}


def plain_pandas() -> None:
    """Clean data/raw with the peers' pandas recipe: what clean is compared with."""

    def read(name: str) -> pd.DataFrame:
        lines = Path("data/raw", name).read_text(encoding="utf-8").splitlines()
        return clean(pd.Series(lines).str.extract(r"__label__(?P<label>\d+) (?P<text>.*)"))

    train, test = read("train.txt"), read("test.txt")
    train = train[~train["text"].isin(set(test["text"]))]
    dev = train.sample(frac=0.1, random_state=0)
    folder = Path("plain")
    folder.mkdir(exist_ok=True)
    for name, rows in (("train", train.drop(dev.index)), ("dev", dev), ("test", test)):
        rows.to_parquet(folder / f"{name}.parquet", compression="zstd")


def main() -> None:
    """Print a table of all stages over all numbers of rows."""
    if sys.argv[1:] == ["--plain"]:
        plain_pandas()
        return
    sentences, backbone = (Path(argument).resolve() for argument in sys.argv[1:3])
    rows = []
    for count in map(int, sys.argv[3:]):
        with TemporaryDirectory(prefix="finesent-") as folder:
            make_project(Path(folder), sentences, backbone, count)
            for name, command in _STAGES.items():
                row = {"rows": f"{count:,}", "stage": name, **measured(name, command, Path(folder))}
                print(", ".join(row.values()), file=sys.stderr, flush=True)
                rows.append(row)
    print(table(rows, left=("stage",)))


if __name__ == "__main__":
    main()
