"""The page that leads from models to a trained market does so, by its own commands; training is shorter."""

import json
import re
import shlex

import pytest

from tests.helpers.scripts import ROOT, run_here

PAGE = (ROOT / "docs" / "curves.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_measured_task_is_trained_by_the_commands_of_the_page(tmp_path):
    from curves import build, measure, nano
    from train import run

    scripts = {"curves/nano.py": nano, "curves/measure.py": measure, "curves/build.py": build, "train/run.py": run}
    (block,) = re.findall(r"```sh\n(python curves/nano\.py .*?)```", PAGE, re.DOTALL)
    for command in block.splitlines():
        _, script, *words = shlex.split(command)
        if script == "train/run.py":
            words += ["--steps", "60", "--num-markets", "2", "--max-cycles", "15"]
        done = run_here(scripts[script].command_line, tmp_path, *words)
        assert done.returncode == 0, done.said
    summary = json.loads((tmp_path / "runs" / "measured" / "summary.json").read_text())
    config = json.loads((tmp_path / "runs" / "measured" / "config.json").read_text())
    assert summary["nash_levels"]
    assert config["providers"] == ["nano-32x2", "nano-64x2"]
