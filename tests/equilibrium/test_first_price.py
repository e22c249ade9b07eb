"""Equilibria of the first-price auction against all joint bids, and the continuous benchmark."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ttc_env
from tests.helpers.strategies import generators, lottery_markets
from ttc_env import StageGame, equilibrium
from ttc_env.equilibrium import Unanswered
from ttc_env.equilibrium.first_price import frontier
from ttc_env.mechanisms import FirstPrice

GRIDS = ((0.0, 0.25), (-0.25, 0.0, 0.25), (-0.125, 0.0, 0.125, 0.5))


def played(scores, margins, reserve, bids):
    """Profits of one joint bid, and its outcome: who wins and with which score."""
    score = np.array([own[k] for own, k in zip(scores, bids, strict=True)])
    margin = np.array([own[k] for own, k in zip(margins, bids, strict=True)])
    if score.max() < reserve:
        return np.zeros(len(bids)), ((), None)
    wins = score == score.max()
    return np.where(wins, margin / wins.sum(), 0.0), (tuple(np.flatnonzero(wins).tolist()), float(score.max()))


def outcomes_by_force(scores, margins, reserve):
    """Outcomes of all pure equilibria in which nobody makes a bid that another of its own beats in score or margin."""
    n, count = scores.shape
    kept = []
    for score, margin in zip(scores, margins, strict=True):
        pairs = [(s, m) for s, m in zip(score, margin, strict=True) if m >= 0]
        better = [
            any((s >= a and m >= b) and (s, m) != (a, b) for s, m in pairs) for a, b in zip(score, margin, strict=True)
        ]
        kept.append([k for k in range(count) if margin[k] >= 0 and not better[k]])
    found = set()
    for bids in itertools.product(*kept):
        earned, outcome = played(scores, margins, reserve, bids)
        trials = ([*bids[:i], k, *bids[i + 1 :]] for i in range(n) for k in range(count))
        movers = (i for i in range(n) for _ in range(count))
        if all(
            played(scores, margins, reserve, trial)[0][i] <= earned[i] for i, trial in zip(movers, trials, strict=True)
        ):
            found.add(outcome)
    return found


@given(generators)
def test_equilibria_have_just_the_outcomes_found_by_force(rng):
    """Small integers: ties everywhere, reserves of both signs, bids below cost."""
    n = rng.integers(1, 4)
    count = rng.integers(1, 9 if n < 3 else 6)
    scores, margins = rng.integers(-3, 5, (n, count)).astype(float), rng.integers(-2, 5, (n, count)).astype(float)
    margins[:, 0] = np.abs(margins[:, 0])  # everybody has a bid that is not below cost
    reserve = float(rng.integers(-2, 3))
    found = equilibrium.first_price_equilibria(scores, margins, reserve)
    outcomes = [played(scores, margins, reserve, bids)[1] for bids in found]
    assert len(set(outcomes)) == len(outcomes)
    assert set(outcomes) == outcomes_by_force(scores, margins, reserve)


@given(lottery_markets(), st.sampled_from(GRIDS))
def test_nobody_gains_by_any_bid_of_the_grid(market, grid):
    """Also by those that the closed form leaves out."""
    game = StageGame(market, FirstPrice(grid=grid))
    found = game.equilibria()
    gains = StageGame.deviations(game, found).max(axis=-1) - game.utility(found)
    assert np.all(gains <= 1e-12 * game.scale)


@given(lottery_markets())
def test_honest_play_just_above_the_runner_up_is_the_outcome_of_the_second_price_auction(market):
    first, second = equilibrium.first_price_outcome(market), equilibrium.second_price_outcome(market)
    assert first.winner == second.winner
    assert (first.payment, first.user_value, first.provider_profit, first.welfare) == second[3:]


@given(lottery_markets(), st.sampled_from([0.0, 0.125, 1.0]))
def test_lies_move_the_reserve_and_nothing_else(market, lie):
    lie = lie * market.unit
    told, honest = equilibrium.first_price_outcome(market, lie), equilibrium.first_price_outcome(market)
    ranked = np.sort(np.append(market.welfare_contribution.max(axis=1), -np.inf))
    if ranked[-1] < market.outside_value - lie:
        assert told.winner is None
        assert told.user_value == told.welfare == market.outside_value
    else:
        assert told.user_value == max(ranked[-2], market.outside_value - lie)
        assert told.welfare == ranked[-1]
        assert told.user_value + told.provider_profit == pytest.approx(told.welfare)
    if honest.runner_up is not None:
        assert (told.winner, told[3:]) == (honest.winner, honest[3:])


@pytest.mark.parametrize("name", ttc_env.list_markets())
def test_the_winner_takes_the_last_step_of_the_grid_below_its_lead(name):
    """The efficient provider wins, and each equilibrium profit is within a step of the grid of the benchmark's."""
    market = ttc_env.load_market(name)
    game, benchmark = StageGame(market, FirstPrice()), equilibrium.first_price_outcome(market)
    grid = np.array(game.mechanism.grid) * market.unit
    for utility in game.utility(game.equilibria()):
        assert utility.argmax() == benchmark.winner
        assert np.count_nonzero(utility) == 1
        above = grid[grid >= benchmark.provider_profit].min(initial=grid[-1])  # some leads exceed the grid
        below = grid[grid <= benchmark.provider_profit].max()
        assert below - 1e-15 <= utility.max() <= above + 1e-15


