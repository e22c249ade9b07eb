"""One session: learners on a market, from their first period to the strategies they end in, and what these are."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import ttc_env
from agents.compiled.q_learning import SessionConfig, learn_session
from train.sessions.regulation import Regulation
from train.sessions.spoken import Talk, talk_session
from train.sessions.trained import Training, train_session
from ttc_env import Market
from ttc_env.collusion import (
    KINDS,
    Benchmarks,
    Regulated,
    Responses,
    game_benchmarks,
    impulse_responses,
    payoff_table,
    price_actions,
    solve_decision,
    stability,
)
from ttc_env.describing import MarketDescription, describe
from ttc_env.equilibrium import StageGame
from ttc_env.equilibrium.regret import regrets_of_log
from ttc_env.mechanisms import make_mechanism

SHOWN = 16  # periods of an impulse response, the deviation the first
VARIANTS: dict[str, dict[str, Any]] = {"learners": {}, "no memory": {"memory": 0}, "no patience": {"discount": 0.0}}
"""the learners themselves, and the controls: who remembers nothing or wants nothing from tomorrow cannot punish"""


def literature(quality: float, cost: float, beta: float, firms: int = 2) -> Market:
    """Equal providers of one level; the list price is what it costs."""
    table = [[cost]] * firms
    return Market(["first", "second", "third", "fourth"][:firms], [1], [[quality]] * firms, table, table, beta=beta)


LITERATURE = {
    "bertrand-logit": literature(2.0, 1.0, 4.0),
    "bertrand-logit-3": literature(2.0, 1.0, 4.0, 3),
    "bertrand-logit-4": literature(2.0, 1.0, 4.0, 4),
    "common-value": literature(1.0, 0.0, 1.0),
}
"""markets of published studies: Calvano et al. 2020 (mu = 1 / beta), and auctions of a thing worth 1 to both"""


def published(description: MarketDescription) -> Market:
    """A market of `LITERATURE`, with the providers and the beta of a description.

    Raises:
        ValueError: the description says more than that.
    """
    market, given = LITERATURE[description.source], description.to_dict()
    more = [name for name in given if name not in ("source", "providers", "beta")]
    if more:
        raise ValueError(f"{more[0]} belongs to a table; {description.source} is as it was published")
    market = replace(market, beta=given.get("beta", market.beta))
    return market if description.providers is None else market.select(description.providers)


@dataclass(frozen=True)
class Setting:
    """A market, its rules, and what the providers may do."""

    market: str
    """its description as text"""
    mechanism: str
    options: str = "{}"
    """of the mechanism, as JSON"""
    beta: float | None = None
    actions: str = "all"
    tie_draws: int = 1
    regulation: Regulation = field(default_factory=Regulation)

    def load(self) -> StageGame:
        """The stage game.

        Raises:
            ValueError: an unknown market, provider or mechanism.
        """
        description = describe(self.market, **({} if self.beta is None else {"beta": self.beta}))
        market = published(description) if description.source in LITERATURE else description.load()
        return StageGame(market, make_mechanism(self.mechanism, **json.loads(self.options)))


class Tables(NamedTuple):
    """What a setting is, worked out once.

    game: its stage game.
    regulated: the payoff table that is played on, with the regulator's log.
    benchmarks: what collusion is measured against, that of the game without a regulator.
    """

    game: StageGame
    regulated: Regulated
    benchmarks: Benchmarks


@lru_cache(maxsize=4)
def tables(setting: Setting) -> Tables:
    """The tables of a setting.

    Raises:
        ValueError: what the game, its table or the regulator refuse.
    """
    game = setting.load()
    actions = price_actions(game) if setting.actions == "prices" else None
    payoffs = payoff_table(game, actions, setting.tie_draws)
    benchmarks = game_benchmarks(game, payoffs)
    return Tables(game, setting.regulation.apply(payoffs, benchmarks), benchmarks)


@dataclass(frozen=True)
class Cell:
    """What is run: the setting, how the providers learn, as themselves or as a control, and a seed."""

    setting: Setting
    config: SessionConfig | Training | Talk = field(default_factory=SessionConfig)
    variant: str = "learners"
    seed: int = 0

    @property
    def key(self) -> str:
        """Its name in a store."""
        return json.dumps(asdict(self), sort_keys=True)


def run_cell(cell: Cell, folder: Path = Path()) -> dict[str, Any]:
    """Learn, and measure what was learnt; all of the record follows from the cell alone.

    Args:
        cell: the session.
        folder: where players who are asked in words keep transcripts.
    """
    known = tables(cell.setting)
    if isinstance(cell.config, Talk):
        rows, told = talk_session(known.game, known.regulated.payoffs, cell.config, cell.seed, folder / "transcripts")
        untold = dict.fromkeys(("converged", "on_path", "off_path", "nash", "subgame_perfect", "interventions"))
        return _record(cell, known, rows) | untold | told
    return _tested(cell, known)


def _record(cell: Cell, found: Tables, rows: np.ndarray) -> dict[str, Any]:
    """What is known of joint actions that follow each other, `(T,)` rows of the table."""
    payoffs, benchmarks = found.regulated.payoffs, found.benchmarks
    profits = payoffs.profits[rows].mean(axis=0)
    external, swap = regrets_of_log(payoffs.deviations[rows], payoffs.joint_actions[rows])
    return {
        "cell": asdict(cell),
        "version": ttc_env.__version__,
        "cycle": payoffs.joint_actions[rows].tolist(),
        "profits": profits.tolist(),
        "gain": float(benchmarks.mean_profit_gain(profits)),
        "equilibrium_gain": _highest(benchmarks.mean_profit_gain(payoffs.profits[payoffs.equilibria])),
        "gains": benchmarks.profit_gain(profits).tolist(),
        "generalised_gain": float(benchmarks.generalised_profit_gain(profits)),
        "external_regret": _share(external, profits),
        "swap_regret": _share(swap, profits),
    }


def _tested(cell: Cell, found: Tables) -> dict[str, Any]:
    """A session that ends in strategies, and the tests of these."""
    game, regulated, benchmarks = found
    payoffs = regulated.payoffs
    config: SessionConfig | Training = replace(cell.config, **VARIANTS[cell.variant])  # type: ignore[assignment]
    if isinstance(config, Training):
        session = train_session(game, payoffs, config, cell.seed)
    else:
        session = learn_session(payoffs, config, cell.seed)
    strategies, state = session.strategies, session.state
    cycle = strategies.cycle(state)
    discounts = np.broadcast_to(config.discount, (payoffs.num_providers,))
    limit = stability(strategies, state, discounts)
    record = _record(cell, found, strategies.joint[cycle]) | {
        "periods": session.periods,
        "converged": session.converged,
        "on_path": limit.on_path.tolist(),
        "off_path": limit.off_path.tolist(),
        "nash": limit.nash,
        "subgame_perfect": limit.subgame_perfect,
        "interventions": regulated.interventions(strategies, state).tolist(),
    }
    if cell.variant == "learners":
        values = np.stack(
            [solve_decision(strategies, i, float(d)).value[cycle] for i, d in enumerate(discounts)], axis=1
        )
        record["deviations"] = {}
        for kind in KINDS:
            responses = impulse_responses(strategies, state, kind, float(discounts.mean()), SHOWN)
            record["deviations"][kind] = summarize(responses, values, benchmarks)
    return record


def summarize(responses: Responses, values: np.ndarray, benchmarks: Benchmarks) -> dict[str, Any]:
    """Means over the states of the cycle and the deviators for whom there is such a deviation."""
    there = responses.exists
    if not there.any():
        return {"exists": 0.0}
    change = (responses.profits - responses.usual) / (benchmarks.collusive - benchmarks.competitive).mean()
    own = np.einsum("tlii->tli", change)
    n = change.shape[-1]
    others = (change.sum(axis=-1) - own) / max(n - 1, 1)
    away = responses.away[there]
    return {
        "exists": float(there.mean()),
        "gain": float((responses.gain / np.abs(values))[there].mean()),
        "profitable": float((responses.gain[there] > 0).mean()),
        "punished": float(responses.punished[there].mean()),
        "returned": float(responses.returned[there].mean()),
        "away": None if np.isnan(away).all() else float(np.nanmean(away)),
        "own": own[:, there].mean(axis=1).tolist(),
        "others": others[:, there].mean(axis=1).tolist(),
    }


def _highest(gains: np.ndarray) -> float | None:
    """The highest of some gains; None where there are none."""
    return float(gains.max()) if len(gains) else None


def _share(regret: np.ndarray, profits: np.ndarray) -> float | None:
    """Regrets over what all providers earn and lose; None where that is nothing."""
    size = float(np.abs(profits).sum())
    return float(np.maximum(regret, 0.0).sum()) / size if size else None
