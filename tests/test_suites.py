"""Suites, their tasks, and the frozen population of their test markets."""

import numpy as np
import pytest

import ttc_env
from tests.helpers.markets import market_of
from ttc_env.evaluation import SUITES, Task, load_suite, population
from ttc_env.evaluation.frozen import FrozenPlay, uniform_nash_conv
from ttc_env.evaluation.population import Population, load_population, read_population, write_population
from ttc_env.mechanisms import make_mechanism

TASKS = [(suite, task) for suite in SUITES for task in load_suite(suite)]
GSM8K = ("gsm8k/majority_voting",)


def test_suites_are_what_they_say():
    lite, main = load_suite("ttc-lite-v1"), load_suite("ttc-main-v1")
    assert [task.mechanism for task in lite] == ["per_token"] * 3 + ["second_price"] * 2
    assert [task.demand for task in lite] == ["expected", 100, "expected", "expected", "expected"]
    assert [task.held_out for task in lite] == [False, False, True, False, False]
    assert [task.information for task in lite] == [None, None, None, "private", None]
    assert 24 <= len(main) <= 30
    assert {task.mechanism for task in main if task.held_out} == {"per_token", "second_price"}
    assert {task.information for task in main} == {None, "private"}
    assert {task.beta for task in main} == {200.0, 1000.0, 3000.0, 1e5}
    assert {task.steps for task in main} == {500_000}
    for tasks in (lite, main):
        assert len({task.name for task in tasks}) == len(tasks)


@pytest.mark.parametrize(("suite", "task"), TASKS, ids=str)
def test_every_task_trains_and_tests_in_one_pair_of_spaces(suite, task):
    env = task.make_env(copy=False)
    env.reset(seed=0)
    assert env.num_markets == task.num_markets
    for name in task.tests:
        there = task.make_test_env(name, 3)
        assert there.reset(seed=0)[0].shape == (3, *env.reset(seed=0)[0].shape[1:])
        assert there.single_action_space == env.single_action_space
        assert there.market.beta == getattr(task.market(name), "markets", [task.market(name)])[0].beta
        assert (there.game.demand, there.game.max_cycles) == (task.demand, task.max_cycles)


def test_rows_of_training_take_the_markets_in_turn():
    task = Task("two", ("gsm8k/best_of_n", "aime/best_of_n"), ("gpqa/best_of_n",), num_markets=4)
    quality = task.make_env().market.quality
    np.testing.assert_array_equal(quality[0], quality[2])
    np.testing.assert_array_equal(quality[1], ttc_env.load_market("aime/best_of_n").quality)
    assert task.held_out


def test_markets_are_drawn_around_measured_curves():
    one, same, other = ({"source": "gpqa/best_of_n", "draw": seed, "beta": 300.0} for seed in (3, 3, 4))
    task = Task("drawn", (one,), (one, other), held_out_opponents=False)
    measured = ttc_env.load_market("gpqa/best_of_n")
    np.testing.assert_array_equal(task.market(one).quality, task.market(same).quality)
    assert task.market(one).beta == 300.0
    assert 0 < abs(task.market(one).accuracy - measured.accuracy).max() < 0.5
    assert (task.market(one).quality != task.market(other).quality).any()
    np.testing.assert_array_equal(task.market(one).cost, measured.cost)
    with pytest.raises(ValueError, match=r"draw, a seed, must be an integer >= 0, got -1"):
        Task("bad", ({"source": "gpqa/best_of_n", "draw": -1},), GSM8K)
    with pytest.raises(ValueError, match="mixed/best_of_n is a mixture"):
        Task("bad", ({"source": "mixed/best_of_n", "draw": 1},), GSM8K)


