"""Device and precision: what is asked for, what there is, and what is said when they differ."""

from __future__ import annotations

import sys

import pytest
import torch

from finesent.errors import FinesentError
from finesent.memory import keep_freed_memory
from finesent.models.device import autocast, choose_device, choose_precision

CPU = torch.device("cpu")


def test_cuda_asked_for_and_absent_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(FinesentError, match="no CUDA device") as caught:
        choose_device("cuda")
    assert "set it to auto or cpu" in caught.value.remedy
    assert choose_device("auto") == CPU


def test_auto_takes_cuda_where_there_is_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto").type == "cuda"
    assert choose_device("cuda").type == "cuda"
    assert choose_device("cpu") == CPU


@pytest.mark.parametrize("has_bf16", [True, False])
def test_auto_precision_follows_the_hardware(has_bf16: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = "bf16" if has_bf16 else "float32"
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has_bf16)
    assert choose_precision("auto", torch.device("cuda")) == expected
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: has_bf16, raising=False)
    assert choose_precision("auto", CPU) == expected
    assert choose_precision("float32", CPU) == "float32"
    assert choose_precision("bf16", CPU) == "bf16"


@pytest.mark.parametrize(("precision", "dtype"), [("bf16", torch.bfloat16), ("float32", torch.float32)])
def test_products_are_in_the_precision_asked_for(precision: str, dtype: torch.dtype) -> None:
    with autocast(CPU, precision):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype


def test_keeping_memory_changes_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_freed_memory()
    assert torch.ones(1000, 1000).sum() == 1_000_000
    monkeypatch.setattr(sys, "platform", "win32")
    keep_freed_memory()
