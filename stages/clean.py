"""clean: from the published files to rows of ``id, text, label`` in three splits and further test sets.

Applies the cleaning recipe, cuts the splits that the data lacks, takes duplicates out of train and what train
shares out of the further test sets, and writes every count to metrics/clean.json and metrics/data.json. Dev
and test lose nothing but rows without text. Train's sentences give their phrases, where they are published
with their trees, and get soft labels from another data set's raters, where params.yaml names one.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from finesent.catalog.entries import dataset
from finesent.catalog.schema import Dataset
from finesent.data.cleaner import Cleaner
from finesent.data.others import check_choice
from finesent.data.parallel import processes, start
from finesent.data.rows import Rows
from finesent.data.splits import study_splits
from finesent.memory import keep_freed_memory
from finesent.params.clean import CleanParams
from finesent.params.reading import read_params
from finesent.stage import run_stage

RAW = Path("data/raw")
OTHERS = Path("data/others")
# In bytes; for smaller data processes start with their first work, if there is any.
_LARGE = 1 << 26


def main() -> str:
    """Clean the data sets that params.yaml names."""
    params = read_params(CleanParams)
    entry = dataset(params.dataset)
    entries = check_choice(params, entry)
    keep_freed_memory()
    with TemporaryDirectory(dir=RAW.parent, prefix=".clean-") as folder:
        with processes() as pool:
            if _size(RAW) > _LARGE:
                start(pool)
            # Loads pandas, which takes a while, while they start.
            from finesent.data.clean_files import write_clean_files

            clean = Cleaner(params.clean.recipe, Path(folder), pool)
            splits, empty = _own_splits(clean, entry)
            others = {name: clean.read(OTHERS / name, other)[0] for name, other in entries.items()}
        return write_clean_files(params, entry, entries, splits, others, empty)


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _own_splits(clean: Cleaner, entry: Dataset) -> tuple[dict[str, Rows], dict[str, int]]:
    """Return train, dev and test of the study's own data set, and how many rows were without text."""
    published, empty = clean.read(RAW, entry)
    # From here on nobody holds the rows as published, whose numbers are as many again.
    return study_splits(published), empty


if __name__ == "__main__":
    run_stage(main)
