"""The study of who gains from which mechanism."""

from dataclasses import replace

import numpy as np
import pytest

import ttc_env
from tests.helpers.scripts import run_apart
from train import mechanism_study as study
from ttc_env import StageGame, equilibrium
from ttc_env.markets import stack

pd = pytest.importorskip("pandas")
NAMES = [name for name in ttc_env.list_markets() if not name.startswith("nano/")]


def cells(beta):
    """The nine markets of published models at one beta, with the play of each mechanism."""
    for name in NAMES:
        yield ttc_env.load_market(name, beta=beta)


def test_the_counts_against_per_token_pricing():
    """Found before by an independent computation over 9 markets and 3 betas."""
    worse_value, higher_payment, higher_profit, higher_welfare, worse_surplus = np.zeros(5, dtype=int)
    for beta in (200.0, 1000.0, 100000.0):
        for market in cells(beta):
            own, base = (study.quantities(play(stack([market]))) for play in (study.second_price, study.per_token))
            worse_value += own["user_value"][0] < base["user_value"][0]
            worse_surplus += own["user_surplus"][0] < base["user_surplus"][0]
            higher_payment += own["payment"][0] > base["payment"][0]
            higher_profit += own["profit"][0] > base["profit"][0]
            higher_welfare += own["welfare"][0] > base["welfare"][0]
            assert (own["sellers"][0], own["earners"][0], own["herfindahl"][0]) == (1, 1, 1.0)
    assert (worse_value, higher_payment, higher_profit, higher_welfare, worse_surplus) == (10, 12, 19, 27, 25)


def test_losses_split_what_the_auction_gains():
    for market in cells(1000.0):
        base, auction = (study.quantities(play(stack([market]))) for play in (study.per_token, study.second_price))
        split = study.split_losses(base, auction)
        total = split["incentive_loss"] + split["choice_loss"]
        np.testing.assert_allclose(total, auction["welfare"] - base["welfare"], rtol=1e-12)
        assert split["incentive_loss"] >= 0
        assert split["choice_loss"] >= 0


def test_figures_are_those_of_the_stage_game():
    for market in cells(1000.0):
        played = study.per_token(stack([market]))
        outcome = StageGame(market).outcome(equilibrium.pure_nash(market)[0])
        np.testing.assert_allclose(played.shares[0], outcome.shares, rtol=1e-12)
        np.testing.assert_allclose(played.profit[0], outcome.utility, rtol=1e-12)
        assert played.user_value[0] == pytest.approx(float(outcome.user_value), rel=1e-12)
        assert played.payment[0] == pytest.approx(float(outcome.payment.sum()), rel=1e-12)


def test_both_readings_of_noise_agree_for_rational_users():
    market = ttc_env.load_market("gsm8k/best_of_n", beta=1e9)
    played = study.per_token(stack([market]))
    assert played.user_value[0] == pytest.approx(played.user_surplus[0], rel=1e-6)
    noisy = study.per_token(stack([replace(market, beta=200.0)]))
    assert noisy.user_value[0] < noisy.user_surplus[0]


@pytest.mark.long
def test_the_script_writes_its_tables_and_figure(tmp_path):
    run = run_apart(
        "train/compare_mechanisms.py", tmp_path, "--num-draws", 2, "--num-types", 3, "--betas", 1000, "--out", "study"
    )
    assert run.returncode == 0, run.said
    tables = {
        name: pd.read_csv(tmp_path / "study" / f"{name}.csv") for name in ("quantities", "differences", "providers")
    }
    markets = len(ttc_env.list_markets()) + len(ttc_env.list_mixtures())
    assert len(tables["differences"]) == markets * 4 * 5
    assert tables["quantities"].groupby(["market", "mechanism"]).ngroups == markets * 5
    wide = tables["quantities"].pivot_table(index=["market", "mechanism"], columns="quantity", values="value")
    np.testing.assert_allclose(wide.welfare, wide.user_value + wide.profit, rtol=1e-9)
    profits = tables["providers"].query("quantity == 'profit'").groupby(["market", "mechanism"]).value.sum()
    np.testing.assert_allclose(profits, wide.profit, rtol=1e-9)
    assert (tmp_path / "study" / "differences.png").stat().st_size > 10_000
    assert "published models" in run.said
    report = (tmp_path / "study" / "report.html").read_text(encoding="utf-8")
    assert f"{markets} markets at beta 1000" in report
    assert f"{1000 * wide.welfare['gsm8k/majority_voting', 'per_token']:.4f}" in report


def test_the_script_refuses_intervals_of_one_draw(tmp_path):
    run = run_apart("train/compare_mechanisms.py", tmp_path, "--num-draws", 1)
    assert run.returncode == 2
    assert "num_draws" in run.said
