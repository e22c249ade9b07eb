"""`python train/benchmark.py`: nothing is lost or done twice, and the numbers are the same wherever they are made."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.helpers.scripts import ROOT, run_apart, run_here, started
from train import benchmark
from train.benchmark import Args, finished
from train.comparison.cell import arrival, kind, run_cells
from train.comparison.cells import Cell
from train.comparison.filling import Missing, fill_store
from train.comparison.workers import run_all
from ttc_env import __version__
from ttc_env.evaluation import load_suite
from ttc_env.scripting.jsonl import JsonLines, read_lines

SCRIPT = ROOT / "train" / "benchmark.py"
TASKS = [task.name for task in load_suite("ttc-lite-v1")]
SMALL = ("--learner", "random", "hedge", "--task", TASKS[0], TASKS[-1], "--seeds", "2", "--steps", "2000")
TABLES = ("leaderboard.md", "leaderboard.csv", "tasks.csv", "comparisons.csv")


def command(*arguments):
    return [sys.executable, str(SCRIPT), *arguments]


def run(folder, *arguments):
    return run_here(benchmark.command_line, folder, *arguments)


def tables(folder):
    return {name: (folder / name).read_bytes() for name in TABLES}


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    """A small benchmark, run cell by cell in one process."""
    folder = tmp_path_factory.mktemp("serial")
    result = run(folder, *SMALL, "--backend", "serial", "--name", "it")
    assert result.returncode == 0, result.said
    return folder / "runs" / "benchmark" / "it"


def test_a_benchmark_writes_everything_it_promises(serial):
    records = read_lines(serial / "results.jsonl")
    assert len(records) == 8
    assert {*TABLES, "timing.csv", "results.jsonl"} <= {path.name for path in serial.iterdir()}
    assert len(list(serial.glob("*.png"))) >= 2
    report = (serial / "report.html").read_text(encoding="utf-8")
    assert "hedge leads the learners" in report
    assert "random *" in report
    for record in records:
        if record["learner"] == "hedge":  # the greedy play of which is one profile
            assert record["metrics"]["score"] == record["curve"]["score"][-1]
        events = EventAccumulator(str(serial / "cells" / record["learner"] / record["task"] / f"seed{record['seed']}"))
        scalars = events.Reload().Scalars("charts/score")
        assert [event.step for event in scalars] == record["curve"]["steps"]


@pytest.mark.long
@pytest.mark.parametrize("backend", ["processes", pytest.param("ray", marks=pytest.mark.slow)])
def test_the_numbers_are_the_same_wherever_they_are_made(serial, tmp_path, backend):
    result = run_apart("train/benchmark.py", tmp_path, *SMALL, "--backend", backend, "--jobs", "2", "--name", "it")
    assert result.returncode == 0, result.said
    folder = tmp_path / "runs" / "benchmark" / "it"
    assert tables(folder) == tables(serial)
    same = [sorted(map(without_seconds, read_lines(at / "results.jsonl"))) for at in (folder, serial)]
    assert same[0] == same[1]


def without_seconds(record):
    record = {key: value for key, value in record.items() if not key.startswith("seconds")}
    record["curve"] = {key: value for key, value in record["curve"].items() if key != "seconds"}
    return json.dumps(record, sort_keys=True)


def test_a_finished_benchmark_is_only_reported_again(serial, tmp_path):
    shutil.copytree(serial, tmp_path / "runs" / "benchmark" / "it")
    folder = tmp_path / "runs" / "benchmark" / "it"
    before = (folder / "results.jsonl").read_bytes()
    (folder / "leaderboard.md").unlink()
    assert run(tmp_path, *SMALL, "--name", "it").returncode == 0
    assert (folder / "results.jsonl").read_bytes() == before
    assert tables(folder) == tables(serial)


@pytest.mark.long
@pytest.mark.parametrize("kills", [1, pytest.param(10, marks=pytest.mark.slow)])
def test_killed_at_random_moments_nothing_is_lost_or_done_twice(tmp_path, kills):
    rng = random.Random(0)
    words = (*SMALL[:-4], "--seeds", str(4 * kills), "--steps", "2000", "--backend", "serial", "--no-figures")
    assert run(tmp_path, *words, "--name", "whole").returncode == 0
    store, whole = (tmp_path / "runs" / "benchmark" / name / "results.jsonl" for name in ("it", "whole"))
    done = []
    for _ in range(kills):
        with started(command(*words, "--name", "it"), tmp_path) as process:
            wait_for_line(store, len(done), process)
            time.sleep(rng.uniform(0, 0.1))
            assert process.poll() is None, "it ended before it could be killed"
        now = read_lines(store)
        assert now[: len(done)] == done
        done = now
    assert len(done) < 16 * kills
    assert run(tmp_path, *words, "--name", "it").returncode == 0
    assert read_lines(store)[: len(done)] == done
    assert len(read_lines(store)) == 16 * kills
    assert tables(store.parent) == tables(whole.parent)


def lines(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


def wait_for_line(path, more_than, process):
    wait_until(lambda: lines(path) > more_than, process)


@pytest.mark.long
def test_two_runs_at_once_fill_one_store_and_do_nothing_twice(serial, tmp_path):
    words = command(*SMALL, "--name", "it", "--backend", "serial", "--no-figures")
    with started(words, tmp_path) as one, started(words, tmp_path) as other:
        assert [process.wait(timeout=240) for process in (one, other)] == [0, 0]
    folder = tmp_path / "runs" / "benchmark" / "it"
    assert tables(folder) == tables(serial)
    assert len(read_lines(folder / "results.jsonl")) == 8


def test_cells_of_a_run_that_ends_are_taken_over(tmp_path):
    """One process has claimed everything and stops; the other one waits, and finishes the work."""
    cells = Args(learner=("random",), task=(TASKS[0],), seeds=2, steps=2000).cells()
    store = tmp_path / "results.jsonl"
    first = Missing(store, cells, Cell.of)
    assert list(first.claimed()) == [[cell] for cell in cells]
    script = f"""
