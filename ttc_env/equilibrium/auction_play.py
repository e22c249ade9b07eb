"""What bids earn in the reverse second-price auction against logged or mixed opponents, exactly.

The others enter only through the highest of their scores, and through how many of them share it. For independent
strategies both have a closed form: with `a_j = P(score_j < s)` and `b_j = P(score_j = s)`

    P(win with score s) = E[1 / (1 + number tied at s); nobody above s] = integral_0^1 prod_{j != i} (a_j + b_j z) dz

because `1 / (1 + t) = integral_0^1 z^t dz`. The integrand is a polynomial, so Gauss-Legendre nodes give it exactly.

Source of the auction: arXiv:2601.21839, section 4.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ttc_env.arrays import Array, at
from ttc_env.equilibrium.log_space import in_numpy
from ttc_env.equilibrium.mixed import product_of_others
from ttc_env.equilibrium.regret import NashConv
from ttc_env.market import Market
from ttc_env.mechanisms import Bids, SecondPrice


class Rivals(NamedTuple):
    """What one provider meets: the distribution of the highest opposing score, and of ties with it; `(X,)` each.

    points: possible highest scores, increasing, USD; `-inf` where there may be no opponent.
    probability: of each.
    tied: expected share of the market for a bid of just this score, where nobody bids more.
    """

    points: np.ndarray
    probability: np.ndarray
    tied: np.ndarray


def grid_bids(market: Market, mechanism: SecondPrice) -> Bids:
    """Every bid on the mechanism's grid, for every provider, three arrays `(n, K)`; also for the action type box."""
    market, mechanism = in_numpy(market), replace(mechanism, action_type="multi_discrete")
    sizes = mechanism.action_sizes(market)
    actions = np.stack(np.meshgrid(*map(np.arange, sizes), indexing="ij"), axis=-1).reshape(-1, 1, 3)
    bids = mechanism.bids(market, np.repeat(actions, market.num_providers, axis=1))
    return Bids(*(part.T for part in bids))


def mixed_bid_utility(market: Market, mechanism: SecondPrice, bids: Bids, others: Bids) -> np.ndarray:
    """What each bid would earn its provider on average against the others' mixed strategies, USD, `(n, K)`.

    Args:
        market: the market.
        mechanism: the auction.
        bids: those to be judged, `(n, K)` each.
        others: the strategies, `(n, S)` each: provider `j` makes one of its `S` bids, all equally likely and
            independently of the other providers. Only scores matter.
    """
    market = in_numpy(market)
    gain, score = _gains(market, mechanism, bids), bids.claim - bids.ask
    rivals = _independent_rivals(others.claim - others.ask)
    return np.stack([_profit(*own, market.outside_value) for own in zip(gain, score, rivals, strict=True)])


def mixed_auction_nash_conv(market: Market, mechanism: SecondPrice, strategies: Bids) -> NashConv:
    """What the best bid on the grid gains over independent mixed strategies, `(n, S)` bids, all equally likely.

    Uniform play is `mixed_auction_nash_conv(market, mechanism, grid_bids(market, mechanism))`.
    """
    grid = grid_bids(market, mechanism)
    best = mixed_bid_utility(market, mechanism, grid, strategies).max(axis=1)
    earned = mixed_bid_utility(market, mechanism, strategies, strategies).mean(axis=1)
    improvements = np.maximum(best - earned, 0.0)
    return NashConv(improvements.sum(), improvements)


def auction_regret(market: Market, mechanism: SecondPrice, actions: Array) -> np.ndarray:
    """What each provider would gain by its best bid on the grid against the bids made, USD per query, `(..., n)`.

    At honest bids it is zero under `settlement="delivered"`; under `"declared"` it is what a liar gains.

    Args:
        market: the market.
        mechanism: the auction, with its grid.
        actions: the action of every provider, `(..., n, 3)`, in either form.
    """
    actions = np.asarray(actions)
    periods = actions.reshape(-1, 1, *actions.shape[-2:])
    different, inverse = np.unique(periods, axis=0, return_inverse=True)
    regret = np.array([external_auction_regret(market, mechanism, period) for period in different])
    return np.maximum(regret, 0.0)[inverse.reshape(-1)].reshape(actions.shape[:-1])


def external_auction_regret(market: Market, mechanism: SecondPrice, history: Array) -> np.ndarray:
    """What each provider would have gained with the best single bid in hindsight, USD per period, `(n,)`.

    Args:
        market: the market.
        mechanism: the auction, with its grid of bids.
        history: the actions played, `(T, n, 3)`.

    Raises:
        ValueError: not a history of at least one period.
    """
    groups = [np.zeros(len(history), dtype=int)] * market.num_providers
    return _hindsight(market, mechanism, history, groups)


