"""The nano markets: made by one command, rising with compute as theory says, and playable in every environment."""

import copy
import json
import random
import shutil
from dataclasses import replace
from functools import partial
from itertools import combinations, islice, product
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from pettingzoo.test import api_test, parallel_api_test
from stable_baselines3.common.env_checker import check_env as sb3_check_env

import ttc_env
from curves.estimating.intervals import paired_difference
from curves.tasks import load_task
from tests import test_envs
from tests.helpers.environments import FORMS, each_form, each_variant
from tests.helpers.scripts import run_here
from ttc_env.curves import load_curves, load_draws, load_outcomes

ROOT = Path(__file__).parents[2]
METHODS = ("majority_voting", "best_of_n", "reasoning_effort")
each_method = pytest.mark.parametrize("method", METHODS)


@pytest.mark.long
def test_one_command_goes_from_training_to_equilibrium_and_goes_on_where_it_stopped(tmp_path, monkeypatch, capsys):
    pytest.importorskip("transformers")
    from curves import nano

    run = run_here(nano.command_line, tmp_path, "--steps=2", "--questions=4", "--samples=4")
    assert run.returncode == 0, run.said
    assert "training nano-32x2" in run.said
    assert all(f"nano/{method}: equilibrium levels" in run.said for method in METHODS)
    out = tmp_path / "runs" / "nano"
    assert ttc_env.load_market(out / "nano_curves.csv", name="nano/best_of_n").levels == (1, 4)
    table = (out / "nano_curves.csv").read_text()
    (out / "nano_curves.csv").unlink()
    config = json.loads((out / "raw" / "nano-32x2--arithmetic" / "config.json").read_text())
    assert config["reward_model"]["name"] == "runs/nano/models/nano-verifier"
    capsys.readouterr()
    monkeypatch.chdir(tmp_path)
    nano.main(nano.Args(steps=2, questions=4, samples=4))
    assert "training" not in capsys.readouterr().out
    assert (out / "nano_curves.csv").read_text() == table
    for other, fault in (({"steps": 3}, "steps: 2 there, 3 now"), ({"seed": 5}, "seed: 0 there, 5 now")):
        with pytest.raises(ValueError, match=rf"nano-32x2 was begun with another configuration \({fault}\)"):
            nano.main(nano.Args(**{"steps": 2, "questions": 4, "samples": 4} | other))
    a_run_for_each_budget_makes_the_same_table(out)
    (out / "models" / "nano-32x2" / "made.json").unlink()  # of an older version: nobody knows how it was made
    with pytest.raises(ValueError, match="another configuration"):
        nano.main(nano.Args(steps=2, questions=4, samples=4))


def a_run_for_each_budget_makes_the_same_table(out):
    """The records of every budget as a run of its own, climbed as a ladder, against the one run that holds them all."""
    from curves import build

    levels, budgets = [], (0, 3, 6, 9, 12)
    for model, budget in product(("nano-32x2", "nano-64x2", "nano-96x2"), budgets):
        whole, folder = out / "raw" / f"{model}--arithmetic", out / "levels" / f"{model}-{budget}"
        shutil.copytree(whole, folder)
        config = json.loads((whole / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"budgets": []}))
        records = [json.loads(line) for line in (whole / "records.jsonl").read_text().splitlines()]
        own = [json.dumps(record | {"budget": None}) for record in records if record["budget"] == budget]
        (folder / "records.jsonl").write_text("\n".join([*own, ""]))
        levels.append(f"{budget}={folder}")
    ladder = {"levels": tuple(levels), "methods": ("reasoning_effort",), "benchmark": "nano", "draws": 200}
    build.main(build.Args(out=out / "ladder.csv", prices=out / "prices.csv", **ladder))
    one, other = load_curves(out / "ladder.csv"), load_curves(out / "nano_curves.csv", name="nano/reasoning_effort")
    assert (one.providers, one.levels) == (other.providers, other.levels) == (one.providers, budgets)
    with np.load(out / "ladder.npz") as found, np.load(out / "nano_curves.npz") as expected:
        assert {name.split(".")[0] for name in found} == {"reasoning_effort"}
        for name in found:
            np.testing.assert_array_equal(found[name], expected[name])
    np.testing.assert_array_equal(one.accuracy, other.accuracy)
    np.testing.assert_array_equal(one.bill, other.bill)


