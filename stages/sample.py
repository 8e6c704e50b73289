"""sample: draw the rows to train on, stratified by label and length, optionally balanced.

Dev and test are neither read nor written here; they go from clean to tokenize untouched.
"""

from __future__ import annotations

from pathlib import Path

from finesent.catalog.entries import dataset
from finesent.data.sampling import sample_train
from finesent.data.tables import class_counts, read_rows, require_every_class, write_rows
from finesent.params.reading import read_params
from finesent.params.sample import SampleParams
from finesent.stage import run_stage

CLEAN = Path("data/clean/train.parquet")
SAMPLED = Path("data/sampled/train.parquet")


def main() -> str:
    """Sample the clean training rows as params.yaml says."""
    params = read_params(SampleParams)
    labels = dataset(params.dataset).labels
    rows = read_rows(CLEAN)
    drawn = sample_train(rows, params.sample)
    require_every_class(
        drawn, labels, "data/sampled/train", "raise sample.train_size, or set sample.balance to downsample"
    )
    write_rows(SAMPLED, drawn)
    return f"sample: {len(drawn)} of {len(rows)} training rows, by class {class_counts(drawn, len(labels))}"


if __name__ == "__main__":
    run_stage(main)