from pathlib import Path
from tests.test_benchmark import Args, Cell, Missing, TASKS
cells = Args(learner=("random",), task=(TASKS[0],), seeds=2, steps=2000).cells()
missing = Missing(Path({str(store)!r}), cells, Cell.of)
print(len(list(missing.claimed())), len(missing.items), flush=True)
input()
print(len(list(missing.claimed())), len(missing.items), flush=True)
"""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with started([sys.executable, "-c", script], ROOT, **pipes) as process:
        assert process.stdout.readline() == "0 2\n"
        JsonLines(store).append([run_cells(cells[:1])[0]])
        first.close()
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "1 0\n"


@pytest.mark.long
@pytest.mark.parametrize(
    "number", [signal.SIGKILL, signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_workers_end_with_the_process_that_started_them(tmp_path, number):
    (tmp_path / "mine.py").write_text(SLEEPER)
    words = ("--learner", "mine:Sleeper", "--task", TASKS[0], "--seeds", "4", "--jobs", "2", "--name", "it")
    with started(command(*words), tmp_path) as process:
        wait_until(lambda: len(list(tmp_path.glob("*.pid"))) == 2, process)
        process.send_signal(number)
        assert process.wait(60) == (-number if number == signal.SIGKILL else 128 + number)
        for file in tmp_path.glob("*.pid"):
            wait_until(lambda pid=int(file.stem): not alive(pid))


SLEEPER = """
import os, time
from pathlib import Path
from agents.scripted import Random

class Sleeper(Random):
    def update(self):
        Path(f"{os.getpid()}.pid").touch()
        time.sleep(600)
"""


def alive(pid):
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(holds, process=None):
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        assert process is None or process.poll() is None
        time.sleep(0.05)


def test_several_writers_and_a_torn_line_leave_whole_lines(tmp_path):
    path = tmp_path / "lines.jsonl"
    first, second = JsonLines(path), JsonLines(path)
    first.append([{"a": 1}])
    with path.open("ab") as file:
        file.write(b'{"torn": ')  # a writer was killed here
    second.append([{"b": 2}, {"b": 3}])
    first.append([{"a": 4}])
    assert read_lines(path) == [{"a": 1}, {"b": 2}, {"b": 3}, {"a": 4}]
    path.write_bytes(b'{"a": 1}\nnonsense\n{"a": 2}\n')
    with pytest.raises(ValueError, match="line 2"):
        read_lines(path)


LEARNER = """
import numpy as np

class Lowest:
    def __init__(self, env, total_steps, seed):
        self.env, self.steps = env, 0
    def update(self):
        self.steps += 10_000
        return {}
    def act(self, observations, greedy=False):
        return np.zeros((*observations.shape[:2], *self.env.single_action_space.shape), int)
    def state_dict(self):
        return {}
    def load_state_dict(self, state):
        pass

class Broken(Lowest):
    def update(self):
        raise RuntimeError("this one is broken")
