"""Players judged at once, and play however it lies in memory: the figures of each by itself, to the last bit."""

import numpy as np
import pytest

from ttc_env import VectorMarket
from ttc_env.judging import judge, judge_each
from ttc_env.metrics import evaluate, replay

MECHANISMS = ("per_token", "second_price", "first_price", "posted_price")
PLAYERS = 6


def made(mechanism, number, demand):
    return VectorMarket("gsm8k/majority_voting", mechanism, number, demand=demand, dtype="float64")


def player(env, rng):
    """Some function of what is seen."""
    space = env.single_action_space
    sizes = getattr(space, "nvec", [getattr(space, "n", 0)])
    weights = rng.normal(size=(env.single_observation_space.shape[0], len(sizes)))

    def act(observations):
        actions = np.abs(observations @ weights * 37).astype(int) % sizes
        return actions if space.shape else actions[..., 0]

    return act


@pytest.mark.parametrize("demand", ["expected", 7])
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_players_judged_at_once_have_the_figures_of_each_alone(mechanism, demand):
    one, several = made(mechanism, 1, demand), made(mechanism, PLAYERS, demand)
    for trial in range(10):
        players = [player(one, np.random.default_rng((trial, k))) for k in range(PLAYERS)]

        def act(observations, players=players):
            return np.concatenate([play(observations[k : k + 1]) for k, play in enumerate(players)])

        assert judge_each(several, act, 10) == [judge(one, play, 10) for play in players]


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_figures_do_not_depend_on_how_actions_lie_in_memory(mechanism):
    env = made(mechanism, 1, "expected")
    for seed in range(40):
        actions = np.random.default_rng(seed).integers(0, 3, (10, *np.shape(env.single_action_space.sample()), 9))
        actions = np.moveaxis(actions, -1, 1)
        wide = np.repeat(actions, 5, axis=0)[::5]
        figures = evaluate(env, replay(env.market, env.game.mechanism, np.ascontiguousarray(actions)))
        for lying in (actions, np.asfortranarray(actions), wide):
            assert evaluate(env, replay(env.market, env.game.mechanism, lying)) == figures
