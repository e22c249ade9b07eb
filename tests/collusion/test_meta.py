"""The meta-game: who meets whom, what they earn, and its equilibria."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.games import random_game
from ttc_env.collusion import (
    PayoffTable,
    Strategies,
    cross_play,
    meta_game,
    mixed_equilibria,
    regret_of_choices,
    solve_decision,
)

DILEMMA = PayoffTable([[2, 2], [0, 3], [3, 0], [1, 1]], 2)
DEFECT = Strategies(DILEMMA, 0, [[1, 1]])
TIT_FOR_TAT = Strategies(DILEMMA, 1, [[0, 0], [1, 0], [0, 1], [1, 1]])
TRUSTING = Strategies(DILEMMA, 0, [[0, 0]])


def test_strategies_that_meet_earn_what_a_walk_earns():
    """Tit for tat against one who always defects: once exploited in half of the pasts, and never again."""
    discount = 0.8
    expected = []
    for past in ((0, 0), (0, 1), (1, 0), (1, 1)):
        mine, theirs, total = past[1], 1, np.zeros(2)
        for t in range(200):
            total += discount**t * DILEMMA.profits[2 * mine + theirs]
            mine = theirs
        expected.append((1 - discount) * total)
    np.testing.assert_allclose(cross_play([(TIT_FOR_TAT, 0), (DEFECT, 1)], discount), np.mean(expected, axis=0))


def test_strategies_that_learnt_together_earn_their_own_value():
    rng = np.random.default_rng(0)
    game = random_game(3, 2, 1)
    play = Strategies(game, 1, rng.integers(0, 2, (8, 3)))
    values = [solve_decision(play, i, 0.7).value.mean() for i in range(3)]
    np.testing.assert_allclose(cross_play([(play, 0), (play, 1), (play, 2)], 0.7), values)


def test_a_meta_game_is_the_mean_over_sessions_that_meet():
    rng = np.random.default_rng(2)
    game = random_game(2, 3, 3)
    ways = {
        "long": [Strategies(game, 1, rng.integers(0, 3, (9, 2))) for _ in range(3)],
        "short": [Strategies(game, 0, rng.integers(0, 3, (1, 2))) for _ in range(2)],
    }
    table = meta_game(ways, 0.9)
    long, short = ways.values()
    expected = np.mean([cross_play([(long[k], 0), (short[(k + 1) % 2], 1)], 0.9) for k in range(3)], axis=0)
    np.testing.assert_allclose(table.profits[1], expected)
    expected = np.mean([cross_play([(long[k], 0), (long[(k + 1) % 3], 1)], 0.9) for k in range(3)], axis=0)
    np.testing.assert_allclose(table.profits[0], expected)


@pytest.mark.parametrize(("discount", "chosen"), [(0.9, [[0, 0], [1, 1]]), (0.1, [[1, 1]])])
def test_patient_firms_would_choose_tit_for_tat_and_impatient_ones_only_defection(discount, chosen):
    """After cooperation; averaged over all pasts tit for tat runs after itself and nobody chooses it."""
    ways = {"tit for tat": [TIT_FOR_TAT], "defect": [DEFECT]}
    table = meta_game(ways, discount, start=0)
    assert table.joint_actions[table.equilibria].tolist() == chosen
    table = meta_game(ways | {"trust": [TRUSTING]}, discount)
    assert table.joint_actions[table.equilibria].tolist() == [[1, 1]]


def test_known_mixed_equilibria():
    pennies = PayoffTable([[1, -1], [-1, 1], [-1, 1], [1, -1]], 2)
    (only,) = mixed_equilibria(pennies)
    np.testing.assert_allclose(only, 0.5)
    sexes = PayoffTable([[2, 1], [0, 0], [0, 0], [1, 2]], 2)
    found = mixed_equilibria(sexes)
    assert len(found) == 3
    np.testing.assert_allclose(found[-1], [[2 / 3, 1 / 3], [1 / 3, 2 / 3]])
    rock = PayoffTable([[0, 0], [-1, 1], [1, -1], [1, -1], [0, 0], [-1, 1], [-1, 1], [1, -1], [0, 0]], 3)
    (only,) = mixed_equilibria(rock)
    np.testing.assert_allclose(only, 1 / 3)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 4))
def test_random_games_have_an_odd_number_of_equilibria_and_all_are(seed, m):
    game = random_game(2, m, seed)
    found = mixed_equilibria(game)
    assert len(found) % 2 == 1  # Wilson 1971, almost surely
    pure = [e for e in found if (e.max(axis=1) == 1).all()]
    assert sorted(tuple(e.argmax(axis=1)) for e in pure) == sorted(map(tuple, game.joint_actions[game.equilibria]))
    for chances in found:
        a, b = np.moveaxis(game.profits.reshape(m, m, 2), -1, 0)
        assert (a @ chances[1]).max() == pytest.approx(chances[0] @ a @ chances[1])
        assert (chances[0] @ b).max() == pytest.approx(chances[0] @ b @ chances[1])
        np.testing.assert_allclose(regret_of_choices(game, chances)[0], (a @ chances[1]).max() - a @ chances[1])


def test_players_of_different_games_and_too_few_are_refused():
    other = Strategies(random_game(2, 2, 0), 0, [[0, 0]])
    with pytest.raises(ValueError, match="2 providers"):
        cross_play([(DEFECT, 0), (other, 1)], 0.5)
    with pytest.raises(ValueError, match="2 providers"):
        cross_play([(DEFECT, 0)], 0.5)
    with pytest.raises(ValueError, match="at least one session"):
        meta_game({"nobody": []}, 0.5)
    with pytest.raises(ValueError, match="for 2 providers"):
        mixed_equilibria(random_game(3, 2, 0))
