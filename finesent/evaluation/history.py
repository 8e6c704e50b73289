"""How long training took, from plots/<ablation>/history.csv."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from finesent.errors import FinesentError


def training_seconds(path: Path, ablation: str) -> dict[int, float]:
    """Return the seconds that each seed trained for, summed over its epochs.

    Args:
        path: a history that train wrote; its columns ``seed`` and ``seconds`` are read.
        ablation: whose history it is; named in the remedy.

    Raises:
        FinesentError: the file is missing, is no history, or has a time that is no number.
    """
    remedy = f"run `dvc repro evaluate@{ablation}`"
    try:
        rows = pd.read_csv(path, usecols=["seed", "seconds"], dtype={"seed": "int64", "seconds": "float64"})
    except FileNotFoundError as error:
        raise FinesentError(str(path), "the file is missing", f"{remedy} to make it") from error
    except (ValueError, pd.errors.ParserError) as error:
        raise FinesentError(
            str(path), f"not a training history ({error})", f"delete it and {remedy}"
        ) from error
    if rows["seconds"].isna().any():
        raise FinesentError(str(path), "an epoch has no time", f"delete it and {remedy}")
    totals = rows.groupby("seed")["seconds"].sum()
    return {int(seed): float(seconds) for seed, seconds in zip(totals.index, totals, strict=True)}
