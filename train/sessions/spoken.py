"""A session of players who are asked in words: they are judged by what they played, and asked nothing twice.

Nobody can say what they would do after every past, so tests of strategies are left out, and so are controls without
memory or patience. What is left are profits, regrets, and how offers answer those of the period before.

Source: Fish, Gonczarowski and Shorrer 2024, arXiv:2404.00806 (the last 50 of 300 periods).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from agents import make_learner
from agents.frozen import check_opponents, find_opponents
from agents.training import advance
from ttc_env import VectorMarket
from ttc_env.checks import whole
from ttc_env.collusion import PayoffTable
from ttc_env.envs.seats import Seats
from ttc_env.equilibrium import StageGame
from ttc_env.metrics import evaluate_play, replay
from ttc_env.scripting.files import write_columns

LAST = 50
"""periods at the end that are looked at"""
KEPT = ("answers", "invalid_share", "fallback_share", "requests", "prompt_tokens", "completion_tokens", "cost_usd")


@dataclass(frozen=True)
class Talk:
    """How long, and against whom, players are asked."""

    algorithm: str
    config: Any
    """hyper-parameters; a `replay` among them is the folder of the transcripts of other sessions"""
    steps: int = 600
    """answers: periods x seats"""
    max_cycles: int = 300
    """periods until a conversation begins anew"""
    learners: tuple[str, ...] = ()
    opponents: str = "nash"

    def __post_init__(self) -> None:
        whole("steps", self.steps)
        whole("max_cycles", self.max_cycles)
        check_opponents(self.opponents)


def talk_session(
    game: StageGame, payoffs: PayoffTable, talk: Talk, seed: int, transcripts: Path
) -> tuple[np.ndarray, dict[str, Any]]:
    """Play; returns the last joint actions as rows of the table, `(T,)`, and what else is told of the play.

    Args:
        game: the stage game.
        payoffs: of all its actions.
        talk: how they are asked.
        seed: of the questions.
        transcripts: folder in which the session has one; what stands in its transcript is not asked again.
    """
    folder, config = transcripts / f"seed{seed}", talk.config
    folder.mkdir(parents=True, exist_ok=True)
    if getattr(config, "replay", ""):
        config = replace(config, replay=str(Path(config.replay) / folder.name))

    def make_env(**options: Any) -> Any:
        env = VectorMarket(game.market, game.mechanism, max_cycles=talk.max_cycles, **options)
        return Seats(env, talk.learners, find_opponents(talk.opponents)) if talk.learners else env

    player: Any = make_learner(talk.algorithm, make_env, talk.steps, seed, config=config)
    try:
        player.keep_in(folder)
        updates = 0
        while player.steps < talk.steps:
            updates += 1
            advance(player, updates)
    finally:
        player.close()
    actions, told = player.played(LAST), player.report()
    write_columns(folder / "path.csv", told["path"])
    shown = evaluate_play(game.market, game.mechanism, replay(game.market, game.mechanism, actions))
    slopes = [fit["rivals"] for fit in told["responsiveness"] if fit["rivals"] is not None]
    found = {name: told[name] for name in KEPT} | {
        "periods": updates,
        "relative_nash_conv": shown["relative_nash_conv"],
        "responsiveness": float(np.mean(slopes)) if slopes else None,
    }
    return payoffs.index(game.numbers(actions)), found
