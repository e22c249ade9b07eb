"""What was trained, as players who learn no more, in any seat that they were trained for.

`gymnasium.make("ttc/PerToken-v0", provider=0, opponents=Frozen("runs/NAME"))`
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from agents.runs import CONFIG, config_of, load
from ttc_env.batch import one_market
from ttc_env.envs import spaces
from ttc_env.market import Market
from ttc_env.mechanisms import action_shape
from ttc_env.opponents import CARRIED, NAMED, Opponents, Uniform, make_opponents
from ttc_env.repeated import RepeatedMarket, State

NAMES = tuple(dict.fromkeys((*NAMED, *CARRIED)))


class Frozen:
    """A trained learner as opponents, for everything that takes opponents.

    In seats that it was not trained for, those play who played there in its training.

    Args:
        run: the folder of the run; it is loaded when it is first needed.
        explore: play as in training and not the best known. The draws are the learner's own: they start anew with
            every `Frozen` and are no part of the state of an environment.

    Raises:
        ValueError: the folder is none of a run, or its checkpoint is missing, damaged, foreign or newer.
    """

    def __init__(self, run: str | Path, explore: bool = False) -> None:
        self.run, self.explore = Path(run), explore
        self.config = config_of(self.run)

    def against(self, game: RepeatedMarket, learners: Collection[int]) -> Opponents:
        """Its play in a market; see `ttc_env.opponents.make_opponents`.

        Raises:
            ValueError: a market of other sizes or other observations than those of its training.
        """
        learner: Any = load(self.run)
        _check_same(str(self.run), learner.env, game)
        missing = set(range(game.market.num_providers)) - set(learners) - set(map(int, learner.env.seats))
        others = None
        if missing:
            seats = set(range(game.market.num_providers)) - missing
            others = make_opponents(game, seats, find_opponents(self.config["opponents"]))
        return _Playing(learner, game, not self.explore, others)

    def seats(self, market: Market) -> list[int]:
        """The providers of a market like that of its training that it was trained for."""
        return [market.provider_index(one) for one in self.config["learners"]] or list(range(market.num_providers))

    def __repr__(self) -> str:
        return f"Frozen({str(self.run)!r})"


class _Playing:
    """A learner that plays on in a market, as `Opponents`."""

    def __init__(self, learner: Any, game: RepeatedMarket, greedy: bool, others: Opponents | None) -> None:
        self.learner, self.game, self.greedy, self.others = learner, game, greedy, others
        self.seats = np.asarray(learner.env.seats)
        self._state: State | None = None
        if hasattr(learner, "enter"):
            learner.enter(self)

    def record(self) -> State:
        """What was played last, as players who enter a market ask it."""
        assert self._state is not None
        return self._state

    def __call__(self, observations: np.ndarray, state: State, uniform: Uniform) -> np.ndarray:
        """Actions `(B, n)` or `(B, n, c)`; those of seats that nobody was trained for are zero or the others'."""
        self._state = state
        own = np.asarray(self.learner.act(observations[:, self.seats], greedy=self.greedy))
        if self.others is None:
            shape = (len(observations), *action_shape(self.game.mechanism, self.game.market))
            actions = np.zeros(shape, own.dtype)
        else:
            actions = np.array(self.others(observations, state, uniform))
        actions[:, self.seats] = own
        return actions


def find_opponents(given: str) -> Any:
    """Opponents by their name, or those of the folder of a run.

    Raises:
        ValueError: neither.
    """
    check_opponents(given)
    return given if given in NAMES else Frozen(given)


def check_opponents(given: str) -> None:
    """See in a moment whether `find_opponents` will find some.

    Raises:
        ValueError: it will not.
    """
    if given not in NAMES and not (Path(given) / CONFIG).is_file():
        raise ValueError(f"unknown opponents {given!r}; allowed: {', '.join(NAMES)}, or the folder of a run")


def check_plays(name: str, trained: Any, there: Any) -> None:
    """See whether a learner that was trained in one market can play in another, `VectorMarket` or `Seats` each.

    Raises:
        ValueError: it cannot, naming what differs.
    """
    _check_same(name, trained, there.game)
    own, asked = trained.seats.tolist(), there.seats.tolist()
    if own != asked:
        raise ValueError(f"{name} was trained for the seats {own}, and is asked to play in {asked}")


def _check_same(name: str, trained: Any, game: RepeatedMarket) -> None:
    def sizes(of: RepeatedMarket) -> dict[str, Any]:
        market = one_market(of.market)
        found = {"mechanism": of.mechanism.name, "providers": market.num_providers, "levels": market.num_levels}
        return found | {"actions": spaces.action_space(of), "numbers observed": spaces.observation_space(of).shape[-1]}

    there, here = sizes(trained.game), sizes(game)
    for what, value in there.items():
        if here[what] != value:
            raise ValueError(f"{name} was trained with {what} {value}, and is asked to play with {what} {here[what]}")
