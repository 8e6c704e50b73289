"""sample: draw the rows to train on, stratified by label and length, optionally balanced, and add phrases.

Dev and test are neither read nor written here; they go from clean to tokenize untouched.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa

from finesent.catalog.entries import dataset
from finesent.data.joined import cleaned_word_counts
from finesent.data.phrase_sampling import add_phrases, choose_phrases
from finesent.data.sampling import draw_rows
from finesent.data.tables import (
    class_counts,
    read_batches,
    read_rows,
    require_every_class,
    taken,
    write_batches,
    write_rows,
)
from finesent.files import replacing
from finesent.params.reading import read_params
from finesent.params.sample import Sample, SampleParams
from finesent.stage import run_stage

CLEAN = Path("data/clean/train.parquet")
PHRASES = Path("data/clean/phrases.parquet")
SAMPLED = Path("data/sampled/train.parquet")


def main() -> str:
    """Sample the clean training rows as params.yaml says."""
    params = read_params(SampleParams)
    labels = dataset(params.dataset).labels
    gold, drawn = _drawn(params.sample)
    require_every_class(
        gold[drawn],
        labels,
        "data/sampled/train",
        "raise sample.train_size, or set sample.balance to downsample",
    )
    counts = class_counts(gold[drawn], len(labels))
    told = f"sample: {len(drawn)} of {len(gold)} training rows, by class {counts}"
    if params.sample.phrases is None:
        _write(drawn, len(gold))
        return told
    tables = taken(read_batches(CLEAN), drawn)
    sentences = pa.concat_tables(tables).to_pandas()
    phrases = choose_phrases(read_rows(PHRASES), sentences, params.sample.phrases, len(labels))
    write_rows(SAMPLED, add_phrases(sentences, phrases))
    counts = class_counts(phrases["label"].to_numpy(), len(labels))
    return f"{told}; {len(phrases)} phrases, by class {counts}"


def _drawn(rules: Sample) -> tuple[np.ndarray, np.ndarray]:
    """Return (N,) labels of the clean training rows, and the numbers of those that are drawn, ascending."""
    # Then nothing is drawn, and the texts, whose words would have to be counted, are not read.
    if rules.train_size is None and rules.balance == "none":
        labels = np.concatenate([table["label"].to_numpy() for table in read_batches(CLEAN, ["label"])])
        return labels, np.arange(len(labels))
    numbers = [
        (table["label"].to_numpy(), cleaned_word_counts(table["text"].combine_chunks()))
        for table in read_batches(CLEAN, ["text", "label"])
    ]
    labels, words = map(np.concatenate, zip(*numbers, strict=True))
    return labels, draw_rows(labels, words, rules)


def _write(drawn: np.ndarray, count: int) -> None:
    """Write the drawn rows of the ``count`` that there are."""
    if np.array_equal(drawn, np.arange(count)):
        # Written anew they would have the same bytes, and take far longer.
        with replacing(SAMPLED) as temporary:
            shutil.copyfile(CLEAN, temporary)
        return
    write_batches(SAMPLED, taken(read_batches(CLEAN), drawn))


if __name__ == "__main__":
    run_stage(main)
