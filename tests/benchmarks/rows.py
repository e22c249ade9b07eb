"""Times what should not become slower, of whichever checkout is first on the path, and prints it as JSON.

`compare.py` runs this file against two commits in turns, so it uses only names that every commit has. A row is
seconds of a call, or what `import ttc_env` costs in a fresh interpreter.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

Call = Callable[[], Any]

IMPORT = """
import resource, time
used = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
before, started = used(), time.perf_counter()
import ttc_env
print(time.perf_counter() - started, used() - before)
"""


def startup() -> dict[str, float]:
    """Seconds and megabytes that `import ttc_env` takes, NumPy and the environment libraries included."""
    run = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True)
    seconds, megabytes = map(float, run.stdout.split())
    return {"import ttc_env, s": seconds, "import ttc_env, MB": megabytes}


def market(beta: float = 1000.0) -> Any:
    """A fresh market of nine providers and six levels; what the oracles keep of one is not found again."""
    import ttc_env

    return ttc_env.load_market("gsm8k/majority_voting", beta=beta)


def vector(batch: int, **options: Any) -> Call:
    """A period of `batch` markets."""
    import numpy as np

    import ttc_env

    env = ttc_env.VectorMarket(market(), num_markets=batch, copy=False, **options)
    env.reset(seed=0)
    levels = np.random.default_rng(0).integers(0, 6, (batch, 9))
    if options:
        import torch

        torch.set_num_threads(1)
        levels = torch.as_tensor(levels)
    return lambda: env.step(levels)


def adapter() -> Call:
    """A period of the PettingZoo environment."""
    import ttc_env

    env = ttc_env.per_token_v0.parallel_env(market(), max_cycles=10**9)
    env.reset(seed=0)
    actions = dict.fromkeys(env.agents, 2)
    return lambda: env.step(actions)


def ppo() -> Call:
    """An update of the default learner."""
    import torch

    import ttc_env
    from agents.ppo import PPO

    torch.set_num_threads(1)
    return PPO(ttc_env.VectorMarket(market(), num_markets=64, backend="torch", copy=False), 10**9).update


def oracle(name: str) -> Call:
    """An oracle asked about a market that it has not seen."""
    from ttc_env import equilibrium

    ask, template = getattr(equilibrium, name), market()
    return lambda: ask(replace(template))


def best_responses() -> Call:
    """Best responses to many profiles of one market."""
    import numpy as np

    from ttc_env import equilibrium

    profiles, one = np.random.default_rng(0).integers(0, 6, (16384, 9)), market()
    return lambda: equilibrium.best_response(one, profiles)


def sweep() -> Call:
    """The published quantities at twenty betas."""
    from ttc_env import equilibrium

    swept = [market(10.0 * 10 ** (k / 5)) for k in range(20)]
    return lambda: equilibrium.sweep(swept)


def interval() -> Call:
    """The interval of the price of anarchy over redrawn markets."""
    import numpy as np

    from ttc_env import equilibrium

    drawn = equilibrium.draw_markets(market(), 1000, 200, np.random.default_rng(0))
    return lambda: equilibrium.interval(equilibrium.price_of_anarchy, drawn)


CALLS: dict[str, Callable[[], Call]] = {
    "VectorMarket NumPy, B = 1": partial(vector, 1),
    "VectorMarket NumPy, B = 1024": partial(vector, 1024),
    "VectorMarket NumPy, B = 16384": partial(vector, 16384),
    "VectorMarket torch, B = 1024": partial(vector, 1024, backend="torch", check_actions=False),
    "PettingZoo adapter": adapter,
    "PPO as shipped, an update": ppo,
    "equilibrium.pure_nash": partial(oracle, "pure_nash"),
    "equilibrium.welfare_optimum": partial(oracle, "welfare_optimum"),
    "equilibrium.price_of_anarchy": partial(oracle, "price_of_anarchy"),
    "equilibrium.second_price_outcome": partial(oracle, "second_price_outcome"),
    "equilibrium.best_response, 16,384 profiles": best_responses,
    "equilibrium.sweep, 20 markets": sweep,
    "equilibrium.interval, 200 markets": interval,
}


def measure(seconds: float, only: str = "") -> dict[str, float]:
    """Seconds of each row, the mean of a stretch of about `seconds`, and what the import costs."""
    found = {title: value for title, value in startup().items() if only in title}
    for title, make in CALLS.items():
        if only in title:
            call = make()
            call()
            count, started = 0, time.perf_counter()
            while count == 0 or time.perf_counter() - started < seconds:
                call()
                count += 1
            found[f"{title}, s"] = (time.perf_counter() - started) / count
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.3, help="length of each row's stretch")
    parser.add_argument("--only", default="", help="rows whose title holds this")
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.seconds, arguments.only)))