def test_suites_that_were_replaced_say_by_which():
    for name in ("lite", "main"):
        with pytest.raises(ValueError, match=f"ttc-{name}-v0 is no more: .* take ttc-{name}-v1"):
            load_suite(f"ttc-{name}-v0")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train": "gsm8k/majority_voting"}, "train must be a tuple of one or more markets, got 'gsm8k"),
        ({"test": ()}, "test must be a tuple"),
        ({"test": ("gsm8k/reasoning_effort",)}, "equally many providers and levels, got .*'gsm8k/reasoning_effort'"),
        ({"train": ("gsm8k/majority",)}, "unknown market 'gsm8k/majority'"),
        ({"mechanism": "no_price"}, "unknown mechanism 'no_price'; allowed: per_token, "),
        ({"demand": "sampled"}, "demand, unless 'expected', must be an integer >= 1, got 'sampled'"),
        ({"steps": 0}, "steps must be an integer >= 1, got 0"),
        ({"beta": -1.0}, "beta must be positive"),
        ({"train": (*GSM8K, "gsm8k/best_of_n"), "num_markets": 3}, "multiple of the 2 markets in train, got 3"),
    ],
)
def test_bad_tasks_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        Task(**({"name": "bad", "train": GSM8K, "test": GSM8K} | changes))


def test_unknown_names_are_told_what_there_is():
    with pytest.raises(ValueError, match=r"unknown suite 'ttc-lite'; allowed: .*ttc-lite-v1, ttc-main-v1, or the path"):
        load_suite("ttc-lite")
    with pytest.raises(ValueError, match="unknown test market 'aime/best_of_n' of tokens-gsm8k; allowed: gsm8k"):
        load_suite("ttc-lite-v1")[0].make_test_env("aime/best_of_n")
    with pytest.raises(ValueError, match="no frozen population for 'per_token:nano/best_of_n:1000'; there are: per_"):
        load_population("nano/best_of_n")
    with pytest.raises(ValueError, match="'per_token:gsm8k/majority_voting:7'"):
        load_population("gsm8k/majority_voting", beta=7.0)


MET = [task for _, task in TASKS if task.held_out_opponents and not task.carries]


@pytest.mark.parametrize("course", sorted({(name, t.mechanism, t.beta) for t in MET for name in t.tests}), ids=str)
def test_every_test_market_has_a_diverse_population(course):
    name, mechanism, beta = course
    found = load_population(name, mechanism, beta)
    market, mechanism = ttc_env.load_market(name, beta=beta), make_mechanism(mechanism)
    assert len(set(found.members)) == len(found.members) == len(found.actions) >= 5
    assert found.actions.dtype == np.int8
    random = uniform_nash_conv(market, mechanism).total
    distance = [FrozenPlay(market, mechanism, play.astype(int)).nash_conv.total / random for play in found.actions]
    assert min(distance) < 0.1  # somebody plays well
    assert max(distance) > 0.5  # and somebody does not
    assert np.ptp(np.sort(distance)[1:-1]) > 0.1  # nor are the others all alike


def test_auctions_share_a_population_over_betas():
    first, second = (load_population("gpqa/best_of_n", "second_price", beta) for beta in (200.0, 1e5))
    assert first is second


def test_the_population_is_small():
    assert population.FILE.stat().st_size < 400_000


def test_a_population_file_is_read_as_written(tmp_path):
    play = np.arange(24, dtype=np.int64).reshape(2, 4, 3) % 5
    made = {"per_token:here:1": Population(("first", "second"), play)}
    write_population(tmp_path / "one.npz", made)
    write_population(tmp_path / "other.npz", made)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "other.npz").read_bytes()
    read = read_population(tmp_path / "one.npz")["per_token:here:1"]
    assert read.members == ("first", "second")
    np.testing.assert_array_equal(read.actions, play)
    with pytest.raises(ValueError, match="same members"):
        write_population(tmp_path / "bad.npz", made | {"there": Population(("first", "third"), play)})
    with pytest.raises(FileNotFoundError):
        read_population(tmp_path / "none.npz")


def test_uniform_play_is_the_mean_over_actions():
    market = market_of([[0.0, 1.0]], [[1.0, 0.5]])
    assert uniform_nash_conv(market, make_mechanism("per_token")).total == pytest.approx(
        abs(np.diff(market.utility([[0], [1]])[:, 0])[0]) / 2
    )
