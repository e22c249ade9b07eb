"""Tasks in which something is carried over: whole policies are judged, exactly."""

import json

import numpy as np
import pytest

from agents import make_learner
from ttc_env import MarkovGame, VectorMarket, load_market
from ttc_env.dynamics import Capacity, Loyalty, Releases, constant, uniform
from ttc_env.equilibrium import PrivateGame
from ttc_env.evaluation import Task, evaluate_greedy, evaluate_policy, find_course
from ttc_env.judging import markov_policy
from ttc_env.mechanisms import every_action

THREE = {"source": "gsm8k/majority_voting", "providers": [1, 6, 8]}
LOYAL = Task("loyal", (THREE,), (THREE,), dynamics={"loyalty": {"cost": 0.004}})
QUEUES = Task("queues", (THREE,), (THREE,), dynamics={"capacity": {"queue": 1, "speed": 2000.0}})
TYPES = Task("types", ("mixed/majority_voting",), ("mixed/majority_voting",), information="public")
PRIVATE = Task(
    "private", ("mixed/best_of_n",), ("mixed/best_of_n",), mechanism="second_price", information="private"
)  # fmt: skip
each = pytest.mark.parametrize("task", [LOYAL, QUEUES, TYPES, PRIVATE], ids=lambda task: task.name)


def scripted(task, name):
    return make_learner(name, task.make_env, 1000, 0)


def found_of(task, name):
    player = scripted(task, name)
    return evaluate_policy(task, player.act, player.enter)


@each
def test_equilibrium_and_random_play_are_the_ends_of_the_scale(task):
    best, worst = found_of(task, "nash"), found_of(task, "random")
    assert best["score"] == pytest.approx(1)
    assert best["relative_nash_conv"] == pytest.approx(0, abs=1e-9)
    assert best["user_value_ratio"] == pytest.approx(1)
    assert worst["score"] < 0.3
    assert json.loads(json.dumps(worst, allow_nan=False)) == worst
    if task is not PRIVATE:
        assert worst["held_out_opponents"] < 0.6 < best["held_out_opponents"] <= 1 + 1e-12


@pytest.mark.parametrize("name", ["stage", "myopic"])
def test_figures_are_those_of_the_exact_game(name):
    game = MarkovGame(load_market(**THREE), "per_token", Loyalty(0.004))
    policy = game.stage_policy() if name == "stage" else game.myopic_policy()
    found = found_of(LOYAL, name)
    whole = game.uniform_nash_conv().total
    assert found["score"] == pytest.approx(max(0, 1 - game.nash_conv(policy).total / whole))
    assert found["relative_nash_conv"] == pytest.approx(game.relative_nash_conv(policy))
    planned = game.welfare_optimum()
    assert found["welfare_ratio"] == pytest.approx(game.welfare(policy)[game.start] / planned.values[game.start])
    others = [game.stage_policy(), game.myopic_policy(), game.equilibrium()]
    told = []
    for other in others:
        for i in range(3):
            mixed = policy.copy()
            mixed[:, [j for j in range(3) if j != i]] = other[:, [j for j in range(3) if j != i]]
            chance = np.eye(6)[other]
            chance[:, i] = 1 / 6
            best, random = game.best_response(other, i)[1][game.start], game.values(chance)[game.start, i]
            told.append(max(0, (game.values(mixed)[game.start, i] - random) / (best - random)))
    assert found["held_out_opponents"] == pytest.approx(np.mean(told))


def test_greedy_figures_are_the_same_without_the_others():
    player = scripted(LOYAL, "stage")
    found = evaluate_greedy(LOYAL, player.act, player.enter)
    assert found.items() <= found_of(LOYAL, "stage").items()


def test_cross_play_measures_the_loss_against_best_responses():
    course = find_course(LOYAL, LOYAL.tests[0])
    frozen = {name: [course.freeze(scripted(LOYAL, name).act, None, 0)] for name in ("stage", "nash")}
    matrix = course.cross_play(frozen)
    game, (stage,), (nash,) = course.game, *frozen.values()
    best = sum(game.best_response(stage, i)[1][game.start] for i in range(3))
    assert matrix[1, 1] == pytest.approx(1)
    assert matrix[0, 0] == pytest.approx(game.values(stage)[game.start].sum() / best)
    swapped = [np.where(np.arange(3) == i, nash, stage) for i in range(3)]
    own = sum(game.values(policy)[game.start, i] for i, policy in enumerate(swapped))
    assert matrix[1, 0] == pytest.approx(own / best)


def test_honest_bids_score_one_where_types_are_private_and_one_bid_for_all_does_not():
    assert found_of(PRIVATE, "nash")["truthfulness_gap"] == pytest.approx(0, abs=1e-12)
    assert found_of(PRIVATE, "stage")["truthfulness_gap"] > 0.0005
    game = PrivateGame(load_market("mixed/best_of_n"))
    every = every_action(game.mechanism, game.games[0].market)
    worth = np.stack([one.mixed_deviations(every) for one in game.games])  # every type is told apart
    expected = game.mixture.weights @ (worth.max(-1) - worth.mean(-1)).sum(-1)
    assert game.uniform_nash_conv().total == pytest.approx(expected)


