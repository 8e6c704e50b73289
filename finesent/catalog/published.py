"""What was published: numbers to stand beside ours, each with where it was read and what it is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from finesent.validation import Block, parse
from finesent.yaml_files import read_yaml

PUBLISHED = Path("catalog/published.yaml")

Share = Annotated[float, Field(ge=0, le=1)]


class PublishedStudy(Block):
    """A paper, report or repository; ``year`` is null where none is stated."""

    title: str
    authors: str
    year: int | None
    url: Annotated[str, Field(pattern=r"^https?://")]


class PublishedRow(Block):
    """One reported result.

    Attributes:
        study: key of the study that reports it.
        ablation: the ablation of params.yaml that it corresponds to; null where there is none.
        system: its name there.
        dataset: as named in catalog/datasets.yaml.
        backbone: as named in catalog/backbones.yaml, or the model's common name.
        accuracy: a fraction, with the digits that were printed.
        accuracy_sd: over runs; null where not reported.
        macro_f1: a fraction; null where not reported.
        claimed_split: the split it is said to be measured on.
        actual_split: the one it was measured on, as far as code and logs tell.
        n: items of the actual split, or of the claimed one where the actual is not known.
        claimed_n: items of the claimed split, where that is not ``n``.
        logged_accuracy: what the study's own log says, where it has more digits than what was printed.
        runs: how many runs, as ``20`` or ``1-2``; null where not stated.
        evidence: where we know the row from: the study's ``text``, its ``code or log``, or ``raw data``
            that the number was computed from.
        source: the place, in words.
        caveat: one sentence; what a reader must know before comparing.
    """

    study: str
    ablation: str | None
    system: str
    dataset: str
    backbone: str
    accuracy: Share
    accuracy_sd: Share | None = None
    macro_f1: Share | None
    claimed_split: Literal["dev", "test"]
    actual_split: Literal["dev", "test", "not measured", "unknown"]
    n: Annotated[int, Field(ge=1)]
    claimed_n: Annotated[int, Field(ge=1)] | None = None
    logged_accuracy: Share | None = None
    runs: Annotated[str, Field(pattern=r"^[0-9]+(-[0-9]+)?$")] | None
    evidence: Literal["text", "code or log", "raw data"]
    source: str
    caveat: str


class Published(Block):
    """The whole of catalog/published.yaml."""

    studies: dict[str, PublishedStudy]
    rows: list[PublishedRow]

    @model_validator(mode="after")
    def _rows_belong(self) -> Published:
        seen = set()
        for row in self.rows:
            if row.study not in self.studies:
                raise ValueError(
                    f"{row.system!r} names the study {row.study!r}, which is not among {sorted(self.studies)}"
                )
            if (row.study, row.system) in seen:
                raise ValueError(f"{row.system!r} stands twice under {row.study!r}")
            seen.add((row.study, row.system))
        return self


def read_published(path: Path = PUBLISHED) -> Published:
    """Read and check the published rows.

    Raises:
        FinesentError: the file is missing or malformed.
    """
    return parse(Published, read_yaml(path), str(path))
