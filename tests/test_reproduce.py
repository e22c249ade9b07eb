"""The published study in one command."""

import pandas as pd
import pytest

from tests.helpers.scripts import run_apart


@pytest.mark.long
def test_reproduces_every_published_number_from_any_directory(tmp_path):
    run = run_apart("train/reproduce.py", tmp_path, "--num-betas=3", "--num-draws=20", "--num-questions=100")
    assert run.returncode == 0, run.said
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
    assert "174 published numbers" in run.said
    report = (out / "report.html").read_text(encoding="utf-8")
    assert "12 of 12 published winners and runners-up the same" in report
    assert report.count('class="spec"') == 4


def test_refuses_a_sweep_of_nothing(tmp_path):
    run = run_apart("train/reproduce.py", tmp_path, "--num-betas", "1")
    assert run.returncode == 2
    assert "num_betas" in run.said
    assert list(tmp_path.iterdir()) == []
