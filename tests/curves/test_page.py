"""The page that leads from a public run to trained providers does what it says, in its order; training is shorter."""

import re
import runpy
import shlex
from pathlib import Path

import pytest

import ttc_env.__main__
from curves import import_runs
from tests.helpers.scripts import run_here

LIGHT = {"curves/import_runs.py": import_runs, "-m": ttc_env.__main__}
PAGE = (Path(__file__).parents[2] / "docs" / "public_runs.md").read_text(encoding="utf-8")


def follow(folder, capsys, scripts):
    """Do what the page says with these scripts, up to the first other one; returns what each step said."""
    said = []
    for name, kind, content in re.findall(r"(?:<!-- tested: (\w+\.py) -->\n)?```(\w+)\n(.*?)```", PAGE, re.DOTALL):
        if kind == "python":
            Path(name).write_text(content, encoding="utf-8")
            capsys.readouterr()
            runpy.run_path(name)
            said.append(capsys.readouterr().out)
        elif kind == "text":
            assert said[-1].strip() == content.strip()
        else:
            for command in content.splitlines():
                _, script, *words = shlex.split(command)
                if script not in scripts:
                    return said
                words = words[1:] if script == "-m" else words
                if script == "train/run.py":
                    words += ["--steps", "60", "--num-markets", "2", "--max-cycles", "15"]
                done = run_here(scripts[script].command_line, folder, *words)
                assert done.returncode == 0, done.said
                said.append(done.said)
    return said


def test_the_page_leads_from_a_file_to_an_equilibrium(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    said = follow(tmp_path, capsys, LIGHT)
    assert len(said) == 4
    assert "our verdicts differ in 0.00% of 120 samples" in " ".join(said[1].split())
    market = ttc_env.load_market("aime.csv", outcomes=True)
    assert (market.providers, market.levels, market.outcomes.num_questions) == (("small", "large"), (1, 2, 3), 30)
    assert said[3].startswith(str([market.levels[k] for k in ttc_env.equilibrium.pure_nash(market)[0]]))
    assert said[3].strip() in PAGE


@pytest.mark.slow
def test_the_page_leads_to_trained_providers(tmp_path, monkeypatch, capsys):
    from train import run

    monkeypatch.chdir(tmp_path)
    assert len(follow(tmp_path, capsys, LIGHT | {"train/run.py": run})) == 6
    assert all((tmp_path / "runs" / name / "summary.json").exists() for name in ("learnt", "replayed"))
