"""A test market without anything that is carried over: what is played in some periods is judged by the stage game."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from ttc_env.equilibrium import StageGame, Unanswered
from ttc_env.evaluation.course import Act, Course, Enter, Figures, against_rivals
from ttc_env.evaluation.frozen import FrozenPlay, cross_play
from ttc_env.evaluation.population import load_population
from ttc_env.market import Market
from ttc_env.metrics import evaluate_play, stage_game
from ttc_env.opponents import Recorded
from ttc_env.playing import record_play, replay

SAMPLED_MARKETS, SAMPLED_PERIODS = 4, 25  # of the exploring play: 100 joint actions
FROZEN_MARKETS, FROZEN_PERIODS = 4, 16  # of the play that is kept
HELD_OUT_PERIODS = 20


class StageCourse(Course):
    """A market whose periods are one game, whatever was played before."""

    market: Market

    @property
    def game(self) -> StageGame:
        """What is known of one period."""
        return stage_game(self.market, self.mechanism)

    @cached_property
    def random_nash_conv(self) -> float:
        """NashConv of uniformly random play, USD.

        Raises:
            ValueError: it is zero: nobody's actions matter, and there is nothing to score.
        """
        gap = float(self.game.uniform_nash_conv().total)
        if gap == 0:
            raise ValueError(f"nothing can be scored in {self.name}: nobody earns more by any action than by another")
        return gap

    @cached_property
    def population(self) -> list[FrozenPlay]:
        """The members of the frozen population."""
        members = load_population(self.name, self.task.mechanism, self.task.beta).actions
        return [FrozenPlay(self.market, self.mechanism, actions.astype(np.int64)) for actions in members]

    def greedy(self, act: Act, enter: Enter | None, seed: int, periods: int) -> Figures:
        """Of the first periods of an episode."""
        actions = record_play(self.env(1, enter), lambda seen: act(seen, greedy=True), periods, seed)
        found = evaluate_play(self.market, self.mechanism, replay(self.market, self.mechanism, actions))
        figures = {
            "score": max(0.0, 1 - found["nash_conv"] / self.random_nash_conv),
            **{
                ratio: found[part] / found[whole]
                for ratio, part, whole in (
                    ("welfare_ratio", "welfare", "welfare_optimum"),
                    ("user_value_ratio", "user_value", "nash_user_value"),
                )
                if whole in found
            },
        } | {name: found[name] for name in ("relative_nash_conv", "profit_gain", "winner_efficiency") if name in found}
        if found["provider_profit"] <= 0:
            del figures["relative_nash_conv"]
        if "truthfulness_gap" in found:
            figures["truthfulness_gap"] = found["truthfulness_gap"] / self.market.unit
        return figures

    def explored(self, act: Act, enter: Enter | None, seed: int) -> Figures:
        """As independent strategies, and as a history."""
        market, mechanism = self.market, self.mechanism
        env = self.env(SAMPLED_MARKETS, enter)
        actions = record_play(env, lambda seen: act(seen, greedy=False), SAMPLED_PERIODS, seed)
        figures = {}
        logged = float(replay(market, mechanism, actions).outcome.utility.sum(axis=1).mean())
        external, swap = self.game.regrets(actions)
        if logged > 0:
            figures["external_regret"] = float(np.maximum(external, 0.0).sum()) / logged
            figures["swap_regret"] = float(np.maximum(swap, 0.0).sum()) / logged
        try:
            frozen = FrozenPlay(market, mechanism, actions)
            independent = float(frozen.profit(actions).sum(axis=1).mean())
            if independent > 0:
                figures["average_relative_nash_conv"] = float(frozen.nash_conv.total) / independent
        except Unanswered:  # independent play of a large game without closed form
            pass
        return figures

    def held_out(self, act: Act, enter: Enter | None, seed: int) -> Figures:
        """Against the frozen population; every member and seat is a row."""
        population, n = self.population, self.market.num_providers
        member, seat = np.divmod(np.arange(len(population) * n), n)
        rows = np.arange(len(member))
        env = self.env(len(member), enter)
        uniform = np.random.default_rng(seed).random
        opponents = [Recorded(frozen.actions) for frozen in population]

        def joint(observations: np.ndarray) -> np.ndarray:
            blocks = observations.reshape(len(population), n, *observations.shape[1:])
            state = env.record()
            drawn = [policy(block, state, uniform) for policy, block in zip(opponents, blocks, strict=True)]
            actions = np.concatenate(drawn)
            actions[rows, seat] = np.asarray(act(observations, greedy=True))[rows, seat]
            return actions

        played = record_play(env, joint, HELD_OUT_PERIODS, seed)
        played = played.reshape(HELD_OUT_PERIODS, len(population), n, *played.shape[1:])
        own = played[:, :, np.arange(n), np.arange(n)]  # (periods, members, seats[, c])
        profit = np.stack([frozen.profit(own[:, p]).mean(axis=0) for p, frozen in enumerate(population)])
        best = np.stack([frozen.best_profit for frozen in population])
        random = np.stack([frozen.random_profit for frozen in population])
        matters = best - random > 1e-12 * self.mechanism.reward_scale(self.market)
        if not matters.any():
            raise ValueError(f"no bid matters to anybody against the frozen population of {self.name}")
        return against_rivals(profit, best, random, matters)

    def freeze(self, act: Act, enter: Enter | None, seed: int) -> np.ndarray:
        """64 joint actions of the exploring play."""
        return record_play(self.env(FROZEN_MARKETS, enter), act, FROZEN_PERIODS, seed)

    def cross_play(self, players: Mapping[str, Sequence[np.ndarray]]) -> np.ndarray:
        """In every seat a run of the player is drawn anew, and a period of its play; see `frozen.cross_play`."""
        plays = {name: np.concatenate([np.asarray(one) for one in runs]) for name, runs in players.items()}
        return cross_play(self.market, self.mechanism, plays)
