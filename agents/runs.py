"""What was trained, given back: the learner of a run's folder."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.checkpoints import latest
from ttc_env import VectorMarket
from ttc_env.dynamics import make_dynamics
from ttc_env.envs.seats import Seats
from ttc_env.mechanisms import make_mechanism

if TYPE_CHECKING:
    from agents import Learner

CONFIG = "config.json"


def load(run: str | Path, num_markets: int = 1) -> Learner:
    """The trained learner of a folder that `train/run.py` wrote, to act, to be evaluated, or as an opponent.

    Args:
        run: the folder, of a single run or of one seed.
        num_markets: copies of the market it is made for; it acts in any number.

    Raises:
        ValueError: the folder is none of a run, or its checkpoint is missing, damaged, foreign or newer.
    """
    from agents import default_config, make_learner
    from agents.together import learns, side_by_side

    run = Path(run)
    config = config_of(run)
    try:
        options = {name: tuple(v) if isinstance(v, list) else v for name, v in config["config"].items()}
        hyperparameters = type(default_config(config["algorithm"]))(**options)
        make = partial(make_env, config, num_markets)
        learner: Any
        if config["learners"] and learns(config["opponents"]):
            named = config["algorithm"], hyperparameters, config["learners"], config["opponents"]
            learner = side_by_side(make, *named, config["steps"], config["seed"])
        else:
            learner = make_learner(config["algorithm"], make, config["steps"], config["seed"], config=hyperparameters)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{run} is no folder of a run that this version can load: {error}") from None
    learner.load_state_dict(latest(run)["learner"]["learnt"])
    return learner


def config_of(run: Path) -> dict[str, Any]:
    """What a run was started with.

    Raises:
        ValueError: the folder is none of a run.
    """
    try:
        config = json.loads((run / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{run} is no folder of a run that this version can load: {error}") from None
    lacking = {"algorithm", "opponents", "learners", "providers", "market"} - set(config)
    if lacking:
        raise ValueError(f"{run} is no folder of a run: its {CONFIG} lacks {', '.join(sorted(lacking))}")
    return config


def make_env(config: dict[str, Any], num_markets: int, **backend: Any) -> Any:
    """The market of a run's config.json, as those see it who learn."""
    demand = config["demand"]
    carried = config["carried"]
    env = VectorMarket(
        config["market"],
        make_mechanism(config["mechanism"], **config["rule"]),
        num_markets,
        beta=config["beta"],
        demand=int(demand) if demand.isdigit() else demand,
        max_cycles=config["max_cycles"],
        dynamics=None if carried is None else make_dynamics(config["dynamics"], **carried),
        observe=config.get("observe", "public"),  # runs older than the option saw everything
        **backend,
    )
    from agents.frozen import find_opponents
    from agents.together import learns

    if not config["learners"] or learns(config["opponents"]):
        return env

    return Seats(env, config["learners"], find_opponents(config["opponents"]))
