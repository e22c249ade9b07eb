"""Every number of the protocol against a naive second implementation, on games and strategies drawn at random."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ttc_env
from tests.helpers.games import BERTRAND_BENCHMARKS, auction, bertrand_logit, random_game
from ttc_env.collusion import (
    KINDS,
    NONE,
    Benchmarks,
    PayoffTable,
    Strategies,
    deviating_action,
    impulse_responses,
    num_states,
    payoff_table,
    price_actions,
    solve_decision,
    stability,
    stage_benchmarks,
)
from ttc_env.equilibrium import StageGame, best_response_gain, joint_profit_optimum, pure_nash
from ttc_env.mechanisms import SecondPrice

SHAPES = [(1, 3, 1), (2, 3, 1), (2, 2, 2), (3, 2, 1), (2, 4, 0), (2, 2, 3)]  # providers, actions, memory
LONG = 3000  # periods after which nothing counts any more at a discount of 0.95 and below
drawn = st.tuples(st.sampled_from(SHAPES), st.integers(0, 10**6))


def play_of(case):
    """A game and strategies in it, drawn at random; profits are few different numbers, so that there are ties."""
    (n, m, memory), seed = case
    rng = np.random.default_rng(seed)
    payoffs = PayoffTable(rng.integers(0, 5, (m**n, n)) / 4, m)
    states = num_states(payoffs, memory)
    return Strategies(payoffs, memory, rng.integers(0, m, (states, n))), int(rng.integers(states))


class Walk:
    """Play as lists: the last `memory` joint actions, looked up one by one."""

    def __init__(self, strategies, state):
        self.strategies, payoffs = strategies, strategies.payoffs
        self.table = {tuple(a): p for a, p in zip(payoffs.joint_actions.tolist(), payoffs.profits, strict=True)}
        rows = []
        for _ in range(strategies.memory):
            rows.append(tuple(payoffs.joint_actions[state % payoffs.num_joint].tolist()))
            state //= payoffs.num_joint
        self.past = rows[::-1]  # the latest last

    def key(self):
        return tuple(self.past)

    def intended(self):
        index = 0
        for joint in self.past:
            for action in joint:
                index = index * self.strategies.payoffs.num_actions + action
        return tuple(self.strategies.actions[index].tolist())

    def step(self, joint=None):
        joint = self.intended() if joint is None else joint
        if self.past:
            self.past = [*self.past[1:], joint]
        return self.table[joint]


def naive_cycle(strategies, state):
    """Pasts that recur, found by walking for longer than there are states."""
    walk = Walk(strategies, state)
    for _ in range(strategies.num_states):
        walk.step()
    start, keys, profits = walk.key(), [], []
    while not keys or walk.key() != start:
        keys.append(walk.key())
        profits.append(walk.step())
    return keys, np.mean(profits, axis=0)


def worth(profits, discount):
    return (1 - discount) * sum(discount**t * profit for t, profit in enumerate(profits))


@settings(max_examples=60, deadline=None)
@given(drawn)
def test_cycles_are_those_of_a_walk(case):
    strategies, state = play_of(case)
    keys, profits = naive_cycle(strategies, state)
    found = [Walk(strategies, s).key() for s in strategies.cycle(state)]
    first = found.index(keys[0])
    assert found[first:] + found[:first] == keys
    np.testing.assert_allclose(strategies.cycle_profits(state), profits)


@pytest.mark.parametrize("length", [1, 2, 3, 7])
def test_profits_are_averaged_over_all_of_a_constructed_cycle(length):
    """State s leads to s + 1, and the last of the cycle back to its first; the way into it does not count."""
    payoffs = random_game(2, 3, 8)
    following = np.arange(9)
    following[:8] = np.arange(1, 9)
    following[8] = 9 - length
    strategies = Strategies(payoffs, 1, payoffs.joint_actions[following])
    assert sorted(strategies.cycle(0)) == list(range(9 - length, 9))
    np.testing.assert_allclose(strategies.cycle_profits(0), payoffs.profits[9 - length :].mean(axis=0))


@settings(max_examples=40, deadline=None)
@given(drawn, st.sampled_from([0.0, 0.3, 0.9]))
def test_decisions_are_those_of_value_iteration_and_of_a_simulated_best_response(case, discount):
    strategies, state = play_of(case)
    payoffs, n = strategies.payoffs, strategies.payoffs.num_providers
    for i in range(n):
        decision = solve_decision(strategies, i, discount)
        reply = strategies.actions.copy()
        reply[:, i] = decision.actions
        for actions, value in ((strategies.actions, decision.value), (reply, decision.best)):
            walk = Walk(Strategies(payoffs, strategies.memory, actions), state)
            simulated = worth([walk.step()[i] for _ in range(400)], discount)
            assert value[state] == pytest.approx(simulated, abs=1e-9)
        if strategies.memory == 1:
            policies = np.eye(payoffs.num_actions)[strategies.actions].transpose(1, 0, 2)
            gain = best_response_gain(payoffs.profits, policies, i, start=state, discount=discount, tolerance=1e-10)
            assert decision.best[state] == pytest.approx(gain.best, abs=1e-8)
            assert decision.gain[state] == pytest.approx(gain.gain, abs=1e-8)


def test_a_best_reply_beats_every_other_strategy():
    """All 2^4 strategies of a provider with two actions and a memory of one period are tried."""
    strategies, _ = play_of(((2, 2, 1), 12))
    for i in range(2):
        best = np.full(4, -np.inf)
        for own in itertools.product(range(2), repeat=4):
            actions = strategies.actions.copy()
            actions[:, i] = own
            best = np.maximum(best, solve_decision(Strategies(strategies.payoffs, 1, actions), i, 0.8).value)
        np.testing.assert_allclose(solve_decision(strategies, i, 0.8).best, best, atol=1e-12)


def test_tit_for_tat_and_grim_trigger_are_what_theory_says():
    """Prisoners' dilemma 3, 2, 1, 0: grim trigger is subgame perfect from a discount of 1/2 on, and never before."""
    payoffs = PayoffTable([[2, 2], [0, 3], [3, 0], [1, 1]], 2)
    grim = Strategies(payoffs, 1, [[0, 0], [1, 1], [1, 1], [1, 1]])
    for discount, holds in ((0.49, False), (0.5, True), (0.9, True)):
        found = stability(grim, 0, discount)
        assert (found.nash, found.subgame_perfect) == (holds, holds)
    tit_for_tat = Strategies(payoffs, 1, [[0, 0], [1, 0], [0, 1], [1, 1]])
    found = stability(tit_for_tat, 0, 0.9)
    assert found.nash
    assert not found.subgame_perfect
    assert stability(Strategies(payoffs, 0, [[1, 1]]), 0, 0.9).subgame_perfect
    loss = stability(Strategies(payoffs, 0, [[0, 0]]), 0, 0.9)
    np.testing.assert_allclose(loss.on_path, 1 / 3)
    assert np.isnan(loss.off_path).all()


