"""Many markets at once against one by one: every oracle, on awkward random markets and on drawn ones."""

import tracemalloc

import numpy as np
import pytest

import ttc_env
from tests.helpers.markets import KINDS, ladder, market_of, random_market, without_equilibrium
from ttc_env import equilibrium
from ttc_env.batch import stack_markets
from ttc_env.equilibrium import batched
from ttc_env.equilibrium.posted_price import continuous
from ttc_env.markets import Markets, stack


def assert_same_as_one_by_one(markets):
    """Profiles, counts and winners alike, values but for the order in which sums are taken."""
    listed = [equilibrium.pure_nash(market) for market in markets]
    found = batched.pure_nash(markets)
    np.testing.assert_array_equal(found.num_equilibria, [len(profiles) for profiles in listed])
    np.testing.assert_array_equal(found.market, np.repeat(np.arange(len(markets)), found.num_equilibria))
    for row, (market, profiles) in enumerate(zip(markets, listed, strict=True)):
        np.testing.assert_array_equal(found.of(row)[:, : market.num_providers], profiles)
        assert np.all(found.of(row)[:, market.num_providers :] == -1)
    best_welfare = [equilibrium.welfare_optimum(market).value for market in markets]
    attained = [market.welfare(p) if len(p) else np.array([np.nan]) for market, p in zip(markets, listed, strict=True)]
    for name, pick in (("price_of_anarchy", np.min), ("price_of_stability", np.max)):
        one_by_one = equilibrium.inefficiency.ratio(best_welfare, [pick(welfare) for welfare in attained])
        np.testing.assert_allclose(getattr(batched, name)(markets), one_by_one, rtol=1e-9)
        np.testing.assert_array_equal(one_by_one[0], getattr(equilibrium, name)(markets[0]))
    for name in ("welfare_optimum", "joint_profit_optimum"):
        one_by_one = [getattr(equilibrium, name)(market) for market in markets]
        many = getattr(batched, name)(markets)
        scale = max(abs(market.welfare_contribution).max() + abs(market.outside_value) for market in markets)
        np.testing.assert_allclose(many.value, [best.value for best in one_by_one], rtol=1e-12, atol=1e-14 * scale)
        for market, own, best in zip(markets, many.profile, one_by_one, strict=True):
            np.testing.assert_array_equal(own[: market.num_providers], best.profile)
    assert_same_regret(markets, np.random.default_rng(0))
    assert_same_auction(markets)
    assert_same_prices(markets)


def assert_same_regret(markets, rng):
    profiles = [rng.integers(0, market.num_levels, market.num_providers) for market in markets]
    padded = np.full((len(markets), max(map(len, profiles))), -1)
    for row, profile in enumerate(profiles):
        padded[row, : len(profile)] = profile
    many = batched.nash_conv(markets, padded)
    for row, (market, profile) in enumerate(zip(markets, profiles, strict=True)):
        one = equilibrium.nash_conv(market, profile)
        close = {"rtol": 1e-9, "atol": 1e-13 * abs(market.margin).max()}  # differences of utilities
        np.testing.assert_allclose(many.improvements[row, : len(profile)], one.improvements, **close)
        np.testing.assert_allclose(many.total[row], one.total, **close)


def assert_same_prices(markets):
    for name in ("nash_prices", "cartel_prices"):
        many = getattr(batched, name)(markets)
        for row, market in enumerate(markets):
            one, n = getattr(continuous, name)(market), market.num_providers
            np.testing.assert_array_equal(many.levels[row, :n], one.levels)
            for field in ("price", "markup", "shares", "profit"):
                np.testing.assert_allclose(
                    getattr(many, field)[row, :n], getattr(one, field), rtol=1e-9, atol=1e-12 / market.beta
                )


def assert_same_auction(markets):
    many = batched.second_price_outcome(markets)
    for row, market in enumerate(markets):
        one = equilibrium.second_price_outcome(market)
        for name, value in one._asdict().items():
            own = getattr(many, name)[row]
            if name == "levels":
                np.testing.assert_array_equal(own[: market.num_providers], value)
            else:
                assert own == (-1 if value is None else value), name


@pytest.mark.parametrize("kind", KINDS)
def test_random_markets(kind):
    rng = np.random.default_rng(17)
    assert_same_as_one_by_one([random_market(rng, kind) for _ in range(25)])


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_bulk_of_random_markets(part):
    """20,000 in all: ties, duplicates, single providers, negative values and margins, ten decades of beta."""
    rng = np.random.default_rng([17, part])
    assert_same_as_one_by_one([random_market(rng) for _ in range(2000)])


