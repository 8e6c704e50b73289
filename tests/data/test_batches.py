"""Every row once an epoch, in batches of similar length that stay within their budget."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finesent.data.batches import epoch_batches, length_ordered, parts_by_length
from finesent.errors import FinesentError
from finesent.params.ablation import Batch

lengths_of_rows = st.lists(st.integers(1, 80), min_size=1, max_size=300).map(np.array)
by_sentences = st.integers(1, 40).map(lambda count: Batch(sentences=count))
by_tokens = st.integers(1, 400).map(lambda count: Batch(tokens=count))
seeds = st.integers(0, 2**32 - 1)


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def realistic(count: int = 4000) -> np.ndarray:
    """Sentence lengths spread like SST-5's: about 19 words on average, up to some fifty."""
    return np.clip(generator(1).lognormal(2.9, 0.5, count).astype(np.int64), 3, 64)


def padding_share(batches: list[np.ndarray], lengths: np.ndarray) -> float:
    cells = sum(len(rows) * lengths[rows].max() for rows in batches)
    return float(1 - lengths.sum() / cells)


@given(lengths=lengths_of_rows, batch=by_sentences | by_tokens, seed=seeds)
def test_every_row_exactly_once(lengths: np.ndarray, batch: Batch, seed: int) -> None:
    batches = epoch_batches(lengths, batch, generator(seed))
    assert all(len(rows) for rows in batches)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))


@given(lengths=lengths_of_rows, batch=by_tokens, seed=seeds)
def test_token_budget_holds_with_padding(lengths: np.ndarray, batch: Batch, seed: int) -> None:
    assert batch.tokens is not None
    for rows in epoch_batches(lengths, batch, generator(seed)):
        assert len(rows) * lengths[rows].max() <= batch.tokens or len(rows) == 1


@given(lengths=lengths_of_rows, batch=by_sentences, seed=seeds)
def test_batches_have_the_sentences_asked_for_but_for_one(
    lengths: np.ndarray, batch: Batch, seed: int
) -> None:
    assert batch.sentences is not None
    sizes = sorted(len(rows) for rows in epoch_batches(lengths, batch, generator(seed)))
    assert sizes[-1] <= batch.sentences
    assert sizes[1:] == [batch.sentences] * (len(sizes) - 1)


def test_token_budget_is_used() -> None:
    lengths = realistic()
    batches = epoch_batches(lengths, Batch(tokens=512), generator())
    assert lengths.sum() / (512 * len(batches)) > 0.85


@pytest.mark.parametrize("batch", [Batch(sentences=32), Batch(tokens=512)], ids=["sentences", "tokens"])
def test_generator_decides_the_order(batch: Batch) -> None:
    lengths = realistic(500)

    def epochs(seed: int) -> list[list[list[int]]]:
        source = generator(seed)
        return [[rows.tolist() for rows in epoch_batches(lengths, batch, source)] for _ in range(2)]

    assert epochs(3) == epochs(3)
    first, second = epochs(3)
    assert first != second
    assert {frozenset(rows) for rows in first} != {frozenset(rows) for rows in second}, "other company too"
    assert epochs(4)[0] != first


@pytest.mark.parametrize("count", [16, 40, 120, 256, 2000])
@pytest.mark.parametrize("batch", [Batch(sentences=8), Batch(sentences=8, class_aware=True)], ids=str)
def test_rows_of_neighbouring_length_part_from_epoch_to_epoch(count: int, batch: Batch) -> None:
    """Sorting all rows at once would put the same distinct lengths together every time."""
    lengths, labels, source = np.arange(1, count + 1), np.arange(count) % 2, generator()
    first, second = (
        {frozenset(rows.tolist()) for rows in epoch_batches(lengths, batch, source, labels)} for _ in range(2)
    )
    assert not first & second


@pytest.mark.parametrize("batch", [Batch(sentences=32), Batch(tokens=640)], ids=["sentences", "tokens"])
def test_padding_is_a_fraction_of_what_random_batches_have(batch: Batch) -> None:
    lengths = realistic()
    order = generator(2).permutation(len(lengths))
    random = padding_share([order[start : start + 32] for start in range(0, len(order), 32)], lengths)
    bucketed = padding_share(epoch_batches(lengths, batch, generator()), lengths)
    assert random > 0.4
    assert bucketed < random / 4


