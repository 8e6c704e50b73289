"""Claims: what somebody says of two ablations, for compare to judge."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from finesent.validation import Block


class Claim(Block):
    """One ablation is said to be better than another.

    Attributes:
        better: name of the ablation that is said to be better.
        than: name of the other.
        metric: on the test split.
        smallest_effect: a gain smaller than this does not matter; in the unit of the metric.
        published_gain: as printed, positive for an improvement; null where no number was given.
        source: who says so, and where.
    """

    better: str
    than: str
    metric: Literal["accuracy", "macro_f1", "mae", "quadratic_kappa"]
    smallest_effect: Annotated[float, Field(gt=0)]
    published_gain: float | None = None
    source: str

    @model_validator(mode="after")
    def _names_two(self) -> Claim:
        if self.better == self.than:
            raise ValueError(f"{self.better!r} cannot be better than itself")
        return self
