"""skrl: PPO for one provider against scripted ones, or independent PPO for all providers."""

import gymnasium
from skrl.agents.torch.ppo import PPO
from skrl.envs.wrappers.torch import wrap_env
from skrl.memories.torch import RandomMemory
from skrl.multi_agents.torch.ippo import IPPO
from skrl.trainers.torch import SequentialTrainer
from skrl.utils import set_seed
from skrl.utils.model_instantiators.torch import (
    categorical_model,
    deterministic_model,
    gaussian_model,
    multicategorical_model,
)

import ttc_env

ROLLOUTS = 32
# without the second a cut ends nothing: advantages run on into the next episode
LEARN = {"discount_factor": 0.9, "time_limit_bootstrap": True, "rollouts": ROLLOUTS}
WRITE_NOTHING = {"experiment": {"write_interval": 0, "checkpoint_interval": 0}}


def one_provider(gymnasium_id="ttc/PerToken-v0", seed=0, **how):
    """One provider learns, the others play their equilibrium; skrl seeds what is wrapped after `set_seed`."""
    set_seed(seed)
    return wrap_env(gymnasium.make(gymnasium_id, **how), wrapper="gymnasium")


def all_providers(module=ttc_env.per_token_v0, seed=0, **how):
    """Every provider learns for itself."""
    set_seed(seed)
    env = module.parallel_env(**how)
    # skrl reads what PettingZoo has given up for the functions of these names
    env.observation_spaces = {agent: env.observation_space(agent) for agent in env.possible_agents}
    env.action_spaces = {agent: env.action_space(agent) for agent in env.possible_agents}
    return wrap_env(env, wrapper="pettingzoo")


def models(observation_space, action_space):
    """Policy and value, for whatever actions the environment takes."""
    spaces = {"observation_space": observation_space, "action_space": action_space, "device": "cpu"}
    network = [{"name": "net", "input": "OBSERVATIONS", "layers": [64, 64], "activations": "relu"}]
    if isinstance(action_space, gymnasium.spaces.Box):
        policy = gaussian_model(**spaces, clip_actions=True, network=network, output="ACTIONS")
    elif isinstance(action_space, gymnasium.spaces.MultiDiscrete):
        policy = multicategorical_model(**spaces, network=network, output="ACTIONS")
    else:
        policy = categorical_model(**spaces, network=network, output="ACTIONS")
    return {"policy": policy, "value": deterministic_model(**spaces, network=network, output="ONE")}


def ppo(env):
    """One learner."""
    spaces = {"observation_space": env.observation_space, "action_space": env.action_space}
    memory = RandomMemory(memory_size=ROLLOUTS, num_envs=1, device="cpu")
    return PPO(models=models(**spaces), memory=memory, **spaces, device="cpu", cfg=LEARN | WRITE_NOTHING)


def ippo(env):
    """A learner for each provider."""
    agents = env.possible_agents
    # skrl 2.1 takes what these are by default, an empty dictionary, for one of too few agents, and refuses it
    options = ("observation_preprocessor", "state_preprocessor", "value_preprocessor", "learning_rate_scheduler")
    none = {f"{option}_kwargs": {agent: {} for agent in agents} for option in options}
    return IPPO(
        possible_agents=agents,
        models={agent: models(env.observation_space(agent), env.action_space(agent)) for agent in agents},
        memories={agent: RandomMemory(memory_size=ROLLOUTS, num_envs=1, device="cpu") for agent in agents},
        observation_spaces=env.observation_spaces,
        state_spaces=env.state_spaces,
        action_spaces=env.action_spaces,
        device="cpu",
        cfg=LEARN | WRITE_NOTHING | none,
    )


def train(learner, env, periods=200):
    """Learn for so many periods."""
    options = {"timesteps": periods, "headless": True, "disable_progressbar": True}
    SequentialTrainer(env=env, agents=learner, cfg=options).train()


if __name__ == "__main__":
    for make, env in ((ppo, one_provider()), (ippo, all_providers())):
        train(make(env), env)
