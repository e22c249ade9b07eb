"""Prices of the posted-price game against the published game, brute force, and what must hold at any beta."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ttc_env
from tests.helpers.markets import random_market
from tests.helpers.strategies import generators, markets
from ttc_env import equilibrium
from ttc_env.equilibrium.posted_price import wright_omega
from ttc_env.mechanisms import Bids, PostedPrice

CALVANO = ttc_env.Market(["a", "b"], [1], [[2.0], [2.0]], [[1.5], [1.5]], [[1.0], [1.0]], beta=4.0)
every_market = pytest.mark.parametrize(
    ("name", "beta"), [(name, beta) for name in ttc_env.list_markets() for beta in (200.0, 1000.0, 1e5)]
)


def log_others(offers):
    """`log(1 + sum_{j != i} exp(offers_j))` in extended precision, one provider at a time."""
    offers = np.asarray(offers, dtype=np.longdouble)
    return np.array([np.logaddexp.reduce(np.append(np.delete(offers, i), 0)) for i in range(len(offers))])


def equilibrium_by_bisection(logits):
    """Scaled mark-ups `1 / (1 - share)`: shares for a trial total weight, and the total that makes them add up."""
    logits = np.asarray(logits, dtype=np.longdouble)

    def log_odds(log_total):  # of each provider: y + e^y - log(1 + e^y) = logits - log_total - 1
        low, high = np.minimum(logits - log_total - 2, -2), np.log(np.maximum(logits - log_total + 2, 2))
        for _ in range(70):
            middle = (low + high) / 2
            above = middle + np.exp(middle) - np.logaddexp(0, middle) > logits - log_total - 1
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        return (low + high) / 2

    low, high = np.longdouble(0), np.logaddexp.reduce(np.append(logits, 0)) + 1
    for _ in range(70):
        middle = (low + high) / 2
        odds = log_odds(middle)
        first = odds.argmax()  # only the largest share can be near one, so that one is taken from both sides
        rest = np.append(np.delete(odds - np.logaddexp(0, odds), first), -middle)
        too_small = np.logaddexp.reduce(rest) > -np.logaddexp(0, odds[first])
        low, high = (middle, high) if too_small else (low, middle)
    return 1 + np.exp(log_odds((low + high) / 2))


def test_the_published_game_has_its_published_prices_and_profits():
    """Calvano et al. 2020, section II.C: five digits."""
    nash, cartel = equilibrium.nash_prices(CALVANO), equilibrium.cartel_prices(CALVANO)
    np.testing.assert_allclose(nash.price, 1.47293, atol=5e-6)
    np.testing.assert_allclose(cartel.price, 1.92498, atol=5e-6)
    np.testing.assert_allclose(nash.profit, 0.22293, atol=5e-6)
    np.testing.assert_allclose(cartel.profit, 0.33749, atol=5e-6)


def test_the_published_game_through_the_mechanism():
    game = ttc_env.StageGame(CALVANO, PostedPrice(action_type="box"))
    nash, cartel = game.equilibrium(), game.joint_profit_optimum()
    np.testing.assert_allclose(game.outcome(nash).bids.ask, 1.47293, atol=5e-6)
    np.testing.assert_allclose(game.utility(nash), 0.22293, atol=5e-6)
    np.testing.assert_allclose(game.outcome(cartel.profile).bids.ask, 1.92498, atol=5e-6)
    np.testing.assert_allclose(game.utility(cartel.profile), 0.33749, atol=5e-6)


@pytest.mark.parametrize("x", [-700.0, -30.0, -1.0, 0.0, 1.0, np.nextafter(1, 2), 2.0, 40.0, 1e5, 1e10])
def test_the_omega_function_solves_its_equation(x):
    w = np.longdouble(wright_omega(x))
    assert w > 0
    assert abs(w + np.log(w) - x) <= 1e-14 * max(1, abs(x))


@settings(max_examples=12)
@given(markets())
def test_equilibrium_prices_are_those_found_by_bisection(market):
    """Beta over ten decades, logits up to 1e5, ties, one provider, values of both signs."""
    logits = market.beta * (market.welfare_contribution.max(axis=1) - market.outside_value)
    scaled = equilibrium.nash_prices(market).markup * market.beta
    exact = equilibrium_by_bisection(logits)
    np.testing.assert_allclose(scaled, exact.astype(float), rtol=1e-12 * (1 + np.abs(logits).max() * 1e-2))


@given(markets())
def test_the_figures_of_prices_agree_with_each_other(market):
    market = ttc_env.Market(  # costs as well, which random markets do not have
        market.providers,
        market.levels,
        market.quality,
        market.price,
        market.cost + market.margin / 2,
        market.beta,
        market.outside_value,
    )
    for prices in (equilibrium.nash_prices(market), equilibrium.cartel_prices(market)):
        providers = np.arange(market.num_providers)
        assert prices.levels.tolist() == market.welfare_contribution.argmax(axis=1).tolist()
        np.testing.assert_array_equal(prices.price, market.cost[providers, prices.levels] + prices.markup)
        np.testing.assert_allclose(prices.profit, prices.shares * prices.markup, rtol=1e-12)
        assert np.all(prices.markup >= 1 / market.beta * (1 - 1e-15))
        offers = market.beta * (market.welfare_contribution.max(axis=1) - prices.markup - market.outside_value)
        shares = np.exp(offers - np.logaddexp(offers, log_others(offers)))
        np.testing.assert_allclose(
            prices.shares, shares.astype(float), rtol=1e-11 * (10 + np.abs(offers).max()), atol=1e-300
        )


@given(generators)
def test_no_level_and_price_beats_the_equilibrium(rng):
    market = random_market(rng, max_logit=30)
    nash = equilibrium.nash_prices(market)
    value = market.welfare_contribution.max(axis=1) - nash.markup
    for i in range(market.num_providers):
        level = rng.integers(0, market.num_levels, 300)
        markup = nash.markup[i] * 10.0 ** rng.uniform(-3, 3, 300)
        offers = np.tile(market.beta * (value - market.outside_value), (300, 1))
        offers[:, i] = market.beta * (market.welfare_contribution[i, level] - markup - market.outside_value)
        shares = np.exp(offers[:, i] - np.logaddexp.reduce(np.pad(offers, ((0, 0), (0, 1))), axis=1))
        assert np.all(shares * markup <= nash.profit[i] * (1 + 1e-12))


@given(generators)
def test_no_joint_prices_beat_the_cartel(rng):
    market = random_market(rng, max_logit=30)
    cartel = equilibrium.cartel_prices(market)
    markup = cartel.markup * 10.0 ** (rng.uniform(0, 2) * rng.normal(size=(500, market.num_providers)))
    offers = market.beta * (market.welfare_contribution.max(axis=1) - markup - market.outside_value)
    shares = np.exp(offers - np.logaddexp.reduce(np.pad(offers, ((0, 0), (0, 1))), axis=1)[:, None])
    assert np.all((shares * markup).sum(axis=1) <= cartel.profit.sum() * (1 + 1e-12))
    np.testing.assert_array_equal(cartel.markup, cartel.markup[0])


@given(markets())
def test_a_single_provider_is_a_cartel_of_its_own(market):
    solo = market.select([0])
    for one, other in zip(equilibrium.nash_prices(solo), equilibrium.cartel_prices(solo), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13)


@given(markets(), generators)
def test_prices_move_with_their_providers(market, rng):
    order = rng.permutation(market.num_providers)
    there, back = equilibrium.nash_prices(market), equilibrium.nash_prices(market.select(order.tolist()))
    logits = np.abs(market.beta * market.welfare_contribution).max()
    np.testing.assert_allclose(back.markup, there.markup[order], rtol=1e-14 * (1e2 + logits))


@given(st.data(), generators, st.sampled_from([None, 1, 2]))
def test_the_efficient_level_is_dominant(data, rng, shown):
    """For any value left to the users, whatever the others offer and however many offers are shown."""
    market = random_market(rng, max_logit=30)
    n, scale = market.num_providers, 1 / market.beta
    level, value = rng.integers(0, market.num_levels, n), rng.normal(size=n) * 3 * scale
    if data.draw(st.booleans()):
        value = np.round(value / scale) * scale  # ties
    mover = int(rng.integers(0, n))
    best = market.welfare_contribution[mover].argmax()

    def profit(own):
        levels = np.where(np.arange(n) == mover, own, level)
        quality = market.quality[np.arange(n), levels]
        return PostedPrice(shown=shown).clear(market, Bids(levels, quality - value, quality)).utility[mover]

    gain = max(map(profit, range(market.num_levels))) - profit(best)
    assert gain <= 1e-12 * np.abs(market.quality).max() + 1e-9 * scale


@every_market
def test_relative_prices_are_evenly_spaced_around_equilibrium_and_cartel(name, beta):
    market = ttc_env.load_market(name, beta=beta)
    nash, cartel = equilibrium.nash_prices(market).price, equilibrium.cartel_prices(market).price
    grid = equilibrium.relative_prices(market, 15, 0.1)
    assert grid.shape == (market.num_providers, 15)
    width = cartel - nash
    expected = [np.linspace(a - 0.1 * w, a + 1.1 * w, 15) for a, w in zip(nash, width, strict=True)]
    np.testing.assert_allclose(grid, expected, rtol=1e-12, atol=1e-18)


@pytest.mark.parametrize("quality", [1.0, -1e4])
def test_prices_of_one_provider_or_of_one_who_never_sells_still_differ(quality):
    """There the equilibrium is the cartel's."""
    market = ttc_env.Market("solo", [1], [[quality]], [[0.5]], [[0.25]], beta=4.0)
    grid = equilibrium.relative_prices(market, 13, 0.1)[0]
    np.testing.assert_allclose(np.diff(grid), 0.1 * 0.25)
    assert grid[1] == pytest.approx(equilibrium.nash_prices(market).price[0])


