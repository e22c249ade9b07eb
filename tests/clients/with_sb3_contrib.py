"""sb3-contrib: a recurrent PPO, or any other of its learners, for one provider against scripted ones."""

from sb3_contrib import RecurrentPPO
from stable_baselines3.common.env_util import make_vec_env


def train(
    gymnasium_id="ttc/PerToken-v0", learner=RecurrentPPO, policy="MlpLstmPolicy", steps=256, callback=None, **how
):
    """Learn for so many periods; `how` goes to the environment."""
    env = make_vec_env(gymnasium_id, n_envs=2, env_kwargs=how)
    model = learner(policy, env, n_steps=64, batch_size=64, gamma=0.9, seed=0, device="cpu")
    return model.learn(steps, callback=callback)


if __name__ == "__main__":
    model = train()
    print(f"learnt in {model.num_timesteps} periods")
