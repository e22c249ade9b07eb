"""Players of the last period as tables: against asking them in play, one period after another."""

import numpy as np
import pytest

from ttc_env import StageGame, VectorMarket, load_market
from ttc_env.collusion import impulse_responses, payoff_table, solve_decision
from ttc_env.evaluation.tabulating import tabulate
from ttc_env.observing import layout

NAME = "gsm8k/reasoning_effort"


def follower(env):
    """Everybody takes the level above the one that the next provider took last, the highest being followed by 0."""
    fields, m, n = layout(env.game), env.game.market.num_levels, env.num_providers

    def act(observations):
        levels = np.rint(fields.read(observations, "public.level")[:, 0] * (m - 1)).astype(int)
        played = fields.read(observations, "played")[:, 0] > 0
        return np.where(played, (np.roll(levels, -1, axis=1) + 1) % m, np.arange(n) % m)

    return act


@pytest.fixture(scope="module")
def players():
    env = VectorMarket(load_market(NAME), "per_token", dtype="float64")
    act = follower(env)
    payoffs = payoff_table(StageGame(load_market(NAME), env.game.mechanism))
    return env, act, *tabulate(env, act, payoffs)


def test_the_table_plays_as_the_players_do(players):
    env, act, strategies, state = players
    observations = env.reset(0)[0]
    observations, rewards, *_, info = env.step(act(observations))
    for _ in range(12):
        assert strategies.payoffs.index(info["actions"][0]) == state
        observations, rewards, *_, info = env.step(act(observations))
        np.testing.assert_allclose(strategies.profits(state), rewards[0] * env.game.usd_per_reward)
        state = int(strategies.following[state])


def test_what_follows_a_deviation_is_what_play_shows_after_set_state(players):
    env, act, strategies, state = players
    found = impulse_responses(strategies, state, "best_response", 0.9, 4)
    cycle, deviator = strategies.cycle(state), 1
    if not found.exists[0, deviator]:
        pytest.skip("nobody deviates here")
    observations = env.reset(0)[0]
    observations, *_, info = env.step(act(observations))
    while strategies.payoffs.index(info["actions"][0]) != cycle[0]:
        observations, *_, info = env.step(act(observations))
    before, actions = env.get_state(), act(observations)
    env.step(actions)
    env.set_state(before)
    actions[0, deviator] = found.action[0, deviator]
    for t in range(4):
        observations, rewards, *_ = env.step(actions)
        np.testing.assert_allclose(found.profits[t, 0, deviator], rewards[0] * env.game.usd_per_reward)
        actions = act(observations)


def test_the_loss_is_that_of_the_best_of_all_plans(players):
    """Brute force over all plans of the first periods, and the table's own value from there."""
    _, _, strategies, state = players
    payoffs, discount, provider = strategies.payoffs, 0.3, 0
    found = solve_decision(strategies, provider, discount)

    def best(state, periods):
        if not periods:
            return found.best[state]
        rows = payoffs.rows_of(strategies.joint[state], provider)
        return max((1 - discount) * payoffs.profits[r, provider] + discount * best(r, periods - 1) for r in rows)

    assert best(state, 3) == pytest.approx(found.best[state])


def test_what_is_carried_over_cannot_be_tabulated(players):
    env = VectorMarket(NAME, dynamics="loyalty")
    with pytest.raises(ValueError, match="not all that can have happened"):
        tabulate(env, players[1], players[2].payoffs)