@pytest.mark.parametrize("beta", [10.0, 1000.0, 1e5])
def test_drawn_markets(beta):
    for name in ("gsm8k/majority_voting", "aime/reasoning_effort"):
        market = ttc_env.load_market(name, beta=beta)
        assert_same_as_one_by_one(equilibrium.draw_markets(market, 200, 15, np.random.default_rng(1)))


def test_both_ends_meet_on_nearly_all_drawn_markets():
    """The search is for the few that have several equilibria; were it for all, this would be slow and say nothing."""
    drawn = equilibrium.draw_markets(ttc_env.load_market("gsm8k/majority_voting"), 1319, 500, np.random.default_rng(0))
    _, only = batched.nash.only_equilibrium(drawn[:])
    assert only.mean() > 0.98
    assert np.all(batched.pure_nash(drawn).num_equilibria[only] == 1)


def test_near_ties_at_the_tolerance_are_equilibria_here_too():
    """Two levels within the tolerance of each other: the ends must not meet at one of them."""
    for gap in (0.0, 1e-13, 9e-13, 1.1e-12, 1e-11, 1e-9):
        market = market_of([[0.0, 1.0]], [[(1 + np.e) / (2 * np.e) * np.e * (1 + gap), 1.0]])
        again = market_of([[0.0, 1.0], [0.3, 0.2]], [[1.0 + gap, (1 + np.e) / (2 * np.e)], [0.4, 0.5]])
        assert_same_as_one_by_one([market, again])


def test_many_equilibria_and_equal_weights():
    duplicated = market_of([[1.0, 1.0, 0.5], [0.2, 0.3, 0.3]], [[1.0, 1.0, 1.5], [1.0, 1.0, 1.0]])
    assert_same_as_one_by_one([ladder(2), ladder(2, beta=10.0), duplicated, ladder(1, 3)])


def test_single_precision_markets_are_solved_in_double_precision():
    market = ttc_env.load_market("gpqa/best_of_n")
    single = market.to("numpy", dtype="float32")
    found = batched.pure_nash([single, market, single])
    assert found.num_equilibria.tolist() == [len(equilibrium.pure_nash(one)) for one in (single, market, single)]
    np.testing.assert_array_equal(found.of(0), equilibrium.pure_nash(single))
    profiles = np.random.default_rng(0).integers(0, 6, (3, 9))
    regret = batched.nash_conv([single, market, single], profiles).total
    assert regret[0] == pytest.approx(equilibrium.nash_conv(single.to("numpy"), profiles[0]).total, rel=1e-12)
    assert regret[1] == pytest.approx(equilibrium.nash_conv(market, profiles[1]).total, rel=1e-12)


def test_rounding_to_single_precision_hides_no_equilibrium():
    """Where logits are large, a response that is best by less than they are rounded would be none or many."""
    sharp = ttc_env.load_market("aime/majority_voting", beta=6000.0)
    for market in equilibrium.draw_markets(sharp, 30, 40, np.random.default_rng(0)):
        single = market.to("numpy", dtype="float32")
        np.testing.assert_array_equal(equilibrium.pure_nash(single), equilibrium.pure_nash(single.to("numpy")))
        assert len(equilibrium.pure_nash(single))


def test_a_batch_of_different_markets():
    names = ["gsm8k/majority_voting", "aime/reasoning_effort"]
    markets = [ttc_env.load_market(name) for name in names] + [ttc_env.load_market(names[0]).select([0, 4])]
    batch = stack_markets(markets, 6)
    np.testing.assert_array_equal(batched.price_of_anarchy(batch.markets), batched.price_of_anarchy(markets))
    assert batched.pure_nash(markets).profile[1].tolist() == [*equilibrium.pure_nash(markets[1])[0], *[-1] * 6]


def test_a_block_holds_a_bounded_amount_of_memory():
    """The most held at a time grows with the results only: 80 bytes a market here, at most 1 kB is allowed."""
    market = ttc_env.load_market("gsm8k/majority_voting")
    peaks = []
    for number in (2_000, 10_000):
        drawn = equilibrium.draw_markets(market, 1319, number, np.random.default_rng(0))
        tracemalloc.start()
        batched.price_of_anarchy(drawn)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 1000 * 8_000
    assert peaks[0] < 32 * 2**20


