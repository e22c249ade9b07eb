"""One policy for every provider of any market under per-token pricing, learnt in markets that are drawn.

A provider knows its own margins; what it must learn is demand: which share it would have at each of its levels. Here
one small network reads that from the observation, the same for all providers, levels and numbers of them, and the
policy takes the level of greatest margin times share. It is trained by counterfactual feedback: what each level would
have earned in the period that the observation shows. So greedy play answers what the others did last, and simultaneous
answers climb to an equilibrium under per-token pricing (`agents.responses.BestResponse`, which knows the market).

Source: Zaheer et al. 2017, arXiv:1703.06114, theorem 2 (sums over a set, here the rivals).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple

import gymnasium
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import kl_div, logsigmoid

from agents.hyperparameters import ReaderConfig
from agents.parts.adam import Adam
from agents.parts.exploration import epsilon
from ttc_env import Market, VectorMarket
from ttc_env.equilibrium import draw_markets
from ttc_env.observing import USERS, Layout, layout

READ = ("own.quality", "own.price", "own.cost", "played", "own.level", USERS, "public.level", "public.share")
FAR = 60.0  # logits beyond which a share is none or all
LEAST, LEAST_OF_ONE = 1e-26, 1e-7  # where single precision still tells a share from none, and from all


class Reader:
    """Trains one policy in markets drawn around those of a `VectorMarket`, which it does not play in itself.

    Every update is an episode in newly drawn markets: curves as another measurement could have found them, some of the
    providers and levels, and mark-ups and users of every kind within the ranges of the configuration.

    Args:
        env: what it draws around, and how demand comes about.
        total_steps: agent steps in drawn markets over which exploration and learning rate decay.
        seed: of the network, the drawn markets, their chance and the actions.
        config: hyper-parameters.

    Raises:
        ValueError: markets in which offers are no levels at list prices, or which carry something over or hide it.
    """

    env_options = {"copy": False}  # noqa: RUF012
    resumes: ClassVar[tuple[str, ...]] = ("generator",)
    Config = ReaderConfig

    def __init__(self, env: Any, total_steps: int, seed: int = 0, config: ReaderConfig | None = None) -> None:
        self.config = config or ReaderConfig()
        self.env, self.total_steps, self.steps = env, total_steps, 0
        self.enter(env)
        self.markets: tuple[Market, ...] = getattr(env.market, "markets", (env.market,))
        self.generator = np.random.default_rng([seed, 1])
        env.reset(seed)
        self.network = Demand(self.config.hidden, torch.Generator().manual_seed(seed))
        self.optimizer = Adam(self.network.parameters(), self.config.learning_rate, fused=False)

    def enter(self, env: Any) -> None:
        """Read the observations of these markets from now on.

        Raises:
            ValueError: they do not show what is read, or more than levels is chosen, or something is carried over.
        """
        seen = layout(env.game)
        lacking = [name for name in READ if name not in seen.places]
        if lacking:
            raise ValueError(f"Reader plays per-token pricing; observations of this market lack {', '.join(lacking)}")
        if not isinstance(env.single_action_space, gymnasium.spaces.Discrete):
            raise ValueError(f"Reader plays per-token pricing, where offers are levels; got {env.single_action_space}")
        if env.game.dynamics is not None:
            raise ValueError(f"Reader answers last period, but {env.game.dynamics.name} make the next one another game")
        self.layout, self.seats = seen, np.asarray(env.seats)

    @property
    def epsilon(self) -> float:
        """Probability of a random level now."""
        return epsilon(self.config, self.steps, self.total_steps)

    def update(self) -> dict[str, float]:
        """Play an episode in newly drawn markets and learn from it; returns the mean loss and gradient norm."""
        reading, targets = self._collect()
        left = max(0.0, 1 - self.steps / self.total_steps)
        self.optimizer.learning_rate = self.config.learning_rate * left
        told = []
        for _ in range(self.config.epochs):
            order = torch.as_tensor(self.generator.permutation(len(targets)))
            told += [
                self._optimize(reading.rows(rows), targets[rows])
                for rows in order.tensor_split(self.config.minibatches)
            ]
        loss, norm = np.mean(told, axis=0)
        return {"loss": float(loss), "grad_norm": float(norm), "epsilon": self.epsilon}

    def act(self, observations: Any, greedy: bool = False) -> np.ndarray:
        """Levels for observations `(B, s, d)` of the markets entered last: explored, or the best known.

        Raises:
            ValueError: observations of markets of another size.
        """
        shape = np.shape(observations)
        if shape[1:] != (len(self.seats), self.layout.size):
            expected = f"(B, {len(self.seats)}, {self.layout.size})"
            raise ValueError(f"the markets entered have observations {expected}, got {shape}")
        return self._choose(observations, self.layout, self.seats, 0.0 if greedy else self.epsilon)

    def state_dict(self) -> dict[str, Any]:
        """Network, optimiser and progress."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "steps": self.steps,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.steps = state["steps"]

    def draw(self) -> list[Market]:
        """New markets, as many as are played at once and all of one size."""
        least = (min(getattr(one, size) for one in self.markets) for size in ("num_providers", "num_levels"))
        n, m = (int(self.generator.integers(min(2, most), most + 1)) for most in least)
        chosen, counts = np.unique(
            self.generator.integers(len(self.markets), size=self.env.num_markets), return_counts=True
        )
        return [
            self._vary(one, n, m)
            for number, count in zip(chosen, counts, strict=True)
            for one in draw_markets(self.markets[number], self.config.questions, count, self.generator)
        ]

    def _vary(self, market: Market, n: int, m: int) -> Market:
        """Some of the providers and levels of a market, with other mark-ups and users."""
        config, rng = self.config, self.generator
        rows, levels = rng.permutation(market.num_providers)[:n], np.sort(rng.permutation(market.num_levels)[:m])
        some = np.ix_(rows, levels)
        return replace(
            market,
            providers=[market.providers[i] for i in rows],
            levels=[market.levels[k] for k in levels],
            quality=market.quality[some],
            price=market.cost[some] * rng.uniform(*config.mark_up, (n, 1)),
            cost=market.cost[some],
            beta=10 ** rng.uniform(*config.rationality) / market.unit,
            tokens=None,
        )

    def _collect(self) -> tuple[Reading, Tensor]:
        """What is read of an episode's observations, and what each level would have earned, rows of both.

        An observation of last period goes with what the levels would have earned in it; the first observation, which
        shows no period, with what they would have earned in the first.
        """
        game, longer = self.env.game, self.config.horizon + 1  # so that no episode ends
        markets = VectorMarket(
            self.draw(), game.mechanism, demand=game.demand, max_cycles=longer, feedback="counterfactual"
        )
        seen, seats = layout(markets.game), markets.seats
        observations, _ = markets.reset(int(self.generator.integers(2**31)))
        readings, targets = [read(observations, seen, seats)], []
        for _ in range(self.config.horizon):
            levels = self._choose(observations, seen, seats, self.epsilon)
            observations, rewards, _, _, info = markets.step(levels)
            readings.append(read(observations, seen, seats))
            targets.append(torch.as_tensor(info["counterfactual"]).float())
            self.steps += rewards.size
        return Reading.joined(readings), torch.cat([targets[0], *targets]).flatten(0, 1)

    def _optimize(self, read: Reading, targets: Tensor) -> tuple[float, float]:
        """One optimiser step towards the relative payoffs of each row's levels; its loss and gradient norm."""
        found, wanted = (
            (relative(payoffs) / self.config.temperature).log_softmax(-1) for payoffs in (self.network(read), targets)
        )
        loss = kl_div(found, wanted, reduction="batchmean", log_target=True)
        self.optimizer.clear()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.config.max_grad_norm)
        self.optimizer.step()
        return float(loss.detach()), float(norm)

    @torch.no_grad()
    def _choose(self, observations: Any, seen: Layout, seats: np.ndarray, explore: float) -> np.ndarray:
        best = self.network(read(observations, seen, seats)).argmax(-1).numpy()
        if not explore:
            return best
        random = self.generator.integers(seen.places["own.quality"].stop, size=best.shape)
        return np.where(self.generator.random(best.shape) < explore, random, best)


