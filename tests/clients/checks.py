"""What must be true of whatever a client has recorded: it is what the environment itself plays for the same seed.

Demand is drawn, so that seeds matter, and episodes are short, so that recordings go past their end.
"""

import importlib
from typing import NamedTuple

import gymnasium
import numpy as np
import pytest

from ttc_env.registration import ENVIRONMENTS

PERIODS = 5
DRAWN = {"demand": 5, "max_cycles": PERIODS}
each_id = pytest.mark.parametrize("gymnasium_id", ENVIRONMENTS)


def module_of(gymnasium_id):
    """The PettingZoo module of an id."""
    return importlib.import_module(f"ttc_env.{ENVIRONMENTS[gymnasium_id][1]}")


def ways_to_act(*kinds):
    """Every id with every way to act among those a client can take; what has one way only is taken as it is."""
    each = [(name, kind) for name in ENVIRONMENTS for kind in (kinds if takes_kinds(name) else ("discrete",))]
    options = [(name, {} if kind == "discrete" else {"action_type": kind}) for name, kind in each]
    return pytest.mark.parametrize(("gymnasium_id", "how"), options, ids=["-".join(one) for one in each])


def against_others(gymnasium_id, how):
    """Options of the Gymnasium form: continuous first prices have no equilibrium that opponents could play."""
    random = gymnasium_id == "ttc/FirstPrice-v0" and how.get("action_type") == "box"
    return DRAWN | how | ({"opponents": "random"} if random else {})


def takes_kinds(gymnasium_id):
    """Whether actions are several numbers, on a grid or in a box; else they are levels."""
    return not isinstance(gymnasium.make(gymnasium_id).action_space, gymnasium.spaces.Discrete)


class Played(NamedTuple):
    """Arrays `(T, ...)`, or `(T, n, ...)` with all providers; `following` is what was seen after the step."""

    observations: np.ndarray
    rewards: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    following: np.ndarray


def play(env, seed, actions):
    """Play these actions in an environment of the suite, in the Gymnasium or the PettingZoo parallel form."""
    agents = getattr(env, "possible_agents", None)

    def array(values):
        return np.array([values[agent] for agent in agents] if agents else values)

    steps, seen = [], array(env.reset(seed=seed)[0])
    for action in actions:
        given = dict(zip(agents, action, strict=True)) if agents else action
        following, *rest = (array(value) for value in env.step(given)[:4])
        steps.append((seen, *rest, following))
        seen = array(env.reset()[0]) if rest[2].all() else following
    return Played(*map(np.stack, zip(*steps, strict=True)))


def check(found, env, seed, actions, **tolerance):
    """A client's recording, by the names of `Played`, is the play of a fresh environment; ends are truncations."""
    expected = play(env, seed, actions)
    for name, values in found.items():
        recorded, played = np.asarray(values), getattr(expected, name)
        assert recorded.size == played.size, name
        np.testing.assert_allclose(
            recorded.reshape(played.shape), played, err_msg=name, **({"rtol": 1e-6, "atol": 1e-6} | tolerance)
        )
    assert not expected.terminated.any()
    assert expected.truncated.any(), "the recording is too short to see an end"
