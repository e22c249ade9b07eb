"""The script that trains learners with private information."""

import pytest

from tests.helpers.scripts import run_apart

pd = pytest.importorskip("pandas")


def test_the_script_holds_a_learner_against_the_exact_auction(tmp_path):
    run = run_apart(
        "train/private_information.py", tmp_path, "--algorithm", "random", "--steps", 300, "--num-seeds", 1,
        "--market", "gsm8k/reasoning_effort", "--num-types", 4, "--num-markets", 2,
    )  # fmt: skip
    assert run.returncode == 0, run.said
    row = pd.read_csv(tmp_path / "runs" / "private" / "seeds.csv").iloc[0]
    assert row.relative_nash_conv > 0.01
    assert row.welfare_ratio < 1
    assert row.truthfulness_gap > 1e-5
    assert row.fixed_truthfulness_gap > 1e-5
    assert "model" in run.said