def test_intervals_and_sweeps_are_those_of_the_loop():
    market = ttc_env.load_market("gsm8k/majority_voting")
    drawn = equilibrium.draw_markets(market, 200, 30, np.random.default_rng(0))
    loop = equilibrium.interval(lambda drawn_market: equilibrium.price_of_anarchy(drawn_market), drawn)
    np.testing.assert_allclose(equilibrium.interval(equilibrium.price_of_anarchy, drawn), loop, rtol=1e-12)
    np.testing.assert_allclose(
        equilibrium.interval(equilibrium.price_of_anarchy, (one for one in drawn)), loop, rtol=1e-12
    )
    optimum = equilibrium.Interval.of(batched.welfare_optimum(drawn).value)
    one_by_one = equilibrium.interval(lambda drawn_market: equilibrium.welfare_optimum(drawn_market).value, drawn)
    np.testing.assert_allclose(optimum, one_by_one, rtol=1e-12)
    summary = equilibrium.sweep(drawn)
    np.testing.assert_allclose(summary.welfare_optimum / summary.welfare, batched.price_of_anarchy(drawn), rtol=1e-12)


def test_markets_are_a_sequence_of_markets():
    market = ttc_env.load_market("gpqa/majority_voting", beta=500.0, outside_value=0.001)
    drawn = equilibrium.draw_markets(market, 100, 5, np.random.default_rng(0))
    assert len(drawn) == len(list(drawn)) == 5
    assert isinstance(drawn[1:3], Markets)
    assert len(drawn[1:3]) == 2
    one = drawn[-1]
    assert (one.beta, one.outside_value, one.unit, one.baseline) == (500.0, 0.001, market.unit, market.baseline)
    np.testing.assert_array_equal(one.quality, drawn.quality[4])
    np.testing.assert_array_equal(one.tokens, market.tokens)
    assert one.providers == market.providers
    with pytest.raises(IndexError):
        drawn[5]
    profile = np.random.default_rng(1).integers(0, 6, (5, 9))
    np.testing.assert_allclose(drawn.welfare(profile), [m.welfare(p) for m, p in zip(drawn, profile, strict=True)])
    np.testing.assert_allclose(drawn.utility(profile), [m.utility(p) for m, p in zip(drawn, profile, strict=True)])
    np.testing.assert_allclose(drawn.potential(profile), [m.potential(p) for m, p in zip(drawn, profile, strict=True)])


def test_a_beta_for_each_market():
    market = ttc_env.load_market("gsm8k/majority_voting")
    betas = np.geomspace(10, 1e5, 7)
    swept = Markets(market.providers, market.levels, market.quality, market.price, market.cost, beta=betas)
    assert_same_as_one_by_one(swept)
    assert swept[3].unit == pytest.approx(market.quality.max())


def test_wrong_input_is_named():
    market = ttc_env.load_market("gsm8k/majority_voting")
    drawn = equilibrium.draw_markets(market, 100, 3, np.random.default_rng(0))
    with pytest.raises(ValueError, match="at least one market"):
        batched.pure_nash([])
    with pytest.raises(ValueError, match="one row for each of 3 markets"):
        batched.nash_conv(drawn, np.zeros((2, 9), dtype=int))
    with pytest.raises(ValueError, match=r"shape \(\.\.\., 3, 9\)"):
        drawn.welfare(np.zeros(9, dtype=int))
    with pytest.raises(ValueError, match="one profile each"):
        equilibrium.best_response(drawn, np.zeros((4, 3, 9), dtype=int))
    with pytest.raises(ValueError, match="beta must be positive"):
        Markets(market.providers, market.levels, market.quality, market.price, market.cost, beta=[1.0, -1.0])
    with pytest.raises(ValueError, match="price must have shape"):
        Markets(market.providers, market.levels, market.quality, market.price[:2], market.cost, beta=1.0)
    with pytest.raises(ValueError, match="finite"):
        Markets(market.providers, market.levels, market.quality * np.nan, market.price, market.cost, beta=1.0)
    with pytest.raises(ValueError, match="one shape"):
        stack([market, market.select([0])])
    with pytest.raises(ValueError, match="limit=1"):
        batched.pure_nash([ladder(2)], limit=1)
    with pytest.raises(ValueError, match="without a pure equilibrium"):
        equilibrium.sweep([without_equilibrium()])
