"""tianshou: PPO for one provider against scripted ones, or deep Q-learning for all providers, each for itself."""

import gymnasium
import numpy as np
import torch
from tianshou.algorithm import DQN, PPO
from tianshou.algorithm.modelfree.dqn import DiscreteQLearningPolicy
from tianshou.algorithm.modelfree.reinforce import ProbabilisticActorPolicy
from tianshou.algorithm.multiagent.marl import MultiAgentOffPolicyAlgorithm
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Collector, VectorReplayBuffer
from tianshou.env import DummyVectorEnv, MultiDiscreteToDiscrete, PettingZooEnv
from tianshou.trainer import OffPolicyTrainerParams, OnPolicyTrainerParams
from tianshou.utils.net.common import Net
from tianshou.utils.net.continuous import ContinuousActorProbabilistic, ContinuousCritic
from tianshou.utils.net.discrete import DiscreteActor
from torch.distributions import Categorical, Independent, Normal

import ttc_env

QUIET = {"verbose": False, "show_progress": False}


def one_provider(gymnasium_id="ttc/PerToken-v0", **how):
    """One provider learns, the others play their equilibrium; a grid of actions becomes one choice."""
    env = gymnasium.make(gymnasium_id, **how)
    return MultiDiscreteToDiscrete(env) if isinstance(env.action_space, gymnasium.spaces.MultiDiscrete) else env


def all_providers(module=ttc_env.per_token_v0, **how):
    """Every provider learns; they act in turn, and a period is cleared when the last has acted."""
    return PettingZooEnv(module.env(**how))


def ppo(env):
    """PPO for levels or boxes."""
    seen = env.observation_space.shape

    def trunk():
        return Net(state_shape=seen, hidden_sizes=[64, 64])

    if isinstance(env.action_space, gymnasium.spaces.Box):
        actor = ContinuousActorProbabilistic(
            preprocess_net=trunk(), action_shape=env.action_space.shape, unbounded=True
        )
        draws, bounds = (lambda moments: Independent(Normal(*moments), 1)), {"action_bound_method": "clip"}
    else:
        actor = DiscreteActor(preprocess_net=trunk(), action_shape=env.action_space.n, softmax_output=False)
        draws, bounds = (
            (lambda logits: Categorical(logits=logits)),
            {"action_scaling": False, "action_bound_method": None},
        )
    policy = ProbabilisticActorPolicy(actor=actor, dist_fn=draws, action_space=env.action_space, **bounds)
    return PPO(
        policy=policy, critic=ContinuousCritic(preprocess_net=trunk()), optim=AdamOptimizerFactory(lr=1e-3), gamma=0.9
    )


def dqns(env, gamma=0.9):
    """Deep Q-learning for each provider: a period is as many steps of tianshou as there are providers."""
    turns = len(env.agents)

    def dqn():
        net = Net(state_shape=env.observation_space.shape, action_shape=env.action_space.n, hidden_sizes=[64, 64])
        policy = DiscreteQLearningPolicy(model=net, action_space=env.action_space, eps_training=0.1)
        optim = AdamOptimizerFactory(lr=1e-3)
        return DQN(policy=policy, optim=optim, gamma=gamma ** (1 / turns), n_step_return_horizon=turns)

    return MultiAgentOffPolicyAlgorithm(algorithms=[dqn() for _ in env.agents], env=env)


def seed_learning(seed):
    """tianshou draws from the global generators of torch and NumPy."""
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002


def collector(algorithm, make, copies=1, seed=0, hook=None):
    """Plays copies of an environment, each with a seed of its own."""
    envs = DummyVectorEnv([make] * copies)
    envs.seed(seed)
    return Collector(algorithm, envs, VectorReplayBuffer(10_000, copies), exploration_noise=True, on_step_hook=hook)


def train_one(periods=200, seed=0, hook=None, **how):
    """Learn for so many periods in all, in two copies of the environment."""
    seed_learning(seed)
    algorithm = ppo(one_provider(**how))
    played = collector(algorithm, lambda: one_provider(**how), copies=2, seed=seed, hook=hook)
    amount = {"max_epochs": 1, "epoch_num_steps": periods, "collection_step_num_env_steps": periods // 2}
    algorithm.run_training(OnPolicyTrainerParams(training_collector=played, **amount, **QUIET))
    return algorithm


def train_all(periods=100, seed=0, hook=None, **how):
    """Learn for so many periods, in each of which all providers take their turn."""
    seed_learning(seed)
    env = all_providers(**how)
    algorithm, steps = dqns(env), periods * len(env.agents)
    played = collector(algorithm, lambda: all_providers(**how), seed=seed, hook=hook)
    amount = {"max_epochs": 1, "epoch_num_steps": steps, "collection_step_num_env_steps": steps // 4}
    often = {"batch_size": 256, "update_step_num_gradient_steps_per_sample": 0.01}
    algorithm.run_training(OffPolicyTrainerParams(training_collector=played, **amount, **often, **QUIET))
    return algorithm


if __name__ == "__main__":
    train_one()
    train_all()
