"""L-BFGS without a line search, on vectors that may be larger than memory."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from worker.engine.memory.spill import Spill, stretches

# A pair of step and change of gradient is left out unless the cosine between the two is above this: there the loss
# curves down, or not at all.
LEAST_COSINE = 1e-8
TINY = 1e-30


class LBFGS:
    """Steps by the inverse Hessian that the last `history` steps and changes of gradient suggest.

    The history is kept as rows of a matrix: a step takes two products with it, in place of a chain of 4·`history`
    dependent ones, and no number is handed to the host. With `spill` it lies on disk.

    Source: Nocedal and Wright, "Numerical Optimization" (2006), algorithm 7.5, in the compact form of Byrd, Nocedal and
    Schnabel, "Representations of quasi-Newton matrices and their use in limited memory methods" (1994), eq. 3.1 and
    2.20. As in torch.optim.LBFGS, the first step is the gradient over its 1-norm.
    """

    def __init__(
        self, size: int, history: int, device: torch.device, rate: float = 1.0, spill: Spill | None = None
    ) -> None:
        """`size` is the number of variables; `rate` the factor on every step."""
        self.history = history
        self.rate = rate
        self.device = device
        self._spill = spill
        # Rows: the last gradient, where it was taken, then pairs of a step s and a change of gradient y.
        shape = (2 + 2 * history, size)
        self._rows = self._spill.tensor(shape) if self._spill else torch.zeros(shape, device=device)
        self._exact = torch.float32 if device.type == "mps" else torch.float64  # which Apple's GPUs do not know
        # Among the history's own rows; and the inverse Hessian's scale where no pair counts.
        self._products = torch.zeros(2 * history, 2 * history, dtype=self._exact, device=device)
        self._scale = torch.zeros((), dtype=self._exact, device=device)
        self._count = 0

    def step(self, iterate: Tensor, gradient: Tensor, counts: Tensor | None = None) -> None:
        """Move `iterate` [N] in place, downhill from where it is, which is where `gradient` [N] was taken.

        `counts` is a bool on the device, for whoever does not know yet whether the gradient is finite: where it is
        false, `iterate` stays, and so does what `undo` goes back to.
        """
        weights = None
        if self._count == 0:
            norms = [torch.linalg.vector_norm(gradient[part], 1) for part in self._parts(len(gradient))]
            self._scale = 1 / torch.stack(norms).to(self._exact).sum().clamp_min(TINY)
        else:
            weights = self._weights(self._products_with(iterate, gradient)).to(gradient.dtype)
        for part in self._parts(len(iterate)):
            step = self._scale.to(gradient.dtype) * gradient[part]
            if weights is not None:
                step += weights @ self._rows[2 : 2 + len(weights), part].to(self.device)
            began = iterate[part]
            if counts is not None:
                began = torch.where(counts, began, self._rows[1, part].to(self.device))
                step = torch.where(counts, step, 0)
            self._rows[0, part], self._rows[1, part] = gradient[part], began
            iterate[part] -= self.rate * step
        self._count += 1

    @property
    def reach(self) -> int:
        """How many steps back it remembers the way."""
        return min(self._count, self.history + 1)

    def undo(self, iterate: Tensor, steps: int = 1) -> None:
        """Go back to where the last step began, or so many steps, but for rounding; at most `reach`."""
        pairs = [2 + 2 * ((self._count - back) % self.history) for back in range(2, steps + 1)]
        for part in self._parts(len(iterate)):
            iterate[part] = self._rows[1, part].to(self.device)
            for pair in pairs:
                iterate[part] -= self._rows[pair, part].to(self.device)

    def _products_with(self, iterate: Tensor, gradient: Tensor) -> Tensor:
        """Complete the newest pair; the products [2·known] of all pairs' rows with the gradient."""
        known = 2 * min(self._count, self.history)
        newest = 2 * ((self._count - 1) % self.history)
        found = torch.zeros(known, 3, dtype=self._exact, device=self.device)
        pairs = self._rows[2 : 2 + known]
        for part in self._parts(len(gradient)):
            last_gradient, last_iterate = self._rows[:2, part].to(self.device)
            step, change = iterate[part] - last_iterate, gradient[part] - last_gradient
            pairs[newest, part], pairs[newest + 1, part] = step, change
            # Side by side in memory, which the product with the many rows is twice as fast for.
            factors = torch.stack((step, change, gradient[part]))
            found += (pairs[:, part].to(self.device) @ factors.T).to(self._exact)
        for row, products in ((newest, found[:, 0]), (newest + 1, found[:, 1])):
            self._products[row, :known] = self._products[:known, row] = products
        return found[:, 2]

    def _weights(self, with_gradient: Tensor) -> Tensor:
        """H·g is the sum of all pairs' rows by these weights [2·known], and of the gradient by `_scale`, now renewed.

        `with_gradient` [2·known] are the products of the rows with the gradient.
        """
        known = len(with_gradient) // 2
        steps = 2 * (torch.arange(self._count - known, self._count, device=self.device) % self.history)  # oldest first
        changes = steps + 1
        s_y, y_y = self._products[steps[:, None], changes], self._products[changes[:, None], changes]
        curvature = s_y.diagonal()
        counts = curvature > LEAST_COSINE * (self._products[steps, steps] * y_y.diagonal()).sqrt()
        both = counts[:, None] & counts
        y_y = torch.where(both, y_y, 0)
        # One that does not count is made orthogonal to all others and to the gradient: it then takes no part.
        upper = torch.where(both, s_y, 0).triu() + torch.diag_embed((~counts).to(self._exact))
        s_g, y_g = (torch.where(counts, with_gradient[index], 0) for index in (steps, changes))
        newest = (counts * torch.arange(1, known + 1, device=self.device)).argmax()
        # `take`, because an index on the device is handed to the host.
        scale = curvature.take(newest) / y_y.diagonal().take(newest).clamp_min(TINY)
        self._scale = torch.where(counts.any(), scale, self._scale)
        inner = torch.linalg.solve_triangular(upper, s_g[:, None], upper=True)[:, 0]
        middle = torch.where(counts, curvature, 0) * inner + self._scale * (y_y @ inner - y_g)
        outer = torch.linalg.solve_triangular(upper.T, middle[:, None], upper=False)[:, 0]
        weights = torch.zeros_like(with_gradient)
        weights[steps], weights[changes] = torch.where(counts, outer, 0), -self._scale * inner
        return weights

    def _parts(self, size: int) -> Iterator[slice]:
        return stretches(size, self.device, self._spill)
