"""Rules on top of any game: what is cleared under them, and what they do to who plays."""

import numpy as np
import pytest

from agents.compiled.q_learning import SessionConfig, learn_session
from tests.helpers.games import BERTRAND_BENCHMARKS, auction, bertrand_logit, random_game
from ttc_env.collusion import Strategies, cap, log_only, regulate, revise, veto


@pytest.mark.parametrize(
    ("rule", "instead"),
    [
        (log_only, lambda a, i, others: a),
        (cap(2), lambda a, i, others: min(a, 2)),
        (cap([1, 3]), lambda a, i, others: min(a, [1, 3][i])),
        (veto([False, True, False, False], 3), lambda a, i, others: 3 if a == 1 else a),
        (revise(lambda joint: joint == 3), None),
    ],
)
def test_rules_are_what_they_say(rule, instead):
    game = random_game(2, 4, 0, outcomes=2)
    found = regulate(game, rule)
    for row, joint in enumerate(game.joint_actions.tolist()):
        cleared = []
        for i, action in enumerate(joint):
            if instead is not None:
                cleared.append(instead(action, i, joint))
            elif action == 3:  # the best answer, searched for
                trials = [[k, joint[1]] if i == 0 else [joint[0], k] for k in range(4)]
                cleared.append(int(np.argmax([game.profits[game.index(np.array(t)), i] for t in trials])))
            else:
                cleared.append(action)
        np.testing.assert_array_equal(found.payoffs.outcomes[:, row], game.outcomes[:, game.index(np.array(cleared))])
        assert found.touched[row].tolist() == [a != b for a, b in zip(cleared, joint, strict=True)]


def test_interventions_are_counted_on_the_cycle():
    game = random_game(2, 3, 1)
    back_and_forth = Strategies(game, 1, np.where(game.joint_actions[:, :1] == 0, [[2, 1]], [[0, 0]]))
    found = regulate(game, cap(1))
    np.testing.assert_allclose(found.interventions(back_and_forth, 0), [0.5, 0.0])


def test_learners_under_a_cap_earn_no_more_than_the_cap_allows():
    game = bertrand_logit(5)
    config = SessionConfig(decay=2e-4, patience=5000)
    free = learn_session(game, config, 0)
    capped = learn_session(regulate(game, cap(1)).payoffs, config, 0)
    gains = [BERTRAND_BENCHMARKS.mean_profit_gain(s.strategies.cycle_profits(s.state)) for s in (free, capped)]
    at_the_cap = BERTRAND_BENCHMARKS.mean_profit_gain(game.profits[game.index(np.array([1, 1]))])
    assert gains[0] > 0.5 > at_the_cap
    assert gains[1] <= at_the_cap + 1e-9


def test_rules_of_another_size_are_refused():
    with pytest.raises(ValueError, match="a rule must say actions"):
        regulate(auction()[0], lambda payoffs: np.zeros((2, 2), int))
