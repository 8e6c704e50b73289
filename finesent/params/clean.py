"""What the clean stage reads."""

from __future__ import annotations

from typing import Literal

from finesent.validation import Block


class Clean(Block):
    """How raw text becomes clean rows.

    Attributes:
        recipe: ``none`` only trims white space; ``reviews`` also lower-cases, strips HTML and keeps
            letters, digits and ``.,!?"'``.
        repeated_in_train: train rows whose text stands earlier in train with the same label.
        shared_with_dev_or_test: train rows whose text also stands in dev or test.
            Dev and test themselves are never changed, so that published numbers stay comparable.
    """

    recipe: Literal["none", "reviews"]
    repeated_in_train: Literal["drop", "keep"]
    shared_with_dev_or_test: Literal["drop", "keep"]


class CleanParams(Block):
    """The keys of params.yaml that clean depends on."""

    dataset: str
    clean: Clean
