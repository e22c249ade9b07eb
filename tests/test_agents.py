"""Learners: their pieces against plain arithmetic, and what theory says they must learn."""

import numpy as np
import pytest
import torch
from torch import nn

from agents.parts.distributions import Categoricals, Gaussian
from agents.parts.networks import StackedMLP
from agents.ppo import PPO, PPOConfig
from agents.sb3 import SB3PPO, SB3PPOConfig
from agents.vec_env import MarketVecEnv
from ttc_env import Market, VectorMarket, equilibrium, load_market
from ttc_env.metrics import evaluate, play


def constant_reward_market(backend):
    """One provider with one level whose reward is 1 in every period, cut every 5 periods."""
    market = Market(["only"], [1], [[1.0]], [[0.5]], [[0.25]], beta=1.0)
    reward = float(market.utility([0])[0])
    return VectorMarket(market, num_markets=16, max_cycles=5, reward_scale=reward, backend=backend)


@pytest.mark.long
def test_ppo_bootstraps_through_truncation():
    env = constant_reward_market("torch")
    steps = 100 * 32 * env.num_markets * env.num_providers  # the learning rate falls to zero: a constant one overshoots
    learner = PPO(env, steps, config=PPOConfig(gamma=0.9, learning_rate=1e-2, horizon=32, epochs=4))
    for _ in range(100):
        learner.update()
    assert learner.critic(learner.observations.transpose(0, 1)).mean().item() == pytest.approx(10, abs=0.01)


@pytest.mark.slow
def test_stable_baselines_bootstraps_through_truncation():
    env = constant_reward_market("numpy")
    learner = SB3PPO(env, config=SB3PPOConfig(learning_rate=1e-2))
    learner.vec_env.mean, learner.vec_env.deviation = 0.0, 1.0
    for _ in range(100):
        learner.update()
    observations = torch.as_tensor(env.reset(seed=0)[0][:, 0])
    assert learner.model.policy.predict_values(observations).mean().item() == pytest.approx(10, abs=0.3)


@pytest.mark.parametrize(("shared", "gap"), [(False, 1e-9), (True, 0.1)])
def test_ppo_learns_the_market(shared, gap):
    env = VectorMarket("gsm8k/majority_voting", num_markets=64, backend="torch")
    learner = PPO(env, 200_000, config=PPOConfig(shared=shared))
    while learner.steps < 200_000:
        learner.update()
    one = VectorMarket("gsm8k/majority_voting")
    figures = evaluate(one, play(one, lambda observations: learner.act(observations, greedy=True), 100))
    assert figures["relative_nash_conv"] < gap


def test_stacked_networks_are_separate_networks():
    generator = torch.Generator().manual_seed(0)
    stack = StackedMLP(3, [5, 8, 2], 1.0, generator)
    rows = torch.randn(3, 7, 5, generator=generator)
    for copy in range(3):
        first, second = nn.Linear(5, 8), nn.Linear(8, 2)
        for layer, weight, bias in zip((first, second), stack.weights, stack.biases, strict=True):
            layer.weight.data, layer.bias.data = weight[copy].T, bias[copy, 0]
        plain = nn.Sequential(first, nn.ReLU(), second)(rows[copy])
        torch.testing.assert_close(stack(rows)[copy], plain, rtol=1e-5, atol=1e-6)


def test_categoricals_agree_with_torch():
    distribution, outputs = Categoricals([3, 4]), torch.randn(1000, 7)
    actions = distribution.sample(outputs, torch.rand(1000, 2))
    log_prob, entropy = distribution.log_prob_and_entropy(outputs, actions)
    parts = [torch.distributions.Categorical(logits=part) for part in outputs.split([3, 4], dim=-1)]
    torch.testing.assert_close(log_prob, sum(p.log_prob(actions[:, k]) for k, p in enumerate(parts)))
    torch.testing.assert_close(entropy, sum(p.entropy() for p in parts))


def test_categorical_samples_have_their_probabilities():
    outputs = torch.tensor([0.1, 0.2, 0.7]).log().expand(100_000, 3)
    uniform = (torch.arange(100_000)[:, None] + 0.5) / 100_000
    counts = torch.bincount(Categoricals([3]).sample(outputs, uniform)[:, 0], minlength=3)
    torch.testing.assert_close(counts / 100_000, torch.tensor([0.1, 0.2, 0.7]), rtol=0, atol=1e-4)


