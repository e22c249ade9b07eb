"""The first-price auction with complete information: its equilibria on a grid of bids, and the continuous benchmark.

A bid is a score, with which it competes, and a margin, which it earns if it wins: the claim is not settled, so it costs
nothing and only moves the score. Equal best scores share the market (the expectation of a tie broken at random), a
best score below the reserve sells nothing.

Source: the bids are those of arXiv:2601.21839, section 4; scoring auctions of this kind, Che 1993.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, combinations, islice
from typing import NamedTuple

import numpy as np

from ttc_env.equilibrium.auction import AuctionOutcome, second_price_outcome
from ttc_env.market import Market


class Frontier(NamedTuple):
    """The bids of one provider that earn nothing below cost and are beaten by no other in both score and margin.

    number: of the bid among all of the provider's, `(F,)`; score: rising, margin: falling, USD, `(F,)`.
    """

    number: np.ndarray
    score: np.ndarray
    margin: np.ndarray


def first_price_outcome(market: Market, lie: float = 0.0) -> AuctionOutcome:
    """The benchmark with real numbers as bids: the efficient provider wins, just above the runner-up's best `W`.

    Honest claims leave winner, payment, profit and user value as in the second-price auction. Claims that exceed the
    truth by up to `lie` (USD) change nothing between providers, who all make them, but they lower what is left of the
    users' protection: the winner need only promise `v0`, and leaves the users `max(W_runner_up, v0 - lie)`.
    """
    outcome = second_price_outcome(replace(market, outside_value=market.outside_value - lie))
    if outcome.winner is None:
        return outcome._replace(user_value=market.outside_value, welfare=market.outside_value)
    return outcome


def first_price_equilibria(
    scores: np.ndarray, margins: np.ndarray, reserve: float, *, tolerance: float = 0.0, limit: int = 10_000
) -> np.ndarray:
    """Pure equilibria in frontier bids, one for every outcome they can have, `(E, n)` numbers of bids.

    An outcome is who wins and with which score. Whatever losers bid below it, each outcome that some of their bids
    support is also supported by their highest frontier bids below the winning score, which are the ones given here;
    bids off the frontier are weakly dominated, or earn what a frontier bid earns. Complete in this sense. Conditions:

    * a loser has no bid of positive margin with a score as high as the winning one;
    * tied winners, who share equally, have no higher bid worth more than their part;
    * a single winner has no lower bid that still wins, nor one that ties and is worth more.

    Args:
        scores: of every bid, `claim - ask`, USD, `(n, K)`.
        margins: of every bid, `ask - cost`, USD, `(n, K)`; some bid of each provider must not be below cost.
        reserve: the least score that sells, `v0`, USD.
        tolerance: gains up to this, USD, are no reason to deviate.
        limit: refuse to list more equilibria than this, which ties can multiply.

    Raises:
        ValueError: more equilibria than `limit`.
    """
    frontiers = [frontier(*own) for own in zip(scores, margins, strict=True)]
    best = sorted({score for own in frontiers for score in own.score.tolist() if score >= reserve})
    outcomes = chain.from_iterable(_at(frontiers, score, reserve, tolerance) for score in best)
    found = list(islice(chain(_no_sale(frontiers, reserve, tolerance), outcomes), limit + 1))
    if len(found) > limit:
        raise ValueError(f"more than limit={limit} equilibrium outcomes; ties multiply them")
    return np.array(sorted(found), dtype=np.int64).reshape(-1, len(frontiers))


def frontier(score: np.ndarray, margin: np.ndarray) -> Frontier:
    """The frontier of one provider's bids, `(K,)` each; of equal bids the one with the lowest number."""
    order = np.lexsort((np.arange(len(score)), -margin, -score))
    order = order[margin[order] >= 0]
    best = np.concatenate([[-np.inf], np.maximum.accumulate(margin[order])[:-1]])
    number = order[margin[order] > best][::-1]
    return Frontier(number, score[number], margin[number])


def _no_sale(frontiers: Sequence[Frontier], reserve: float, tolerance: float) -> Iterator[list[int]]:
    """Nobody sells, if no provider has a bid worth making."""
    below = [_highest_below(own, reserve) for own in frontiers]
    if min(below) >= 0 and all(_stays_out(own, reserve, tolerance) for own in frontiers):
        yield [int(own.number[place]) for own, place in zip(frontiers, below, strict=True)]


def _at(frontiers: Sequence[Frontier], score: float, reserve: float, tolerance: float) -> Iterator[list[int]]:
    """The equilibria with this winning score: all who can earn by it win, and any of those who just break even."""
    below = [_highest_below(own, score) for own in frontiers]
    able = [i for i, own in enumerate(frontiers) if score in own.score]
    keen = [i for i in able if frontiers[i].margin[below[i] + 1] > tolerance]
    indifferent = [i for i in able if i not in keen]
    for joining in chain.from_iterable(combinations(indifferent, k) for k in range(len(indifferent) + 1)):
        winners = [*keen, *joining]
        losers = [i for i in range(len(frontiers)) if i not in winners]
        if not winners or any(below[i] < 0 or not _stays_out(frontiers[i], score, tolerance) for i in losers):
            continue
        rivals = [float(frontiers[i].score[below[i]]) for i in losers]
        if all(_stays_in(frontiers[i], below[i] + 1, len(winners), rivals, reserve, tolerance) for i in winners):
            yield [int(own.number[below[i] + (i in winners)]) for i, own in enumerate(frontiers)]


def _stays_out(own: Frontier, score: float, tolerance: float) -> bool:
    """Whether no bid with at least this score earns anything."""
    return not np.any(own.margin[own.score >= score] > tolerance)


def _stays_in(
    own: Frontier, place: int, winners: int, rivals: Sequence[float], reserve: float, tolerance: float
) -> bool:
    """Whether a winner, alone or tied, has nothing better than its bid at `place` of its frontier."""
    earned = own.margin[place] / winners + tolerance
    if winners > 1:
        return not np.any(own.margin[place + 1 :] > earned)
    lower, best_rival = own.score[:place], max(rivals, default=-np.inf)
    share = np.where(lower > best_rival, 1.0, np.where(lower == best_rival, 1 / (1 + rivals.count(best_rival)), 0.0))
    return not np.any(np.where(lower >= reserve, share, 0.0) * own.margin[:place] > earned)


def _highest_below(own: Frontier, score: float) -> int:
    """Place of the bid with the highest score below this one; -1 where there is none."""
    return int(np.searchsorted(own.score, score)) - 1