def swap_auction_regret(market: Market, mechanism: SecondPrice, history: Array) -> np.ndarray:
    """What each provider would have gained by replacing each of its bids, wherever made, by the best other one.

    USD per period, `(n,)`, never negative for bids on the grid. Where honesty is dominant it equals
    `external_auction_regret`: the best replacement is always the same. Arguments and errors as there.
    """
    actions = _history(market, history)
    groups = [np.unique(own, axis=0, return_inverse=True)[1].reshape(-1) for own in np.moveaxis(actions, 1, 0)]
    return _hindsight(market, mechanism, history, groups)


def _gains(market: Market, mechanism: SecondPrice, bids: Bids) -> np.ndarray:
    """What winning is worth before the users get their part, `(n, K)`: `q - c`, or `claim - c` if declared."""
    level = np.asarray(bids.level).T
    worth = np.asarray(bids.claim).T if mechanism.settlement == "declared" else at(market.quality, level)
    return (worth - at(market.cost, level)).T


def _independent_rivals(scores: np.ndarray) -> list[Rivals]:
    """What each provider meets where `j` draws one of its scores, `(n, S)`, independently of the others."""
    n, num_scores = scores.shape
    points = np.concatenate([[-np.inf], np.unique(scores)])
    counts = np.stack([np.bincount(np.searchsorted(points, own), minlength=len(points)) for own in scores])
    mass, upto = counts / num_scores, np.cumsum(counts, axis=1) / num_scores
    below = np.pad(upto[:, :-1], ((0, 0), (1, 0)))
    highest = product_of_others(upto)
    nodes, weights = np.polynomial.legendre.leggauss(n // 2 + 1)  # exact up to degree n + 1, on [-1, 1]
    wins = sum(w / 2 * product_of_others(below + mass * (1 + z) / 2) for z, w in zip(nodes, weights, strict=True))
    tied = wins - np.pad(highest[:, :-1], ((0, 0), (1, 0)))
    probability = np.diff(highest, prepend=0.0, axis=1)
    return [Rivals(points, *own) for own in zip(probability, tied, strict=True)]


def _logged_rivals(others: np.ndarray) -> Rivals:
    """What a provider met in `T` periods, from the others' scores `(T, n - 1)`."""
    best = others.max(axis=1, initial=-np.inf)
    share = 1 / (1 + np.sum(others == best[:, None], axis=1))
    points, inverse, count = np.unique(best, return_inverse=True, return_counts=True)
    return Rivals(points, count / len(best), np.bincount(inverse, share) / len(best))


def _profit(gain: np.ndarray, score: np.ndarray, rivals: Rivals, reserve: float) -> np.ndarray:
    """Expected profit of bids of one provider, `(K,)`: outright wins and ties; bids below `reserve` earn nothing."""
    left = np.maximum(rivals.points, reserve)  # to the user
    wins = np.concatenate([[0.0], np.cumsum(rivals.probability)])
    pays = np.concatenate([[0.0], np.cumsum(rivals.probability * left)])
    beaten = np.searchsorted(rivals.points, score)
    meets = np.minimum(beaten, len(rivals.points) - 1)
    tied = np.where(rivals.points[meets] == score, rivals.tied[meets], 0.0)
    return np.where(score >= reserve, wins[beaten] * gain - pays[beaten] + tied * (gain - score), 0.0)


def _hindsight(market: Market, mechanism: SecondPrice, history: Array, groups: list[np.ndarray]) -> np.ndarray:
    """Gain of the best bid for each group of periods, `groups[i]` `(T,)` ints, over the bids made, `(n,)`."""
    market, actions = in_numpy(market), _history(market, history)
    grid, made = grid_bids(market, mechanism), mechanism.bids(market, actions)
    grid_gain, grid_score = _gains(market, mechanism, grid), grid.claim - grid.ask
    scores = made.claim - made.ask
    regret = -mechanism.clear(market, made).utility.sum(axis=0)
    for i, group in enumerate(groups):
        others = np.delete(scores, i, axis=1)
        for periods in (np.flatnonzero(group == label) for label in np.unique(group)):
            best = _profit(grid_gain[i], grid_score[i], _logged_rivals(others[periods]), market.outside_value).max()
            regret[i] += len(periods) * best
    return regret / len(actions)


def _history(market: Market, history: Array) -> np.ndarray:
    actions, n = np.asarray(history), market.num_providers
    if actions.ndim != 3 or actions.shape[1:] != (n, 3) or not len(actions):
        raise ValueError(f"history must be actions of shape (T, {n}, 3), got shape {actions.shape}")
    return actions
