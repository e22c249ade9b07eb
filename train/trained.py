"""A run from Python: what `train/run.py` does as one call, for notebooks and for tuning.

>>> from train.trained import train_learner
>>> run = train_learner("gsm8k/majority_voting", algorithm="best-response", steps=90, num_markets=1)
>>> run.figures["at_equilibrium"], run.comparison[0]["provider"], run.comparison[0]["level"]
(True, 'meta-llama/Meta-Llama-3-8B-Instruct', 64)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from agents import Learner, default_config
from train.arguments import Args
from train.course import Followed, Memory, Show, follow
from train.folders import new_folder
from train.market_options import MarketOptions
from train.together import TOGETHER, parts
from ttc_env import Market
from ttc_env.batch import one_market
from ttc_env.describing import describe
from ttc_env.dynamics import make_dynamics
from ttc_env.mechanisms import make_mechanism
from ttc_env.scripting.threads import threads

NUMBERS = ("seed", "steps", "num_markets", "max_cycles", "device", "threads", "eval_every", "checkpoint_seconds")


@dataclass(frozen=True, eq=False)
class Trained:
    """What a run came to.

    Attributes:
        learner: as it ended; `learner.act(observations, greedy=True)`.
        market: that it was judged in.
        figures: of its greedy play beside the equilibrium's (`nash_...`), as in summary.json; USD per query.
        curve: a dict for each evaluation on the way, as the rows of metrics.csv.
    """

    learner: Learner
    market: Market
    figures: dict[str, Any]
    curve: list[dict[str, Any]]

    @property
    def comparison(self) -> list[dict[str, Any]]:
        """A dict for each provider: its level, share and profit (USD per query), and the equilibrium's if known."""
        levels = self.market.levels

        def column(name: str) -> list[Any]:
            found = self.figures[name]
            return [levels[k] for k in found] if name.endswith("levels") else found

        names = [name for who in ("", "nash_") for name in (f"{who}levels", f"{who}shares", f"{who}profits")]
        columns = {"provider": self.market.providers}
        columns |= {name.removesuffix("s"): column(name) for name in names if name in self.figures}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def train_learner(
    market: Any = "gsm8k/majority_voting",
    *,
    folder: str | Path | None = None,
    overwrite: bool = False,
    show: Show = lambda steps, figures: None,
    **arguments: Any,
) -> Trained:
    """Train a learner in a market and judge it, as `train/run.py` does; prints nothing, and leaves torch as it was.

    Args:
        market: name, path or description, what `ttc_env.describing.describe` takes.
        folder: to write what `train/run.py` writes; nothing is written by default.
        overwrite: replace the folder if it exists.
        show: told of agent steps and figures at every evaluation; what it raises ends the training.
        arguments: further ones of `plan`: who learns what, for how long.

    Raises:
        ValueError: an argument that there is none of, or a value that cannot be, naming it.
    """
    args = plan(market, **arguments)
    env = args.judging_env()
    if folder is None:
        return _trained(args, env, [args.seed], [Memory()], show)[0]
    from train.record import RunFolder  # loads TensorBoard

    place, played = Path(folder), one_market(env.market)
    with ExitStack() as ending:
        path = ending.enter_context(new_folder(place.parent, place.name, overwrite))
        record = ending.enter_context(RunFolder(path, args.to_dict(played)))
        record.keep_market(played)

        def write(followed: Followed) -> None:
            record.finish(followed)
            record.draw(played, followed.summary)

        return _trained(args, env, [args.seed], [record], show, write)[0]


def train_learners(market: Any = "gsm8k/majority_voting", *, seeds: Sequence[int], **arguments: Any) -> list[Trained]:
    """`train_learner` with each of these seeds; side by side where each learns to the last bit what it would alone.

    Args:
        market: name, path or description, what `ttc_env.describing.describe` takes.
        seeds: of the runs.
        arguments: further ones of `plan`, but for `seed`.

    Raises:
        ValueError: what `train_learner` raises.
    """
    args = plan(market, **arguments)
    for seed in seeds:
        replace(args, seed=seed)  # which checks it
    env = args.judging_env()
    most, found = TOGETHER if args.seeds_alike else 1, []
    for k in range(0, len(seeds), most):
        some = seeds[k : k + most]
        found += _trained(args, env, some, [Memory() for _ in some])
    return found


