"""Several runs of PPO in one: each learns what it would learn alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import agents
from agents import checkpoints, resuming
from agents.hyperparameters import PPOConfig
from agents.mappo import MAPPO
from agents.ppo import PPO
from ttc_env import VectorMarket

SEEDS = (3, 0, 7)


def markets(number, mechanism="per_token", **options):
    env = {"backend": "torch", "copy": False, "max_cycles": 20, "beta": 1000.0}
    return VectorMarket("gsm8k/majority_voting", mechanism, number, **env, **options)


def learned(learner):
    """Everything that was learnt, as arrays by name."""
    networks = {f"{part}.{k}": v for part in ("policy", "critic") for k, v in learner.state_dict()[part].items()}
    return {name: value.numpy(force=True) for name, value in networks.items()}


@pytest.mark.parametrize(
    ("kind", "mechanism", "options", "config"),
    [
        (PPO, "per_token", {}, PPOConfig()),
        (
            PPO,
            "per_token",
            {"demand": 3},
            PPOConfig(hidden=(12, 20), minibatches=3, epochs=2),
        ),  # each run's own queries
        (PPO, "per_token", {"dynamics": "loyalty"}, PPOConfig(hidden=(16,))),
        (PPO, "second_price", {"action_type": "box"}, PPOConfig(hidden=(16,))),
        (
            MAPPO,
            "second_price",
            {"demand": 3},
            PPOConfig(hidden=(16,)),
        ),  # critics see the providers of their own run only
        (MAPPO, "posted_price", {}, PPOConfig(hidden=(16,))),
    ],
)
@pytest.mark.parametrize("each", [4, 7])
def test_each_run_learns_to_the_last_bit_what_it_would_learn_alone(kind, mechanism, options, config, each):
    """Through truncations; 9 providers, so that runs begin in the midst of whatever is computed eight at a time."""
    assert kind.alike_together(config, 9)
    together = kind(markets(3 * each, mechanism, **options), 50_000, SEEDS, config)
    alone = [kind(markets(each, mechanism, **options), 50_000, seed, config) for seed in SEEDS]
    for _ in range(4):
        assert together.update_runs() == [one.update() for one in alone]
    for index, one in enumerate(alone):
        own = together.run(index)
        assert own.steps == one.steps
        theirs = learned(one)
        for name, mine in learned(own).items():
            np.testing.assert_array_equal(mine, theirs[name], err_msg=name)
    differ = [run.policy.weights[0] for run in (together.run(0), together.run(1))]
    assert not torch.allclose(*differ)


@pytest.mark.parametrize(
    ("mechanism", "demand", "config"),
    [
        ("per_token", 3, PPOConfig(hidden=(16,), shared=True)),
        ("second_price", "expected", PPOConfig(hidden=(16,), shared=True)),  # ties drawn, actions of several components
        ("second_price", "expected", PPOConfig(hidden=(33, 7))),
    ],
)
def test_other_runs_learn_what_they_would_learn_alone_but_for_rounding(mechanism, demand, config):
    assert not PPO.alike_together(config, 9)
    together = PPO(markets(3 * 4, mechanism, demand=demand), 50_000, SEEDS, config)
    alone = [PPO(markets(4, mechanism, demand=demand), 50_000, seed, config) for seed in SEEDS]
    for _ in range(3):
        for one, losses in zip(alone, together.update_runs(), strict=True):
            assert losses == pytest.approx(one.update(), rel=1e-3, abs=1e-5)
    observations, _ = markets(2, mechanism, demand=demand).reset(seed=1)
    for index, one in enumerate(alone):
        own, theirs = together.run(index), learned(one)
        for name, mine in learned(own).items():
            np.testing.assert_allclose(mine, theirs[name], rtol=1e-3, atol=1e-5, err_msg=name)
        np.testing.assert_array_equal(own.act(observations, greedy=True), one.act(observations, greedy=True))


@pytest.mark.parametrize("options", [{}, {"dynamics": "loyalty", "demand": 5}])
def test_a_run_is_kept_as_one_that_learnt_alone_and_goes_on_as_it(options, tmp_path):
    """The checkpoint of one of several is, byte for byte, that of the run alone."""
    config = PPOConfig(hidden=(8,))
    together, alone = (
        PPO(markets(3 * 2, **options), 50_000, SEEDS, config),
        PPO(markets(2, **options), 50_000, 0, config),
    )
    for _ in range(2):
        together.update_runs(), alone.update()
    files = [tmp_path / "part", tmp_path / "alone"]
    for file, run in zip(files, (together.run(1), alone), strict=True):
        checkpoints.write(file, resuming.get_state(run))
    assert files[0].read_bytes() == files[1].read_bytes()
    fresh = PPO(markets(2, **options), 50_000, 5, config)
    resuming.set_state(fresh, checkpoints.read(files[0]))
    assert [fresh.update(), fresh.update()] == [alone.update(), alone.update()]


def test_learners_that_take_several_seeds_say_so():
    for entry in agents.ALGORITHMS:
        kind = agents.find_class(entry)
        assert getattr(kind, "takes_seeds", False) == (issubclass(kind, PPO) and hasattr(kind, "update_runs")), entry
    assert not agents.find_class("recurrent-ppo").takes_seeds  # its memories are those of one run
    assert not PPO.alike_together(replace(PPOConfig(), shared=True), 9)
    assert not PPO.alike_together(PPOConfig(), 1)


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
