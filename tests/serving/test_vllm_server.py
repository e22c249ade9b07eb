"""vLLM's own server, on the CPU, with a tiny model that the test makes: language players, and measuring.

Run by `make test-vllm`. The model knows nothing. Its answers are held to the schema by the server, so that they are
answers, and it plays.
"""

import json
import os
import socket
import sys
import time
import urllib.request

import numpy as np
import pytest

pytest.importorskip("vllm")

import curves.measure
from agents.language import Language, LanguageConfig
from curves.records.runs import read_raw
from tests.helpers.byte_model import make_model
from tests.helpers.scripts import ROOT, started
from ttc_env import StageGame, VectorMarket, load_market
from ttc_env.metrics import evaluate, replay

MARKET = "gsm8k/reasoning_effort"
PATIENCE = 600  # seconds for the server to start


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """The address of a server that is there as long as the tests of this file."""
    folder = make_model(tmp_path_factory.mktemp("bytes"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", folder, "--served-model-name", "tiny",
        "--host", "127.0.0.1", "--port", port, "--dtype", "float32", "--enforce-eager", "--max-model-len", "8192",
        "--max-num-batched-tokens", "65536", "--generation-config", "vllm",
    ]  # fmt: skip
    here = os.environ | {"CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1"}
    with open(folder / "log", "w") as log, started(command, ROOT, stdout=log, stderr=log, env=here) as server:
        deadline = time.monotonic() + PATIENCE
        while not is_up(port):
            assert server.poll() is None, (folder / "log").read_text()[-2000:]
            assert time.monotonic() < deadline, "the server does not start"
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/v1"


def is_up(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def play(config, mechanism, folder=None, periods=5, **options):
    """An episode of all three providers, and all figures of it as text."""
    env = VectorMarket(MARKET, mechanism, dtype="float64", max_cycles=periods, **options)
    player = Language(env, 0, 3, LanguageConfig(model="tiny", max_tokens=300, timeout=300.0, **config))
    if folder is not None:
        player.keep_in(folder)
    for _ in range(periods):
        player.update()
    player.close()
    played = replay(load_market(MARKET), env.game.mechanism, player.played(periods))
    return json.dumps(evaluate(env, played) | player.report()), player


@pytest.mark.parametrize("mechanism", ["per_token", "second_price"])
def test_it_plays_an_episode_and_the_replay_is_the_same_to_the_byte(url, mechanism, tmp_path):
    figures, player = play({"base_url": url}, mechanism, tmp_path)
    again, _ = play({"base_url": url, "replay": str(tmp_path)}, mechanism)
    assert again == figures
    found = json.loads(figures)
    assert found["answers"] == 15
    assert found["fallbacks"] < 5  # nearly all answers are held to the schema within the limit of their length
    assert found["prompt_tokens"] > 15 * 1000
    assert set(found["models"]) == {"tiny"} or all(name.startswith("tiny") for name in found["models"])
    assert found["finishes"]["stop"] >= 10
    game = StageGame(load_market(MARKET), mechanism)
    assert found["nash_conv"] == pytest.approx(float(game.nash_conv(player.played(5)).total.mean()))


def test_seeds_make_answers_and_they_differ_between_seats_and_periods(url, tmp_path):
    (tmp_path / "one").mkdir()
    _, first = play({"base_url": url}, "second_price", tmp_path / "one", periods=2)
    _, second = play({"base_url": url}, "second_price", periods=2)
    assert len(np.unique(first.played(2).reshape(-1, 3), axis=0)) > 1
    bodies = [json.loads(line)["question"]["body"] for line in (tmp_path / "one" / "transcript.jsonl").open()]
    assert len({body["seed"] for body in bodies}) == len(bodies)
    assert second.counts.answers == first.counts.answers


def test_without_structure_nothing_is_an_answer_and_that_is_counted(url):
    found, player = play({"base_url": url, "structured": "none", "tries": 2}, "per_token", periods=1)
    assert player.counts.fallbacks == 3
    assert player.counts.invalid == 6
    assert json.loads(found)["invalid_share"] == 1.0


def test_it_is_measured(url, tmp_path):
    words = {"engine": "server", "base_url": url, "model": "tiny", "task": "arithmetic", "limit": 2, "samples": 3}
    folder = curves.measure.main(
        curves.measure.Args(**words, batch=1, max_tokens=20, temperature=1.0, out=tmp_path, keep_text=True)
    )
    rows = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]
    assert len(rows) == 6
    assert all(0 < row["tokens"] <= 20 and row["input_tokens"] > 50 for row in rows)
    assert {row["finish"] for row in rows} <= {"stop", "length"}
    assert len({row["text"] for row in rows}) == 6
    assert len(read_raw(folder).questions) == 2
