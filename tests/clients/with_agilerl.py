"""AgileRL: PPO for one provider against scripted ones, or independent PPO for all providers, who share a policy."""

from dataclasses import replace

import gymnasium
import numpy as np
import torch
from agilerl.algorithms import IPPO, PPO
from agilerl.rollouts import collect_rollouts
from agilerl.vector import PzDummyVecEnv

import ttc_env

LEARN = {"gamma": 0.9, "lr": 1e-3, "batch_size": 64, "update_epochs": 2, "device": "cpu"}


def one_provider(gymnasium_id="ttc/PerToken-v0", copies=2, **how):
    """One provider learns, the others play their equilibrium."""
    how = {"vectorization_mode": "vector_entry_point", "autoreset": "same_step"} | how
    return gymnasium.make_vec(gymnasium_id, copies, **how)


def all_providers(module=ttc_env.per_token_v0, market="gsm8k/majority_voting", **how):
    """Every provider learns. AgileRL takes no dots in names, and lets those share who differ in a number only."""
    market = ttc_env.load_market(market)
    market = replace(market, providers=[f"provider_{i}" for i in range(len(market.providers))])
    return PzDummyVecEnv(module.parallel_env(market, **how))


def train_one(envs, periods=100, seed=0):
    """Learn for so many periods in each copy of the environment."""
    torch.manual_seed(seed)
    steps = periods * envs.num_envs
    learner = PPO(
        envs.single_observation_space, envs.single_action_space, num_envs=envs.num_envs, learn_step=steps, **LEARN
    )
    seen, info = envs.reset(seed=[seed + copy for copy in range(envs.num_envs)])
    start = {"last_obs": seen, "last_done": np.zeros(envs.num_envs), "last_scores": np.zeros(envs.num_envs)}
    collect_rollouts(learner, envs, periods, last_info=info, **start)
    learner.learn()
    return learner


def train_all(env, periods=100, seed=0, hook=None):
    """Learn for so many periods. The loop is AgileRL's `train_multi_agent_on_policy`, which takes no seed."""
    torch.manual_seed(seed)
    agents = env.agents
    observation_spaces = [env.single_observation_space(agent) for agent in agents]
    action_spaces = [env.single_action_space(agent) for agent in agents]
    learner = IPPO(observation_spaces, action_spaces, agent_ids=agents, learn_step=periods, **LEARN)
    names = ("states", "actions", "log_probs", "rewards", "dones", "values")
    rollout = {name: {agent: [] for agent in agents} for name in names}
    seen, info = env.reset(seed=seed)
    done = {agent: np.zeros(1) for agent in agents}
    for _ in range(periods):
        action, log_prob, _, value = learner.get_action(seen, info)
        clipped = {agent: _clip(action[agent], space) for agent, space in zip(agents, action_spaces, strict=True)}
        following, reward, terminated, truncated, info = env.step(clipped)
        for name, values in zip(names, (seen, action, log_prob, reward, done, value), strict=True):
            for agent in agents:
                rollout[name][agent].append(values[agent])
        if hook:
            hook(seen, clipped, reward, terminated, truncated)
        done = {agent: (terminated[agent] | truncated[agent]).astype(float) for agent in agents}
        seen = following
    losses = learner.learn((*rollout.values(), seen, done))
    return learner, losses


def _clip(action, space):
    return np.clip(action, space.low, space.high) if isinstance(space, gymnasium.spaces.Box) else action


if __name__ == "__main__":
    train_one(one_provider())
    print(train_all(all_providers())[1])
