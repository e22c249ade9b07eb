"""The nano models on disk: trained once, and kept with a note of how they were made."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from curves.nano_models.model import PROMPT, Size, make_tokenizer
from curves.nano_models.train import train
from curves.records.store import same_configuration
from curves.tasks.arithmetic import questions
from ttc_env.scripting.console import say
from ttc_env.scripting.threads import use_threads

SIZES = (Size(32, 2, 1), Size(64, 2, 2), Size(96, 2, 3))
VERIFIER = Size(96, 3, 3)

__all__ = ["PROMPT", "make", "make_all", "parameters"]


def make_all(models: Path, steps: int, seed: int, number: int, task_seed: int) -> list[Path]:
    """The folders of all models, the verifier last; those that are there already are not made again.

    Args:
        models: where the folders go.
        steps: of training; twice as many for the verifier.
        seed: of training.
        number: measured questions, which are held out of training.
        task_seed: which questions these are.

    Raises:
        ValueError: a folder of a model that was made in another way.
    """
    use_threads(1)
    held_out = number, task_seed
    made = [make(models / f"nano-{size.width}x{size.layers}", size, steps, seed, held_out) for size in SIZES]
    return [*made, make(models / "nano-verifier", VERIFIER, 2 * steps, seed, held_out)]


def make(folder: Path, size: Size, steps: int, seed: int, held_out: tuple[int, int]) -> Path:
    """The folder of a model, trained unless it is there."""
    made = {"size": list(size), "steps": steps, "seed": seed, "held_out": list(held_out)}
    if folder.exists():
        same_configuration(folder, read_made(folder), made)
    else:
        say(f"training {folder.name}, {steps} steps")
        asked = {text for text, _ in questions(*held_out)}
        save(train(size, steps, seed, make_tokenizer(), asked), folder, made)
    return folder


def save(trained: Any, folder: Path, made: dict[str, Any]) -> None:
    """Write a model, its tokenizer and how it was made, all or nothing."""
    draft = folder.with_name(f".{folder.name}.part")
    trained.save_pretrained(draft)
    make_tokenizer().save_pretrained(draft)
    (draft / "made.json").write_text(json.dumps(made) + "\n", encoding="utf-8")
    os.replace(draft, folder)


def read_made(folder: Path) -> dict[str, Any]:
    """How a saved model was made; empty where that was not recorded."""
    path = folder / "made.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def parameters(folder: Path) -> int:
    """How many parameters a saved model has."""
    from transformers import AutoModelForCausalLM

    return sum(weight.numel() for weight in AutoModelForCausalLM.from_pretrained(folder).parameters())