def naive_deviation(payoffs, joint, i, kind):
    table = {tuple(a): p for a, p in zip(payoffs.joint_actions.tolist(), payoffs.profits, strict=True)}
    here, options = table[joint], {}
    for k in range(payoffs.num_actions):
        there = table[(*joint[:i], k, *joint[i + 1 :])]
        own, others = there[i] - here[i], sum(np.delete(there - here, i))
        rank = {"best_response": -own, "undercut": -others, "concession": others, "relabelling": 0}[kind]
        fits = {
            "best_response": own > 0,
            "undercut": others < 0,
            "concession": others > 0,
            "relabelling": k != joint[i] and not (there - here).any(),
        }[kind]
        if fits:
            options[k] = rank
    return min(options, key=options.get) if options else NONE


@settings(max_examples=60, deadline=None)
@given(drawn, st.sampled_from(KINDS), st.sampled_from([0.0, 0.5, 0.9]))
def test_impulse_responses_are_those_of_a_walk(case, kind, discount):
    strategies, state = play_of(case)
    payoffs = strategies.payoffs
    cycle = strategies.cycle(state)
    keys = {Walk(strategies, s).key() for s in cycle}
    responses = impulse_responses(strategies, state, kind, discount, periods=6)
    for place, i in np.ndindex(len(cycle), payoffs.num_providers):
        walk, usual = Walk(strategies, cycle[place]), Walk(strategies, cycle[place])
        joint = walk.intended()
        action = naive_deviation(payoffs, joint, i, kind)
        assert responses.action[place, i] == action
        if action == NONE:
            assert np.isnan(responses.gain[place, i])
            assert not responses.punished[place, i]
            continue
        played, profits, without, away = [], [], [], np.nan
        for t in range(400):
            played.append((*joint[:i], action, *joint[i + 1 :]) if t == 0 else walk.intended())
            if t > 0 and np.isnan(away) and walk.key() in keys:
                away = t
            profits.append(walk.step(played[-1]))
            without.append(usual.step())
        np.testing.assert_array_equal(responses.actions[:, place, i], played[:6])
        np.testing.assert_allclose(responses.profits[:, place, i], profits[:6])
        np.testing.assert_allclose(responses.usual[:, place, i], without[:6])
        gain = worth([a[i] - b[i] for a, b in zip(profits, without, strict=True)], discount)
        later = worth([a[i] - b[i] for a, b in zip(profits[1:], without[1:], strict=True)], discount)
        assert responses.gain[place, i] == pytest.approx(gain, abs=1e-9)
        assert responses.punished[place, i] == (later < -1e-9)
        assert responses.away[place, i] == pytest.approx(away, nan_ok=True)
        assert responses.returned[place, i] == (not np.isnan(away))


