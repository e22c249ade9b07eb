"""Small forms of what is large: many steps, many providers, many environments at once."""

import numpy as np
import pytest

import ttc_env
from tests.benchmarks import soak
from ttc_env import StageGame

PROVIDERS = 1000


@pytest.mark.parametrize("mechanism", ["per_token", "second_price"])
def test_nothing_drifts_and_nothing_is_kept(mechanism):
    found = soak.soak(mechanism, 40_000, num_markets=4)
    assert found["looks"] > 5
    assert found["different"] == 0
    assert found["kept"] <= soak.LEAK


def test_a_soak_notices_what_drifts(monkeypatch):
    step = ttc_env.VectorMarket.step
    steps = iter(range(10**6))
    late = 5 * soak.PERIODS

    def drifting(self, actions):
        observations, rewards, *rest = step(self, actions)
        return observations, rewards * (1 + 1e-15 * (next(steps) > late)), *rest

    monkeypatch.setattr(ttc_env.VectorMarket, "step", drifting)
    assert soak.soak("per_token", 40_000, num_markets=4)["different"] > 0


def test_a_thousand_providers_are_solved_and_played():
    rng = np.random.default_rng(0)
    tokens = rng.uniform(100, 200, (PROVIDERS, 1)) * 2.0 ** np.arange(6)
    price = rng.uniform(0.1, 1, (PROVIDERS, 1)) * 1e-6 * tokens
    quality = 0.008 * np.sort(rng.uniform(0, 1, (PROVIDERS, 6)), axis=1)
    cost, beta = price / 1.25, 1000.0
    market = ttc_env.Market([f"provider {i}" for i in range(PROVIDERS)], range(6), quality, price, cost, beta=beta)
    profile = np.array(StageGame(market).equilibrium())

    weight, margin = np.exp(beta * (quality - price)), price - cost
    played = np.arange(PROVIDERS), profile
    others = 1 + weight[played].sum() - weight[played]
    utility = weight * margin / (others[:, None] + weight)
    assert np.all(utility.max(axis=1) <= utility[played] * (1 + 1e-9))

    engine = ttc_env.VectorMarket(market, shared_record=True, dtype="float64", reward_scale=1.0)
    engine.reset(seed=0)
    np.testing.assert_allclose(engine.step(profile[None])[1][0], utility[played], rtol=1e-9)


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.long)])
def test_many_environments_live_at_once_and_apart(count):
    market = ttc_env.load_market("gsm8k/majority_voting", providers=[0, 3])

    def make(seed):
        env = ttc_env.per_token_v0.parallel_env(market=market, demand=50)
        env.reset(seed=seed)
        return env

    def rewards(env):
        return list(env.step(dict.fromkeys(env.agents, 1))[1].values())

    together = [make(seed) for seed in range(count)]
    first = [rewards(env) for env in together]
    assert len({tuple(one) for one in first}) > 10
    seeds = 0, count // 2, count - 1
    assert [first[seed] for seed in seeds] == [rewards(make(seed)) for seed in seeds]
