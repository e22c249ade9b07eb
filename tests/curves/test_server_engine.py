"""Measuring a model behind a server: the whole way to a market, on a server with faults, and gone on with."""

import json
import re

import pytest

from curves.build import Args as BuildArgs
from curves.build import main as build
from curves.measure import Args, command_line, main
from curves.records.runs import read_raw
from tests.helpers.chat_servers import FAULTS, completion, serving
from tests.helpers.scripts import run_here
from ttc_env import load_market


def answers(body):
    """Right where the seed is even; the wording and the tokens are the server's own."""
    terms = re.findall(r"[+-]?\d+", body["messages"][-1]["content"].splitlines()[0])
    right = body["seed"] % 2 == 0
    text = f"Let me add.\n#### {sum(map(int, terms)) if right else 99}"
    usage = {"prompt_tokens": 30, "completion_tokens": 5 + body["seed"] % 3, "total_tokens": 40}
    usage["completion_tokens_details"] = {"reasoning_tokens": 2}
    return 200, completion(text, usage=usage)


def options(url, out, **more):
    given = {"engine": "server", "base_url": url, "model": "tiny", "task": "arithmetic", "limit": 6, "samples": 4}
    return given | {"batch": 2, "backoff": 0.001, "out": out, "name": "run", "timeout": 10.0} | more


def rows(out):
    return [json.loads(line) for line in (out / "run" / "records.jsonl").read_text().splitlines()]


def test_from_a_server_with_faults_to_a_market(tmp_path):
    faults = [fault for fault in FAULTS if fault not in ("hang", "drip")]
    with serving(answers, list(faults)) as (url, chat):
        main(Args(**options(url, tmp_path, extra='{"top_p": null, "reasoning_effort": "low"}', attempts=20)))
        requests = len(chat.bodies)
    assert requests == 6 * 4 + len(faults)
    assert "top_p" not in chat.bodies[0]
    assert chat.bodies[0]["reasoning_effort"] == "low"
    found = rows(tmp_path)
    assert sorted(row["seed"] for row in found) == list(range(24))
    for row in found:
        assert (row["tokens"], row["input_tokens"], row["thinking_tokens"]) == (5 + row["seed"] % 3, 30, 2)
        assert (row["finish"], row["logprob"]) == ("stop", None)
        assert row["correct"] == (row["seed"] % 2 == 0)
    usage = [json.loads(line) for line in (tmp_path / "run" / "usage.jsonl").read_text().splitlines()]
    assert usage[-1]["served"] == {"tiny-2026 fp_1": 24}
    assert usage[-1]["requests"] == requests
    assert sum(line["prompt_tokens"] for line in usage) == 24 * 30
    assert read_raw(tmp_path / "run").questions
    (tmp_path / "prices.csv").write_text("model,price_usd_per_mtok\ntiny,1\n")
    table = tmp_path / "table.csv"
    build(BuildArgs(raw=(tmp_path / "run",), out=table, prices=tmp_path / "prices.csv", methods=("majority_voting",)))
    assert load_market(table, answer_value=0.01).providers == ("tiny",)


def test_it_goes_on_where_the_server_went_away(tmp_path):
    def command(url):
        given = options(url, tmp_path, attempts=2)
        return [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]

    with serving(answers) as (url, chat):
        chat.answer = lambda body: answers(body) if body["seed"] < 16 else (503, {})
        stopped = run_here(command_line, tmp_path, *command(url))
        assert stopped.returncode == 2
        assert "no answer from" in stopped.said
        assert "Traceback" not in stopped.said
        kept, before = rows(tmp_path), len(chat.bodies)
        assert {row["seed"] for row in kept} == set(range(16))
        chat.answer = answers
        done = run_here(command_line, tmp_path, *command(url))
        assert done.returncode == 0, done.said
    assert rows(tmp_path)[:16] == kept
    assert {body["seed"] for body in chat.bodies[before:]} == set(range(16, 24))


def test_the_key_is_written_nowhere(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_KEY", "sk-hidden-away")
    with serving(lambda body: "#### 1 sk-hidden-away") as (url, chat):
        main(Args(**options(url, tmp_path, key_variable="MY_KEY", keep_text=True)))
    assert chat.headers[0]["authorization"] == "Bearer sk-hidden-away"
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"hidden-away" in path.read_bytes()]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"budgets": (4,), "max_tokens": 8}, "budgets"),
        ({"base_url": "nowhere"}, "base_url must begin"),
        ({"extra": "["}, "extra must be a JSON object"),
        ({"concurrency": 0}, "concurrency must be"),
    ],
)
def test_what_a_server_cannot_be_asked_is_refused(tmp_path, more, said):
    with pytest.raises(ValueError, match=said):
        main(Args(**options("http://127.0.0.1:1/v1", tmp_path) | more))
    assert not list(tmp_path.iterdir())


def test_a_server_that_does_not_count_is_refused(tmp_path):
    silent = completion("#### 1", usage=None)
    with serving(lambda body: (200, silent)) as (url, _), pytest.raises(ValueError, match="how many tokens"):
        main(Args(**options(url, tmp_path)))
