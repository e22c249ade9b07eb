"""Evaluation of policies: where its scale begins and ends, and every figure against a second computation."""

import json
from dataclasses import replace

import numpy as np
import pytest

import ttc_env
from agents import make_learner
from tests.helpers.markets import BruteForce
from ttc_env import StageGame, equilibrium
from ttc_env.evaluation import Task, evaluate_greedy, evaluate_policy, load_suite
from ttc_env.evaluation.frozen import FrozenPlay, cross_play, uniform_nash_conv
from ttc_env.evaluation.population import load_population
from ttc_env.mechanisms import PerToken, SecondPrice, make_mechanism
from ttc_env.metrics import evaluate, play, record_play
from ttc_env.opponents import Recorded, equilibrium_actions, make_opponents

LITE = {task.name: task for task in load_suite("ttc-lite-v1")}
SMALL = Task("small", ("gpqa/reasoning_effort",), ("gpqa/reasoning_effort",), max_cycles=30)
STAGE = {name: task for name, task in LITE.items() if not task.carries}
each_task = pytest.mark.parametrize("task", STAGE.values(), ids=lambda task: task.name)


class Scripted:
    """A policy that plays the analytic solution of whatever market it entered, or at random."""

    def __init__(self, nash=True, seed=0):
        self.nash, self.rng, self.seen = nash, np.random.default_rng(seed), []

    def enter(self, env):
        self.env = env

    def act(self, observations, greedy=False):
        self.seen.append((observations.shape, greedy))
        shape = (len(observations), self.env.num_providers, *self.env.single_action_space.shape)
        if self.nash:
            joint = equilibrium_actions(replace(self.env.game, market=self.env.market))
            return np.broadcast_to(joint, shape)
        space = self.env.single_action_space
        return self.rng.integers(0, getattr(space, "nvec", getattr(space, "n", None)), shape)


def evaluate_scripted(task, **options):
    policy = Scripted(**options)
    return evaluate_policy(task, policy.act, policy.enter)


@each_task
def test_an_equilibrium_scores_one(task):
    found = evaluate_scripted(task)
    for name, value in {"score": 1, "relative_nash_conv": 0, "average_relative_nash_conv": 0, "swap_regret": 0}.items():
        assert found[name] == pytest.approx(value, abs=1e-9), name
    assert found["external_regret"] == pytest.approx(0, abs=1e-9)
    assert found["user_value_ratio"] == pytest.approx(1)
    assert ("held_out_opponents" in found) == ("rival_regret" in found) == task.held_out_opponents
    if task.held_out_opponents:
        assert 0.5 < found["held_out_opponents"] <= 1 + 1e-12
        assert 0 <= found["rival_regret"] < 0.5
    if task.mechanism == "second_price":
        assert found["rival_regret"] == pytest.approx(0, abs=1e-12)
        assert found["held_out_opponents"] == pytest.approx(1)  # honesty is a best response to anybody
        assert found["welfare_ratio"] == found["winner_efficiency"] == pytest.approx(1)
        assert found["truthfulness_gap"] == pytest.approx(0, abs=1e-12)
        assert found["profit_gain"] == pytest.approx(0, abs=1e-12)
    else:
        assert found["profit_gain"] == pytest.approx(0, abs=1e-9)
        poa = np.mean([1 / equilibrium.price_of_anarchy(task.market(name)) for name in task.tests])
        assert found["welfare_ratio"] == pytest.approx(poa)
        assert not {"truthfulness_gap", "winner_efficiency"} & set(found)


@each_task
def test_random_play_scores_zero(task):
    found = evaluate_scripted(task, nash=False)
    assert found["score"] < 0.1
    assert found.get("held_out_opponents", 0) < 0.4
    if "relative_nash_conv" in found:
        assert found["relative_nash_conv"] > 0.2
        assert found["external_regret"] <= found["swap_regret"] + 1e-12


@each_task
def test_figures_are_plain_finite_numbers_and_come_again(task):
    found = evaluate_scripted(task, nash=False)
    assert found == evaluate_scripted(task, nash=False)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert {type(value) for value in found.values()} == {float}


@pytest.mark.long
@pytest.mark.parametrize("name", [task.name for task in STAGE.values() if not task.held_out])
def test_independent_ppo_solves_the_tasks_it_is_trained_on(name):
    task = LITE[name]
    learner = make_learner("ppo", task.make_env, task.steps, seed=0)
    while learner.steps < task.steps:
        learner.update()
    found = evaluate_policy(task, learner.act)
    assert found["relative_nash_conv"] < 0.01
    assert found["score"] > 0.95
    assert found["held_out_opponents"] > 0.9


