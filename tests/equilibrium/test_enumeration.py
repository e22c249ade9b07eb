"""Every closed form against going through all actions, on 500 small random markets for each mechanism."""

import numpy as np
import pytest

import ttc_env
from ttc_env.equilibrium import StageGame, Unanswered
from ttc_env.equilibrium.first_price import frontier
from ttc_env.mechanisms import FirstPrice, PerToken, PostedPrice, SecondPrice

GRID = (-0.25, 0.0, 0.25)
MECHANISMS = {
    "per_token": PerToken(),
    "delivered": SecondPrice(grid=GRID),
    "declared": SecondPrice("declared", grid=GRID),
    "posted_price": PostedPrice(num_prices=4, margin=0.25),
    "posted_price in USD": PostedPrice(prices=(0.125, 0.25, 0.5)),
    "first_price": FirstPrice(grid=GRID),
}


class ByEnumeration(StageGame):
    """The same game without closed forms."""


def small_market(rng):
    """One to three providers, ties or none, costs above quality, v0 of both signs, beta over more than ten decades."""
    shape = (rng.integers(1, 4), rng.integers(1, 3))
    unit = 2.0 ** rng.integers(-10, 11)
    if rng.random() < 0.5:
        quality, price, cost = unit * rng.integers(-4, 9, (3, *shape)) / 8
    else:
        quality, price, cost = unit * rng.normal(0.3, 0.4, (3, *shape))
    if rng.random() < 0.3:  # twins
        quality, price, cost = (np.tile(table[:1], (shape[0], 1)) for table in (quality, price, cost))
    names = [f"provider {i}" for i in range(shape[0])]
    outside = rng.choice([0.0, unit * rng.normal() / 4, unit * rng.integers(-3, 4) / 8])
    beta = 10 ** rng.uniform(-5, 5) if rng.random() < 0.2 else 10 ** rng.uniform(-1, 1) / unit
    return ttc_env.Market(names, range(shape[1]), quality, price, cost, beta, outside, answer_value=unit)


def answer(question):
    """The answer, or None where the game has none."""
    try:
        return question()
    except Unanswered:
        return None


def is_decided(force):
    """Whether rounding cannot hide or feign a reason to deviate: everybody sells enough, and no gain is too small."""
    payoffs = force.payoffs().reshape(*(force.num_actions,) * force.market.num_providers, -1) / force.scale
    gaps = [payoffs[..., i].max(axis=i, keepdims=True) - payoffs[..., i] for i in range(payoffs.shape[-1])]
    every = np.indices((force.num_actions,) * force.market.num_providers).reshape(force.market.num_providers, -1).T
    if force.outcome(force.actions[every]).shares.min() < 1e-9:
        return False
    return not any(np.any((gap > 1e-14) & (gap < 1e-9)) for gap in gaps)


def first_price_outcomes(game, equilibria):
    """Who wins with which score, at the equilibria in which all bids are on the frontier of score and margin."""
    fronts = [set(frontier(*own).number.tolist()) for own in zip(game.scores, game.margins, strict=True)]
    alike = [
        {(score[k], margin[k]) for k in front}
        for front, score, margin in zip(fronts, game.scores, game.margins, strict=True)
    ]
    found = set()
    for numbers in game.numbers(equilibria):
        bids = [(game.scores[i, k], game.margins[i, k]) for i, k in enumerate(numbers)]
        if all(bid in own for bid, own in zip(bids, alike, strict=True)):
            best = max(score for score, _ in bids)
            sold = best >= game.market.outside_value
            found.add((tuple(score == best and sold for score, _ in bids), best if sold else None))
    return found


@pytest.mark.parametrize("outside_value", [0.0, 2.0])
@pytest.mark.parametrize("mechanism", MECHANISMS.values(), ids=MECHANISMS)
def test_an_outside_option_far_away_is_the_same_one_for_offers_and_deviations(mechanism, outside_value):
    """Where its weight is nothing, or everything: closed forms bring it nearer, and must do so on both sides."""
    quality = np.array([[0.9, 1.0], [0.95, 1.0]])
    cost = np.array([[0.1, 0.3], [0.05, 0.2]])
    market = ttc_env.Market(["a", "b"], [1, 2], quality, 1.5 * cost, cost, 1e5, outside_value)
    closed, force = StageGame(market, mechanism), ByEnumeration(market, mechanism)
    actions = force.actions[np.random.default_rng(0).integers(0, force.num_actions, (20, 2))]
    earned = force.deviations(actions)
    np.testing.assert_allclose(closed.deviations(actions), earned, rtol=1e-9, atol=1e-11)
    response = closed.numbers(closed.best_response(actions))
    found = np.take_along_axis(earned, response[..., None], axis=-1)[..., 0]
    np.testing.assert_allclose(found, earned.max(axis=-1), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("count", [12, pytest.param(500, marks=pytest.mark.slow)])
@pytest.mark.parametrize("mechanism", MECHANISMS.values(), ids=MECHANISMS)
def test_closed_forms_are_what_enumeration_finds(mechanism, count):
    rng = np.random.default_rng(7)
    decided = 0
    for _ in range(count):
        market = small_market(rng)
        closed, force = StageGame(market, mechanism), ByEnumeration(market, mechanism)
        assert type(closed) is not StageGame
        close = {"rtol": 1e-9, "atol": 1e-11 * force.scale}
        actions = force.actions[rng.integers(0, force.num_actions, (4, market.num_providers))]
        bids = mechanism.bids(market, actions)
        np.testing.assert_allclose(closed.deviations(actions), force.deviations(actions), **close)
        np.testing.assert_allclose(closed.mean_deviations(bids), force.mean_deviations(bids), **close)
        for one, other in zip(closed.nash_conv(actions), force.nash_conv(actions), strict=True):
            np.testing.assert_allclose(one, other, **close)
        best = force.deviations(actions).max(axis=-1)
        response = closed.numbers(closed.best_response(actions))
        earned = np.take_along_axis(force.deviations(actions), response[..., None], axis=-1)[..., 0]
        np.testing.assert_allclose(earned, best, **close)
        for optimum in ("welfare_optimum", "joint_profit_optimum"):
            one, other = getattr(closed, optimum)(), getattr(force, optimum)()
            assert one.value == pytest.approx(other.value, rel=1e-9, abs=1e-11 * force.scale), optimum
        plays = force.actions[rng.integers(0, force.num_actions, (3, market.num_providers))]
        np.testing.assert_allclose(closed.mixed_deviations(plays), force.mixed_deviations(plays), **close)
        low, high = closed.utility_range()
        assert np.all(low <= force.payoffs().min(axis=0) + close["atol"])
        assert np.all(high >= force.payoffs().max(axis=0) - close["atol"])
        found, every = answer(closed.equilibria), answer(force.equilibria)
        if found is not None:
            assert force.is_equilibrium(found).all()
        if mechanism.name == "first_price":
            assert first_price_outcomes(closed, found) == first_price_outcomes(closed, every)
        elif mechanism.name != "second_price" and is_decided(force):
            decided += 1
            assert every is None if found is None else np.array_equal(found, every)
    assert decided > count / 4 or mechanism.name in ("first_price", "second_price")
