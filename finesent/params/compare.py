"""What the compare stage reads."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from finesent.validation import Block


class Compare(Block):
    """How ablations are compared.

    Attributes:
        baseline: the ablation that all others are compared with.
        confidence: of the intervals.
        resamples: of the paired bootstrap.
        seed: of the bootstrap.
    """

    baseline: str
    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    resamples: Annotated[int, Field(ge=100)]
    seed: Annotated[int, Field(ge=0)]
