"""The study of dynamics: its rows are the exact games, its markets the providers that sell most."""

import numpy as np
import pytest

from train.dynamics_study import Args, games, main
from ttc_env import MarkovGame, load_market
from ttc_env.dynamics import Loyalty

ARGS = {"markets": ("nano/majority_voting",), "betas": (1000.0,)}


def test_rows_are_those_of_the_exact_games(tmp_path):
    table = main(Args(**ARGS, out=tmp_path)).set_index("dynamics")
    market = load_market("nano/majority_voting", beta=1000.0)
    game = MarkovGame(market, "per_token", Loyalty(0.25 * market.unit))
    for prefix, policy in (("stage_", game.stage_policy()), ("", game.equilibrium())):
        row, average = table.loc["loyalty"], game.average(policy)
        assert row[f"{prefix}welfare"] == pytest.approx(average["welfare"])
        assert row[f"{prefix}profit"] == pytest.approx(average["profits"].sum())
    assert table.loc["loyalty", "stage_gap"] == pytest.approx(game.relative_nash_conv(game.stage_policy()))
    assert (tmp_path / "games.csv").is_file()


def test_where_the_state_has_a_part_of_each_the_largest_providers_are_taken():
    market = load_market("gsm8k/majority_voting", beta=1000.0)
    found = games(Args(markets=("gsm8k/majority_voting",), betas=(1000.0,)))
    sizes = {dynamics: game.num_providers for _, _, dynamics, game in found}
    assert sizes == {"loyalty": 9, "reputation": 3, "capacity": 3}
    kept = next(game.market.providers for _, _, dynamics, game in found if dynamics == "capacity")
    shares = market.shares(next(game for _, _, name, game in found if name == "loyalty").stage_policy()[0])
    assert set(kept) == {market.providers[i] for i in np.argsort(-shares)[:3]}
