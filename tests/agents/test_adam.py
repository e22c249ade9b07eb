"""Adam: what torch's own class does, for all of a stack or for a part, and without what that class loads."""

import pytest
import torch

from agents.parts.adam import Adam
from tests.helpers.scripts import run_python

SHAPES = ((3, 7, 5), (3, 1, 5), (3, 40, 64), (3, 64, 6))


def learnt(make, copies=slice(None), steps=12):
    """Parameters after some steps with falling step sizes."""
    start, random = torch.Generator().manual_seed(0), torch.Generator().manual_seed(1)
    parameters = [torch.nn.Parameter(torch.randn(shape, generator=start)[copies].clone()) for shape in SHAPES]
    optimizer = make(parameters)
    for t in range(steps):
        for p, shape in zip(parameters, SHAPES, strict=True):
            p.grad = torch.randn(shape, generator=random)[copies].clone()
        if isinstance(optimizer, Adam):
            optimizer.learning_rate = 0.01 / (t + 1)
        else:
            optimizer.param_groups[0]["lr"] = 0.01 / (t + 1)
        optimizer.step()
    return parameters, optimizer


@pytest.mark.parametrize("fused", [False, True])
def test_it_is_that_of_torch_to_the_last_bit(fused):
    mine, _ = learnt(lambda parameters: Adam(parameters, 0.01, eps=1e-5, fused=fused))
    theirs, _ = learnt(lambda parameters: torch.optim.Adam(parameters, 0.01, eps=1e-5, fused=fused))
    assert all(map(torch.equal, mine, theirs))


def test_some_of_the_networks_go_on_alone():
    """The state of a part, loaded elsewhere, is that of networks which were alone from the start."""
    _, together = learnt(lambda parameters: Adam(parameters, 0.01))
    _, alone = learnt(lambda parameters: Adam(parameters, 0.01), slice(1, 2))
    part = together.part(slice(1, 2))
    for mine, theirs in zip(part.state_dict().values(), alone.state_dict().values(), strict=True):
        assert all(map(torch.equal, mine, theirs))
    other = Adam([torch.zeros_like(p) for p in alone.parameters], 0.01)
    other.load_state_dict(part.state_dict())
    assert all(map(torch.equal, other.means, alone.means))
    other.means[0].zero_()
    assert alone.means[0].any(), "a loaded state is its own"


def test_training_loads_no_compiler():
    script = """
import sys
from agents import make_learner
from ttc_env import VectorMarket
def markets(**backend):
    return VectorMarket("gsm8k/majority_voting", num_markets=4, **backend)
for name in ("ppo", "dqn", "recurrent-ppo"):
    make_learner(name, markets, 1000, 0).update()
assert "torch._dynamo" not in sys.modules
"""
    done = run_python(script)
    assert done.returncode == 0, done.stderr
