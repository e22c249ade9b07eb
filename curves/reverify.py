"""Read the answers of recorded texts again, by the verifier as it is now.

    python curves/reverify.py raw/MODEL-1--gsm8k raw/MODEL-2--gsm8k
    python curves/reverify.py raw/*--gpqa --source gpqa.jsonl --task-seed 3

For measurements that kept their texts (`curves/measure.py --keep-text`). Answers and verdicts in `records.jsonl` are
replaced, all of a folder or none; samples, tokens, rewards and everything else stay as they were recorded.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this checkout before any installed `curves`

import tyro

from curves.records.store import lock
from curves.sampling.plan import verdict
from curves.tasks import Task, load_task
from curves.tasks.prompts import Prompt
from ttc_env.scripting.console import errors_in_one_line, say
from ttc_env.scripting.files import write_text
from ttc_env.scripting.jsonl import read_lines


@dataclass
class Args:
    """Read the answers of recorded texts again, by the verifier as it is now."""

    raw: Annotated[tuple[Path, ...], tyro.conf.Positional] = ()
    """folders that curves/measure.py wrote with --keep-text"""
    source: str | None = None
    """where the questions are now; by default where they were"""
    task_seed: int = 0
    """order of the choices (gpqa), as they were measured"""


def main(args: Args) -> None:
    """Read every folder again and say what changed."""
    if not args.raw:
        raise ValueError("name at least one folder that curves/measure.py wrote with --keep-text")
    for folder in args.raw:
        changed, number = reverify(folder, args.source, args.task_seed)
        say(f"{folder}: {changed} of {number} answers are read otherwise now")


def reverify(folder: Path, source: str | None = None, task_seed: int = 0) -> tuple[int, int]:
    """Replace the verdicts of a measurement; returns how many records changed, of how many.

    Raises:
        ValueError: no measurement, texts that were not kept, other questions than were measured, or damage.
    """
    if not (folder / "config.json").exists():
        raise ValueError(f"{folder} holds no measurement (no config.json)")
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if not config["keep_text"]:
            raise ValueError(f"{folder}: texts were not kept, so their answers cannot be read again")
        task = _task(folder, config["task"], source, task_seed)
        prompt = Prompt(thinking_end=config["prompt"]["thinking_end"])
        held = lock(folder)
        try:
            truths = {question.id: question.answer for question in task.questions}
            before = read_lines(folder / "records.jsonl")
            after = [_again(record, task, truths, prompt) for record in before]
            write_text(folder / "records.jsonl", "".join(json.dumps(record) + "\n" for record in after))
        finally:
            held.close()
    except KeyError as error:
        raise ValueError(f"{folder}: config.json or a record lacks {error}") from None
    return sum(old != new for old, new in zip(before, after, strict=True)), len(after)


def _task(folder: Path, asked: dict[str, Any], source: str | None, seed: int) -> Task:
    """The questions that were asked."""
    made = asked["source"].removeprefix("made with seed ")
    if made != asked["source"]:
        task = load_task(asked["name"], limit=len(asked["items"]), seed=int(made))
    else:
        source, limit = source or asked["source"], len(asked["items"])
        task = load_task(asked["name"], source=source, limit=limit, seed=seed, verifier=asked["kind"])
    if task.describe()["sha256"] != asked["sha256"]:
        raise ValueError(f"{folder}: {task.source} holds other questions than were measured, or --task-seed is another")
    return task


def _again(record: dict[str, Any], task: Task, truths: dict[str, str], prompt: Prompt) -> dict[str, Any]:
    return record | verdict(
        prompt.after_thinking(record["text"]), task.kind, truths[record["question"]], record["finish"] == "length"
    )


def command_line(words: list[str]) -> int:
    """Run the script with these arguments; returns its exit status, or leaves as the parser does."""
    with errors_in_one_line():
        main(tyro.cli(Args, args=words, description=__doc__))
    return 0


if __name__ == "__main__":
    raise SystemExit(command_line(sys.argv[1:]))
