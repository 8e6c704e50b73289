"""Matrix products of many passes with the same weights, which a CPU's kernels get in the layout they want.

oneDNN multiplies faster by a matrix that lies in blocks, and lays it out anew in every product where it does
not. While a model learns that cannot be helped; where a split is scored one layout serves all its passes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial

import torch
from torch import nn

_KERNELS = ("_is_mkldnn_bf16_supported", "_linear_pointwise", "_reorder_linear_weight")


@contextmanager
def packed_products(encoder: nn.Module, weights: Mapping[str, torch.Tensor], rows: int) -> Iterator[None]:
    """Inside, the encoder's linear layers multiply by these weights, laid out for the CPU's kernels.

    Nothing changes where there are no such kernels, for weights on another device or of another type than
    bf16, and where gradients are asked for.

    Args:
        encoder: whose layers they are.
        weights: by name, as they are to be used inside, whatever the layers' own are or become.
        rows: of a typical product, for which the layout is chosen.
    """
    with ExitStack() as stack:
        if _available() and not torch.is_grad_enabled():
            for name, module in encoder.named_modules():
                weight = weights.get(f"{name}.weight")
                # Of the very class: another may do more than multiply.
                if type(module) is nn.Linear and weight is not None and _packable(weight):
                    packed = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), rows)
                    # Beside the class's method, which comes back when this is deleted.
                    module.forward = partial(  # type: ignore[method-assign]
                        _product, packed, weights.get(f"{name}.bias")
                    )
                    stack.callback(delattr, module, "forward")
        yield


def _product(packed: torch.Tensor, bias: torch.Tensor | None, values: torch.Tensor) -> torch.Tensor:
    product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(values, packed, bias, "none", [], "")
    return product


def _available() -> bool:
    # What torch.compile uses, no part of PyTorch's public interface: another version may do without.
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    kernels = torch.ops.mkldnn
    return all(hasattr(kernels, name) for name in _KERNELS) and bool(kernels._is_mkldnn_bf16_supported())


def _packable(weight: torch.Tensor) -> bool:
    return weight.device.type == "cpu" and weight.dtype == torch.bfloat16
