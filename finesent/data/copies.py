"""Taking out of train what it repeats of itself, of dev and of test, with every dropped row counted."""

from __future__ import annotations

import numpy as np
import pandas as pd

from finesent.data.ranges import repeated_by_range
from finesent.data.rows import Rows
from finesent.data.tables import SPLITS
from finesent.params.clean import Clean


def remove_duplicates(
    splits: dict[str, Rows], rules: Clean, nearly: np.ndarray | None = None
) -> tuple[Rows, dict[str, int]]:
    """Return train without the duplicates that ``rules`` drop, and the counts of all there are.

    Dev and test are looked at and never changed. Copies with different labels in train are counted
    as conflicts and kept: which of them is wrong cannot be known.

    Args:
        splits: the rows of train, dev and test.
        rules: which exact duplicates go.
        nearly: (N,) bool, the rows of train that go as near duplicates; None for none.
    """
    train = splits["train"].texts
    shared, repeated = np.zeros(len(train), dtype=bool), np.zeros(len(train), dtype=bool)
    counts = dict.fromkeys(
        [
            "train_shared_with_dev_or_test",
            "train_repeated",
            "train_conflicting_labels",
            "dev_repeated",
            "test_repeated",
            "dev_shared_with_test",
        ],
        0,
    )
    for several in repeated_by_range(*(splits[name].texts for name in SPLITS)):
        texts, dev, test = (splits[name].texts[rows] for name, rows in zip(SPLITS, several, strict=True))
        labelled = _with_labels(texts, splits["train"].labels[several[0]])
        again = pd.Series(labelled).duplicated(keep="first").to_numpy()
        elsewhere = pd.Series(texts).isin(np.concatenate([dev, test])).to_numpy()
        shared[several[0]], repeated[several[0]] = elsewhere, again
        # A text that is left more than once has more than one label.
        left = texts[~again]
        conflicting = pd.unique(left[pd.Series(left).duplicated().to_numpy()])
        counts["train_shared_with_dev_or_test"] += int(elsewhere.sum())
        counts["train_repeated"] += int(again.sum())
        counts["train_conflicting_labels"] += len(conflicting)
        counts["dev_repeated"] += len(dev) - len(np.unique(dev))
        counts["test_repeated"] += len(test) - len(np.unique(test))
        counts["dev_shared_with_test"] += int(np.isin(dev, test).sum())
    drop = np.zeros(len(train), dtype=bool)
    if rules.shared_with_dev_or_test == "drop":
        drop |= shared
    if rules.repeated_in_train == "drop":
        drop |= repeated
    counts["train_dropped_as_duplicates"] = int(drop.sum())
    if nearly is not None:
        drop |= nearly
    counts["train_dropped_as_near_duplicates"] = int(drop.sum()) - counts["train_dropped_as_duplicates"]
    return splits["train"].where(~drop), counts


def _with_labels(texts: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return (N,) uint64 hashes of texts and labels together, as good as those of the texts.

    A label turns over half of the bits (Fibonacci hashing, Knuth, The Art of Computer Programming 3, 6.4).
    """
    mixed: np.ndarray = texts ^ (labels.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    return mixed