class Reading(NamedTuple):
    """What is read of observations: of each own level, of each rival, and what a sale leaves.

    Attributes:
        levels: `(..., m, 8)`: value to users, and what it is more than that of last period's level; the provider's own
            odds of being chosen last period, users' rationality, and whether there was a period.
        rivals: `(..., n - 1, 3)`: level and odds of being chosen last period.
        margin: price less cost, in units of `answer_value`, `(..., m)`.
    """

    levels: Tensor
    rivals: Tensor
    margin: Tensor

    def rows(self, chosen: Tensor) -> Reading:
        """Some of the observations."""
        return Reading(*(part[chosen] for part in self))

    @classmethod
    def joined(cls, readings: list[Reading]) -> Reading:
        """Readings `(B, s, ...)` as rows of one."""
        return cls(*(torch.cat(parts).flatten(0, 1) for parts in zip(*readings, strict=True)))


def read(observations: Any, seen: Layout, seats: np.ndarray) -> Reading:
    """What is read of observations `(B, s, d)` with this layout by the providers of these indices."""
    given = torch.as_tensor(np.asarray(observations), dtype=torch.float32)
    quality, price, cost, played, own_level, users, level, share = (
        seen.read(given, name)
        for name in (
            "own.quality",
            "own.price",
            "own.cost",
            "played",
            "own.level",
            USERS,
            "public.level",
            "public.share",
        )
    )
    n, m = share.shape[-1], quality.shape[-1]
    value = 10**users * (quality - price)
    gained = played * (value - value.gather(-1, (own_level * (m - 1)).round().long()))
    share = share.clamp(LEAST, 1 - LEAST_OF_ONE)
    odds = played * (share.log() - torch.log1p(-share))
    own = torch.as_tensor(seats)[:, None]
    others = torch.arange(n).expand(len(own), -1)[torch.arange(n) != own].reshape(len(own), n - 1)
    own, others = (place.expand(len(given), -1, -1) for place in (own, others))
    row = torch.cat([*both_scales(odds.gather(-1, own)), users, played], dim=-1)
    levels = torch.stack([*both_scales(value), *both_scales(gained)], dim=-1)
    rivals = torch.stack([level, *both_scales(odds)], dim=-1)
    return Reading(
        torch.cat([levels, row[..., None, :].expand(-1, -1, m, -1)], dim=-1),
        rivals.gather(-2, others[..., None].expand(-1, -1, -1, rivals.shape[-1])),
        price - cost,
    )


