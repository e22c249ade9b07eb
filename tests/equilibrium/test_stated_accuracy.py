"""What oracles promise about themselves, on problems whose answer is known: tolerances, tails, and odd arguments."""

import math
from dataclasses import replace

import numpy as np
import pytest

import ttc_env
from ttc_env import equilibrium
from ttc_env.mechanisms import SecondPrice
from ttc_env.playing import replay

MARKET = ttc_env.load_market("gsm8k/majority_voting", providers=[0, 3])


def loop(discount, tolerance):
    """One provider, two actions: a profit of 1 after action 1, else 0, so that values follow in closed form."""
    utility = np.array([[0.0], [1.0]])
    stay = np.array([[[0.5, 0.5], [0.5, 0.5]]])  # own policy: either action, whatever was before
    return equilibrium.best_response_gain(utility, stay, 0, discount=discount, tolerance=tolerance)


@pytest.mark.parametrize("discount", [0.0, 0.5, 0.95, 0.99])
@pytest.mark.parametrize("tolerance", [1e-2, 1e-4, 1e-8])
def test_a_best_response_is_as_exact_as_it_says(discount, tolerance):
    """The best response earns 1 in every period, the policy one half; each value within the tolerance."""
    found = loop(discount, tolerance)
    assert abs(found.best - 1.0) <= tolerance
    assert abs(found.value - 0.5) <= tolerance
    assert abs(found.gain - 0.5) <= 2 * tolerance


@pytest.mark.parametrize("discount", [0.9, 0.95, 0.99])
def test_it_is_so_where_values_creep(discount):
    """An alternating opponent, known in closed form: the stopping rule must count what is still missing."""
    rng = np.random.default_rng(0)
    utility, policies = rng.uniform(size=(4, 2)), rng.dirichlet([1, 1], size=(2, 4))
    fine = equilibrium.best_response_gain(utility, policies, 0, discount=discount, tolerance=1e-11)
    value = _policy_value(utility, policies, 0, discount)
    assert fine.value == pytest.approx(value, abs=1e-10)
    for tolerance in (1e-2, 1e-3, 1e-5):
        coarse = equilibrium.best_response_gain(utility, policies, 0, discount=discount, tolerance=tolerance)
        largest = np.abs(utility[:, 0]).max()
        assert abs(coarse.value - value) <= tolerance * largest
        assert abs(coarse.best - fine.best) <= tolerance * largest + 1e-10


def _policy_value(utility, policies, provider, discount):
    """By a linear system: `v = (1 - discount) u + discount P v`, from what joint action 0 leads to."""
    size = len(utility)
    joint = equilibrium.joint_actions(2, 2)
    move = np.prod([policies[i][:, joint[:, i]] for i in range(2)], axis=0)  # (size, size)
    after = np.linalg.solve(np.eye(size) - discount * move, (1 - discount) * move @ utility[:, provider])
    return after[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"utility": np.array([[0.0], [math.nan]])}, "utility must be finite everywhere"),
        ({"utility": np.array([[0.0], [math.inf]])}, "utility must be finite everywhere"),
        ({"policies": np.array([[[math.nan, 0.5], [0.5, 0.5]]])}, "policies must be probabilities"),
        ({"discount": math.nan}, "discount must be"),
        ({"discount": 1.0}, r"discount must be in \[0, 1\), got 1\.0"),
        ({"tolerance": math.nan}, "tolerance must be"),
        ({"tolerance": math.inf}, "tolerance must be"),
        ({"provider": 0.5}, r"provider must be in 0\.\.0, got 0\.5"),
        ({"start": True}, r"start must be in 0\.\.1, got True"),
    ],
)
def test_arguments_with_which_it_never_ended_are_refused(change, message):
    good = {"utility": np.array([[0.0], [1.0]]), "policies": np.full((1, 2, 2), 0.5), "provider": 0}
    equilibrium.best_response_gain(**good)
    with pytest.raises(ValueError, match=message):
        equilibrium.best_response_gain(**{**good, **change})


@pytest.mark.parametrize("coverage", [0.5, 0.9, 0.95, 0.99])
def test_an_interval_leaves_out_its_share_on_either_side(coverage):
    markets = [replace(MARKET, beta=beta) for beta in range(1, 1002)]
    found = equilibrium.interval(lambda market: market.beta, markets, coverage)
    assert found.low == pytest.approx(1 + 1000 * (1 - coverage) / 2)
    assert found.median == pytest.approx(501)
    assert found.high == pytest.approx(1 + 1000 * (1 + coverage) / 2)


def test_nothing_to_summarise_is_said():
    for empty in ([], iter([])):
        with pytest.raises(ValueError, match="at least one market"):
            equilibrium.interval(lambda market: market.beta, empty)
    with pytest.raises(ValueError, match="at least one market"):
        equilibrium.interval(equilibrium.price_of_anarchy, [])
    with pytest.raises(ValueError, match="at least one market"):
        equilibrium.sweep([])


@pytest.mark.parametrize("number", [10.7, 0, -3, math.nan, "10", None, True])
def test_numbers_of_questions_and_markets_are_whole(number):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"num_questions must be an integer >= 1, got"):
        equilibrium.draw_markets(MARKET, number, 2, rng)
    with pytest.raises(ValueError, match=r"num_markets must be an integer >= 1, got"):
        equilibrium.draw_markets(MARKET, 10, number, rng)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.uint64, np.int8, np.int32])
def test_profiles_come_in_any_integers(dtype):
    profile = np.array([[3, 4], [0, 5]])
    narrow = profile.astype(dtype)
    for quantity in ("shares", "utility", "welfare", "potential"):
        np.testing.assert_array_equal(getattr(MARKET, quantity)(narrow), getattr(MARKET, quantity)(profile))
    np.testing.assert_array_equal(
        equilibrium.best_response(MARKET, narrow), equilibrium.best_response(MARKET, profile)
    )  # fmt: skip
    for got, expected in zip(
        equilibrium.nash_conv(MARKET, narrow), equilibrium.nash_conv(MARKET, profile), strict=True
    ):
        np.testing.assert_array_equal(got, expected)


def test_a_grid_may_be_an_array():
    mechanism = SecondPrice(grid=np.linspace(-0.1, 0.1, 5))
    assert mechanism == SecondPrice(grid=tuple(np.linspace(-0.1, 0.1, 5).tolist()))
    assert mechanism.honest(MARKET, np.array([1, 2])).tolist() == [[1, 2, 2], [2, 2, 2]]
    with pytest.raises(ValueError, match="grid must be a sequence, got 3"):
        SecondPrice(grid=3)


@pytest.mark.parametrize("action_type", ["multi_discrete", "box"])
def test_actions_outside_the_space_are_no_actions(action_type):
    """Clipped indices, negative ones and boxes of 3.0 or NaN gave numbers before."""
    mechanism = SecondPrice(action_type=action_type)
    good = mechanism.honest(MARKET, np.array([1, 2]))
    bad = [good[:1], good[..., :2], good + 17, good - 9, None, "bids"]
    bad += [good * np.nan] if action_type == "box" else [good + 0.5]
    for judge in (replay, lambda *arguments: equilibrium.auction_regret(arguments[0], mechanism, arguments[2])):
        judge(MARKET, mechanism, good[None])
        for actions in bad:
            with pytest.raises(ValueError, match="actions must"):
                judge(MARKET, mechanism, actions)
    for actions in ([[6, 0]], [[-1, 0]], [[0.0, 1.0]], [[0, 1, 2]]):
        with pytest.raises(ValueError, match="actions must"):
            replay(MARKET, ttc_env.mechanisms.PerToken(), actions)
