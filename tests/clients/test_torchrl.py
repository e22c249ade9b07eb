"""TorchRL's tensors hold what the environments play, one provider or all of them, alone or several at once."""

import gymnasium
import numpy as np
import pytest
import torch
from torchrl.envs import GymWrapper, SerialEnv
from torchrl.envs.utils import check_env_specs

from tests.clients.checks import DRAWN, against_others, check, each_id, module_of, ways_to_act
from tests.clients.with_torchrl import all_providers, one_provider, train

FRAMES = 22


def found_in(played, group=()):
    """A recording by the names of `checks.Played`."""
    following = played["next"]
    names = {"rewards": "reward", "terminated": "terminated", "truncated": "truncated", "following": "observation"}
    found = {name: following[(*group, key)] for name, key in names.items()}
    return {
        name: values.numpy() for name, values in (found | {"observations": played[(*group, "observation")]}).items()
    }


def check_learning(played, losses):
    assert all(torch.isfinite(value).all() for value in losses.values())


@ways_to_act("multi_discrete", "box")
def test_one_provider(gymnasium_id, how):
    how = against_others(gymnasium_id, how)
    env = one_provider(gymnasium_id, **how)
    check_env_specs(env)
    env.set_seed(3)
    played, losses = train(env, FRAMES)
    check_learning(played, losses)
    check(found_in(played), gymnasium.make(gymnasium_id, **how), 3, played["action"].numpy())


@ways_to_act("multi_discrete", "box")
def test_all_providers(gymnasium_id, how):
    env = all_providers(module_of(gymnasium_id), **DRAWN, **how)
    check_env_specs(env)
    env.set_seed(3)
    played, losses = train(env, FRAMES)
    check_learning(played, losses)
    actions = played["providers", "action"].numpy()
    assert actions.shape[:2] == (FRAMES, 9)
    check(found_in(played, ("providers",)), module_of(gymnasium_id).parallel_env(**DRAWN, **how), 3, actions)


@each_id
def test_several_at_once(gymnasium_id):
    envs = SerialEnv(2, lambda: one_provider(gymnasium_id, **DRAWN))
    envs.set_seed(3)
    played = envs.rollout(12, break_when_any_done=False)
    rewards = played["next", "reward"].numpy()
    assert not (rewards.any() and np.array_equal(rewards[0], rewards[1]))  # whoever never sells earns 0 in both
    check(found_in(played[0]), gymnasium.make(gymnasium_id, **DRAWN), 3, played["action"][0].numpy())


def several(gymnasium_id, autoreset):
    how = {"vectorization_mode": "vector_entry_point", "autoreset": autoreset}
    return GymWrapper(gymnasium.make_vec(gymnasium_id, 2, **how, **DRAWN), categorical_action_encoding=True)


@pytest.mark.xfail(strict=True, reason="TorchRL 0.14 takes no batch that resets in the next step", raises=RuntimeError)
def test_the_vectorised_form_that_resets_in_the_next_step():
    several("ttc/PerToken-v0", "next_step")


@each_id
def test_the_vectorised_form(gymnasium_id):
    envs = several(gymnasium_id, "same_step")
    envs.set_seed(3)
    played = envs.rollout(12, break_when_any_done=False)
    assert played["next", "truncated"].any()
    assert not played["next", "terminated"].any()
    ended = played["next", "truncated"][..., 0].numpy()
    assert (ended.sum(axis=1) == 2).all()


def test_the_same_seed_plays_the_same():
    def rewards(seed):
        torch.manual_seed(0)
        env = all_providers(**DRAWN)
        env.set_seed(seed)
        return env.rollout(12)["next", "providers", "reward"]

    assert torch.equal(rewards(3), rewards(3))
    assert not torch.equal(rewards(3), rewards(4))
