"""The games of the dynamics once more, without arrays: plain loops over states, joint actions and what may follow."""

import itertools
import math
from dataclasses import dataclass

import numpy as np

import ttc_env
from ttc_env.dynamics import Availability, Capacity, Loyalty, Releases, Reputation


def random_market(rng, num_providers, num_levels, outside=True):
    """A market in which nobody is out of the running, of USD of order one."""
    names = [f"provider {i}" for i in range(num_providers)]
    shape = (num_providers, num_levels)
    price = np.sort(rng.uniform(0.05, 0.6, shape), axis=1)
    return ttc_env.Market(
        names,
        range(num_levels),
        quality=np.sort(rng.uniform(0.2, 1.0, shape), axis=1),
        price=price,
        cost=price / 1.25,
        beta=float(rng.choice([3.0, 10.0, 30.0])),
        outside_value=float(rng.choice([0.0, 0.1])) if outside else 0.0,
        tokens=np.sort(rng.uniform(100.0, 2000.0, shape), axis=1),
    )


def random_game(rng, kind, num_providers):
    """A small random game of one kind: market, dynamics and discount; at most four states with two providers."""
    top = 2 if kind == "reputation" and num_providers > 1 else 3
    market = random_market(rng, num_providers, int(rng.integers(2, top + 1)), outside=kind != "releases")
    if kind == "loyalty":
        dynamics = Loyalty(float(rng.uniform(0.0, 0.5)))
    elif kind == "reputation":
        dynamics = Reputation(float(rng.uniform(0.05, 1.0)), int(rng.integers(market.num_levels)))
    elif kind == "capacity":
        speed = tuple(rng.uniform(50.0, 3000.0, num_providers).tolist())
        dynamics = Capacity(1, float(rng.uniform(0.2, 1.0)), speed, float(rng.uniform(0.0, 0.2)))
    elif kind == "availability":
        dynamics = Availability(float(rng.uniform(0.1, 1.0)))
    else:
        size = int(rng.integers(1, 5))
        markets = [None, *(random_market(rng, *market.quality.shape, outside=False) for _ in range(size - 1))]
        dynamics = Releases(markets, rng.dirichlet(np.ones(size), size), int(rng.integers(size)))
    return market, dynamics, float(rng.choice([0.0, 0.5, 0.9, 0.95]))


@dataclass
class Naive:
    """Every state and joint action: profits, welfare, and the probability of each next state."""

    market: ttc_env.Market
    dynamics: object

    def __post_init__(self):
        n, m = self.market.quality.shape
        self.joint = list(itertools.product(range(m), repeat=n))
        if isinstance(self.dynamics, Loyalty):
            self.states, self.start = [*range(n), None], n
        elif isinstance(self.dynamics, Reputation):
            self.states, self.start = self.joint, self.joint.index((self.dynamics.first,) * n)
        elif isinstance(self.dynamics, Capacity):
            self.states, self.start = list(itertools.product(range(self.dynamics.queue + 1), repeat=n)), 0
        elif isinstance(self.dynamics, Availability):
            self.states, self.start = list(itertools.product([False, True], repeat=n)), 2**n - 1
        else:
            self.states, self.start = list(range(len(self.dynamics.markets))), self.dynamics.first
        shape = (len(self.states), len(self.joint))
        self.utility, self.welfare = np.zeros((*shape, n)), np.zeros(shape)
        self.next = np.zeros((*shape, len(self.states)))
        self.first = np.eye(len(self.states))[self.start]
        for s, state in enumerate(self.states):
            for a, levels in enumerate(self.joint):
                self.utility[s, a], self.welfare[s, a], following = self.play(state, levels)
                for other, probability in following:
                    self.next[s, a, self.states.index(other)] += probability
        if isinstance(self.dynamics, Availability):
            self.first = self.next[0, 0]

    def play(self, state, levels):
        """Profits, welfare, and a list of next states with probabilities."""
        d, market, v0, arrival = self.dynamics, self.market, self.market.outside_value, 1.0
        if isinstance(d, Releases) and d.markets[state] is not None:
            market = d.markets[state]
        n = market.num_providers
        quality = [float(market.quality[i, k]) for i, k in enumerate(levels)]
        price = [float(market.price[i, k]) for i, k in enumerate(levels)]
        cost = [float(market.cost[i, k]) for i, k in enumerate(levels)]
        open_for = [True] * n
        if isinstance(d, Loyalty) and state is not None:
            quality = [q - (0.0 if i == state else d.cost) for i, q in enumerate(quality)]
            v0 -= d.cost
        if isinstance(d, Capacity):
            arrival = d.arrival
            quality = [q - d.delay * b for q, b in zip(quality, state, strict=True)]
            open_for = [b < d.queue for b in state]
        if isinstance(d, Availability):
            open_for = state
        seen = [q - p for q, p in zip(quality, price, strict=True)]
        if isinstance(d, Reputation):
            seen = [float(market.quality[i, k] - market.price[i, k]) for i, k in enumerate(state)]
        weights = [math.exp(self.market.beta * (v - v0)) * there for v, there in zip(seen, open_for, strict=True)]
        shares = [arrival * w / (1 + sum(weights)) for w in weights]
        outside = arrival / (1 + sum(weights))
        profits = [s * (p - c) for s, p, c in zip(shares, price, cost, strict=True)]
        welfare = sum(s * (q - c) for s, q, c in zip(shares, quality, cost, strict=True)) + outside * v0
        return profits, welfare, list(self.follow(state, levels, shares, outside))

    def follow(self, state, levels, shares, outside):
        """Next states and their probabilities; a state may come more than once."""
        d, n = self.dynamics, self.market.num_providers
        if isinstance(d, Loyalty):
            yield from [*zip(range(n), shares, strict=True), (None, outside)]
        elif isinstance(d, Releases):
            yield from enumerate(d.matrix[state].tolist())
        elif isinstance(d, Availability):
            for there in self.states:
                yield there, math.prod(d.probability if one else 1 - d.probability for one in there)
        elif isinstance(d, Reputation):
            for renewed in itertools.product([False, True], repeat=n):
                chance = math.prod(d.rate if one else 1 - d.rate for one in renewed)
                yield tuple(k if one else r for one, k, r in zip(renewed, levels, state, strict=True)), chance
        else:
            tokens = [float(self.market.tokens[i, k]) for i, k in enumerate(levels)]
            finishing = [min(1.0, d.speed[i] / tokens[i]) if state[i] else 0.0 for i in range(n)]
            for finished in itertools.product([0, 1], repeat=n):
                chance = math.prod(f if one else 1 - f for one, f in zip(finished, finishing, strict=True))
                for who, share in [*enumerate(shares), (None, 1 - sum(shares))]:
                    if chance * share > 0:
                        left = (b - f + (i == who) for i, (b, f) in enumerate(zip(state, finished, strict=True)))
                        yield tuple(left), chance * share


def by_iteration(reward, following, discount):
    """Values `(S,)` of the best of `K` actions by value iteration: rewards `(S, K)`, next states `(S, K, S)`."""
    values = np.zeros(len(reward))
    while True:
        renewed = np.max(reward + discount * following @ values, axis=1)
        if np.max(np.abs(renewed - values)) < 1e-14:
            return renewed
        values = renewed
