"""Mixed strategies, quantal responses and histories of play, against sums over all profiles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ttc_env
from tests.helpers.markets import KINDS, BruteForce, ladder, market_of, random_market
from ttc_env import equilibrium

seeds = st.integers(0, 2**32 - 1)
kinds = st.sampled_from(KINDS)


def random_strategies(rng, market):
    """Independent mixes, some of them pure."""
    mixed = rng.dirichlet(np.ones(market.num_levels), market.num_providers)
    pure = np.eye(market.num_levels)[rng.integers(0, market.num_levels, market.num_providers)]
    return np.where(rng.random((market.num_providers, 1)) < 0.3, pure, mixed)


@given(seeds, kinds)
def test_expectations_are_those_of_all_profiles(seed, kind):
    rng = np.random.default_rng(seed)
    market = random_market(rng, kind, max_providers=4, max_levels=4, max_logit=1000)
    strategies = random_strategies(rng, market)
    profiles = BruteForce(market).profiles
    probability = np.prod(strategies[np.arange(market.num_providers), profiles], axis=1)
    expected = np.tensordot(probability, equilibrium.deviation_utility(market, profiles), axes=1)
    scale = np.abs(market.margin).max()
    np.testing.assert_allclose(equilibrium.mixed_deviation_utility(market, strategies), expected, atol=1e-13 * scale)


@given(seeds, kinds)
def test_a_pure_strategy_is_a_profile(seed, kind):
    rng = np.random.default_rng(seed)
    market = random_market(rng, kind, max_logit=1000)
    profile = rng.integers(0, market.num_levels, market.num_providers)
    mixed = equilibrium.mixed_nash_conv(market, np.eye(market.num_levels)[profile])
    pure = equilibrium.nash_conv(market, profile)
    assert mixed.total >= 0
    np.testing.assert_allclose(mixed.improvements, pure.improvements, atol=1e-13 * np.abs(market.margin).max())


def test_expectations_beyond_enumeration():
    """With 200 identical providers the number at each level is multinomial, and two levels leave a binomial."""
    market = market_of(np.tile([0.0, 1.0], (200, 1)), np.tile([3.0, 2.0], (200, 1)))
    strategies = np.tile([0.3, 0.7], (200, 1))
    high = np.arange(200)
    log_binomial = np.cumsum(np.log(np.concatenate([[1.0], (200 - high[1:]) / high[1:]])))
    probability = np.exp(log_binomial + high * np.log(0.7) + (199 - high) * np.log(0.3))
    others = 1 + np.e * high + (199 - high)
    expected = [3.0 * probability @ (1 / (1 + others)), 2.0 * probability @ (np.e / (np.e + others))]
    utility = equilibrium.mixed_deviation_utility(market, strategies)
    np.testing.assert_allclose(utility, np.tile(expected, (200, 1)), rtol=1e-11)


@pytest.mark.parametrize("bad", [np.ones((9, 6)), np.full((9, 5), 0.2), np.tile([-1.0, 2, 0, 0, 0, 0], (9, 1))])
def test_strategies_must_be_probabilities(bad):
    market = ttc_env.load_market("gsm8k/majority_voting")
    with pytest.raises(ValueError, match="probabilities"):
        equilibrium.mixed_nash_conv(market, bad)


def test_quantal_response_runs_from_uniform_play_to_the_equilibrium():
    market = ttc_env.load_market("gpqa/majority_voting", beta=1000.0)
    (nash,) = equilibrium.pure_nash(market)
    uniform = equilibrium.logit_equilibrium(market, 0.0)
    np.testing.assert_allclose(uniform.strategies, 1 / 6)
    conv = []
    for rationality in (1e5, 1e6, 1e7, 1e9):
        found = equilibrium.logit_equilibrium(market, rationality)
        assert found.residual <= 1e-10
        conv.append(equilibrium.mixed_nash_conv(market, found.strategies).total)
    assert conv == sorted(conv, reverse=True)
    np.testing.assert_array_equal(found.strategies.argmax(axis=1), nash)


def test_quantal_response_says_when_it_has_not_converged():
    found = equilibrium.logit_equilibrium(ttc_env.load_market("gsm8k/best_of_n"), 1e7, max_iterations=2)
    assert found.iterations == 2
    assert found.residual > 1e-3
    for rationality, damping in ((-1.0, 0.5), (np.inf, 0.5), (1.0, 1.0)):
        with pytest.raises(ValueError, match="must be"):
            equilibrium.logit_equilibrium(ladder(1), rationality, damping=damping)


@given(seeds, kinds)
def test_regret_of_a_history_in_hindsight(seed, kind):
    rng = np.random.default_rng(seed)
    market = random_market(rng, kind, max_logit=100)
    n, m = market.user_value.shape
    history = rng.integers(0, m, (7, n))
    regret = equilibrium.coarse_correlated_regret(market, history)
    for i in range(n):
        fixed = np.repeat(history[None], m, axis=0)
        fixed[:, :, i] = np.arange(m)[:, None]
        best = market.utility(fixed)[..., i].mean(axis=1).max()
        gain = best - market.utility(history)[:, i].mean()
        assert regret[i] == pytest.approx(gain, abs=1e-13 * np.abs(market.margin).max())


def test_regret_of_settled_play():
    market = ttc_env.load_market("gsm8k/majority_voting")
    (nash,) = equilibrium.pure_nash(market)
    np.testing.assert_array_equal(equilibrium.coarse_correlated_regret(market, [nash] * 5), np.zeros(9))
    for empty in (np.empty((0, 9), dtype=int), nash):
        with pytest.raises(ValueError, match="history"):
            equilibrium.coarse_correlated_regret(market, empty)


@given(seeds, kinds)
def test_swap_regret_replaces_each_level_by_the_best_other(seed, kind):
    rng = np.random.default_rng(seed)
    market = random_market(rng, kind, max_logit=100)
    n, m = market.user_value.shape
    history = rng.integers(0, m, (7, n))
    regret = equilibrium.swap_regret(market, history)
    scale = np.abs(market.margin).max()
    for i in range(n):
        best = 0.0
        for k in range(m):
            swapped = np.repeat(history[None], m, axis=0)
            swapped[:, history[:, i] == k, i] = np.arange(m)[:, None]
            best += (market.utility(swapped) - market.utility(history))[..., i].mean(axis=1).max()
        assert regret[i] == pytest.approx(best, abs=1e-13 * scale)
    external = equilibrium.coarse_correlated_regret(market, history)
    pure = equilibrium.nash_conv(market, history).improvements.mean(axis=0)
    assert np.all(external <= regret + 1e-13 * scale)
    assert np.all(regret <= pure + 1e-13 * scale)


def test_frequencies_of_a_history():
    market = ttc_env.load_market("gsm8k/reasoning_effort")
    found = equilibrium.empirical_strategies(market, [[0, 1, 4], [0, 2, 4], [0, 1, 3], [1, 1, 4]])
    expected = [[0.75, 0.25, 0, 0, 0], [0, 0.75, 0.25, 0, 0], [0, 0, 0, 0.25, 0.75]]
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(ValueError, match="history"):
        equilibrium.empirical_strategies(market, [0, 1, 4])
