"""The checkers of PettingZoo, Gymnasium and Stable-Baselines3 on every registered environment."""

import gymnasium
import pettingzoo
import pytest
from gymnasium.utils.env_checker import check_env
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, seed_test

import ttc_env
from tests.helpers.environments import MARKET, VARIANTS, each_variant
from ttc_env.registration import ENVIRONMENTS

pytestmark = [  # the checkers only warn where they could refuse; the last filter that fits decides
    pytest.mark.filterwarnings("error"),
    pytest.mark.filterwarnings("ignore:We recommend agents to be named"),  # agents are called as their models are
    pytest.mark.filterwarnings("ignore:Action space for each agent probably should be"),  # MultiDiscrete, by design
    pytest.mark.filterwarnings("ignore:.*No render fps"),  # there is only text to render
]


@each_variant
def test_pettingzoo_parallel(variant):
    parallel_api_test(variant.parallel(), num_cycles=20)
    parallel_seed_test(variant.parallel, num_cycles=10)


@each_variant
def test_pettingzoo_aec(variant):
    api_test(variant.aec(), num_cycles=20)
    seed_test(variant.aec, num_cycles=10)


@each_variant
def test_gymnasium(variant):
    env = gymnasium.make(variant.id, disable_env_checker=True, **variant.single_arguments({"render_mode": "ansi"}))
    check_env(env.unwrapped)


@each_variant
def test_stable_baselines3(variant):
    checker = pytest.importorskip("stable_baselines3.common.env_checker", reason="Stable-Baselines3 is not installed")
    checker.check_env(variant.single())


def test_the_variants_are_all_registered_environments():
    assert {variant.id for variant in VARIANTS} == set(ENVIRONMENTS)
    assert {"ttc/PerToken-v0", "ttc/SecondPrice-v0"} <= set(ENVIRONMENTS)
    for gymnasium_id, (_, module) in ENVIRONMENTS.items():
        assert module.endswith(f"_v{gymnasium.spec(gymnasium_id).version}")
        assert module in ttc_env.__all__


@each_variant
def test_the_pettingzoo_registry(variant):
    if not hasattr(pettingzoo, "make"):
        pytest.skip("this PettingZoo has no registry")
    for kind, own in (("parallel", variant.parallel), ("aec", variant.aec)):
        env = pettingzoo.make(kind, f"ttc/{variant.module}", **variant.arguments({}))
        assert type(env.unwrapped) is type(own().unwrapped)
        assert env.possible_agents == list(MARKET.providers)


@each_variant
@pytest.mark.parametrize("mode", ["vector_entry_point", "sync"])
def test_make_vec(variant, mode):
    envs = gymnasium.make_vec(variant.id, 3, vectorization_mode=mode, **variant.single_arguments({}))
    observations, _ = envs.reset(seed=1)
    assert envs.observation_space.contains(observations)
    for _ in range(8):
        observations, rewards, terminations, truncations, _ = envs.step(envs.action_space.sample())
        assert envs.observation_space.contains(observations)
        assert rewards.shape == terminations.shape == truncations.shape == (3,)
    envs.close()


def test_every_registered_environment_can_be_made_without_arguments():
    for gymnasium_id, (mechanism, module) in ENVIRONMENTS.items():
        env = gymnasium.make(gymnasium_id)  # with Gymnasium's own checks around it
        assert env.unwrapped.engine.game.mechanism.name == mechanism
        env.reset(seed=0)
        ends = [env.step(env.action_space.sample())[2:4] for _ in range(100)]
        assert ends == [(False, False)] * 99 + [(False, True)]
        assert getattr(ttc_env, module).parallel_env().metadata["name"] == module
        assert getattr(ttc_env, module).env().metadata["name"] == module
