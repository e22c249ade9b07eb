"""Recorded answers, question by question, for sampled demand to replay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from array_api_compat import is_torch_array

from ttc_env.arrays import Array, convert, namespace, own_table, table_rows, take


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What every provider did at every level on each of `Q` questions.

    Args:
        accuracy: fraction of the recorded answers that are right, `(n, m, Q)`; its means are the market's accuracy.
        tokens: the bill of a query, relative to its mean over questions, `(n, m, Q)`: a query costs, and is charged,
            this many times what the market's tables say. With one price per token that is its share of tokens.

    Raises:
        ValueError: shapes that disagree, accuracies outside [0, 1], tokens below 0 or without mean 1.
    """

    accuracy: Array
    tokens: Array

    def __post_init__(self) -> None:
        for name in ("accuracy", "tokens"):
            # the dataclass is frozen; this is its constructor
            object.__setattr__(self, name, own_table(f"recorded {name}", getattr(self, name)))
        shapes = tuple(self.accuracy.shape), tuple(self.tokens.shape)
        if shapes[0] != shapes[1] or len(shapes[0]) != 3 or 0 in shapes[0]:
            raise ValueError(f"recorded outcomes must have one shape (providers, levels, questions), got {shapes}")
        if not (float(self.accuracy.min()) >= 0 and float(self.accuracy.max()) <= 1):  # NaN is no such number either
            raise ValueError(f"recorded accuracies must be in [0, 1], got {self.accuracy!r}")
        if not (float(self.tokens.min()) >= 0 and float(abs(self.tokens.mean(-1) - 1).max()) < 1e-5):
            raise ValueError(f"recorded tokens must be >= 0 with mean 1 over questions, got {self.tokens!r}")

    @property
    def num_questions(self) -> int:
        """Number of questions, `Q`."""
        return self.tokens.shape[-1]

    @cached_property
    def _rows(self) -> Array:
        return table_rows(self.tokens[..., 0])

    def on(self, level: Array, draws: Array) -> tuple[Array, Array]:
        """Accuracy and tokens, `(..., n, N)`, at levels `(..., n)` on the questions that draws `(..., N)` pick."""
        return _look_up(self.accuracy, self.tokens, self._rows, self.num_questions, level, draws)

    def select(self, rows: Sequence[int]) -> Outcomes:
        """Those of some of the providers."""
        return Outcomes(self.accuracy[rows, ...], self.tokens[rows, ...])

    def to(self, backend: str, *, device: Any = None, dtype: str = "float64") -> Outcomes:
        """The same in another array library; see `Market.to`."""
        return Outcomes(*(convert(table, backend, device, dtype) for table in (self.accuracy, self.tokens)))

    def padded(self, num_providers: int, num_levels: int) -> Outcomes:
        """With absent providers, who are never right, and the highest level repeated; on NumPy."""
        more = num_providers - self.tokens.shape[0], num_levels - self.tokens.shape[1]

        def fill(table: np.ndarray, value: float) -> np.ndarray:
            wide = np.pad(table, ((0, 0), (0, more[1]), (0, 0)), mode="edge")
            return np.pad(wide, ((0, more[0]), (0, 0), (0, 0)), constant_values=value)

        return Outcomes(fill(self.accuracy, 0.0), fill(self.tokens, 1.0))


class OutcomeBatch(NamedTuple):
    """The outcomes of `K` markets for `B` rows that take them in turn, with each market's tables kept once.

    `accuracy` and `tokens` are `(K, n, m, Q)`, `rows`, `(B, n)`, says where a provider's levels begin in them, and
    `num_questions`, `(B, 1)`, how many of the `Q` questions there are.
    """

    accuracy: Array
    tokens: Array
    rows: Array
    num_questions: Array

    def on(self, level: Array, draws: Array) -> tuple[Array, Array]:
        """As `Outcomes.on`, for levels `(B, n)` and draws `(B, N)`."""
        return _look_up(*self, level, draws)

    def to(self, backend: str, *, device: Any = None, dtype: str = "float64") -> OutcomeBatch:
        """The same in another array library; see `Market.to`."""
        accuracy, tokens = (convert(table, backend, device, dtype) for table in self[:2])
        place = {"device": tokens.device} if is_torch_array(tokens) else {}
        return OutcomeBatch(accuracy, tokens, *(namespace(tokens).asarray(whole, **place) for whole in self[2:]))


def stack_outcomes(outcomes: Sequence[Outcomes], num_rows: int) -> OutcomeBatch:
    """The outcomes of markets of one shape, for rows that take them in turn."""
    most = max(one.num_questions for one in outcomes)

    def stack(tables: list[np.ndarray]) -> np.ndarray:
        return np.stack([np.pad(table, ((0, 0), (0, 0), (0, most - table.shape[-1]))) for table in tables])

    accuracy, tokens = stack([one.accuracy for one in outcomes]), stack([one.tokens for one in outcomes])
    row = np.arange(num_rows) % len(outcomes)
    sizes = np.array([[one.num_questions] for one in outcomes])
    return OutcomeBatch(accuracy, tokens, table_rows(tokens[..., 0])[row], sizes[row])


def _look_up(
    accuracy: Array, tokens: Array, rows: Array, num_questions: int | Array, level: Array, draws: Array
) -> tuple[Array, Array]:
    xp = namespace(draws)
    question = xp.astype(xp.floor(draws * num_questions), xp.int64)
    question = xp.clip(question, max=num_questions - 1)  # in single precision a draw below 1 may be rounded up
    index = (level + rows)[..., None] * tokens.shape[-1] + question[..., None, :]
    return take(accuracy, index), take(tokens, index)
