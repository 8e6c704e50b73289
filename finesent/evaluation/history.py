"""What training cost, from plots/<ablation>/history.csv."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from finesent.errors import FinesentError
from finesent.evaluation.results import Cost

_NUMBERS = ("seed", "epoch", "seconds", "sentences_per_second")


def read_history(path: Path, ablation: str, seeds: list[int]) -> pd.DataFrame:
    """Read a history that train wrote: a row an epoch of each seed.

    Args:
        path: the file.
        ablation: whose history it is; named in the remedy.
        seeds: those that it must have, in any order.

    Raises:
        FinesentError: the file is missing, is no history, has a time that is no number, or has other seeds.
    """
    remedy = f"run `dvc repro evaluate@{ablation}`"
    try:
        rows = pd.read_csv(path)
    except FileNotFoundError as error:
        raise FinesentError(str(path), "the file is missing", f"{remedy} to make it") from error
    except (ValueError, pd.errors.ParserError) as error:
        raise FinesentError(
            str(path), f"not a training history ({error})", f"delete it and {remedy}"
        ) from error
    absent = [name for name in _NUMBERS if name not in rows or not pd.api.types.is_numeric_dtype(rows[name])]
    if absent or rows[list(_NUMBERS)].isna().any(axis=None):
        what = f"no numbers in the columns {absent}" if absent else "an epoch without numbers"
        raise FinesentError(str(path), f"not a training history ({what})", f"delete it and {remedy}")
    found = sorted({int(seed) for seed in rows["seed"]})
    if found != sorted(seeds):
        raise FinesentError(str(path), f"has the seeds {found}, and params.yaml says {seeds}", remedy)
    return rows


def cost(history: pd.DataFrame) -> Cost:
    """Sum up what all seeds of one ablation cost."""
    by_seed = history.groupby("seed")["seconds"].sum()
    return Cost(
        seconds_per_seed=round(float(by_seed.mean()), 3),
        seconds=round(float(by_seed.sum()), 3),
        sentences_per_second=round(float(history["sentences_per_second"].mean()), 1),
        parameters=_largest(history, "parameters"),
        trained_parameters=_largest(history, "trainable_parameters"),
        peak_memory=_largest(history, "peak_memory"),
    )


def _largest(history: pd.DataFrame, column: str) -> int | None:
    if column not in history or history[column].isna().all():
        return None
    return int(history[column].max())
