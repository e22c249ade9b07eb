"""Runs that are killed and resumed write what an uninterrupted one writes, and what was trained can be loaded."""

import csv
import json
import random
import signal
import sys
import time
from functools import partial

import numpy as np
import pytest

import agents
from agents import ALGORITHMS, checkpoints, make_learner
from agents.resuming import get_state, set_state
from tests.helpers.scripts import ROOT, run_here, started
from train.course import Course
from train.run import command_line
from ttc_env import VectorMarket
from ttc_env.arrays import as_numpy

MAKE = partial(VectorMarket, "gsm8k/reasoning_effort", num_markets=4, max_cycles=7, demand=5)
WORDS = ("--market", "gsm8k/reasoning_effort", "--num-markets", "4", "--checkpoint-seconds", "0", "--demand", "5")
RESULTS = ("metrics.csv", "summary.json", "checkpoint.safetensors", "config.json")


def run(folder, *words):
    result = run_here(command_line, folder, *words)
    assert result.returncode == 0, result.said


@pytest.mark.parametrize("mechanism", ["per_token", "second_price"])
@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_learner_goes_on_as_if_nothing_had_happened(name, mechanism, tmp_path):
    def new():
        return make_learner(name, partial(MAKE, mechanism=mechanism), 4000, 3)

    path, end, again = (tmp_path / part for part in ("middle", "end", "again"))
    learner = new()
    learner.update()
    checkpoints.write(path, get_state(learner))
    for _ in range(2):
        learner.update()
    checkpoints.write(end, get_state(learner))
    resumed = new()
    set_state(resumed, checkpoints.read(path))
    for _ in range(2):
        resumed.update()
    checkpoints.write(again, get_state(resumed))
    assert again.read_bytes() == end.read_bytes()


@pytest.mark.parametrize("dynamics", ["loyalty", "capacity", "releases"])
@pytest.mark.parametrize("name", ["ppo", "q-learning", "dqn", "sb3-a2c"])
def test_learners_go_on_in_the_state_that_was_carried_over(name, dynamics, tmp_path):
    def new():
        return make_learner(name, partial(MAKE, dynamics=dynamics), 4000, 3)

    learner = new()
    learner.update()
    checkpoints.write(tmp_path / "it", get_state(learner))
    carried = as_numpy(learner.env.record().carried).copy()
    learner.update()
    resumed = new()
    set_state(resumed, checkpoints.read(tmp_path / "it"))
    np.testing.assert_array_equal(resumed.env.record().carried, carried)
    resumed.update()
    for end, one in (("end", learner), ("again", resumed)):
        checkpoints.write(tmp_path / end, get_state(one))
    assert (tmp_path / "again").read_bytes() == (tmp_path / "end").read_bytes()


@pytest.mark.long
def test_a_run_in_which_something_is_carried_over_goes_on_from_its_last_checkpoint(tmp_path):
    words = (*WORDS, "--algorithm", "q-learning", "--dynamics", "loyalty", "--dynamics.cost", "0.002")
    run(tmp_path, *words, "--steps", "2500", "--name", "it")
    folder = tmp_path / "runs" / "it"
    before = {name: (folder / name).read_bytes() for name in RESULTS}
    (folder / "summary.json").unlink()
    (folder / "checkpoint.previous.safetensors").replace(folder / "checkpoint.safetensors")
    run(tmp_path, "--resume", folder)
    assert {name: (folder / name).read_bytes() for name in RESULTS} == before


