"""Several runs of PPO in one: each learns what it would learn alone."""

import numpy as np
import pytest
import torch

from agents.hyperparameters import PPOConfig
from agents.mappo import MAPPO
from agents.ppo import PPO
from ttc_env import VectorMarket

SEEDS = (3, 0, 7)


def markets(number, mechanism="per_token", **options):
    env = {"backend": "torch", "copy": False, "max_cycles": 20, "beta": 1000.0}
    return VectorMarket("gsm8k/majority_voting", mechanism, number, **env, **options)


@pytest.mark.parametrize(
    ("kind", "mechanism", "demand", "shared"),
    [
        (PPO, "per_token", "expected", False),
        (PPO, "per_token", 3, True),  # queries drawn from each run's own stream
        (PPO, "second_price", "expected", True),  # ties drawn, actions of several components
        (MAPPO, "second_price", 3, False),  # critics see the providers of their own run only
    ],
)
def test_each_run_learns_what_it_would_learn_alone(kind, mechanism, demand, shared):
    """Through truncations, up to rounding: products of more matrices at once may be rounded differently."""
    config = PPOConfig(hidden=(16,), shared=shared)
    together = kind(markets(3 * 4, mechanism, demand=demand), 50_000, SEEDS, config)
    alone = [kind(markets(4, mechanism, demand=demand), 50_000, seed, config) for seed in SEEDS]
    for _ in range(3):
        told = together.update_runs()
        for one, losses in zip(alone, told, strict=True):
            assert losses == pytest.approx(one.update(), rel=1e-3, abs=1e-5)
    observations, _ = markets(2, mechanism, demand=demand).reset(seed=1)
    for index, one in enumerate(alone):
        own = together.run(index)
        assert own.steps == one.steps
        for part, whole in (("policy", one.policy), ("critic", one.critic)):
            for mine, theirs in zip(getattr(own, part).parameters(), whole.parameters(), strict=True):
                torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-5)
        np.testing.assert_array_equal(own.act(observations, greedy=True), one.act(observations, greedy=True))
    differ = [run.policy.weights[0] for run in (together.run(0), together.run(1))]
    assert not torch.allclose(*differ)


def test_a_run_is_saved_as_one_that_learnt_alone_and_goes_on_alone():
    config = PPOConfig(hidden=(8,))
    together = PPO(markets(3 * 2), 50_000, SEEDS, config)
    together.update_runs()
    alone = PPO(markets(2), 50_000, SEEDS[1], config)
    alone.update()
    saved, expected = together.run(1).state_dict(), alone.state_dict()
    assert saved["steps"] == expected["steps"]
    for index, moments in expected["optimizer"]["state"].items():
        for name, value in moments.items():
            torch.testing.assert_close(saved["optimizer"]["state"][index][name], value, rtol=1e-3, atol=1e-6)
    fresh = PPO(markets(2), 50_000, SEEDS[1], config)
    fresh.load_state_dict(saved)
    fresh.update()
    assert fresh.steps == 2 * alone.steps


def test_a_run_that_was_taken_out_learns_on_with_the_others():
    together = PPO(markets(2 * 2), 50_000, (0, 1), PPOConfig(hidden=(8,)))
    run = together.run(1)
    before = run.policy.weights[0].clone()
    together.update_runs()
    assert not torch.equal(run.policy.weights[0], before)


def test_runs_that_cannot_share_the_markets_are_refused():
    for seeds in ((), (0, 1, 2)):
        with pytest.raises(ValueError, match="as many markets"):
            PPO(markets(4), 1000, seeds)
    with pytest.raises(ValueError, match="seed must be an integer >= 0"):
        PPO(markets(4), 1000, (0, -1))
    with pytest.raises(ValueError, match="too small a batch"):
        PPO(markets(2), 1000, (0, 1), PPOConfig(horizon=1))
