"""A single file in the style of CleanRL: PPO for one provider in a batch of markets, nothing but Gymnasium and torch.

An episode is cut, never over, so the value of the last observation stands for what would have come.
"""

import gymnasium
import torch
from torch.distributions import Categorical, Independent

import ttc_env  # noqa: F401  (its environments are registered by this)

GAMMA, LAMBDA = 0.9, 0.95


def layers(inputs, outputs):
    """A hidden layer of 64."""
    return torch.nn.Sequential(torch.nn.Linear(inputs, 64), torch.nn.Tanh(), torch.nn.Linear(64, outputs))


def train(gymnasium_id="ttc/PerToken-v0", updates=5, num_envs=8, periods=16, seed=0, **options):
    """PPO over `updates` of `num_envs * periods` periods; returns the networks, the last batch, its loss."""
    torch.manual_seed(seed)
    how = {"vectorization_mode": "vector_entry_point", "autoreset": "same_step", **options}
    envs = gymnasium.make_vec(gymnasium_id, num_envs, **how)
    space = envs.single_action_space
    sizes = torch.tensor(space.nvec.tolist() if hasattr(space, "nvec") else [int(space.n)])
    impossible = torch.arange(int(sizes.max())) >= sizes[:, None]
    inputs = envs.single_observation_space.shape[0]
    actor, critic = layers(inputs, impossible.numel()), layers(inputs, 1)
    optimizer = torch.optim.Adam([*actor.parameters(), *critic.parameters()], 1e-3)

    def policy(seen):
        logits = actor(seen).unflatten(-1, impossible.shape).masked_fill(impossible, -torch.inf)
        return Independent(Categorical(logits=logits), 1)

    observation, _ = envs.reset(seed=[seed + i for i in range(num_envs)])
    for _ in range(updates):
        steps = []
        for _ in range(periods):
            now = torch.as_tensor(observation)
            with torch.no_grad():
                chosen = policy(now).sample()
            given = chosen.numpy() if hasattr(space, "nvec") else chosen[:, 0].numpy()
            observation, reward, terminated, truncated, info = envs.step(given)
            last = torch.as_tensor(info.get("final_obs", observation))
            ended = torch.as_tensor(truncated)[:, None]
            following = torch.where(ended, last, torch.as_tensor(observation))
            row = (now, chosen, reward, terminated, truncated, following)
            steps.append([torch.as_tensor(part) for part in row])
        seen, action, reward, terminated, truncated, following = map(torch.stack, zip(*steps, strict=True))
        with torch.no_grad():
            old = policy(seen).log_prob(action)
            value, ahead = critic(seen)[..., 0], critic(following)[..., 0]
            error = reward.float() + GAMMA * ahead * ~terminated - value
            advantage, running = torch.zeros_like(value), torch.zeros(num_envs)
            for t in reversed(range(periods)):
                running = error[t] + GAMMA * LAMBDA * running * ~(terminated | truncated)[t]
                advantage[t] = running
            target, advantage = advantage + value, (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        for _ in range(4):
            now = policy(seen)
            ratio = (now.log_prob(action) - old).exp()
            gain = torch.minimum(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage).mean()
            loss = ((critic(seen)[..., 0] - target) ** 2).mean() / 2 - gain - 0.01 * now.entropy().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    batch = (seen, action, reward, terminated, truncated, following)
    return actor, critic, batch, float(loss)


if __name__ == "__main__":
    print(f"loss {train()[-1]:.3f}")
