"""What a run has learnt plays, is judged, is drawn, and sits in any seat as an opponent."""

import json
import shutil

import gymnasium
import numpy as np
import pytest
from PIL import Image

import agents
import train.play
import train.run
from agents.frozen import Frozen
from tests.helpers.scripts import run_here
from ttc_env import VectorMarket
from ttc_env.envs.seats import Seats
from ttc_env.evaluation import evaluate_policy

MARKET = "gsm8k/reasoning_effort"


def learnt(folder, name, *words):
    said = run_here(
        train.run.command_line,
        folder,
        "--market",
        MARKET,
        "--num-markets",
        "2",
        "--steps",
        "600",
        "--name",
        name,
        *words,
    )
    assert said.returncode == 0, said.said
    return folder / "runs" / name


@pytest.fixture(scope="module", autouse=True)
def no_figures():
    """Figures of training take seconds, and nobody looks at them here."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name in ("draw_training", "draw_outcome"):
            monkeypatch.setattr(f"train.figures.{name}", lambda *arguments: None)
        yield


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """PPO at random starting weights in all seats; Hedge in seat 0, in an auction; loyal users."""
    folder = tmp_path_factory.mktemp("frozen")
    learnt(folder, "all")
    learnt(folder, "one", "--algorithm", "hedge", "--learners", "0", "--opponents", "random")
    learnt(folder, "auction", "--algorithm", "q-learning", "--mechanism", "second_price")
    learnt(folder, "loyal", "--algorithm", "q-learning", "--dynamics", "loyalty", "--dynamics.cost", "0.002")
    return folder


def play(folder, *words):
    said = run_here(train.play.command_line, folder, *words, "--out", "figures.json")
    assert said.returncode == 0, said.said
    return json.loads((folder / "figures.json").read_text()), said.said


def summary(run):
    return json.loads((run / "summary.json").read_text())


@pytest.mark.parametrize("name", ["all", "auction", "loyal"])
def test_it_plays_as_the_run_said(runs, name):
    figures, said = play(runs, f"runs/{name}")
    expected = summary(runs / "runs" / name)
    for key in ("levels", "nash_conv", "welfare", "profits"):
        assert figures[key] == pytest.approx(expected[key]), key
    assert "NashConv" in said


def test_it_is_judged_in_a_task_as_its_learner_is(runs):
    figures, _ = play(runs, "runs/all", "--task", "ttc-main-v1/tokens-gsm8k-effort")
    learner, task = agents.load(runs / "runs" / "all"), train.play.find_task("ttc-main-v1/tokens-gsm8k-effort")
    assert figures == evaluate_policy(task, learner.act)


def test_it_is_drawn(runs):
    play(runs, "runs/one", "--render", "it.gif", "--periods", "3")
    with Image.open(runs / "it.gif") as film:
        assert (film.n_frames, film.size) == (3, (640, 400))
    assert "period 2" in play(runs, "runs/one", "--render", "text", "--periods", "2")[1]


def test_it_sits_beside_another(runs):
    """Seats 0 and 2 play what the run has learnt, seat 1 at random."""
    alone, _ = play(runs, "runs/all", "--periods", "20")
    both, _ = play(runs, "runs/all", "--periods", "20", "--seats", "0", "2", "--opponents", "random")
    assert [both["levels"][i] for i in (0, 2)] == [alone["levels"][i] for i in (0, 2)]
    assert both["welfare"] != alone["welfare"]
    assert both["shares"][1] != alone["shares"][1]


@pytest.mark.parametrize(("name", "identifier"), [("all", "PerToken"), ("auction", "SecondPrice")])
def test_gymnasium_plays_against_it(runs, name, identifier):
    learner, explored = agents.load(runs / "runs" / name), []
    env = gymnasium.make(f"ttc/{identifier}-v0", market=MARKET, provider=1, opponents=Frozen(runs / "runs" / name))
    twin = VectorMarket(MARKET, env.unwrapped.engine.game.mechanism, 1, dtype="float64")
    env.reset(seed=0)
    seen, _ = twin.reset(0)
    env.action_space.seed(0)
    for _ in range(5):
        own = env.action_space.sample()
        joint = np.array(learner.act(seen, greedy=True))
        joint[0, 1] = own
        seen, rewards, *_ = twin.step(joint)
        observation, reward, *_ = env.step(own)
        assert reward == rewards[0, 1]
        np.testing.assert_array_equal(observation, seen[0, 1].astype(np.float32))
        explored.append(joint)
    assert len({joint.tobytes() for joint in explored}) > 1


def test_seats_it_was_not_trained_for_are_played_as_in_its_training(runs):
    one = runs / "runs" / "one"
    env = Seats(VectorMarket(MARKET, num_markets=50), [2], Frozen(one))
    env.reset(0)
    *_, info = env.step(np.zeros((50, 1), int))
    assert set(info["actions"][:, 0]) == set(agents.load(one).act(np.zeros((1, 1, 1)), greedy=True)[0])
    assert len(set(info["actions"][:, 1])) == 5  # at random


def test_a_run_learns_against_it_and_is_loaded_with_it(runs, monkeypatch):
    monkeypatch.chdir(runs)
    words = ("--algorithm", "hedge", "--learners", "1", "--opponents", "runs/all", "--checkpoint-seconds", "0")
    folder = learnt(runs, "against", *words)
    assert [summary(folder)["levels"][i] for i in (0, 2)] == [play(runs, "runs/all")[0]["levels"][i] for i in (0, 2)]
    assert agents.load(folder).env.opponents.learner.steps > 0
    before = {name: (folder / name).read_bytes() for name in ("summary.json", "checkpoint.safetensors")}
    (folder / "summary.json").unlink()
    shutil.move(folder / "checkpoint.previous.safetensors", folder / "checkpoint.safetensors")
    assert run_here(train.run.command_line, runs, "--resume", "runs/against").returncode == 0
    assert {name: (folder / name).read_bytes() for name in before} == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "nowhere is no folder of a run"),
        (["runs/all", "--task", "ttc-lite-v1/x"], "unknown task 'ttc-lite-v1/x'; allowed: ttc-lite-v1/tokens-gsm8k"),
        (["runs/all", "--task", "y/x"], "unknown suite 'y'"),
        (["runs/all", "--task", "ttc-lite-v1/tokens-gsm8k"], "trained with providers 3, and is asked to play with"),
        (["runs/auction", "--task", "ttc-main-v1/tokens-gsm8k-effort"], "trained with mechanism second_price"),
        (["runs/one", "--task", "ttc-main-v1/tokens-gsm8k-effort"], "trained for the seats [0], and is asked to"),
        (["runs/all", "--opponents", "nash"], "no seat is left for --opponents"),
        (["runs/all", "--seats", "1"], "--seats say where it plays against --opponents"),
        (["runs/all", "--seats", "3", "--opponents", "nash"], "seats must be from 0 to 2, each once, got [3]"),
        (["runs/all", "--seats", "0", "--opponents", "x"], "unknown opponents 'x'; allowed: nash, best_response,"),
        (["runs/all", "--seats", "0", "--opponents", "runs/auction"], "was trained with mechanism second_price"),
        (["runs/all", "--render", "it.mp4"], "render must be 'text' or a file that ends in .gif, got 'it.mp4'"),
        (["runs/all", "--periods", "0"], "periods must be an integer >= 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_played_is_one_error(runs, words, said):
    result = run_here(train.play.command_line, runs, *words)
    assert result.returncode == 2
    assert said in " ".join(result.said.split())


def test_run_takes_no_opponents_that_are_none(runs):
    result = run_here(train.run.command_line, runs, "--opponents", "runs/none")
    assert result.returncode == 2
    assert "unknown opponents 'runs/none'; allowed: nash, best_response, random" in result.said
