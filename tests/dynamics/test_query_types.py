"""Environments in which a query type is drawn in each period, public or private, in every form."""

import pickle
from dataclasses import replace

import gymnasium
import numpy as np
import pytest

import ttc_env
from ttc_env import Mixture, StageGame, VectorMarket, load_market, market_v0, observing, second_price_v0
from ttc_env.dynamics import Loyalty, QueryTypes
from ttc_env.equilibrium import PrivateGame, honest_auction
from ttc_env.opponents import make_opponents
from ttc_env.playing import play_types

BACKENDS = ("numpy", "torch")


@pytest.fixture(scope="module")
def mixture():
    """Three types of one market in the model, seldom and often; tables differ by type."""
    types = ttc_env.model_quality(load_market("gsm8k/best_of_n").select([0, 3, 8]), 2.0, 0.3, 3, seed=1)
    return Mixture(types.markets, weights=[1, 2, 5])


def random_actions(env):
    return np.stack(
        [[env.single_action_space.sample() for _ in range(env.num_providers)] for _ in range(env.num_markets)]
    )


def seeded(env, seed=0):
    env.single_action_space.seed(seed)
    return env.reset(seed)[0]


def numpy(array):
    return np.asarray(array)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("mechanism", ["per_token", "second_price"])
def test_a_mixture_of_one_type_is_that_market_to_the_bit(mechanism, backend):
    market = load_market("gpqa/best_of_n")
    envs = [VectorMarket(one, mechanism, 5, backend=backend, demand=7) for one in (market, Mixture([market]))]
    first, second = (numpy(seeded(env)) for env in envs)
    np.testing.assert_array_equal(first, second)
    for _ in range(4):
        actions = random_actions(envs[0])
        one, other = (env.step(actions) for env in envs)
        np.testing.assert_array_equal(numpy(one[0]), numpy(other[0]))
        np.testing.assert_array_equal(numpy(one[1]), numpy(other[1]))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("mechanism", "information"), [("per_token", "public"), ("second_price", "public"), ("second_price", "private")]
)
def test_every_period_is_that_of_its_type(mixture, mechanism, information, backend):
    env = VectorMarket(mixture, mechanism, 60, information=information, backend=backend, dtype="float64", max_cycles=3)
    observations, counts, layout = numpy(seeded(env)), np.zeros(3), observing.layout(env.game)
    games = [StageGame(market, env.game.mechanism) for market in mixture.markets]
    for _ in range(6):
        types = numpy(env.record().carried)[:, 0]
        curves = np.array([market.curves for market in mixture.markets])[types]
        shown = np.concatenate([layout.read(observations, name) for name in observing.CURVES], axis=-1)
        np.testing.assert_allclose(shown, curves, rtol=1e-12)
        assert ("state.type" in layout.places) == (information == "public")
        if information == "public":
            np.testing.assert_array_equal(layout.read(observations, "state.type")[:, 0].argmax(axis=-1), types)
        assert np.all([env.single_observation_space.contains(own) for row in observations for own in row])
        np.testing.assert_allclose(numpy(env.state())[:, : curves[0].size], curves.reshape(60, -1), rtol=1e-12)
        actions = random_actions(env)
        observations, _, _, _, info = env.step(actions)
        observations, outcome = numpy(observations), info["outcome"]
        np.testing.assert_array_equal(numpy(info["state"]), types)
        for tau, game in enumerate(games):
            played = game.outcome(actions[types == tau])
            settled = numpy(outcome.utility)[types == tau]
            if mechanism == "per_token":  # an auction's ties are drawn, not shared
                np.testing.assert_allclose(settled, played.utility, rtol=1e-9, atol=1e-15)
                np.testing.assert_allclose(numpy(outcome.welfare)[types == tau], played.welfare, rtol=1e-9)
            else:
                np.testing.assert_allclose(numpy(outcome.user_value)[types == tau], played.user_value, rtol=1e-9)
        counts += np.bincount(types, minlength=3)
    np.testing.assert_allclose(counts / counts.sum(), mixture.weights, atol=0.12)


def test_play_of_equilibria_reaches_the_exact_averages(mixture):
    """Over many periods, by type and by chance, within five standard errors."""
    exact = {
        "second_price": mixture.average(honest_auction(mixture)).welfare,
        "per_token": mixture.average(ttc_env.equilibrium.sweep(mixture.markets)).welfare,
    }
    for mechanism, welfare in exact.items():
        env = VectorMarket(mixture, mechanism, 4000, dtype="float64")
        play, observations = make_opponents(env.game, [], "nash"), seeded(env)
        seen = env.step(play(observations, env.record(), None))[-1]["outcome"].welfare
        assert seen.mean() == pytest.approx(float(welfare), abs=5 * seen.std() / np.sqrt(4000))


def test_answers_are_drawn_for_the_type(mixture):
    env = VectorMarket(mixture, "second_price", 500, demand=200, dtype="float64", information="private")
    play, observations = make_opponents(env.game, [], "nash"), seeded(env)
    types = env.record().carried[:, 0]
    outcome = env.step(play(observations, env.record(), None))[-1]["outcome"]
    for tau, market in enumerate(mixture.markets):
        winner = int(market.welfare_contribution.max(axis=1).argmax())
        level = int(market.welfare_contribution[winner].argmax())
        quality, rows = market.quality[winner, level], types == tau
        error = market.unit / np.sqrt(200 * rows.sum()) + 1e-12
        assert outcome.delivered[rows].sum(axis=-1).mean() == pytest.approx(quality, abs=3 * error)


