"""Learners of sb3-contrib see what the environment plays, and bootstrap through the cut of an episode."""

import gymnasium
import numpy as np
import pytest
from sb3_contrib import QRDQN, TRPO, RecurrentPPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env

from tests.clients.checks import DRAWN, against_others, check, ways_to_act
from tests.clients.with_sb3_contrib import train


class Recorder(BaseCallback):
    """Keeps what passes between learner and environments, and where the learner adds the value of what follows."""

    def __init__(self):
        super().__init__()
        self.steps, self.bootstrapped = [], []

    def _on_step(self):
        now = self.locals
        following = [
            info.get("terminal_observation", seen) for info, seen in zip(now["infos"], now["new_obs"], strict=True)
        ]
        cut = [info["TimeLimit.truncated"] for info in now["infos"]]
        self.steps.append(
            (now["clipped_actions"], now["rewards"].copy(), cut, now["dones"] & ~np.array(cut), following)
        )
        return True

    def _on_rollout_end(self):
        rewards = np.array([step[1] for step in self.steps[-self.model.n_steps :]])
        self.bootstrapped.append(np.abs(self.model.rollout_buffer.rewards - rewards) > 1e-9)


@pytest.mark.parametrize(("learner", "policy"), [(RecurrentPPO, "MlpLstmPolicy"), (TRPO, "MlpPolicy")])
@ways_to_act("multi_discrete", "box")
def test_rewards_flags_and_seeds(gymnasium_id, how, learner, policy):
    recorder, how = Recorder(), against_others(gymnasium_id, how)
    model = train(gymnasium_id, learner, policy, callback=recorder, **how)
    assert model.num_timesteps == 256
    actions, rewards, truncated, terminated, following = map(np.array, zip(*recorder.steps, strict=True))
    for copy in range(2):  # Stable-Baselines3 seeds one after the other
        found = {"rewards": rewards, "truncated": truncated, "terminated": terminated, "following": following}
        found = {name: values[:, copy] for name, values in found.items()}
        check(found, gymnasium.make(gymnasium_id, **how), copy, actions[:, copy])
    assert np.array_equal(np.concatenate(recorder.bootstrapped), truncated)
    assert all(np.isfinite(weights.detach()).all() for weights in model.policy.parameters())


def test_values_of_actions():
    env = make_vec_env("ttc/PerToken-v0", env_kwargs=DRAWN)
    model = QRDQN("MlpPolicy", env, gamma=0.9, learning_starts=50, buffer_size=300, seed=0, device="cpu").learn(300)
    buffer = model.replay_buffer
    assert buffer.timeouts.sum() == buffer.dones.sum() == 300 // DRAWN["max_cycles"]  # cut, so targets go on
    found = {"observations": buffer.observations, "rewards": buffer.rewards, "following": buffer.next_observations}
    check(found, gymnasium.make("ttc/PerToken-v0", **DRAWN), 0, buffer.actions[:, 0, 0])
