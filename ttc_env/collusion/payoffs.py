"""A finite game as a table: what every provider earns at every joint action, and what counts as competition there."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ttc_env.arrays import Array
from ttc_env.checks import whole
from ttc_env.equilibrium.game import LISTED, StageGame
from ttc_env.equilibrium.reactive import joint_actions
from ttc_env.mechanisms import Draws, every_action


@dataclass(frozen=True, eq=False)
class PayoffTable:
    """Profits of `n` providers with `m` actions each.

    Args:
        profits: of every provider at every joint action, USD, `(N, n)` with `N = m^n` in the order of
            `equilibrium.joint_actions`: the last provider's action changes fastest. Where chance is left, such as which
            of two tied bids wins, `(K, N, n)`: `K` outcomes, one as likely as the other; `profits` is then their mean.
        num_actions: `m`.

    `outcomes` has them all, `(K, N, n)`.

    Raises:
        ValueError: another number of rows, or a profit that is not finite.
    """

    profits: Array
    num_actions: int

    def __post_init__(self) -> None:
        given, m = np.asarray(self.profits, dtype=np.float64), whole("num_actions", self.num_actions)
        outcomes = np.array(given if given.ndim == 3 else given[None])
        if outcomes.ndim != 3 or not outcomes.size or outcomes.shape[1] != m ** outcomes.shape[2]:
            raise ValueError(f"profits must have shape (m^n, n), or (K, m^n, n), with m = {m}, got {given.shape}")
        if not np.isfinite(outcomes).all():
            raise ValueError(f"profits must be finite, got {given[~np.isfinite(given)][0]} among them")
        force = object.__setattr__  # the dataclass is frozen; this is its constructor
        for name, array in (("outcomes", outcomes), ("profits", outcomes.mean(axis=0))):
            array.flags.writeable = False
            force(self, name, array)

    outcomes: np.ndarray = field(init=False, repr=False)

    @property
    def num_providers(self) -> int:
        """`n`."""
        return int(self.profits.shape[1])

    @property
    def num_joint(self) -> int:
        """Number of joint actions, `N = m^n`."""
        return len(self.profits)

    @cached_property
    def joint_actions(self) -> np.ndarray:
        """The joint action of every row, `(N, n)`."""
        return joint_actions(self.num_providers, self.num_actions)

    @cached_property
    def strides(self) -> np.ndarray:
        """How far apart two rows are where a provider's action differs by one, `(n,)`."""
        return self.num_actions ** np.arange(self.num_providers)[::-1]

    def index(self, actions: Array) -> np.ndarray:
        """Row numbers `(...)` of joint actions `(..., n)`.

        Raises:
            ValueError: not one action of `0..m-1` for every provider.
        """
        actions = np.asarray(actions)
        n, m = self.num_providers, self.num_actions
        integers = np.issubdtype(actions.dtype, np.integer)
        if not integers or actions.shape[-1:] != (n,) or ((actions < 0) | (actions >= m)).any():
            raise ValueError(f"joint actions must be integers in 0..{m - 1} of {n} providers, got {actions!r}")
        return actions @ self.strides

    def rows_of(self, joint: Array, provider: int) -> np.ndarray:
        """Rows `(..., m)` in which one provider's action is replaced by each of its actions in turn."""
        joint, stride = np.asarray(joint), self.strides[provider]
        own = joint // stride % self.num_actions
        return (joint - own * stride)[..., None] + stride * np.arange(self.num_actions)

    @cached_property
    def deviations(self) -> np.ndarray:
        """What each action would earn each provider where the others do as in that row, `(N, n, m)`."""
        providers = range(self.num_providers)
        return np.stack([self.profits[self.rows_of(np.arange(self.num_joint), i), i] for i in providers], axis=1)

    @cached_property
    def best_response(self) -> np.ndarray:
        """Action of highest profit of every provider against the others' in every row, `(N, n)`; ties to the lowest."""
        return self.deviations.argmax(axis=-1)

    @cached_property
    def equilibria(self) -> np.ndarray:
        """Rows of all pure equilibria, `(E,)`; a gain within rounding, 1e-12 of the largest profit, is none."""
        slack = 1e-12 * float(np.abs(self.profits).max())
        return np.flatnonzero((self.deviations.max(axis=-1) - self.profits <= slack).all(axis=-1))

    @cached_property
    def dominated(self) -> np.ndarray:
        """Which actions are weakly dominated by another one of the same provider, `(n, m)`."""
        slack = 1e-12 * float(np.abs(self.profits).max())
        found = np.zeros((self.num_providers, self.num_actions), dtype=bool)
        for i in range(self.num_providers):
            worth = self.deviations[:, i]  # (N, m)
            for k in range(self.num_actions):
                lead = worth - worth[:, k : k + 1]
                found[i, k] = ((lead >= -slack).all(axis=0) & (lead > slack).any(axis=0)).any()
        return found

    @cached_property
    def joint_optimum(self) -> int:
        """Row of highest total profit, the first of them."""
        return int(self.profits.sum(axis=1).argmax())