DYNAMICS = [
    Loyalty(0.002),
    Capacity(1, speed=1500.0),
    Releases([None, "gsm8k/best_of_n"], [[0.8, 0.2], [0.5, 0.5]], first=1),
]


@pytest.mark.parametrize("dynamics", DYNAMICS, ids=lambda one: one.name)
def test_uniform_play_is_the_mixture_of_all_actions(dynamics, monkeypatch):
    if isinstance(dynamics, Releases):
        dynamics = Releases([None, load_market("gsm8k/best_of_n").select([1, 6, 8])], dynamics.chain, first=1)
    game = MarkovGame(load_market(**THREE), "per_token", dynamics)
    mixed = np.full((game.num_states, 3, 6), 1 / 6)
    exact = game.nash_conv(mixed)
    np.testing.assert_allclose(game.uniform_nash_conv().improvements, exact.improvements, rtol=1e-9)
    if not dynamics.exogenous:
        monkeypatch.setattr(uniform, "WORK", 2**15)  # too little for all joint actions: a sample
        assert game.uniform_nash_conv().total == pytest.approx(exact.total, rel=0.15)


def test_the_best_constant_play_is_the_best_of_all():
    game = MarkovGame(load_market(**THREE), "per_token", Loyalty(0.004))
    found = game.best_constant()
    every = np.indices((6,) * 3).reshape(3, -1).T
    gaps = [game.nash_conv(np.tile(one, (4, 1))).total for one in every]
    assert found.exact
    assert found.gap == pytest.approx(min(gaps))
    np.testing.assert_array_equal(found.policy[0], every[int(np.argmin(gaps))])
    ratio = game.best_constant(relative=True)
    assert ratio.gap == pytest.approx(game.relative_nash_conv(ratio.policy))
    assert ratio.gap <= game.relative_nash_conv(found.policy)


def test_a_descent_among_constants_finds_what_going_through_them_finds(monkeypatch):
    game = MarkovGame(load_market(**THREE), "per_token", Loyalty(0.004))
    exact = game.best_constant()
    monkeypatch.setattr(constant, "LISTED", 10)
    found = game.best_constant()
    assert not found.exact
    assert found.gap == pytest.approx(exact.gap)


def test_nine_providers_reach_the_published_distance_with_constant_levels():
    game = MarkovGame(load_market("gsm8k/majority_voting"), "per_token", Loyalty(0.004))
    assert game.best_constant(relative=True).gap == pytest.approx(0.59, abs=0.005)


def test_posted_prices_are_those_of_the_base_market_in_every_state():
    env = VectorMarket(load_market(**THREE), "posted_price", 8, dynamics="loyalty")
    env.reset(0)
    for _ in range(3):
        _, rewards, _, _, info = env.step(np.tile([2, 5], (8, 3, 1)))
    assert np.unique(info["bids"].ask, axis=0).shape[0] == 1
    task = Task("posted", (THREE,), (THREE,), mechanism="posted_price", dynamics="loyalty")
    player = scripted(task, "nash")
    assert evaluate_greedy(task, player.act, player.enter)["score"] == pytest.approx(1)
    assert np.isfinite(rewards).all()


def test_equal_tasks_are_one_and_their_digest_tells_them_from_others():
    again = Task("loyal", (dict(THREE, providers=(1, 6, 8)),), (THREE,), dynamics={"loyalty": {"cost": 0.004}})
    assert again == LOYAL
    assert hash(again) == hash(LOYAL)
    assert again.digest == LOYAL.digest
    for other in (QUEUES, Task("loyal", (THREE,), (THREE,), dynamics={"loyalty": {"cost": 0.002}})):
        assert other != LOYAL
        assert other.digest != LOYAL.digest


def test_a_task_is_played_by_its_own_states_alone():
    env = LOYAL.make_test_env(LOYAL.tests[0])
    policy = markov_policy(env, scripted(LOYAL, "nash").act)
    np.testing.assert_array_equal(policy, find_course(LOYAL, LOYAL.tests[0]).equilibrium)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dynamics": "loyal"}, "unknown dynamics 'loyal'; allowed: loyalty"),
        ({"dynamics": {"loyalty": {"cost": -1.0}}}, r"the cost of leaving must be >= 0 \(USD\), got -1.0"),
        ({"dynamics": {"loyalty": 0.004}}, "the options of dynamics 'loyalty' must be"),
        ({"dynamics": {"loyalty": {}, "capacity": {}}}, "one name with its options"),
        ({"dynamics": "reputation", "mechanism": "second_price"}, "reputation needs list prices"),
        ({"information": "public"}, "information is about the query types of a mixture"),
        ({"train": ({"source": "gsm8k/best_of_n", "colour": 1},)}, "colour"),
        ({"train": (3,)}, "a market in train is a name, or a description"),
    ],
)
def test_bad_tasks_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        Task(**{"name": "bad", "train": (THREE,), "test": (THREE,)} | changes)
