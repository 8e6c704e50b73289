"""Error analysis: what every ablation says about every test item, and where two of them part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from finesent.errors import FinesentError
from finesent.evaluation.metrics import length_bins, probabilities
from finesent.evaluation.predictions import Predictions, check_paired


@dataclass(frozen=True, eq=False)
class _Answers:
    """What S seeds say about N items: (N,) arrays, and (N, C) mean probabilities."""

    probability: np.ndarray
    predicted: np.ndarray
    seeds_right: np.ndarray

    @classmethod
    def of(cls, predictions: Predictions) -> _Answers:
        split = predictions.splits["test"]
        mean = probabilities(split.logits).mean(axis=0)
        right = (split.predicted == split.labels).sum(axis=0)
        return cls(mean, mean.argmax(axis=1), right)


def items_table(predictions: dict[str, Predictions], texts: dict[str, str]) -> pd.DataFrame:
    """Return one row per ablation and test item, in their order.

    Args:
        predictions: by ablation, of the same test items.
        texts: by id, of every test item.

    Returns:
        Columns ``ablation, id, text, label, words``; ``length_bin`` (shortest-longest in words);
        ``predicted`` (class of the highest mean probability over seeds) and ``confidence`` (that
        probability); ``probability_of_label`` (mean over seeds); ``seeds_right`` of ``seeds``;
        ``distance`` in classes and whether it is 1 (``adjacent``); ``hardest``: wrong in every seed of
        every ablation.

    Raises:
        FinesentError: the ablations were not scored alike, or an item has no text.
    """
    first = _require_paired(predictions)
    split = first.splits["test"]
    answers = {name: _Answers.of(ours) for name, ours in predictions.items()}
    hardest = np.all([one.seeds_right == 0 for one in answers.values()], axis=0)
    shared = {
        "id": split.ids,
        "text": _texts(split.ids, texts),
        "label": split.labels,
        "words": split.words,
        "length_bin": _named_bins(split.words),
    }
    frames = []
    for name, one in answers.items():
        distance = np.abs(one.predicted - split.labels)
        of_ablation = {
            "predicted": one.predicted,
            "confidence": one.probability.max(axis=1),
            "probability_of_label": one.probability[np.arange(len(split.ids)), split.labels],
            "seeds_right": one.seeds_right,
            "seeds": len(first.seeds),
            "distance": distance,
            "adjacent": distance == 1,
            "hardest": hardest,
        }
        frames.append(pd.DataFrame({"ablation": name} | shared | of_ablation))
    return pd.concat(frames, ignore_index=True)


def changes_table(
    predictions: dict[str, Predictions], texts: dict[str, str], pairs: list[tuple[str, str]]
) -> pd.DataFrame:
    """Return the test items that exactly one of two ablations has right, pair by pair.

    Args:
        predictions: by ablation, of the same test items.
        texts: by id, of every test item.
        pairs: (better, than), ablations by name.

    Returns:
        Columns ``better, than, id, text, label``; ``predicted_better, predicted_than`` (by the mean
        probability over seeds); ``seeds_right_better, seeds_right_than``; ``change``: ``fixed`` where
        ``better`` is right and ``than`` wrong, ``broken`` the other way round.

    Raises:
        FinesentError: the ablations were not scored alike, or an item has no text.
    """
    split = _require_paired(predictions).splits["test"]
    items = pd.DataFrame({"id": split.ids, "text": _texts(split.ids, texts), "label": split.labels})
    answers = {name: _Answers.of(ours) for name, ours in predictions.items()}
    frames = [_changes_of(items, better, than, answers) for better, than in pairs]
    # An empty part keeps the columns and their types where there is no pair.
    name = next(iter(predictions))
    return pd.concat([_changes_of(items, name, name, answers), *frames], ignore_index=True)


def most_confident_mistakes(table: pd.DataFrame, k: int) -> pd.DataFrame:
    """Return the ``k`` surest wrong answers of each ablation, surest first, from :func:`items_table`."""
    wrong = table[table["distance"] > 0]
    ordered = wrong.sort_values("confidence", ascending=False, kind="stable")
    chosen = ordered.groupby("ablation", sort=False).head(k)
    order = {name: number for number, name in enumerate(table["ablation"].unique())}
    return chosen.sort_values(
        "ablation", key=lambda names: names.map(order), kind="stable", ignore_index=True
    )


def _changes_of(items: pd.DataFrame, better: str, than: str, answers: dict[str, _Answers]) -> pd.DataFrame:
    labels = items["label"].to_numpy()
    ours, theirs = answers[better], answers[than]
    right = ours.predicted == labels
    rows = items.assign(
        predicted_better=ours.predicted,
        predicted_than=theirs.predicted,
        seeds_right_better=ours.seeds_right,
        seeds_right_than=theirs.seeds_right,
        change=np.where(right, "fixed", "broken"),
    )
    rows.insert(0, "better", better)
    rows.insert(1, "than", than)
    changed: pd.DataFrame = rows[right != (theirs.predicted == labels)]
    return changed


def _require_paired(predictions: dict[str, Predictions]) -> Predictions:
    first, *others = predictions.values()
    for other in others:
        check_paired(first, other, "test")
    return first


def _texts(ids: list[str], texts: dict[str, str]) -> list[str]:
    absent = [name for name in ids if name not in texts]
    if absent:
        raise FinesentError(
            "data/clean/test.parquet",
            f"has no row {absent[0]!r}, which was scored, nor {len(absent) - 1} others",
            "run `dvc repro`",
        )
    return [texts[name] for name in ids]


def _named_bins(words: np.ndarray) -> np.ndarray:
    which = length_bins(words)
    names = np.empty(len(words), dtype=object)
    for number in np.unique(which):
        inside = which == number
        names[inside] = f"{words[inside].min()}-{words[inside].max()}"
    return names
