"""The mechanism that docs/mechanisms.md writes: its code runs as it stands there, and so do its commands."""

import json
import re
import runpy
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.environments import MARKET, with_outcomes
from tests.helpers.scripts import run_apart
from ttc_env import StageGame, VectorMarket, load_market

PAGE = (Path(__file__).parents[2] / "docs" / "mechanisms.md").read_text(encoding="utf-8")
CODE = dict(re.findall(r"<!-- tested: (\w+\.py) -->\n```python\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the files of the page, from which its modules are imported."""
    for name, code in CODE.items():
        (tmp_path / name).write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("mine", None)


def test_it_takes_about_forty_lines():
    assert set(CODE) == {"mine.py", "use.py"}
    assert CODE["mine.py"].count("\n") <= 45


def test_its_own_game_judges_it_and_the_benchmark_scores_it(folder, capsys):
    runpy.run_path(str(folder / "use.py"), run_name="__main__")
    game, score = capsys.readouterr().out.splitlines()
    assert game.startswith("[[[3, 3], [3, 3], [3, 3]]] 0.0 ")
    assert float(score) == 1.0


@pytest.mark.parametrize("market", [MARKET, with_outcomes(MARKET)], ids=["drawn", "replayed"])
def test_it_plays_on_both_backends_and_its_means_are_the_expected_ones(folder, market):
    from mine import PayPerAnswer

    actions = np.tile([[5, 1], [4, 2], [3, 3], [2, 4]], (2000, 1, 1))
    expected = StageGame(market, PayPerAnswer()).utility(actions[0])
    for backend in ("numpy", "torch"):
        env = VectorMarket(market, PayPerAnswer(), 2000, demand=20, backend=backend, dtype="float64")
        env.reset(seed=0)
        utility = np.asarray(env.step(actions)[4]["outcome"].utility)
        error = utility.std(axis=0) / np.sqrt(2000)
        assert np.all(np.abs(utility.mean(axis=0) - expected) <= 5 * error)


@pytest.mark.slow
def test_its_commands_train_it(folder):
    commands = re.search(r"```sh\n(.*?)```", PAGE, re.DOTALL)[1].strip().splitlines()
    for command in commands:
        program, script, *words = shlex.split(command)
        result = run_apart(script, folder, *words)
        assert program == "python"
        assert result.returncode == 0, result.said
        summary = json.loads((folder / "runs" / words[-1] / "summary.json").read_text())
        assert summary["relative_nash_conv"] < 0.5
    game = StageGame(load_market("gsm8k/reasoning_effort"), "mine:PayPerAnswer")
    assert summary["nash_levels"] in game.outcome(game.equilibria()).bids.level.tolist()
