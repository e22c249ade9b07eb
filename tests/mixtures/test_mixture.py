"""Mixtures of query types: what they hold, what they refuse, and those that come with the package."""

import pickle

import numpy as np
import pytest

import ttc_env
from ttc_env import Mixture, load_market


def test_tables_stack_those_of_the_types():
    parts = [load_market(f"{benchmark}/best_of_n") for benchmark in ("gsm8k", "gpqa")]
    mixture = Mixture(parts, weights=[1, 3])
    np.testing.assert_array_equal(mixture.weights, [0.25, 0.75])
    for name in ("quality", "price", "cost", "user_value", "margin", "welfare_contribution"):
        np.testing.assert_array_equal(getattr(mixture, name), [getattr(part, name) for part in parts])
    np.testing.assert_array_equal(mixture.unit, [[0.008], [0.02]])
    profile = np.array([np.arange(9) % 6, np.full(9, 5)])
    np.testing.assert_array_equal(
        mixture.welfare(profile), [part.welfare(own) for part, own in zip(parts, profile, strict=True)]
    )
    np.testing.assert_allclose(mixture.average(mixture.cost), 0.25 * parts[0].cost + 0.75 * parts[1].cost, rtol=1e-15)
    again = pickle.loads(pickle.dumps(mixture))
    np.testing.assert_array_equal(again.quality, mixture.quality)
    assert mixture.select([2, 0]).providers == (parts[0].providers[2], parts[0].providers[0])
    assert [market.beta for market in mixture.replace(beta=7.0).markets] == [7.0, 7.0]
    summary = mixture.average(ttc_env.equilibrium.sweep(mixture.markets))
    worst = [ttc_env.equilibrium.summarize(part).welfare for part in parts]
    assert summary.welfare == pytest.approx(0.25 * worst[0] + 0.75 * worst[1])


def test_one_type_is_that_market_to_the_bit():
    market = load_market("gpqa/best_of_n")
    mixture = Mixture([market])
    np.testing.assert_array_equal(mixture.average(mixture.quality), market.quality)
    honest = mixture.average(ttc_env.equilibrium.honest_auction(mixture))
    truth = ttc_env.equilibrium.second_price_outcome(market)
    assert honest.winning.argmax() == truth.winner
    assert honest.user_value == truth.user_value
    assert honest.welfare == truth.welfare
    assert honest.payment == pytest.approx(truth.payment, rel=1e-12)


@pytest.mark.parametrize("name", ttc_env.list_mixtures())
def test_mixed_markets_keep_the_values_of_their_benchmarks(name):
    mixture = load_market(name, beta=200.0, weights=[2, 1, 1])
    method = name.split("/")[1]
    assert mixture.label == "queries of gsm8k, gpqa, aime"
    np.testing.assert_array_equal(mixture.weights, [0.5, 0.25, 0.25])
    for part, benchmark in zip(mixture.markets, ("gsm8k", "gpqa", "aime"), strict=True):
        alone = load_market(f"{benchmark}/{method}", beta=200.0)
        np.testing.assert_array_equal(part.quality, alone.quality)
        assert (part.unit, part.beta) == (alone.unit, 200.0)


def test_every_recorded_question_is_a_type():
    name = "nano/reasoning_effort"
    mixture, market = load_market(name, questions=True), load_market(name, outcomes=True)
    assert mixture.num_types == 200
    np.testing.assert_allclose(mixture.average(mixture.quality), market.quality, rtol=1e-12)
    np.testing.assert_allclose(mixture.average(mixture.price), market.price, rtol=1e-12)
    recorded = np.moveaxis([part.accuracy for part in mixture.markets], 0, -1)
    np.testing.assert_allclose(recorded, market.outcomes.accuracy, atol=1e-15)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Mixture([]), "one or more markets"),
        (lambda: Mixture(["gsm8k/best_of_n"]), "one or more markets"),
        (lambda: Mixture([load_market("gsm8k/best_of_n"), load_market("nano/best_of_n")]), "same providers"),
        (lambda: Mixture([load_market("nano/best_of_n"), load_market("nano/reasoning_effort")]), "same levels"),
        (lambda: Mixture([load_market("nano/best_of_n")], weights=[0.0]), "positive"),
        (lambda: Mixture([load_market("nano/best_of_n")], weights=[0.5, 0.5]), "1 positive numbers"),
        (lambda: load_market("gsm8k/best_of_n", questions=True), "no recorded outcomes"),
        (lambda: load_market("mixed/best_of_n", questions=True), "no recorded questions"),
        (lambda: load_market("mixed/best_of_n", outcomes=True), "outcomes are replayed"),
        (lambda: load_market("gsm8k/best_of_n", weights=[1, 2]), "weights belong to"),
        (lambda: load_market("mixed/best_of_m"), "unknown market"),
    ],
)
def test_refuses(make, message):
    with pytest.raises(ValueError, match=message):
        make()
