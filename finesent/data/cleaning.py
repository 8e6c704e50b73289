"""Cleaning recipes and duplicates, with every dropped row counted by its reason."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable

import numpy as np
import pandas as pd

from finesent.params.clean import Clean

_TAG = re.compile(r"<!--.*?-->|</?[a-z][^<>]*>", re.IGNORECASE | re.DOTALL)
_NOT_KEPT = re.compile(r"[^a-z0-9 .,!?\"']+")
_SPACES = re.compile(r"\s+")


def squeeze_spaces(text: str) -> str:
    """Trim the ends and turn every run of white space into one space."""
    return _SPACES.sub(" ", text).strip()


def clean_review(text: str) -> str:
    """Lower-case, take out HTML, keep letters, digits and ``.,!?"'``, squeeze spaces.

    What goes becomes a space, so that the words on either side stay apart. This is the cleaning of
    the write-up on recurrent networks for Amazon reviews.
    """
    without_tags = _TAG.sub(" ", html.unescape(text))
    return squeeze_spaces(_NOT_KEPT.sub(" ", without_tags.lower()))


RECIPES: dict[str, Callable[[str], str]] = {"none": squeeze_spaces, "reviews": clean_review}


def normalised(text: str) -> str:
    """The form in which two texts count as copies: Unicode NFKC, case folded, spaces squeezed."""
    return squeeze_spaces(unicodedata.normalize("NFKC", text).casefold())


def apply_recipe(rows: pd.DataFrame, recipe: str) -> tuple[pd.DataFrame, int]:
    """Clean every text and drop the rows that are left without one.

    Returns:
        The cleaned rows with a fresh index, and how many were dropped.
    """
    cleaned = rows.assign(text=[RECIPES[recipe](text) for text in rows["text"]])
    kept = cleaned[cleaned["text"] != ""].reset_index(drop=True)
    return kept, len(cleaned) - len(kept)


def remove_duplicates(
    splits: dict[str, pd.DataFrame], rules: Clean, nearly: np.ndarray | None = None
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return train without the duplicates that ``rules`` drop, and the counts of all there are.

    Dev and test are looked at and never changed. Copies with different labels in train are counted
    as conflicts and kept: which of them is wrong cannot be known.

    Args:
        splits: the rows of train, dev and test.
        rules: which exact duplicates go.
        nearly: (N,) bool, the rows of train that go as near duplicates; None for none.
    """
    keys = {name: rows["text"].map(normalised) for name, rows in splits.items()}
    train = splits["train"].assign(_key=keys["train"])
    shared = train["_key"].isin(set(keys["dev"]) | set(keys["test"]))
    repeated = train.duplicated(["_key", "label"], keep="first")
    counts = {
        "train_shared_with_dev_or_test": int(shared.sum()),
        "train_repeated": int(repeated.sum()),
        "train_conflicting_labels": int((train.groupby("_key")["label"].nunique() > 1).sum()),
        "dev_repeated": int(keys["dev"].duplicated().sum()),
        "test_repeated": int(keys["test"].duplicated().sum()),
        "dev_shared_with_test": int(keys["dev"].isin(set(keys["test"])).sum()),
    }
    drop = pd.Series(False, index=train.index)
    if rules.shared_with_dev_or_test == "drop":
        drop |= shared
    if rules.repeated_in_train == "drop":
        drop |= repeated
    counts["train_dropped_as_duplicates"] = int(drop.sum())
    if nearly is not None:
        drop |= nearly
    counts["train_dropped_as_near_duplicates"] = int(drop.sum()) - counts["train_dropped_as_duplicates"]
    return train[~drop].drop(columns="_key").reset_index(drop=True), counts