def test_gaussian_agrees_with_torch():
    distribution, outputs = Gaussian(3), torch.randn(1000, 6)
    normal = torch.distributions.Normal(outputs[:, :3], outputs[:, 3:].clamp(-5, 0.5).exp())
    uniform = torch.rand(1000, 3).clamp(1e-3, 1 - 1e-3)
    actions = distribution.sample(outputs, uniform)
    torch.testing.assert_close(actions, normal.icdf(uniform), rtol=1e-4, atol=1e-4)
    log_prob, entropy = distribution.log_prob_and_entropy(outputs, actions)
    torch.testing.assert_close(log_prob, normal.log_prob(actions).sum(-1), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(entropy, normal.entropy().sum(-1))


@pytest.mark.parametrize("options", [{}, {"mechanism": "second_price"}, {"mechanism": "second_price", "demand": 5}])
def test_same_seed_same_learner_and_a_checkpoint_plays_on(options):
    def learner():
        return PPO(VectorMarket("gsm8k/reasoning_effort", num_markets=8, backend="torch", **options), 10_000)

    first, second = learner(), learner()
    assert [first.update() for _ in range(3)] == [second.update() for _ in range(3)]
    third = learner()
    third.load_state_dict(first.state_dict())
    observations = VectorMarket("gsm8k/reasoning_effort", num_markets=4, **options).reset(seed=0)[0]
    np.testing.assert_array_equal(first.act(observations, greedy=True), third.act(observations, greedy=True))


@pytest.mark.parametrize("action_type", ["multi_discrete", "box"])
def test_every_learner_bids_inside_the_space(action_type):
    options = {"mechanism": "second_price", "num_markets": 4, "action_type": action_type}
    learners = [
        PPO(VectorMarket("gsm8k/reasoning_effort", backend="torch", **options), 10_000),
        SB3PPO(VectorMarket("gsm8k/reasoning_effort", **options)),
    ]
    env = VectorMarket("gsm8k/reasoning_effort", **options)
    observations, _ = env.reset(seed=0)
    for learner in learners:
        learner.update()
        for greedy in (False, True):
            env.step(learner.act(observations, greedy))


def test_vec_env_keeps_every_row_of_the_market():
    env, plain = (VectorMarket("gsm8k/majority_voting", num_markets=3, max_cycles=2) for _ in range(2))
    rows = MarketVecEnv(env)
    rows.seed(7)
    np.testing.assert_array_equal(rows.reset().reshape(3, 9, -1), plain.reset(seed=7)[0])
    actions = np.random.default_rng(0).integers(0, 6, (2, 27))
    for t in range(2):
        observations, rewards, dones, infos = rows.step(actions[t])
        expected, wanted, _, truncations, info = plain.step(actions[t].reshape(3, 9))
        np.testing.assert_array_equal(observations.reshape(3, 9, -1), expected)
        np.testing.assert_array_equal(rewards.reshape(3, 9), wanted)
        np.testing.assert_array_equal(dones, np.repeat(truncations, 9))
    assert all(entry["TimeLimit.truncated"] for entry in infos)
    last = np.stack([entry["terminal_observation"] for entry in infos])
    np.testing.assert_array_equal(last.reshape(3, 9, -1), info["final_obs"])


def test_standardised_rewards_keep_every_best_response():
    market = load_market("gsm8k/majority_voting")
    rows = MarketVecEnv(VectorMarket(market, num_markets=64), standardize=True)
    rows.seed(0)
    rows.reset()
    profile = equilibrium.pure_nash(market)[0]
    for level in range(market.num_levels):
        deviation = np.tile(profile, (64, 1))
        deviation[:, 0] = level
        reward = rows.step(deviation.reshape(-1))[1].reshape(64, 9)[0, 0]
        utility = market.utility(deviation[0])[0] / rows.env.game.usd_per_reward
        assert reward == pytest.approx((utility - rows.mean[0]) / rows.deviation[0], rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("market", ["gsm8k/majority_voting", "gpqa/best_of_n", "gsm8k/reasoning_effort"])
def test_ten_seeds_reach_the_equilibrium(market):
    reached = 0
    for seed in range(10):
        learner = PPO(VectorMarket(market, num_markets=64, backend="torch"), 500_000, seed)
        while learner.steps < 500_000:
            learner.update()
        one = VectorMarket(market)
        figures = evaluate(one, play(one, lambda observations, act=learner.act: act(observations, greedy=True), 100))
        reached += figures["relative_nash_conv"] < 0.01 and figures["at_equilibrium"]
    assert reached >= 9
