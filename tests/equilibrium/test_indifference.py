"""Providers without a margin, outside values without measure: counted, not listed, and the price of anarchy exact."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ttc_env
from tests.helpers.markets import BruteForce, market_of, random_market
from ttc_env import equilibrium
from ttc_env.equilibrium import batched
from ttc_env.equilibrium.inefficiency import extremes, welfare_range
from ttc_env.judging import judge


@st.composite
def idle_markets(draw):
    """Small markets in which some providers earn nothing at any level, or lose at some and earn nothing at others."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    market = random_market(rng, rng.choice(["smooth", "duplicates", "negative margins"]), max_providers=4, max_levels=4)
    idle, margin = rng.random(market.num_providers) < 0.5, market.margin.copy()
    margin[idle] = np.where(rng.random(margin.shape) < 0.7, 0.0, -np.abs(margin))[idle]
    value = market.user_value.copy()
    if market.num_providers > 1 and rng.random() < 0.4:  # twins, idle or not
        value[1], margin[1] = value[0], margin[0]
    return market_of(value, margin, market.beta, market.outside_value)


@given(idle_markets())
@settings(max_examples=150)
def test_they_are_counted_and_their_worst_and_best_choices_found(market):
    brute = BruteForce(market)
    expected = brute.equilibria()
    if not brute.is_decided():
        return
    assert equilibrium.count_nash(market) == len(expected)
    np.testing.assert_array_equal(equilibrium.pure_nash(market), expected)
    np.testing.assert_array_equal(list(equilibrium.iterate_nash(market)), expected)
    low, high = welfare_range(market)
    if not len(expected):
        assert math.isnan(low)
        assert math.isnan(high)
        return
    welfare = brute.objective(brute.contribution, brute.outside)[brute.regrets() <= 1e-12].astype(float)
    scale = 1e-9 * (np.abs(market.welfare_contribution).max() + abs(market.outside_value))
    assert low == pytest.approx(welfare.min(), abs=scale)
    assert high == pytest.approx(welfare.max(), abs=scale)


@pytest.mark.parametrize("name", ["gsm8k/majority_voting", "aime/best_of_n"])
@pytest.mark.parametrize("beta", [200.0, 1e5])
def test_where_nobody_earns_a_margin_everything_is_an_equilibrium(name, beta):
    market = ttc_env.load_market(name, beta=beta, markup=0.0)
    everything = market.num_levels**market.num_providers
    assert equilibrium.count_nash(market) == everything
    assert equilibrium.price_of_stability(market) == 1.0
    worst = -equilibrium.optimum(market, -market.welfare_contribution, outside=-market.outside_value).value
    expected = equilibrium.welfare_optimum(market).value / worst
    assert equilibrium.price_of_anarchy(market) == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(batched.price_of_anarchy([market, market]), expected, rtol=1e-12)
    with pytest.raises(ValueError, match=f"^{everything} pure equilibria, more than limit=100000"):
        equilibrium.pure_nash(market)
    assert next(equilibrium.iterate_nash(market)).tolist() == [0] * market.num_providers


def test_crowds_of_the_idle_are_counted_exactly():
    """Sixty identical providers at a cost price beside one that earns: far too many to list."""
    value = np.concatenate([[[0.1, 0.4, 0.4]], np.tile([[0.2, 0.3, 0.5]], (60, 1))])
    margin = np.concatenate([[[0.1, 0.05, 0.01]], np.zeros((60, 3))])
    market = market_of(value, margin, beta=2.0)
    assert equilibrium.count_nash(market) == 3**60
    with pytest.raises(ValueError, match=f"^{3**60} pure equilibria"):
        equilibrium.pure_nash(market, limit=10)
    assert equilibrium.price_of_anarchy(market) >= 1.0


