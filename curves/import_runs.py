"""Build tables from raw runs that others recorded.

    python curves/import_runs.py DIR --task gsm8k --methods majority_voting best_of_n --out gsm8k.csv
    python curves/import_runs.py samples_gsm8k.jsonl --task gsm8k --model MODEL --tokenizer MODEL --out gsm8k.csv

A folder holds the layout of the published data set, one MODEL--temp-T--samples-N--max-M.jsonl per model; a file is
what `lm_eval --log_samples` wrote. What cannot be used is left out, counted and reported.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this checkout before any installed `curves`

import tyro

from curves.build import Options, build
from curves.importing.collecting import Left
from curves.importing.lm_eval import read_lm_eval
from curves.importing.published import read_published
from curves.records.runs import Run
from curves.tasks import KINDS
from ttc_env.scripting.console import errors_in_one_line, say


@dataclass
class Args(Options):
    """Build tables from raw runs that others recorded."""

    source: Annotated[Path | None, tyro.conf.Positional] = None
    """folder in the published layout, or a file of lm-evaluation-harness samples"""
    task: str = "gsm8k"
    """gsm8k, aime, gpqa or arithmetic"""
    model: str | None = None
    """lm-evaluation-harness only: name of the model"""
    tokenizer: str | None = None
    """lm-evaluation-harness only: tokenizer that counts the tokens, which the harness does not record"""


def main(args: Args) -> None:
    """Read every run, report what was left out, and build."""
    if args.task not in KINDS:
        raise ValueError(f"unknown task {args.task!r}; allowed: {', '.join(KINDS)}")
    if args.source is None or not args.source.exists():
        raise ValueError(f"name a folder or file of raw runs; {args.source} does not exist")
    found = [read_published(path, args.task) for path in sorted(args.source.glob("*.jsonl"))] \
        if args.source.is_dir() else [_harness(args, args.source)]  # fmt: skip
    if not found:
        raise ValueError(f"{args.source} holds no MODEL--temp-T--samples-N--max-M.jsonl")
    runs: list[Run] = []
    for run, left in found:
        runs.append(replace(run, metadata=run.metadata | {"left_out": dict(left)}))
        remarks = "".join(f", {number} {what}" for what, number in left.items())
        say(f"{run.model}: {len(run.questions)} questions{remarks or ', nothing left out'}")
    build(runs, args, "flexible", strict=[])


def _harness(args: Args, path: Path) -> tuple[Run, Left]:
    if args.model is None or args.tokenizer is None:
        raise ValueError("samples of the lm-evaluation-harness need --model and --tokenizer")
    return read_lm_eval(path, args.task, args.model, KINDS[args.task], token_counter(args.tokenizer))


def token_counter(name: str) -> Callable[[str], int]:
    """Counts the tokens of a text."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(name)
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False))


if __name__ == "__main__":
    with errors_in_one_line():
        main(tyro.cli(Args, description=__doc__))
