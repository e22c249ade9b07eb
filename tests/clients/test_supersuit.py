"""SuperSuit's wrappers change what they say and nothing else; its batches lose seeds and cuts, as stated here."""

import numpy as np
import pytest
import supersuit
from pettingzoo.test import parallel_api_test
from stable_baselines3 import PPO

from tests.clients.checks import DRAWN, PERIODS, check, each_id, module_of, play, ways_to_act
from tests.clients.with_supersuit import wrapped

ROUNDS = 2 * PERIODS


def actions_of(env, rng):
    for agent in env.possible_agents:
        env.action_space(agent).seed(int(rng.integers(1000)))
    return [[env.action_space(agent).sample() for agent in env.possible_agents] for _ in range(ROUNDS)]


@each_id
def test_wrappers_leave_rewards_flags_and_seeds_alone(gymnasium_id):
    module, env = module_of(gymnasium_id), wrapped(module_of(gymnasium_id), **DRAWN)
    parallel_api_test(env, num_cycles=20)
    plain = module.parallel_env(**DRAWN)
    actions = actions_of(plain, np.random.default_rng(0))
    played = play(env, 3, actions)
    found = {"rewards": played.rewards, "terminated": played.terminated, "truncated": played.truncated}
    check(found, plain, 3, actions)
    assert played.observations.min() >= 0
    assert played.observations.max() <= 1


@ways_to_act("multi_discrete", "box")
@pytest.mark.parametrize(
    "wrap",
    [
        supersuit.pad_observations_v0,
        supersuit.flatten_v0,
        lambda env: supersuit.reward_lambda_v0(env, lambda reward: reward),
        lambda env: supersuit.observation_lambda_v0(env, lambda seen, space: seen),
        lambda env: supersuit.nan_noop_v0(env, env.action_space(env.possible_agents[0]).sample()),
        lambda env: supersuit.delay_observations_v0(env, 0),
    ],
    ids=["pad", "flatten", "reward", "observation", "nan", "delay"],
)
def test_wrappers_that_change_nothing_change_nothing(gymnasium_id, how, wrap):
    module, how = module_of(gymnasium_id), DRAWN | how
    plain = module.parallel_env(**how)
    actions = actions_of(plain, np.random.default_rng(1))
    check(play(wrap(module.parallel_env(**how)), 3, actions)._asdict(), plain, 3, actions)


def rows(copies=2):
    env = supersuit.pettingzoo_env_to_vec_env_v1(module_of("ttc/PerToken-v0").parallel_env(**DRAWN))
    return supersuit.concat_vec_envs_v1(env, copies, num_cpus=1, base_class="stable_baselines3")


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_learning_over_supersuit():
    env = rows()
    model = PPO("MlpPolicy", env, n_steps=16, batch_size=16, gamma=0.9, device="cpu").learn(300)
    assert model.num_timesteps >= 300
    assert all(np.isfinite(weights.detach()).all() for weights in model.policy.parameters())


@pytest.mark.xfail(
    strict=True, reason="SuperSuit 3.11 has no `seed`, which Stable-Baselines3 calls", raises=AttributeError
)
@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_a_seed_of_the_learner_reaches_the_environments():
    PPO("MlpPolicy", rows(), seed=0, device="cpu")


@pytest.mark.xfail(strict=True, reason="SuperSuit 3.11 reports a cut without saying that it is one")
@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_a_cut_is_known_as_one():
    env = rows()
    env.reset()
    for _ in range(PERIODS):
        _, _, dones, infos = env.step(np.zeros(env.num_envs, dtype=int))
    assert dones.all()
    assert all(info["TimeLimit.truncated"] for info in infos)


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_copies_draw_for_themselves():
    env = rows()
    env.reset()
    rewards = np.array([env.step(np.zeros(env.num_envs, dtype=int))[1] for _ in range(PERIODS)])
    first, second = np.split(rewards, 2, axis=1)
    assert not np.array_equal(first, second)
