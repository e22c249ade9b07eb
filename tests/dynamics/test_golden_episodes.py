"""Recorded episodes of every dynamics, replayed: what a seed gives never changes unnoticed.

To record anew, after a change that is meant: `python -m tests.dynamics.test_golden_episodes`.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from ttc_env import Mixture, VectorMarket, load_market
from ttc_env.dynamics import DYNAMICS, Availability, Capacity, Loyalty, Releases, Reputation

FILE = Path(__file__).with_name("golden.json")
MARKET = load_market("gpqa/best_of_n").select([1, 6, 8])
OTHER = load_market("gpqa/majority_voting").select([1, 6, 8])
EACH = {
    "loyalty": Loyalty(0.004),
    "reputation": Reputation(0.3, first=2),
    "capacity": Capacity(2, arrival=0.8, speed=1500.0),
    "releases": Releases([None, Mixture([MARKET, OTHER])], [[0.5, 0.5], [0.4, 0.6]]),
    "availability": Availability(0.6),
}
VARIANTS = [f"{name}-{demand}" for name in EACH for demand in ("expected", 5)]


def record(variant):
    """States, rewards and what is seen of twelve periods of two markets."""
    name, demand = variant.rsplit("-", 1)
    env = VectorMarket(
        MARKET, num_markets=2, demand=int(demand) if demand.isdigit() else demand, max_cycles=5, dtype="float64",
        dynamics=EACH[name],
    )  # fmt: skip
    env.reset(0)
    levels = np.random.default_rng(1).integers(MARKET.num_levels, size=(12, 2, 3))
    periods = []
    for chosen in levels:
        observations, rewards, _, truncated, info = env.step(chosen)
        seen = observations.mean(axis=(1, 2))
        periods.append(
            {"state": info["state"].tolist(), "rewards": rewards.tolist(), "seen": seen.tolist(),
             "welfare": info["outcome"].welfare.tolist(), "truncated": truncated.tolist()}
        )  # fmt: skip
    return periods


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_recorded_episode_is_replayed(variant):
    recorded = json.loads(FILE.read_text())[variant]
    for found, known in zip(record(variant), recorded, strict=True):
        for name, value in known.items():
            np.testing.assert_allclose(found[name], value, rtol=1e-9, atol=1e-12, err_msg=name)
    assert len({str(period["state"]) for period in recorded}) > 1


def test_every_dynamics_is_recorded():
    assert set(EACH) == set(DYNAMICS)
    assert set(json.loads(FILE.read_text())) == set(VARIANTS)


if __name__ == "__main__":
    FILE.write_text(json.dumps({variant: record(variant) for variant in VARIANTS}, indent=1) + "\n")