def test_short_and_long_batches_come_mixed() -> None:
    lengths = realistic()
    means = [lengths[rows].mean() for rows in epoch_batches(lengths, Batch(sentences=32), generator())]
    # In windows sorted by length hardly any batch would be shorter than the one before it.
    shorter = np.mean(np.diff(means) < 0)
    assert 0.35 < shorter < 0.65


@given(lengths=lengths_of_rows, tokens=st.integers(1, 400))
def test_scoring_covers_all_rows_by_length_within_the_budget(lengths: np.ndarray, tokens: int) -> None:
    batches = length_ordered(lengths, tokens)
    rows = np.concatenate(batches)
    assert sorted(rows.tolist()) == list(range(len(lengths)))
    assert (np.diff(lengths[rows]) >= 0).all()
    for batch in batches:
        assert len(batch) * lengths[batch].max() <= tokens or len(batch) == 1


def test_scoring_batches_are_as_full_as_the_budget_allows() -> None:
    assert [rows.tolist() for rows in length_ordered(np.array([4, 2, 2, 9, 4]), 8)] == [[1, 2], [0, 4], [3]]


@given(drawn=st.lists(st.integers(0, 4), min_size=1, max_size=150), sentences=st.integers(4, 40), seed=seeds)
def test_class_aware_batches_leave_no_row_alone_and_no_row_out(
    drawn: list[int], sentences: int, seed: int
) -> None:
    labels = np.array(drawn + sorted(set(drawn)))
    lengths = generator(seed).integers(1, 80, len(labels))
    batch = Batch(sentences=sentences, class_aware=True)
    batches = epoch_batches(lengths, batch, generator(seed), labels)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(labels)))
    for rows in batches:
        assert 2 <= len(rows) <= sentences
        assert np.unique(labels[rows], return_counts=True)[1].min() >= 2


def test_class_aware_batches_pad_little_and_differ_from_epoch_to_epoch() -> None:
    lengths = realistic()
    labels = generator(2).integers(0, 5, len(lengths))
    batch = Batch(sentences=32, class_aware=True)
    batches = epoch_batches(lengths, batch, generator(0), labels)
    assert padding_share(batches, lengths) < 0.1
    others = epoch_batches(lengths, batch, generator(1), labels)
    beside = {frozenset(rows.tolist()) for rows in batches}
    assert not any(frozenset(rows.tolist()) in beside for rows in others)


def test_a_class_with_one_row_cannot_be_class_aware() -> None:
    batch = Batch(sentences=4, class_aware=True)
    with pytest.raises(FinesentError, match="class 3 has one training row"):
        epoch_batches(np.ones(5, int), batch, generator(), np.array([0, 0, 3, 1, 1]))


@pytest.mark.parametrize("batch", [{"sentences": 3}, {"tokens": 100}])
def test_class_aware_batches_need_room_for_a_pair_and_its_odd_row(batch: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="class_aware"):
        Batch(**batch, class_aware=True)


@given(lengths=lengths_of_rows, tokens=st.sampled_from([0.0, 5.0, 64.0, 1e9, math.inf]))
def test_parts_hold_every_row_once_in_length_order_at_the_least_cost(
    lengths: np.ndarray, tokens: float
) -> None:
    def cost(parts: list[np.ndarray]) -> float:
        return sum(tokens + len(part) * int(lengths[part].max()) for part in parts)

    parts = parts_by_length(lengths, tokens)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(lengths)))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert (np.diff(lengths[np.concatenate(parts)]) >= 0).all()
    ordered = np.argsort(lengths, kind="stable")
    assert cost(parts) == min(
        cost(np.array_split(ordered, count)) for count in (1, 2, 4, 8) if count <= len(lengths)
    )


@pytest.mark.parametrize(
    ("lengths", "tokens", "parts"),
    [
        ([9] * 16, 1.0, 1),
        ([3] * 8 + [60] * 8, 64.0, 2),
        ([3] * 8 + [60] * 8, 500.0, 1),
        ([3] * 8 + [60] * 8, math.inf, 1),
        ([7], 0.0, 1),
    ],
)
def test_a_batch_is_cut_where_that_saves_more_than_a_pass_costs(
    lengths: list[int], tokens: float, parts: int
) -> None:
    assert len(parts_by_length(np.array(lengths), tokens)) == parts
