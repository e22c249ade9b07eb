"""train/run.py with players who are asked in words: what is written, replayed without a server, and gone on with."""

import csv
import json

import pytest

from agents.language import Language, LanguageConfig
from tests.helpers.chat_servers import seat_of, serving
from tests.helpers.scripts import run_here
from train.run import command_line
from ttc_env import VectorMarket

MARKET = ["--market", "gsm8k/reasoning_effort"]
SAME = ("summary.json", "metrics.csv", "path.csv")


def run(folder, *words):
    done = run_here(command_line, folder, *words)
    assert "Traceback" not in done.said
    return done


def language(url, *words):
    return [
        "--algorithm",
        "language",
        "--config.model",
        "tiny",
        "--config.base-url",
        url,
        "--config.backoff",
        "0.001",
        *words,
    ]


def mostly_right(body):
    """Sometimes prose; otherwise an allowed answer that depends on seat and period."""
    seat, period = seat_of(body)
    if (seat + period) % 3 == 0:
        return "Certainly! I choose the middle."
    shapes = body["response_format"]["json_schema"]["schema"]["properties"]
    return json.dumps({name: shape["enum"][(seat + period) % len(shape["enum"])] for name, shape in shapes.items()})


@pytest.fixture(autouse=True)
def no_figures(monkeypatch):
    """They take most of the time of a short run, and are those of every run."""
    for name in ("draw_training", "draw_outcome"):
        monkeypatch.setattr(f"train.figures.{name}", lambda *given: None)


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("per_token", "second_price")]