def two_providers(quality, outside_value=0.0):
    """Costs of a quarter, one level, alpha = 1."""
    tables = ([[q] for q in quality], [[0.5], [0.5]], [[0.25], [0.25]])
    return ttc_env.Market(["a", "b"], [1], *tables, beta=1.0, outside_value=outside_value, answer_value=1.0)


def profits(market, grid):
    game = StageGame(market, FirstPrice(grid=grid))
    return {tuple(row) for row in game.utility(game.equilibria()).tolist()}


def test_twins_share_the_market_where_undercutting_would_halve_the_margin():
    """The grid has no step between 0.125 and 0.25: nobody gains by leaving 0.25, nor 0.125, nor break-even."""
    twins = two_providers([0.75, 0.75])
    assert profits(twins, (0.0, 0.125, 0.25)) == {(0.125, 0.125), (0.0625, 0.0625), (0.0, 0.0)}
    assert profits(twins, (0.0, 0.125, 0.1875, 0.25)) == {(0.0625, 0.0625), (0.0, 0.0)}


def test_the_winner_keeps_its_lead_and_the_reserve_protects_users_from_honest_sellers_only():
    assert profits(two_providers([0.75, 0.5]), (0.0, 0.125, 0.25, 0.375)) == {(0.125, 0.0), (0.25, 0.0)}
    assert profits(two_providers([0.75, 0.125], outside_value=0.25), (0.0, 0.125, 0.25, 0.375)) == {(0.375, 0.0)}
    outcome = equilibrium.first_price_outcome(two_providers([0.75, 0.125], outside_value=0.25), lie=0.375)
    assert (outcome.provider_profit, outcome.user_value) == (0.625, -0.125)


def test_nobody_sells_below_cost():
    assert profits(two_providers([0.125, 0.125], outside_value=0.5), (0.0, 0.125)) == {(0.0, 0.0)}


@given(lottery_markets())
def test_continuous_bids_have_a_benchmark_and_no_equilibrium(market):
    game = StageGame(market, FirstPrice(action_type="box"))
    honest = game.mechanism.honest(market, game.truth.levels)
    for question in (game.equilibria, game.equilibrium, lambda: game.best_response(honest)):
        with pytest.raises(Unanswered, match=r"continuous bids.*first_price_outcome"):
            question()


@given(lottery_markets(), generators)
def test_no_continuous_bid_gains_more_than_the_bound_and_some_come_near(market, rng):
    game = StageGame(market, FirstPrice(action_type="box"))
    actions = rng.uniform(-1, 1, game.action_shape)
    bound = game.nash_conv(actions).improvements
    earned = game.utility(actions)
    for i in range(market.num_providers):
        trials = np.repeat(actions[None], 400, axis=0)
        trials[:, i] = rng.uniform(-1, 1, (400, 3))
        trials[:, i, 0] = game.mechanism.honest(market, game.truth.levels)[i, 0]
        trials[:, i, 2] = 1.0
        trials[:200, i, 1] = np.linspace(0, 1, 200)
        gain = (game.utility(trials)[:, i] - earned[i]).max()
        assert gain <= bound[i] + 1e-12 * game.scale
        assert bound[i] <= max(gain, 0.0) + 0.1 * market.unit / 199 + 1e-12 * game.scale


@given(st.integers(1, 12), generators)
def test_the_frontier_rises_in_score_and_falls_in_margin(count, rng):
    score, margin = rng.integers(-3, 4, (2, count)).astype(float)
    found = frontier(score, margin)
    assert np.all(np.diff(found.score) > 0)
    assert np.all(np.diff(found.margin) < 0)
    assert np.all(found.margin >= 0)
    for s, m in zip(score, margin, strict=True):
        assert m < 0 or np.any((found.score >= s) & (found.margin >= m))


def test_more_equilibria_than_the_limit_are_refused():
    """Twelve twins who break even: any two or more of them may win, while the rest stay a step below."""
    scores, margins = np.tile([0.0, -1.0], (12, 1)), np.tile([0.0, 1.0], (12, 1))
    assert len(equilibrium.first_price_equilibria(scores, margins, -2.0)) > 2**12 - 14
    with pytest.raises(ValueError, match="more than limit=100"):
        equilibrium.first_price_equilibria(scores, margins, -2.0, limit=100)