def test_no_measured_question_is_trained_on(tmp_path, monkeypatch):
    pytest.importorskip("transformers")
    from curves.nano_models import make
    from curves.nano_models.model import THINK, make_tokenizer
    from curves.nano_models.train import batches
    from curves.tasks.arithmetic import questions

    calls, tokenizer = [], make_tokenizer()
    monkeypatch.setattr(make, "train", lambda *given: calls.append(given))
    monkeypatch.setattr(make, "save", lambda *given: None)
    make.make(tmp_path / "nano-verifier", make.VERIFIER, 5, 0, (150, 4))
    (*_, held_out) = calls[0]
    measured = {question.text for question in load_task("arithmetic", limit=150, seed=4).questions}
    assert held_out == measured == {text for text, _ in questions(150, 4)}

    def asked(*held):
        rows = (row for ids, _ in islice(batches(random.Random(0), tokenizer, 64, *held), 20) for row in ids)
        return {tokenizer.decode(row).split(THINK)[0] for row in rows}

    assert asked() & measured
    assert not asked(held_out) & measured


@each_method
def test_more_compute_is_better_on_the_same_questions(method):
    """Every level beats the lowest by more than noise, and none falls behind an earlier one by more than that."""
    accuracy, tokens = load_outcomes(f"nano/{method}")
    for model in accuracy:
        assert all(paired_difference(higher, model[0]).low > 0 for higher in model[2:])
        assert all(paired_difference(higher, lower).high >= 0 for lower, higher in combinations(model, 2))
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
    jsonschema.validate(provenance, json.loads((ROOT / "curves" / "tables" / "metadata.schema.json").read_text()))
    devices = {session["device"]["kind"] for model in provenance["models"] for session in model["origin"]["sessions"]}
    assert len(devices) == 1
    assert ("CPU" if devices == {"cpu"} else "GPU") in provenance["label"]
    assert set(provenance["markets"]) == {f"nano/{method}" for method in METHODS}


@pytest.mark.filterwarnings("ignore:We recommend agents", "ignore:Action space for each agent", "ignore:.*render fps")
@each_variant
@each_method
@pytest.mark.pairs
def test_nano_markets_pass_the_tests_of_every_environment(variant, method):
    market = ttc_env.load_market(f"nano/{method}", outcomes=bool(variant.market.outcomes))
    parallel_api_test(variant.parallel(market=market), num_cycles=20)
    api_test(variant.aec(market=market), num_cycles=20)
    check_env(variant.single(market=market, render_mode="ansi"))
    sb3_check_env(variant.single(market=market))
    for form in FORMS:
        env = form.make(variant, market=market)
        form.reset(env, seed=0)
        form.play(env, np.random.default_rng(0), 4)


SUITE = [
    test_envs.test_a_seed_fixes_the_whole_episode,
    partial(test_envs.test_a_copy_in_mid_episode_has_the_same_future, duplicate=copy.deepcopy, periods=2.5),
    test_envs.test_set_state_returns_to_where_get_state_was,
    test_envs.test_a_caller_may_overwrite_its_arrays,
]


@each_form
@each_variant
@pytest.mark.pairs  # with the markets of tests/test_envs.py it is a triple
def test_nano_markets_play_whole_episodes_in_every_form(form, variant):
    """As the published markets do: best-of-n for all three, replayed in the variants that replay."""
    market = ttc_env.load_market("nano/best_of_n", outcomes=bool(variant.market.outcomes))
    for check in SUITE:
        check(form, replace(variant, market=market))
