"""Best responses to opponents who react: against plays, against known replies, and the trained lower bound."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ttc_env
from tests.helpers.markets import market_of
from ttc_env import equilibrium
from ttc_env.evaluation.trained_response import best_response_lower_bound

COOPERATE, DEFECT = 0, 1
PRISONERS = np.array([[3.0, 3.0], [0.0, 5.0], [5.0, 0.0], [1.0, 1.0]])  # utilities at CC, CD, DC, DD


def always(action, size=4, m=2):
    return np.tile(np.eye(m)[action], (size, 1))


def imitate(other, n=2, m=2):
    """Plays what a provider played last: tit for tat."""
    return np.eye(m)[equilibrium.joint_actions(n, m)[:, other]]


@pytest.mark.parametrize("discount", [0.0, 0.2, 0.5, 0.7, 0.95])
def test_the_reply_to_tit_for_tat_depends_on_patience(discount):
    """From mutual cooperation: forever 3, or 5 and then 1 forever, or 5, 0, 5, 0 and so on."""
    policies = np.stack([imitate(1), imitate(0)])
    found = equilibrium.best_response_gain(PRISONERS, policies, 0, discount=discount)
    worth = [3.0, (1 - discount) * 5 + discount * 1, 5 / (1 + discount)]
    assert found.value == pytest.approx(3.0, abs=1e-7)
    assert found.best == pytest.approx(max(worth), abs=1e-7)
    assert found.gain == pytest.approx(max(worth) - 3, abs=1e-7)
    assert found.actions[0] == (COOPERATE if max(worth) == 3.0 else DEFECT)


def test_against_opponents_who_ignore_the_past_it_is_the_gain_of_a_period():
    market = ttc_env.load_market("gpqa/reasoning_effort", beta=1000.0)
    rng = np.random.default_rng(0)
    strategies = rng.dirichlet(np.ones(5), 3)
    policies = np.repeat(strategies[:, None], 125, axis=1)
    utility = equilibrium.stage_utility(market)
    gains = [equilibrium.best_response_gain(utility, policies, i, start=int(rng.integers(125))).gain for i in range(3)]
    np.testing.assert_allclose(gains, equilibrium.mixed_nash_conv(market, strategies).improvements, atol=1e-11)


@given(st.integers(0, 2**32 - 1))
def test_no_policy_with_memory_does_better(seed):
    """Every stationary policy of the deviator, evaluated by a linear system over joint actions."""
    rng = np.random.default_rng(seed)
    n, m, discount = 2, 2, rng.uniform(0, 0.9)
    size = m**n
    utility, policies = rng.normal(size=(size, n)), rng.dirichlet(np.ones(m), (n, size))
    provider, start = int(rng.integers(n)), int(rng.integers(size))
    joint = equilibrium.joint_actions(n, m)

    def value(policies):
        moves = np.prod(policies[np.arange(n)[None, :, None], np.arange(size)[:, None, None], joint.T[None]], axis=1)
        return np.linalg.solve(np.eye(size) - discount * moves, (1 - discount) * moves @ utility[:, provider])[start]

    values = []
    for choice in itertools.product(range(m), repeat=size):
        policies_of_all = policies.copy()
        policies_of_all[provider] = np.eye(m)[list(choice)]
        values.append(value(policies_of_all))
    found = equilibrium.best_response_gain(utility, policies, provider, start=start, discount=discount)
    assert found.best == pytest.approx(max(values), abs=1e-7)
    assert found.value == pytest.approx(value(policies), abs=1e-7)
    assert found.gain == pytest.approx(found.best - found.value)
    best = policies.copy()
    best[provider] = np.eye(m)[found.actions]
    assert value(best) == pytest.approx(found.best, abs=1e-7)


def test_seats_are_interchangeable():
    rng = np.random.default_rng(1)
    joint = equilibrium.joint_actions(3, 2)
    swapped = joint[:, [2, 1, 0]] @ [4, 2, 1]
    utility, policies = rng.normal(size=(8, 3)), rng.dirichlet(np.ones(2), (3, 8))
    there = equilibrium.best_response_gain(utility[swapped][:, ::-1], policies[::-1][:, swapped], 2, start=swapped[5])
    here = equilibrium.best_response_gain(utility, policies, 0, start=5)
    assert there.gain == pytest.approx(here.gain, abs=1e-7)
    assert here.gain > 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"limit": 3}, "2 providers with 2 actions have 4 joint actions, more than the limit 3"),
        ({"policies": np.ones((2, 4, 2))}, "add up to one"),
        ({"policies": np.ones((2, 5, 2)) / 2}, r"got \(2, 5, 2\)"),
        ({"policies": np.ones((4, 2))}, r"shape \(n, N, m\), got \(4, 2\)"),
        ({"discount": 1.0}, r"discount must be in \[0, 1\), got 1.0"),
        ({"tolerance": 0.0}, r"must be at least 1e-14, .* got discount 0.95 and tolerance 0.0"),
        ({"discount": 1 - 1e-9}, "must be at least 1e-14"),
        ({"provider": 2}, "provider must be in 0..1, got 2"),
        ({"start": -1}, "start must be in 0..3, got -1"),
    ],
)
def test_bad_games_are_refused(changes, message):
    arguments = {"utility": PRISONERS, "policies": np.ones((2, 4, 2)) / 2, "provider": 0} | changes
    with pytest.raises(ValueError, match=message):
        equilibrium.best_response_gain(**arguments)


def test_large_games_are_sent_to_the_lower_bound():
    with pytest.raises(ValueError, match=r"10077696 joint actions, more than the limit 4096; best"):
        equilibrium.stage_utility(ttc_env.load_market("gsm8k/best_of_n"))


def collusive_duopoly():
    """Two providers whose equilibrium is the high level, although both would earn more at the low one."""
    return market_of(np.tile([0.0, 1.5], (2, 1)), np.tile([1.0, 0.75], (2, 1)), outside_value=-3.0)


def grim(observations):
    """Low as long as everybody was low last period, else high; the public record stands last but two."""
    last = np.rint(observations[:, 0, -4:-2])
    return np.tile(last.any(axis=1)[:, None], (1, 2)).astype(np.int64)


@pytest.mark.parametrize("discount", [0.1, 0.9])
def test_a_trained_response_finds_the_exact_one(discount):
    market = collusive_duopoly()
    utility = equilibrium.stage_utility(market)
    assert utility[3, 0] < utility[0, 0] < utility[2, 0]  # a prisoners' dilemma
    follow = np.eye(2)[equilibrium.joint_actions(2, 2).any(axis=1).astype(int)]
    exact = equilibrium.best_response_gain(utility, np.stack([follow, follow]), 0, discount=discount)
    found = best_response_lower_bound(market, grim, 0, discount=discount, updates=300, num_markets=8)
    assert found.gain <= exact.gain + 1e-3 * utility.max()
    assert found.gain == pytest.approx(exact.gain, abs=1e-3 * utility.max())
    assert found.value == pytest.approx(exact.value, abs=1e-3 * utility.max())
    assert (exact.gain > 0.01) == (discount == 0.1)  # only the impatient break the cartel


def test_no_level_alone_exploits_turn_takers_but_q_learning_does():
    """The opponent plays the level that the learner did not play last, so alternating beats both constants.

    It takes foresight: against the strong level 1 the level 0 earns more, but 1 is what makes the opponent weak.
    """
    market = market_of([[0.0, 2.3], [-3.0, 2.3]], [[1.0, 0.1], [1.0, 1.0]], outside_value=-3.0)

    def contrary(observations):
        own = np.rint(observations[:, 0, -4]).astype(np.int64)
        return np.stack([np.zeros_like(own), 1 - own], axis=1)

    utility = equilibrium.stage_utility(market)
    opposite = np.eye(2)[1 - equilibrium.joint_actions(2, 2)[:, 0]]
    exact = equilibrium.best_response_gain(utility, np.stack([always(0), opposite]), 0)
    assert utility[3, 0] < utility[1, 0] < utility[0, 0]
    found = best_response_lower_bound(market, contrary, 0, updates=400, num_markets=8, seed=1)
    assert found.policy == "q-learning"
    assert found.gain == pytest.approx(exact.gain, rel=0.01)
    assert found.standard_error < 1e-12  # nothing here is random but the search
    again = best_response_lower_bound(market, contrary, 0, updates=400, num_markets=8, seed=1)
    assert found == again


def test_the_budget_is_stated_and_large_markets_are_played():
    market = ttc_env.load_market("gsm8k/majority_voting")

    def play(observations):
        return np.full(observations.shape[:2], 2)

    found = best_response_lower_bound(market, play, 3, discount=0.5, updates=50, num_markets=4)
    horizon = int(np.ceil(np.log(1e-4) / np.log(0.5)))
    assert found.periods == 4 * (50 + 7 * horizon)
    exact = equilibrium.nash_conv(market, np.full(9, 2)).improvements[3]  # nobody reacts, so a level is best
    assert found.policy == "action 5"
    assert found.gain == pytest.approx(exact, rel=2e-4)


def test_what_is_picked_is_judged_on_fresh_plays(monkeypatch):
    seeds, reset = [], ttc_env.VectorMarket.reset
    monkeypatch.setattr(ttc_env.VectorMarket, "reset", lambda env, seed: seeds.append(seed) or reset(env, seed))
    best_response_lower_bound(collusive_duopoly(), grim, 0, discount=0.5, updates=5, num_markets=2)
    assert len(seeds) == len(set(seeds)) == 1 + 3 + 2  # to learn, to pick among three, to judge two


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"discount": 0.0}, "discount must be in"),
        ({"updates": 0}, "updates must be an integer >= 1"),
        ({"num_markets": 1}, "num_markets must be an integer >= 2"),
        ({"provider": 2}, "unknown provider 2"),
    ],
)
def test_bad_budgets_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        best_response_lower_bound(collusive_duopoly(), grim, **({"provider": 0} | changes))
