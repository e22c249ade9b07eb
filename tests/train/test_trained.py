"""A run from Python is the run of the script, says nothing, and leaves nothing behind that it was not asked for."""

import json

import pytest

from tests.helpers.scripts import run_here
from tests.test_describing import OWN
from train.run import command_line
from train.trained import train_learner

torch = pytest.importorskip("torch")
FAST = {"algorithm": "hedge", "steps": 40, "num_markets": 2, "eval_every": 3}


@pytest.fixture
def own(tmp_path):
    (tmp_path / "own.csv").write_text(OWN)
    return tmp_path


def test_it_is_the_run_of_the_script(own, capfd):
    market = {"source": str(own / "own.csv"), "answer_value": 0.01, "markup": 0.5}
    before, seen = torch.get_num_threads(), []
    called = train_learner(market, **FAST, show=lambda steps, figures: seen.append(steps))
    assert not capfd.readouterr().out
    assert torch.get_num_threads() == before
    assert [path.name for path in own.iterdir()] == ["own.csv"]
    assert seen == [row["agent_steps"] for row in called.curve[1:]]
    words = ("--market", market["source"], "--market.answer-value", "0.01", "--market.markup", "0.5", "--name", "same")
    fast = ("--algorithm", "hedge", "--steps", "40", "--num-markets", "2", "--eval-every", "3")
    done = run_here(command_line, own, *words, *fast)
    assert done.returncode == 0, done.said
    written = json.loads((own / "runs" / "same" / "summary.json").read_text())
    assert json.loads(json.dumps(called.figures)) == written
    folder = train_learner(market, **FAST, folder=own / "mine")
    assert folder.curve == called.curve
    for name in ("summary.json", "metrics.csv", "market.json"):
        assert (own / "mine" / name).read_bytes() == (own / "runs" / "same" / name).read_bytes()
    with pytest.raises(ValueError, match="exists"):
        train_learner(market, **FAST, folder=own / "mine")
    assert [row["provider"] for row in called.comparison] == ["org/Small-1B", "org/Large-7B"]
    assert all(row["level"] in called.market.levels for row in called.comparison)
    assert {"nash_level", "share", "nash_share", "profit", "nash_profit"} < set(called.comparison[0])


def test_a_run_goes_on_only_in_its_own_market(own):
    words = ("--market", "own.csv", "--market.answer-value", "0.01", "--name", "changed")
    fast = ("--algorithm", "hedge", "--steps", "8", "--num-markets", "1", "--eval-every", "9")
    assert run_here(command_line, own, *words, *fast).returncode == 0
    (own / "own.csv").write_text(OWN.replace("0.8", "0.9"))
    done = run_here(command_line, own, "--resume", "runs/changed")
    assert done.returncode == 2
    assert "its table has changed" in done.said.replace("\n", " ")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"stepz": 1}, "unknown argument 'stepz'; allowed: market, algorithm, .*steps"),
        ({"steps": 0}, "steps must be"),
        ({"config": {"rate": 1}}, "unknown hyper-parameter 'rate' of hedge; allowed: "),
        ({"algorithm": "hedgehog"}, "unknown learner 'hedgehog'"),
        ({"mechanism": "free"}, "unknown mechanism 'free'"),
        ({"market": {"source": "gsm8k/best_of_n", "markup": -1}}, "markup must be"),
        ({"dynamics": "loyalty", "learners": [0]}, "all must learn"),
    ],
)
def test_wrong_arguments_are_named(changes, fault):
    with pytest.raises(ValueError, match=fault):
        train_learner(**FAST | changes)


def test_what_show_raises_ends_it():
    def prune(steps, figures):
        raise StopIteration(steps)

    with pytest.raises(StopIteration):
        train_learner(**FAST, show=prune)
