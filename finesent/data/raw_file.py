"""A file of a data set as published, and how errors name it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from finesent.catalog.schema import Layout, RemoteFile
from finesent.errors import FinesentError

_MEND = "mend the file, or its entry in catalog/datasets.yaml"


@dataclass(frozen=True)
class RawFile:
    """One file of a split and what is needed to read it.

    Attributes:
        path: where it lies.
        name: its path below the folder of its data set, for errors.
        layout: of the data set.
        classes: how many labels the data set has.
    """

    path: Path
    name: str
    layout: Layout
    classes: int

    @classmethod
    def of(cls, folder: Path, remote: RemoteFile, layout: Layout, classes: int) -> RawFile:
        """Return the file of a data set that was fetched into ``folder``.

        Raises:
            FinesentError: it is missing or empty.
        """
        file = cls(folder / remote.path, remote.path, layout, classes)
        if not file.path.is_file():
            raise file.error("the file is missing", remedy="run `dvc repro download`")
        if file.path.stat().st_size == 0:
            raise file.error("the file is empty")
        return file

    def error(self, problem: str, row: int | None = None, remedy: str = _MEND) -> FinesentError:
        """Return the error that names the file and, where one is given, the row, counted from 1."""
        place = self.name if row is None else f"{self.name}, row {row}"
        return FinesentError(place, problem, remedy)

    def not_utf8(self, byte: int) -> FinesentError:
        """Return the error that a byte, counted from 0, is not UTF-8."""
        return self.error(f"not UTF-8 (byte {byte})", remedy="save the file as UTF-8")

    def unknown_label(self, label: str, row: int) -> FinesentError:
        """Return the error that a row's label is none of :meth:`label_values`."""
        column = "" if self.layout.format in ("fasttext", "ptb-trees") else f", column {self.layout.label}"
        return FinesentError(
            f"{self.name}, row {row}{column}",
            f"the label {label!r} is not in the catalog; allowed are {', '.join(self.label_values())}",
            _MEND,
        )

    def label_values(self) -> dict[str, int]:
        """Return what the files write for each class."""
        first = 1 if self.layout.format == "fasttext" else 0
        values = self.layout.label_values or list(range(first, first + self.classes))
        return {str(value): label for label, value in enumerate(values)}
