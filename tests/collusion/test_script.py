"""`python train/collusion.py`: nothing is lost or done twice, and the report is the same however it came about."""

import json
import random
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.scripts import run_here, started
from train import collusion
from train.collusion import read_arguments
from train.sessions.cell import run_cell, tables
from train.sessions.report import interval, summarize, surely_above, verdict
from ttc_env.scripting.jsonl import read_lines

SCRIPT = Path(__file__).resolve().parents[2] / "train" / "collusion.py"
SMALL = ("--mechanism.num-prices", "4", "--config.decay", "0.003", "--config.patience", "500")
FEW = (*SMALL, "--sessions", "4", "--controls", "2", "--name", "it")
REPORT = ("sessions.csv", "summary.json", "responses.png")


def run(folder, *words):
    return run_here(collusion.command_line, folder, *words)


def written(folder):
    return {name: (folder / name).read_bytes() for name in REPORT}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    result = run(folder, *FEW, "--backend", "serial")
    assert result.returncode == 0, result.said
    return folder / "runs" / "collusion" / "it", result.said


def test_it_writes_and_says_what_it_promises(whole):
    folder, said = whole
    assert len(read_lines(folder / "sessions.jsonl")) == 4 + 2 + 2
    assert {path.name for path in folder.iterdir()} == {*REPORT, "report.html", "sessions.jsonl", ".claims"}
    for words in ("profit gain Delta", "no memory", "no patience", "Nash on the cycle", "undercut", "verdict"):
        assert words in said
    (summary,) = json.loads((folder / "summary.json").read_text())
    assert summary["learners"]["sessions"] == 4
    assert len((folder / "sessions.csv").read_text().splitlines()) == 9
    report = (folder / "report.html").read_text(encoding="utf-8")
    assert f"{summary['learners']['gain'][0]:.3f}" in report
    assert "Deviation: undercut" in report


@pytest.mark.long
@pytest.mark.parametrize("kills", [1, pytest.param(10, marks=pytest.mark.slow)])
def test_killed_at_random_moments_no_session_is_lost_and_the_report_is_the_same(tmp_path, kills):
    rng = random.Random(0)
    words = (*SMALL, "--sessions", str(12 * kills), "--controls", "2", "--backend", "serial")
    assert run(tmp_path, *words, "--name", "whole").returncode == 0
    store = tmp_path / "runs" / "collusion" / "it" / "sessions.jsonl"
    done = []
    for _ in range(kills):
        with started([sys.executable, SCRIPT, *words, "--name", "it"], tmp_path) as process:
            while not (store.exists() and store.read_bytes().count(b"\n") > len(done)):
                assert process.poll() is None
                time.sleep(0.001)
            time.sleep(rng.uniform(0, 0.03))
        now = read_lines(store)
        assert now[: len(done)] == done
        done = now
    assert run(tmp_path, *words, "--name", "it").returncode == 0
    assert read_lines(store)[: len(done)] == done
    assert len(read_lines(store)) == 12 * kills + 4
    assert written(store.parent) == written(store.parent.with_name("whole"))


@pytest.mark.slow
def test_sessions_in_processes_are_the_same(whole, tmp_path):
    assert run(tmp_path, *FEW, "--backend", "processes", "--jobs", "2").returncode == 0
    assert written(tmp_path / "runs" / "collusion" / "it") == written(whole[0])


def test_a_map_has_all_combinations(tmp_path):
    words = (*SMALL, "--sessions", "2", "--controls", "0", "--backend", "serial", "--name", "it")
    assert run(tmp_path, *words, "--map.learning-rate", ".1", ".2", "--map.decay", ".01", ".02").returncode == 0
    batches = json.loads((tmp_path / "runs" / "collusion" / "it" / "summary.json").read_text())
    assert [(b["config"]["learning_rate"], b["config"]["decay"]) for b in batches] == [
        (0.1, 0.01), (0.1, 0.02), (0.2, 0.01), (0.2, 0.02),
    ]  # fmt: skip
    assert (tmp_path / "runs" / "collusion" / "it" / "map.png").exists()


