import torch

from finesent.training.streams import numpy_stream, seed_dropout, stream_seed, torch_stream


def test_streams_differ_by_seed_name_and_epoch() -> None:
    seeds = {stream_seed(s, n, e) for s in (0, 1) for n in ("order", "dropout") for e in (0, 1, 2)}
    assert len(seeds) == 12
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_a_stream_is_the_same_every_time() -> None:
    assert stream_seed(0, "order", 1) == 4489457307835839548
    assert (numpy_stream(3, "order", 1).permutation(9) == numpy_stream(3, "order", 1).permutation(9)).all()
    assert torch.equal(
        torch.rand(3, generator=torch_stream(3, "head")), torch.rand(3, generator=torch_stream(3, "head"))
    )


def test_dropout_is_seeded_by_epoch() -> None:
    seed_dropout(0, 1)
    first = torch.rand(4)
    seed_dropout(0, 2)
    second = torch.rand(4)
    seed_dropout(0, 1)
    assert torch.equal(torch.rand(4), first)
    assert not torch.equal(first, second)
