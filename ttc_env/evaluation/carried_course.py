"""Test markets in which something is carried over: whole policies are judged, by what they do in every state."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from ttc_env.dynamics import decision
from ttc_env.dynamics.decision import Decision
from ttc_env.equilibrium import PrivateGame, Unanswered
from ttc_env.evaluation.course import Act, Course, Enter, Figures, against_rivals
from ttc_env.evaluation.tasks import Task
from ttc_env.judging import markov_game, markov_policy
from ttc_env.mixtures import Mixture
from ttc_env.playing import play_types

DRAWN = 8  # times that a policy is asked which does not always do the same
_MATTERS = 1e-9  # of the largest worth of a best response: less than this cannot be told from nothing


class CarriedCourse(Course):
    """A market whose state everybody sees, judged by `ttc_env.MarkovGame`.

    Raises:
        ValueError: more states and actions than can be gone through.
    """

    def __init__(self, task: Task, name: str) -> None:
        super().__init__(task, name)
        self.game = markov_game(task.make_test_env(name, dtype="float64"))

    @cached_property
    def random_nash_conv(self) -> float:
        """NashConv of uniformly random play, USD."""
        return float(self.game.uniform_nash_conv().total)

    @cached_property
    def equilibrium(self) -> np.ndarray | None:
        """A Markov perfect equilibrium, `(S, n)`, if one is found."""
        try:
            return self.game.equilibrium()
        except Unanswered:
            return None

    @cached_property
    def optima(self) -> tuple[float | None, float | None]:
        """Welfare of a planner and profit of a cartel from the start on, USD; None where only a bound is known."""
        found = (self.game.welfare_optimum(), self.game.joint_profit_optimum())
        return tuple(float(self.game.start_weights @ one.values) if one.exact else None for one in found)  # type: ignore[return-value]

    @cached_property
    def others(self) -> list[np.ndarray]:
        """The policies met as opponents: stage, myopic and equilibrium, those that are found, each once."""
        found: list[np.ndarray] = []
        for policy in (self.game.stage_policy, self.game.myopic_policy, lambda: self.equilibrium):
            try:
                one = policy()
            except Unanswered:
                continue
            if one is not None and not any(np.array_equal(one, other) for other in found):
                found.append(one)
        return found

    @cached_property
    def against(self) -> list[list[Seat]]:
        """Every seat with each of `others` in all other seats."""
        return [self.seats(policy) for policy in self.others]

    def seats(self, policy: np.ndarray) -> list[Seat]:
        """Every seat with a policy in all others."""
        return [Seat(self.game.decision(policy, i), self) for i in range(self.game.num_providers)]

    def greedy(self, act: Act, enter: Enter | None, seed: int, periods: int) -> Figures:
        """Of the greedy policy in every state; `seed` and `periods` play no part.

        A policy that draws its actions is asked several times, and the figures are means over what it then did.
        """
        policies = [self.policy(act, enter) for _ in range(2)]
        if np.array_equal(policies[0], policies[1]):
            return self.figures(policies[0])
        policies += [self.policy(act, enter) for _ in range(DRAWN - 2)]
        found = [self.figures(policy) for policy in policies]
        common = [name for name in found[0] if all(name in one for one in found)]
        return {name: float(np.mean([one[name] for one in found])) for name in common}

    def figures(self, policy: np.ndarray) -> Figures:
        """Of one policy, `(S, n)`."""
        game = self.game
        gap, found = float(game.nash_conv(policy).total), game.average(policy)
        rest = 1 - game.discount
        profit, welfare = float(found["profits"].sum()), float(found["welfare"])
        figures = {"score": max(0.0, 1 - gap / self.random_nash_conv)}
        if profit > 0:
            figures["relative_nash_conv"] = rest * gap / profit
        planned, cartel = self.optima
        if planned is not None:
            figures["welfare_ratio"] = welfare / (rest * planned)
        if self.equilibrium is not None:
            nash = game.average(self.equilibrium)
            figures["user_value_ratio"] = float(found["user_value"] / nash["user_value"])
            competitive = float(nash["profits"].sum())
            if cartel is not None and rest * cartel > competitive:
                figures["profit_gain"] = (profit - competitive) / (rest * cartel - competitive)
        return figures

    def policy(self, act: Act, enter: Enter | None) -> np.ndarray:
        """What the greedy policy does in every state, `(S, n)`."""
        return markov_policy(self.env(1, None), lambda seen: act(seen, greedy=True), enter)

    def held_out(self, act: Act, enter: Enter | None, seed: int) -> Figures:
        """Against `others`, exactly."""
        policy = self.policy(act, enter)
        found = [
            [(seat.worth(policy[:, i]), seat.best, seat.random, seat.matters) for i, seat in enumerate(seats)]
            for seats in self.against
        ]
        profit, best, random, matters = np.moveaxis(np.array(found), -1, 0)
        return against_rivals(profit, best, random, matters > 0)

    def freeze(self, act: Act, enter: Enter | None, seed: int) -> np.ndarray:
        """The greedy policy, `(S, n)`."""
        return self.policy(act, enter)

    def cross_play(self, players: Mapping[str, Sequence[np.ndarray]]) -> np.ndarray:
        """Runs meet in the order given: the first of one player the first of the other."""
        runs = [[np.asarray(one) for one in policies] for policies in players.values()]
        earned, best = np.zeros((len(runs),) * 2), np.zeros(len(runs))
        for column, policies in enumerate(runs):
            for number, policy in enumerate(policies):
                seats = self.seats(policy)
                best[column] += sum(seat.best for seat in seats) / len(policies)
                for row, own in enumerate(runs):
                    answer = own[number % len(own)]
                    worth = sum(seat.worth(answer[:, i]) for i, seat in enumerate(seats))
                    earned[row, column] += worth / len(policies)
        loss = best - earned
        return 1 - np.where(abs(loss) > 1e-12 * abs(best), loss, 0.0) / np.where(best, abs(best), 1.0)


class Seat:
    """What policies are worth from the start in one seat while the others keep to theirs, USD."""

    def __init__(self, problem: Decision, course: CarriedCourse) -> None:
        self.problem, self.discount = problem, course.game.discount
        self.weights = course.game.start_weights

    @cached_property
    def best(self) -> float:
        """A best response."""
        return float(self.weights @ decision.solve(self.problem, self.discount)[1])

    @cached_property
    def random(self) -> float:
        """Uniformly random actions."""
        return float(self.weights @ decision.random_values(self.problem, self.discount))

    @property
    def matters(self) -> bool:
        """Whether a best response earns more than random actions."""
        return self.best - self.random > _MATTERS * abs(self.best)

    def worth(self, actions: np.ndarray) -> float:
        """Action indices, one for each state, `(S,)`."""
        return float(self.weights @ decision.evaluate(*self.problem.chosen(actions), self.discount))


class PrivateCourse(Course):
    """A mixture whose types are private, judged by `equilibrium.PrivateGame`."""

    market: Mixture

    @cached_property
    def game(self) -> PrivateGame:
        """One period."""
        return PrivateGame(self.market, self.mechanism)

    @cached_property
    def random_nash_conv(self) -> float:
        """NashConv of uniformly random play, USD."""
        return float(self.game.uniform_nash_conv().total)

    @cached_property
    def against(self) -> np.ndarray:
        """What every action earns against honest bids and against uniformly random ones, USD, `(2, T, n, K)`."""
        return np.stack([self.game.deviations(self.game.honest()), self.game.uniform_deviations])

    def strategies(self, act: Act, enter: Enter | None, seed: int) -> np.ndarray:
        """What the greedy policy does on every type, `(T, n)` or `(T, n, c)`, the same where a provider sees the same.

        A policy that draws its actions may do otherwise there; what it did on the first such type then counts.
        """
        actions = play_types(self.env(self.market.num_types, enter), lambda seen: act(seen, greedy=True), seed=seed)
        for i, sights in enumerate(self.game.sights.T):
            actions[:, i] = actions[np.unique(sights, return_index=True)[1][sights], i]
        return actions

    def greedy(self, act: Act, enter: Enter | None, seed: int, periods: int) -> Figures:
        """Of the greedy policy on every type, after ten periods of its own play."""
        found = self.game.figures(self.strategies(act, enter, seed))
        names = ("relative_nash_conv", "welfare_ratio", "user_value_ratio")
        figures = {name: float(found[name]) for name in names if math.isfinite(found[name])}
        figures["score"] = max(0.0, 1 - float(found["nash_conv"]) / self.random_nash_conv)
        figures["truthfulness_gap"] = float(found["truthfulness_gap"]) / float(self.game.mixture.unit.max())
        return figures

    def held_out(self, act: Act, enter: Enter | None, seed: int) -> Figures:
        """Against honest bids and against uniformly random ones, exactly."""
        worth, numbers = self.against, self.game.games[0].numbers(self.strategies(act, enter, seed))
        own = np.take_along_axis(worth, numbers[None, ..., None], axis=-1)[..., 0]
        profit, best, random = (
            np.stack([self.market.average(one) for one in part])
            for part in (own, worth.max(axis=-1), worth.mean(axis=-1))
        )
        return against_rivals(profit, best, random, best - random > _MATTERS * best)

    def freeze(self, act: Act, enter: Enter | None, seed: int) -> np.ndarray:
        """Its strategies."""
        return self.strategies(act, enter, seed)

    def cross_play(self, players: Mapping[str, Sequence[np.ndarray]]) -> np.ndarray:
        """Not known here."""
        raise Unanswered("who earns what against whom is not worked out where types are private")
