"""BenchMARL: independent PPO, or any other of its learners, for all providers, who share a policy."""

import importlib
import itertools
import tempfile

import gymnasium
from benchmarl.algorithms import IppoConfig
from benchmarl.environments.common import TaskClass
from benchmarl.experiment import Experiment, ExperimentConfig
from benchmarl.models.mlp import MlpConfig
from torchrl.envs import PettingZooWrapper


class Market(TaskClass):
    """An environment of the suite; `config` has the name of its module and options of `parallel_env`."""

    def make(self):
        """The environment itself."""
        options = dict(self.config)
        return importlib.import_module(f"ttc_env.{options.pop('module')}").parallel_env(**options)

    def get_env_fun(self, num_envs, continuous_actions, seed, device):
        """Each copy gets a seed of its own; BenchMARL has one for all."""
        seeds = itertools.count(seed)

        def wrapped():
            env = self.make()
            groups = {"providers": env.possible_agents}
            how = {"categorical_actions": True, "use_mask": False, "device": device}
            return PettingZooWrapper(env, group_map=groups, seed=next(seeds), **how)

        return wrapped

    def supports_continuous_actions(self):
        """Boxes."""
        env = self.make()
        return isinstance(env.action_space(env.possible_agents[0]), gymnasium.spaces.Box)

    def supports_discrete_actions(self):
        """Levels, and grids as far as a learner takes several choices at once."""
        return not self.supports_continuous_actions()

    def max_steps(self, env):
        """Periods of an episode."""
        return self.make().max_cycles

    def has_render(self, env):
        """Nothing is shown."""
        return False

    def group_map(self, env):
        """One group, of all."""
        return env.group_map

    def observation_spec(self, env):
        """What each provider sees."""
        specs = env.observation_spec.clone()
        for name in set(specs["providers"].keys()) - {"observation"}:
            del specs["providers", name]
        return specs

    def action_spec(self, env):
        """What each provider does."""
        return env.full_action_spec

    def info_spec(self, env):
        """Nothing else."""
        return None

    state_spec = action_mask_spec = info_spec

    @staticmethod
    def env_name():
        """The name in BenchMARL's records."""
        return "ttc"


def train(periods=200, seed=0, algorithm=IppoConfig, callbacks=(), **how):
    """Learn for so many periods in all, in two copies of the environment."""
    config = ExperimentConfig.get_from_yaml()
    config.gamma, config.lr = 0.9, 1e-3
    config.max_n_frames = config.on_policy_collected_frames_per_batch = periods
    config.on_policy_n_envs_per_worker, config.on_policy_n_minibatch_iters = 2, 2
    config.on_policy_minibatch_size = periods // 2
    config.evaluation, config.render, config.create_json, config.loggers = False, False, False, []
    task = Market("market", {"module": "per_token_v0"} | how)
    model = MlpConfig.get_from_yaml()
    with tempfile.TemporaryDirectory() as config.save_folder:  # BenchMARL writes its configuration down
        learner = algorithm.get_from_yaml()
        experiment = Experiment(task, learner, model, seed=seed, config=config, callbacks=list(callbacks))
        experiment.run()
    return experiment


if __name__ == "__main__":
    print(train().mean_return)
