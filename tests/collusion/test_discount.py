"""The critical discount: where grim trigger begins to hold, by formula and by the exact test of the strategies."""

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

import ttc_env
from tests.helpers.games import bertrand_logit
from ttc_env.collusion import PayoffTable, Strategies, critical_discount, grim_trigger, payoff_table, stability
from ttc_env.equilibrium import StageGame


def trigger(payoffs, row):
    """Play the joint optimum after the joint optimum, and an equilibrium after anything else, itself included."""
    actions = np.tile(payoffs.joint_actions[row], (payoffs.num_joint, 1))
    actions[payoffs.joint_optimum] = payoffs.joint_actions[payoffs.joint_optimum]
    return Strategies(payoffs, 1, actions)


def of_table(payoffs):
    best = payoffs.joint_optimum
    return grim_trigger(
        payoffs.profits[best], payoffs.deviations[best].max(axis=-1), payoffs.profits[payoffs.equilibria]
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([(2, 2), (2, 3), (3, 2)]))
@example(221, (3, 2))  # the equilibrium that deters one provider is what another would rather have
def test_grim_trigger_holds_from_the_critical_discount_on(seed, shape):
    n, m = shape
    payoffs = PayoffTable(np.random.default_rng(seed).random((m**n, n)), m)
    equilibria = payoffs.equilibria
    assume(len(equilibria) and payoffs.joint_optimum not in equilibria)
    found = of_table(payoffs)
    (row,) = (e for e in equilibria if np.array_equal(payoffs.profits[e], found.punishing))
    play = trigger(payoffs, row)
    if np.isinf(found.value):
        assert not any(stability(trigger(payoffs, e), payoffs.joint_optimum, 0.99).nash for e in equilibria)
    else:
        for discount, holds in ((found.value - 1e-6, False), (found.value + 1e-6, True)):
            if 0 <= discount < 1:
                assert stability(play, payoffs.joint_optimum, discount).nash == holds
        for other in equilibria:
            assert not stability(trigger(payoffs, other), payoffs.joint_optimum, max(0, found.value - 1e-6)).nash


def test_prisoners_and_bertrand():
    assert of_table(PayoffTable([[2, 2], [0, 3], [3, 0], [1, 1]], 2)).value == pytest.approx(0.5)
    found = of_table(bertrand_logit())
    assert 0 < found.value < 0.95


def test_where_the_joint_optimum_is_an_equilibrium_no_patience_is_needed():
    found = of_table(PayoffTable([[2, 2], [0, 0], [0, 0], [1, 1]], 2))
    assert found.value == 0
    assert not found.providers.any()


@pytest.mark.parametrize("mechanism", ["per_token", "posted_price"])
def test_a_market_and_its_table_say_the_same(mechanism):
    market = ttc_env.load_market("gsm8k/majority_voting", beta=10_000.0, providers=[1, 6])
    game = StageGame(market, mechanism)
    found, table = critical_discount(game), of_table(payoff_table(game))
    assert found.value == pytest.approx(table.value)
    np.testing.assert_allclose(found.providers, table.providers)


def test_nine_providers():
    found = critical_discount(StageGame(ttc_env.load_market("gsm8k/best_of_n", beta=10_000.0), "per_token"))
    assert found.providers.shape == (9,)
    assert found.value == np.inf or 0 <= found.value < 1
