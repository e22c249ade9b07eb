"""The formulas of policy gradients on batches made by hand."""

import math

import numpy as np
import pytest
import torch
from torch import tensor

from agents.hyperparameters import PPOConfig
from agents.parts.networks import StackedMLP, clip_each, gradient_norms
from agents.parts.policy_gradient import clipped_gain, generalised_advantages, squared_error, standardised
from agents.ppo import PPO
from ttc_env import VectorMarket


@pytest.mark.parametrize(
    ("ratio", "advantage", "gain"),
    [
        (1.0, 2.0, 2.0),
        (1.5, 2.0, 2.4),  # a good action is not rewarded beyond the clip
        (0.5, 2.0, 1.0),  # and counts in full where it has become less likely
        (1.5, -2.0, -3.0),  # a bad action counts in full where it has become more likely
        (0.5, -2.0, -1.6),  # and is not rewarded beyond the clip
    ],
)
def test_the_gain_is_clipped_where_it_would_be_rewarded(ratio, advantage, gain):
    assert clipped_gain(tensor(ratio), tensor(advantage), 0.2).item() == pytest.approx(gain)
    assert clipped_gain(tensor(ratio), tensor(advantage), math.inf).item() == pytest.approx(ratio * advantage)


def test_advantages_are_discounted_sums_of_errors_cut_where_episodes_end():
    """Three periods of one market, two providers; the second period ends an episode."""
    rewards = tensor([[[1.0, 0.0]], [[2.0, 0.0]], [[4.0, 1.0]]])
    values = tensor([[[0.5, 0.0]], [[1.0, 0.0]], [[2.0, 0.0]]])
    following = tensor([[[1.0, 0.0]], [[3.0, 0.0]], [[5.0, 2.0]]])  # after the second, of its last state
    ended = tensor([[False], [True], [False]])[..., None]
    found = generalised_advantages(rewards, values, following, ended, gamma=0.5, decay=0.25)
    last = 4 + 0.5 * 5 - 2
    second = 2 + 0.5 * 3 - 1
    first = 1 + 0.5 * 1 - 0.5 + 0.125 * second
    np.testing.assert_allclose(found[:, 0, 0], [first, second, last])
    np.testing.assert_allclose(found[:, 0, 1], [0.0, 0.0, 1 + 0.5 * 2])


def test_advantages_of_each_provider_are_standardised_by_themselves():
    rng = torch.Generator().manual_seed(0)
    advantages = torch.randn((5, 7, 2), generator=rng) * tensor([1.0, 100.0]) + tensor([3.0, -50.0])
    found = standardised(advantages)
    for provider in range(2):
        rows = advantages[..., provider].flatten()
        expected = (rows - rows.mean()) / (rows.std() + 1e-8)
        torch.testing.assert_close(found[..., provider].flatten(), expected)


def test_the_value_loss_is_half_the_squared_error():
    assert squared_error(tensor([[1.0, 3.0]]), tensor([[0.0, 1.0]])).tolist() == [0.5 * (1 + 4) / 2]


def test_each_network_has_its_gradient_clipped_by_itself():
    network = StackedMLP(2, [3, 4, 1], 1.0, torch.Generator().manual_seed(0))
    parameters = list(network.parameters())
    (network(torch.ones(2, 5, 3)) * tensor([0.01, 100.0])[:, None, None]).sum().backward()
    before = [p.grad.clone() for p in parameters]
    norms = [math.sqrt(sum(float(g[copy].pow(2).sum()) for g in before)) for copy in range(2)]
    assert norms[0] < 0.5 < norms[1]
    torch.testing.assert_close(clip_each(parameters, 0.5), tensor(norms))
    torch.testing.assert_close(gradient_norms(parameters), tensor([norms[0], 0.5]), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(parameters[0].grad[0], before[0][0])


def test_one_step_of_ppo_is_the_gradient_of_its_loss():
    """The loss once more, provider by provider, on a batch made by hand; the entropy bonus decays with `left`."""
    config = PPOConfig(hidden=(8,), entropy=0.1, value=0.7, clip=0.2, max_grad_norm=1e9, learning_rate=1e-3)
    learner = PPO(VectorMarket("gsm8k/reasoning_effort", num_markets=4, backend="torch"), 10_000, config=config)
    rng = torch.Generator().manual_seed(1)
    n, rows, d = 3, 6, learner.observations.shape[-1]
    batch = {
        "observations": torch.randn((n, rows, d), generator=rng),
        "critic_inputs": torch.randn((n, rows, d), generator=rng),
        "actions": torch.randint(0, 5, (n, rows, 1), generator=rng),
        "log_probs": -2 * torch.rand((n, rows), generator=rng),
        "advantages": torch.randn((n, rows), generator=rng),
        "returns": torch.randn((n, rows), generator=rng),
    }
    total = torch.zeros(())
    for i in range(n):
        log_probs = torch.log_softmax(learner.policy(batch["observations"])[i], dim=-1)
        entropy = -(log_probs.exp() * log_probs).sum(-1).mean()
        ratio = (log_probs[range(rows), batch["actions"][i, :, 0]] - batch["log_probs"][i]).exp()
        pairs = zip(ratio.tolist(), batch["advantages"][i].tolist(), strict=True)
        gains = [min(r * a, min(max(r, 0.8), 1.2) * a) for r, a in pairs]
        surrogate = torch.min(ratio * batch["advantages"][i], ratio.clamp(0.8, 1.2) * batch["advantages"][i])
        np.testing.assert_allclose(surrogate.detach(), gains, rtol=1e-5)
        error = (learner.critic(batch["critic_inputs"])[i, :, 0] - batch["returns"][i]) ** 2
        total = total - surrogate.mean() + 0.7 * 0.5 * error.mean() - 0.1 * 0.25 * entropy
    expected = torch.autograd.grad(total, learner.parameters)
    learner._optimize(batch, left=0.25)
    for parameter, gradient in zip(learner.parameters, expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-4, atol=1e-6)


def test_what_follows_the_end_of_an_episode_is_the_value_of_its_last_state(monkeypatch):
    """Two copies, episodes of two periods: after each second one the value of `final_obs`, not of the next start."""
    env = VectorMarket("gsm8k/reasoning_effort", num_markets=2, max_cycles=2, backend="torch")
    learner, seen, given = PPO(env, 10_000, config=PPOConfig(horizon=4, minibatches=1, hidden=(8,))), [], []

    def step(actions, real=env.step):
        seen.append(real(actions))
        return seen[-1]

    def advantages(*arguments):
        given.extend(arguments)
        return generalised_advantages(*arguments)

    monkeypatch.setattr(env, "step", step)
    monkeypatch.setattr("agents.ppo.generalised_advantages", advantages)
    learner._collect()
    following, ended = given[2], given[3]
    assert ended[:, 0, 0].tolist() == [False, True, False, True]
    for t, (observations, *_, info) in enumerate(seen):
        reached = info["final_obs"] if ended[t].all() else observations
        expected = learner.critic(reached.transpose(0, 1))[..., 0].T
        torch.testing.assert_close(following[t], expected)
    assert not torch.allclose(following[1], learner.critic(seen[1][0].transpose(0, 1))[..., 0].T)