def _trained(
    args: Args,
    env: Any,
    seeds: Sequence[int],
    records: Sequence[Any],
    show: Show = lambda steps, figures: None,
    write: Callable[[Followed], None] = lambda followed: None,
) -> list[Trained]:
    """Train a learner of these seeds; `write` is given what each came to while the learner is still there."""
    played: Any = one_market(env.market)
    with ExitStack() as ending:
        ending.enter_context(threads(args.threads))
        learner = args.make_learner(seeds)
        ending.callback(getattr(learner, "close", lambda: None))
        found = follow(args, seeds, env, records, learner, show)
        if found[0].summary["interrupted"]:
            raise KeyboardInterrupt
        for followed in found:
            write(followed)
    runs = zip(parts(learner, seeds), records, found, strict=True)
    return [Trained(run, played, followed.summary, list(record.rows)) for run, record, followed in runs]


def plan(
    market: Any = "gsm8k/majority_voting",
    *,
    algorithm: str = "ppo",
    config: Any = None,
    mechanism: str = "per_token",
    mechanism_options: Mapping[str, Any] | None = None,
    dynamics: str | None = None,
    dynamics_options: Mapping[str, Any] | None = None,
    observe: str = "public",
    learners: Sequence[str | int] = (),
    opponents: str = "nash",
    demand: str | int = "expected",
    **numbers: Any,
) -> Args[Any, Any, Any]:
    """The arguments of a run, nothing of it done yet.

    Args:
        market: what `ttc_env.describing.describe` takes.
        algorithm: one of `agents.ALGORITHMS`, or `package.module:Class`.
        config: hyper-parameters that differ from the defaults, as a mapping; or all, as the learner's dataclass.
        mechanism: a name, or `package.module:Class`.
        mechanism_options: of the mechanism.
        dynamics: what is carried over, a name or `package.module:Class`.
        dynamics_options: of the dynamics.
        observe: `"public"`, or `"own"`.
        learners: providers that learn; all by default.
        opponents: what the others do: `nash`, `best_response`, `random`, or the folder of a run.
        demand: `"expected"`, or the number of queries drawn each period.
        numbers: `seed`, `steps`, `num_markets`, `max_cycles`, `device`, `threads`, `eval_every` and
            `checkpoint_seconds`, as in `train/run.py --help`.

    Raises:
        ValueError: an argument that there is none of, or a value that cannot be, naming it.
    """
    for name in numbers:
        if name not in NUMBERS:
            raise ValueError(f"unknown argument {name!r}; allowed: {', '.join((*ARGUMENTS, *NUMBERS))}")
    if dynamics is None and dynamics_options:
        raise ValueError(f"dynamics_options belong to a dynamics, and there is none; got {dynamics_options!r}")
    description = describe(market)
    description.load()  # its errors name fields here, and options of a command line where one is read
    return Args(
        market=description.source,
        beta=description.beta,
        offers=MarketOptions.of(description),
        algorithm=algorithm,
        config=_settings(algorithm, config),
        mechanism=mechanism,
        rule=make_mechanism(mechanism, **(mechanism_options or {})),
        dynamics=dynamics or "none",
        carried=None if dynamics is None else make_dynamics(dynamics, **(dynamics_options or {})),
        observe=observe,
        learners=tuple(map(str, learners)),
        opponents=opponents,
        demand=str(demand),
        **numbers,
    )


ARGUMENTS = tuple(
    name for name, parameter in inspect.signature(plan).parameters.items() if parameter.kind != parameter.VAR_KEYWORD
)
"""of `plan`, besides `NUMBERS`"""


def _settings(algorithm: str, config: Any) -> Any:
    """Hyper-parameters, the defaults where nothing else is said."""
    if is_dataclass(config):
        return config
    settings = default_config(algorithm)
    known = [field.name for field in fields(settings)]
    allowed = ", ".join(known) or "none"
    for name in config or {}:
        if name not in known:
            raise ValueError(f"unknown hyper-parameter {name!r} of {algorithm}; allowed: {allowed}")
    return replace(settings, **(config or {}))
