"""PPO of RLlib, for one provider against scripted ones or for all providers, each with a policy of its own."""

from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.env.wrappers.pettingzoo_env import ParallelPettingZooEnv
from ray.tune.registry import register_env

import ttc_env


class Providers(ParallelPettingZooEnv):
    """All providers. RLlib 2.60 takes an episode for terminated where each agent is truncated by name, so none is."""

    def step(self, actions):
        *rest, truncated, infos = super().step(actions)
        return *rest, {"__all__": truncated["__all__"]}, infos


def ppo(seed=0):
    """A PPO in this process, with a small batch."""
    config = PPOConfig().env_runners(num_env_runners=0).debugging(seed=seed)
    return config.training(train_batch_size=200, minibatch_size=100, num_epochs=1, gamma=0.9)


def one_provider(gymnasium_id="ttc/PerToken-v0", config=None, **how):
    """One provider learns, the others play their equilibrium; `how` goes to the environment."""
    # with the name of the package in front the environment is known in RLlib's processes too
    return (config or ppo()).environment(f"ttc_env:{gymnasium_id}", env_config=how)


def all_providers(module=ttc_env.per_token_v0, config=None, **how):
    """Every provider learns for itself; RLlib takes no slash in the name of a policy, so policies are numbered."""
    register_env("market", lambda how: Providers(module.parallel_env(**how)))
    providers = module.parallel_env(**how).possible_agents
    policies = {provider: f"provider{i}" for i, provider in enumerate(providers)}
    config = (config or ppo()).environment("market", env_config=how)
    return config.multi_agent(
        policies=list(policies.values()), policy_mapping_fn=lambda agent, *_, **__: policies[agent]
    )


def train(config, rounds=1):
    """Learn for so many batches; returns the last figures."""
    algorithm = config.build_algo()
    for _ in range(rounds):
        figures = algorithm.train()
    algorithm.stop()
    return figures


if __name__ == "__main__":
    for config in (one_provider(), all_providers()):
        print(train(config)["env_runners"]["episode_return_mean"])
