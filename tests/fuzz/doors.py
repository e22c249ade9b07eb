"""The public doors: how each is called, with what usual arguments, and what a right result is."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from hypothesis import strategies as st

import train.benchmark
import train.collusion
import train.play
import train.run
import ttc_env
from agents import checkpoints
from tests.fuzz.odd import arguments, garbled, odd, spoilt
from tests.helpers.environments import same
from tests.helpers.scripts import run_here
from ttc_env import StageGame, VectorMarket, equilibrium
from ttc_env.describing import describe
from ttc_env.dynamics import make_dynamics
from ttc_env.envs.single import ProviderEnv, VectorProviderEnv
from ttc_env.evaluation import FrozenPlay, cross_play, load_suite
from ttc_env.evaluation.tasks import Task
from ttc_env.mechanisms import MECHANISMS, make_mechanism
from ttc_env.opponents import Recorded
from ttc_env.outcomes import Outcomes
from ttc_env.playing import replay
from ttc_env.scripting.jsonl import read_lines

NAME = "gsm8k/reasoning_effort"
MARKET = ttc_env.load_market(NAME)
SMALL = {
    "providers": ["a", "b"], "levels": [1, 2, 4], "quality": [[0.5, 0.6, 0.7], [0.3, 0.5, 0.9]],
    "price": [[0.1, 0.2, 0.4], [0.05, 0.1, 0.2]], "cost": [[0.08, 0.16, 0.32], [0.04, 0.08, 0.16]],
    "beta": 10.0, "outside_value": 0.0, "answer_value": 1.0, "baseline": 0.1,
    "tokens": [[1.0, 2.0, 4.0], [2.0, 3.0, 4.0]],
}  # fmt: skip
CSV = "\n".join(
    [
        "benchmark,method,model,theta,accuracy,tokens,price_usd_per_mtok",
        *(f"t,m,{model},{k},0.{5 + k},{100 * k},0.5" for model in ("a", "b") for k in (1, 2, 4)),
        "",
    ]
)
JSONL = "".join(json.dumps({"a": k, "b": "x"}) + "\n" for k in range(4))


class Door(NamedTuple):
    """A public door: `call` draws arguments, goes in, and asserts that what comes out is right; `every` n-th case."""

    name: str
    call: Callable[[st.DataObject, Path], None]
    every: int = 1


def _right_market(market: Any) -> None:
    if isinstance(market, ttc_env.Mixture):
        market = market.mean_market
    profile = np.zeros(market.num_providers, dtype=int)
    shares = np.asarray(market.shares(profile))
    assert np.all(np.isfinite(shares))
    assert np.all(shares >= 0)
    assert shares.sum() <= 1 + 1e-6
    assert np.all(np.isfinite(market.utility(profile)))
    assert np.isfinite(market.welfare(profile))
    best = equilibrium.best_response(market, profile)
    assert np.all((best >= 0) & (best < market.num_levels))


def _market(data: st.DataObject, folder: Path) -> None:
    _right_market(ttc_env.Market(**data.draw(arguments(SMALL))))


def _load(data: st.DataObject, folder: Path) -> None:
    usual = {
        "source": NAME, "name": None, "providers": [0, 1], "beta": 100.0, "answer_value": 0.01, "baseline": 0.1,
        "markup": 0.25, "outside_value": 0.0, "costs": "markup", "outcomes": False, "questions": False, "weights": None,
    }  # fmt: skip
    given = data.draw(arguments(usual))
    _right_market(ttc_env.load_market(given.pop("source"), **given))


def _describe(data: st.DataObject, folder: Path) -> None:
    given = data.draw(arguments({"source": NAME, "beta": 100.0, "markup": 0.25, "providers": [0, 1]}))
    found = describe(given)
    assert describe(found.to_dict()) == found == describe(str(found))
    _right_market(found.load())


def _csv(data: st.DataObject, folder: Path) -> None:
    path = folder / "table.csv"
    path.write_bytes(data.draw(garbled(CSV)))
    _right_market(ttc_env.load_market(path, answer_value=1.0))


def _right_play(env: Any, steps: int = 3) -> None:
    observations, _ = env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(steps):
        assert env.observation_space.contains(observations), observations
        observations, reward, terminated, truncated, _ = env.step(env.action_space.sample())
        assert np.all(np.isfinite(reward))
        assert not np.any(terminated)
        if np.all(truncated):
            break


ENGINE = {
    "market": NAME, "mechanism": "per_token", "beta": 100.0, "demand": "expected", "max_cycles": 5,
    "reward_scale": None, "feedback": "own", "dynamics": None, "dynamics_options": None, "information": None,
}  # fmt: skip


def _vector(data: st.DataObject, folder: Path) -> None:
    usual = ENGINE | {
        "num_markets": 2, "autoreset": "same_step", "backend": "numpy", "device": None, "dtype": "float32",
        "check_actions": True, "shared_record": False, "copy": True,
    }  # fmt: skip
    env = VectorMarket(**data.draw(arguments(usual)))
    observations, _ = env.reset(0)
    assert np.all(np.isfinite(np.asarray(observations[0])))
    env.single_action_space.seed(0)
    shape = (env.num_markets, env.num_providers)
    actions = np.array([[env.single_action_space.sample() for _ in range(shape[1])] for _ in range(shape[0])])
    _, rewards, *_ = env.step(actions)
    assert np.all(np.isfinite(np.asarray(rewards)))


def _single(data: st.DataObject, folder: Path) -> None:
    usual = ENGINE | {"provider": 0, "opponents": "nash", "render_mode": None}
    form = data.draw(st.sampled_from([ProviderEnv, VectorProviderEnv, None]))
    if form is VectorProviderEnv:
        usual = {name: value for name, value in usual.items() if name != "render_mode"} | {"num_envs": 2}
    given = data.draw(arguments(usual))
    if form is None and given["render_mode"] is not None:
        given["render_mode"] = "ansi"  # what is no name ends in Gymnasium, before this library is asked
    _right_play(form(**given) if form else gymnasium.make("ttc/Market-v0", disable_env_checker=True, **given))


def _parallel(data: st.DataObject, folder: Path) -> None:
    usual = {name: ENGINE[name] for name in ("market", "beta", "demand", "max_cycles", "feedback")} | {
        "render_mode": None
    }
    module = data.draw(st.sampled_from([ttc_env.per_token_v0, ttc_env.second_price_v0, ttc_env.posted_price_v0]))
    env = module.parallel_env(**data.draw(arguments(usual)))
    observations, _ = env.reset(seed=0)
    actions = {agent: env.action_space(agent).sample() for agent in env.agents}
    if data.draw(st.booleans()):
        actions[data.draw(st.sampled_from([*actions, "nobody"]))] = data.draw(odd)
    observations, rewards, *_ = env.step(actions)
    assert all(env.observation_space(agent).contains(seen) for agent, seen in observations.items())
    assert all(map(math.isfinite, rewards.values()))


def _steps(data: st.DataObject, folder: Path) -> None:
    """Odd actions, seeds, masks and states; what is refused changes nothing."""
    mechanism = data.draw(st.sampled_from(sorted(MECHANISMS)))
    env = VectorMarket(
        NAME, mechanism, 2, max_cycles=4, autoreset=data.draw(st.sampled_from(["same_step", "disabled"]))
    )
    env.reset(0)
    usual = np.zeros((2, env.num_providers, *env.single_action_space.shape))
    before = env.get_state()
    way = data.draw(st.sampled_from(["step", "seed", "rows", "state"]))
    given = data.draw(spoilt(usual))
    try:
        if way == "step":
            _, rewards, *_ = env.step(given)
            assert np.all(np.isfinite(rewards))
        elif way == "seed":
            env.reset(data.draw(odd))
        elif way == "rows":
            env.reset(rows=data.draw(odd))
        else:
            env.set_state(data.draw(arguments(before)))
    except ValueError:
        assert same(env.get_state(), before) or way in ("seed", "state")
    env.set_state(before)
    env.step(np.zeros(usual.shape, dtype=env.single_action_space.dtype))


OPTIONS: dict[str, dict[str, Any]] = {
    "per_token": {},
    "second_price": {"settlement": "delivered", "action_type": "multi_discrete", "grid": [-0.1, 0.0, 0.1]},
    "first_price": {"action_type": "multi_discrete", "grid": [0.0, 0.1]},
    "posted_price": {"num_prices": 3, "margin": 0.1, "prices": None, "shown": None, "action_type": "multi_discrete"},
}


def _mechanism(data: st.DataObject, folder: Path) -> None:
    name = data.draw(st.sampled_from(sorted(OPTIONS)))
    options = data.draw(arguments(OPTIONS[name])) if OPTIONS[name] else {}
    mechanism = make_mechanism(data.draw(st.one_of(st.just(name), st.just(name), odd)), **options)
    _right_play(ProviderEnv(NAME, mechanism, opponents="random", max_cycles=3))


CARRIED: dict[str, dict[str, Any]] = {
    "loyalty": {"cost": 0.002},
    "reputation": {"rate": 0.1, "first": 0},
    "capacity": {"queue": 2, "arrival": 0.9, "speed": 1000.0, "delay": 0.0005},
}


def _dynamics(data: st.DataObject, folder: Path) -> None:
    name = data.draw(st.sampled_from(sorted(CARRIED)))
    carried = make_dynamics(name, **data.draw(arguments(CARRIED[name])))
    market = MARKET if name == "loyalty" else MARKET.select([0, 1])
    _right_play(ProviderEnv(market, dynamics=carried, opponents="random", max_cycles=3))


OF_PROFILES = ("best_response", "is_nash", "nash_conv", "deviation_utility")
OF_STRATEGIES = ("mixed_nash_conv", "mixed_deviation_utility")
OF_HISTORIES = ("swap_regret", "coarse_correlated_regret", "empirical_strategies")


def _solvers(data: st.DataObject, folder: Path) -> None:
    """Profiles, strategies, histories and tolerances of the exact solvers."""
    profile, strategies = np.zeros(3, int), np.full((3, MARKET.num_levels), 1 / MARKET.num_levels)
    history = np.zeros((4, 3), int)
    name, usual = data.draw(
        st.sampled_from(
            [
                *((name, profile) for name in OF_PROFILES),
                *((name, strategies) for name in OF_STRATEGIES),
                *((name, history) for name in OF_HISTORIES),
                *((name, None) for name in ("pure_nash", "count_nash", "logit_equilibrium", "draw_markets")),
            ]
        )
    )
    if usual is not None:
        given = data.draw(st.one_of(st.just(usual), spoilt(usual)))
        if data.draw(st.booleans()) and isinstance(given, np.ndarray) and usual.dtype.kind == "i":
            with np.errstate(invalid="ignore"):
                given = given.astype(int)
        found = getattr(equilibrium, name)(MARKET, given)
    elif name == "draw_markets":
        given = data.draw(arguments({"num_questions": 100, "num_markets": 3}))
        found = [one.quality for one in equilibrium.draw_markets(MARKET, rng=np.random.default_rng(0), **given)]
    else:
        key = "rationality" if name == "logit_equilibrium" else "tolerance"
        found = getattr(equilibrium, name)(MARKET, **data.draw(arguments({key: 1e-9})))
        found = found[0] if name == "logit_equilibrium" else found
    for part in found if isinstance(found, tuple | list) else [found]:
        assert np.all(np.isfinite(np.asarray(part, dtype=float)))


def _plays(data: st.DataObject, folder: Path) -> None:
    """Recorded actions, wherever they are taken."""
    mechanism = make_mechanism(data.draw(st.sampled_from(["per_token", "second_price"])))
    game = StageGame(MARKET, mechanism)
    usual = np.zeros((4, *game.action_shape))
    given = data.draw(st.one_of(st.just(usual.astype(int)), spoilt(usual)))
    way = data.draw(st.sampled_from(["frozen", "cross", "recorded", "replay", "conv", "regrets"]))
    if way == "frozen":
        assert np.isfinite(FrozenPlay(MARKET, mechanism, given).nash_conv.total)
    elif way == "cross":
        assert not np.any(np.isnan(cross_play(MARKET, mechanism, {"a": given, "b": usual.astype(int)})))
    elif way == "recorded":
        _right_play(ProviderEnv(NAME, mechanism, opponents=Recorded(given)))
    elif way == "replay":
        assert np.all(np.isfinite(replay(MARKET, mechanism, given).outcome.utility))
    elif way == "conv":
        assert np.all(np.isfinite(game.nash_conv(given).total))
    else:
        assert np.all(np.isfinite(game.regrets(given)[0]))


def _tasks(data: st.DataObject, folder: Path) -> None:
    usual = {
        "name": "it", "train": (NAME,), "test": (NAME,), "mechanism": "per_token", "beta": 100.0, "demand": "expected",
        "steps": 10, "num_markets": 2, "max_cycles": 5,
    }  # fmt: skip
    task = Task(**data.draw(arguments(usual)))
    task.make_env().reset(0)
    if data.draw(st.booleans()):
        load_suite(data.draw(st.sampled_from(["", "ttc-lite-v1", "../x", "x.toml", "\0.toml"])))


def _outcomes(data: st.DataObject, folder: Path) -> None:
    shape = (2, 3, 4)
    Outcomes(**data.draw(arguments({"accuracy": np.full(shape, 0.5), "tokens": np.ones(shape)})))


def _checkpoint(data: st.DataObject, folder: Path) -> None:
    path = folder / "it.safetensors"
    checkpoints.write(path, {"a": np.arange(3.0), "b": [1, "x", None]})
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content)
    assert checkpoints.read(path)["b"] == [1, "x", None]


def _jsonl(data: st.DataObject, folder: Path) -> None:
    path = folder / "it.jsonl"
    path.write_bytes(data.draw(garbled(JSONL)))
    read_lines(path)


WORDS = (
    "nan",
    "-1",
    "0",
    "inf",
    "1e400",
    "",
    " ",
    "x" * 3000,
    "../../x",
    "/",
    "\N{COLLISION SYMBOL}",
    "a\nb",
    "os:path",
    "None",
    "{}",
)
SCRIPTS: dict[str, tuple[Callable[[list[str]], int], tuple[str, ...], tuple[str, ...]]] = {
    "run": (
        train.run.command_line,
        ("--market", NAME, "--num-markets", "2", "--steps", "1", "--algorithm", "hedge"),
        ("--market", "--mechanism", "--beta", "--algorithm", "--learners", "--dynamics", "--opponents", "--seed",
         "--num-seeds", "--steps", "--demand", "--num-markets", "--max-cycles", "--device", "--threads", "--eval-every",
         "--name", "--out", "--checkpoint-seconds", "--config.rate", "--resume", "--market.markup", "--market.name",
         "--market.costs"),
    ),
    "play": (
        train.play.command_line, ("nowhere",), ("--task", "--seats", "--opponents", "--periods", "--render", "--out")
    ),
    "benchmark": (
        train.benchmark.command_line,
        ("--suite", "nowhere", "--no-figures"),
        ("--learner", "--task", "--seeds", "--jobs", "--steps", "--name", "--out", "--backend"),
    ),
    "collusion": (
        train.collusion.command_line,
        ("--sessions", "1", "--controls", "0", "--market", "nowhere"),
        ("--mechanism", "--sessions", "--controls", "--backend", "--name", "--out", "--jobs", "--beta"),
    ),
}  # fmt: skip


def _scripts(data: st.DataObject, folder: Path) -> None:
    """Words of a command line; it ends in one line or a result, and writes below its folder alone."""
    command_line, usual, options = SCRIPTS[data.draw(st.sampled_from(sorted(SCRIPTS)))]
    inside = folder / "inside"
    inside.mkdir()
    option, word = data.draw(st.sampled_from(options)), data.draw(st.sampled_from(WORDS))
    found = run_here(command_line, inside, *usual, option, word)
    assert list(folder.iterdir()) == [inside]
    assert "Traceback" not in found.said
    assert found.returncode in (0, 2)
    if found.returncode:
        raise ValueError(found.said)


DOORS = [
    Door("Market", _market),
    Door("load_market", _load),
    Door("describe", _describe),
    Door("tables as CSV", _csv),
    Door("VectorMarket", _vector),
    Door("Gymnasium forms", _single),
    Door("PettingZoo forms", _parallel),
    Door("step, reset, set_state", _steps),
    Door("mechanisms", _mechanism),
    Door("dynamics", _dynamics),
    Door("exact solvers", _solvers),
    Door("recorded play", _plays),
    Door("tasks and suites", _tasks),
    Door("Outcomes", _outcomes),
    Door("checkpoints", _checkpoint),
    Door("JSON lines", _jsonl),
    Door("words of scripts", _scripts, every=5),
]
