"""What a query is billed besides the tokens that are generated for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np


@dataclass(frozen=True, eq=False)
class Surcharge:
    """Input tokens, input tokens from a cache, and a fee for each query.

    Tokens are means per query, all its requests together, `(n, m)`, or with leading axes; prices are `(n,)`.
    """

    input_tokens: np.ndarray
    cached_tokens: np.ndarray
    usd_per_input_token: np.ndarray
    usd_per_cached_token: np.ndarray
    usd_per_query: np.ndarray

    @property
    def usd(self) -> np.ndarray:
        """USD per query, in the shape of the tokens."""
        read = self.input_tokens * self.usd_per_input_token[:, None]
        return read + self.cached_tokens * self.usd_per_cached_token[:, None] + self.usd_per_query[:, None]

    def select(self, rows: Sequence[int]) -> Surcharge:
        """That of some of the providers."""
        return Surcharge(*(getattr(self, field.name)[rows] for field in fields(self)))
