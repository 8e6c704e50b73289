"""Seconds and memory of the data stages over many rows, each stage in a process of its own.

Run as ``python -m benchmarks.data_stages SENTENCES BACKBONE ROWS [ROWS …] [--rounds N] [--without-tokens]``:
SENTENCES as for benchmarks/many_rows.py, BACKBONE a folder with a tokenizer, such as data/backbone. A tenth
of the rows more are the test split; dev is cut out of train. ``plain pandas`` is the least that a script
would do in place of clean, with every row in one frame; it looks for copies by the cleaned text alone and
describes nothing. The two take turns, N times each; the other stages run once. Memory is that of all
processes of a stage together.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from benchmarks.alternate import Command, Failure, Range, order, ratios, run, summary
from benchmarks.many_rows import write_many_rows
from benchmarks.peers.pandas_cleaning import clean
from benchmarks.resident import watched
from benchmarks.workspace import ROOT
from finesent.evaluation.markdown import NOTHING, table
from finesent.files import write_json

_FIRST = {"download": ["-m", "stages.download"]}
_IN_TURN = {
    "clean": ["-m", "stages.clean"],
    "plain pandas": ["-m", "benchmarks.data_stages", "--plain"],
}
_SAMPLE = {"sample": ["-m", "stages.sample"]}
_TOKENS = {
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


@dataclass
class _Measured:
    """What a stage took in each of its runs, or why it failed."""

    seconds: list[float]
    peaks: list[float]
    failure: str = ""

    def row(self) -> dict[str, str]:
        """Return the cells of the stage."""
        if self.failure:
            return {"seconds": f"failed: {self.failure}", "peak MiB": NOTHING}
        peak = max(self.peaks) / 2**20
        return {"seconds": _spread(summary(self.seconds), 1), "peak MiB": f"{peak:,.0f}"}


def measure(commands: dict[str, list[str]], folder: Path, rounds: int) -> dict[str, _Measured]:
    """Run Python with each of these arguments in ``folder``, in turn."""
    found = {name: _Measured([], []) for name in commands}
    for name in (name for names in order(list(commands), rounds) for name in names):
        with watched(folder) as peak:
            environment = {"PYTHONPATH": str(ROOT)}
            outcome = run(Command(name, (sys.executable, *commands[name]), folder, environment, speaks=False))
        if isinstance(outcome, Failure):
            found[name].failure = outcome.reason
        else:
            found[name].seconds.append(outcome.seconds)
            found[name].peaks.append(peak.value)
        print(name, found[name].row(), file=sys.stderr, flush=True)
    return found


def measured_stages(folder: Path, rounds: int, tokens: bool) -> list[dict[str, str]]:
    """Return a row for each stage of the project in ``folder``, with or without those that make tokens."""
    first = measure(_FIRST, folder, 1)
    in_turn = measure(_IN_TURN, folder, rounds)
    last = measure(_SAMPLE | _TOKENS if tokens else _SAMPLE, folder, 1)
    rows = {name: stage.row() for name, stage in (first | in_turn | last).items()}
    ours, theirs = (in_turn[name] for name in _IN_TURN)
    if not ours.failure and not theirs.failure:
        rows["plain pandas"]["times clean"] = _spread(ratios(theirs.seconds, ours.seconds), 2)
    return [{"stage": name, **row} for name, row in rows.items()]


def _spread(values: Range, decimals: int) -> str:
    if values.low == values.high:
        return f"{values.median:.{decimals}f}"
    return f"{values.median:.{decimals}f} [{values.low:.{decimals}f}, {values.high:.{decimals}f}]"


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
    parser = argparse.ArgumentParser(description="Seconds and memory of the data stages over many rows.")
    parser.add_argument("sentences", type=Path, help="a Parquet file with a column text")
    parser.add_argument("backbone", type=Path, help="a folder with a tokenizer")
    parser.add_argument("rows", type=int, nargs="+", help="how many to train on")
    parser.add_argument("--rounds", type=int, default=1, help="of clean and plain pandas")
    parser.add_argument("--without-tokens", action="store_true", help="leave tokenize out, the longest")
    asked = parser.parse_args()
    rows = []
    for count in asked.rows:
        with TemporaryDirectory(prefix="finesent-") as folder:
            make_project(Path(folder), asked.sentences, asked.backbone, count)
            found = measured_stages(Path(folder), asked.rounds, not asked.without_tokens)
            rows += [{"rows": f"{count:,}", **stage} for stage in found]
    columns = dict.fromkeys(name for row in rows for name in row)
    print(table([dict.fromkeys(columns, "") | row for row in rows], left=("stage",)))


if __name__ == "__main__":
    main()