@dataclass(frozen=True, eq=False)
class Benchmarks:
    """Between which profits collusion is measured, USD, `(n,)` each: `competitive` without, `collusive` at its most.

    Raises:
        ValueError: other shapes, or a collusive total that is not above the competitive one.
    """

    competitive: Array
    collusive: Array

    def __post_init__(self) -> None:
        low, high = (np.asarray(profits, dtype=np.float64) for profits in (self.competitive, self.collusive))
        if low.ndim != 1 or low.shape != high.shape or not np.isfinite([low, high]).all():
            raise ValueError(f"benchmarks must be finite profits (n,) each, got shapes {low.shape} and {high.shape}")
        if not low.sum() < high.sum():
            raise ValueError(f"nothing is to be gained by collusion: total profits {low.sum():g} and {high.sum():g}")
        object.__setattr__(self, "competitive", low)
        object.__setattr__(self, "collusive", high)

    def profit_gain(self, profits: Array) -> np.ndarray:
        """How much of the way from competition to collusion each provider has gone, `(..., n)` from profits `(..., n)`.

        NaN for a provider that collusion gives the same as competition.

        Source: Calvano, Calzolari, Denicolo, Pastorello 2020, *American Economic Review* 110, equation 9.
        """
        width = self.collusive - self.competitive
        return (np.asarray(profits) - self.competitive) / np.where(width == 0, np.nan, width)

    def mean_profit_gain(self, profits: Array) -> np.ndarray:
        """The same of total profits, `(...)`."""
        low, high = self.competitive.sum(), self.collusive.sum()
        return (np.asarray(profits).sum(axis=-1) - low) / (high - low)

    def generalised_profit_gain(self, profits: Array, exponent: float = 0.5) -> np.ndarray:
        """Power mean of the providers' gains, `(...)`: the smaller the exponent, the more a provider left out counts.

        A gain below zero counts as zero. Exponents are positive, or 0 for the geometric mean.

        Raises:
            ValueError: a negative exponent.
        """
        if not exponent >= 0:
            raise ValueError(f"exponent must be at least 0, got {exponent!r}")
        gains = np.maximum(self.profit_gain(profits), 0.0)
        if exponent == 0:
            with np.errstate(divide="ignore"):
                return np.exp(np.log(gains).mean(axis=-1))
        return (gains**exponent).mean(axis=-1) ** (1 / exponent)


def payoff_table(game: StageGame, actions: Array | None = None, tie_draws: int = 1) -> PayoffTable:
    """The table of a market under any mechanism with finite actions, of expected demand.

    Args:
        game: the market and its mechanism.
        actions: the `A` actions that each provider may take, `(A, n)` or `(A, n, c)`, in this order; by default all.
        tie_draws: by default ties are settled in expectation; else by one of so many draws, evenly spaced over [0, 1).

    Raises:
        ValueError: continuous actions, or more than a million joint actions.
    """
    actions = every_action(game.mechanism, game.market) if actions is None else np.asarray(actions)
    n = game.market.num_providers
    if len(actions) ** n > LISTED:
        raise ValueError(
            f"{n} providers with {len(actions)} actions have more than {LISTED} joint actions; allow fewer"
        )
    joint = actions[joint_actions(n, len(actions)), np.arange(n)]
    if whole("tie_draws", tie_draws) == 1:
        return PayoffTable(game.utility(joint), len(actions))
    bids = game.mechanism.bids(game.market, game.check(joint))
    ties = (np.arange(tie_draws) + 0.5) / tie_draws
    outcomes = [game.mechanism.clear(game.market, bids, Draws(tie=np.full(len(joint), tie))) for tie in ties]
    return PayoffTable(np.stack([outcome.utility for outcome in outcomes]), len(actions))


def price_actions(game: StageGame) -> np.ndarray:
    """Actions that differ in the price alone, `(A, n, c)`: each provider's efficient level, everything else plain.

    Of a mechanism whose actions are levels alone, all levels, `(A, n)`.
    """
    sizes = game.mechanism.action_sizes(game.market)
    if len(sizes) == 1:
        return every_action(game.mechanism, game.market)
    plain = game.mechanism.honest(game.market, game.market.welfare_contribution.argmax(axis=1))
    actions = np.repeat(plain[None], sizes[1], axis=0)
    actions[..., 1] = np.arange(sizes[1])[:, None]
    return actions


def stage_benchmarks(payoffs: PayoffTable) -> Benchmarks:
    """Of the table itself: its pure equilibrium of highest total profit, and its joint optimum.

    Equilibria in weakly dominated actions, such as those of bidders who let each other win, count only where there are
    no others. Of those that count, the one taken makes it hardest to call play collusive. Where actions are a grid,
    both benchmarks lie on it.

    Raises:
        ValueError: there is no pure equilibrium, or none that leaves anything to gain.
    """
    rows = payoffs.equilibria
    if not len(rows):
        raise ValueError("this game has no pure equilibrium to compare with; give the competitive profits instead")
    providers = np.arange(payoffs.num_providers)
    sound = ~payoffs.dominated[providers, payoffs.joint_actions[rows]].any(axis=1)
    profits = payoffs.profits[rows[sound] if sound.any() else rows]
    return Benchmarks(profits[profits.sum(axis=1).argmax()], payoffs.profits[payoffs.joint_optimum])


def game_benchmarks(game: StageGame, payoffs: PayoffTable) -> Benchmarks:
    """The profits that the mechanism knows apart from any grid, such as those of prices that are real numbers; where it
    knows none, those of the table.

    Raises:
        ValueError: what `stage_benchmarks` raises.
    """
    known = game.reference_profits()
    return stage_benchmarks(payoffs) if known is None else Benchmarks(*known)