def test_deviations_in_a_price_game_are_the_neighbouring_prices():
    payoffs = bertrand_logit()
    row = int(payoffs.index(np.array([9, 7])))
    assert [deviating_action(payoffs, row, 0, kind) for kind in ("undercut", "concession", "relabelling")] == [
        8,
        10,
        NONE,
    ]
    copies = PayoffTable(np.repeat(np.repeat(payoffs.profits.reshape(15, 15, 2), 2, 0), 2, 1).reshape(-1, 2), 30)
    row = int(copies.index(np.array([18, 14])))
    assert deviating_action(copies, row, 0, "relabelling") == 19
    with pytest.raises(ValueError, match="unknown deviation 'sideways'"):
        deviating_action(payoffs, 0, 0, "sideways")


def test_profit_gains():
    assert BERTRAND_BENCHMARKS.mean_profit_gain([0.22293, 0.33749]) == pytest.approx(0.5)
    np.testing.assert_allclose(BERTRAND_BENCHMARKS.profit_gain([0.22293, 0.33749]), [0, 1], atol=1e-12)
    uneven = Benchmarks([1.0, 1.0], [2.0, 3.0])
    assert uneven.mean_profit_gain([2.0, 1.0]) == pytest.approx(1 / 3)
    for exponent, value in ((1, 0.5), (0.5, 0.25), (0, 0.0)):
        assert uneven.generalised_profit_gain([2.0, 1.0], exponent) == pytest.approx(value)
    assert np.isnan(Benchmarks([1, 1], [1, 2]).profit_gain([1, 1])[0])
    with pytest.raises(ValueError, match="nothing is to be gained"):
        Benchmarks([1.0, 1.0], [0.5, 1.5])
    with pytest.raises(ValueError, match="exponent"):
        uneven.generalised_profit_gain([2.0, 1.0], -1)


def test_a_market_becomes_a_table_with_the_market_s_own_benchmarks(small_market):
    payoffs = payoff_table(StageGame(small_market, "per_token"))
    np.testing.assert_allclose(payoffs.profits, small_market.utility(payoffs.joint_actions))
    np.testing.assert_array_equal(payoffs.joint_actions[payoffs.equilibria], pure_nash(small_market))
    benchmarks = stage_benchmarks(payoffs)
    np.testing.assert_allclose(benchmarks.competitive, small_market.utility(pure_nash(small_market)[0]))
    assert benchmarks.collusive.sum() == pytest.approx(joint_profit_optimum(small_market).value)