@pytest.mark.parametrize("outside", [2.0**63, 1e20, -1e20, 1e300, -1e300])
def test_an_outside_value_without_measure_changes_no_comparison(outside):
    """Where not buying takes all (or nothing), providers still compare their levels as they did; before, all tied."""
    beta = 1000.0 if abs(outside) < 1e200 else 1e-3
    near = math.copysign(10.0 if beta == 1000.0 else 1e7, outside)
    far, close = (
        ttc_env.load_market("gsm8k/majority_voting", beta=beta, outside_value=value) for value in (outside, near)
    )
    np.testing.assert_array_equal(equilibrium.pure_nash(far), equilibrium.pure_nash(close))
    assert equilibrium.count_nash(far) == len(equilibrium.pure_nash(close))
    profile = equilibrium.pure_nash(far)[0]
    assert equilibrium.is_nash(far, profile)
    if outside > 0:
        assert equilibrium.price_of_anarchy(far) == 1.0


@pytest.mark.parametrize("tolerance", [math.nan, -1e-12, math.inf, "tight", None])
def test_a_tolerance_that_is_none_is_refused(tolerance):
    market = ttc_env.load_market("gsm8k/majority_voting", providers=[0, 1])
    calls = [
        lambda: equilibrium.pure_nash(market, tolerance=tolerance),
        lambda: equilibrium.iterate_nash(market, tolerance=tolerance),
        lambda: equilibrium.count_nash(market, tolerance=tolerance),
        lambda: equilibrium.is_nash(market, [0, 0], tolerance=tolerance),
        lambda: equilibrium.best_response(market, [0, 0], tolerance=tolerance),
        lambda: equilibrium.logit_equilibrium(market, 1.0, tolerance=tolerance),
        lambda: batched.pure_nash([market], tolerance=tolerance),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="tolerance must be"):
            call()


def test_figures_of_markets_without_margins():
    """What everybody chooses freely is summarised by its worst and best choices, and played to an equilibrium."""
    name = "gsm8k/majority_voting"
    market = ttc_env.load_market(name, markup=0.0)
    summary = equilibrium.summarize(market)
    assert summary.num_equilibria == market.num_levels**market.num_providers
    assert summary.best_welfare == pytest.approx(summary.welfare_optimum)
    assert summary.welfare_optimum / summary.welfare == pytest.approx(equilibrium.price_of_anarchy(market))
    assert summary.provider_profit == 0
    game = ttc_env.StageGame(market)
    with pytest.raises(equilibrium.Unanswered, match="pure equilibria, more than limit"):
        game.equilibria()
    env = ttc_env.VectorMarket(market)
    figures = judge(env, lambda seen: np.full(seen.shape[:-1], 2), 3)
    assert figures["nash_levels"] == [2] * market.num_providers
    assert figures["num_equilibria"] == summary.num_equilibria
    assert figures["relative_nash_conv"] == 0
    assert figures["at_equilibrium"]


@given(idle_markets())
@settings(max_examples=50)
def test_summaries_agree_with_the_list(market):
    listed = equilibrium.pure_nash(market)
    if not len(listed):
        with pytest.raises(ValueError, match="without a pure equilibrium"):
            equilibrium.summarize(market)
        return
    found, listed_welfare = extremes(market), market.welfare(listed)
    scale = 1e-9 * (np.abs(market.welfare_contribution).max() + abs(market.outside_value))
    assert found.num_equilibria == len(listed) == equilibrium.summarize(market).num_equilibria
    for end, wanted in ((found.worst, listed_welfare.min()), (found.best, listed_welfare.max())):
        assert end.value == pytest.approx(wanted, abs=scale)
        assert market.welfare(end.profile) == pytest.approx(wanted, abs=scale)
        assert equilibrium.is_nash(market, end.profile)


def test_losses_count_in_what_a_gap_is_measured_by():
    assert equilibrium.relative_gap(0.0, np.zeros(2)) == 0
    assert equilibrium.relative_gap(1.0, np.array([3.0, -1.0])) == 0.25
    assert equilibrium.relative_gap(1.0, np.zeros(2)) == math.inf
