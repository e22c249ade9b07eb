"""Suites as files: what they may say, and where a fault in one is found."""

import pytest

from tests.helpers.scripts import run_here
from train import benchmark
from ttc_env.evaluation import SUITES, load_suite, suite_digest
from ttc_env.scripting.jsonl import read_lines

GOOD = """
# two tasks
[[task]]
name = "one"
train = { source = "gsm8k/majority_voting", providers = [1, 6, 8] }
dynamics = { loyalty = { cost = 0.004 } }
steps = 2_000

[[task]]
name = "two"
train = ["gsm8k/best_of_n", "aime/best_of_n"]
test = "gpqa/best_of_n"
held_out_opponents = false
"""


def write(tmp_path, text=GOOD):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return str(path)


def test_a_file_is_read_as_it_says(tmp_path):
    one, two = load_suite(write(tmp_path))
    assert (one.name, one.steps, one.dynamics) == ("one", 2000, {"loyalty": {"cost": 0.004}})
    assert one.train == one.test
    assert one.market(one.tests[0]).num_providers == 3
    assert (two.train, two.test) == (("gsm8k/best_of_n", "aime/best_of_n"), ("gpqa/best_of_n",))
    assert two.held_out


def test_the_version_of_a_suite_is_its_content(tmp_path):
    first = suite_digest(load_suite(write(tmp_path)))
    same = GOOD.replace("2_000", "2000").replace("# two tasks", "# the same")
    assert suite_digest(load_suite(write(tmp_path, same))) == first
    assert suite_digest(load_suite(write(tmp_path, GOOD.replace("0.004", "0.002")))) != first
    assert len({suite_digest(load_suite(name)) for name in SUITES}) == len(SUITES)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("steps = 2_000", "steps = 0", r"mine\.toml, line 7, task 'one': steps must be an integer >= 1, got 0"),
        ("steps = 2_000", "step = 0", "line 7, task 'one': step is no field of a task; allowed: beta"),
        ("cost = 0.004", "cost = -1.0", "line 3, task 'one': the cost of leaving must be >= 0"),
        ("loyalty =", "royalty =", "line 6, task 'one': unknown dynamics 'royalty'"),
        ('"two"', '"one"', "line 10, task 'one': name 'one' is that of an earlier task"),
        ('test = "gpqa/best_of_n"', 'test = "gpqa/best"', "line 9, task 'two': unknown market 'gpqa/best'"),
        ("name = ", "name ", r"is no TOML: .*line 4"),
        ('name = "two"\n', "", "line 9, task '?': a task needs a name"),
        ("# two tasks", "seeds = 3", "unknown 'seeds' outside the tasks"),
    ],
)
def test_a_fault_is_named_with_its_line(tmp_path, old, new, message):
    assert old in GOOD
    with pytest.raises(ValueError, match=message.replace("'?'", r"'\?'")):
        load_suite(write(tmp_path, GOOD.replace(old, new)))


def test_files_without_tasks_and_paths_to_nothing_are_refused(tmp_path):
    with pytest.raises(ValueError, match="has no tasks"):
        load_suite(write(tmp_path, ""))
    with pytest.raises(FileNotFoundError):
        load_suite(str(tmp_path / "none.toml"))


def test_a_file_is_benchmarked_and_a_changed_task_is_another_one(tmp_path):
    words = ("--suite", "mine.toml", "--learner", "random", "stage", "--task", "one", "--seeds", "2")
    words = (*words, "--backend", "serial", "--no-figures")
    store = tmp_path / "runs" / "benchmark" / "mine" / "results.jsonl"
    for text, count in ((GOOD, 4), (GOOD, 4), (GOOD.replace("0.004", "0.002"), 8)):
        write(tmp_path, text)
        done = run_here(benchmark.command_line, tmp_path, *words)
        assert done.returncode == 0, done.said
        assert len(read_lines(store)) == count
    assert {record["suite"] for record in read_lines(store)} == {"mine"}
    assert len({record["digest"] for record in read_lines(store)}) == 2


@pytest.mark.slow
def test_a_dynamics_of_a_test_file_is_benchmarked(tmp_path):
    text = GOOD.replace("loyalty = { cost = 0.004 }", '"tests.dynamics.test_playing:Busy" = { wait = 0.002 }')
    write(tmp_path, text)
    words = ("--suite", "mine.toml", "--learner", "nash", "q-learning", "--task", "one", "--seeds", "1")
    done = run_here(benchmark.command_line, tmp_path, *words, "--backend", "serial")
    assert done.returncode == 0, done.said
    records = {one["learner"]: one for one in read_lines(tmp_path / "runs/benchmark/mine/results.jsonl")}
    assert records["nash"]["metrics"]["score"] == pytest.approx(1)
    assert 0 <= records["q-learning"]["metrics"]["score"] < 1
    assert (tmp_path / "runs/benchmark/mine/cross_play_one.png").is_file()
