"""Sessions of players who are asked in words: judged by what they played, and replayed without a server."""

import csv
import json

import numpy as np
import pytest

from tests.helpers.chat_servers import seat_of, serving
from tests.helpers.scripts import run_here
from train import collusion
from train.collusion import read_arguments
from train.sessions.cell import tables
from train.sessions.spoken import LAST
from ttc_env.scripting.jsonl import read_lines

GAME = ("--mechanism.num-prices", "4")


def answer(body):
    """Prices in turn, and prose now and then."""
    seat, period = seat_of(body)
    if (seat + period) % 5 == 0:
        return "As a seller I would wait."
    shapes = body["response_format"]["json_schema"]["schema"]["properties"]
    return json.dumps({name: shape["enum"][period % len(shape["enum"])] for name, shape in shapes.items()})


def run(folder, url, *words):
    given = ["--algorithm", "language", "--config.model", "tiny", "--config.base-url", url, *words]
    done = run_here(collusion.command_line, folder, *GAME, *given, "--backend", "serial")
    assert done.returncode == 0, done.said
    return done.said


def test_a_session_is_judged_by_its_play_and_replayed(tmp_path):
    words = ["--sessions", "2", "--steps", "20", "--config.tries", "1"]
    with serving(answer) as (url, chat):
        said = run(tmp_path, url, *words, "--name", "it")
        asked = len(chat.bodies)
    assert asked == 2 * 20
    assert "nothing here says why" in said or "not significant" in said or "less than competition" in said
    folder = tmp_path / "runs" / "collusion" / "it"
    again = ["--name", "again", "--config.replay", folder / "transcripts"]
    run(tmp_path, url, *words, *again)
    records, others = (read_lines(folder.with_name(name) / "sessions.jsonl") for name in ("it", "again"))
    for record, other in zip(records, others, strict=True):
        assert {k: v for k, v in record.items() if k != "cell"} == {k: v for k, v in other.items() if k != "cell"}
    _, (payoffs, _), benchmarks = tables(read_arguments(list(GAME)).setting())
    for record in records:
        assert len(record["cycle"]) == min(10, LAST)
        assert record["periods"] == 10
        assert record["fallback_share"] == record["invalid_share"] == pytest.approx(4 / 20)
        profits = payoffs.profits[payoffs.index(np.array(record["cycle"]))].mean(axis=0)
        assert record["gain"] == pytest.approx(float(benchmarks.mean_profit_gain(profits)))
        assert record["nash"] is None
    with open(folder / "transcripts" / "seed1" / "path.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 20
    assert (folder / "report.html").exists()


def test_it_plays_against_others(tmp_path):
    with serving(answer) as (url, chat):
        run(tmp_path, url, "--learners", "1", "--opponents", "best_response", "--sessions", "1", "--steps", "6")
        assert {seat_of(body)[0] for body in chat.bodies} == {1}
        assert len(chat.bodies) >= 6
