"""`python train/run.py` as a newcomer uses it: from anywhere, with good and bad arguments."""

import csv
import json
import signal
import sys
import time
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import ttc_env
from agents import ALGORITHMS
from tests.helpers.scripts import run_apart, run_here, started
from train.run import command_line
from ttc_env.mechanisms import MECHANISMS

RUN = Path(__file__).resolve().parents[1] / "train" / "run.py"
FIGURES = {
    *("market", "mechanism", "beta", "algorithm", "seed", "agent_steps", "levels", "nash_levels"),
    *("at_equilibrium", "nash_conv", "relative_nash_conv", "welfare", "welfare_optimum", "nash_welfare", "user_value"),
}
AUCTION_FIGURES = {"winner_efficiency", "payment", "analytic_payment", "truthfulness_gap"}


def run(folder, *arguments):
    return run_here(command_line, folder, *arguments)


@pytest.mark.long
@pytest.mark.parametrize(
    "arguments",
    [
        ("--market", "gsm8k/majority_voting"),
        ("--mechanism", "second_price"),
        ("--mechanism", "second_price", "--mechanism.action-type", "box", "--mechanism.settlement", "declared"),
        ("--algorithm", "sb3-ppo", "--demand", "20"),
        ("--mechanism", "second_price", "--learners", "0", "8", "--opponents", "random"),
        ("--algorithm", "shared-ppo", "--config.gamma", "0.5", "--beta", "100000", "--market", "gpqa/reasoning_effort"),
    ],
    ids=" ".join,
)
def test_run_writes_everything_it_promises(tmp_path, arguments):
    result = run(tmp_path, "--steps", "40000", "--name", "here", *arguments)
    assert result.returncode == 0, result.said
    folder = tmp_path / "runs" / "here"
    names = {path.name for path in folder.iterdir()}
    assert {
        "config.json",
        "metrics.csv",
        "timing.csv",
        "summary.json",
        "checkpoint.safetensors",
        "training.png",
        "outcome.png",
    } <= names
    assert any(name.startswith("events.out.tfevents") for name in names)
    summary = json.loads((folder / "summary.json").read_text())
    assert set(summary) >= FIGURES | (AUCTION_FIGURES if "second_price" in arguments else set())
    rows = list(csv.DictReader((folder / "metrics.csv").open()))
    assert int(rows[-1]["agent_steps"]) == summary["agent_steps"] >= 40_000
    events = EventAccumulator(str(folder)).Reload().Scalars("charts/welfare")
    assert [event.step for event in events] == [int(row["agent_steps"]) for row in rows]
    market = ttc_env.load_market(summary["market"], beta=summary["beta"])
    if summary["mechanism"] == "per_token":
        assert summary["nash_levels"] in ttc_env.equilibrium.pure_nash(market).tolist()
    assert summary["welfare"] <= summary["welfare_optimum"] * (1 + 1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_learner_runs_on_every_mechanism(tmp_path, algorithm, mechanism):
    words = ("--algorithm", algorithm, "--mechanism", mechanism, "--steps", "5000", "--num-markets", "8")
    result = run(tmp_path, *words, "--name", "it")
    assert result.returncode == 0, result.said
    assert json.loads((tmp_path / "runs" / "it" / "summary.json").read_text())["agent_steps"] >= 5000


@pytest.mark.long
def test_seeds_are_run_one_by_one_and_summed_up(tmp_path):
    result = run(tmp_path, "--steps", "20000", "--num-seeds", "2", "--seed", "5", "--name", "two")
    assert result.returncode == 0, result.said
    summary = json.loads((tmp_path / "runs" / "two" / "summary.json").read_text())
    assert summary["seeds"] == [5, 6]
    for seed in (5, 6):
        single = json.loads((tmp_path / "runs" / "two" / f"seed{seed}" / "summary.json").read_text())
        assert single in summary["runs"]


@pytest.mark.long
def test_equal_runs_write_equal_results(tmp_path):
    for out, seed in (("a", "0"), ("b", "0"), ("c", "1")):
        assert run(tmp_path, "--steps", "20000", "--seed", seed, "--name", "it", "--out", out).returncode == 0
    for name in ("metrics.csv", "summary.json", "checkpoint.safetensors"):
        a, b, c = ((tmp_path / out / "it" / name).read_bytes() for out in "abc")
        assert a == b != c, name


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--market", "gsm8k/majority"), ("'gsm8k/majority'", "gsm8k/majority_voting")),
        (("--beta", "-1"), ("beta", "-1.0")),
        (("--beta", "nan"), ("beta", "nan")),
        (("--demand", "many"), ("demand", "many")),
        (("--steps", "0"), ("steps", "0")),
        (("--device", "nowhere"), ("device", "nowhere")),
        (("--algorithm", "alchemy"), ("'alchemy'", "sb3-ppo", "package.module:Class")),
        (("--algorithm", "no.such:Learner"), ("no.such:Learner",)),
        (("--learners", "GPT"), ("GPT", "Qwen2.5-7B")),
        (("--mechanism", "barter"), ("barter", "second_price")),
        (("--market", "missing.csv"), ("missing.csv",)),
        (("--market", "/no/such[/dir]/x.csv"), ("/no/such[/dir]/x.csv",)),
        (("--algorithm", "os:path"), ("os:path", "is no learner")),
        (("--algorithm", "builtins:dict"), ("builtins:dict", "state_dict")),
        (("--algorithm", "..:x"), ("..:x", "module:Class")),
        (("--device", "meta"), ("device", "meta", "cuda")),
        (("--algorithm", "hedge", "--device", "cuda"), ("hedge", "cuda")),
        (("--threads", "0"), ("threads", "from 1 to", "got 0")),
        (("--threads", "100000"), ("threads", "from 1 to", "got 100000")),
        (("--seed", "-1"), ("seed", "-1")),
        (("--num-markets", "0"), ("num_markets", "0")),
        (("--name", "../elsewhere"), ("name", "../elsewhere", "plain name")),
        (("--config.horizon", "0"), ("horizon", "0")),
        (("--config.epochs", "0"), ("epochs", "0")),
        (("--config.gamma", "1"), ("gamma", "1.0")),
        (("--config.learning-rate", "nan"), ("learning_rate", "nan")),
        (("--config.hidden", "8", "0"), ("hidden", "0")),
        (("--algorithm", "dqn", "--config.gradient-steps", "0"), ("gradient_steps", "0")),
        (("--algorithm", "dqn", "--config.decay", "2"), ("decay", "2")),
        (("--algorithm", "reinforce", "--config.horizon", "-1"), ("horizon", "-1")),
        (("--algorithm", "sb3-ppo", "--config.minibatches", "0"), ("minibatches", "0")),
        (("--algorithm", "sb3-dqn", "--config.batch", "0"), ("batch", "0")),
        (("--algorithm", "sb3-a2c", "--config.device", "meta"), ("device", "meta")),
        (("--algorithm", "hedge", "--config.learning-rate", "0"), ("learning_rate", "0")),
        (("--algorithm", "exp3", "--config.learning-rate", "inf"), ("learning_rate", "inf")),
        (("--algorithm", "ucb", "--config.exploration", "-1"), ("exploration", "-1")),
        (("--algorithm", "epsilon-greedy", "--config.start", "1.5"), ("start", "1.5")),
        (("--algorithm", "q-learning", "--config.learning-rate", "2"), ("learning_rate", "2")),
        (("--algorithm", "fixed", "--config.level", "99"), ("level", "99")),
        (("--algorithm", "fictitious-play", "--config.prior", "-1"), ("prior", "-1")),
        (("--num-markets", "1", "--config.horizon", "1"), ("horizon", "num_markets", "minibatches")),
        (("--num-markets", "1", "--config.horizon", "2"), ("horizon", "num_markets", "minibatches")),
    ],
    ids=lambda value: " ".join(value),
)
def test_bad_arguments_end_in_one_clear_error(tmp_path, arguments, words):
    result = run(tmp_path, *arguments)
    assert result.returncode == 2
    assert all(word in result.said for word in words), result.said
    assert not list(tmp_path.rglob("*.*"))


