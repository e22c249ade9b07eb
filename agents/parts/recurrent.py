"""Several small networks with a memory, of one shape, as batched matrix products."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from agents.parts.networks import StackedMLP


class StackedGRU(nn.Module):
    """`copies` gated recurrent units, each read by a perceptron that sees its input beside the memory.

    Source: Cho et al. 2014, arXiv:1406.1078, with the reset gate behind the product, as in cuDNN and torch.
    """

    def __init__(
        self, copies: int, inputs: int, memory: int, sizes: Sequence[int], gain: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.memory = memory
        bound = 1 / math.sqrt(memory)

        def drawn(rows: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(copies, rows, 3 * memory).uniform_(-bound, bound, generator=generator))

        self.inward, self.inner, self.shift, self.inner_shift = drawn(inputs), drawn(memory), drawn(1), drawn(1)
        self.reader = StackedMLP(copies, [inputs + memory, *sizes], gain, generator)

    def empty(self, rows: int) -> Tensor:
        """The memory of those who have seen nothing, `(copies, rows, memory)`."""
        return self.inner.new_zeros(len(self.inner), rows, self.memory)

    def forward(self, seen: Tensor, fresh: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Read sequences one entry after another.

        Args:
            seen: `(copies, rows, T, inputs)`.
            fresh: where a sequence begins anew and the memory is empty, `(copies, rows, T)`.
            memory: before the first entry, `(copies, rows, memory)`.

        Returns:
            Outputs `(copies, rows, T, outputs)`, and the memory after the last entry.
        """
        rows, length = seen.shape[1:3]
        inward = torch.baddbmm(self.shift, seen.flatten(1, 2), self.inward).unflatten(1, (rows, length))
        kept = (~fresh).to(seen.dtype)
        memories = []
        for t in range(length):
            memory = memory * kept[:, :, t, None]
            inner = torch.baddbmm(self.inner_shift, memory, self.inner)
            (reset, update, new), (inner_reset, inner_update, inner_new) = (
                part.chunk(3, dim=-1) for part in (inward[:, :, t], inner)
            )
            update = torch.sigmoid(update + inner_update)
            candidate = torch.tanh(new + torch.sigmoid(reset + inner_reset) * inner_new)
            memory = candidate + update * (memory - candidate)
            memories.append(memory)
        known = torch.cat([seen, torch.stack(memories, dim=2)], dim=-1)
        return self.reader(known.flatten(1, 2)).unflatten(1, (rows, length)), memory
