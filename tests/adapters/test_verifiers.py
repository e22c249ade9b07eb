"""The adapter for verifiers: its own validator, and rollouts by its own evaluation, scored as is exact."""

import json
import os
import sys
from pathlib import Path

import pytest

pytest.importorskip("verifiers")

import numpy as np

from tests.helpers.chat_servers import serving
from tests.helpers.scripts import run_command
from ttc_env import StageGame, load_market
from ttc_env.mechanisms import make_mechanism

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
MARKET = "gsm8k/reasoning_effort"


def run(folder, *words, **variables):
    path = os.pathsep.join(map(str, (ROOT, ROOT / "train" / "adapters" / "verifiers")))
    found = os.environ | {"PYTHONPATH": path, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"} | variables
    done = run_command(words, folder, limit=500, env=found)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.mark.parametrize("mechanism", ["per_token", "second_price", "posted_price"])
def test_its_validator_finds_every_task_valid(tmp_path, mechanism):
    markets = ["--taskset.markets", f'["{MARKET}"]', "--taskset.mechanism", mechanism]
    words = ["--runtime.type", "subprocess", "--no-rich", "-o", tmp_path, "--run.dir", "it"]
    run(tmp_path, BIN / "vf-validate", "ttc-market", *markets, *words)
    summary = json.loads((tmp_path / "it" / "summary.json").read_text())
    assert summary["total"] == summary["outcomes"]["valid"] == 3


def answer(body):
    """The first time prose, then levels in turn."""
    turns = sum(message["role"] == "assistant" for message in body["messages"])
    levels = (None, 1, 5, 3)
    return "Let me think." if levels[turns] is None else json.dumps({"level": levels[turns]})


def test_a_rollout_is_scored_by_what_is_exact(tmp_path):
    with serving(answer) as (url, chat):
        words = ["--env.taskset.markets", f'["{MARKET}"]', "--env.taskset.periods", "3"]
        words += ["--env.player.harness.id", "null", "--env.player.runtime.type", "subprocess"]
        words += ["--client.base-url", url, "--client.api-key-var", "NO_KEY", "-m", "tiny", "--no-rich"]
        words += ["-o", tmp_path, "--run.dir", "it"]
        run(tmp_path, BIN / "vf-eval", "ttc-market", *words, NO_KEY="none")
        assert len(chat.bodies) == 3 * 4
    (file,) = (tmp_path / "it").rglob("traces.jsonl")
    market, mechanism = load_market(MARKET), make_mechanism("per_token")
    game = StageGame(market, mechanism)
    nash = game.equilibrium()
    traces = [trace for line in file.read_text().splitlines() for trace in json.loads(line)["traces"]]
    assert len(traces) == 3
    for trace in traces:
        seat = trace["task"]["data"]["provider"]
        joint = [np.where(np.arange(3) == seat, k, nash) for k in (0, 4, 2)]
        exact = np.mean(game.utility(np.stack(joint))[:, seat]) / mechanism.reward_scale(market)
        assert trace["rewards"]["profit"]["score"] == pytest.approx(float(exact), rel=1e-9)
        assert trace["metrics"]["invalid"] == 1
