"""Tables between the stages: damage is noticed, and classes are counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from finesent.data.tables import class_counts, read_rows, word_counts, write_rows
from finesent.errors import FinesentError


def rows(count: int) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    texts = [" ".join(generator.choice(["a", "film", "plot"], 12)) for _ in range(count)]
    return pd.DataFrame({"id": [str(n) for n in range(count)], "text": texts, "label": np.arange(count) % 3})


def test_a_flipped_bit_in_the_data_is_noticed_or_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_rows(path, rows(200))
    whole, before = path.read_bytes(), read_rows(path)
    # The pages lie between the first four bytes and the footer, whose length is near the end.
    pages = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    noticed = 0
    for position in np.random.default_rng(1).integers(4, pages, 150):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << int(position) % 8
        path.write_bytes(damaged)
        try:
            after = read_rows(path)
        except FinesentError:
            noticed += 1
        else:
            # A bit of a page's header that no reader looks at.
            assert after.equals(before)
    assert noticed > 130


def test_counts_of_words_and_classes() -> None:
    assert list(word_counts(pd.Series(["a b", "", "  one\ttwo three "]))) == [2, 0, 3]
    assert class_counts(rows(7), 4) == [3, 2, 2, 0]
