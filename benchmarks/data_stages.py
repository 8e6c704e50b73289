"""Seconds and memory of the data stages over many rows, each stage in a process of its own.

Run as ``python -m benchmarks.data_stages SENTENCES BACKBONE ROWS [ROWS …]``: SENTENCES as for
benchmarks/many_rows.py, BACKBONE a folder with a tokenizer, such as data/backbone. A tenth of the rows more
are the test split; dev is cut out of train. ``plain pandas`` is the least that a script would do in place of
clean, with every row in one frame; it looks for copies by the cleaned text alone and describes nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.many_rows import write_many_rows
from finesent.evaluation.markdown import table
from finesent.files import write_json

_ROOT = Path(__file__).parents[1]
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
_MEBIBYTE = 1024  # of what getrusage counts in on Linux: KiB


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


def measure(command: list[str], folder: Path) -> dict[str, float]:
    """Run Python with these arguments in ``folder``.

    Returns:
        ``seconds`` that passed, ``cpu`` seconds of the process and those that it started, and ``peak`` MiB of
        memory of the largest of them.

    Raises:
        RuntimeError: it failed.
    """
    start = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.environ.get("PYTHONPATH", str(_ROOT))},
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}")
    return {
        "seconds": time.perf_counter() - start,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss / _MEBIBYTE,
    }


def plain_pandas() -> None:
    """Clean data/raw with pandas alone: what clean is compared with."""
    import html

    import pandas as pd

    def read(name: str) -> pd.DataFrame:
        lines = Path("data/raw", name).read_text(encoding="utf-8").splitlines()
        rows = pd.Series(lines).str.extract(r"__label__(?P<label>\d+) (?P<text>.*)")
        text = rows["text"].map(html.unescape).str.lower()
        text = text.str.replace(r"<!--.*?-->|</?[a-z][^<>]*>", " ", regex=True)
        text = text.str.replace(r"[^a-z0-9 .,!?\"']+", " ", regex=True)
        text = text.str.replace(r"\s+", " ", regex=True).str.strip()
        return rows.assign(text=text)[text != ""]

    train, test = read("train.txt"), read("test.txt")
    train = train.drop_duplicates(["text", "label"])
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
                found = measure(command, Path(folder))
                print(json.dumps({"rows": count, "stage": name, **found}), file=sys.stderr, flush=True)
                rows.append(
                    {
                        "rows": f"{count:,}",
                        "stage": name,
                        "seconds": f"{found['seconds']:.1f}",
                        "cpu seconds": f"{found['cpu']:.1f}",
                        "peak MiB": f"{found['peak']:.0f}",
                    }
                )
    print(table(rows, left=("stage",)))


if __name__ == "__main__":
    main()
