"""The cleaning of Amazon reviews as one would write it in pandas: the yardstick of our clean stage."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd


def clean(rows: pd.DataFrame) -> pd.DataFrame:
    """Lower-case, take out HTML, keep a-z, 0-9 and ``.,!?"'``, drop what is empty or there twice."""
    text = (
        rows["text"]
        .fillna("")
        .str.lower()
        .str.replace(r"<[^<>]+>", " ", regex=True)
        .str.replace(r"[^a-z0-9 .,!?\"']+", " ", regex=True)
        .str.replace(r"\s+", " ", regex=True)
        .str.strip()
    )
    cleaned = rows.assign(text=text)
    return cleaned[cleaned["text"] != ""].drop_duplicates("text")


def split(rows: pd.DataFrame, seed: int = 0) -> dict[str, pd.DataFrame]:
    """Cut 80/10/10 at random."""
    drawn = np.random.default_rng(seed).permutation(len(rows))
    ends = (len(rows) * 8 // 10, len(rows) * 9 // 10)
    train, dev, test = np.split(drawn, ends)
    return {"train": rows.iloc[train], "dev": rows.iloc[dev], "test": rows.iloc[test]}


def main() -> None:
    """Clean the csv file of the first argument into the folder of the second."""
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    target.mkdir(parents=True, exist_ok=True)
    splits = split(clean(pd.read_csv(source)))
    for name, rows in splits.items():
        rows.to_parquet(target / f"{name}.parquet", compression="zstd", index=False)
    print(json.dumps({f"{name}_rows": len(rows) for name, rows in splits.items()}), flush=True)


if __name__ == "__main__":
    main()
