"""Who plays where something is carried over: opponents, scripted players and learners, judged by their whole policy."""

from dataclasses import dataclass

import gymnasium
import numpy as np
import pytest

import ttc_env
from agents import make_learner
from ttc_env import MarkovGame, VectorMarket
from ttc_env.arrays import device, namespace
from ttc_env.dynamics import Capacity, Dynamics, Loyalty, Moves, Reputation
from ttc_env.dynamics.protocol import one_hot
from ttc_env.envs.seats import Seats
from ttc_env.judging import figures, judge, markov_game, markov_policy
from ttc_env.observing import state_index

MARKET = ttc_env.load_market("gsm8k/majority_voting", beta=1000.0).select([1, 6, 8])


@dataclass(frozen=True)
class Busy(Dynamics):
    """Whoever served the last query is busy: its next answer is worth `wait` less. The library does not know it."""

    wait: float = 0.001

    name = "busy"

    def sizes(self, market):
        return (market.num_providers + 1,)

    def start(self, market):
        return (market.num_providers,)

    def period(self, market, state):
        busy = one_hot(state[..., 0], market.num_providers, namespace(state).int64)
        return market.shifted((0.0, -self.wait), busy)

    def moves(self, market, state, outcome):
        xp = namespace(outcome.shares)
        to = xp.arange(market.num_providers + 1, device=device(outcome.shares))
        return Moves(to, xp.concat([outcome.shares, outcome.outside_share[..., None]], axis=-1))

    def shift(self, market):
        return self.wait


ALL = {"loyalty": Loyalty(0.002), "reputation": Reputation(0.2), "capacity": Capacity(1), "busy": Busy()}
each = pytest.mark.parametrize("dynamics", ALL.values(), ids=ALL)


def env_of(dynamics, num_markets=1, **options):
    return VectorMarket(MARKET, num_markets=num_markets, dynamics=dynamics, **options)


@each
def test_the_state_is_read_from_what_is_seen(dynamics):
    env = env_of(dynamics, 16)
    observations, _ = env.reset(0)
    for _ in range(8):
        observations = env.step(np.random.default_rng(1).integers(0, 6, (16, 3)))[0]
        index = state_index(env.game, observations[:, 0])
        np.testing.assert_array_equal(state_index(env.game, observations[:, 2]), index)
        np.testing.assert_array_equal(env.step(np.zeros((16, 3), int))[4]["state"], index)


@each
@pytest.mark.parametrize("name", ["nash", "stage", "myopic"])
def test_scripted_players_are_judged_as_the_policies_they_play(dynamics, name):
    env = env_of(dynamics)
    learner = make_learner(name, lambda **options: env_of(dynamics, 4, **options), 100, 0)
    game = MarkovGame(MARKET, "per_token", dynamics)
    policy = {"nash": game.equilibrium, "stage": game.stage_policy, "myopic": game.myopic_policy}[name]()
    np.testing.assert_array_equal(markov_policy(env, learner.act, learner.enter), policy)
    found = judge(env, learner.act, 5, learner.enter)
    assert found["relative_nash_conv"] == pytest.approx(game.relative_nash_conv(policy), abs=1e-12)
    assert found["at_equilibrium"] is bool(game.gains(policy).max() < 1e-12)
    assert found["nash_policy"] == game.equilibrium().tolist()
    assert found["user_value"] == pytest.approx(found["welfare"] - found["provider_profit"])
    assert found["welfare_optimum"] + 1e-12 >= max(found["welfare"], found["nash_welfare"])


@pytest.mark.parametrize("dynamics", [ALL["loyalty"], ALL["capacity"]], ids=["loyalty", "capacity"])
def test_opponents_of_the_gymnasium_form_play_by_the_state(dynamics):
    """A best response to equilibrium opponents earns what the equilibrium does."""
    game = MarkovGame(MARKET, "per_token", dynamics, 0.8)
    env = gymnasium.make_vec(
        "ttc/PerToken-v0",
        2000,
        vectorization_mode="vector_entry_point",
        market=MARKET,
        provider=1,
        dynamics=dynamics,
        opponents="stage",
        autoreset="disabled",
        max_cycles=60,
    )
    answer, values = game.best_response(game.stage_policy(), 1)
    observations, _ = env.reset(seed=0)
    total = np.zeros(2000)
    for t in range(50):
        observations, _, _, _, info = env.step(answer[state_index(env.engine.game, observations)])
        total += 0.8**t * info["utility"]
    error = total.std() / 2000**0.5
    assert total.mean() == pytest.approx(values[game.start], abs=5 * error + 1e-4 * values[game.start])


def test_a_learner_that_sees_the_state_learns_the_equilibrium():
    def make_env(**options):
        return VectorMarket(MARKET.select([0, 2]), num_markets=64, dynamics=Loyalty(0.002), **options)

    learner = make_learner("q-learning", make_env, 200_000, 0)
    while learner.steps < 200_000:
        learner.update()
    env = VectorMarket(MARKET.select([0, 2]), dynamics=Loyalty(0.002))
    game = markov_game(env)
    found = judge(env, lambda seen: learner.act(seen, greedy=True), 1)
    assert found["relative_nash_conv"] < game.relative_nash_conv(game.stage_policy()) / 2


def test_what_is_carried_over_is_not_judged_by_one_period():
    env = env_of(Loyalty(0.002))
    with pytest.raises(ValueError, match="together"):
        judge(Seats(env, [0], "nash"), lambda seen: seen[:, :, 0].astype(int) * 0, 1)
    with pytest.raises(ValueError, match="10077696"):
        markov_game(VectorMarket("gsm8k/majority_voting", dynamics="reputation"))
    with pytest.raises(ValueError, match="stage, myopic"):
        Seats(env, [0], "best_response")
    with pytest.raises(ValueError, match="carries nothing"):
        make_learner("q-learning", lambda **o: VectorMarket(MARKET, **o), 10, 0, config=_memory_of_state())


def _memory_of_state():
    from agents.tabular import QLearningConfig

    return QLearningConfig(memory="state")


def test_figures_are_averages_from_the_start():
    game = MarkovGame(MARKET, "per_token", Loyalty(0.002), 0.9)
    policy = game.stage_policy()
    found = figures(game, policy)
    assert found["provider_profit"] == pytest.approx(0.1 * game.values(policy)[game.start].sum())
    assert found["welfare"] == pytest.approx(0.1 * game.welfare(policy)[game.start])
    assert sum(found["shares"]) <= 1
    assert sum(found["stationary"]) == pytest.approx(1)