"""


@pytest.mark.long
@pytest.mark.parametrize("backend", ["processes"])
def test_a_learner_of_your_own_and_one_that_fails(tmp_path, backend):
    (tmp_path / "mine.py").write_text(LEARNER)
    arguments = ("--task", TASKS[0], "--seeds", "1", "--steps", "2000", "--name", "it", "--backend", backend)
    learners = ("--learner", "mine:Lowest", "mine:Broken", "random")
    result = run_apart("train/benchmark.py", tmp_path, *learners, *arguments)
    assert result.returncode == 1
    assert "this one is broken" in result.said
    records = read_lines(tmp_path / "runs" / "benchmark" / "it" / "results.jsonl")
    assert sorted(record["learner"] for record in records) == ["mine:Lowest", "random"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--learner", "alchemy"), ("alchemy", "package.module:Class")),
        (("--suite", "ttc-huge"), ("ttc-huge", "ttc-lite-v1")),
        (("--task", "no-such"), ("no-such", TASKS[0])),
        (("--seeds", "0"), ("seeds", "0")),
        (("--backend", "cloud"), ("cloud", "ray")),
        (("--learner", "os:path"), ("os:path", "is no learner")),
        (("--jobs", "100000"), ("jobs", "from 1 to", "100000")),
        (("--name", "../it"), ("name", "../it", "plain name")),
    ],
    ids=lambda value: " ".join(value),
)
def test_bad_arguments_end_in_one_clear_error(tmp_path, arguments, words):
    result = run(tmp_path, *arguments)
    assert result.returncode == 2
    assert all(word in result.said for word in words), result.said
    assert not list(tmp_path.iterdir())


def test_results_of_another_version_are_not_mixed_in(serial, tmp_path):
    record = read_lines(serial / "results.jsonl")[0] | {"version": "0.0.9"}
    (tmp_path / "results.jsonl").write_text(json.dumps(record) + "\n")
    with pytest.raises(ValueError, match=r"0\.0\.9"):
        finished(tmp_path / "results.jsonl")


@pytest.mark.parametrize("line", ["{}", "[]", "3", '{"version": "1"}'])
def test_a_line_that_is_no_record_is_named(tmp_path, serial, line):
    record = (serial / "results.jsonl").read_text().splitlines()[0]
    (tmp_path / "results.jsonl").write_text(f"{record}\n{line}\n")
    with pytest.raises(ValueError, match="line 2: no record of this store, it lacks"):
        finished(tmp_path / "results.jsonl")


def test_one_process_is_this_one_and_goes_on():
    handler = signal.getsignal(signal.SIGINT)
    assert list(run_all(abs, [-3, -4], 1, "processes")) == [(-3, 3, None), (-4, 4, None)]
    time.sleep(0.1)  # no watch over workers ends it
    assert signal.getsignal(signal.SIGINT) is handler


def test_items_of_a_kind_are_done_together_and_alone_where_that_fails(tmp_path, capsys):
    """What fails in company is tried alone, so that an item fails by its own fault only."""
    done, store = [], tmp_path / "results.jsonl"

    def work(items):
        done.append(items)
        if 4 in items:
            raise ArithmeticError("four")
        return [{"version": __version__, "item": item} for item in items]

    names = {"kind": lambda item: None if item == 1 else item % 2, "name": str, "title": "it"}
    options = {"jobs": 1, "backend": "serial", "store": store, "key": lambda record: record["item"]}
    assert fill_store(work, range(12), **options, **names) == 1
    assert done[:3] == [[0, 2, 4, 6], [0], [2]]
    assert done[3:5] == [[4], [6]]
    assert done[5:] == [[1], [3, 5, 7, 9], [8, 10], [11]]
    assert [record["item"] for record in read_lines(store)] == [0, 2, 6, 1, 3, 5, 7, 9, 8, 10, 11]
    assert capsys.readouterr().out.count("ArithmeticError: four") == 1


def test_no_more_workers_are_started_than_cells_are_missing(tmp_path, monkeypatch):
    asked = []

    def run_all(work, items, jobs, backend, address):
        asked.append(jobs)
        yield from ((item, None, "not run here") for item in items)

    monkeypatch.setattr("train.comparison.workers.run_all", run_all)
    words = ("--learner", "random", "--task", TASKS[0], "--seeds", "2", "--no-figures")
    assert run(tmp_path, *words, "--jobs", "8").returncode == 1
    assert asked == [2]


def test_a_cell_follows_from_its_seed():
    cell, other = Args(learner=("hedge",), task=(TASKS[0],), seeds=2, steps=2000).cells()
    first, again, another = (without_seconds(*run_cells([one])) for one in (cell, cell, other))
    assert first == again != another


@pytest.mark.parametrize(
    ("suite", "task"),
    [
        ("ttc-lite-v1", "tokens-gpqa-sampled"),
        ("ttc-lite-v1", "tokens-held-out"),
        *(pytest.param("ttc-hard-v1", task.name, marks=pytest.mark.slow) for task in load_suite("ttc-hard-v1")),
        *(pytest.param("ttc-main-v1", task.name, marks=pytest.mark.slow) for task in load_suite("ttc-main-v1")),
    ],
)
def test_cells_side_by_side_have_the_records_of_each_alone(suite, task):
    cells = Args(suite=suite, learner=("ppo",), task=(task,), seeds=3, first_seed=5, steps=20_000).cells()
    assert {kind(cell) for cell in cells} == {("ppo", task)}
    together = run_cells(cells)
    assert [without_seconds(record) for record in together] == [without_seconds(*run_cells([cell])) for cell in cells]


def test_a_learner_has_arrived_when_it_stays():
    assert arrival([0.5, 0.001, 0.2, 0.009, 0.0]) == 3
    assert arrival([0.001, 0.001]) == 0
    assert arrival([0.001, 0.01]) is None
    assert arrival([0.5, float("inf")]) is None


def test_help_teaches(tmp_path):
    said = run(tmp_path, "--help").said
    for word in ("--learner", "--suite", "--backend", "--address", "results.jsonl", "package.module:Class", "goes on"):
        assert word in said