@pytest.mark.long
@pytest.mark.parametrize("algorithm", ["hedge", pytest.param("ppo", marks=pytest.mark.slow)])
@pytest.mark.parametrize("kills", [1, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_at_random_moments_the_results_are_the_same(tmp_path, algorithm, kills):
    words = (*WORDS, "--algorithm", algorithm, "--steps", "60000", "--name", "it")
    run(tmp_path, *words, "--out", "whole")
    rng, folder = random.Random(0), tmp_path / "runs" / "it"
    first = (*words, "--out", "runs")
    for kill in range(kills):
        command = [sys.executable, ROOT / "train" / "run.py", *(("--resume", folder) if folder.exists() else first)]
        with started(command, tmp_path) as process:
            deadline, before = time.monotonic() + 120, mark(folder)
            while mark(folder) == before and process.poll() is None:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            time.sleep(rng.uniform(0, 0.3))
            process.send_signal(signal.SIGTERM if kill % 2 else signal.SIGKILL)
            process.wait(60)
    run(tmp_path, "--resume", folder)
    for name in RESULTS[:-1]:
        assert (folder / name).read_bytes() == (tmp_path / "whole" / "it" / name).read_bytes(), name


def mark(folder):
    file = folder / "checkpoint.safetensors"
    return file.stat().st_mtime_ns if file.exists() else 0


@pytest.mark.long
def test_a_run_that_was_stopped_amid_its_seeds_goes_on(tmp_path):
    words = (*WORDS, "--algorithm", "hedge", "--steps", "2000", "--num-seeds", "2", "--name", "it")
    for out in ("whole", "cut"):
        run(tmp_path, *words, "--out", out)
    (tmp_path / "cut" / "it" / "summary.json").unlink()
    (tmp_path / "cut" / "it" / "seed1" / "summary.json").unlink()
    run(tmp_path, "--resume", "cut/it")
    for name in ("summary.json", "seed0/summary.json", "seed1/metrics.csv", "seed1/checkpoint.safetensors"):
        assert (tmp_path / "cut" / "it" / name).read_bytes() == (tmp_path / "whole" / "it" / name).read_bytes()


@pytest.mark.long
@pytest.mark.parametrize("algorithm", ["ppo", "q-learning", "sb3-ppo"])
def test_what_was_trained_is_loaded_and_plays_the_same(tmp_path, algorithm):
    run(tmp_path, *WORDS, "--algorithm", algorithm, "--steps", "3000", "--name", "it")
    folder = tmp_path / "runs" / "it"
    learner = agents.load(folder)
    env = VectorMarket("gsm8k/reasoning_effort", num_markets=1, max_cycles=100)
    observations, _ = env.reset(seed=0)
    for _ in range(10):
        actions = learner.act(observations, greedy=True)
        observations = env.step(actions)[0]
    with (folder / "metrics.csv").open() as file:
        levels = list(csv.DictReader(file))[-1]["levels"]
    np.testing.assert_array_equal(actions[0], [int(level) for level in levels.split()])


STATE = {
    "b": np.arange(3, dtype=np.uint64),
    "a": [1, 2.5, None, True, "x", {"c": np.float32(2)}],
    "t": (1, (2, 3)),
    "n": {0: 2**127},
}


def test_a_checkpoint_gives_back_what_was_written(tmp_path):
    checkpoints.write(tmp_path / "one", STATE)
    checkpoints.write(tmp_path / "two", dict(reversed(STATE.items())))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    found = checkpoints.read(tmp_path / "one")
    np.testing.assert_array_equal(found["b"], STATE["b"])
    assert found["t"] == (1, (2, 3))
    assert found["n"] == {0: 2**127}
    assert found["a"][:5] == STATE["a"][:5]
    with pytest.raises(TypeError, match="object"):
        checkpoints.write(tmp_path / "three", {"it": object()})


@pytest.mark.parametrize("place", [10, 200, 500, -5])
def test_a_damaged_checkpoint_is_refused(tmp_path, place):
    path = tmp_path / "it"
    checkpoints.write(path, STATE)
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=str(path)):
        checkpoints.read(path)


def test_truncated_foreign_newer_and_missing_checkpoints_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "it"
    now = checkpoints.VERSION
    monkeypatch.setattr(checkpoints, "VERSION", now + 1)
    checkpoints.write(path, STATE)
    monkeypatch.undo()
    with pytest.raises(ValueError, match=f"is of version {now + 1}, and this reads version {now}"):
        checkpoints.read(path)
    checkpoints.write(path, STATE)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ValueError, match="truncated"):
        checkpoints.read(path)
    for content in (b"", b"PK\x03\x04", b"{}"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="no checkpoint"):
            checkpoints.read(path)
    with pytest.raises(ValueError, match="there is no checkpoint"):
        checkpoints.read(tmp_path / "nothing")


def test_the_checkpoint_before_takes_the_place_of_a_damaged_one(tmp_path):
    checkpoints.write(tmp_path / checkpoints.PREVIOUS, {"it": 1})
    (tmp_path / checkpoints.CHECKPOINT).write_bytes(b"damaged")
    assert checkpoints.latest(tmp_path) == {"it": 1}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--resume", "nowhere"), "nowhere is no folder of a run"),
        (("--resume",), "--resume takes the folder of a run"),
        (("--resume", "x", "--steps", "5"), "no other arguments"),
    ],
)
def test_what_cannot_be_resumed_is_said_in_one_line(tmp_path, words, said):
    result = run_here(command_line, tmp_path, *words)
    assert result.returncode == 2
    assert said in result.said
    assert len(result.said.splitlines()) == 1


@pytest.mark.long
def test_a_run_whose_last_checkpoint_was_not_written_is_not_finished(tmp_path, monkeypatch):
    words = (*WORDS, "--algorithm", "q-learning", "--steps", "1500", "--name", "it")
    run(tmp_path, *words, "--out", "whole")

    def save(course, k, real=Course.save):
        if course.learner.steps >= course.args.steps:
            raise OSError("no space left on device")
        real(course, k)

    with monkeypatch.context() as full:
        full.setattr(Course, "save", save)
        assert run_here(command_line, tmp_path, *words).returncode == 2
    folder = tmp_path / "runs" / "it"
    assert json.loads((folder / "summary.json").read_text())["interrupted"]
    run(tmp_path, "--resume", folder)
    for name in RESULTS[:-1]:
        assert (folder / name).read_bytes() == (tmp_path / "whole" / "it" / name).read_bytes(), name


@pytest.mark.long
def test_a_full_disk_keeps_the_last_checkpoint(tmp_path):
    """A limit on the size of files ends the write of a checkpoint in its middle, as a full disk does."""
    words = (*WORDS, "--algorithm", "dqn", "--steps", "400", "--name", "it")
    run(tmp_path, *words)
    before = (tmp_path / "runs" / "it" / "checkpoint.safetensors").read_bytes()
    limit = len(before) // 1024 - 20
    command = ["bash", "-c", f'ulimit -f {limit}; exec "$@"', "bash", sys.executable, ROOT / "train" / "run.py", *words]
    with started([*command, "--out", "limited"], tmp_path) as process:
        assert process.wait(200) == 2
    for kept in (tmp_path / "limited" / "it").glob("checkpoint*.safetensors"):  # of before, when it was smaller
        checkpoints.read(kept)  # raises where it is not whole
    assert not list((tmp_path / "limited").rglob(".*.part.*"))
