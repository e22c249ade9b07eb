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

    @classmethod
    def of(cls, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> StackedMLP:
        """The networks with these weights, each `(copies, inputs, outputs)`, and biases; their memory is shared."""
        made = cls.__new__(cls)
        nn.Module.__init__(made)
        made.weights = nn.ParameterList([nn.Parameter(weight) for weight in weights])
        made.biases = nn.ParameterList([nn.Parameter(bias) for bias in biases])
        return made

    def copies(self, some: slice) -> StackedMLP:
        """Some of the networks, which go on learning with the others."""
        return self.of([w.detach()[some] for w in self.weights], [b.detach()[some] for b in self.biases])

    @classmethod
    def joined(cls, networks: Sequence[StackedMLP]) -> StackedMLP:
        """The networks of several stacks in one."""
        pairs = [zip(*parts, strict=True) for parts in ([n.weights for n in networks], [n.biases for n in networks])]
        return cls.of(*([torch.cat([p.detach() for p in layer]) for layer in part] for part in pairs))

    def forward(self, rows: Tensor) -> Tensor:
        """Apply network `i` to `rows[i]`."""
        *hidden, last = zip(self.weights, self.biases, strict=True)
        for weight, bias in hidden:
            rows = torch.baddbmm(bias, rows, weight).relu_()
        return _few(rows, *last)


def _few(rows: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """`rows @ weight + bias` of few outputs: products with few columns are several times as slow as with few rows."""
    return torch.baddbmm(bias.mT, weight.mT, rows.mT).mT


def gradient_norms(parameters: Sequence[nn.Parameter]) -> Tensor:
    """The gradient norm of each stacked network, `(copies,)`."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    return torch.stack([gradient.pow(2).flatten(1).sum(dim=1) for gradient in gradients], dim=1).sum(dim=1).sqrt()


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
