"""Several seeds of a run: however they are spread over programs and processes, each writes what it writes alone."""

import json
import signal
import subprocess
import sys
import time

import pytest

from tests.helpers.scripts import ROOT, run_here, started
from train.arguments import read_arguments
from train.board import Board
from train.run import command_line
from train.seeds import TOGETHER, grouped

WORDS = ("--market", "gsm8k/reasoning_effort", "--num-markets", "4", "--demand", "5")
RESULTS = ("metrics.csv", "summary.json", "checkpoint.safetensors")


def run(folder, *words):
    result = run_here(command_line, folder, *words)
    assert result.returncode == 0, result.said
    return result


def content(folder):
    return {name: (folder / name).read_bytes() for name in RESULTS}


@pytest.mark.long
@pytest.mark.parametrize("algorithm", ["ppo", "q-learning"])
def test_seeds_write_what_each_writes_alone(tmp_path, algorithm):
    words, several = (*WORDS, "--steps", "3000", "--algorithm", algorithm), ("--num-seeds", "6", "--seed", "3")
    for jobs in ("1", "2"):
        run(tmp_path, *words, *several, "--jobs", jobs, "--name", f"jobs{jobs}")
    runs = tmp_path / "runs"
    run(tmp_path, *words, "--seed", "7", "--name", "alone")
    for jobs in ("1", "2"):
        assert content(runs / f"jobs{jobs}" / "seed7") == content(runs / "alone")
        assert not (runs / f"jobs{jobs}" / ".board").exists()
    first, second = (json.loads((runs / name / "summary.json").read_text()) for name in ("jobs1", "jobs2"))
    assert first == second
    assert first["seeds"] == [3, 4, 5, 6, 7, 8]
    for seed in first["seeds"]:
        assert content(runs / "jobs1" / f"seed{seed}") == content(runs / "jobs2" / f"seed{seed}")


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_signal_stops_all_seeds_which_say_what_they_learnt_and_go_on(tmp_path, number):
    """In two processes, each with several seeds side by side; at their ends they are as if nothing had happened."""
    words = (*WORDS, "--steps", "9600", "--num-seeds", "8", "--jobs", "2", "--name", "it")
    run(tmp_path, *words, "--out", "whole")
    command = [sys.executable, ROOT / "train" / "run.py", *words]
    folder = tmp_path / "runs" / "it"
    with started(command, tmp_path, stdout=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 120
        begun = [folder / f"seed{seed}" / "metrics.csv" for seed in (0, TOGETHER)]
        while not all(file.exists() and file.read_bytes().count(b"\n") > 2 for file in begun):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(number)
        said = process.communicate(timeout=60)[0]
    assert process.returncode == 0, said
    assert "stopped" in said
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["interrupted"]
    assert summary["seeds"] == list(range(8))
    assert all(0 < seed["agent_steps"] < 9_600 for seed in summary["runs"])
    run(tmp_path, "--resume", folder)
    for seed in range(8):
        assert content(folder / f"seed{seed}") == content(tmp_path / "whole" / "it" / f"seed{seed}"), seed


@pytest.mark.long
def test_what_goes_wrong_in_another_process_is_said_in_one_line(tmp_path):
    words = (*WORDS, "--config.learning-rate", "1e30", "--config.max-grad-norm", "1e30")
    result = run_here(command_line, tmp_path, *words, "--num-seeds", "8", "--jobs", "2", "--name", "it")
    assert result.returncode == 2, result.said
    assert "not finite" in result.said
    assert "Traceback" not in result.said
    assert "tasks" not in result.said


@pytest.mark.parametrize(
    ("words", "sizes"),
    [
        ((), [4, 4, 2]),
        (("--algorithm", "q-learning"), [1] * 10),
        (("--algorithm", "recurrent-ppo"), [1] * 10),
        (("--algorithm", "shared-ppo"), [1] * 10),
        (("--config.hidden", "33"), [1] * 10),
        (("--learners", "0"), [1] * 10),
    ],
)
def test_those_learn_side_by_side_whom_it_does_not_change(tmp_path, words, sizes):
    args = read_arguments(["--num-seeds", "10", "--seed", "5", *words])
    groups = grouped(args, tmp_path)
    assert [len(group) for group in groups] == sizes
    assert [seed for group in groups for seed in group] == list(range(5, 15))


def test_seeds_with_a_checkpoint_go_on_alone(tmp_path):
    for name in ("seed1/checkpoint.safetensors", "seed2/summary.json"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    (tmp_path / "seed3").mkdir()  # killed before its first checkpoint
    assert grouped(read_arguments(["--num-seeds", "6"]), tmp_path) == [[0], [1], [2], [3, 4, 5]]


def test_a_board_is_seen_by_all_and_stops_them(tmp_path):
    board = Board(tmp_path / "it", 3)
    other = Board(tmp_path / "it")
    other.tell([0, 2], 10)
    other.tell([1], 5)
    assert board.steps == 25
    assert not other.stopped
    board.stop()
    with pytest.raises(KeyboardInterrupt):
        other.tell([1], 6)
    assert board.steps == 26


@pytest.mark.parametrize("jobs", ["0", "-2"])
def test_a_number_of_processes_that_makes_no_sense_is_refused(tmp_path, jobs):
    result = run_here(command_line, tmp_path, "--num-seeds", "2", "--jobs", jobs)
    assert result.returncode == 2
    assert "jobs" in result.said
