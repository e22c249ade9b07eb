"""Studies: what a file says is run, each run once, and comes out as one tidy table beside the exact figures."""

import json

import numpy as np
import pytest
from hypothesis import given, settings

from tests.helpers.scripts import run_here
from tests.test_describing import OWN, descriptions, same
from train.studies.cells import all_cells, key_of, kind, run_cells
from train.studies.reading import make_study, read_study
from train.sweep import command_line
from train.trained import plan, train_learner, train_learners
from ttc_env.batch import one_market

pd = pytest.importorskip("pandas")
STUDY = """
algorithm = "hedge"
steps = 40
num_markets = 1
seeds = 2
market = { source = "own.csv", answer_value = 0.01 }

[grid]
market.beta = [200, 1000.0]
mechanism = ["per_token", "second_price"]
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own.csv").write_text(OWN)
    (tmp_path / "study.toml").write_text(STUDY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sweep(folder, *words):
    return run_here(command_line, folder, "study.toml", "--backend", "serial", *words)


def test_a_study_is_run_once_and_goes_on(own):
    done = sweep(own)
    assert done.returncode == 0, done.said
    folder = own / "runs" / "sweeps" / "study"
    table = pd.read_csv(folder / "runs.csv")
    assert len(table) == 8
    assert list(table.columns[:3]) == ["market.beta", "mechanism", "seed"]
    assert not table.duplicated(["market.beta", "mechanism", "seed"]).any()
    assert (folder / "market.beta.png").stat().st_size > 5_000
    row = table[(table["market.beta"] == 200) & (table.mechanism == "per_token") & (table.seed == 1)].iloc[0]
    market = {"source": "own.csv", "answer_value": 0.01, "beta": 200}
    run = train_learner(market, algorithm="hedge", steps=40, num_markets=1, seed=1, eval_every=10**9)
    for name in ("welfare", "nash_welfare", "provider_profit"):
        assert row[name] == run.figures[name]
    store = folder / "results.jsonl"
    before = store.read_bytes()
    assert sweep(own, "--no-figures").returncode == 0
    assert store.read_bytes() == before
    lines = before.splitlines(keepends=True)
    store.write_bytes(b"".join(lines[:5]) + lines[5][:20])  # as a killed process leaves it
    assert sweep(own, "--no-figures").returncode == 0
    kept = ("arguments", "market", "seed", "figures")
    after = {tuple(json.dumps(json.loads(line)[name]) for name in kept) for line in store.read_bytes().splitlines()}
    assert after == {tuple(json.dumps(json.loads(line)[name]) for name in kept) for line in lines}
    (own / "own.csv").write_text(OWN.replace("0.8", "0.9"))  # results of another table are other results
    assert sweep(own, "--no-figures").returncode == 0
    assert len(store.read_bytes().splitlines()) == 16
    changed = pd.read_csv(folder / "runs.csv")
    assert len(changed) == 8
    assert not np.array_equal(changed.welfare, table.welfare)


@given(descriptions)
@settings(max_examples=15)
def test_a_study_that_goes_on_remembers_its_market(description):
    content = {"algorithm": "hedge", "steps": 40, "num_markets": 1, "market": description.plain()}
    (cell,), (again,) = (all_cells(make_study(found)) for found in (content, json.loads(json.dumps(content))))
    record = {"arguments": cell.arguments, "market": cell.market, "seed": cell.seed}
    assert key_of(json.loads(json.dumps(record))) == again.key  # so it is not run again
    assert same(one_market(plan(**json.loads(cell.arguments)).judging_env().market), description.load())


def test_what_is_run_is_what_the_file_says(own):
    (own / "study.toml").write_text("seeds = 3\nfirst_seed = 5\n[grid]\nconfig.learning_rate = [0.1, 0.2]\nsteps = [7]")
    study = read_study(own / "study.toml")
    assert study.seeds == (5, 6, 7)
    assert study.axes == ("config.learning_rate", "steps")
    assert study.points[1].call() == {
        "config": {"learning_rate": 0.2},
        "steps": 7,
        "market": "gsm8k/majority_voting",
    }


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("steps = 5\nsteps = 6", "study.toml is no TOML: "),
        ("stepz = 5", "study.toml, line 1: stepz is nothing that a study has; allowed: market"),
        ("seeds = 0", "study.toml, line 1: seeds must be an integer >= 1"),
        ("\n\nsteps = 0", "study.toml, line 3: steps must be"),
        ("[grid]\nmarket.beta = [200, 200]", "line 2: market.beta has 200 more than once; .*distinct"),
        ("[grid]\nmarket.beta = 200", "line 2: market.beta in a grid must be a list"),
        ("[grid]\nmarket.beta = [0]", "line 2: beta must be positive"),
        ("[grid]\nmarket.prise = [0]", "unknown field 'prise' of a market"),
        ("market = {beta = 2}\n[grid]\nmarket.beta = [200]", "market.beta is given twice"),
        ("steps = 3\n[grid]\nsteps = [2]", "steps is given twice"),
        ("[grid]\nseeds = [2]", "seeds is nothing that a grid has"),
        ('market = "nowhere.csv"', "nowhere.csv"),
        ('market = { source = "own.csv" }', "line 1: answer_value"),
        ("config.rate = 1", "unknown hyper-parameter 'rate' of ppo"),
        ("grid = 3", "grid must be a table"),
    ],
)
def test_faults_are_told_with_their_line_before_anything_is_written(own, text, fault):
    (own / "study.toml").write_text(text)
    with pytest.raises((ValueError, FileNotFoundError), match=fault):
        read_study(own / "study.toml")
    assert sweep(own).returncode == 2
    assert not (own / "runs").exists()


def test_runs_of_a_study_side_by_side_are_those_of_each_alone(own):
    """Three seeds in one program: what a call for each gives, to the last bit."""
    shared = {"algorithm": "ppo", "steps": 600, "num_markets": 2, "max_cycles": 20}
    study = make_study(
        {
            **shared,
            "seeds": 3,
            "grid": {"market": {"beta": [200, 1000.0]}},
            "market": {"source": "own.csv", "answer_value": 0.01},
        }
    )
    cells = all_cells(study)
    assert len({kind(cell) for cell in cells}) == 2
    for point in study.points:
        some = [cell for cell in cells if cell.arguments == point.arguments]
        for cell, record in zip(some, run_cells(some), strict=True):
            alone = train_learner(**point.call(), seed=cell.seed, eval_every=10**9)
            assert record["seed"] == cell.seed
            for name, value in record["figures"].items():
                assert name.endswith("sold_level") or value == alone.figures[name], name


def test_several_seeds_of_a_call_are_several_calls(own):
    call = {
        "market": {"source": "own.csv", "answer_value": 0.01},
        "algorithm": "ppo",
        "steps": 900,
        "num_markets": 2,
        "max_cycles": 20,
    }
    runs = train_learners(**call, seeds=[4, 0, 5, 6, 1])  # more than learn side by side
    for seed, run in zip([4, 0, 5, 6, 1], runs, strict=True):
        alone = train_learner(**call, seed=seed)
        assert run.figures == alone.figures
        assert run.curve == alone.curve
        seen = np.zeros((3, *run.learner.env.single_observation_space.shape))[:, None].repeat(
            run.market.num_providers, axis=1
        )
        np.testing.assert_array_equal(run.learner.act(seen, greedy=True), alone.learner.act(seen, greedy=True))
    with pytest.raises(ValueError, match="seed"):
        train_learners(**call, seeds=[0, -1])