def both_scales(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Logits in two forms that suit a network: in proportion, but for what is nearly certain, and by magnitude."""
    return logits.clamp(-FAR, FAR) / 10, logits.sign() * logits.abs().log1p()


def relative(payoffs: Tensor) -> Tensor:
    """Payoffs of the levels `(..., m)` over the largest of them, gain or loss."""
    return payoffs / payoffs.abs().amax(-1, keepdim=True).clamp(min=torch.finfo(payoffs.dtype).tiny)


class Demand(nn.Module):
    """What a provider would earn at each of its levels: its margin times the share that a network expects there."""

    def __init__(self, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.rival = perceptron([3, width, width], generator)
        self.level = perceptron([8 + width, width, width, 1], generator)

    def forward(self, reading: Reading) -> Tensor:
        """Margin times share, over the greatest share, `(..., m)`."""
        rivals = self.rival(reading.rivals).sum(-2)
        rivals = rivals[..., None, :].expand(*reading.levels.shape[:-1], -1)
        share = logsigmoid(self.level(torch.cat([reading.levels, rivals], dim=-1))[..., 0])
        return reading.margin * (share - share.amax(-1, keepdim=True)).exp()


def perceptron(sizes: Sequence[int], generator: torch.Generator) -> nn.Sequential:
    """Layers of these sizes with smooth units between them, orthogonal weights and no biases at first."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        linear = nn.Linear(inputs, outputs)
        nn.init.orthogonal_(linear.weight, 2**0.5, generator=generator)
        nn.init.zeros_(linear.bias)
        layers += [linear, nn.SiLU()]
    return nn.Sequential(*layers[:-1])
