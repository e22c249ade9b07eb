"""How good a policy is at a task: exact distances from equilibrium, opponents it never met, markets it never saw.

    evaluate_policy(task, learner.act, learner.enter)       # a dictionary of numbers, the same for the same policy

Play is simulated, everything else is exact: what the simulated actions earn, what they could have earned, and how far
they are from an equilibrium are expectations of the analytic market, also where demand is sampled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from ttc_env.envs.vector import VectorMarket
from ttc_env.equilibrium import StageGame, Unanswered
from ttc_env.evaluation.frozen import FrozenPlay
from ttc_env.evaluation.population import load_population
from ttc_env.evaluation.tasks import Task
from ttc_env.market import Market
from ttc_env.mechanisms import make_mechanism
from ttc_env.metrics import evaluate_play, stage_game
from ttc_env.opponents import Recorded
from ttc_env.playing import record_play, replay

Enter = Callable[[VectorMarket], Any]
SAMPLED_MARKETS, SAMPLED_PERIODS = 4, 25  # of the exploring play: 100 joint actions
HELD_OUT_PERIODS = 20


class Course:
    """A test market of a task, with everything that does not depend on the policy, computed when first needed."""

    def __init__(self, task: Task, name: str) -> None:
        self.task, self.name = task, name
        self.market: Market = task.market(name)
        self.mechanism = make_mechanism(task.mechanism)

    @property
    def game(self) -> StageGame:
        """What is known of one period."""
        return stage_game(self.market, self.mechanism)

    @cached_property
    def random_nash_conv(self) -> float:
        """NashConv of uniformly random play, USD."""
        return float(self.game.uniform_nash_conv().total)

    @cached_property
    def population(self) -> list[FrozenPlay]:
        """The members of the frozen population."""
        members = load_population(self.name, self.task.mechanism, self.task.beta).actions
        return [FrozenPlay(self.market, self.mechanism, actions.astype(np.int64)) for actions in members]

    def env(self, num_markets: int, enter: Enter | None) -> VectorMarket:
        """Copies of the market, which the policy is told of."""
        env = self.task.make_test_env(self.name, num_markets)
        if enter is not None:
            enter(env)
        return env


_course = lru_cache(maxsize=128)(Course)


def evaluate_policy(
    task: Task, act: Callable[..., Any], enter: Enter | None = None, seed: int = 0
) -> dict[str, float]:  # fmt: skip
    """How well a policy for all providers solves a task; means over the task's test markets.

    * `score`, 0 to 1: 1 - NashConv of the greedy play / NashConv of uniformly random play, at least 0. Random play
      scores 0, an equilibrium 1.
    * `relative_nash_conv`: NashConv of the greedy play over its total profit; `average_relative_nash_conv`: the same
      of the exploring play, taken as independent mixed strategies.
    * `welfare_ratio`: welfare of the greedy play over the optimum; `user_value_ratio`: what it leaves the users over
      what the closest equilibrium leaves them.
    * `profit_gain`: 0 at the equilibrium's total profit, 1 at a cartel's.
    * `truthfulness_gap` (second-price auction): mean distance of scores from the largest welfare contributions, in
      units of `answer_value`; `winner_efficiency`: how often the right provider wins.
    * `external_regret`, `swap_regret`: of the exploring play as it was logged, over its total profit; see
      `equilibrium.coarse_correlated_regret` and `equilibrium.swap_regret`. Negative regrets count as 0.
    * `held_out_opponents`, 0 to 1: with the greedy policy in each seat in turn and each member of the frozen
      population in the others, (profit - random bids' profit) / (exact best response's profit - random bids' profit),
      at least 0, mean over members and seats. Seats in which no bid matters are left out.

    A figure that does not apply in every test market is absent: the relative ones where the play earns no profit, and
    those that the stage game cannot answer exactly.

    Args:
        task: what to evaluate on.
        act: from observations `(B, n, d)`, NumPy, and the keyword `greedy` to actions `(B, n)` or `(B, n, c)`, as the
            method of a learner; `B` varies.
        enter: told before each play which markets (`VectorMarket`) the next observations come from.
        seed: of the markets; the policy's own randomness is its own.

    Raises:
        ValueError: actions outside the space, or a task without a frozen population that asks for one.
    """
    return _mean_over_markets(_evaluate(_course(task, name), act, enter, seed) for name in task.test)


def evaluate_greedy(
    task: Task, act: Callable[..., Any], enter: Enter | None = None, seed: int = 0, periods: int = 10
) -> dict[str, float]:
    """The figures of the greedy play alone, from the first `periods` of an episode: for curves during training."""
    return _mean_over_markets(_greedy(_course(task, name), act, enter, seed, periods) for name in task.test)


def _mean_over_markets(figures: Iterable[dict[str, float]]) -> dict[str, float]:
    """Means of the figures that every market has."""
    found = list(figures)
    common = [name for name in found[0] if all(name in one for one in found)]
    return {name: float(np.mean([one[name] for one in found])) for name in common}


def _evaluate(course: Course, act: Callable[..., Any], enter: Enter | None, seed: int) -> dict[str, float]:
    figures = _greedy(course, act, enter, seed, course.task.max_cycles)
    figures |= _explored(course, act, enter, seed)
    if course.task.held_out_opponents:
        figures["held_out_opponents"] = _held_out(course, act, enter, seed)
    return figures


def _greedy(course: Course, act: Callable[..., Any], enter: Enter | None, seed: int, periods: int) -> dict[str, float]:
    """Figures of greedy play in one market."""
    actions = record_play(course.env(1, enter), lambda seen: act(seen, greedy=True), periods, seed)
    found = evaluate_play(course.market, course.mechanism, replay(course.market, course.mechanism, actions))
    figures = {
        "score": max(0.0, 1 - found["nash_conv"] / course.random_nash_conv),
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
        figures["truthfulness_gap"] = found["truthfulness_gap"] / course.market.unit
    return figures


def _explored(course: Course, act: Callable[..., Any], enter: Enter | None, seed: int) -> dict[str, float]:
    """Figures of the exploring play: as independent strategies, and as a history."""
    market, mechanism = course.market, course.mechanism
    env = course.env(SAMPLED_MARKETS, enter)
    actions = record_play(env, lambda seen: act(seen, greedy=False), SAMPLED_PERIODS, seed)
    figures = {}
    logged = float(replay(market, mechanism, actions).outcome.utility.sum(axis=1).mean())
    external, swap = course.game.regrets(actions)
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


def _held_out(course: Course, act: Callable[..., Any], enter: Enter | None, seed: int) -> float:
    """How much of what a best response gains over random bids the policy gains; every member and seat is a row."""
    population, n = course.population, course.market.num_providers
    member, seat = np.divmod(np.arange(len(population) * n), n)
    rows = np.arange(len(member))
    env = course.env(len(member), enter)
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
    stake = best - random
    matters = stake > 1e-12 * course.mechanism.reward_scale(course.market)
    if not matters.any():
        raise ValueError(f"no bid matters to anybody against the frozen population of {course.name}")
    return float(np.mean(np.maximum(0.0, (profit - random)[matters] / stake[matters])))
