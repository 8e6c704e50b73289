"""The progress bar of a run."""

from __future__ import annotations

import sys
from types import TracebackType

import torch
from tqdm import tqdm

# A log file gets a line now and then, a terminal a bar that moves.
_LOG_SECONDS = 30.0


class Progress:
    """A bar over the sentences of a whole run: loss, dev score, sentences a second, time left."""

    def __init__(self, title: str, total: int, done: int, shown: bool = True) -> None:
        self._interactive = interactive = sys.stderr.isatty()
        self._bar = tqdm(
            total=total,
            disable=not shown,
            initial=done,
            desc=title,
            unit=" sentences",
            mininterval=0.5 if interactive else _LOG_SECONDS,
            dynamic_ncols=interactive,
            smoothing=0.1,
        )
        self._loss: torch.Tensor | None = None
        self._dev = "-"

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def advance(self, sentences: int, loss: torch.Tensor) -> None:
        """Count a batch. The loss is fetched from the device only when the bar is drawn."""
        self._loss = loss
        if self._bar.update(sentences):
            self._draw()

    def epoch_ended(self, epoch: int, dev_accuracy: float) -> None:
        """Show the newest dev score."""
        self._dev = f"{dev_accuracy:.4f}@{epoch}"
        self._draw()

    def stop_early(self, sentences: int) -> None:
        """Count sentences that a stopped run will not see."""
        self._bar.update(sentences)

    @staticmethod
    def say(message: str) -> None:
        """Print a line without breaking the bar."""
        tqdm.write(message, file=sys.stderr)

    def _draw(self) -> None:
        loss = "-" if self._loss is None else f"{self._loss.item():.3f}"
        self._bar.set_postfix_str(f"loss {loss}, dev accuracy {self._dev}", refresh=self._interactive)
