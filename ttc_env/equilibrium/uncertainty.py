"""How sensitive equilibria, welfare and prices are to noise of the size that measured curves have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ttc_env.checks import shown, whole, within
from ttc_env.equilibrium import batched
from ttc_env.equilibrium.inefficiency import price_of_anarchy, price_of_stability
from ttc_env.equilibrium.log_space import in_numpy
from ttc_env.market import Market
from ttc_env.markets import Markets

_BATCHED: dict[Callable[..., ArrayLike], Callable[[Sequence[Market]], np.ndarray]] = {
    price_of_anarchy: batched.price_of_anarchy,
    price_of_stability: batched.price_of_stability,
}


class Interval(NamedTuple):
    """Quantiles of a statistic over drawn markets, each of the statistic's own shape."""

    low: np.ndarray
    median: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, values: Any, coverage: float = 0.95) -> Interval:
        """Central interval of values `(B, ...)`, as of `Interval.of(batched.welfare_optimum(drawn).value)`.

        Raises:
            ValueError: `coverage` outside (0, 1), or no values.
        """
        within("coverage", coverage, 0.0, 1.0, closed="neither")
        values = np.asarray(values)
        if not values.size:
            raise ValueError("an interval needs the statistic of at least one market, got none")
        return cls(*np.quantile(values, [(1 - coverage) / 2, 0.5, (1 + coverage) / 2], axis=0))


def draw_markets(market: Market, num_questions: int, num_markets: int, rng: np.random.Generator) -> Markets:
    """Markets whose accuracies are redrawn as the mean over `num_questions` right or wrong answers.

    Their spread is a *sensitivity range*: what another measurement of this very market would find. It is no confidence
    interval: the curves are noisy once already, and what takes a maximum over them is biased upwards twice. Intervals
    that cover come from `posterior_markets`.

    A binomial draw per provider and level, all independent: what can be said where only means are published.
    Answers of several levels to the same questions are correlated, so differences between levels are less noisy in
    truth; prices and costs are kept.

    Raises:
        ValueError: a number that is no positive integer, or qualities that are no means of right and wrong answers.
    """
    if whole("num_questions", num_questions) > np.iinfo(np.int64).max:
        raise ValueError(f"num_questions must be a number that NumPy can draw, got {shown(num_questions)}")
    whole("num_markets", num_markets)
    market = in_numpy(market)
    accuracy = np.clip(market.accuracy, 0.0, 1.0)
    draws = rng.binomial(num_questions, accuracy, size=(num_markets, *accuracy.shape)) / num_questions
    return with_accuracies(market, draws)


def with_accuracies(market: Market, accuracies: np.ndarray) -> Markets:
    """The market with other accuracies, `(B, n, m)`; prices and costs are kept."""
    market = in_numpy(market)
    return Markets(
        market.providers,
        market.levels,
        quality=market.unit * (market.baseline + (1 - market.baseline) * accuracies),
        price=market.price,
        cost=market.cost,
        beta=market.beta,
        outside_value=market.outside_value,
        answer_value=market.unit,
        baseline=market.baseline,
        tokens=market.tokens,
    )


def interval(statistic: Callable[[Market], ArrayLike], markets: Iterable[Market], coverage: float = 0.95) -> Interval:
    """Central interval of a statistic of a market, for example `interval(price_of_anarchy, posterior_markets(...))`.

    It means what the markets mean: credible with `posterior_markets`, a sensitivity range with `draw_markets`.

    The prices of anarchy and stability are found for all markets at once, other statistics for one after another;
    `Interval.of` takes what any oracle of `batched` gives.

    Args:
        statistic: from a market to a number or an array of fixed shape.
        markets: the drawn markets.
        coverage: probability mass between `low` and `high`.

    Raises:
        ValueError: `coverage` outside (0, 1), or no markets.
    """
    if statistic in _BATCHED:
        return Interval.of(_BATCHED[statistic](markets if isinstance(markets, Sequence) else list(markets)), coverage)
    return Interval.of([statistic(market) for market in markets], coverage)
