"""Best-response dynamics, sweeps over markets, and the spread of measurement noise."""

import itertools
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ttc_env
from tests.helpers.markets import crowd, random_market
from ttc_env import equilibrium


@given(st.integers(0, 2**32 - 1), st.sampled_from(["cyclic", "shuffled"]))
def test_dynamics_climb_the_potential_to_an_equilibrium(seed, order):
    rng = np.random.default_rng(seed)
    market = random_market(rng, "smooth", max_logit=1000)
    run = equilibrium.best_response_dynamics(
        market, rng.integers(0, market.num_levels, market.num_providers), order=order, rng=rng
    )
    assert run.converged
    assert equilibrium.is_nash(market, run.profiles[-1])
    assert run.profiles.shape == (len(run.movers) + 1, market.num_providers)
    potential = market.potential(run.profiles)
    assert np.all(np.diff(potential) >= -1e-12 * (1 + np.abs(potential).max()))
    moved = run.profiles[1:] != run.profiles[:-1]
    assert np.all(moved <= (np.arange(market.num_providers) == run.movers[:, None]))


def test_simultaneous_moves_can_cycle_where_turns_cannot():
    market = crowd()
    together = equilibrium.best_response_dynamics(market, [0] * 12, order="simultaneous", max_rounds=10)
    assert not together.converged
    np.testing.assert_array_equal(together.profiles, np.tile(np.arange(11)[:, None] % 2, 12))
    assert np.all(together.movers == -1)
    in_turn = equilibrium.best_response_dynamics(market, [0] * 12)
    assert in_turn.converged
    assert in_turn.profiles[-1].sum() == 5


def test_dynamics_of_the_paper_find_the_equilibrium():
    market = ttc_env.load_market("gsm8k/majority_voting")
    run = equilibrium.best_response_dynamics(market, np.zeros(9, dtype=int))
    np.testing.assert_array_equal(run.profiles[-1], equilibrium.pure_nash(market)[0])


@pytest.mark.parametrize(
    ("options", "message"), [({"order": "random"}, "unknown order"), ({"order": "shuffled"}, "generator")]
)
def test_dynamics_refuse(options, message):
    with pytest.raises(ValueError, match=message):
        equilibrium.best_response_dynamics(ttc_env.load_market("gsm8k/best_of_n"), np.zeros(9, dtype=int), **options)
    with pytest.raises(ValueError, match="one profile"):
        equilibrium.best_response_dynamics(ttc_env.load_market("gsm8k/best_of_n"), np.zeros((2, 9), dtype=int))
    with pytest.raises(ValueError, match="unknown ties"):
        equilibrium.best_response(ttc_env.load_market("gsm8k/best_of_n"), np.zeros(9, dtype=int), ties="highest")


def test_sweep_over_every_parameter():
    name = "gpqa/best_of_n"
    base = ttc_env.load_market(name)
    markets = {
        "beta": [ttc_env.load_market(name, beta=beta) for beta in (10.0, 1e3, 1e6)],
        "markup": [ttc_env.load_market(name, markup=markup) for markup in (0.05, 0.25, 1.0)],
        "answer_value": [ttc_env.load_market(name, answer_value=alpha) for alpha in (0.005, 0.02, 0.1)],
        "baseline": [ttc_env.load_market(name, baseline=baseline) for baseline in (0.0, 0.1, 0.5)],
        "providers": [base.select(some) for some in itertools.combinations(range(9), 2)],
    }
    for swept in markets.values():
        result = equilibrium.sweep(swept)
        for k, market in enumerate(swept):
            assert result.welfare_optimum[k] == pytest.approx(equilibrium.welfare_optimum(market).value, rel=1e-14)
            assert result.welfare_optimum[k] / result.welfare[k] == pytest.approx(equilibrium.price_of_anarchy(market))
            assert result.num_equilibria[k] == len(equilibrium.pure_nash(market))
        assert np.all(result.welfare <= result.best_welfare)
        assert np.all(result.provider_profit <= result.joint_profit_optimum + 1e-15)


def test_the_published_sweep_takes_no_time():
    started = time.perf_counter()
    equilibrium.sweep(ttc_env.load_market("gsm8k/majority_voting", beta=beta) for beta in np.geomspace(10, 1e5, 100))
    assert time.perf_counter() - started < 1.0


def test_drawn_markets_have_the_measured_mean_and_binomial_spread():
    market = ttc_env.load_market("gsm8k/majority_voting")
    drawn = equilibrium.draw_markets(market, 400, 2000, np.random.default_rng(0))
    accuracy = np.array([other.accuracy for other in drawn])
    error = np.sqrt(market.accuracy * (1 - market.accuracy) / 400)
    np.testing.assert_allclose(accuracy.mean(axis=0), market.accuracy, atol=5 * error.max() / np.sqrt(2000))
    np.testing.assert_allclose(accuracy.std(axis=0), error, rtol=0.1)
    np.testing.assert_array_equal(drawn[0].price, market.price)


def test_intervals_shrink_with_the_number_of_questions():
    market = ttc_env.load_market("gsm8k/majority_voting")
    width = []
    for questions in (100, 10_000):
        drawn = equilibrium.draw_markets(market, questions, 100, np.random.default_rng(0))
        found = equilibrium.interval(equilibrium.price_of_anarchy, drawn)
        levels = equilibrium.interval(lambda drawn_market: equilibrium.pure_nash(drawn_market)[0], drawn)
        assert found.low <= found.median <= found.high
        assert levels.median.shape == (9,)
        width.append(found.high - found.low)
    assert width[1] < width[0] / 3
    with pytest.raises(ValueError, match="coverage"):
        equilibrium.interval(equilibrium.price_of_anarchy, drawn, coverage=1.0)
    with pytest.raises(ValueError, match="num_questions must be an integer >= 1"):
        equilibrium.draw_markets(market, 0, 10, np.random.default_rng(0))
