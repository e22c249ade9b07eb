"""`python -m ttc_env`: what there is, an episode, and what is known of a market."""

import numpy as np
import pytest

import ttc_env
from tests.helpers.scripts import run_python
from ttc_env import equilibrium
from ttc_env.__main__ import command_line
from ttc_env.curves import load_curves, load_draws
from ttc_env.registration import ENVIRONMENTS


def said(capsys, *words):
    code = command_line(list(words))
    out, err = capsys.readouterr()
    return code, out, err


def test_everything_there_is_is_listed(capsys):
    code, out, _ = said(capsys)
    assert code == 0
    for name in (*ENVIRONMENTS, *ttc_env.list_markets(), *ttc_env.mechanisms.MECHANISMS):
        assert name in out


@pytest.mark.parametrize("beta", ["200", "1e5"])
def test_the_outcome_of_a_market_is_that_of_the_library(capsys, beta):
    market = ttc_env.load_market("aime/best_of_n", beta=float(beta))
    code, out, _ = said(capsys, "aime/best_of_n", "--beta", beta)
    profile = equilibrium.pure_nash(market)[0]
    assert code == 0
    assert [int(line.split()[1]) for line in out.splitlines()[2:11]] == [market.levels[k] for k in profile]
    assert f"welfare {1000 * float(market.welfare(profile)):.4f} of at most" in out
    assert f"price of anarchy {equilibrium.price_of_anarchy(market):.4f}" in out
    auction = equilibrium.second_price_outcome(market)
    assert f"{market.providers[auction.winner]} wins, is paid {1000 * auction.payment:.4f}" in out


def test_a_table_of_ones_own(capsys, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(
        "benchmark,method,model,theta,accuracy,tokens,price_usd_per_mtok\n"
        "own,mine,small,1,0.5,100,0.2\nown,mine,large,1,0.7,100,0.9\n"
    )
    code, out, _ = said(capsys, str(path), "--answer-value", "0.01", "--markup", "0")
    assert code == 0
    assert "2 providers, 1 levels" in out
    code, _, err = said(capsys, str(path))
    assert code == 2
    assert err.startswith("error: answer_value")
    assert err.count("\n") == 1


def test_curves_stand_below_with_the_intervals_of_their_draws(capsys):
    code, out, _ = said(capsys, "nano/best_of_n", "--beta", "500")
    draws = load_draws("nano/best_of_n", beta=500.0)
    accuracy = np.quantile([market.accuracy for market in draws], [0.025, 0.975], axis=0)
    curves = load_curves("nano/best_of_n")
    assert code == 0
    words = next(
        line for line in out.splitlines() if line.startswith("nano-64x2") and line.split()[1:2] == ["8"]
    ).split()
    expected = (
        curves.accuracy[1, 2],
        accuracy[0, 1, 2],
        accuracy[1, 1, 2],
        curves.tokens[1, 2],
        1000 * curves.bill[1, 2],
    )
    assert [float(word) for word in words[2:] if word != "to"] == pytest.approx(expected, abs=0.051)
    assert words[2] == f"{curves.accuracy[1, 2]:.4f}"
    low, _, high = equilibrium.interval(equilibrium.price_of_anarchy, draws)
    assert f"price of anarchy {low:.4f} to {high:.4f} (200 draws)" in out
    assert "no intervals: gsm8k/best_of_n has no draws" in said(capsys, "gsm8k/best_of_n")[1]


def test_all_tables_of_a_file_are_shown_with_their_own_costs(capsys, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(
        "benchmark,method,model,theta,accuracy,tokens,price_usd_per_mtok,cost_usd_per_mtok\n"
        "own,mine,small,1,0.5,100,2,1\nown,other,large,1,0.7,100,9,9\n"
    )
    code, out, _ = said(capsys, str(path), "--answer-value", "0.01")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines() if "level accuracy" in line] == ["own/mine", "own/other"]
    rows = [line.split() for line in out.splitlines() if line.startswith(("small", "large")) and "%" in line]
    assert [row[3:5] for row in rows] == [["0.2000", "0.1000"], ["0.9000", "0.9000"]]
    assert "own/mine" not in said(capsys, str(path), "--answer-value", "0.01", "--name", "own/other")[1]


@pytest.mark.parametrize("gymnasium_id", ENVIRONMENTS)
def test_an_episode_is_played(capsys, gymnasium_id):
    code, out, _ = said(capsys, "--play", gymnasium_id, "--periods", "3")
    assert code == 0
    assert out.startswith("period 3, ")
    assert "means of 3 periods of random play" in out
    assert said(capsys, "--play", gymnasium_id, "--periods", "3")[1] == out


@pytest.mark.parametrize(
    "words",
    [["nope"], ["/no/such.csv"], ["gsm8k/best_of_n", "--beta", "-1"], ["--play", "ttc/Market-v0", "--periods", "0"]],
)
def test_what_cannot_be_is_one_line(capsys, words):
    code, out, err = said(capsys, *words)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_it_needs_no_learning_library():
    script = "import sys; from ttc_env.__main__ import command_line; command_line(['gsm8k/best_of_n']); "
    script += "assert 'torch' not in sys.modules"
    done = run_python(script)
    assert done.returncode == 0, done.stderr
