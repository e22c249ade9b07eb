"""Pages that begin with a table, or with a run, are tested in a folder in which that is."""

import re

import pytest


@pytest.fixture(autouse=True)
def folder_of_the_page(request, tmp_path, monkeypatch):
    """The table of docs/own_market.md as `own.csv`, and for docs/runs.md a short run, where the examples are run."""
    if request.path.name == "own_market.md":
        table = re.search(r"```text\n(benchmark,.*?)```", request.path.read_text(encoding="utf-8"), re.DOTALL)[1]
        (tmp_path / "own.csv").write_text(table, encoding="utf-8")
        monkeypatch.chdir(tmp_path)
    if request.path.name == "runs.md":
        from train.trained import train_learner

        monkeypatch.chdir(tmp_path)
        train_learner(algorithm="ppo", steps=60, num_markets=2, max_cycles=15, folder="runs/NAME")
