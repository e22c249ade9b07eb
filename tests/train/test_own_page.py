"""The page of a market of one's own: its files and commands do what it says; training is shorter here."""

import re
import shlex

import pytest

from tests.helpers.scripts import ROOT, run_here
from train import benchmark, run, sweep

PAGE = (ROOT / "docs" / "own_market.md").read_text(encoding="utf-8")
LEARNER = (ROOT / "docs" / "benchmark.md").read_text(encoding="utf-8")
SHORT = {
    "train/run.py": (run, ["--steps", "60", "--num-markets", "2", "--max-cycles", "15"]),
    "train/sweep.py": (sweep, ["--backend", "serial"]),
    "train/benchmark.py": (benchmark, ["--backend", "serial", "--steps", "200", "--seeds", "1", "--no-figures"]),
}


@pytest.mark.slow
def test_every_command_of_the_page_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "own.csv").write_text(re.search(r"```text\n(benchmark,.*?)```", PAGE, re.DOTALL)[1])
    study, suite = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    study = study.replace("steps = 50_000", "steps = 40\nnum_markets = 1").replace("seeds = 3", "seeds = 1")
    (tmp_path / "study.toml").write_text(study)
    (tmp_path / "mine.toml").write_text(suite)
    code = re.search(r"<!-- tested: my_learner\.py -->\n```python\n(.*?)```", LEARNER, re.DOTALL)[1]
    (tmp_path / "my_learner.py").write_text(code)
    commands = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
    assert len(commands) == 4
    for command in commands:
        _, script, *words = shlex.split(command)
        module, more = SHORT[script]
        done = run_here(module.command_line, tmp_path, *words, *more)
        assert done.returncode == 0, done.said
    assert len(list((tmp_path / "runs").glob("own+*/summary.json"))) == 2
    assert (tmp_path / "runs" / "sweeps" / "study" / "market.beta.png").exists()
    assert (tmp_path / "runs" / "benchmark" / "mine" / "results.jsonl").exists()
