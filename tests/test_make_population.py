"""`train/make_population.py`: small populations, the same bytes again, and every script in its action space."""

import numpy as np
import pytest

from train.comparison import populations
from train.make_population import SCRIPTS, Args, main
from ttc_env import StageGame
from ttc_env.evaluation import Task, evaluate_policy, load_suite
from ttc_env.evaluation.frozen import FrozenPlay, uniform_nash_conv
from ttc_env.evaluation.population import read_population
from ttc_env.opponents import Recorded
from ttc_env.playing import record_play

LITE = [task for task in load_suite("ttc-lite-v1") if task.held_out_opponents and not task.carries]


def test_the_same_arguments_write_the_same_bytes(tmp_path):
    paths = [tmp_path / "one.npz", tmp_path / "two.npz"]
    made = {"learners": (("ppo", 5_000),), "scripts": ("random",), "suites": ("ttc-lite-v1",), "samples": 12}
    for jobs, path in enumerate(paths, start=1):
        main(Args(**made, out=path, jobs=jobs))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    found = read_population(paths[0])
    assert {key.split(":")[0] for key in found} == {"per_token", "second_price"}
    assert len(found) == len({(task.mechanism, task.beta, name) for task in LITE for name in task.test})
    for key, population in found.items():
        assert population.members == ("ppo 5000", "random")
        assert population.actions.shape == (2, 12, 9, *((3,) if "second_price" in key else ()))
        assert len(np.unique(population.actions[0], axis=0)) > 1  # it explores


@pytest.mark.parametrize("task", LITE, ids=lambda task: task.name)
def test_scripts_play_legal_actions_of_their_own_kind(task):
    name = task.test[0]
    game = StageGame(task.market(name), task.mechanism)
    rng = np.random.default_rng(0)
    random = uniform_nash_conv(task.market(name), game.mechanism).total
    distance = {}
    for script, make in SCRIPTS.items():
        actions = make(game, rng, 200)
        distance[script] = FrozenPlay(task.market(name), game.mechanism, actions).nash_conv.total / random
        env = task.make_test_env(name, 4)
        opponents = Recorded(actions)
        played = record_play(env, lambda seen: opponents(seen, None, rng.random), 3)  # noqa: B023
        assert played.shape == (12, *actions.shape[1:])
    assert distance["noisy-nash"] < 0.8 < distance["random"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_a_learner_refuses_is_said_as_it_says_it(tmp_path, jobs):
    wrong = Args(learners=(("reader", 1000),), scripts=(), suites=("ttc-lite-v1",), out=tmp_path / "it.npz", jobs=jobs)
    with pytest.raises(ValueError, match="Reader plays per-token pricing"):
        main(wrong)
    assert not list(tmp_path.iterdir())


def test_unknown_scripts_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"unknown scripts \['nash'\]; allowed: random, noisy-nash, soft"):
        main(Args(scripts=("nash",), out=tmp_path / "none.npz"))


def test_a_market_that_is_not_shipped_gets_its_population_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(populations, "ADDED", added := {})
    task = Task("own", ("nano/majority_voting",), ("nano/majority_voting",), beta=300.0)
    small = Args(learners=(("hedge", 200),), scripts=("random", "soft"), samples=8, num_markets=2)
    populations.provide([*LITE, task], small)
    assert list(added) == ["per_token:nano/majority_voting:300"]
    (path,) = (tmp_path / "runs" / "populations").iterdir()
    first = path.read_bytes()
    found = added.pop("per_token:nano/majority_voting:300")
    assert found.members == ("hedge 200", "random", "soft")
    with monkeypatch.context() as patched:
        patched.setattr(populations, "make_population", None)  # it is kept
        populations.provide([task], small)
    np.testing.assert_array_equal(added["per_token:nano/majority_voting:300"].actions, found.actions)
    path.unlink()
    populations.provide([task], small)
    assert path.read_bytes() == first
    monkeypatch.setattr("ttc_env.evaluation.population.ADDED", added)
    honest = evaluate_policy(task, lambda seen, greedy=False: np.zeros(seen.shape[:-1], int))
    assert 0 <= honest["held_out_opponents"] <= 1
