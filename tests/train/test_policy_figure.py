"""The figure of what is played in each state: every state, or those visited most, beside the equilibrium."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import train.figures
from ttc_env import MarkovGame, load_market
from ttc_env.dynamics import Capacity, Loyalty
from ttc_env.judging import figures

MARKET = load_market("gpqa/best_of_n").select([1, 6, 8])


@pytest.mark.parametrize("dynamics", [Loyalty(0.004), Capacity(2)], ids=lambda one: one.name)
def test_levels_and_frequencies_are_those_of_the_states_shown(tmp_path, monkeypatch, dynamics):
    game = MarkovGame(MARKET, "per_token", dynamics)
    final, drawn = figures(game, game.myopic_policy()), []
    monkeypatch.setattr(train.figures, "save", lambda figure, path: drawn.append(figure))
    train.figures.draw_policy(tmp_path / "policy.png", MARKET, final)
    learned, nash, often, _ = drawn[0].axes
    visited = np.array(final["stationary"])
    shown = np.sort(np.argsort(-visited, kind="stable")[: train.figures.SHOWN])
    np.testing.assert_array_equal(learned.images[0].get_array(), game.myopic_policy()[shown])
    np.testing.assert_array_equal(nash.images[0].get_array(), game.equilibrium()[shown])
    np.testing.assert_allclose([bar.get_width() for bar in often.patches], 100 * visited[shown])
    if dynamics.name == "loyalty":
        assert learned.get_yticklabels()[-1].get_text() == "nobody"
    plt.close("all")
