"""tokenize: put every text into one input's template and write its token ids, unpadded.

One input is shared by all ablations that name it. The encoding (template, length, tokenizer) is written
into the files, and evaluate compares it with the one the model was trained on.
"""

from __future__ import annotations

import sys
from pathlib import Path

from finesent.data.tables import read_rows, write_arrow
from finesent.data.tokenization import encoding_of, load_tokenizer, tokenize
from finesent.errors import FinesentError
from finesent.params.tokenize import read_input
from finesent.stage import run_stage

BACKBONE = Path("data/backbone")
TOKENIZED = Path("data/tokenized")
SOURCES = {
    "train": Path("data/sampled/train.parquet"),
    "dev": Path("data/clean/dev.parquet"),
    "test": Path("data/clean/test.parquet"),
}


def main() -> str:
    """Tokenize the three splits for the input named on the command line."""
    if len(sys.argv) != 2:
        raise FinesentError(
            "stages.tokenize", "needs the name of one input", "python -m stages.tokenize plain"
        )
    name = sys.argv[1]
    rules = read_input(name)
    tokenizer = load_tokenizer(BACKBONE)
    encoding = encoding_of(name, rules, tokenizer)
    counts = []
    for split, source in SOURCES.items():
        table, cut = tokenize(read_rows(source), rules, tokenizer)
        write_arrow(TOKENIZED / name / f"{split}.parquet", encoding.attach(table))
        tokens = len(table["input_ids"].combine_chunks().flatten())
        counts.append(f"{split} {tokens / max(1, len(table)):.1f} tokens a row, {cut} cut")
    return f"tokenize {name}: {'; '.join(counts)}"


if __name__ == "__main__":
    run_stage(main)
