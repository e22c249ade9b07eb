"""The auction in which every provider sees its own row of the drawn type, as a Bayesian game with finite sums.

A strategy maps a provider's own row to an action. It is written as the actions on every type, `(T, n, ...)`, the same
wherever a provider sees the same.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ttc_env.arrays import Array
from ttc_env.batch import MarketBatch, stack_markets
from ttc_env.equilibrium.game import StageGame
from ttc_env.equilibrium.log_space import TOLERANCE
from ttc_env.equilibrium.mixtures.honest import HonestAuction, honest_auction
from ttc_env.equilibrium.regret import NashConv, relative_gap
from ttc_env.mechanisms import Mechanism, Outcome, every_action, make_mechanism
from ttc_env.mixtures import Mixture


class PrivateGame:
    """One period of a mixture whose providers know their own rows: quality, price and cost at each level.

    Bids are in the largest unit of all types.

    Args:
        mixture: the query types.
        mechanism: an auction, or what `ttc_env.mechanisms.make_mechanism` takes.

    Raises:
        ValueError: no mixture, or a mechanism under which users choose by what they know of the type.
    """

    def __init__(self, mixture: Mixture, mechanism: str | Mechanism = "second_price") -> None:
        if not isinstance(mixture, Mixture):
            raise ValueError(f"private information is about the types of a Mixture, got {mixture!r}")
        self.mixture = mixture.to("numpy").in_one_unit
        self.mechanism = check_private(make_mechanism(mechanism))
        self.games = [StageGame(market, self.mechanism) for market in self.mixture.markets]

    @cached_property
    def sights(self) -> np.ndarray:
        """What each provider sees of each type, `(T, n)`: the number of its row among the different ones it has."""
        seen = np.concatenate([self.mixture.quality, self.mixture.price, self.mixture.cost], axis=-1)
        columns = [np.unique(own, axis=0, return_inverse=True)[1].reshape(-1) for own in np.moveaxis(seen, 1, 0)]
        return np.stack(columns, axis=1)

    @cached_property
    def types(self) -> MarketBatch:
        """The markets of the types as the rows of one batch, which clear at once."""
        return stack_markets(self.mixture.markets, self.mixture.num_types)

    @cached_property
    def dominant(self) -> np.ndarray | None:
        """The strategy that is best whatever the others do, `(T, n)` or `(T, n, c)`; None where none is known."""
        found = [own for game in self.games if (own := game.dominant()) is not None]
        return np.stack(found) if len(found) == len(self.games) else None

    @cached_property
    def honest_outcome(self) -> HonestAuction:
        """The expected outcome of honest bids at efficient levels."""
        return self.mixture.average(honest_auction(self.mixture))

    def check(self, actions: Array) -> np.ndarray:
        """A strategy of every provider as an array `(T, n)` or `(T, n, c)`.

        Raises:
            ValueError: no actions on every type, actions outside the space, or different ones where types look alike.
        """
        actions = self.games[0].check(actions)
        if len(actions) != self.mixture.num_types or actions.ndim != 1 + len(self.games[0].action_shape):
            raise ValueError(f"strategies are actions on {self.mixture.num_types} types, got shape {actions.shape}")
        for i, sights in enumerate(self.sights.T):
            first = np.unique(sights, return_index=True)[1]
            if not np.array_equal(actions[:, i], actions[first[sights], i]):
                raise ValueError(
                    f"provider {self.mixture.providers[i]} cannot tell types apart on which it acts differently"
                )
        return actions

    def honest(self) -> np.ndarray:
        """The efficient level of the own row, bid honestly, `(T, n, c)`: dominant under the second-price rule."""
        levels = self.mixture.welfare_contribution.argmax(axis=-1)
        return np.stack([self.mechanism.honest(game.market, own) for game, own in zip(self.games, levels, strict=True)])

    def utility(self, actions: Array) -> np.ndarray:
        """Expected profit of each provider, USD, `(n,)`."""
        return self.mixture.average(self._clear(self.check(actions)).utility)

    def _clear(self, actions: np.ndarray) -> Outcome:
        """The expected outcome of each type, for actions `(T, n)` or `(T, n, c)`."""
        return self.mechanism.clear(self.types, self.mechanism.bids(self.types, actions))

    def deviations(self, actions: Array) -> np.ndarray:
        """What every action would earn a provider on the queries that look to it as this one does, USD, `(T, n, K)`.

        The mean over the types that it cannot tell apart, while the others keep to their strategies.
        """
        pairs = zip(self.games, self.check(actions), strict=True)
        return self._as_seen(np.stack([game.deviations(own) for game, own in pairs]))

    @cached_property
    def uniform_deviations(self) -> np.ndarray:
        """What every action earns on average against uniformly random ones, USD, `(T, n, K)`; as `deviations`."""
        every = every_action(self.mechanism, self.games[0].market)
        return self._as_seen(np.stack([game.mixed_deviations(every) for game in self.games]))

    def uniform_nash_conv(self) -> NashConv:
        """NashConv of independent uniformly random play on every type, USD; `()`, `(n,)`."""
        worth = self.uniform_deviations
        improvements = self.mixture.average(worth.max(axis=-1) - worth.mean(axis=-1))
        return NashConv(improvements.sum(), improvements)

    def _as_seen(self, earned: np.ndarray) -> np.ndarray:
        """What actions earn on each type, `(T, n, K)`, averaged over the types that look alike to the provider."""
        for i, sights in enumerate(self.sights.T):
            parts = (sights[:, None] == np.arange(sights.max() + 1)) * self.mixture.weights[:, None]
            earned[:, i] = (parts.T @ earned[:, i] / parts.sum(axis=0)[:, None])[sights]
        return earned

    def best_response(self, actions: Array) -> np.ndarray:
        """The interim best action of each provider on each type, `(T, n)` or `(T, n, c)`; ties to the lowest number."""
        return self.games[0].actions[self.games[0].lowest_best(self.deviations(actions))]

    def nash_conv(self, actions: Array) -> NashConv:
        """What the providers could gain by the best map from own row to action, each on its own, USD; `()`, `(n,)`."""
        best = self.mixture.average(self._best(self.check(actions)))
        improvements = np.maximum(best - self.utility(actions), 0.0)
        return NashConv(improvements.sum(), improvements)

    def _best(self, actions: np.ndarray) -> np.ndarray:
        """What the best map from own row to action earns each provider on each type, USD, `(T, n)`."""
        if self.dominant is None:
            return self.deviations(actions).max(axis=-1)
        worth, providers = np.empty(self.sights.shape), np.arange(self.mixture.num_providers)
        for i in providers:
            trial = np.where((providers == i)[:, None], self.dominant, actions)
            worth[:, i] = self._clear(trial).utility[:, i]
        return worth

    def figures(self, actions: Array) -> dict[str, float]:
        """Expected figures of strategies, USD per query, and each over that of honest bids at efficient levels.

        `truthfulness_gap` is the mean distance of a score from what the provider could add to welfare.
        """
        outcome, truth = self._clear(self.check(actions)), self.mixture.welfare_contribution.max(axis=-1)
        score = outcome.bids.claim - outcome.bids.ask
        welfare, user_value, distance = (
            float(self.mixture.average(part))
            for part in (outcome.welfare, outcome.user_value, np.abs(score - truth).mean(axis=-1))
        )
        honest, profits = self.honest_outcome, self.mixture.average(outcome.utility)
        gap = float(self.nash_conv(actions).total)
        return {
            "welfare": welfare,
            "user_value": user_value,
            "truthfulness_gap": distance,
            "provider_profit": float(profits.sum()),
            "nash_conv": gap,
            "relative_nash_conv": relative_gap(gap, profits),
            "welfare_ratio": welfare / float(honest.welfare),
            "user_value_ratio": user_value / float(honest.user_value),
        }

    def best_replies(self, actions: Array) -> np.ndarray:
        """Fraction of a provider's actions that are best replies, on average over types, `(n,)`.

        A fraction of one leaves nothing to learn.
        """
        worth = self.deviations(actions)
        best = worth >= worth.max(axis=-1, keepdims=True) - TOLERANCE * max(game.scale for game in self.games)
        return self.mixture.average(best.mean(axis=-1))

    def largest_gain(self, actions: Array) -> np.ndarray:
        """The most that any action gains over a strategy on any type, against any actions of the others, USD, `(n,)`.

        0 where the strategy is dominant, whatever the others know. By going through all joint actions.

        Raises:
            Unanswered: too many of them.
        """
        gains = []
        for game, own in zip(self.games, self.check(actions), strict=True):
            payoffs, numbers = game.payoffs(), game.numbers(own)
            payoffs = payoffs.reshape(*(game.num_actions,) * len(numbers), -1)
            kept = [payoffs[..., i].take([number], axis=i) for i, number in enumerate(numbers)]
            gains.append([(payoffs[..., i] - alone).max() for i, alone in enumerate(kept)])
        return np.max(gains, axis=0)


def check_private(mechanism: Mechanism) -> Mechanism:
    """The mechanism, if private information is defined under it.

    Raises:
        ValueError: users choose by logit, hence by the qualities of all providers on the type.
    """
    if mechanism.uses_beta:
        raise ValueError(
            f"private information is defined for auctions, whose rule needs bids only; under {mechanism.name} users "
            "choose by what they know of the query's type"
        )
    return mechanism
