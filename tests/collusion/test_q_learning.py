"""Compiled Q-learning against a naive second implementation, and against the published results."""

import importlib.util
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from agents.compiled.loop import make_loop
from agents.compiled.q_learning import BLOCK, Session, SessionConfig, learn_session
from tests.helpers.games import BERTRAND_BENCHMARKS, auction, bertrand_logit, random_game
from tests.helpers.scripts import run_apart
from ttc_env.collusion import PayoffTable, stability

AUCTION = SessionConfig(
    memory=0, learning_rate=0.05, discount=0.99, decay=2e-4, initial=(0.0, 100.0), patience=10**9, max_periods=10**6
)
SHORT = SessionConfig(decay=1e-3, patience=10**9, max_periods=3000)
CASES = {
    "memory 1": (bertrand_logit(5), SHORT),
    "memory 0": (auction()[0], replace(SHORT, memory=0, initial=(0.0, 20.0))),
    "memory 2": (random_game(2, 3, 0), replace(SHORT, memory=2)),
    "three providers": (random_game(3, 3, 1), replace(SHORT, learning_rate=(0.1, 0.2, 0.3), discount=(0.0, 0.5, 0.9))),
    "one provider": (random_game(1, 4, 2), SHORT),
    "one action": (random_game(2, 1, 2), SHORT),
    "chance": (random_game(3, 2, 3, outcomes=4), replace(SHORT, decay=1e-2)),
    "synchronous": (random_game(2, 4, 4, outcomes=2), replace(SHORT, synchronous=True)),
    "synchronous, memory 0": (auction()[0], replace(SHORT, memory=0, synchronous=True, max_periods=300)),
}
needs_numba = pytest.mark.skipif(not importlib.util.find_spec("numba"), reason="needs the extra `fast`")


def textbook(payoffs, config, seed):
    """Q-learning as it is written in a textbook, over dictionaries, with a search for the best action at every step."""
    n, m = payoffs.num_providers, payoffs.num_actions
    states = payoffs.num_joint**config.memory
    bits = np.random.SFC64(np.random.SeedSequence(seed))
    generator = np.random.Generator(bits)
    state = int(generator.integers(states))
    rate, discount = (np.broadcast_to(getattr(config, name), n) for name in ("learning_rate", "discount"))
    q = {}
    start = np.zeros((states, n, m)) if config.initial is None else generator.uniform(*config.initial, (states, n, m))
    for s, i, k in np.ndindex(states, n, m):
        mine = [row for row, joint in enumerate(payoffs.joint_actions) if joint[i] == k]
        random_rivals = payoffs.profits[mine, i].mean() / (1 - discount[i])
        q[s, i, k] = random_rivals if config.initial is None else start[s, i, k]
    outcomes = payoffs.profits[None] if config.synchronous else payoffs.outcomes
    width = n + (len(outcomes) > 1)
    words = bits.random_raw(config.max_periods * width // 2 + 1).view(np.uint32).astype(np.int64)
    draws = words[: config.max_periods * width].reshape(-1, width)

    def greedy(s, i):
        return max(range(m), key=lambda k: (q[s, i, k], -k))

    def after(s, row):
        return (s * payoffs.num_joint + row) % states

    for t, draw in enumerate(draws):
        bound = round(np.exp(-config.decay * t) * 2**32)
        played = [draw[i] * m // bound if draw[i] < bound else greedy(state, i) for i in range(n)]
        outcome = outcomes[draw[-1] * len(outcomes) // 2**32 if len(outcomes) > 1 else 0]
        updates = {}
        for i in range(n):
            for k in range(m) if config.synchronous else [played[i]]:
                row = int(payoffs.index(np.array([*played[:i], k, *played[i + 1 :]])))
                following = after(state, row)
                target = outcome[row, i] + discount[i] * q[following, i, greedy(following, i)]
                updates[state, i, k] = q[state, i, k] + rate[i] * (target - q[state, i, k])
        q.update(updates)
        state = after(state, int(payoffs.index(np.array(played))))
    values = np.array([[[q[s, i, k] for k in range(m)] for i in range(n)] for s in range(states)])
    return values, state


@pytest.mark.parametrize("case", CASES)
def test_a_session_is_that_of_the_textbook(case):
    payoffs, config = CASES[case]
    config = replace(config, max_periods=min(400, config.max_periods))
    session = learn_session(payoffs, config, 5, interpreted=True)
    values, state = textbook(payoffs, config, 5)
    np.testing.assert_allclose(session.values, values, rtol=1e-9)
    assert session.state == state
    assert session.periods == config.max_periods
    assert not session.converged


@needs_numba
@pytest.mark.parametrize("case", ["memory 1", "chance", "synchronous"])
def test_compiled_and_interpreted_sessions_are_the_same_to_the_last_bit(case):
    compiled, interpreted = (learn_session(*CASES[case], 7, interpreted=form) for form in (False, True))
    assert compiled.periods == interpreted.periods > 0
    assert compiled.state == interpreted.state
    np.testing.assert_array_equal(compiled.values, interpreted.values)
    np.testing.assert_array_equal(compiled.strategies.actions, interpreted.strategies.actions)


@pytest.mark.parametrize("case", CASES)
def test_what_is_kept_beside_the_values_is_what_a_search_finds(case):
    session = learn_session(*CASES[case], 3, interpreted=True)
    np.testing.assert_array_equal(session.strategies.actions, session.values.argmax(axis=-1))


def test_convergence_counts_periods_without_any_change_of_anybody():
    """The last change of mind is exactly `patience` periods before the end; cutting sessions off shows it."""
    payoffs, config = bertrand_logit(4), SessionConfig(memory=0, decay=1e-2, patience=700, max_periods=10**6)
    session = learn_session(payoffs, config, 11)
    assert session.converged

    def greedy_after(periods):
        cut = replace(config, max_periods=periods, patience=10**9)
        return learn_session(payoffs, cut, 11).strategies.actions

    before, at = session.periods - config.patience - 1, session.periods - config.patience
    assert not np.array_equal(greedy_after(before), greedy_after(at))
    for periods in range(at, session.periods + 1, 50):
        np.testing.assert_array_equal(greedy_after(periods), session.strategies.actions)


def test_a_session_does_not_depend_on_the_blocks_it_is_played_in(monkeypatch):
    config = replace(SHORT, max_periods=1000, decay=0.0)
    whole = learn_session(bertrand_logit(3), config, 1)
    monkeypatch.setattr("agents.compiled.q_learning.BLOCK", 100)
    parts = learn_session(bertrand_logit(3), config, 1)
    assert BLOCK > 1000
    np.testing.assert_array_equal(whole.values, parts.values)


def test_exploration_is_as_often_as_it_should_be_and_uniform():
    """An action that was played is worth its profit from then on, nothing, and shows so that it was."""
    payoffs, loop, bits = (
        PayoffTable(np.zeros((9, 2)), 3),
        make_loop(2, 3, 1, False, interpreted=True),
        np.random.SFC64(0),
    )
    played = np.zeros((2, 3))
    for _ in range(1000):
        values = np.tile([2.0, 1.0, 1.0], (1, 2, 1))
        draws = bits.random_raw(1).view(np.uint32)
        greedy, best = np.zeros((1, 2), np.int64), np.full((1, 2), 2.0)
        loop(payoffs.profits, (1.0, 1.0), (0.0, 0.0), 1.0, 0.3, values, greedy, best, 0, 0, 9, draws)
        played += values[0] == 0
    np.testing.assert_allclose(played / 1000, [[0.8, 0.1, 0.1]] * 2, atol=0.03)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("memory", -1),
        ("learning_rate", 1.5),
        ("discount", 1.0),
        ("decay", -1e-6),
        ("patience", 0),
        ("max_periods", 2.5),
    ],
)
def test_settings_out_of_range_are_refused(setting, value):
    with pytest.raises(ValueError, match=setting):
        SessionConfig(**{setting: value})


def test_tables_too_large_and_settings_for_others_are_refused():
    with pytest.raises(ValueError, match="memory 3"):
        learn_session(bertrand_logit(), SessionConfig(memory=3))
    with pytest.raises(ValueError, match="one for each of the 2 providers"):
        learn_session(bertrand_logit(3), SessionConfig(discount=(0.9, 0.9, 0.9)))


def sessions(payoffs, config, count) -> list[Session]:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda seed: learn_session(payoffs, config, seed), range(count)))


