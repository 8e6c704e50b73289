"""sample: draw the rows to train on, stratified by label and length, optionally balanced, and add phrases.

Dev and test are neither read nor written here; they go from clean to tokenize untouched.
"""

from __future__ import annotations

from pathlib import Path

from finesent.catalog.entries import dataset
from finesent.data.phrase_sampling import add_phrases, choose_phrases
from finesent.data.sampling import sample_train
from finesent.data.tables import class_counts, read_rows, require_every_class, write_rows
from finesent.params.reading import read_params
from finesent.params.sample import SampleParams
from finesent.stage import run_stage

CLEAN = Path("data/clean/train.parquet")
PHRASES = Path("data/clean/phrases.parquet")
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
    told = f"sample: {len(drawn)} of {len(rows)} training rows, by class {class_counts(drawn, len(labels))}"
    if params.sample.phrases is not None:
        phrases = choose_phrases(read_rows(PHRASES), drawn, params.sample.phrases, len(labels))
        drawn = add_phrases(drawn, phrases)
        told += f"; {len(phrases)} phrases, by class {class_counts(phrases, len(labels))}"
    write_rows(SAMPLED, drawn)
    return told


if __name__ == "__main__":
    run_stage(main)
