"""The script that trains learners with private information."""

import pytest

from tests.helpers.scripts import run_apart

pd = pytest.importorskip("pandas")
SEVERAL = pytest.param("ppo", 2, marks=pytest.mark.long)  # side by side


@pytest.mark.parametrize(("algorithm", "num_seeds"), [("random", 1), SEVERAL])
def test_the_script_holds_a_learner_against_the_exact_auction(tmp_path, algorithm, num_seeds):
    run = run_apart(
        "train/private_information.py", tmp_path, "--algorithm", algorithm, "--steps", 300, "--num-seeds", num_seeds,
        "--market", "gsm8k/reasoning_effort", "--num-types", 4, "--num-markets", 2,
    )  # fmt: skip
    assert run.returncode == 0, run.said
    table = pd.read_csv(tmp_path / "runs" / "private" / "seeds.csv")
    assert table.seed.tolist() == list(range(num_seeds))
    assert table.relative_nash_conv.min() > 0.01
    assert table.welfare_ratio.max() < 1
    assert table.truthfulness_gap.min() > 1e-5
    assert table.fixed_truthfulness_gap.min() > 1e-5
    assert "model" in run.said
