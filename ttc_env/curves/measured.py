"""Measured curves of one benchmark and method, and the market they make."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ttc_env.checks import finite
from ttc_env.market import Market

ANSWER_VALUE = {"gsm8k": 0.008, "gpqa": 0.02, "aime": 0.05, "nano": 0.008}  # USD; as published, nano nominal
BASELINE = 0.1
MARKUP = 0.25


@dataclass(frozen=True, eq=False)
class Curves:
    """Measured curves of one benchmark and method.

    `accuracy` (probability of a right answer) and `tokens` (mean generated tokens per query) have shape
    `(n, m)`; `usd_per_token` has shape `(n,)`.
    """

    name: str
    providers: tuple[str, ...]
    levels: tuple[float, ...]
    accuracy: np.ndarray
    tokens: np.ndarray
    usd_per_token: np.ndarray

    def market(
        self,
        *,
        beta: float = 1000.0,
        answer_value: float | None = None,
        baseline: float = BASELINE,
        markup: float = MARKUP,
        outside_value: float = 0.0,
    ) -> Market:
        """The market these curves make: `q = alpha (b + (1 - b) a)`, `p = tokens * price`, `c = p / (1 + markup)`.

        Raises:
            ValueError: `answer_value` is not given and no published one exists for this benchmark, or a
                parameter is out of range.
        """
        benchmark = self.name.split("/")[0]
        if answer_value is None:
            if benchmark not in ANSWER_VALUE:
                raise ValueError(
                    f"answer_value (USD a correct answer is worth) must be given for benchmark {benchmark!r}; "
                    f"published values exist only for {', '.join(ANSWER_VALUE)}"
                )
            answer_value = ANSWER_VALUE[benchmark]
        for parameter, value in (("answer_value", answer_value), ("baseline", baseline), ("markup", markup)):
            finite(parameter, value)
        if markup < 0:
            raise ValueError(f"markup must be >= 0, got {markup!r}")
        price = self.tokens * self.usd_per_token[:, None]
        return Market(
            providers=self.providers,
            levels=self.levels,
            quality=answer_value * (baseline + (1 - baseline) * self.accuracy),
            price=price,
            cost=price / (1 + markup),
            beta=beta,
            outside_value=outside_value,
            answer_value=answer_value,
            baseline=baseline,
            tokens=self.tokens,
        )
