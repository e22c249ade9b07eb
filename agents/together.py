"""Learners of different kinds who learn at the same time in one market, each in seats of its own.

Each is written as if it had the markets to itself. So each but the first runs in a thread of its own, and waits in
`step` until all have acted; only one of them runs at a time, in the same order always, so that nothing depends on which
is faster.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from agents import ALGORITHMS, default_config, find_class
from agents.frozen import NAMES
from agents.training import advance
from ttc_env import VectorMarket
from ttc_env.arrays import as_numpy
from ttc_env.batch import one_market
from ttc_env.envs.seats import Seats


class Part(NamedTuple):
    """A learner by its name, its hyper-parameters, and the providers it plays, by index."""

    name: str
    config: Any
    seats: Sequence[int]


def learns(opponents: str) -> bool:
    """Whether opponents of this name learn along, and are neither scripted nor the folder of a run."""
    return opponents in ALGORITHMS and opponents not in NAMES


def side_by_side(
    make_env: Callable[..., VectorMarket], name: str, config: Any, seats: Sequence[str | int], others: str,
    total_steps: int, seed: int, along: Any = None,
) -> Together:  # fmt: skip
    """A learner in some seats, by names or indices, and in all others one of another name.

    Args:
        make_env: makes the markets with all their providers.
        name: of the first.
        config: its hyper-parameters.
        seats: its own.
        others: name of the other.
        total_steps: agent steps of both.
        seed: of the first.
        along: hyper-parameters of the other, by default those of its name.

    Raises:
        ValueError: no such provider, no seat that is left, or what a learner refuses.
    """
    market = one_market(make_env().market)
    own = [market.provider_index(seat) for seat in seats]
    rest = [i for i in range(market.num_providers) if i not in own]
    if not rest:
        raise ValueError(f"no seat is left in which {others} could learn along")
    parts = [Part(name, config, own), Part(others, default_config(others) if along is None else along, rest)]
    return Together(make_env, parts, total_steps, seed)


class Place:
    """The shared markets as one of the learners sees them; while it is made it has markets of its own to try."""

    def __init__(self, own: Seats, shared: Together) -> None:
        self._own, self._shared = own, shared

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._own, name)

    def reset(self, *given: Any, **named: Any) -> tuple[Any, dict[str, Any]]:
        """The first observations, which are those of everybody."""
        self._own.reset(*given, **named)
        return self._shared.observations[:, self._own.seats], {}

    def record(self) -> Any:
        """What the markets remember of last period."""
        return self._shared.env.record() if self._shared.begun else self._own.record()

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Clear one period, once everybody has acted."""
        if not self._shared.begun:
            return self._own.step(actions)
        self._shared.meet(self, np.array(as_numpy(actions)))
        observations, rewards, terminations, truncations, info = self._shared.outcome
        seats, info = self._own.seats, dict(info)
        if "final_obs" in info:
            info["final_obs"] = info["final_obs"][:, seats]
        return observations[:, seats], rewards[:, seats], terminations, truncations, info


