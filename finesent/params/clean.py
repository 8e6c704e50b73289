"""What the clean stage reads."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from finesent.params.transfer import DataChoice
from finesent.validation import Block


class NearDuplicates(Block):
    """What becomes of training rows that nearly repeat a row of dev or test.

    Attributes:
        action: they are counted either way; ``drop`` also takes them out of train.
        similarity: from which Jaccard similarity of their shingles (finesent/data/duplicates.py) on two
            texts count as near duplicates. At 0.6 a sentence of six words with one of them changed does.
    """

    action: Literal["keep", "drop"]
    similarity: Annotated[float, Field(ge=0.5, le=1)]


class SoftLabels(Block):
    """How the ratings that ``raters`` names become soft labels of training sentences.

    Attributes:
        weight: of the ratings in a soft label; the gold label has the rest.
        spread: ``normal`` is a normal distribution around the mean rating, as wide as the means of other
            people scatter; ``ratings`` is the single ratings themselves (finesent/data/raters.py).
        judges: how many people's mean made a gold label: SST-5's is of three. Only ``normal`` uses it.
    """

    weight: Annotated[float, Field(gt=0, le=1)]
    spread: Literal["normal", "ratings"]
    judges: Annotated[int, Field(ge=1)]


class Clean(Block):
    """How raw text becomes clean rows.

    Attributes:
        recipe: ``none`` only trims white space; ``reviews`` also lower-cases, strips HTML and keeps
            letters, digits and ``.,!?"'``.
        repeated_in_train: train rows whose text stands earlier in train with the same label.
        shared_with_dev_or_test: train rows whose text also stands in dev or test.
            Dev and test themselves are never changed, so that published numbers stay comparable.
        near_duplicates: null where they are not looked for, as in data of millions of rows.
        soft_labels: used where ``raters`` names a data set.
    """

    recipe: Literal["none", "reviews"]
    repeated_in_train: Literal["drop", "keep"]
    shared_with_dev_or_test: Literal["drop", "keep"]
    near_duplicates: NearDuplicates | None
    soft_labels: SoftLabels = SoftLabels(weight=0.5, spread="normal", judges=3)


class CleanParams(DataChoice):
    """The keys of params.yaml that clean depends on."""

    clean: Clean
