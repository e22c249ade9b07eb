"""Intervals for what is computed from measured curves: whom they cover, and what they pool."""

from dataclasses import replace

import numpy as np
import pytest

import ttc_env
from ttc_env import equilibrium
from ttc_env.equilibrium import batched, posterior
from ttc_env.equilibrium.posterior import posterior_markets


def test_draws_of_one_prior_are_those_of_a_gaussian_seen_with_noise():
    """Against conditioning the joint distribution of curve and observation, entry by entry."""
    rng, noise = np.random.default_rng(0), 0.3
    half = rng.normal(size=(3, 3))
    prior, rows = half @ half.T, rng.normal(size=(2, 3))
    joint = np.block([[prior, prior], [prior, prior + noise * np.eye(3)]])
    gain = np.linalg.solve(joint[3:, 3:], joint[3:, :3]).T
    spread = joint[:3, :3] - gain @ joint[3:, :3]
    drawn = posterior._draw(rows, noise, prior[None], 200_000, rng)
    np.testing.assert_allclose(drawn.mean(axis=0), rows @ gain.T, atol=0.01)
    for curve in range(2):
        np.testing.assert_allclose(np.cov(drawn[:, curve].T), spread, atol=0.01)


def test_likelier_priors_are_drawn_more_often():
    rows = np.random.default_rng(0).normal(size=(400, 3))  # as if of variance one
    drawn = posterior._draw(rows, 0.01, np.stack([0.1 * np.eye(3), np.eye(3)]), 50, np.random.default_rng(1))
    np.testing.assert_allclose(drawn, np.tile(rows / 1.01, (50, 1, 1)), atol=0.6)
    tight = posterior._draw(rows, 0.01, 1e-4 * np.eye(3)[None], 50, np.random.default_rng(1))
    assert np.abs(tight).max() < 0.3


def test_many_questions_leave_nothing_open_and_few_leave_much():
    market = ttc_env.load_market("gsm8k/majority_voting")
    width = []
    for questions in (30, 1_000, 100_000_000):
        drawn = posterior_markets(market, questions, 200, np.random.default_rng(0))
        width.append(drawn.quality.std(axis=0).max() / market.unit)
        assert np.all((drawn.quality >= market.baseline * market.unit) & (drawn.quality <= market.unit))
        np.testing.assert_array_equal(drawn.price[0], market.price)
    assert width[0] > 2 * width[1] > 100 * width[2]
    np.testing.assert_allclose(drawn.quality[0], market.quality, rtol=1e-3)


def test_accuracies_of_zero_and_one_are_not_certain():
    market = ttc_env.load_market("nano/best_of_n")
    accuracy = np.array([[0.0] * 6, [1.0] * 6, [0.5] * 6])
    edge = replace(market, quality=market.unit * (market.baseline + (1 - market.baseline) * accuracy))
    spread = posterior_markets(edge, 30, 500, np.random.default_rng(0)).quality.std(axis=0) / market.unit
    assert spread.min() > 0.005
    assert equilibrium.draw_markets(edge, 30, 500, np.random.default_rng(0)).quality.std(axis=0).min() < 1e-12


def test_one_provider_and_one_level_will_do():
    market = ttc_env.Market(["alone"], [1], [[0.5]], [[0.1]], [[0.05]], 1.0, answer_value=1.0)
    drawn = posterior_markets(market, 100, 4000, np.random.default_rng(0)).quality
    assert drawn.mean() == pytest.approx(0.5, abs=0.01)
    assert drawn.std() == pytest.approx(0.05, rel=0.1)


def covering(draw, truth, questions, repetitions, rng):
    """How often the interval contains the truth, for the auction's welfare and user value."""
    hits, outcome = [], equilibrium.second_price_outcome(truth)
    for _ in range(repetitions):
        measured = equilibrium.draw_markets(truth, questions, 1, rng)[0]
        found = batched.second_price_outcome(draw(measured, questions, 120, rng))
        for values, true in ((found.welfare, outcome.welfare), (found.user_value, outcome.user_value)):
            low, _, high = equilibrium.Interval.of(values)
            hits.append(low <= true <= high)
    return np.mean(np.reshape(hits, (-1, 2)), axis=0)


def test_intervals_cover_where_the_sensitivity_range_does_not():
    truth, rng = ttc_env.load_market("gsm8k/best_of_n"), np.random.default_rng(0)
    welfare, user_value = covering(posterior_markets, truth, 198, 60, rng)
    assert welfare > 0.85
    assert user_value > 0.85
    assert max(covering(equilibrium.draw_markets, truth, 198, 60, rng)) < 0.75


@pytest.mark.parametrize("numbers", [(0, 10), (2.5, 10), (30, -1)])
def test_refuses(numbers):
    with pytest.raises(ValueError, match=r"must be|negative"):
        posterior_markets(ttc_env.load_market("gsm8k/best_of_n"), *numbers, np.random.default_rng(0))
