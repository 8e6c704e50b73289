"""AdamW for a table of which each step reads a few rows: the others wait until they are read again.

AdamW moves every number of a table at every step: a row without gradient decays, and coasts on its first
moment. In fine-tuning that is half of the optimizer's work, for rows that nobody looks at. Here a row's
skipped steps are made up for at once, just before it is looked up. With steps s + 1 … t skipped, a row w with
moments m and v becomes

    w P_t / P_s - P_t c_s · m / (sqrt(v) + eps d_s / c_s),
    c_s = sum_(k = s + 1 … t) (lr_k / P_k) (sqrt(1 - b2^k) / (1 - b1^k)) (b1 / sqrt(b2))^(k - s),
    d_s = sum_(k = s + 1 … t) (lr_k / P_k) ((1 - b2^k) / (1 - b1^k)) (b1 / b2)^(k - s),

where P_k is the product of (1 - lr_j · weight decay) over all steps j up to k. This is Loshchilov and Hutter
(2019), algorithm 2, with every gradient 0, summed over k; only that eps, which has another weight beside
sqrt(v) at each step, has the mean of these weights here. One skipped step is exact, and more are to first
order in eps / sqrt(v).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from finesent.kernels.adamw import BETA1, BETA2, corrections
from finesent.kernels.library import Kernels, Rows

_EPS = 1e-8
# What a step without gradient leaves of m / sqrt(v), and of m / v.
_COAST, _EASE = BETA1 / math.sqrt(BETA2), BETA1 / BETA2
# A row coasts on its first moment; after so many steps less than 1e-18 of it is left.
_LONGEST = 400


class RowwiseAdamW:
    """AdamW with PyTorch's defaults for one (V, H) parameter whose gradients are sparse.

    The parameter is right for a look-up after :meth:`before_lookup`, and as a whole after :meth:`settle`.

    Attributes:
        group: what :class:`torch.optim.AdamW` keeps of a parameter group; its ``lr`` counts at each step.

    Args:
        group: with the parameter alone.
        kernels: loaded; None computes with PyTorch's operations.
    """

    def __init__(self, group: dict[str, Any], kernels: Kernels | None = None) -> None:
        self.group = group
        self._kernels = kernels
        (self._table,) = group["params"]
        self._first = torch.zeros_like(self._table)
        self._second = torch.zeros_like(self._table)
        self._steps = 0
        self._begin()

    def before_lookup(self, ids: torch.Tensor) -> None:
        """Make up for what the rows of these token ids have skipped."""
        if self._since:
            self._catch_up(torch.unique(ids))

    def settle(self) -> None:
        """Make up for all that any row has skipped."""
        if self._since:
            self._catch_up(torch.arange(len(self._table)))
            self._begin()

    def coalesce(self) -> torch.Tensor | None:
        """Add up the gradients of rows looked up more than once; return all rows' (n, H), if any."""
        gradient: torch.Tensor | None = self._table.grad
        if gradient is None:
            return None
        gradient = gradient.coalesce()
        self._table.grad = gradient
        return gradient.values().contiguous()

    def step(self, factor: float = 1.0) -> None:
        """Take one step from ``factor`` times the coalesced gradient of the rows looked up, and drop it.

        Without a gradient there is no step.
        """
        gradient = self._table.grad
        if gradient is None:
            return
        rows = gradient.indices()[0]
        self._steps += 1
        self._record(self.group["lr"])
        with torch.no_grad():
            self._move(rows, gradient.values(), factor)
        self._last[rows] = self._since
        self._table.grad = None

    def state(self) -> dict[str, torch.Tensor]:
        """Return the moments and the number of steps, named as AdamW names them; settled before."""
        self.settle()
        return {
            "step": torch.tensor(float(self._steps)),
            "exp_avg": self._first,
            "exp_avg_sq": self._second,
        }

    def load_state(self, state: dict[str, torch.Tensor]) -> None:
        """Restore what :meth:`state`, or AdamW, gave."""
        self._steps = int(state["step"])
        self._first.copy_(state["exp_avg"])
        self._second.copy_(state["exp_avg_sq"])
        self._begin()

    def _begin(self) -> None:
        """Forget the past steps, which no row is behind any more."""
        self._since = 0
        # Per step since then, the first entry being that moment: P_k, and c_k and d_k as of now.
        self._kept, self._coasted, self._eased = np.ones(1), np.zeros(1), np.zeros(1)
        self._last = torch.zeros(len(self._table), dtype=torch.int64)

    def _record(self, rate: float) -> None:
        """Take a step with this learning rate into the sums that make up for it later."""
        self._since += 1
        now = self._since
        if now == len(self._kept):
            self._kept, self._coasted, self._eased = (
                np.pad(old, (0, now + 64)) for old in (self._kept, self._coasted, self._eased)
            )
        self._kept[now] = self._kept[now - 1] * (1 - rate * self.group["weight_decay"])
        first, second = corrections(self._steps)
        behind = np.arange(min(now, _LONGEST), 0, -1)
        moved = rate / self._kept[now] / first
        self._coasted[now - behind] += moved * math.sqrt(second) * _COAST**behind
        self._eased[now - behind] += moved * second * _EASE**behind

    def _catch_up(self, rows: torch.Tensor) -> None:
        behind = self._since - self._last[rows]
        rows = rows[behind > 0]
        if len(rows) == 0:
            return
        with torch.no_grad():
            self._skip(rows, self._last[rows].numpy())
        self._last[rows] = self._since

    def _skip(self, rows: torch.Tensor, last: np.ndarray) -> None:
        """Bring ``rows``, whose last step was ``last``, to the present."""
        skipped = self._since - last
        kept = self._kept[self._since]
        coasted, eased = self._coasted[last], self._eased[last]
        # Where the learning rate was 0 nothing moved, and any divisor will do.
        eps = _EPS * np.divide(eased, coasted, out=np.ones_like(eased), where=coasted > 0)
        if self._kernels is not None:
            numbers = kept / self._kept[last], kept * coasted, eps
            decays = BETA1**skipped, BETA2**skipped
            self._kernels.coast_rows(self._rows(rows), np.stack([*numbers, *decays], 1).astype(np.float32))
            return
        moment, square = self._first[rows], self._second[rows]
        moved = moment * _column(kept * coasted)
        moved /= square.sqrt().add_(_column(eps))
        decayed = self._table[rows] * _column(kept / self._kept[last])
        self._table[rows] = decayed - moved
        self._first[rows] = moment * _column(BETA1**skipped)
        self._second[rows] = square * _column(BETA2**skipped)

    def _move(self, rows: torch.Tensor, gradient: torch.Tensor, factor: float) -> None:
        """One step of AdamW, in the order of PyTorch's own."""
        rate = self.group["lr"]
        first, second = corrections(self._steps)
        if self._kernels is not None:
            step = 1 - rate * self.group["weight_decay"], rate / first, 1 / math.sqrt(second)
            self._kernels.adamw_rows(self._rows(rows), gradient.contiguous(), factor, step)
            return
        gradient = gradient if factor == 1.0 else gradient * factor
        moment = self._first[rows].lerp_(gradient, 1 - BETA1)
        square = self._second[rows].mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
        self._first[rows], self._second[rows] = moment, square
        divisor = square.sqrt().div_(math.sqrt(second)).add_(_EPS)
        weights = self._table[rows].mul_(1 - rate * self.group["weight_decay"])
        self._table[rows] = weights.addcdiv_(moment, divisor, value=-rate / first)

    def _rows(self, numbers: torch.Tensor) -> Rows:
        tensors = (self._table, self._first, self._second, numbers)
        return Rows(*(tensor.data_ptr() for tensor in tensors), len(numbers), self._table.shape[1])


def _column(values: np.ndarray | float) -> torch.Tensor:
    return torch.from_numpy(np.atleast_1d(values).astype(np.float32))[:, None]
