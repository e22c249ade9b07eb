"""What a bidder meets among many, against the product over the others written out."""

import tracemalloc

import numpy as np
import pytest

import ttc_env
from ttc_env.equilibrium import StageGame, independent_rivals
from ttc_env.mechanisms import Bids, SecondPrice


def bids(scores):
    return Bids(np.zeros(scores.shape, int), -scores, np.zeros(scores.shape))


def written_out(scores, provider, score, reserve):
    """Share and spread of one score: all others' distributions, their product, and its area."""
    others = np.delete(scores, provider, axis=0)
    nodes, weights = np.polynomial.legendre.leggauss(len(others) // 2 + 1)
    below, tied = (others < score).mean(axis=1), (others == score).mean(axis=1)
    share = sum(w / 2 * np.prod(below + tied * (1 + z) / 2) for z, w in zip(nodes, weights, strict=True))
    steps = np.unique(np.append(others, [reserve, score]))
    steps = steps[(steps >= reserve) & (steps <= score)]
    chance = [np.prod((others <= low).mean(axis=1)) for low in steps[:-1]]
    return share, float(np.sum(chance * np.diff(steps)))


@pytest.mark.parametrize("reserve", [-1.0, 0.25, 0.6])
@pytest.mark.parametrize("steps", [6, 10**6], ids=["ties everywhere", "no ties"])
def test_share_and_spread_are_those_of_the_product_over_the_others(steps, reserve):
    rng = np.random.default_rng(0)
    scores = rng.integers(0, steps, (12, 7)) / steps
    scores[3] += 0.5  # a provider that never scores as little as the others
    found = independent_rivals(bids(scores))
    for i in (0, 3, 11):
        met = found[i]
        asked = np.concatenate([scores[i], scores[(i + 1) % 12], rng.random(5), [-0.5, 2.0]])
        asked = asked[asked >= reserve]
        share, spread = np.transpose([written_out(scores, i, score, reserve) for score in asked])
        np.testing.assert_allclose(met.share(asked), share, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(met.spread(asked, reserve), spread, rtol=1e-12, atol=1e-15)
        assert met.spread(np.array([reserve - 0.1]), reserve) == 0


def test_uniform_play_of_a_crowd_is_solved_in_little_room():
    """Identical providers are drawn in a row of their own: all of them tie, and all gain the same."""
    quality, cost = np.full((300, 2), 0.5), np.tile([0.125, 0.25], (300, 1))
    market = ttc_env.Market([f"p{i}" for i in range(300)], [1, 2], quality, 2 * cost, cost, beta=1.0)
    tracemalloc.start()
    found = StageGame(market, SecondPrice()).uniform_nash_conv()
    assert tracemalloc.get_traced_memory()[1] < 2e8
    tracemalloc.stop()
    np.testing.assert_allclose(found.improvements, found.improvements[0], rtol=1e-9)
    assert found.total > 0