class Together:
    """Several learners as one, for all providers.

    Args:
        make_env: makes the markets with all their providers, given further keywords of `VectorMarket`.
        parts: who learns where; together they have all seats. An update is one of the first.
        total_steps: agent steps of all.
        seed: of the first; the others have the ones that follow.

    Raises:
        ValueError: seats that are played by nobody or by two, or what a learner refuses.
    """

    starts_over = True
    """it keeps no state to go on from; what is asked of servers stands in a transcript, and the rest is learnt again"""

    def __init__(
        self, make_env: Callable[..., VectorMarket], parts: Sequence[Part], total_steps: int, seed: int = 0
    ) -> None:
        kinds = [find_class(part.name) for part in parts]
        options = [dict(getattr(kind, "env_options", {})) for kind in kinds]
        told = "counterfactual" if any("feedback" in one for one in options) else "own"
        self.env, self.begun = make_env(dtype="float64", feedback=told), False
        n = self.env.num_providers
        if sorted(seat for part in parts for seat in part.seats) != list(range(n)):
            raise ValueError(f"each of the {n} providers must be played by one learner, got {[p.seats for p in parts]}")
        self.observations: Any = self.env.reset(seed)[0]
        self.outcome: Any = None
        self.steps, self.entered = 0, False
        self.places = [
            Place(Seats(make_env(**one), list(part.seats), "random"), self)
            for part, one in zip(parts, options, strict=True)
        ]
        self.learners: list[Any] = [
            kind(
                place, total_steps * len(part.seats) // n, seed + k, *([part.config] if hasattr(kind, "Config") else [])
            )
            for k, (kind, place, part) in enumerate(zip(kinds, self.places, parts, strict=True))
        ]
        self.begun = True
        self.given: dict[int, np.ndarray] = {}
        self.others = [_Runner(learner) for learner in self.learners[1:]]

    def __getattr__(self, name: str) -> Any:
        """What only players have who are judged by their play: that of the one who is."""
        if name in ("played", "visited", "report"):
            for learner in self.learners:
                if hasattr(learner, name):
                    return getattr(learner, name)
        raise AttributeError(name)

    def update(self) -> dict[str, float]:
        """One update of the first learner; the others go on meanwhile."""
        if self.entered:  # an evaluation elsewhere came between
            self.entered = False
            for learner, place in zip(self.learners, self.places, strict=True):
                getattr(learner, "enter", lambda env: None)(place)
        return self.learners[0].update()

    def meet(self, place: Place, actions: np.ndarray) -> None:
        """Wait until all have acted, and clear the period."""
        k = self.places.index(place)
        self.given[k] = actions
        if k:
            self.others[k - 1].pause()
            return
        for other in self.others:
            other.go_on()
        first = self.given[0]
        joint = np.zeros((len(first), self.env.num_providers, *first.shape[2:]), first.dtype)
        for one, chosen in self.given.items():
            joint[:, self.places[one].seats] = chosen
        self.outcome = self.env.step(joint)
        self.observations = self.outcome[0]
        self.steps += self.env.num_markets * self.env.num_providers

    def act(self, observations: Any, greedy: bool = False) -> np.ndarray:
        """Actions of all providers for observations `(B, n, d)`."""
        parts = [
            np.asarray(learner.act(observations[:, place.seats], greedy=greedy))
            for learner, place in zip(self.learners, self.places, strict=True)
        ]
        joint = np.zeros((len(observations), self.env.num_providers, *parts[0].shape[2:]), parts[0].dtype)
        for place, part in zip(self.places, parts, strict=True):
            joint[:, place.seats] = part
        return joint

    def enter(self, env: Any) -> None:
        """The next observations come from these markets."""
        self.entered = True
        for learner, place in zip(self.learners, self.places, strict=True):
            if hasattr(learner, "enter"):
                learner.enter(Seats(env, place.seats.tolist(), "random"))

    def keep_in(self, folder: Any) -> None:
        """Tell those who write something where."""
        for learner in self.learners:
            getattr(learner, "keep_in", lambda path: None)(folder)

    def close(self) -> None:
        """End all of them."""
        for other in self.others:
            other.stop()
        for learner in self.learners:
            getattr(learner, "close", lambda: None)()

    def forecast(self, steps: int) -> Any:
        """What the first would ask in its share of the steps."""
        return self.learners[0].forecast(steps * self.places[0].num_providers // self.env.num_providers)

    def state_dict(self) -> dict[str, Any]:
        """What each has learnt."""
        return {str(k): learner.state_dict() for k, learner in enumerate(self.learners)} | {"steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`."""
        self.steps = state["steps"]
        for k, learner in enumerate(self.learners):
            learner.load_state_dict(state[str(k)])


class _Stopped(BaseException):
    """Ends the thread of a learner."""


class _Runner:
    """A learner that learns in a thread, from one step to the next as it is told."""

    def __init__(self, learner: Any) -> None:
        self.learner = learner
        self.error: BaseException | None = None
        self.go, self.done, self.ended = threading.Semaphore(0), threading.Semaphore(0), False
        self.thread: threading.Thread | None = None

    def go_on(self) -> None:
        """Let it run until it has acted.

        Raises:
            Exception: what it raised.
        """
        if self.thread is None:
            self.thread = threading.Thread(target=self._run, daemon=True)
            self.thread.start()
        self.go.release()
        self.done.acquire()
        if self.error is not None:
            raise self.error

    def pause(self) -> None:
        """Called in its thread: it has acted, and waits."""
        self.done.release()
        self._wait()

    def stop(self) -> None:
        """End it where it waits."""
        self.ended = True
        if self.thread is not None:
            self.go.release()
            self.thread.join()

    def _wait(self) -> None:
        self.go.acquire()
        if self.ended:
            raise _Stopped

    def _run(self) -> None:
        try:
            self._wait()
            number = 0
            while True:
                number += 1
                advance(self.learner, number)
        except _Stopped:
            pass
        except BaseException as error:
            self.error = error
            self.done.release()