@pytest.mark.parametrize("mechanism", ["posted_price", *SLOW])
def test_a_run_and_its_replay_are_the_same_to_the_byte(tmp_path, mechanism):
    words = [*MARKET, "--mechanism", mechanism, "--learners", "0", "2", "--steps", "12", "--max-cycles", "6"]
    words += ["--config.input-price", "1", "--config.output-price", "2", "--config.tries", "2"]
    with serving(mostly_right, ["429", "500", "not json"]) as (url, chat):
        done = run(tmp_path, *language(url, *words, "--name", "first"))
        asked = len(chat.bodies)
    assert done.returncode == 0, done.said
    first = tmp_path / "runs" / "first"
    done = run(tmp_path, *language(url, *words, "--name", "again", "--config.replay", first))
    assert done.returncode == 0, done.said
    for name in SAME:
        assert (first / name).read_bytes() == (tmp_path / "runs" / "again" / name).read_bytes(), name
    summary = json.loads((first / "summary.json").read_text())
    play = summary["play"]
    assert play["requests"] == asked
    assert play["answers"] == 12
    assert play["faults"] == {"429": 1, "500": 1, "malformed": 1}
    assert 0 < play["invalid_share"] < 1
    assert play["fallbacks"] == play["invalid"] / 2 == 4
    assert len(play["regret"]) == len(play["responsiveness"]) == 2
    assert play["without_fallbacks"]["periods"] < 6
    assert "invalid" in done.said and "HTTP requests" in done.said  # noqa: PT018
    with open(first / "path.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6 * 3
    assert sum(int(row["repeated"]) for row in rows) == 4
    assert len((first / "metrics.csv").read_text().splitlines()) == 7


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--market", "gsm8k/reasoning_effort", "--dynamics", "loyalty"), "Carried over into the period"),
        pytest.param(
            ("--market", "mixed/majority_voting", "--market.providers", "0", "1"),
            "Carried over into the period",
            marks=pytest.mark.slow,
        ),
    ],
    ids=["dynamics", "mixture"],
)
def test_what_is_carried_over_is_told_and_judged_by_what_was_shown_in_each_state(tmp_path, words, told):
    with serving(mostly_right) as (url, chat):
        done = run(tmp_path, *language(url, *words, "--steps", "24", "--max-cycles", "8", "--name", "first"))
    assert done.returncode == 0, done.said
    assert all(told in body["messages"][1]["content"] for body in chat.bodies)
    first = tmp_path / "runs" / "first"
    again = run(tmp_path, *language(url, *words, "--steps", "24", "--max-cycles", "8", "--config.replay", first))
    assert again.returncode == 0, again.said
    summary = json.loads((first / "summary.json").read_text())
    assert 0 < summary["states_shown"] <= 1
    assert summary["nash_conv"] >= 0
    assert summary["play"]["regret"] is None
    with open(first / "path.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    levels = [summary["levels_by_state"][s][i] for s in range(len(summary["states"])) for i in range(2)]
    assert {int(row["level_index"]) for row in rows} & set(levels)
    assert all(float(row["share"]) >= 0 for row in rows)


def test_a_run_whose_server_went_away_goes_on_and_asks_nothing_twice(tmp_path):
    words = [*MARKET, "--steps", "15", "--name", "one", "--config.attempts", "2", "--checkpoint-seconds", "0"]
    with serving(mostly_right) as (url, chat):
        answer = chat.answer
        chat.answer = lambda body: (503, {}) if seat_of(body)[1] == 3 else answer(body)
        done = run(tmp_path, *language(url, *words))
        assert done.returncode == 2
        assert done.said.count("\n") <= 12
        assert "no answer from" in done.said
        folder, before = tmp_path / "runs" / "one", len(chat.bodies)
        chat.answer = answer
        done = run(tmp_path, "--resume", folder)
        assert done.returncode == 0, done.said
        rest = len(chat.bodies) - before
        whole = run(tmp_path, *language(url, *words[:-6], "--name", "whole", "--config.attempts", "2"))
    assert whole.returncode == 0, whole.said
    assert all(seat_of(body)[1] >= 3 for body in chat.bodies[before : before + rest])
    summaries = [json.loads((tmp_path / "runs" / name / "summary.json").read_text()) for name in ("one", "whole")]
    for summary in summaries:
        for name in ("seconds", "faults", "requests"):
            summary["play"].pop(name)
    assert summaries[0] == summaries[1]
    assert (folder / "path.csv").read_bytes() == (tmp_path / "runs" / "whole" / "path.csv").read_bytes()


@pytest.mark.slow
def test_it_plays_against_what_another_learner_has_learnt(tmp_path):
    words = [*MARKET, "--algorithm", "hedge", "--steps", "500", "--num-markets", "4", "--name", "hedge"]
    assert run(tmp_path, *words).returncode == 0
    with serving(mostly_right) as (url, chat):
        words = [*MARKET, "--learners", "1", "--opponents", tmp_path / "runs" / "hedge", "--steps", "4", "--name", "it"]
        done = run(tmp_path, *language(url, *words))
    assert done.returncode == 0, done.said
    assert {seat_of(body)[0] for body in chat.bodies} == {1}
    summary = json.loads((tmp_path / "runs" / "it" / "summary.json").read_text())
    assert summary["play"]["seats"] == [1]
    learnt = json.loads((tmp_path / "runs" / "hedge" / "summary.json").read_text())["levels"]
    assert [summary["levels"][i] for i in (0, 2)] == [learnt[i] for i in (0, 2)]


def test_what_was_paid_for_stays_when_the_first_period_fails(tmp_path):
    with serving(mostly_right) as (url, chat):
        answer = chat.answer
        chat.answer = lambda body: (401, {"error": {"message": "no"}}) if seat_of(body)[0] == 2 else answer(body)
        done = run(tmp_path, *language(url, *MARKET, "--name", "one", "--config.concurrency", "1"))
        assert done.returncode == 2
        assert "refuses the request, status 401" in done.said
    assert (tmp_path / "runs" / "one" / "transcript.jsonl").read_text().count("\n") >= 2


def test_no_key_is_ever_written(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-this-is-secret")
    with serving(lambda body: "sk-this-is-secret") as (url, chat):
        done = run(tmp_path, *language(url, *MARKET, "--steps", "3", "--config.tries", "2"))
    assert done.returncode == 0, done.said
    assert chat.headers[0]["authorization"] == "Bearer sk-this-is-secret"
    assert "secret" not in done.said
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or b"this-is-secret" not in path.read_bytes(), path


def test_a_dry_run_says_what_would_be_asked_and_asks_nothing(tmp_path):
    words = [*MARKET, "--steps", "30", "--num-seeds", "2", "--config.input-price", "1", "--config.output-price", "1"]
    with serving(mostly_right) as (url, chat):
        done = run(tmp_path, *language(url, *words, "--dry-run"))
        assert done.returncode == 0, done.said
        assert not chat.bodies
        player = Language(VectorMarket(MARKET[1]), 0, 0, LanguageConfig(base_url=url, model="tiny", tries=1))
        for _ in range(10):
            player.update()
        player.close()
        lengths = sum(len(message["content"]) for body in chat.bodies for message in body["messages"])
    assert not (tmp_path / "runs").exists()
    assert "60 answers wanted, each asked for at most 3 times" in done.said
    characters = int(done.said.split("prompts of ")[1].split(" characters")[0].replace(",", ""))
    assert characters == pytest.approx(2 * lengths, rel=0.02)
    assert "Period 10 begins" in done.said and '{"type": "object"' in done.said and "cost: about" in done.said  # noqa: PT018


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("language", "model must name a model of the server"),
        ("hedge --dry-run", "hedge asks nothing"),
        ("language --config.model m --config.replay nowhere", "there is no transcript"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, words, said):
    done = run(tmp_path, "--algorithm", *words.split())
    assert done.returncode != 0
    assert said in " ".join(done.said.split())
    assert not list(tmp_path.rglob("summary.json"))
