"""What the environments say about themselves is complete."""

import importlib
import inspect

import pytest

from ttc_env.registration import ENVIRONMENTS

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