def test_suppressed_bids_show_in_what_users_are_left_and_against_rivals():
    """The winner bids honestly and all others as low as they can: nobody could gain, and users get nothing."""
    task = LITE["auction-gpqa"]
    honest = StageGame(task.market("gpqa/best_of_n"), "second_price").equilibrium()
    winner = equilibrium.second_price_outcome(task.market("gpqa/best_of_n")).winner
    low = np.broadcast_to([0, 16, 0], honest.shape).copy()
    low[winner] = honest[winner]
    found = evaluate_policy(task, lambda seen, greedy=False: np.broadcast_to(low, (len(seen), *low.shape)))
    assert found["score"] == 1
    assert found["user_value_ratio"] < 0.3
    assert found["rival_regret"] > 0.3


def test_private_play_meets_honest_and_random_bidders():
    task = LITE["auction-private"]
    learner = make_learner("nash", task.make_env, 1, seed=0)
    found = evaluate_policy(task, learner.act, learner.enter)
    for name in ("score", "held_out_opponents", "user_value_ratio"):
        assert found[name] == pytest.approx(1), name
    assert found["rival_regret"] == pytest.approx(0, abs=1e-12)
    worse = evaluate_policy(task, lambda seen, greedy=False: np.broadcast_to([0, 16, 0], (*seen.shape[:2], 3)))
    assert worse["user_value_ratio"] == 0
    assert worse["rival_regret"] == pytest.approx(1)


def test_losing_play_has_no_relative_figures():
    """Every bid promises far too much: the winners pay for it, so that total profit is negative."""
    task = LITE["auction-gpqa"]

    def boast(observations, greedy=False):
        return np.broadcast_to([5, 8, 16], (*observations.shape[:2], 3))

    found = evaluate_policy(task, boast)
    assert not {"relative_nash_conv", "average_relative_nash_conv", "external_regret", "swap_regret"} & set(found)
    assert found["score"] < 0.5


def test_greedy_figures_are_those_of_metrics():
    task, policy = LITE["tokens-gsm8k"], Scripted(nash=False)
    env = task.make_test_env(task.test[0])
    policy.enter(env)
    figures = evaluate(env, play(env, policy.act, 10, seed=3))
    other = Scripted(nash=False)
    found = evaluate_greedy(task, other.act, other.enter, seed=3)
    assert found["relative_nash_conv"] == pytest.approx(figures["relative_nash_conv"])
    assert found["profit_gain"] == pytest.approx(figures["profit_gain"])
    assert found["welfare_ratio"] == pytest.approx(figures["welfare"] / figures["welfare_optimum"])
    assert {greedy for _, greedy in other.seen} == {True}
    random = uniform_nash_conv(task.market(task.test[0]), PerToken()).total
    assert found["score"] == pytest.approx(max(0, 1 - figures["nash_conv"] / random))


def test_exploring_and_greedy_play_are_told_apart():
    """Every figure of a policy that explores a fixed list of profiles and exploits another one."""
    market, greedy = SMALL.market(SMALL.test[0]), np.array([1, 3, 0])
    listed = np.random.default_rng(0).integers(0, 5, (25, 3))
    shown = iter(listed)

    def act(observations, greedy=False):
        return np.broadcast_to(best if greedy else next(shown), (len(observations), 3))

    best, (nash,) = greedy, equilibrium.pure_nash(market)
    found = evaluate_policy(SMALL, act)
    profit, strategies = market.utility(listed).sum(axis=1).mean(), equilibrium.empirical_strategies(market, listed)
    average = np.sum(strategies * equilibrium.mixed_deviation_utility(market, strategies))
    left = [float(market.welfare(profile) - market.utility(profile).sum()) for profile in (greedy, nash)]
    expected = {
        "relative_nash_conv": equilibrium.nash_conv(market, greedy).total / market.utility(greedy).sum(),
        "average_relative_nash_conv": equilibrium.mixed_nash_conv(market, strategies).total / average,
        "external_regret": equilibrium.coarse_correlated_regret(market, listed).clip(min=0).sum() / profit,
        "swap_regret": equilibrium.swap_regret(market, listed).sum() / profit,
        "user_value_ratio": left[0] / left[1],
        "welfare_ratio": market.welfare(greedy) / equilibrium.welfare_optimum(market).value,
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value), name


