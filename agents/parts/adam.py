"""Adam for stacked networks, of which some can be taken by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam


class Adam:
    """The arithmetic of `torch.optim.Adam`; but that class loads torch's compiler when it is made, two seconds of it.

    Args:
        parameters: what is learnt; of stacked networks the first axis counts the networks.
        learning_rate: may be changed between steps.
        eps: added to the root of the mean squared gradient.
        fused: whether to make one pass over an array, which rounds its last few numbers in another way; by default
            where each network has a multiple of 16 of them, so that what one learns does not depend on how many it
            is stacked with.

    Source: Kingma and Ba 2015, arXiv:1412.6980, algorithm 1, with decays 0.9 and 0.999.
    """

    def __init__(
        self, parameters: Iterable[Tensor], learning_rate: float, eps: float = 1e-8, fused: bool | None = None
    ) -> None:
        self.parameters = list(parameters)
        self.learning_rate, self.eps = learning_rate, eps
        self.fused = [p[0].numel() % 16 == 0 if fused is None else fused for p in self.parameters]
        self.steps = [
            torch.zeros((), device=p.device if one else "cpu")
            for p, one in zip(self.parameters, self.fused, strict=True)
        ]
        self.means = [torch.zeros_like(p) for p in self.parameters]
        self.squares = [torch.zeros_like(p) for p in self.parameters]

    def clear(self) -> None:
        """Forget the gradients."""
        for p in self.parameters:
            p.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """One step against the gradients, which all parameters have."""
        gradients: Any = [p.grad for p in self.parameters]
        for fused in set(self.fused):
            some = [k for k, one in enumerate(self.fused) if one == fused]
            columns = (self.parameters, gradients, self.means, self.squares, self.steps)
            parameters, slopes, means, squares, steps = ([column[k] for k in some] for column in columns)
            adam(
                parameters, slopes, means, squares, [], steps, foreach=not fused, fused=fused, amsgrad=False,
                beta1=0.9, beta2=0.999, lr=self.learning_rate, weight_decay=0.0, eps=self.eps, maximize=False,
            )  # fmt: skip

    def part(self, some: slice) -> Adam:
        """That of some of the stacked networks, as it would be if they alone had been learnt; it shares their state."""
        own = Adam.__new__(Adam)
        own.learning_rate, own.eps, own.fused = self.learning_rate, self.eps, self.fused
        own.parameters, own.means, own.squares = (
            [tensor.detach()[some] for tensor in tensors] for tensors in (self.parameters, self.means, self.squares)
        )
        own.steps = self.steps
        return own

    def state_dict(self) -> dict[str, list[Tensor]]:
        """Steps and moments of every parameter."""
        return {"steps": self.steps, "means": self.means, "squares": self.squares}

    def load_state_dict(self, state: dict[str, Sequence[Any]]) -> None:
        """Continue from `state_dict`."""
        for name, mine in self.state_dict().items():
            for tensor, value in zip(mine, state[name], strict=True):
                tensor.copy_(torch.as_tensor(value))
