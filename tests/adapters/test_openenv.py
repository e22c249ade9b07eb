"""The adapter for OpenEnv: its own validator, and an episode over its own client, whose rewards are the exact ones."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("openenv")

import numpy as np
import requests

from tests.helpers.scripts import run_command, started
from ttc_env import StageGame, load_market
from ttc_env.mechanisms import make_mechanism

ROOT = Path(__file__).resolve().parents[2]
MARKET = "gsm8k/reasoning_effort"
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The adapter as a package of its name; its lock file belongs to a deployment and not to this house."""
    folder = tmp_path_factory.mktemp("openenv") / "ttc_market_env"
    shutil.copytree(ROOT / "train" / "adapters" / "openenv", folder, ignore=shutil.ignore_patterns("__pycache__"))
    project = folder / "pyproject.toml"
    project.write_text(project.read_text().replace('path = "../../.."', f"path = {json.dumps(str(ROOT))}"))
    return folder


@pytest.fixture(scope="module")
def url(package):
    path = {"PYTHONPATH": f"{package.parent}:{ROOT}", "PATH": str(BIN)}
    command = [sys.executable, "-m", "ttc_market_env.server.app", "--port", "0"]
    with started(command, package.parent, env=path, stderr=subprocess.PIPE, text=True) as server:
        said = ""
        while "running on " not in said:
            said = server.stderr.readline()
            assert said, "the server has ended"
        yield said.split("running on ")[1].split()[0]


def test_its_validator_takes_the_folder(package):
    locked = run_command([BIN / "uv", "lock", "--quiet"], package)
    assert locked.returncode == 0, locked.stderr
    done = run_command([BIN / "openenv", "validate", package], package)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[OK]" in done.stdout


def test_its_validator_takes_the_server(url):
    for _ in range(50):
        if requests.get(f"{url}/health", timeout=5).ok:
            break
        time.sleep(0.1)
    done = run_command([BIN / "openenv", "validate", "--url", url], ROOT)
    report = json.loads(done.stdout)
    assert done.returncode == 0
    assert report["passed"]
    assert not report["summary"]["failed_criteria"]


def test_an_episode_earns_what_is_exact(package, url, monkeypatch):
    monkeypatch.syspath_prepend(str(package.parent))
    from ttc_market_env import MarketAction, MarketClient

    market, mechanism = load_market(MARKET), make_mechanism("per_token")
    nash = StageGame(market, mechanism).equilibrium()
    with MarketClient(base_url=url).sync() as client:
        seen = client.reset(market=MARKET, provider=1, periods=3).observation
        assert "you are provider 1" in seen.system
        levels = seen.answer_schema["properties"]["level"]["enum"]
        for period, k in enumerate((0, 4, 2), start=1):
            assert f"Period {period} begins" in seen.prompt
            found = client.step(MarketAction(answer=json.dumps({"level": levels[k]})))
            seen, joint = found.observation, np.where(np.arange(3) == 1, k, nash)
            exact = StageGame(market, mechanism).utility(joint)[1] / mechanism.reward_scale(market)
            assert found.reward == pytest.approx(float(exact), rel=1e-12)
            assert found.done == (period == 3)


def test_what_is_no_answer_earns_nothing_and_ends_an_episode_in_time(package, url, monkeypatch):
    monkeypatch.syspath_prepend(str(package.parent))
    from ttc_market_env import MarketAction, MarketClient

    with MarketClient(base_url=url).sync() as client:
        client.reset(market=MARKET, provider=0, tries=2)
        first, second = (client.step(MarketAction(answer="I sell level four.")) for _ in range(2))
    assert (first.done, second.done) == (False, True)
    assert first.reward == second.reward == 0
    assert "must be one JSON object" in first.observation.prompt
    assert second.observation.invalid == 2
