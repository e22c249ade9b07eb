"""The learner that reads the market: what it reads, what it refuses, and markets of sizes that it never met."""

from __future__ import annotations

import copy
import io
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import ttc_env
from agents import default_config, make_learner, resuming
from agents.hyperparameters import ReaderConfig
from agents.reader import Reader, read, relative
from ttc_env import VectorMarket
from ttc_env.envs.seats import Seats
from ttc_env.evaluation import evaluate_policy, load_suite
from ttc_env.observing import layout

MARKET = ttc_env.load_market("gpqa/majority_voting", beta=500.0)
SMALL = partial(VectorMarket, "gsm8k/reasoning_effort", num_markets=4)
QUICK = ReaderConfig(horizon=2, epochs=1)


def shown(market, levels):
    """What is read of a market after a period, and the payoffs of all levels in it."""
    env = VectorMarket(market, feedback="counterfactual", dtype="float64")
    env.reset(seed=0)
    observations, *_, info = env.step(np.asarray(levels)[None])
    return read(observations, layout(env.game), env.seats), torch.as_tensor(info["counterfactual"])


@given(st.lists(st.integers(0, 5), min_size=9, max_size=9))
@settings(max_examples=6, deadline=None)
def test_what_is_read_says_how_demand_answers(levels):
    """Oracle: logit demand moves the odds of a provider by what it gives more to users."""
    reading, payoffs = shown(MARKET, levels)
    gained, odds = 10 * reading.levels[..., 2], 10 * reading.levels[..., 4]
    exact = reading.margin * torch.sigmoid(gained + odds)
    torch.testing.assert_close(relative(exact).double(), relative(payoffs), atol=2e-4, rtol=0)


@given(st.permutations(range(9)), st.lists(st.integers(0, 5), min_size=9, max_size=9), st.integers(0, 99))
@settings(max_examples=6, deadline=None)
def test_who_sits_where_changes_nothing(order, levels, seed):
    network = make_learner("reader", SMALL, 10, seed).network
    with torch.no_grad():
        plain = network(shown(MARKET, levels)[0])
        moved = network(shown(MARKET.select(order), np.asarray(levels)[list(order)])[0])
    torch.testing.assert_close(moved, plain[:, list(order)], atol=1e-5, rtol=1e-4)


def test_it_draws_markets_of_many_sizes_users_and_mark_ups():
    learner = make_learner("reader", partial(VectorMarket, ["gsm8k/best_of_n", "aime/best_of_n"], num_markets=2), 10, 0)
    config, drawn = learner.config, [learner.draw() for _ in range(60)]
    assert all(len(markets) == 2 and len({one.quality.shape for one in markets}) == 1 for markets in drawn)
    assert {markets[0].num_providers for markets in drawn} == set(range(2, 10))
    assert {markets[0].num_levels for markets in drawn} == set(range(2, 7))
    for one in (market for markets in drawn for market in markets):
        assert np.all((one.price / one.cost > config.mark_up[0]) & (one.price / one.cost < config.mark_up[1]))
        assert config.rationality[0] < np.log10(one.beta * one.unit) < config.rationality[1]
        assert list(one.levels) == sorted(one.levels)


@pytest.mark.parametrize("demand", ["expected", 20])
def test_it_keeps_the_contract_of_learners(demand):
    make = partial(SMALL, demand=demand)
    first, again, fresh = (make_learner("reader", make, 500, seed, config=QUICK) for seed in (1, 1, 2))
    assert first.update() == again.update()
    env = make(num_markets=3)
    observations = env.reset(seed=0)[0]
    first.enter(env), again.enter(env)
    np.testing.assert_array_equal(first.act(observations), again.act(observations))
    resuming.set_state(fresh, copy.deepcopy(resuming.get_state(first)))
    assert fresh.steps == first.steps
    assert first.update() == fresh.update()
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    again.load_state_dict(torch.load(file))
    np.testing.assert_array_equal(again.act(observations, greedy=True), first.act(observations, greedy=True))


def test_it_plays_markets_of_other_sizes_and_some_seats_only():
    learner = make_learner("reader", SMALL, 500, 0, config=QUICK)
    learner.update()
    for env in (VectorMarket(MARKET, num_markets=5), Seats(VectorMarket(MARKET, num_markets=2), [7, 0], "random")):
        observations = env.reset(seed=0)[0]
        with pytest.raises(ValueError, match=r"the markets entered have observations \(B, "):
            learner.act(observations)
        learner.enter(env)
        for greedy in (True, False):
            observations = env.step(learner.act(observations, greedy))[0]


@pytest.mark.parametrize(
    ("mechanism", "options", "message"),
    [
        ("second_price", {}, r"plays per-token pricing; observations of this market lack users\.rationality"),
        ("posted_price", {}, r"where offers are levels; got MultiDiscrete"),
        ("per_token", {"observe": "own"}, r"lack public\.level, public\.share"),
        ("per_token", {"dynamics": "loyalty"}, r"answers last period, but loyalty"),
    ],
)
def test_other_markets_are_refused(mechanism, options, message):
    with pytest.raises(ValueError, match=message):
        make_learner("reader", partial(SMALL, mechanism=mechanism, **options), 10, 0)


@pytest.mark.parametrize("pair", [(2.0, 1.0), (1.0,), 3, (1.0, float("nan"))])
def test_ranges_are_the_least_and_the_greatest(pair):
    with pytest.raises(ValueError, match="rationality"):
        ReaderConfig(rationality=pair)
    with pytest.raises(ValueError, match="mark_up must be above 0"):
        ReaderConfig(mark_up=(0.0, 1.0))
    assert default_config("reader") == Reader.Config()


@pytest.mark.long
def test_a_little_training_already_reads_demand():
    learner = make_learner("reader", partial(VectorMarket, "gsm8k/best_of_n", num_markets=32), 15_000, 0)
    losses = []
    while learner.steps < 15_000:
        losses.append(learner.update()["loss"])
    assert np.mean(losses[-3:]) < np.mean(losses[:3]) / 2
    task = next(task for task in load_suite("ttc-lite-v1") if task.name == "tokens-held-out")
    assert evaluate_policy(task, learner.act, learner.enter)["score"] > 0.8


@pytest.mark.slow
def test_markets_never_met_are_played_within_one_percent_of_profit():
    task = next(task for task in load_suite("ttc-lite-v1") if task.name == "tokens-held-out")
    learner = make_learner("reader", task.make_env, task.steps, 0)
    while learner.steps < task.steps:
        learner.update()
    assert evaluate_policy(task, learner.act, learner.enter)["relative_nash_conv"] < 0.01
