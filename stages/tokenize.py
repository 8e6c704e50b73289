"""tokenize: put every text into one input's template and write its token ids, unpadded.

One input is shared by all ablations that name it. The encoding (template, length, tokenizer) is written
into the files, and evaluate compares it with the one the model was trained on.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa

from finesent.data.tables import read_rows, write_arrow
from finesent.data.tokenization import encoding_of, load_tokenizer, tokenize
from finesent.data.transfer import read_transfer_index, transfer_file, write_transfer_index
from finesent.errors import FinesentError
from finesent.files import replacing
from finesent.params.tokenize import read_input
from finesent.stage import run_stage

BACKBONE = Path("data/backbone")
TOKENIZED = Path("data/tokenized")
SOURCES = {
    "train": Path("data/sampled/train.parquet"),
    "dev": Path("data/clean/dev.parquet"),
    "test": Path("data/clean/test.parquet"),
}
TRANSFER = Path("data/clean/transfer")


def main() -> str:
    """Tokenize the three splits and the further test sets for the input named on the command line."""
    if len(sys.argv) != 2:
        raise FinesentError(
            "stages.tokenize", "needs the name of one input", "python -m stages.tokenize plain"
        )
    name = sys.argv[1]
    rules = read_input(name)
    tokenizer = load_tokenizer(BACKBONE)
    encoding = encoding_of(name, rules, tokenizer)
    counts = []

    def write(split: str, source: Path, target: Path) -> None:
        table, cut = tokenize(read_rows(source), rules, tokenizer)
        write_arrow(target, encoding.attach(table))
        counts.append(f"{split} {_mean_tokens(table):.1f} tokens a row, {cut} cut")

    for split, source in SOURCES.items():
        write(split, source, TOKENIZED / name / f"{split}.parquet")
    index = read_transfer_index(TRANSFER)
    with replacing(TOKENIZED / name / "transfer") as folder:
        for test_set in index:
            write(test_set, transfer_file(TRANSFER, test_set), transfer_file(folder, test_set))
        write_transfer_index(folder, index)
    return f"tokenize {name}: {'; '.join(counts)}"


def _mean_tokens(table: pa.Table) -> float:
    return len(table["input_ids"].combine_chunks().flatten()) / max(1, len(table))


if __name__ == "__main__":
    run_stage(main)
