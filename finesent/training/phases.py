"""Which training rows each epoch uses: whole sentences, phrases of them, or both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from finesent.data.tokens import TokenizedSplit
from finesent.errors import FinesentError
from finesent.params.ablation import Rows


class Phases:
    """The training rows of a run, and those of each epoch.

    Attributes:
        train: every row that any epoch uses; without phrases it is what it would be had there never been any.
    """

    def __init__(self, whole: TokenizedSplit, by_epoch: list[Rows], place: str) -> None:
        """Cut the training split.

        Args:
            whole: as tokenize wrote it.
            by_epoch: which rows each epoch uses, the first epoch first.
            place: the ablation's ``phases`` in params.yaml, to be named in an error.

        Raises:
            FinesentError: phrases are asked for and the split has none.
        """
        used: Rows = by_epoch[0] if len(set(by_epoch)) == 1 else "phrases+sentences"
        if used != "sentences" and whole.phrases is None:
            raise FinesentError(
                place, "the training rows have no phrases", "set sample.phrases, or train on sentences"
            )
        self.train = _only(whole, _numbers(whole, used))
        self._by_epoch = by_epoch
        self._numbers = {rows: _numbers(self.train, rows) for rows in set(by_epoch)}
        self._splits = {rows: _only(self.train, numbers) for rows, numbers in self._numbers.items()}

    def split(self, epoch: int) -> TokenizedSplit:
        """Return the rows of an epoch (counted from 1)."""
        return self._splits[self._by_epoch[epoch - 1]]

    def numbers(self, epoch: int) -> np.ndarray | None:
        """Return which rows of ``train`` an epoch uses; None for all of them."""
        return self._numbers[self._by_epoch[epoch - 1]]

    def of(self, features: torch.Tensor, epoch: int) -> torch.Tensor:
        """Return what belongs to an epoch's rows of what is given for all of ``train``: (N, …) tensor."""
        numbers = self.numbers(epoch)
        return features if numbers is None else features[torch.from_numpy(numbers).to(features.device)]

    def rows_after(self, epoch: int) -> int:
        """Return how many rows the epochs after this one take, in all; 0 asks for the whole run."""
        return sum(len(self._splits[rows]) for rows in self._by_epoch[epoch:])


def _numbers(split: TokenizedSplit, rows: Rows) -> np.ndarray | None:
    """Return the numbers of the rows of a kind; None for all of them."""
    if split.phrases is None or rows == "phrases+sentences":
        return None
    return np.flatnonzero(split.phrases == (rows == "phrases"))


def _only(split: TokenizedSplit, numbers: np.ndarray | None) -> TokenizedSplit:
    if numbers is None:
        return split
    taken = split.take(numbers)
    # Among sentences alone there is nothing to weigh: each has the weight 1.
    none_left = taken.phrases is not None and not taken.phrases.any()
    return replace(taken, phrases=None, weights=None) if none_left else taken