def test_regret_of_logged_bids():
    task = LITE["auction-gpqa"]
    market, mechanism = task.market(task.test[0]), SecondPrice()
    honest = mechanism.honest(market, market.welfare_contribution.argmax(axis=1))
    bids = np.tile(honest, (25, 1, 1))
    bids[..., 1] = np.random.default_rng(0).integers(8, 16, (25, 9))  # asks too much
    shown = iter(bids)

    def act(observations, greedy=False):
        return np.broadcast_to(honest if greedy else next(shown), (len(observations), 9, 3))

    found = evaluate_policy(task, act)
    earned = mechanism.clear(market, mechanism.bids(market, bids)).utility.sum(axis=1).mean()
    regret = equilibrium.auction_regret(market, mechanism, bids).mean(axis=0).sum()
    assert found["external_regret"] == found["swap_regret"] == pytest.approx(regret / earned)
    assert found["score"] == pytest.approx(1)
    assert min(found["external_regret"], found["average_relative_nash_conv"]) > 0.1


def test_a_cartel_gains_all_profit():
    market = SMALL.market(SMALL.test[0])
    cartel = equilibrium.joint_profit_optimum(market).profile
    task = replace(SMALL, held_out_opponents=False)
    found = evaluate_policy(task, lambda seen, greedy=False: np.broadcast_to(cartel, (len(seen), 3)))
    assert found["profit_gain"] == pytest.approx(1)
    assert "held_out_opponents" not in found


def test_the_population_is_met_in_every_seat():
    """A policy that plays constant levels, against every member in every seat by enumeration of all profiles."""
    name, levels = "gpqa/reasoning_effort", np.array([1, 3, 0])
    market = ttc_env.load_market(name)
    brute = BruteForce(market)
    utility = (np.exp(brute.log_shares())[:, :-1] * brute.margin).astype(float)
    ratios = []
    for member in load_population(name).actions:
        mixed = np.stack([np.bincount(member[:, i], minlength=5) for i in range(3)]) / len(member)
        for i in range(3):
            worth = np.empty(5)
            for k in range(5):
                faced = mixed.copy()
                faced[i] = np.eye(5)[k]
                worth[k] = np.prod(faced[np.arange(3), brute.profiles], axis=1) @ utility[:, i]
            ratios.append(max(0.0, (worth[levels[i]] - worth.mean()) / (worth.max() - worth.mean())))
    found = evaluate_policy(SMALL, lambda seen, greedy=False: np.broadcast_to(levels, (len(seen), 3)))
    assert found["held_out_opponents"] == pytest.approx(np.mean(ratios))


def test_own_seat_sees_the_members_play():
    """A policy that answers what it saw must see the population, not itself, in the other seats."""
    market = SMALL.market(SMALL.test[0])
    records = load_population(SMALL.test[0]).actions
    seen = []

    def watch(observations, greedy=False):
        if len(observations) == 3 * len(records):
            seen.append(np.rint(4 * observations[:, 0, -6:-3]).astype(int))
        return np.full(observations.shape[:2], 2)

    evaluate_policy(SMALL, watch)
    for last in seen[1:]:
        for row, levels in enumerate(last):
            member, seat = divmod(row, market.num_providers)
            for i in range(3):
                assert levels[i] == 2 if i == seat else levels[i] in records[member][:, i]


def test_recorded_play_is_all_rows_of_all_periods():
    env = SMALL.make_test_env(SMALL.test[0], 4)
    shown = iter(np.arange(5)[:, None, None] + np.zeros((5, 4, 3), int))
    played = record_play(env, lambda observations: next(shown), 5)
    np.testing.assert_array_equal(played, np.repeat(np.arange(5), 4)[:, None] + np.zeros((20, 3)))
    with pytest.raises(ValueError, match="periods must be at least 1, got 0"):
        record_play(env, lambda observations: None, 0)


def test_recorded_opponents_draw_from_their_own_columns():
    game = SMALL.make_test_env(SMALL.test[0]).game
    actions = np.array([[0, 1, 4], [0, 2, 4], [0, 2, 3], [0, 2, 3]], dtype=np.int8)
    opponents = make_opponents(game, 0, Recorded(actions))
    drawn = opponents(np.zeros((4000, 3, 5)), None, np.random.default_rng(0).random)
    assert drawn.shape == (4000, 3)
    assert drawn.dtype == np.int64
    frequency = equilibrium.empirical_strategies(game.market, drawn)
    np.testing.assert_allclose(frequency, equilibrium.empirical_strategies(game.market, actions), atol=0.03)
    assert abs(np.corrcoef(drawn[:, 1], drawn[:, 2])[0, 1]) < 0.05  # although the columns are correlated
    last = opponents(np.zeros((2, 3, 5)), None, lambda shape: np.full(shape, np.float32(1 - 2**-24)))
    np.testing.assert_array_equal(last, actions[[3, 3]])