def test_an_error_of_the_script_is_one_line_and_no_traceback(tmp_path):
    result = run_apart("train/run.py", tmp_path, "--market", "missing.csv")
    assert result.returncode == 2
    assert len(result.said.splitlines()) == 1, result.said


def test_a_run_is_not_overwritten_unasked(tmp_path):
    arguments = ("--steps", "1000", "--name", "once")
    assert run(tmp_path, *arguments).returncode == 0
    before = (tmp_path / "runs" / "once" / "summary.json").read_text()
    again = run(tmp_path, *arguments)
    assert again.returncode == 2
    assert "--overwrite" in again.said
    assert (tmp_path / "runs" / "once" / "summary.json").read_text() == before
    assert run(tmp_path, *arguments, "--overwrite", "--device", "nowhere").returncode == 2
    assert (tmp_path / "runs" / "once" / "summary.json").read_text() == before
    assert run(tmp_path, *arguments, "--overwrite").returncode == 0
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["once"]


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_reports_what_was_learnt(tmp_path, number):
    ignoring = ["sh", "-c", 'trap "" INT TERM; exec "$@"', "sh"]  # as a script started with `&` inherits it
    command = [*ignoring, sys.executable, RUN, "--algorithm", "hedge", "--steps", "100000000", "--name", "long"]
    metrics = tmp_path / "runs" / "long" / "metrics.csv"
    with started(command, tmp_path) as process:
        deadline = time.monotonic() + 120
        while not (metrics.exists() and len(metrics.read_text().splitlines()) > 3):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.1)
        process.send_signal(number)
        assert process.wait(timeout=60) == 0
    summary = json.loads((tmp_path / "runs" / "long" / "summary.json").read_text())
    assert summary["interrupted"] is True
    assert 0 < summary["agent_steps"] < 100_000_000
    assert (tmp_path / "runs" / "long" / "checkpoint.safetensors").exists()


@pytest.mark.long
def test_a_foreign_agents_package_does_not_get_in_the_way(tmp_path):
    for name in ("agents", "train", "curves"):
        (tmp_path / "elsewhere" / name).mkdir(parents=True)
        (tmp_path / "elsewhere" / name / "__init__.py").write_text("raise RuntimeError('the foreign package')")
    words = ("--steps", "1000")
    result = run_apart(
        "train/run.py", tmp_path, *words, env={"PYTHONPATH": str(tmp_path / "elsewhere"), "PATH": "/usr/bin:/bin"}
    )
    assert result.returncode == 0, result.said


def test_help_teaches(tmp_path):
    said = run(tmp_path, "--help").said
    for word in ("--market", "--mechanism", "--num-seeds", "--demand", "--device", "summary.json", "Ctrl-C"):
        assert word in said


@pytest.mark.long
def test_a_learner_of_your_own_is_found_in_the_current_folder(tmp_path):
    (tmp_path / "mine.py").write_text("from agents.ppo import PPO as Mine\n")
    words = ("--algorithm", "mine:Mine", "--steps", "1000", "--name", "it")
    result = run_apart("train/run.py", tmp_path, *words, "--config.gamma", "0.5")
    assert result.returncode == 0, result.said
    assert json.loads((tmp_path / "runs" / "it" / "config.json").read_text())["config"]["gamma"] == 0.5
