"""What the compare stage reads."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from finesent.validation import Block


class Recurring(Block):
    """Which test items a further score leaves out: those that share a long phrase with train's trees.

    Attributes:
        min_words: how long such a phrase is at least.
    """

    min_words: Annotated[int, Field(ge=1)]


class Compare(Block):
    """How ablations are compared.

    Attributes:
        baseline: the ablation that all others are compared with.
        family: the pairs whose p-values are corrected together: ``baseline`` is every other ablation
            against the baseline, ``all`` every pair.
        confidence: of the intervals; 1 - confidence is the level of the tests.
        power: of the minimum detectable gain.
        resamples: of the bootstrap.
        seed: of the bootstrap.
        recurring: null gives no such scores; nor are there any where the data have no trees.
    """

    baseline: str
    family: Literal["baseline", "all"]
    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    power: Annotated[float, Field(gt=0.5, lt=1)]
    resamples: Annotated[int, Field(ge=100)]
    seed: Annotated[int, Field(ge=0)]
    recurring: Recurring | None = None
