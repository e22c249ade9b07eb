"""What bids earn in the reverse second-price auction against given or mixed opponents, exactly, and could have.

The others enter only through the highest of their scores, and through how many of them share it: `rivals.py`.

Source of the auction: arXiv:2601.21839, section 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ttc_env.arrays import Array, at
from ttc_env.equilibrium.log_space import in_numpy
from ttc_env.equilibrium.regret import NashConv
from ttc_env.equilibrium.rivals import Rivals, independent_rivals
from ttc_env.market import Market
from ttc_env.mechanisms import Bids, SecondPrice, check_actions


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
    return bid_utility(market, mechanism, bids, independent_rivals(others))


def bid_utility(market: Market, mechanism: SecondPrice, bids: Bids, rivals: Sequence[Rivals]) -> np.ndarray:
    """What each bid would earn its provider on average against what it meets, USD, `(n, K)` for bids `(n, K)`."""
    market = in_numpy(market)
    gain, score = bid_gains(market, mechanism, bids), bids.claim - bids.ask
    return np.stack([_profit(*own, market.outside_value) for own in zip(gain, score, rivals, strict=True)])


def mixed_auction_nash_conv(market: Market, mechanism: SecondPrice, strategies: Bids) -> NashConv:
    """What the best bids gain over independent mixed strategies, `(n, S)` bids, all equally likely.

    Uniform play is `mixed_auction_nash_conv(market, mechanism, grid_bids(market, mechanism))`.
    """
    dominant = Bids(*(part[:, None] for part in dominant_bids(market, mechanism)))
    rivals = independent_rivals(strategies)
    best = bid_utility(market, mechanism, dominant, rivals)[:, 0]
    earned = bid_utility(market, mechanism, strategies, rivals).mean(axis=1)
    improvements = np.maximum(best - earned, 0.0)
    return NashConv(improvements.sum(), improvements)


def dominant_bids(market: Market, mechanism: SecondPrice) -> Bids:
    """Bids that are best against anything the others do, `(n,)` each: the efficient level at its true cost.

    The claim is the truth where the delivered quality is paid, and the highest allowed where the claim is. A winner
    keeps `worth - V2 - cost`, and `V2` is the others': it wants to win whenever `worth - cost >= V2`, and a score of
    `worth - cost` does just that, at the level and claim where this is largest.
    """
    market = in_numpy(market)
    level = market.welfare_contribution.argmax(axis=-1)
    lie = mechanism.grid[-1] * market.unit if mechanism.settlement == "declared" else 0.0
    return Bids(level, at(market.cost, level), at(market.quality, level) + lie)


def auction_regret(market: Market, mechanism: SecondPrice, actions: Array) -> np.ndarray:
    """What each provider would gain by its best bid against the bids made, USD per query, `(..., n)`.

    At honest bids it is zero under `settlement="delivered"`; under `"declared"` it is what a liar gains. As the best
    bid is the same in every period (`dominant_bids`), the mean over the periods of a log is its external regret, and
    its swap regret as well.

    Args:
        market: the market.
        mechanism: the auction, with its grid.
        actions: the action of every provider, `(..., n, 3)`, in either form.

    Raises:
        ValueError: actions of another shape or outside the space.
    """
    market = in_numpy(market)
    bids, best = mechanism.bids(market, check_actions(mechanism, market, actions)), dominant_bids(market, mechanism)
    earned = mechanism.clear(market, bids).utility
    providers = np.arange(market.num_providers)
    gain = np.empty(earned.shape)
    for i in providers:
        trial = Bids(*(np.where(providers == i, own, made) for own, made in zip(best, bids, strict=True)))
        gain[..., i] = mechanism.clear(market, trial).utility[..., i] - earned[..., i]
    return np.maximum(gain, 0.0)


def bid_gains(market: Market, mechanism: SecondPrice, bids: Bids) -> np.ndarray:
    """What winning is worth before the users get their part, `(n, K)`: `q - c`, or `claim - c` if declared."""
    level = np.asarray(bids.level).T
    worth = np.asarray(bids.claim).T if mechanism.settlement == "declared" else at(market.quality, level)
    return (worth - at(market.cost, level)).T


def best_rivals(bids: Bids) -> tuple[np.ndarray, np.ndarray]:
    """The best score among the others of each provider, and how many of them have it, `(..., n)` each."""
    scores = np.asarray(bids.claim - bids.ask)
    others = np.where(np.eye(scores.shape[-1], dtype=bool), -np.inf, scores[..., None, :])
    best = others.max(axis=-1)
    return best, np.where(best > -np.inf, (others == best[..., None]).sum(axis=-1), 0)


def win_share(score: np.ndarray, best: np.ndarray, count: np.ndarray, reserve: float) -> np.ndarray:
    """Expected share of the market for scores `(n, K)` against `best_rivals` `(..., n)`: `(..., n, K)`."""
    best, count = best[..., None], count[..., None]
    return np.where(score >= reserve, (score > best) + (score == best) / (1 + count), 0.0)


def win_probability(score: np.ndarray, rivals: Rivals, reserve: float) -> np.ndarray:
    """Expected share of the market for bids of one provider, `(K,)`: outright wins and ties; none below `reserve`."""
    return np.where(score >= reserve, rivals.share(score), 0.0)


def _profit(gain: np.ndarray, score: np.ndarray, rivals: Rivals, reserve: float) -> np.ndarray:
    """Expected profit of bids of one provider, `(K,)`: a winner leaves the users the next best score."""
    return win_probability(score, rivals, reserve) * (gain - score) + rivals.spread(score, reserve)
