"""The published study in one command."""

import subprocess
import sys
from pathlib import Path

import pytest

pd = pytest.importorskip("pandas")
SCRIPT = Path(__file__).parents[1] / "train" / "reproduce.py"


def test_reproduces_every_published_number_from_any_directory(tmp_path):
    command = [sys.executable, SCRIPT, "--num-betas", "3", "--num-draws", "20", "--num-questions", "100"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    out = tmp_path / "runs" / "reproduce"
    tables = pd.read_csv(out / "tables.csv")
    published = tables[tables.published.notna()]
    assert len(published) == 186
    assert published.difference.abs().max() <= 1e-5
    named = published[published.difference.isna()]
    assert (named.ours == named.published).all()
    sweep = pd.read_csv(out / "sweep.csv")
    assert len(sweep) == 9 * 3
    assert (sweep.price_of_anarchy_low < sweep.price_of_anarchy_high).all()
    inside = sweep.price_of_anarchy.between(sweep.price_of_anarchy_low, sweep.price_of_anarchy_high)
    assert inside.mean() > 0.8  # of redrawn markets the mean is the measured one, the price of anarchy nearly
    assert len(pd.read_csv(out / "auction.csv")) == 9
    for figure in ("value_curves", "dynamics", "inefficiency", "market_against_auction"):
        assert (out / f"{figure}.png").stat().st_size > 10_000
    assert "174 published numbers" in run.stdout


def test_refuses_a_sweep_of_nothing(tmp_path):
    run = subprocess.run(
        [sys.executable, SCRIPT, "--num-betas", "1"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert "num_betas" in run.stdout
    assert list(tmp_path.iterdir()) == []
