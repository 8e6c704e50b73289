"""Rows by the million, in fastText's form, made of the sentences of a data set that is at hand.

Run as ``python -m benchmarks.many_rows SENTENCES ROWS TARGET``; SENTENCES is a Parquet file with a column
``text``, such as data/clean/train.parquet. The rows are about as long as Amazon's reviews, have two labels,
and hold what cleaning stumbles over: entities, tags, letters beyond ASCII, runs of spaces, exact copies.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from finesent.data.tables import read_arrow
from finesent.files import replacing

# Sentences a row: with those of vader-movies this gives 400 characters, as many as Amazon's reviews have.
_SENTENCES = (1, 6)
_COPIES = 0.01
# What is put between two sentences, and how often.
_BETWEEN = {
    " ": 0.8,
    "  ": 0.12,
    " &quot;": 0.02,
    " <br /> ": 0.02,
    " caf\u00e9 ": 0.02,
    " \u2019n\u2019 ": 0.02,
}


def many_rows(sentences: list[str], count: int, seed: int = 0) -> Iterator[str]:
    """Yield ``count`` lines ``__label__<1 or 2> <title>: <text>``, the same ones for the same seed."""
    generator = np.random.default_rng(seed)
    between, shares = list(_BETWEEN), list(_BETWEEN.values())
    lines: list[str] = []
    for number in range(count):
        if lines and generator.random() < _COPIES:
            yield lines[generator.integers(len(lines))]
            continue
        chosen = [
            sentences[place]
            for place in generator.integers(0, len(sentences), generator.integers(*_SENTENCES))
        ]
        gap = between[generator.choice(len(between), p=shares)]
        # The number makes rows different that happen to hold the same sentences.
        line = f"__label__{generator.integers(1, 3)} {chosen[0][:24].title()} {number}: {gap.join(chosen)}"
        if len(lines) < 10_000:
            lines.append(line)
        yield line


def write_many_rows(source: Path, count: int, target: Path, seed: int = 0) -> None:
    """Write the rows to ``target``, one a line."""
    sentences = read_arrow(source, "dvc repro clean")["text"].to_pylist()
    with replacing(target) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in many_rows(sentences, count, seed))


def main() -> None:
    """Write the file that the command line asks for."""
    source, count, target = sys.argv[1:]
    write_many_rows(Path(source), int(count), Path(target))


if __name__ == "__main__":
    main()
