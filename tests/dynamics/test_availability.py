"""Providers who are not always there: the environment against the closed form, plain sums and play without."""

import itertools

import numpy as np
import pytest

from tests.mixtures.test_brute_force import SOME_AND_ALL, random_mixture
from ttc_env import MarkovGame, Mixture, VectorMarket, load_market
from ttc_env.dynamics import Availability, encode
from ttc_env.equilibrium import Unanswered, honest_auction
from ttc_env.mechanisms import SecondPrice

MARKET = load_market("gpqa/best_of_n", beta=1000.0).select([1, 6, 8])
SECOND_PRICE = SecondPrice(grid=(-0.25, 0.0, 0.25))


@pytest.mark.parametrize("cases", SOME_AND_ALL)
def test_honest_play_of_all_sets_of_providers_equals_the_closed_form(cases):
    for seed in cases:
        rng = np.random.default_rng(seed)
        market, probability = random_mixture(rng).markets[0], float(rng.uniform(0.05, 1.0))
        game = MarkovGame(market, SECOND_PRICE, Availability(probability))
        policy = game.stage_policy()
        np.testing.assert_array_equal(game.actions[policy], game.dynamics.equilibria(market, SECOND_PRICE))
        found, honest = game.average(policy), honest_auction(Mixture([market]), probability)
        assert found["welfare"] == pytest.approx(honest.welfare[0], abs=1e-13)
        assert found["user_value"] == pytest.approx(honest.user_value[0], abs=1e-13)
        assert found["payments"].sum() == pytest.approx(honest.payment[0], abs=1e-13)
        np.testing.assert_allclose(found["profits"], honest.provider_profit[0], atol=1e-13)
        np.testing.assert_allclose(found["shares"], honest.winning[0], atol=1e-13)
        assert game.nash_conv(policy).total < 1e-12


@pytest.mark.parametrize("seed", range(3))
def test_uniform_play_equals_going_through_all_sets_and_actions(seed):
    market = MARKET.select([0, 2]) if seed else MARKET
    game = MarkovGame(market, "per_token", Availability(0.3 + 0.2 * seed), 0.5)
    n, m, p = market.num_providers, market.num_levels, game.dynamics.probability
    gains = np.zeros(n)
    for there in itertools.product([False, True], repeat=n):
        some = np.flatnonzero(there)
        chance = p ** len(some) * (1 - p) ** (n - len(some))
        if not len(some):
            continue
        profiles = np.array(list(itertools.product(range(m), repeat=len(some))))
        earned = market.select(some).utility(profiles)
        for k, i in enumerate(some):
            worth = [earned[profiles[:, k] == level, k].mean() for level in range(m)]
            gains[i] += chance * (max(worth) - np.mean(worth))
    np.testing.assert_allclose(game.uniform_nash_conv().improvements, 2 * gains, rtol=1e-9)


@pytest.mark.parametrize("mechanism", ["per_token", "posted_price", "first_price", "second_price"])
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_who_is_away_sells_nothing_and_drawn_play_has_the_expected_mean(mechanism, backend):
    env = VectorMarket(
        MARKET, mechanism, 4000, demand=20, backend=backend, dtype="float64", dynamics=Availability(0.6)
    )  # fmt: skip
    exact = VectorMarket(MARKET, mechanism, 4000, dtype="float64", dynamics=Availability(0.6))
    env.reset(0), exact.reset(0)
    there = np.asarray(env.record().carried)
    assert there.mean() == pytest.approx(0.6, abs=0.02)
    exact.put(there)
    actions = np.random.default_rng(1).integers(3, size=(4000, 3, *env.single_action_space.shape))
    drawn, expected = env.step(actions), exact.step(actions)
    np.testing.assert_array_equal(np.asarray(drawn[4]["state"]), encode(there, (2, 2, 2)))
    for _, rewards, _, _, info in (drawn, expected):
        assert not np.asarray(rewards)[there == 0].any()
        assert not np.asarray(info["outcome"].shares)[there == 0].any()
    for name in ("welfare", "user_value"):
        one, many = (np.asarray(getattr(step[4]["outcome"], name)) for step in (expected, drawn))
        assert abs((many - one).mean()) < 5 * (many - one).std() / 4000**0.5 + 1e-12


def test_providers_who_are_always_there_are_bitwise_the_market_without():
    plain = VectorMarket(MARKET, num_markets=3)
    always = VectorMarket(MARKET, num_markets=3, dynamics=Availability(1.0))
    plain.reset(0), always.reset(0)
    for actions in np.random.default_rng(0).integers(6, size=(3, 3, 3)):
        left, right = plain.step(actions), always.step(actions)
        np.testing.assert_array_equal(left[1], right[1])
        np.testing.assert_array_equal(left[4]["outcome"].welfare, right[4]["outcome"].welfare)


def test_whom_a_smaller_market_of_a_batch_lacks_never_comes():
    env = VectorMarket([MARKET, MARKET.select([0])], num_markets=2, dynamics=Availability(1.0), dtype="float64")
    env.reset(0)
    shares = env.step(np.zeros((2, 3), int))[4]["outcome"].shares
    assert (shares > 0).tolist() == [[True] * 3, [True, False, False]]


def test_prices_that_depend_on_who_is_there_have_no_game_of_some_of_them():
    game = MarkovGame(MARKET.select([0, 1]), "posted_price", Availability(0.5))
    with pytest.raises(Unanswered, match="depends on who is there"):
        game.stage_policy()
    assert game.nash_conv(game.equilibrium()).total < 1e-12


def test_opponents_play_the_equilibrium_of_those_who_are_there():
    env = VectorMarket(MARKET, "second_price", dynamics="availability")
    plan = env.game.dynamics.equilibria(env.market, env.game.mechanism)
    assert plan.shape == (8, 3, 3)
    np.testing.assert_array_equal(plan[-1], env.game.mechanism.honest(env.market, plan[-1][:, 0]))
    assert not plan[0].any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Availability(0.0), r"in \(0, 1\], got 0.0"),
        (lambda: Availability(1.5), r"in \(0, 1\], got 1.5"),
        (lambda: VectorMarket("mixed/best_of_n", dynamics=Availability(0.5)), "carries nothing else"),
        (lambda: MarkovGame(load_market("gpqa/best_of_n"), "second_price", "availability"), "512 states"),
    ],
)
def test_refuses(make, message):
    with pytest.raises(ValueError, match=message):
        make()