def test_an_auction_becomes_a_table_of_asks_with_its_ties_drawn():
    """Two equal providers on honest asks: one of them wins the whole query, in half of the outcomes each."""
    market = ttc_env.Market(["a", "b"], [1], [[1.0], [1.0]], [[0.2], [0.2]], [[0.1], [0.1]], beta=1.0)
    game = StageGame(market, SecondPrice(grid=(-0.1, 0.0, 0.2)))
    actions = price_actions(game)
    assert actions[:, 0].tolist() == [[0, 0, 1], [0, 1, 1], [0, 2, 1]]
    payoffs = payoff_table(game, actions, tie_draws=2)
    honest = int(payoffs.index(np.array([1, 1])))
    np.testing.assert_allclose(payoffs.outcomes[:, honest], 0.0, atol=1e-12)
    both_high = int(payoffs.index(np.array([2, 2])))
    np.testing.assert_allclose(payoffs.outcomes[:, both_high], [[0.2, 0.0], [0.0, 0.2]])
    np.testing.assert_allclose(payoffs.profits, game.utility(actions[payoffs.joint_actions, [0, 1]]), atol=1e-12)
    np.testing.assert_allclose(payoff_table(game, actions).profits, payoffs.profits, atol=1e-12)
    with pytest.raises(ValueError, match="allow fewer"):
        payoff_table(StageGame(ttc_env.load_market("gsm8k/best_of_n"), "per_token"))


@pytest.fixture
def small_market():
    return ttc_env.load_market("gsm8k/majority_voting", beta=10_000.0, providers=[1, 6, 8])


@pytest.mark.parametrize(
    ("profits", "actions", "message"),
    [
        ([[1.0, 2.0]] * 3, 2, "shape"),
        ([1.0, 2.0], 2, "shape"),
        ([[np.nan]] * 2, 2, "finite"),
        ([[1.0]], 0, "num_actions"),
    ],
)
def test_tables_that_are_none_are_refused(profits, actions, message):
    with pytest.raises(ValueError, match=message):
        PayoffTable(profits, actions)


@settings(max_examples=40, deadline=None)
@given(drawn)
def test_dominated_actions_are_those_of_the_definition(case):
    payoffs = play_of(case)[0].payoffs
    table = {tuple(a): p for a, p in zip(payoffs.joint_actions.tolist(), payoffs.profits, strict=True)}
    for i, k in np.ndindex(payoffs.num_providers, payoffs.num_actions):
        leads = [
            [table[(*a[:i], other, *a[i + 1 :])][i] - table[(*a[:i], k, *a[i + 1 :])][i] for a in table]
            for other in range(payoffs.num_actions)
        ]
        assert payoffs.dominated[i, k] == any(min(lead) >= 0 and max(lead) > 0 for lead in leads)


def test_bidders_who_let_each_other_win_are_no_competition():
    """Second price: honest bids are dominant, so theirs are the competitive profits; rings are equilibria too."""
    payoffs, _ = auction(second_price=True)
    benchmarks = stage_benchmarks(payoffs)
    np.testing.assert_allclose(benchmarks.competitive, 0.025)
    assert benchmarks.collusive.sum() == pytest.approx(0.95)


def test_a_game_without_a_pure_equilibrium_has_no_benchmarks_of_its_own():
    with pytest.raises(ValueError, match="no pure equilibrium"):
        stage_benchmarks(PayoffTable([[1, -1], [-1, 1], [-1, 1], [1, -1]], 2))


def test_strategies_of_another_shape_and_states_that_are_none_are_refused():
    payoffs = random_game(2, 2, 0)
    with pytest.raises(ValueError, match="actions must have shape"):
        Strategies(payoffs, 1, np.zeros((3, 2), int))
    with pytest.raises(ValueError, match=r"integers in 0\.\.1"):
        Strategies(payoffs, 1, np.full((4, 2), 2))
    with pytest.raises(ValueError, match="state must be"):
        Strategies(payoffs, 0, [[0, 0]]).cycle(1)
    with pytest.raises(ValueError, match="discount"):
        solve_decision(Strategies(payoffs, 0, [[0, 0]]), 0, 1.0)
    with pytest.raises(ValueError, match="provider"):
        solve_decision(Strategies(payoffs, 0, [[0, 0]]), 2, 0.5)
