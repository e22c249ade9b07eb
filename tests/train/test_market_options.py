"""Whatever describes a market can be said to every script that takes one, and is still there when a run goes on."""

import importlib
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from tests.helpers.scripts import ROOT, run_here
from tests.test_describing import OWN, descriptions, same
from train import collusion, compare_mechanisms, private_information, run
from train.arguments import arguments_of, read_arguments
from train.market_options import SPELT, MarketOptions
from ttc_env import evaluation
from ttc_env.describing import FIELDS, describe
from ttc_env.evaluation.tasks import Task

SCRIPTS = sorted(
    path.stem for path in (ROOT / "train").glob("*.py") if "__main__" in path.read_text(encoding="utf-8")
)  # fmt: skip
TAKE_A_MARKET = {"collusion", "compare_mechanisms", "private_information", "run"}
TWO = ("--market.answer-value", "0.01")


def options_of(script):
    """Every option that a script's help names."""
    said = run_here(importlib.import_module(f"train.{script}").command_line, ROOT, "--help").said
    return set(re.findall(r"--[a-z.-]+", said))


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_field_of_a_market_is_an_option(script):
    known = options_of(script)
    assert ("--market" in known) == (script in TAKE_A_MARKET)
    if script not in TAKE_A_MARKET:
        assert not {option for option in known if option.startswith("--market.")}
        return
    for field, option in SPELT.items():
        assert option in known or (field == "beta" and "--betas" in known), f"{script} does not know {option}"


def test_every_field_has_an_option():
    assert set(SPELT) == set(FIELDS)
    assert set(MarketOptions.__dataclass_fields__) == set(FIELDS) - {"source", "beta"}


@given(descriptions)
@settings(max_examples=25)
def test_options_give_the_description_back(description):
    options = MarketOptions.of(description)
    assert same(options.load(description.source, description.beta), description.load())


@given(descriptions)
@settings(max_examples=10)
def test_a_run_remembers_its_market(tmp_path_factory, description):
    args = replace(read_arguments(["--algorithm", "hedge"]), offers=MarketOptions.of(description))
    args = replace(args, market=description.source, beta=description.beta)
    folder = tmp_path_factory.mktemp("run")
    (folder / "config.json").write_text(json.dumps(args.to_dict()))
    again = arguments_of(folder)
    assert again == args
    assert same(again.offers.load(again.market, again.beta), description.load())


@pytest.fixture
def own(tmp_path):
    (tmp_path / "own.csv").write_text(OWN)
    return tmp_path


def test_a_table_of_ones_own_is_trained_and_goes_on(own):
    words = ("--market", "own.csv", *TWO, "--market.markup", "0.5", "0.1", "--market.outside-value", "0.001")
    fast = ("--algorithm", "random", "--steps", "4", "--num-markets", "1", "--eval-every", "9")
    done = run_here(run.command_line, own, *words, *fast)
    assert done.returncode == 0, done.said
    (folder,) = (own / "runs").iterdir()
    assert folder.name.startswith("own+value0.01+outside0.001+2markup-")
    config = json.loads((folder / "config.json").read_text())
    market = {"source": "own.csv", "answer_value": 0.01, "outside_value": 0.001, "markup": [0.5, 0.1]}
    assert config["market"] == market
    again = run_here(run.command_line, own, "--resume", folder)
    assert again.returncode == 0, again.said


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ((), "error: --market.answer-value (USD a correct answer is worth) must be given"),
        (("--market.answer-value", "0"), "error: --market.answer-value must be in (0"),
        ((*TWO, "--market.name", "nope"), "error: --market.name: unknown table"),
        ((*TWO, "--market.providers", "org"), "error: --market.providers: provider 'org' may be any of"),
        ((*TWO, "--market.costs", "measured"), "error: --market.costs cannot be 'measured'"),
        ((*TWO, "--market.weights", "1"), "error: --market.weights belong to"),
    ],
)
@pytest.mark.parametrize("script", [run, collusion, private_information, compare_mechanisms])
def test_errors_name_the_option(own, script, words, fault):
    more = ("--num-questions", "10") if script is compare_mechanisms else ()
    done = run_here(script.command_line, own, "--market", "own.csv", *words, *more)
    assert done.returncode == 2
    assert fault in done.said.replace("\n", " ")
    assert [path.name for path in own.iterdir()] == ["own.csv"]


def test_studies_of_one_market_of_ones_own(own):
    words = ("--market", "own.csv", *TWO, "--num-draws", "2", "--num-types", "2", "--betas", "1000")
    done = run_here(compare_mechanisms.command_line, own, *words)
    assert "--num-questions" in done.said
    args = compare_mechanisms.Args(
        market=str(own / "own.csv"), num_questions=10, offers=MarketOptions(answer_value=1.0)
    )
    (study,) = args.studies()
    assert same(study.load(), describe({"source": str(own / "own.csv"), "answer_value": 1.0}).load())
    with pytest.raises(ValueError, match="describe one market"):
        compare_mechanisms.Args(offers=MarketOptions(markup=(1.0,))).studies()
    fast = ("--algorithm", "random", "--steps", "4", "--num-seeds", "1", "--num-types", "2", "--num-markets", "1")
    done = run_here(private_information.command_line, own, "--market", "own.csv", *TWO, *fast)
    assert done.returncode == 0, done.said


def test_markets_of_the_literature_have_a_beta_and_providers_alone():
    words = ["--market", "bertrand-logit", "--market.markup", "0.5"]
    with pytest.raises(ValueError, match="markup belongs to a table"):
        collusion.read_arguments(words).setting().load()
    game = collusion.read_arguments(["--market", "bertrand-logit", "--beta", "7"]).setting().load()
    assert game.market.beta == 7.0
    four = collusion.read_arguments(["--market", "bertrand-logit-4"]).setting().load()
    assert four.market.num_providers == 4


def test_a_task_takes_descriptions(own):
    market = {"source": str(own / "own.csv"), "answer_value": 0.01}
    task = Task("mine", (market,), (market,), beta=200.0, num_markets=2, held_out_opponents=False)
    assert not task.held_out
    (name,) = task.tests
    assert same(task.market(name), describe(market, beta=200.0).load())
    scores = evaluation.evaluate_policy(task, lambda seen, greedy=False: np.zeros(seen.shape[:-1], int))
    assert scores
