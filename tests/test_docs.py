"""What the environments and the docs say is complete, and what they show runs."""

import importlib
import inspect
import json
import re
from pathlib import Path

import pytest

from tests.helpers.scripts import run_apart
from ttc_env.registration import ENVIRONMENTS

ROOT = Path(__file__).resolve().parents[1]
HEADINGS = [
    *("Description", "Action Space", "Observation Space", "Rewards", "Starting State", "Episode End", "Information"),
    *("Arguments", "References", "Version History"),
]
MODULES = [importlib.import_module(f"ttc_env.{module}") for _, module in ENVIRONMENTS.values()]
each_module = pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)


@each_module
def test_a_version_module_has_the_ten_headings(module):
    lines = inspect.getdoc(module).splitlines()
    assert [line.removeprefix("# ") for line in lines if line.startswith("# ")] == HEADINGS
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        assert not line.startswith("# ") or following.strip(), f"{line} says nothing"
    version = module.__name__.rsplit("_", 1)[1]
    assert any(line.startswith(f"{version}: ") for line in lines)


@each_module
def test_every_argument_is_explained(module):
    parameters = inspect.signature(module.parallel_env).parameters
    explained = [
        line.split(":")[0].strip() for line in inspect.getdoc(module.parallel_env).splitlines() if ": " in line
    ]
    assert list(parameters) == [name for name in explained if name in parameters]


@each_module
def test_a_version_module_has_the_three_names_of_pettingzoo(module):
    assert callable(module.parallel_env)
    assert callable(module.raw_env)
    assert callable(module.env)


def test_the_learner_of_the_docs_is_complete(tmp_path):
    page = (ROOT / "docs" / "benchmark.md").read_text(encoding="utf-8")
    name, code = re.search(r"<!-- tested: (\w+)\.py -->\n```python\n(.*?)```", page, re.DOTALL).groups()
    (tmp_path / f"{name}.py").write_text(code, encoding="utf-8")
    command = re.search(rf"python (train/benchmark\.py --learner {name}:.*)", page).group(1).split()
    result = run_apart(command[0], tmp_path, *command[1:], "--backend", "serial", "--no-figures")
    assert result.returncode == 0, result.said
    lines = (tmp_path / "runs" / "benchmark" / "ttc-lite-v0" / "results.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    assert len(records) == 6
    own = [record["metrics"]["relative_nash_conv"] for record in records if record["learner"].startswith(name)]
    assert max(own) < 0.01
