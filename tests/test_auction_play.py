"""Mixed and logged play of the auction, against sums over all joint bids that only use the mechanism."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ttc_env
from tests.helpers.strategies import generators, lottery_markets
from ttc_env import equilibrium
from ttc_env.mechanisms import Bids, SecondPrice

settlements = st.sampled_from(["delivered", "declared"])
SMALL = (-0.125, 0.0, 0.125)  # in eighths, as the markets: ties are exact and frequent


def random_strategies(rng, market, num_bids=3):
    """Bids `(n, S)` with few different scores, so that several opponents tie."""
    shape = (market.num_providers, num_bids)
    rows, level = np.arange(shape[0])[:, None], rng.integers(0, market.num_levels, shape)
    ask, claim = market.unit * rng.integers(0, 3, (2, *shape)) / 8
    return Bids(level, ask, np.where(rng.random(shape) < 0.5, market.quality[rows, level], claim))


def enumerate_bids(market, mechanism, own, others, provider):
    """What each bid of one provider earns on average over every combination of the others' bids."""
    n, num_bids = others.level.shape
    combinations = np.array(list(itertools.product(range(num_bids), repeat=n)))
    rows = np.arange(n)
    earned = []
    for k in range(own.level.shape[1]):
        joint = [part[rows, combinations] for part in others]
        for part, offered in zip(joint, own, strict=True):
            part[:, provider] = offered[provider, k]
        earned.append(mechanism.clear(market, Bids(*joint)).utility[:, provider].mean())
    return np.array(earned)


@given(generators, lottery_markets(), settlements)
def test_mixed_utility_is_that_of_all_joint_bids(rng, market, settlement):
    mechanism = SecondPrice(settlement, grid=SMALL)
    own, others = random_strategies(rng, market, 4), random_strategies(rng, market)
    utility = equilibrium.mixed_bid_utility(market, mechanism, own, others)
    for i in range(market.num_providers):
        expected = enumerate_bids(market, mechanism, own, others, i)
        np.testing.assert_allclose(utility[i], expected, rtol=0, atol=1e-13 * market.unit)


def test_three_tied_opponents_share_as_the_mechanism_says():
    market = ttc_env.Market(list("abcd"), [1], np.full((4, 1), 1.0), np.ones((4, 1)), np.full((4, 1), 0.25), beta=1.0)
    mechanism = SecondPrice("declared", grid=(0.0, 0.25))
    tie = Bids(np.zeros((4, 1), int), np.full((4, 1), 0.5), np.full((4, 1), 1.0))  # everybody scores 0.5
    utility = equilibrium.mixed_bid_utility(market, mechanism, tie, tie)
    np.testing.assert_allclose(utility, np.full((4, 1), (1.0 - 0.25 - 0.5) / 4))


@given(generators, lottery_markets(max_providers=3), settlements)
def test_nash_conv_of_mixed_bids(rng, market, settlement):
    mechanism = SecondPrice(settlement, grid=SMALL)
    strategies, grid = random_strategies(rng, market), equilibrium.grid_bids(market, mechanism)
    found = equilibrium.mixed_auction_nash_conv(market, mechanism, strategies)
    for i in range(market.num_providers):
        best = enumerate_bids(market, mechanism, grid, strategies, i).max()
        earned = enumerate_bids(market, mechanism, strategies, strategies, i).mean()
        assert found.improvements[i] == pytest.approx(max(0.0, best - earned), abs=1e-13 * market.unit)
    assert found.total == pytest.approx(found.improvements.sum())


@given(generators, lottery_markets(max_providers=3), settlements)
def test_all_regrets_of_a_log_are_the_gains_of_its_periods(rng, market, settlement):
    """Every bid is tried in every period: the best in each, the best for all, and the best in place of each own bid."""
    mechanism = SecondPrice(settlement, grid=SMALL)
    n, sizes = market.num_providers, mechanism.action_sizes(market)
    history = rng.integers(0, sizes, (6, n, 3))
    history[rng.random(6) < 0.5] = history[0]  # bids that come again
    every = np.array(list(itertools.product(*map(range, sizes))))
    made = mechanism.clear(market, mechanism.bids(market, history)).utility
    regret = equilibrium.auction_regret(market, mechanism, history)
    near = {"rtol": 0, "atol": 1e-13 * market.unit}
    for i in range(n):
        trials = np.repeat(history[None], len(every), axis=0)
        trials[:, :, i] = every[:, None]
        gain = mechanism.clear(market, mechanism.bids(market, trials)).utility[..., i] - made[:, i]  # (bids, periods)
        np.testing.assert_allclose(regret[:, i], gain.max(axis=0), **near)
        np.testing.assert_allclose(regret[:, i].mean(), gain.mean(axis=1).max(), **near)  # external
        groups = np.unique(history[:, i], axis=0, return_inverse=True)[1].reshape(-1)
        swapped = sum(gain[:, groups == g].sum(axis=1).max() for g in np.unique(groups)) / 6
        np.testing.assert_allclose(regret[:, i].mean(), swapped, **near)
    loop = [equilibrium.auction_regret(market, mechanism, period) for period in history]
    np.testing.assert_array_equal(regret, loop)


@given(generators, lottery_markets(max_providers=3), settlements)
def test_dominant_bids_are_best_against_any_strategies(rng, market, settlement):
    mechanism = SecondPrice(settlement, grid=SMALL)
    strategies = random_strategies(rng, market)
    dominant = Bids(*(part[:, None] for part in equilibrium.dominant_bids(market, mechanism)))
    best = equilibrium.mixed_bid_utility(market, mechanism, dominant, strategies)[:, 0]
    grid = equilibrium.mixed_bid_utility(market, mechanism, equilibrium.grid_bids(market, mechanism), strategies)
    np.testing.assert_allclose(best, grid.max(axis=1), rtol=0, atol=1e-13 * market.unit)


def test_honest_bids_leave_nothing_to_regret():
    market, mechanism = ttc_env.load_market("gsm8k/majority_voting"), SecondPrice()
    honest = mechanism.honest(market, market.welfare_contribution.argmax(axis=1))
    strategies = mechanism.bids(market, honest[None])
    found = equilibrium.mixed_auction_nash_conv(market, mechanism, Bids(*(part.T for part in strategies)))
    assert found.total == pytest.approx(0, abs=1e-15)


def test_a_lone_bidder_meets_only_the_outside_value():
    market = ttc_env.Market(["a"], [1, 2], [[0.5, 0.75]], [[0.1, 0.1]], [[0.25, 0.125]], beta=1.0, outside_value=0.125)
    mechanism = SecondPrice(grid=SMALL)
    grid = equilibrium.grid_bids(market, mechanism)
    utility = equilibrium.mixed_bid_utility(market, mechanism, grid, grid)
    wins = grid.claim - grid.ask >= 0.125
    gain = market.welfare_contribution[0, grid.level[0]] - 0.125
    np.testing.assert_allclose(utility, np.where(wins, gain, 0.0))
    assert wins.any()
    assert not wins.all()


@given(generators, lottery_markets())
def test_permuting_providers_permutes_utilities(rng, market):
    mechanism, order = SecondPrice(), rng.permutation(market.num_providers)
    strategies = random_strategies(rng, market)
    utility = equilibrium.mixed_bid_utility(market, mechanism, strategies, strategies)
    permuted = Bids(*(part[order] for part in strategies))
    there = equilibrium.mixed_bid_utility(market.select(order.tolist()), mechanism, permuted, permuted)
    np.testing.assert_allclose(there, utility[order], rtol=0, atol=1e-14 * market.unit)
