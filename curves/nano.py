"""Train nano models from scratch, measure them, and build their market: the whole chain, anywhere, in minutes.

    python curves/nano.py                               # three models on one CPU core
    python curves/nano.py --device cuda --engine vllm   # on a GPU
    python curves/nano.py --steps 20 --questions 10     # a rehearsal

Writes below `runs/nano/`: models/, raw/, and nano_curves.csv with what stands beside it. What is there is not made
again, so the same command goes on where it was stopped; models made in another way are refused. Ends with the
equilibria of the market it made.
"""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this checkout before any installed `curves`

import tyro

from curves import build, measure
from ttc_env import equilibrium, load_market
from ttc_env.scripting.console import errors_in_one_line, say

USD_PER_MTOK_PER_PARAMETER = 2e-5  # nominal: nobody sells these models; 100,000 parameters at 2 USD per million tokens
METHODS = ("majority_voting", "best_of_n", "reasoning_effort")
MAX_TOKENS = 32


@dataclass
class Args:
    """Train nano models from scratch, measure them, and build their market."""

    out: Path = Path("runs/nano")
    """where everything goes"""
    steps: int = 1500
    """training steps of each model; the verifier, which has a layer more, takes twice as many"""
    questions: int = 200
    """measured questions"""
    samples: int = 64
    """per question"""
    budgets: tuple[int, ...] = (0, 3, 6, 9, 12)
    """thinking budgets in tokens, the levels of reasoning effort"""
    hourly_usd: float = 0.05
    """assumed price of one device for an hour, for the column measured_usd_per_mtok"""
    engine: Literal["transformers", "vllm"] = "transformers"
    """what measures"""
    device: str = "cpu"
    """where it is measured: cpu or cuda; training is on the CPU"""
    draws: int = 200
    """bootstrap draws beside the table"""
    seed: int = 0
    """of training"""
    task_seed: int = 1
    """of the measured questions of the arithmetic task; nothing is trained on them"""


def main(args: Args) -> Path:
    """Train, measure, build, solve; returns the table."""
    if min(args.samples, args.draws) < 1 or min(args.steps, args.questions) < 2:
        raise ValueError(
            f"samples and draws must be at least 1, steps and questions 2, "
            f"got {args.samples}, {args.draws}, {args.steps} and {args.questions}"
        )
    from curves.nano_models.make import (  # loads torch, which no wrong argument should wait for
        PROMPT,
        make_all,
        parameters,
    )

    *models, judge = make_all(args.out / "models", args.steps, args.seed, args.questions, args.task_seed)
    prompt, prices = args.out / "prompt.json", args.out / "prices.csv"
    prompt.write_text(json.dumps(PROMPT) + "\n")
    with open(prices, "w", newline="") as file:
        rows = [(folder.name, round(parameters(folder) * USD_PER_MTOK_PER_PARAMETER, 3)) for folder in models]
        csv.writer(file).writerows([("model", "price_usd_per_mtok"), *rows])
    raw = [
        measure.main(
            measure.Args(
                model=str(folder), provider=folder.name, task="arithmetic", task_seed=args.task_seed,
                limit=args.questions, samples=args.samples, engine=args.engine, device=args.device, dtype="float32",
                temperature=1.0, max_tokens=MAX_TOKENS, budgets=args.budgets, answer_tokens=8, prompt=prompt,
                reward_model=str(judge), out=args.out / "raw",
            )
        )
        for folder in models
    ]  # fmt: skip
    table = args.out / "nano_curves.csv"
    where = "a CPU" if args.device == "cpu" else "a GPU"
    build.main(
        build.Args(
            raw=tuple(raw), out=table, methods=METHODS, benchmark="nano", prices=prices, hourly_usd=args.hourly_usd,
            draws=args.draws, label=f"nano models, measured on {where}; list prices are nominal",
        )
    )  # fmt: skip
    for method in METHODS:
        market = load_market(table, name=f"nano/{method}")
        levels = [[market.levels[k] for k in profile] for profile in equilibrium.pure_nash(market)]
        anarchy = equilibrium.price_of_anarchy(market)
        say(f"nano/{method}: equilibrium levels {levels}, price of anarchy {anarchy:.4f}")
    return table


def command_line(words: list[str]) -> int:
    """Run the script with these arguments; returns its exit status, or leaves as the parser does."""
    with errors_in_one_line():
        main(tyro.cli(Args, args=words, description=__doc__))
    return 0


if __name__ == "__main__":
    raise SystemExit(command_line(sys.argv[1:]))