def mean_gain_and_periods(decay, count):
    found = sessions(bertrand_logit(), SessionConfig(decay=decay), count)
    assert all(session.converged for session in found)
    gains = [BERTRAND_BENCHMARKS.mean_profit_gain(s.strategies.cycle_profits(s.state)) for s in found]
    return found, np.mean(gains), np.mean([session.periods for session in found]) / 1e6


@needs_numba
def test_golden_in_short():
    """Twenty sessions instead of a hundred, so the bounds of the golden numbers are wider by two of their errors."""
    _, gain, periods = mean_gain_and_periods(1e-5, 20)
    assert abs(gain - 0.831) < 0.03 + 0.05
    assert abs(periods - 0.96) < 0.1


@needs_numba
@pytest.mark.slow
@pytest.mark.parametrize(("decay", "gain", "periods", "width"), [(4e-6, 0.861, 1.82, 0.15), (1e-5, 0.831, 0.96, 0.1)])
def test_golden_profit_gain_and_periods(decay, gain, periods, width):
    found, mean_gain, mean_periods = mean_gain_and_periods(decay, 100)
    assert abs(mean_gain - gain) < 0.03
    assert abs(mean_periods - periods) < width
    if decay == 4e-6:
        limits = [stability(session.strategies, session.state, 0.95) for session in found]
        assert not any(limit.nash for limit in limits)
        assert abs(np.mean([limit.on_path for limit in limits]) - 0.129) < 0.02


@needs_numba
@pytest.mark.skipif(not shutil.which("cc"), reason="needs a C compiler")
def test_the_benchmark_runs_and_both_programs_find_collusion(tmp_path):
    words = ["--sessions", "2", "--rounds", "1", "--decay", "1e-4", "--batch", "2"]
    run = run_apart("tests/benchmarks/collusion.py", tmp_path, *words)
    assert run.returncode == 0, run.said
    gains = [float(line.rsplit(" ", 1)[1]) for line in run.said.splitlines() if "profit gain" in line]
    assert len(gains) == 2
    assert min(gains) > 0.3
    assert "C over compiled" in run.said


def mean_revenue(second_price, synchronous, count):
    payoffs, revenue = auction(second_price)
    found = sessions(payoffs, replace(AUCTION, synchronous=synchronous), count)
    return np.mean([revenue[session.strategies.joint[0]] for session in found])


@needs_numba
def test_golden_auctions_in_short():
    assert mean_revenue(False, False, 8) < 0.5 < 0.85 < mean_revenue(True, False, 8)
    assert mean_revenue(False, True, 1) > 0.85


@needs_numba
@pytest.mark.slow
@pytest.mark.parametrize(
    ("second_price", "synchronous", "revenue"),
    [(False, False, 0.212), (False, True, 0.905), (True, False, 0.938), (True, True, 0.950)],
)
def test_golden_revenue_of_auctions(second_price, synchronous, revenue):
    assert abs(mean_revenue(second_price, synchronous, 100) - revenue) < 0.03
