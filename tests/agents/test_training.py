"""Training ends where numbers end, and everything random depends on the seed of the run."""

from functools import partial

import numpy as np
import pytest
import torch

from agents import ALGORITHMS, make_learner
from agents.hyperparameters import DQNConfig, PPOConfig, SB3A2CConfig, SB3PPOConfig
from agents.training import NotFinite, advance
from ttc_env import VectorMarket

MAKE = partial(VectorMarket, "gsm8k/reasoning_effort", "per_token", 4, max_cycles=5)
LEARN_NOTHING = {"fixed", "random", "truthful", "nash", "best-response", "stage", "myopic", "constant"}
CERTAIN = LEARN_NOTHING - {"random"} | {"fictitious-play", "ucb"}
"""who does not explore at random"""


def spoil(state, number):
    """The same state, its first floating-point table holding one number that is not finite."""
    done = False

    def visit(value):
        nonlocal done
        if isinstance(value, dict):
            return {key: visit(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(visit(inner) for inner in value)
        if not done and isinstance(value, torch.Tensor) and value.is_floating_point() and value.numel():
            done = True
            value = value.clone()
            value.view(-1)[0] = number
        return value

    spoilt = visit(state)
    assert done
    return spoilt


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", sorted(set(ALGORITHMS) - LEARN_NOTHING - {"fictitious-play"}))
def test_what_is_not_finite_ends_training_and_is_named(name, number):
    learner = make_learner(name, MAKE, 2000, seed=0)
    advance(learner, 1)
    learner.load_state_dict(spoil(learner.state_dict(), number))
    with np.errstate(all="ignore"), pytest.raises((NotFinite, ValueError), match=r"update 2: .* is not finite|nan"):
        advance(learner, 2)


def test_a_gradient_that_is_not_finite_is_named():
    learner = make_learner("ppo", MAKE, 2000, seed=0)
    collect = learner._collect

    def spoilt():
        batch = collect()
        batch["returns"][0, 0] = float("nan")
        return batch

    learner._collect = spoilt
    with pytest.raises(NotFinite, match=r"update 7: \w+_loss is not finite"):
        advance(learner, 7)


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("ppo", PPOConfig(horizon=1)),
        ("mappo", PPOConfig(horizon=2, minibatches=3)),
        ("sb3-ppo", SB3PPOConfig(horizon=1, minibatches=4)),
    ],
)
def test_batches_that_are_too_small_are_refused(name, config):
    make = partial(VectorMarket, "gsm8k/reasoning_effort", "per_token", 1)
    with pytest.raises(ValueError, match="too small a batch"):
        make_learner(name, make, 100, 0, config=config)


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("ppo", PPOConfig(horizon=2, minibatches=1)),
        ("shared-ppo", PPOConfig(horizon=2, minibatches=6, shared=True)),
        ("reinforce", None),
        ("dqn", DQNConfig(horizon=1, batch=1)),
        ("sb3-a2c", SB3A2CConfig(horizon=1)),
    ],
)
def test_the_smallest_batches_are_computed(name, config):
    make = partial(VectorMarket, "gsm8k/reasoning_effort", "per_token", 1)
    learner = make_learner(name, make, 100, 0, config=config)
    for update in (1, 2):
        advance(learner, update)


@pytest.mark.parametrize("name", sorted(set(ALGORITHMS) - CERTAIN))
def test_what_is_explored_depends_on_the_seed(name):
    """Two learners that have learnt the same and differ in their seed alone act differently."""
    one, other, same = (make_learner(name, MAKE, 10**6, seed) for seed in (0, 1, 0))
    for learner in (other, same):
        learner.load_state_dict(one.state_dict())
    observations = VectorMarket("gsm8k/reasoning_effort", num_markets=64).reset(seed=0)[0]
    if name.startswith("sb3"):  # they draw from the generator of the process, seeded by the learner made last
        torch.manual_seed(0)
    acts = [learner.act(observations, greedy=False) for learner in (one, other)]
    assert not np.array_equal(*acts)
    if not name.startswith("sb3"):
        np.testing.assert_array_equal(acts[0], same.act(observations, greedy=False))
