"""The model of how quality differs between queries: exact means, ordered curves, the ranks it promises."""

from dataclasses import replace
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ttc_env
from ttc_env.mixtures.beta_distribution import distribution, quantile, stratum_means

SHAPES = st.floats(-4, 4).map(lambda power: 10**power)


@given(st.integers(1, 12), st.integers(1, 12), st.floats(0.001, 0.999))
def test_incomplete_beta_of_whole_shapes_is_a_binomial_sum(a, b, x):
    size = a + b - 1
    expected = sum(comb(size, j) * x**j * (1 - x) ** (size - j) for j in range(a, size + 1))
    assert distribution(np.log(x / (1 - x)), np.array(a), np.array(b)) == pytest.approx(expected, rel=1e-11, abs=1e-15)


@given(SHAPES, SHAPES, st.floats(0.001, 0.999))
def test_quantiles_invert_the_distribution(a, b, probability):
    point = quantile(np.array(probability), np.array(a), np.array(b))
    assert distribution(point, np.array(a), np.array(b)) == pytest.approx(probability, rel=1e-8)


@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3), st.integers(1, 30))
def test_strata_share_out_the_mean(a, b, num_strata):
    means = stratum_means(num_strata, np.array([a]), np.array([b]))
    assert means.mean() == pytest.approx(a / (a + b), abs=1e-13)
    assert np.all((means > -1e-11) & (means < 1 + 1e-11))  # `_accuracies` cuts off what rounding adds
    assert np.all(np.diff(means, axis=0) > -1e-10)


def test_strata_are_those_of_a_sample():
    a, b = np.array([0.3, 2.0]), np.array([0.9, 0.7])
    drawn = np.sort(np.random.default_rng(0).beta(a, b, (400_000, 2)), axis=0)
    sampled = drawn.reshape(8, -1, 2).mean(axis=1)
    np.testing.assert_allclose(stratum_means(8, a, b), sampled, atol=3e-3)


@settings(deadline=None, max_examples=25)
@given(
    st.sampled_from([*ttc_env.list_markets()]),
    st.floats(-3, 3).map(lambda power: 10**power),
    st.floats(0, 1),
    st.integers(1, 40),
    st.integers(0, 2**32),
)
def test_means_are_the_markets_and_curves_stay_ordered(name, kappa, rho, num_types, seed):
    market = ttc_env.load_market(name)
    mixture = ttc_env.model_quality(market, kappa, rho, num_types, seed)
    np.testing.assert_allclose(mixture.average(mixture.quality), market.quality, rtol=0, atol=1e-12 * market.unit)
    worst, best = market.unit * market.baseline, market.unit
    assert np.all((mixture.quality >= worst - 1e-17) & (mixture.quality <= best + 1e-17))
    steps = np.diff(np.take_along_axis(mixture.quality, market.quality.argsort(axis=-1)[None], axis=-1), axis=-1)
    assert np.all(steps >= 0)
    np.testing.assert_array_equal(mixture.price[0], market.price)


def test_certain_answers_stay_certain():
    market = ttc_env.load_market("nano/best_of_n")
    accuracy = np.where(np.arange(6) == 5, 1.0, np.where(np.arange(6) == 0, 0.0, market.accuracy))
    certain = replace(market, quality=market.unit * (market.baseline + (1 - market.baseline) * accuracy))
    mixture = ttc_env.model_quality(certain, 0.5, 0.3, 20, 0)
    np.testing.assert_allclose(mixture.quality[..., 5], market.unit)
    np.testing.assert_allclose(mixture.quality[..., 0], market.unit * market.baseline)


def test_ranks_are_tied_as_the_copula_says():
    market = ttc_env.load_market("nano/majority_voting")
    for rho, correlation in ((0.0, 0.0), (0.5, 6 / np.pi * np.arcsin(0.25)), (1.0, 1.0)):
        quality = ttc_env.model_quality(market, 2.0, rho, 1000, 0).quality[:, :, 3]
        ranks = quality.argsort(axis=0).argsort(axis=0)
        spearman = np.corrcoef(ranks.T)[np.triu_indices(3, 1)]
        np.testing.assert_allclose(spearman, correlation, atol=0.08)


@pytest.mark.long
def test_the_model_reaches_what_was_found_by_simulation():
    for name, gains in (("gsm8k", (0.09, 0.07, 0.03)), ("gpqa", (0.94, 0.64, 0.30))):
        market = ttc_env.load_market(f"{name}/majority_voting")
        for kappa, gain in zip((0.5, 2.0, 10.0), gains, strict=True):
            mixture = ttc_env.model_quality(market, kappa, 0.5, 500, 0)
            assert "model" in mixture.label
            found = ttc_env.equilibrium.value_of_information(mixture) / market.welfare_contribution.max()
            assert found == pytest.approx(gain, rel=0.06, abs=0.01)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ((0.0, 0.5, 10, 0), "kappa"),
        ((float("nan"), 0.5, 10, 0), "kappa"),
        ((1.0, -0.1, 10, 0), "rho"),
        ((1.0, 1.1, 10, 0), "rho"),
        ((1.0, 0.5, 0, 0), "num_types"),
        ((1.0, 0.5, 10, -1), "seed"),
    ],
)
def test_refuses(numbers, message):
    with pytest.raises(ValueError, match=message):
        ttc_env.model_quality(ttc_env.load_market("nano/best_of_n"), *numbers)
