"""Numbers in files are those that were put there, few or many."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from finesent.data import columns
from finesent.data.columns import Column, selected


@pytest.mark.parametrize("large", [0, 1 << 20])
@pytest.mark.parametrize("parts", [[], [[]], [[3, 1], [], [2]]])
def test_numbers_stand_one_behind_the_other(
    parts: list[list[int]], large: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A file of nothing cannot be mapped.
    monkeypatch.setattr(columns, "_LARGE", max(1, large))
    with closing(Column(tmp_path, np.uint64)) as column:
        for part in parts:
            column.add(np.array(part, dtype=np.uint64))
        numbers = column.numbers()
    assert numbers.dtype == np.uint64
    assert numbers.tolist() == [number for part in parts for number in part]
    assert not numbers.flags.writeable
    # Only what is large stays in a file.
    assert len(list(tmp_path.iterdir())) == int(large == 0 and len(numbers) > 0)


def test_many_numbers_stay_where_they_are(tmp_path: Path) -> None:
    with closing(Column(tmp_path, np.int32)) as column:
        column.add(np.arange(1 << 18))
        numbers = column.numbers()
    (file,) = tmp_path.iterdir()
    assert file.stat().st_size == 1 << 20
    assert isinstance(numbers.base, np.memmap)


@pytest.mark.parametrize("count", [0, 1, 7, 8, 20])
def test_selected_numbers_are_those_of_a_mask(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns, "_AT_ONCE", 4)
    numbers = np.arange(count, dtype=np.int32)
    kept = numbers % 3 != 1
    found = selected(tmp_path, numbers, kept)
    assert found.dtype == np.int32
    assert found.tolist() == numbers[kept].tolist()
