"""What scripts leave in folders comes back as tables, with the numbers they wrote."""

import builtins
import json

import pytest

from tests.helpers.scripts import run_here
from tests.test_describing import OWN
from train import benchmark, run, sweep
from ttc_env.evaluation import results

pd = pytest.importorskip("pandas")
STUDY = """
algorithm = "hedge"
steps = 8
num_markets = 1
market = { source = "own.csv", answer_value = 0.01 }
grid.market.beta = [200, 1000]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    here = tmp_path_factory.mktemp("results")
    (here / "own.csv").write_text(OWN)
    (here / "study.toml").write_text(STUDY)
    market = ("--market", "own.csv", "--market.answer-value", "0.01", "--market.markup", "0.5")
    fast = ("--algorithm", "hedge", "--steps", "8", "--num-markets", "1", "--num-seeds", "2", "--name", "two")
    for script, words in (
        (run, (*market, *fast)),
        (sweep, ("study.toml", "--backend", "serial", "--no-figures")),
    ):
        done = run_here(script.command_line, here, *words)
        assert done.returncode == 0, done.said
    return here / "runs"


@pytest.mark.long
def test_runs(folder):
    found = results(folder / "two")
    assert found.runs.seed.tolist() == [0, 1]
    assert found.runs["market.markup"].tolist() == [0.5, 0.5]
    summary = json.loads((folder / "two" / "seed1" / "summary.json").read_text())
    row = found.runs.iloc[1]
    for name in ("welfare", "nash_welfare", "relative_nash_conv", "beta", "algorithm"):
        assert row[name] == summary[name]
    own = found.providers[found.providers.seed == 1]
    assert own.provider.tolist() == ["org/Small-1B", "org/Large-7B"]
    assert own.profit.tolist() == summary["profits"]
    assert own.level.tolist() == [[1, 4][k] for k in summary["levels"]]
    assert own.nash_share.tolist() == summary["nash_shares"]
    written = pd.read_csv(folder / "two" / "seed0" / "metrics.csv")
    curve = found.curves[found.curves.seed == 0]
    assert curve.agent_steps.tolist() == written.agent_steps.tolist()
    assert curve.welfare.tolist() == written.welfare.tolist()
    assert found.cells.empty


def test_studies_beside_runs(folder):
    found = results(folder)
    assert len(found.runs) == 2
    studied = found.cells[found.cells.store.str.endswith("study")]
    assert studied["market.beta"].fillna(1000).tolist() == [200, 1000]
    written = pd.read_csv(folder / "sweeps" / "study" / "runs.csv")
    assert studied.welfare.tolist() == written.welfare.tolist()


@pytest.mark.slow
def test_benchmarks(tmp_path):
    words = ("--learner", "random", "--task", "tokens-gsm8k", "--seeds", "1", "--steps", "50", "--no-figures")
    done = run_here(benchmark.command_line, tmp_path, *words, "--backend", "serial")
    assert done.returncode == 0, done.said
    folder = tmp_path / "runs"
    found = results(folder)
    (cell,) = found.cells[found.cells.task == "tokens-gsm8k"].to_dict("records")
    (record,) = map(json.loads, (folder / "benchmark" / "ttc-lite-v1" / "results.jsonl").read_text().splitlines())
    assert cell["score"] == record["metrics"]["score"]
    curve = found.curves[found.curves.task == "tokens-gsm8k"]
    assert curve.agent_steps.tolist() == record["curve"]["steps"]


def test_what_is_not_there_is_told(folder, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="holds no finished run"):
        results(tmp_path)
    with pytest.raises(FileNotFoundError, match="no folder"):
        results(tmp_path / "nowhere")
    (tmp_path / "results.jsonl").write_text("{}x\n")
    with pytest.raises(ValueError, match="line 1, is damaged"):
        results(tmp_path)
    known = builtins.__import__

    def without_pandas(name, *rest):
        if name == "pandas":
            raise ImportError(name)
        return known(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_pandas)
    with pytest.raises(ImportError, match=r"pip install 'ttc-env\[results\]'"):
        results(folder)
