"""The nano markets: made by one command, rising with compute as theory says, and playable in every environment."""

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from pettingzoo.test import api_test, parallel_api_test
from stable_baselines3.common.env_checker import check_env as sb3_check_env

import ttc_env
from curves.intervals import paired_difference
from tests.environments import FORMS, each_variant
from ttc_env.curves import load_curves, load_draws, load_outcomes

ROOT = Path(__file__).parents[2]
METHODS = ("majority_voting", "best_of_n", "reasoning_effort")
each_method = pytest.mark.parametrize("method", METHODS)


def test_one_command_goes_from_training_to_equilibrium_and_goes_on_where_it_stopped(tmp_path):
    pytest.importorskip("transformers")
    command = [sys.executable, str(ROOT / "curves" / "nano.py"), "--steps=2", "--questions=4", "--samples=4"]
    runs = [subprocess.run(command, cwd=tmp_path, capture_output=True, text=True) for _ in range(2)]
    for run in runs:
        assert run.returncode == 0, run.stdout + run.stderr
        assert all(f"nano/{method}: equilibrium levels" in run.stdout for method in METHODS)
    assert "training nano-32x2" in runs[0].stdout
    assert "training" not in runs[1].stdout
    out = tmp_path / "runs" / "nano"
    assert ttc_env.load_market(out / "nano_curves.csv", name="nano/best_of_n").levels == (1, 4)
    assert len(list((out / "raw").iterdir())) == 3


@each_method
def test_more_compute_is_better_on_the_same_questions(method):
    """Every level beats the lowest by more than noise; best-of-n may fall back where its verifier is over-optimised."""
    accuracy, tokens = load_outcomes(f"nano/{method}")
    for model in accuracy:
        assert all(paired_difference(higher, model[0]).low > 0 for higher in model[2:])
        if method != "best_of_n":
            assert all(paired_difference(higher, lower).high >= 0 for lower, higher in pairwise(model))
    assert (np.diff(tokens.mean(-1), axis=-1) > 0).all()


@each_method
def test_outcomes_and_draws_belong_to_the_table(method):
    curves = load_curves(f"nano/{method}")
    accuracy, tokens = load_outcomes(f"nano/{method}")
    np.testing.assert_allclose(accuracy.mean(-1), curves.accuracy, atol=1e-6)
    np.testing.assert_allclose(tokens.mean(-1), curves.tokens, rtol=1e-6)
    markets = load_draws(f"nano/{method}", beta=500.0)
    mean = np.mean([market.accuracy for market in markets], axis=0)
    np.testing.assert_allclose(mean, curves.accuracy, atol=0.02)
    interval = ttc_env.equilibrium.interval(ttc_env.equilibrium.price_of_anarchy, markets[:50])
    assert 1 <= interval.low <= interval.median <= interval.high


def test_a_table_without_draws_says_so():
    with pytest.raises(ValueError, match=r"gsm8k/majority_voting has no draws beside its table"):
        load_draws("gsm8k/majority_voting")


def test_the_shipped_provenance_is_valid_and_says_where_it_was_measured():
    provenance = json.loads((ROOT / "ttc_env" / "data" / "nano_curves.json").read_text())
    jsonschema.validate(provenance, json.loads((ROOT / "curves" / "metadata.schema.json").read_text()))
    devices = {session["device"]["kind"] for model in provenance["models"] for session in model["origin"]["sessions"]}
    assert len(devices) == 1
    assert ("CPU" if devices == {"cpu"} else "GPU") in provenance["label"]
    assert set(provenance["markets"]) == {f"nano/{method}" for method in METHODS}


@pytest.mark.filterwarnings("ignore:We recommend agents", "ignore:Action space for each agent", "ignore:.*render fps")
@each_variant
@each_method
def test_nano_markets_pass_the_tests_of_every_environment(variant, method):
    market = f"nano/{method}"
    parallel_api_test(variant.parallel(market=market), num_cycles=20)
    api_test(variant.aec(market=market), num_cycles=20)
    check_env(variant.single(market=market, render_mode="ansi"))
    sb3_check_env(variant.single(market=market))
    for form in FORMS:
        env = form.make(variant, market=market)
        form.reset(env, seed=0)
        form.play(env, np.random.default_rng(0), 4)
