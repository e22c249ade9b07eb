"""One game of loyal users, three providers, for an independent solver that follows a homotopy: `sgamesolver`.

    python tests/benchmarks/sgame.py export game.npz     # writes the game, and prints what the own solver finds
    python tests/benchmarks/sgame.py solve game.npz      # where sgamesolver 1.0.2 is installed, which needs NumPy 1

The second needs nothing of this checkout. Source of the homotopy: Eibelshaeuser and Poensgen 2019, logit Markov QRE.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

DISCOUNT = 0.95
SCALE = 1e6  # profits of about 1e-3 USD, which the homotopy takes for nothing, in millionths


def export(path: str) -> None:
    """Write profits `(S, n, K, ...)` and transitions `(S, K, ..., S)`."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    import ttc_env
    from ttc_env.dynamics import Loyalty

    market = ttc_env.load_market("gsm8k/majority_voting", beta=1000.0).select([1, 6, 8])
    started = time.process_time()
    game = ttc_env.MarkovGame(market, "per_token", Loyalty(cost=0.002), DISCOUNT)
    policy = game.equilibrium()
    show(time.process_time() - started, policy, game.values(policy))
    size, joint = game.num_states, (game.num_actions,) * game.num_providers
    profiles = np.indices(joint).reshape(game.num_providers, -1).T
    outcome, moves = game.clear(np.repeat(profiles[None], size, axis=0))
    profits = np.moveaxis(outcome.utility.reshape(size, *joint, -1), -1, 1)
    transitions = moves.probability.reshape(size, *joint, -1)  # to each state in order, whatever is played
    assert moves.to.tolist() == list(range(size))
    np.savez(path, profits=profits, transitions=transitions)


def solve(path: str) -> None:
    """Follow the homotopy to its end."""
    import sgamesolver

    with np.load(path) as saved:
        profits, transitions = saved["profits"], saved["transitions"]
    game = sgamesolver.SGame(list(SCALE * profits), list(transitions), DISCOUNT)
    started = time.process_time()
    homotopy = sgamesolver.homotopy.QRE(game)
    homotopy.solver_setup()
    homotopy.solver.verbose = 0
    homotopy.solve()
    found = homotopy.equilibrium
    show(time.process_time() - started, np.nanargmax(found.strategies, axis=-1), found.values / SCALE)


def show(seconds: float, policy: np.ndarray, values: np.ndarray) -> None:
    """Print what was found in each state, and what it is worth, 1e-3 USD."""
    print(f"{1e3 * seconds:.1f} ms of processor time")
    for actions, worth in zip(policy.tolist(), 1e3 * values, strict=True):
        print(" ", actions, worth.round(5).tolist())


if __name__ == "__main__":
    {"export": export, "solve": solve}[sys.argv[1]](sys.argv[2])
