"""Which data a study uses: its own, further test sets, and one whose raters are its second opinion."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from finesent.params.names import NAME
from finesent.validation import Block

# Their files would lie under the names of the study's own splits.
_TAKEN = ("train", "dev", "test")


class TransferSet(Block):
    """A further test set, which every ablation is scored on and none is trained or selected on.

    Attributes:
        dataset: an entry of catalog/datasets.yaml; of data with splits of its own, the test split is taken.
        classes: at how many classes it is scored; a finer scheme is read as a coarser one
            (finesent/data/schemes.py), so its labels and the study's must be ordered, lowest first.
        rows: how many are drawn, by a hash of their ids; null takes all.
    """

    dataset: str
    classes: Annotated[list[Literal[5, 3, 2]], Field(min_length=1)]
    rows: Annotated[int, Field(ge=1)] | None

    @model_validator(mode="after")
    def _counts_once(self) -> TransferSet:
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("classes: a number of classes stands twice")
        return self


class DataChoice(Block):
    """The keys of params.yaml that name data sets.

    Attributes:
        dataset: the study's own; an entry of catalog/datasets.yaml.
        transfer: further test sets, by the name that they have in the report; may be empty.
        panel: a data set in which other people rated some of the same sentences; null where there is none.
        raters: a data set of single ratings of some of the same sentences, which training sentences get as
            soft labels; null where there is none.
    """

    dataset: str
    transfer: dict[str, TransferSet]
    panel: str | None
    raters: str | None = None

    @model_validator(mode="after")
    def _further_data_are_others(self) -> DataChoice:
        for name, chosen in self.transfer.items():
            if not NAME.fullmatch(name) or name in _TAKEN:
                raise ValueError(f"transfer.{name}: needs a name of a-z, 0-9 and '-', not {list(_TAKEN)}")
            if chosen.dataset == self.dataset:
                raise ValueError(
                    f"transfer.{name}.dataset: {self.dataset!r} is the study's own data set, "
                    "whose test split is scored anyway"
                )
        if self.panel == self.dataset:
            raise ValueError(
                f"panel: {self.dataset!r} is the study's own data set, so its raters are the same"
            )
        if self.raters == self.dataset:
            raise ValueError(f"raters: {self.dataset!r} is the study's own data set, which has its ratings")
        return self

    def others(self) -> dict[str, str]:
        """Return the data sets besides the study's own, each once, with the key that first names it."""
        keys: dict[str, str] = {}
        for name, chosen in self.transfer.items():
            keys.setdefault(chosen.dataset, f"transfer.{name}.dataset")
        if self.panel is not None:
            keys.setdefault(self.panel, "panel")
        if self.raters is not None:
            keys.setdefault(self.raters, "raters")
        return keys