@pytest.mark.parametrize("bad", [np.zeros((4, 2), int), np.zeros((4, 3, 3), int)])
def test_a_record_of_other_providers_is_refused(bad):
    game = SMALL.make_test_env(SMALL.test[0]).game
    with pytest.raises(ValueError, match=r"recorded actions of one period must have shape \(3,\), got"):
        make_opponents(game, 0, Recorded(bad))
    with pytest.raises(ValueError, match=r"recorded actions must have shape \(S, 3\) with S >= 1"):
        FrozenPlay(game.market, game.mechanism, bad)


@pytest.mark.parametrize("bad", [np.zeros((0, 3), int), np.zeros(3, int)])
def test_an_empty_record_is_refused(bad):
    with pytest.raises(ValueError, match="recorded actions must have shape"):
        Recorded(bad)


@pytest.mark.parametrize("mechanism", [PerToken(), SecondPrice(), SecondPrice("declared")], ids=repr)
def test_frozen_profits_are_means_over_drawn_opponents(mechanism):
    """Monte Carlo: provider 1 keeps its action, the others draw from their columns."""
    market = ttc_env.load_market("gpqa/reasoning_effort")
    rng = np.random.default_rng(0)
    sizes = mechanism.action_sizes(market)
    record = rng.integers(0, sizes if len(sizes) > 1 else 5, (6, 3, *((3,) if len(sizes) > 1 else ())))
    frozen = FrozenPlay(market, mechanism, record)
    profit = frozen.profit(record)
    draws = record[rng.integers(0, 6, (20_000, 3)), np.arange(3)]
    for t in range(6):
        draws[:, 1] = record[t, 1]
        earned = mechanism.clear(market, mechanism.bids(market, draws)).utility[:, 1]
        assert profit[t, 1] == pytest.approx(earned.mean(), abs=5 * earned.std() / np.sqrt(len(draws)) + 1e-15)
    assert np.all(frozen.best_profit >= profit.max(axis=0) - 1e-15)
    assert frozen.nash_conv.total == pytest.approx((frozen.best_profit - profit.mean(axis=0)).sum())


@pytest.mark.parametrize("name", ["per_token", "second_price"])
def test_cross_play_of_best_responses_and_of_seats_in_any_order(name):
    market, mechanism = ttc_env.load_market("gpqa/reasoning_effort"), make_mechanism(name)
    game = SMALL.make_test_env(SMALL.test[0]).game if name == "per_token" else None
    rng = np.random.default_rng(0)
    if game is None:
        honest = mechanism.honest(market, market.welfare_contribution.argmax(axis=1))
        plays = {"honest": honest[None], "random": rng.integers(0, [5, 17, 17], (40, 3, 3))}
    else:
        plays = {"honest": equilibrium.pure_nash(market)[:1], "random": rng.integers(0, 5, (40, 3))}
    matrix = cross_play(market, mechanism, plays)
    assert matrix[0, 0] == pytest.approx(1)
    assert np.all(matrix <= 1 + 1e-12)
    stage, seats = StageGame(market, mechanism), range(3)  # the random in each seat, the honest in the others
    trials = np.stack([np.repeat(plays["honest"], 40, axis=0)] * 3)
    for i in seats:
        trials[i, :, i] = plays["random"][:, i]
    earned = sum(stage.utility(trials[i])[:, i].mean() for i in seats)
    assert matrix[1, 0] == pytest.approx(earned / stage.deviations(plays["honest"][0]).max(axis=-1).sum())
    assert matrix[1, 0] < 0.95
    assert matrix[1, 1] < 0.95
    order = [2, 0, 1]
    permuted = {key: actions[:, order] for key, actions in plays.items()}
    np.testing.assert_allclose(cross_play(market.select(order), mechanism, permuted), matrix)


def test_where_nothing_can_be_earned_cross_play_tells_loss_from_none():
    tables = {"quality": [[1.0], [1.0]], "price": [[0.5], [0.5]], "cost": [[0.5], [0.5]]}
    market, mechanism = ttc_env.Market(["a", "b"], [1], beta=1.0, **tables), SecondPrice(grid=(-0.25, 0.0, 0.25))
    honest, generous = np.array([[[0, 1, 1], [0, 1, 1]]]), np.array([[[0, 0, 1], [0, 0, 1]]])
    matrix = cross_play(market, mechanism, {"honest": honest, "generous": generous})
    np.testing.assert_array_equal(matrix, [[1.0, 1.0], [1.0, -np.inf]])
    with pytest.raises(ValueError, match="at least one policy"):
        cross_play(market, mechanism, {})