def test_a_record_is_what_the_protocol_says():
    """The numbers of a session, once more from its cycle alone."""
    args = read_arguments(list(SMALL))
    cell = args.cells(args.config)[1]
    record = run_cell(cell)
    assert json.loads(json.dumps(record["cell"], sort_keys=True)) == json.loads(cell.key)
    _, (payoffs, _), benchmarks = tables(cell.setting)
    profits = payoffs.profits[payoffs.index(np.array(record["cycle"]))].mean(axis=0)
    np.testing.assert_allclose(record["profits"], profits)
    np.testing.assert_allclose(benchmarks.competitive, 0.22293, atol=1e-5)
    np.testing.assert_allclose(benchmarks.collusive, 0.33749, atol=1e-5)
    assert record["gain"] == pytest.approx((profits.mean() - 0.22293) / (0.33749 - 0.22293), abs=1e-3)
    assert record["equilibrium_gain"] == max(
        float(benchmarks.mean_profit_gain(payoffs.profits[row])) for row in payoffs.equilibria
    )
    change = record["deviations"]["undercut"]
    assert change["own"][0] * change["others"][0] <= 0 or change["own"][0] < 0
    assert 0 <= change["punished"] <= 1


def test_markets_of_models_and_auctions_are_settings_too():
    words = ["--market", "gsm8k/majority_voting", "--mechanism", "per_token", "--market.providers", "1", "6", "8"]
    payoffs = tables(read_arguments([*words, "--beta", "10000"]).setting()).regulated.payoffs
    assert payoffs.profits.shape == (216, 3)
    words = ["--market", "common-value", "--mechanism", "first_price", "--actions", "prices", "--tie-draws", "2"]
    words += ["--mechanism.grid", "-.1", "0", ".1", ".2", ".3", ".4"]
    payoffs = tables(read_arguments(words).setting()).regulated.payoffs
    assert payoffs.outcomes.shape == (2, 36, 2)


@pytest.mark.parametrize("name", ["hedge", pytest.param("dqn", marks=pytest.mark.slow)])
def test_other_learners_are_asked_the_same(tmp_path, name):
    words = ["--mechanism.num-prices", "3", "--algorithm", name, "--steps", "400", "--num-markets", "2"]
    words += ["--sessions", "2", "--controls", "1", "--backend", "serial", "--name", "it", "--no-figures"]
    done = run(tmp_path, *words)
    assert done.returncode == 0, done.said
    folder = tmp_path / "runs" / "collusion" / "it"
    records = read_lines(folder / "sessions.jsonl")
    assert [record["cell"]["variant"] for record in records] == ["learners"] * 2 + ["no memory", "no patience"]
    assert all(len(record["on_path"]) == 2 and record["periods"] >= 200 for record in records)
    assert f"{name}, discount 0.95" in (folder / "sessions.csv").read_text()


def test_algorithms_are_put_against_each_other(tmp_path):
    words = ["--mechanism.num-prices", "3", "--algorithm", "hedge", "--learners", "0", "--opponents", "exp3"]
    words += ["--steps", "400", "--num-markets", "2", "--sessions", "1", "--controls", "1", "--no-figures"]
    done = run(tmp_path, *words, "--backend", "serial", "--name", "it")
    assert done.returncode == 0, done.said
    assert "hedge against exp3" in done.said
    assert len(read_lines(tmp_path / "runs" / "collusion" / "it" / "sessions.jsonl")) == 3


