"""What skrl records is what the environments play, and what follows a cut counts, as far as it is told so."""

import gymnasium
import numpy as np
import pytest
import torch
from skrl.agents.torch.ppo.ppo import compute_gae

from tests.clients.checks import DRAWN, against_others, check, module_of, ways_to_act
from tests.clients.with_skrl import all_providers, ippo, one_provider, ppo, train

NAMES = {name: name for name in ("observations", "rewards", "terminated", "truncated")}
NAMES |= {"following": "next_observations", "actions": "actions"}


def listen(learner):
    """What a learner is given to record, step by step."""
    record, steps = learner.record_transition, []

    def listening(**step):
        steps.append({name: _copy(step[given]) for name, given in NAMES.items()})  # skrl adds to rewards afterwards
        record(**step)

    learner.record_transition = listening
    return steps


def _copy(values):
    parts = values.values() if isinstance(values, dict) else [values]
    return np.stack([part[0].numpy().copy() for part in parts])


def check_learning(models):
    assert all(torch.isfinite(weights).all() for model in models for weights in model.parameters())


@ways_to_act("multi_discrete", "box")
def test_one_provider(gymnasium_id, how):
    how = against_others(gymnasium_id, how)
    env = one_provider(gymnasium_id, seed=3, **how)
    learner = ppo(env)
    steps = listen(learner)
    train(learner, env, 64)
    check_learning(learner.models.values())
    found = {name: np.stack([step[name][0] for step in steps]) for name in NAMES}
    actions = found.pop("actions")
    if isinstance(env.action_space, gymnasium.spaces.Discrete):
        actions = actions[:, 0]
    check(found, gymnasium.make(gymnasium_id, **how), 3, actions)


@ways_to_act("multi_discrete", "box")
def test_all_providers(gymnasium_id, how):
    module, how = module_of(gymnasium_id), DRAWN | how
    env = all_providers(module, seed=3, **how)
    learner = ippo(env)
    steps = listen(learner)
    train(learner, env, 64)
    check_learning(model for models in learner.models.values() for model in models.values())
    found = {name: np.stack([step[name] for step in steps]) for name in NAMES}
    actions = found.pop("actions")
    assert actions.shape[:2] == (64, 9)
    check(found, module.parallel_env(**how), 3, actions[..., 0] if "action_type" not in how else actions)


def advantages(**how):
    """What an action at the end of an episode is worth where nothing but the next episode pays."""
    column = torch.zeros(4, 1)
    truncated = torch.tensor([[False], [True], [False], [False]])
    rewards = torch.tensor([[0.0], [0.0], [1.0], [0.0]])
    returns, _ = compute_gae(
        rewards=rewards, terminated=column.bool(), truncated=truncated, values=column, last_values=column[0], **how
    )
    return returns[:2]


def test_a_cut_ends_an_episode_where_its_end_is_bootstrapped_from():
    assert not advantages(time_limit_bootstrap=True).any()


@pytest.mark.xfail(strict=True, reason="skrl 2.1 does so only where `time_limit_bootstrap` is set, which it is not")
def test_a_cut_ends_an_episode():
    assert not advantages().any()


def test_the_same_seed_learns_the_same():
    def weights(seed):
        env = one_provider(seed=seed, **DRAWN)
        learner = ppo(env)
        train(learner, env, 64)
        return torch.cat([part.flatten() for part in learner.policy.parameters()])

    assert torch.equal(weights(0), weights(0))
    assert not torch.equal(weights(0), weights(1))