def test_copies_masks_and_resets(mixture):
    env = VectorMarket(mixture, "second_price", 6, information="private", max_cycles=4)
    seeded(env)
    copy, state = pickle.loads(pickle.dumps(env)), env.get_state()
    actions = [random_actions(env) for _ in range(6)]
    runs = []
    for one in (env, copy):
        runs.append([one.step(action)[0].copy() for action in actions])
    env.set_state(state)
    runs.append([env.step(action)[0].copy() for action in actions])
    for run in runs[1:]:
        np.testing.assert_array_equal(run, runs[0])
    before, rows = env.record().carried.copy(), np.array([True, False] * 3)
    seen = set()
    for _ in range(30):
        env.reset(rows=rows)
        np.testing.assert_array_equal(env.record().carried[~rows], before[~rows])
        seen |= set(env.record().carried[rows, 0].tolist())
    assert seen == {0, 1, 2}


def test_first_types_are_drawn_by_weight(mixture):
    env = VectorMarket(mixture, num_markets=4000)
    env.reset(0)
    np.testing.assert_allclose(np.bincount(env.record().carried[:, 0]) / 4000, mixture.weights, atol=0.04)


def test_every_form_plays_a_mixture(mixture):
    parallel = second_price_v0.parallel_env(market=mixture, information="private", max_cycles=3)
    observations, _ = parallel.reset(seed=0)
    while parallel.agents:
        for agent, observation in observations.items():
            assert parallel.observation_space(agent).contains(observation)
        actions = {agent: parallel.action_space(agent).sample() for agent in parallel.agents}
        observations, _, _, _, infos = parallel.step(actions)
        assert infos[parallel.possible_agents[0]]["state"] in (0, 1, 2)
    env = market_v0.env(market="mixed/reasoning_effort", mechanism="second_price", max_cycles=2)
    env.reset(seed=0)
    for agent in env.agent_iter():
        _, _, _, truncated, _ = env.last()
        env.step(None if truncated else env.action_space(agent).sample())
    single = gymnasium.make("ttc/PerToken-v0", market=mixture, provider=1, opponents="nash")
    observation, _ = single.reset(seed=0)
    assert single.observation_space.contains(observation)
    for _ in range(5):
        observation = single.step(single.action_space.sample())[0]
        assert single.observation_space.contains(observation)
    vector = gymnasium.make_vec(
        "ttc/SecondPrice-v0", num_envs=4, vectorization_mode="vector_entry_point", market=mixture, information="private"
    )
    vector.reset(seed=0)
    assert vector.step(vector.action_space.sample())[0].shape[0] == 4


def test_scripted_equilibria_are_honest_where_types_are_private(mixture):
    env = VectorMarket(mixture, "second_price", information="private")
    found = env.game.dynamics.equilibria(env.market, env.game.mechanism)
    np.testing.assert_array_equal(found, PrivateGame(mixture).honest())


def test_a_policy_is_asked_on_every_type_after_one_past(mixture):
    env, honest = (
        VectorMarket(mixture, "second_price", 3, information="private", dtype="float64"),
        PrivateGame(mixture).honest(),
    )
    curves = np.array([market.curves for market in mixture.in_one_unit.markets])
    layout = observing.layout(env.game)

    def act(observations):
        """The efficient level of the curves that it sees, honestly."""
        shown = np.concatenate([layout.read(observations, name) for name in observing.CURVES], axis=-1)
        own = np.abs(shown[:, None] - curves).sum(axis=(-1, -2)).argmin(axis=-1)
        return honest[own]

    game, actions = PrivateGame(mixture), play_types(env, act)
    np.testing.assert_array_equal(actions, honest)
    figures = game.figures(actions)
    assert figures["welfare_ratio"] == pytest.approx(1.0)
    assert figures["user_value_ratio"] == pytest.approx(1.0)
    assert figures["nash_conv"] == pytest.approx(0.0, abs=1e-15)
    assert figures["truthfulness_gap"] == pytest.approx(0.0, abs=1e-15)
    shaded = honest.copy()
    shaded[..., 1] += 3  # everybody asks more than its cost
    worse = game.figures(shaded)
    assert worse["truthfulness_gap"] > 0
    assert worse["user_value_ratio"] < 1
    with pytest.raises(ValueError, match="num_markets must be 3"):
        play_types(VectorMarket(mixture, "second_price", 2), act)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda m: VectorMarket(m, "per_token", information="private"), "defined for auctions"),
        (lambda m: VectorMarket(m, "posted_price", information="private"), "defined for auctions"),
        (lambda m: VectorMarket(m, information="secret"), "unknown information"),
        (lambda m: VectorMarket(m.markets[0], information="public"), "query types of a mixture"),
        (lambda m: VectorMarket(m, dynamics=Loyalty(cost=0.1)), "carries nothing else"),
        (lambda m: VectorMarket([m, m.markets[0]]), "played alone"),
        (lambda m: VectorMarket("mixed/best_of_n", demand=5), "sampled demand"),
        (lambda m: QueryTypes(Mixture([m.markets[0], replace(m.markets[1], beta=7.0)])), "one beta"),
        (lambda m: gymnasium.make("ttc/PerToken-v0", market=m, opponents="best_response"), "allowed with dynamics"),
    ],
)  # fmt: skip
def test_refuses(mixture, make, message):
    with pytest.raises(ValueError, match=message):
        make(mixture)
