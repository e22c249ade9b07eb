"""Several small networks of one shape as one batched matrix product."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class StackedMLP(nn.Module):
    """`copies` independent perceptrons with rectified units: `(copies, rows, inputs)` to `(copies, rows, outputs)`.

    Orthogonal weights with gain sqrt(2), the last layer with `output_gain` (Andrychowicz et al. 2021,
    arXiv:2006.05990, recommend a small one for policies).
    """

    def __init__(self, copies: int, sizes: Sequence[int], output_gain: float, generator: torch.Generator) -> None:
        super().__init__()
        gains = [math.sqrt(2)] * (len(sizes) - 2) + [output_gain]
        self.weights = nn.ParameterList()
        self.biases = nn.ParameterList()
        for inputs, outputs, gain in zip(sizes, sizes[1:], gains, strict=False):
            weight = torch.empty(copies, inputs, outputs)
            for copy in weight:
                nn.init.orthogonal_(copy, gain, generator=generator)
            self.weights.append(nn.Parameter(weight))
            self.biases.append(nn.Parameter(torch.zeros(copies, 1, outputs)))

    def forward(self, rows: Tensor) -> Tensor:
        """Apply network `i` to `rows[i]`."""
        *hidden, last = zip(self.weights, self.biases, strict=True)
        for weight, bias in hidden:
            rows = torch.baddbmm(bias, rows, weight).relu_()
        return torch.baddbmm(last[1], rows, last[0])


def gradient_norms(parameters: Sequence[nn.Parameter]) -> Tensor:
    """The gradient norm of each stacked network, `(copies,)`."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    return torch.stack([gradient.pow(2).flatten(1).sum(dim=1) for gradient in gradients]).sum(dim=0).sqrt()


def clip_each(parameters: Sequence[nn.Parameter], max_norm: float) -> Tensor:
    """Scale the gradient of each stacked network, not of the whole stack, to at most `max_norm`.

    Returns:
        The norms before, `(copies,)`.
    """
    norms = gradient_norms(parameters)
    scale = (max_norm / (norms + 1e-6)).clamp(max=1.0)
    for p in parameters:
        if p.grad is not None:
            p.grad.mul_(scale.reshape(-1, *(1,) * (p.grad.ndim - 1)))
    return norms
