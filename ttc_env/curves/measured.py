"""Measured curves of one benchmark and method, and the market they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ttc_env.checks import finite, listed, within
from ttc_env.curves.surcharges import Surcharge
from ttc_env.market import Market
from ttc_env.names import find_provider

ANSWER_VALUE = {"gsm8k": 0.008, "gpqa": 0.02, "aime": 0.05, "nano": 0.008}  # USD; as published, nano nominal
BASELINE = 0.1
MARKUP = 0.25
COSTS = ("markup", "table", "measured")
"""what providers pay: `price / (1 + markup)`, or what a column of the table says, USD per million tokens"""
COST_COLUMNS = {"table": "cost_usd_per_mtok", "measured": "measured_usd_per_mtok"}


@dataclass(frozen=True, eq=False)
class Curves:
    """Measured curves of one benchmark and method.

    `accuracy` (probability of a right answer) and `tokens` (mean generated tokens per query) have shape
    `(n, m)`; `usd_per_token` has shape `(n,)`. `cost_per_token` holds what a token costs the provider, USD, `(n, m)`,
    under `"table"` and `"measured"` as far as the table has these columns; NaN where a cell is empty. `surcharge` is
    what is billed besides generated tokens, or None.
    """

    name: str
    providers: tuple[str, ...]
    levels: tuple[float, ...]
    accuracy: np.ndarray
    tokens: np.ndarray
    usd_per_token: np.ndarray
    cost_per_token: Mapping[str, np.ndarray] = field(default_factory=dict)
    surcharge: Surcharge | None = None

    @property
    def bill(self) -> np.ndarray:
        """What a query is billed, USD, `(n, m)`."""
        generated = self.tokens * self.usd_per_token[:, None]
        return generated if self.surcharge is None else generated + self.surcharge.usd

    def select(self, providers: Sequence[str | int]) -> Curves:
        """The curves of some of the providers, in the order given.

        Raises:
            ValueError: no such provider.
        """
        try:
            rows = [find_provider(provider, self.providers) for provider in listed("providers", providers)]
        except ValueError as error:
            raise ValueError(f"providers: {error}") from None
        if not rows or len(set(rows)) < len(rows):
            raise ValueError(f"providers must be at least one, each once, got {providers!r}")
        return replace(
            self,
            providers=tuple(self.providers[i] for i in rows),
            accuracy=self.accuracy[rows],
            tokens=self.tokens[rows],
            usd_per_token=self.usd_per_token[rows],
            cost_per_token={kind: values[rows] for kind, values in self.cost_per_token.items()},
            surcharge=None if self.surcharge is None else self.surcharge.select(rows),
        )

    def market(
        self,
        *,
        beta: float = 1000.0,
        answer_value: float | None = None,
        baseline: float = BASELINE,
        markup: float | Sequence[float] | None = None,
        outside_value: float = 0.0,
        costs: str | None = None,
    ) -> Market:
        """The market these curves make: `q = alpha (b + (1 - b) a)`, `p = bill`, and `c` as `costs` says.

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
        for parameter, value in (("answer_value", answer_value), ("baseline", baseline)):
            finite(parameter, value)
        price = self.bill
        with np.errstate(over="ignore", invalid="ignore"):  # the market refuses what is not finite, by name
            quality = answer_value * (baseline + (1 - baseline) * self.accuracy)
        return Market(
            providers=self.providers,
            levels=self.levels,
            quality=quality,
            price=price,
            cost=self._cost(price, markup, costs),
            beta=beta,
            outside_value=outside_value,
            answer_value=answer_value,
            baseline=baseline,
            tokens=self.tokens,
        )

    def costs_by(self, markup: float | Sequence[float] | None, costs: str | None) -> str:
        """Which of `COSTS` holds."""
        if costs is None:
            costs = "table" if "table" in self.cost_per_token and markup is None else "markup"
        if costs not in COSTS:
            raise ValueError(f"costs must be one of {', '.join(COSTS)}, got {costs!r}")
        return costs

    def _cost(self, price: np.ndarray, markup: float | Sequence[float] | None, costs: str | None) -> np.ndarray:
        """What a query costs the provider, USD, `(n, m)`."""
        costs = self.costs_by(markup, costs)
        if costs == "markup":
            return price / (1 + self._markup(MARKUP if markup is None else markup))
        if markup is not None:
            raise ValueError(f"markup says what providers pay, and so do costs={costs!r}; leave one of them out")
        column = COST_COLUMNS[costs]
        if costs not in self.cost_per_token:
            raise ValueError(f"costs cannot be {costs!r}: {self.name} has no column {column}")
        per_token = self.cost_per_token[costs]
        lacking = [name for name, row in zip(self.providers, per_token, strict=True) if np.isnan(row).any()]
        if lacking:
            raise ValueError(f"costs cannot be {costs!r}: {column} is empty for {', '.join(lacking)} in {self.name}")
        return self.tokens * per_token

    def _markup(self, markup: float | Sequence[float]) -> np.ndarray | float:
        if isinstance(markup, np.ndarray) and not markup.ndim:
            raise ValueError(f"markup must be a number or a sequence of them, got {markup!r}")
        if isinstance(markup, str) or not isinstance(markup, Sequence | np.ndarray):
            return within("markup", markup, 0)
        if len(markup) != len(self.providers):
            raise ValueError(
                f"markup must be one number, or one for each of the {len(self.providers)} providers, got {markup!r}"
            )
        return np.array([[within("markup", value, 0)] for value in markup])
