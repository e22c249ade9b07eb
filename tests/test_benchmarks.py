"""The benchmark scripts run, and compare like with like."""

import re

import numpy as np
import pytest

import ttc_env
from agents.sb3 import MarketVecEnv
from tests.benchmarks.compare import ROOT, checkout, measure
from tests.benchmarks.compare import table as commits_table
from tests.benchmarks.peers import HandWrittenEnv
from tests.benchmarks.throughput import PlainSB3, compare, times
from tests.helpers.scripts import run_apart


@pytest.mark.slow
def test_equilibrium_benchmark(tmp_path):
    """It also compares the exact results with both brute forces."""
    small = ["--brute-force", "5", "--largest", "9", "--repeats", "1", "--starts", "3"]
    small += ["--markets", "50", "--sample", "5", "--draws", "2", "--jobs", "1"]
    run = run_apart("tests/benchmarks/equilibrium.py", tmp_path, *small)
    assert run.returncode == 0, run.said
    assert "7,776" in run.said
    assert "sweep of 100 betas" in run.said
    assert re.search(r"price of anarchy .* \d+ \(\d+ to \d+\)", run.said)
    assert "2 redrawn markets at 100 betas in 9 markets" in run.said


@pytest.mark.slow
def test_throughput_benchmark(tmp_path):
    """The sections that need no peers; the others need the extra `bench`."""
    arguments = ["--only", "memory", "scaling", "runs", "--soak", "200", "--repeats", "2", "--seconds", "0.001"]
    run = run_apart("tests/benchmarks/throughput.py", tmp_path, *arguments)
    assert run.returncode == 0, run.said
    assert "per market" in run.said
    assert re.search(r"4 runs: \d+\.\d\d \(\d", run.said)
    assert re.search(r"B = 65536 over B = 16384: \d+\.\d\d \(\d", run.said)


def test_two_commits_are_compared_in_turns():
    """A slower import is seen; an unknown commit is an error."""
    rows = measure(ROOT, ["--only", "import", "--seconds", "0"])
    assert 0 < rows["import ttc_env, s"]
    assert 10 < rows["import ttc_env, MB"] < 500
    text = commits_table([{"row, s": 3.0}, {"row, s": 2.0}], [{"row, s": 1.0}, {"row, s": 2.0}], "main")
    assert text.splitlines()[1].split(maxsplit=2)[2].split() == ["1.5", "2.5", "2.00", "(1.00", "to", "3.00)"]
    with pytest.raises(ValueError, match="no-such-commit"), checkout("no-such-commit"):
        pass


def test_ratios_are_those_of_each_round():
    rates = {"a": [4.0, 9.0, 10.0], "b": [2.0, 3.0, 1.0]}
    assert times(rates, "a", "b") == "3.00 (2.00 to 10.00)"
    assert times(rates, "b", "a") == "0.33 (0.10 to 0.50)"


def test_the_peer_learner_is_timed_and_asked_for_greedy_levels():
    """As in the sections on learners, which need the extra `bench` for the environments of others."""
    markets = ttc_env.VectorMarket("gsm8k/majority_voting", num_markets=2, copy=False)
    learner = PlainSB3(MarketVecEnv(markets), {"n_steps": 4, "batch_size": 36})
    rates = compare({"peer": (learner.update, learner.steps_per_update)}, repeats=2, seconds=0.0)
    assert learner.steps == 4 * 4 * 2 * 9
    assert len(rates["peer"]) == 2
    levels = learner.act(markets.reset(seed=0)[0], greedy=True)
    assert levels.shape == (2, 9)
    markets.step(levels)


def test_the_hand_written_peer_is_the_same_environment():
    market = ttc_env.load_market("gsm8k/majority_voting", outside_value=0.001)
    peer, ours = HandWrittenEnv(market, 4), ttc_env.per_token_v0.parallel_env(market, max_cycles=4)
    rng = np.random.default_rng(0)
    results = [env.reset(seed=0) for env in (peer, ours)]
    while True:
        for part, other in zip(*results, strict=True):
            for agent in market.providers:
                assert isinstance(part[agent], type(other[agent]))
                if isinstance(other[agent], dict):
                    assert part[agent] == pytest.approx(other[agent], rel=1e-9)
                else:
                    np.testing.assert_allclose(part[agent], other[agent], rtol=1e-6)
        if not ours.agents:
            break
        actions = {agent: int(rng.integers(6)) for agent in market.providers}
        results = [env.step(actions) for env in (peer, ours)]
    assert not peer.agents
