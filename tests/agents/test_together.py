"""Learners of different kinds at once: each learns what it would learn, whatever the other takes for its updates."""

import json
import threading
from functools import partial

import numpy as np
import pytest

from agents import default_config
from agents.together import Part, Together, learns
from agents.training import advance
from tests.helpers.chat_servers import seat_of, serving
from tests.helpers.scripts import run_here
from train.run import command_line
from ttc_env import VectorMarket

MAKE = partial(VectorMarket, "gsm8k/reasoning_effort", "per_token", 4, max_cycles=5)


def learn(first, second, updates=3):
    parts = [Part(first, default_config(first), [0, 2]), Part(second, default_config(second), [1])]
    both = Together(MAKE, parts, 3000, seed=1)
    try:
        for k in range(updates):
            advance(both, k + 1)
        seen = MAKE(dtype="float64").reset(0)[0]
        return both.act(seen, greedy=True), both.steps, both.learners
    finally:
        both.close()


SLOW = [pytest.param(names, marks=pytest.mark.slow) for names in (("ppo", "q-learning"), ("hedge", "dqn"))]


@pytest.mark.parametrize("names", [("q-learning", "hedge"), *SLOW])
def test_play_is_the_same_again_and_no_thread_stays(names):
    before = threading.active_count()
    first, second = learn(*names), learn(*names)
    np.testing.assert_array_equal(first[0], second[0])
    assert first[1] == second[1] > 0
    assert first[0].shape == (4, 3)
    assert all(learner.steps > 0 for learner in first[2][:1])
    assert threading.active_count() == before


def test_beside_a_constant_a_learner_learns_what_it_learns_alone():
    """Against scripted play that never changes, the same table as in `Seats` with the same play."""
    from agents import make_learner
    from ttc_env.envs.seats import Seats

    _, _, (own, _) = learn("q-learning", "fixed")
    constant = np.full(3, 2)  # the middle of five levels

    def make(**options):
        return Seats(MAKE(**options), [0, 2], constant)

    alone = make_learner("q-learning", make, 2000, seed=1)
    for k in range(3):
        advance(alone, k + 1)
    np.testing.assert_allclose(own.values, alone.values, rtol=1e-5, atol=1e-7)


def test_a_fault_of_either_ends_both():
    parts = [Part("hedge", default_config("hedge"), [0]), Part("q-learning", default_config("q-learning"), [1, 2])]
    both = Together(MAKE, parts, 3000)
    both.learners[1].values[:] = np.nan
    with pytest.raises(ArithmeticError, match="not finite"):
        _ = [both.update() for _ in range(50)]
    both.close()
    with pytest.raises(ValueError, match="must be played by one learner"):
        Together(MAKE, [Part("hedge", default_config("hedge"), [0, 1])], 100)


def test_names_that_are_scripted_do_not_learn_along():
    assert learns("q-learning")
    assert not learns("nash")
    assert not learns("runs/somewhere")


def test_a_language_model_plays_against_a_learner_that_learns_along(tmp_path, monkeypatch):
    for name in ("draw_training", "draw_outcome"):
        monkeypatch.setattr(f"train.figures.{name}", lambda *given: None)
    words = ["--market", "gsm8k/reasoning_effort", "--algorithm", "language", "--config.model", "tiny"]
    words += ["--learners", "0", "2", "--opponents", "q-learning", "--steps", "18", "--max-cycles", "6"]
    with serving(lambda body: json.dumps({"level": 1 + seat_of(body)[1] % 5})) as (url, chat):
        done = run_here(command_line, tmp_path, *words, "--config.base-url", url, "--name", "it")
        assert done.returncode == 0, done.said
        assert {seat_of(body)[0] for body in chat.bodies} == {0, 2}
        assert len(chat.bodies) == 12
    summary = json.loads((tmp_path / "runs" / "it" / "summary.json").read_text())
    assert summary["agent_steps"] == 18
    assert summary["play"]["seats"] == [0, 2]
