"""Releases of mixtures: a type is drawn on the way in, and sampled answers are those of the state's tables."""

import numpy as np
import pytest

import ttc_env
from ttc_env import MarkovGame, Mixture, VectorMarket, load_market
from ttc_env.dynamics import Releases, decode
from ttc_env.equilibrium import StageGame

BASE = load_market("gpqa/best_of_n").select([1, 6, 8])
TYPES = Mixture([BASE, load_market("gpqa/majority_voting").select([1, 6, 8])], weights=[3, 1])
CHAIN = [[0.6, 0.4], [0.3, 0.7]]
DYNAMICS = Releases([None, TYPES], CHAIN, first=1)


def test_a_mixture_is_entered_by_the_weights_of_its_types():
    assert DYNAMICS.sizes(BASE) == (3,)
    assert DYNAMICS.start(BASE) == (1,)
    np.testing.assert_allclose(DYNAMICS.transitions, [[0.6, 0.3, 0.1], [0.3, 0.525, 0.175], [0.3, 0.525, 0.175]])
    assert [DYNAMICS.label(BASE, (s,)) for s in range(3)] == ["release 0", "release 1, type 0", "release 1, type 1"]


def test_each_state_has_the_equilibrium_of_its_own_tables():
    game = MarkovGame(BASE, "per_token", DYNAMICS)
    found = game.equilibrium()
    for state, market in enumerate((BASE, *TYPES.markets)):
        np.testing.assert_array_equal(found[state], StageGame(market, "per_token").equilibrium())
    assert game.relative_nash_conv(found) < 1e-12


def test_rows_of_a_chain_may_stand_one_after_another_and_the_base_market_has_a_name():
    flat = Releases(["base", "mixed/majority_voting"], (0.6, 0.4, 0.3, 0.7))
    np.testing.assert_array_equal(flat.matrix, CHAIN)
    assert flat.loaded[0] is None
    assert flat.sizes(BASE) == (4,)
    with pytest.raises(ValueError, match="chain must be 2 x 2 probabilities whose rows sum to 1"):
        Releases(["base", "gpqa/best_of_n"], (0.6, 0.4, 0.3))


def test_sampled_answers_are_right_as_often_as_the_tables_of_the_state_say():
    """A state whose answers are always right and one whose never are: what users get tells them apart."""
    tables = {"price": BASE.price, "cost": BASE.cost, "beta": 1e-3, "answer_value": BASE.unit, "baseline": 0.1}
    sure, never = (
        ttc_env.Market(BASE.providers, BASE.levels, quality=np.full(BASE.quality.shape, value * BASE.unit), **tables)
        for value in (1.0, 0.1)
    )
    env = VectorMarket(BASE, num_markets=64, demand=50, dynamics=Releases([sure, never], np.eye(2)), dtype="float64")
    env.reset(0)
    for state, value in ((0, 1.0), (1, 0.1)):
        env.put(np.full((64, 1), state))
        outcome = env.step(np.zeros((64, 3), int))[4]["outcome"]
        paid = outcome.payment.sum(axis=-1)
        worth = outcome.user_value + paid - outcome.outside_share * BASE.outside_value
        served = outcome.shares.sum(axis=-1)
        np.testing.assert_allclose(worth, value * BASE.unit * served, rtol=1e-9)


def test_expected_figures_are_the_means_of_sampled_ones():
    env = VectorMarket(BASE, num_markets=4000, demand=20, dynamics=DYNAMICS, dtype="float64")
    exact = VectorMarket(BASE, num_markets=4000, dynamics=DYNAMICS, dtype="float64")
    levels = np.tile([3, 1, 2], (4000, 1))
    found = []
    for market in (env, exact):
        market.reset(0)
        market.put(decode(np.arange(4000) % 3, (3,)))
        found.append(market.step(levels)[4]["outcome"].welfare)
    for state in range(3):
        rows = np.arange(4000) % 3 == state
        error = found[0][rows].std() / rows.sum() ** 0.5
        assert found[0][rows].mean() == pytest.approx(found[1][rows].mean(), abs=5 * error)


def test_recorded_outcomes_are_refused():
    with pytest.raises(ValueError, match="not from outcomes that a market recorded"):
        VectorMarket(load_market("nano/best_of_n", outcomes=True), dynamics=Releases())
