"""The benchmark scripts run."""

import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parent / "benchmarks"


def test_equilibrium_benchmark(tmp_path):
    """It also compares the exact results with both brute forces."""
    small = ["--brute-force", "5", "--largest", "9", "--repeats", "1", "--starts", "3"]
    run = subprocess.run(
        [sys.executable, SCRIPTS / "equilibrium.py", *small], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "7,776" in run.stdout
    assert "sweep of 100 betas" in run.stdout
