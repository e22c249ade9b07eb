"""Seconds and memory that 100,000 samples of others take to import, with our own verdicts beside theirs and without.

    python tests/benchmarks/importing.py

The samples are made: texts of about 900 characters that end in a boxed answer, in two layouts.
"""

import argparse
import json
import multiprocessing
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from curves.importing.matharena import read_matharena
from curves.importing.monkeys import read_monkeys

WORDS = ("so", "then", "we", "have", "the", "number", "of", "apples", "and", "total", "is", "equal", "to", "each")


def text(rng, answer):
    """A worked solution."""
    terms = [
        rng.choice(WORDS) if rng.random() < 0.8 else f"{rng.randint(1, 99)} + 7 = {rng.randint(9, 200)}"
        for _ in range(130)
    ]
    return f"{' '.join(terms)}\n\\[ x = \\frac{{{answer}}}{{3}} \\]\nTherefore, the answer is $\\boxed{{{answer}}}$."


def matharena(rng, samples):
    """A hundred problems, a hundred samples each."""
    for place in range(samples):
        answer = rng.choice([7, 7, 8, 9])
        yield {
            "problem_idx": str(place % 100), "model_name": f"m{place // 10_000}", "idx_answer": place // 100,
            "answer": text(rng, answer), "input_tokens": 100, "output_tokens": rng.randint(50, 5000), "cost": 0.01,
            "input_cost_per_tokens": 0.5, "output_cost_per_tokens": 2.0, "gold_answer": "7",
            "parsed_answer": str(answer), "correct": answer == 7,
        }  # fmt: skip


def monkeys(rng, samples):
    """A thousand samples for each question."""
    for question in range(samples // 1000):
        answers = [rng.choice([7, 7, 8, 9]) for _ in range(1000)]
        yield {
            "orig_dset_idx": question, "samples": [text(rng, answer) for answer in answers],
            "is_corrects": [answer == 7 for answer in answers], "gt_answer": "x\n#### 7",
        }  # fmt: skip


def measure(layout, path, kind):
    """In a process of its own: wall and processor seconds, and the most memory."""
    began, busy = time.perf_counter(), time.process_time()
    if layout == "matharena":
        read_matharena(path, "task", kind)
    else:
        read_monkeys(path, "task", "m", kind, len)
    taken = time.perf_counter() - began, time.process_time() - busy
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    verdicts = "theirs and ours" if kind else "theirs"
    print(
        f"{layout:10} {verdicts:16} {taken[0]:6.1f} s, {taken[1]:6.1f} s of a processor, {memory:5.0f} MiB", flush=True
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--samples", type=int, default=100_000)
    number = parser.parse_args().samples
    with tempfile.TemporaryDirectory() as folder:
        for name, make in (("matharena", matharena), ("monkeys", monkeys)):
            made = Path(folder) / f"{name}.jsonl"
            with open(made, "w", encoding="utf-8") as file:
                file.writelines(json.dumps(row) + "\n" for row in make(random.Random(0), number))
            for kind in (None, "integer"):
                process = multiprocessing.get_context("spawn").Process(target=measure, args=(name, made, kind))
                process.start()
                process.join()
