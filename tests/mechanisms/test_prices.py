"""Posted prices and the first-price auction: their rules written out, their grids, their chance, their errors."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ttc_env
from tests.helpers.environments import with_outcomes
from tests.helpers.strategies import bids, generators, lottery_markets
from ttc_env import equilibrium
from ttc_env.batch import stack_markets
from ttc_env.mechanisms import Draws, FirstPrice, PostedPrice, make_mechanism

MARKET = ttc_env.load_market("gsm8k/majority_voting", providers=[0, 3, 5, 8])


@given(st.data(), st.integers(1, 5))
def test_shares_are_the_mean_over_all_ways_to_break_ties(data, shown):
    """Users who see the `shown` best of a random order of the offers, one order at a time."""
    market = data.draw(lottery_markets())
    bid = data.draw(bids(market))
    n, value = market.num_providers, bid.claim - bid.ask
    mean = np.zeros(n + 1)
    orders = list(itertools.permutations(range(n)))
    for order in orders:
        seen = sorted(order, key=lambda i: -value[i])[:shown]  # a stable sort keeps the order of ties
        logits = market.beta * np.append(np.where(np.isin(range(n), seen), value, -np.inf), market.outside_value)
        mean += np.exp(logits - np.logaddexp.reduce(logits)) / len(orders)
    outcome = PostedPrice(shown=shown).clear(market, bid)
    np.testing.assert_allclose(np.append(outcome.shares, outcome.outside_share), mean, atol=1e-12)
    quality, cost = (table[np.arange(n), bid.level] for table in (market.quality, market.cost))
    np.testing.assert_allclose(outcome.utility, mean[:-1] * (bid.ask - cost), atol=1e-12 * market.unit)
    np.testing.assert_allclose(outcome.delivered, mean[:-1] * quality, atol=1e-12 * market.unit)


@given(st.data(), generators, st.sampled_from([None, 1, 3]))
def test_the_first_price_auction_is_its_rules_written_out(data, rng, queries):
    market = data.draw(lottery_markets())
    bid = data.draw(bids(market))
    draws = Draws(rng.random(())) if queries is None else Draws(rng.random(()), None, rng.random(queries))
    outcome = FirstPrice().clear(market, bid, draws)
    scores = (bid.claim - bid.ask).tolist()
    expected = np.zeros((4, market.num_providers))  # shares, delivered, payment, cost
    if max(scores) >= market.outside_value:
        tied = [i for i, score in enumerate(scores) if score == max(scores)]
        winner = tied[int(draws.tie * len(tied))]
        delivered = market.quality[winner, bid.level[winner]]
        if queries is not None:
            right = np.mean(draws.correct < market.accuracy[winner, bid.level[winner]])
            delivered = market.unit * (market.baseline + (1 - market.baseline) * right)
        expected[:, winner] = 1, delivered, bid.ask[winner], market.cost[winner, bid.level[winner]]
    found = (outcome.shares, outcome.delivered, outcome.payment, outcome.cost)
    np.testing.assert_allclose(found, expected, atol=1e-12 * market.unit)


@pytest.mark.parametrize("mechanism", [PostedPrice(), PostedPrice(shown=2), FirstPrice()], ids=["all", "two", "first"])
def test_a_replayed_query_is_paid_its_price_whatever_it_costs(mechanism):
    """With answers of half, equal and one and a half times the mean length, each drawn in turn."""
    market = with_outcomes(MARKET)
    bid = mechanism.bids(market, mechanism.honest(market, np.array([5, 4, 3, 2])))
    question = np.repeat([0.1, 0.5, 0.9], 50)
    choice = np.tile((np.arange(50) + 0.5) / 50, 3)
    outcome = mechanism.clear(market, bid, Draws(np.array(0.0), choice, np.full(150, 0.99), question))
    np.testing.assert_allclose(outcome.payment, outcome.shares * bid.ask, rtol=1e-12)
    cost = market.cost[np.arange(4), bid.level]
    np.testing.assert_allclose(outcome.cost, outcome.shares * cost, rtol=1e-9)  # every length as often as any other
    longest = mechanism.clear(market, bid, Draws(np.array(0.0), choice, np.full(150, 0.99), np.full(150, 0.1)))
    np.testing.assert_allclose(longest.cost, 1.5 * longest.shares * cost, rtol=1e-12)


@pytest.mark.parametrize("shown", [1, 2, 3])
def test_sampled_users_see_what_expected_users_see(shown):
    """Four equal offers: the mean of many sampled periods is within five standard errors of the expectation."""
    twins = replace(MARKET, quality=np.full((4, 6), 0.006))
    mechanism = PostedPrice(prices=(0.001, 0.002), shown=shown)
    bid = mechanism.bids(twins, np.tile([0, 1], (20_000, 4, 1)))
    rng = np.random.default_rng(0)
    sampled = mechanism.clear(twins, bid, Draws(None, rng.random((20_000, 1)), rng.random((20_000, 1))))
    expected = mechanism.clear(twins, bid).shares[0]
    np.testing.assert_allclose(expected, expected[0])
    assert expected.sum() == pytest.approx(shown * np.exp(4.0) / (1 + shown * np.exp(4.0)))
    assert np.all(np.abs(sampled.shares.mean(axis=0) - expected) <= 5 * 0.5 / np.sqrt(20_000))


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_actions_are_prices_of_the_grid_or_between_its_ends(backend):
    market = MARKET.to(backend)
    table = equilibrium.relative_prices(MARKET, 15, 0.1)
    like = market.quality
    actions = np.stack([np.arange(4), [0, 5, 9, 14]], axis=-1)
    actions = actions if backend == "numpy" else like.new_tensor(actions).long()
    bid = PostedPrice().bids(market, actions)
    np.testing.assert_allclose(bid.ask, table[np.arange(4), [0, 5, 9, 14]])
    np.testing.assert_allclose(bid.claim, MARKET.quality[np.arange(4), np.arange(4)])
    sides = np.stack([np.full(4, -1.0), [-1.0, 0.0, 0.5, 1.0]], axis=-1)
    sides = sides if backend == "numpy" else like.new_tensor(sides)
    box = PostedPrice(action_type="box").bids(market, sides)
    low, high = table[:, 0], table[:, -1]
    np.testing.assert_allclose(box.ask, low + np.array([0, 0.5, 0.75, 1]) * (high - low))
    assert np.asarray(box.level).tolist() == [0, 0, 0, 0]


def test_in_a_batch_every_market_has_its_own_grid_of_prices():
    """Padding has no part in the equilibrium that the grid surrounds."""
    small = ttc_env.load_market("gpqa/reasoning_effort", beta=1e5)
    batch = stack_markets([MARKET, small], 4)
    table = PostedPrice().price_table(batch)
    assert table.shape == (4, 4, 15)
    np.testing.assert_array_equal(table[2], equilibrium.relative_prices(MARKET, 15, 0.1))
    np.testing.assert_array_equal(table[3, :3], equilibrium.relative_prices(small, 15, 0.1))
    env = ttc_env.VectorMarket([MARKET, small], "posted_price", num_markets=4, dtype="float64")
    observations, _ = env.reset(seed=0)
    for _ in range(5):
        assert all(env.single_observation_space.contains(row) for market in observations for row in market)
        observations, *_ = env.step(np.random.default_rng(0).integers(0, [6, 15], (4, 4, 2)))


@pytest.mark.parametrize("options", [{}, {"prices": (0.001, 0.002, 0.01)}, {"action_type": "box"}])
def test_the_plain_price_is_near_the_equilibrium_price(options):
    mechanism = PostedPrice(**options)
    nash = equilibrium.nash_prices(MARKET)
    ask = mechanism.bids(MARKET, mechanism.honest(MARKET, nash.levels)).ask
    if "action_type" in options:
        np.testing.assert_allclose(ask, nash.price, rtol=1e-12)
    else:
        nearest = np.abs(mechanism.price_table(MARKET) - nash.price[:, None]).min(axis=1)
        np.testing.assert_allclose(np.abs(ask - nash.price), nearest)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"num_prices": 1}, "num_prices must be an integer >= 2, got 1"),
        ({"margin": -0.1}, r"margin must be at least 0, got -0\.1"),
        ({"margin": float("nan")}, "margin must be a finite number, got nan"),
        ({"shown": 0}, "shown must be an integer >= 1, got 0"),
        ({"shown": 1.5}, r"shown must be an integer >= 1, got 1\.5"),
        ({"prices": ()}, r"prices must be at least one and increase, got \(\)"),
        ({"prices": (0.2, 0.1)}, r"prices must .*increase, got \(0\.2, 0\.1\)"),
        ({"prices": (0.1, 0.1)}, "prices must .*increase"),
        ({"prices": (0.1, float("inf"))}, "a price of prices must be a finite number, got inf"),
        ({"action_type": "discrete"}, "unknown action_type 'discrete'; allowed: multi_discrete, box"),
        (
            {"settlement": "declared"},
            "unknown option 'settlement' of posted_price; allowed: num_prices, margin, prices",
        ),
    ],
)
def test_a_bad_option_of_posted_prices_is_named(options, named):
    with pytest.raises(ValueError, match=named):
        make_mechanism("posted_price", **options)


def test_a_bad_option_of_the_first_price_auction_is_named():
    with pytest.raises(ValueError, match="unknown option 'settlement' of first_price; allowed: action_type, grid"):
        make_mechanism("first_price", settlement="declared")
    with pytest.raises(ValueError, match=r"grid must increase and contain 0\.0"):
        make_mechanism("first_price", grid=(0.1, 0.2))