def test_a_cap_lowers_what_can_be_earned_and_its_log_counts():
    """Against a second way to find the same: profits of capped actions, looked up one by one."""
    words = [*SMALL, "--regulator.rule", "cap", "--regulator.bound", "1"]
    _, (payoffs, touched), benchmarks = tables(read_arguments(words).setting())
    free = tables(read_arguments([*SMALL]).setting())
    for row, joint in enumerate(payoffs.joint_actions):
        cleared = [min(int(action), 1) for action in joint]
        np.testing.assert_array_equal(payoffs.profits[row], free.regulated.payoffs.profits[4 * cleared[0] + cleared[1]])
        np.testing.assert_array_equal(touched[row], [action > 1 for action in joint])
    np.testing.assert_array_equal(benchmarks.collusive, free.benchmarks.collusive)
    logged = tables(read_arguments([*words, "--regulator.log"]).setting()).regulated
    np.testing.assert_array_equal(logged.payoffs.profits, free.regulated.payoffs.profits)
    np.testing.assert_array_equal(logged.touched, touched)
    veto = tables(read_arguments([*SMALL, "--regulator.rule", "veto", "--regulator.bound", "1"]).setting()).regulated
    np.testing.assert_array_equal(veto.payoffs.profits[15], free.regulated.payoffs.profits[0])
    revised = tables(read_arguments([*SMALL, "--regulator.rule", "revise", "--regulator.bound", ".5"]).setting())
    gains = free.benchmarks.mean_profit_gain(free.regulated.payoffs.profits)
    best = free.regulated.payoffs.best_response != free.regulated.payoffs.joint_actions
    np.testing.assert_array_equal(revised.regulated.touched, best & (gains > 0.5)[:, None])


def batch(gain, **controls):
    return {"learners": {"gain": gain}} | {name: {"gain": figure} for name, figure in controls.items()}


def test_verdicts():
    good = [0.8, 0.7, 0.9]
    assert verdict(batch(good, memoryless=[0.05, 0.0, 0.1])) == "collusion"
    assert verdict(batch(good, memoryless=[0.5, 0.3, 0.7])).startswith("spurious")
    assert verdict(batch([0.1, -0.1, 0.3])) == "not significant"
    assert verdict(batch([-0.5, -0.6, -0.4])) == "less than competition"
    assert verdict(batch([0.8, None, None])) == "not significant"
    grid = {"learners": {"gain": [0.1, 0.08, 0.12], "equilibrium_gain": 0.117}}
    assert verdict(grid) == "no more than an equilibrium of one period earns"
    above = batch([0.2, 0.15, 0.25], memoryless=[0.05, 0.0, 0.1])
    assert verdict(above | {"learners": above["learners"] | {"equilibrium_gain": 0.117}}) == "collusion"
    assert verdict(batch(good)) == "above competition, and nothing here says why"  # no control was asked
    assert surely_above([0.5, None, None], 0.2)


def test_intervals_leave_out_what_is_not_there():
    assert interval([None, float("nan")]) == [None, None, None]
    assert interval([None, 2.0]) == [2.0, None, None]
    value, low, high = interval([1.0, 2.0, 3.0, None])
    assert low < value == 2.0 < high
    records = [
        run_cell(cell)
        for cell in read_arguments([*SMALL, "--sessions", "2"]).cells(read_arguments([*SMALL]).config)[:2]
    ]
    assert summarize(records)["gain"][0] == pytest.approx(np.mean([record["gain"] for record in records]))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--market", "nowhere"), "nowhere"),
        (("--sessions", "0"), "sessions and jobs must be at least 1"),
        (("--config.discount", "1.0"), "discount"),
        (
            ("--market", "gsm8k/majority_voting", "--mechanism", "per_token", "--market.providers", "0", "4", "8"),
            "nothing is to be",
        ),
        (("--market", "gsm8k/majority_voting", "--mechanism", "per_token"), "allow fewer"),
        (("--regulator.rule", "cap"), "a rule and a bound or neither"),
        (("--regulator.rule", "cap", "--regulator.bound", "15"), "an action from 0 to 14"),
        (("--algorithm", "ppo", "--regulator.rule", "cap", "--regulator.bound", "3"), "ppo plays in the market itself"),
        (("--algorithm", "ppo", "--map.decay", "1e-5"), "--map.decay is of q-learning alone"),
        (("--algorithm", "ppo", "--discount", "1"), "discount must be in"),
        (("--algorithm", "ppo", "--learners", "0"), "--opponents of ppo must be another learner, got 'nash'"),
        (("--algorithm", "nobody"), "unknown learner 'nobody'"),
    ],
)
def test_wrong_arguments_end_in_one_line_before_anything_is_written(tmp_path, words, message):
    result = run(tmp_path, *words)
    assert result.returncode == 2
    assert message in " ".join(result.said.split())
    assert "Traceback" not in result.said
    assert not list(tmp_path.iterdir())