@pytest.mark.parametrize(("name", "beta"), list(zip(ttc_env.list_markets(), [200.0, 1000.0, 1e5] * 4, strict=True)))
def test_all_equilibria_on_a_fine_grid_lie_next_to_the_one_on_the_continuum(name, beta):
    """In values left to the users, which levels that are not quite efficient may serve to fine-tune."""
    market = ttc_env.load_market(name, beta=beta, providers=[0, 1, 2])
    game, nash = ttc_env.StageGame(market, PostedPrice(num_prices=101)), equilibrium.nash_prices(market)
    found = game.outcome(game.equilibria()).bids
    step = np.diff(game.mechanism.price_table(market), axis=1)[:, 0]
    wanted = market.welfare_contribution.max(axis=1) - nash.markup
    assert np.all(np.abs(found.claim - found.ask - wanted) <= 2 * step)


@pytest.mark.parametrize("num_prices", [15, 101, 1001])
def test_grid_equilibria_of_the_published_game_surround_its_price(num_prices):
    game = ttc_env.StageGame(CALVANO, PostedPrice(num_prices=num_prices))
    prices = game.outcome(game.equilibria()).bids.ask
    step = np.diff(game.mechanism.price_table(CALVANO)[0])[0]
    assert np.all(np.abs(prices - 1.4729266604) <= step)
    assert game.is_equilibrium(game.equilibria()).all()
