"""What users would write or install instead: the peers that the throughput benchmark measures beside the suite."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from pettingzoo import ParallelEnv

import ttc_env
from ttc_env import Market
from ttc_env.envs import spaces


class HandWrittenEnv(ParallelEnv):
    """The obvious PettingZoo environment of per-token pricing: same observations, infos and checks, by hand."""

    metadata = {"name": "hand_written", "render_modes": []}  # noqa: RUF012
    render_mode = None

    def __init__(self, market: Market, max_cycles: int = 100) -> None:
        self.market, self.max_cycles = market, max_cycles
        self.possible_agents = list(market.providers)
        twin = ttc_env.VectorMarket(market)
        self.scale = twin.game.usd_per_reward
        self.spaces = {
            agent: (twin.single_observation_space, spaces.action_space(twin.game)) for agent in self.possible_agents
        }
        tables = (market.quality, market.price, market.cost)
        self.curves = [np.concatenate([table[i] for table in tables]) / market.unit for i in range(len(self.spaces))]
        self.rationality = np.log10(market.beta * market.unit)

    def observation_space(self, agent: str) -> Any:
        return self.spaces[agent][0]

    def action_space(self, agent: str) -> Any:
        return self.spaces[agent][1]

    def reset(self, seed: int | None = None, options: Any = None) -> tuple[dict, dict]:
        self.agents = self.possible_agents[:]
        self.period = 0
        self.levels = np.zeros(len(self.agents), dtype=int)
        self.shares, self.rewards = np.zeros(len(self.agents)), np.zeros(len(self.agents))
        return self.observe(), {agent: {} for agent in self.agents}

    def observe(self) -> dict[str, np.ndarray]:
        top = self.market.num_levels - 1
        return {
            agent: np.concatenate(
                [
                    self.curves[i],
                    [float(self.period > 0), self.levels[i] / top, self.rewards[i], self.rationality],
                    self.levels / top,
                    self.shares,
                ]
            ).astype(np.float32)
            for i, agent in enumerate(self.possible_agents)
        }

    def step(self, actions: dict[str, int]) -> tuple[dict, dict, dict, dict, dict]:
        market, rows = self.market, np.arange(len(self.agents))
        for agent in self.agents:
            if not self.action_space(agent).contains(actions[agent]):
                raise ValueError(f"action {actions[agent]!r} of {agent}")
        self.levels = np.array([actions[agent] for agent in self.agents])
        user_value, price = market.user_value[rows, self.levels], market.price[rows, self.levels]
        quality, cost = market.quality[rows, self.levels], market.cost[rows, self.levels]
        logits = market.beta * np.append(user_value, market.outside_value)
        weights = np.exp(logits - logits.max())
        shares = weights / weights.sum()
        self.shares = shares[:-1]
        utility = self.shares * (price - cost)
        self.rewards = utility / self.scale
        outside = shares[-1] * market.outside_value
        common = {
            "user_value": float((self.shares * user_value).sum() + outside),
            "welfare": float((self.shares * (quality - cost)).sum() + outside),
        }
        infos = {
            agent: {
                "level": int(self.levels[i]),
                "ask": float(price[i]),
                "claim": float(quality[i]),
                "share": float(self.shares[i]),
                "payment": float(self.shares[i] * price[i]),
                "utility": float(utility[i]),
                **common,
            }
            for i, agent in enumerate(self.agents)
        }
        self.period += 1
        over = self.period >= self.max_cycles
        rewards = {agent: float(self.rewards[i]) for i, agent in enumerate(self.agents)}
        ended, cut = dict.fromkeys(self.agents, False), dict.fromkeys(self.agents, over)
        if over:
            self.agents = []
        return self.observe(), rewards, ended, cut, infos


def supersuit_env(env: ParallelEnv, copies: int) -> Any:
    """`copies` of a parallel environment as a Stable-Baselines3 `VecEnv`, the way SuperSuit does it."""
    import supersuit

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = supersuit.pettingzoo_env_to_vec_env_v1(env)
        return supersuit.concat_vec_envs_v1(rows, copies, num_cpus=1, base_class="stable_baselines3")


def compiled_step(market: Market) -> Callable[[np.ndarray, dict[str, np.ndarray]], None]:
    """One period for levels `(B, n)` as a machine-code loop that writes full observations: the limit of this work."""
    import numba

    @numba.njit(fastmath=True)
    def step(levels, user_value, margin, beta, outside, top, shares, rewards, observations, first):  # type: ignore
        batch, n = levels.shape
        for b in range(batch):
            most = outside
            for i in range(n):
                most = max(most, beta * user_value[i, levels[b, i]])
            total = np.exp(outside - most)
            for i in range(n):
                shares[i, b] = np.exp(beta * user_value[i, levels[b, i]] - most)
                total += shares[i, b]
            for i in range(n):
                shares[i, b] /= total
                rewards[i, b] = shares[i, b] * margin[i, levels[b, i]]
        for i in range(n):
            for b in range(batch):
                observations[i, first, b] = 1.0
                observations[i, first + 1, b] = levels[b, i] * top
                observations[i, first + 2, b] = rewards[i, b]
            for j in range(n):
                for b in range(batch):
                    observations[i, first + 4 + j, b] = levels[b, j] * top
                for b in range(batch):
                    observations[i, first + 4 + n + j, b] = shares[j, b]

    single = np.float32
    tables = market.user_value.astype(single), market.margin.astype(single)
    numbers = single(market.beta), single(market.beta * market.outside_value), single(1 / (market.num_levels - 1))

    def run(levels: np.ndarray, room: dict[str, np.ndarray]) -> None:
        step(levels, *tables, *numbers, room["shares"], room["rewards"], room["observations"], 3 * market.num_levels)

    return run
