"""What the sample stage reads."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from finesent.validation import Block


class Phrases(Block):
    """Which phrases of the drawn sentences are trained on too (finesent/data/phrase_sampling.py).

    Attributes:
        min_words: shorter ones are left out.
        neutral_share: of the phrases of the middle class, most of which say nothing, so many are kept; a
            hash of the text decides.
        weight: of a phrase's gradient, where a sentence's is 1.
    """

    min_words: Annotated[int, Field(ge=1)]
    neutral_share: Annotated[float, Field(ge=0, le=1)]
    weight: Annotated[float, Field(gt=0)]


class Sample(Block):
    """How the training rows are drawn. Dev and test are never sampled.

    Attributes:
        train_size: rows to keep; null keeps all.
        balance: ``none`` keeps the class shares of the data; ``downsample`` takes the same number
            from every class, as many as the rarest allows; ``upsample`` repeats rows of the rarer
            classes until all are as large as the largest (or share ``train_size`` equally).
        length_bins: quantile bins of length in words; rows are drawn in proportion from every
            label × bin.
        seed: of the draw.
        phrases: null trains on sentences alone.
    """

    train_size: Annotated[int, Field(ge=1)] | None
    balance: Literal["none", "downsample", "upsample"]
    length_bins: Annotated[int, Field(ge=1, le=100)]
    seed: Annotated[int, Field(ge=0)]
    phrases: Phrases | None = None


class SampleParams(Block):
    """The keys of params.yaml that sample depends on."""

    dataset: str
    sample: Sample
