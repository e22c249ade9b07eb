"""Is this checkout slower than another commit? Both are timed in turns, so that what else the machine does meets both.

    make bench-compare REV=main            # or: python tests/benchmarks/compare.py main --repeats 9

Prints time and memory of this checkout over those of the commit, row by row: the median of the rounds' ratios, the
least and the most. Run it before landing what touches the core.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROWS = Path(__file__).with_name("rows.py")


@contextmanager
def checkout(revision: str) -> Iterator[Path]:
    """A folder with the files of a commit, removed at the end.

    Raises:
        ValueError: no such commit.
    """
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "commit.tar"
        made = subprocess.run(
            ["git", "archive", "--output", archive, revision, "ttc_env", "agents"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise ValueError(f"git knows no commit {revision!r}: {made.stderr.strip()}")
        subprocess.run(["tar", "-xf", archive, "-C", folder], check=True)
        yield Path(folder)


def measure(tree: Path, arguments: list[str]) -> dict[str, float]:
    """The rows of one checkout, in an interpreter of their own."""
    command = [sys.executable, "-P", ROWS, *arguments]
    environment = os.environ | {"PYTHONPATH": str(tree)}
    run = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    if run.returncode:
        raise RuntimeError(f"the rows of {tree} failed:\n{run.stderr}")
    return json.loads(run.stdout.splitlines()[-1])


def table(ours: list[dict[str, float]], theirs: list[dict[str, float]], revision: str) -> str:
    """A line for each row: medians of both, and the median, least and most of the rounds' ratios."""
    lines = [f"{'':48} {revision[:12]:>12} {'here':>12}   here / {revision[:12]}"]
    for title in ours[0]:
        pairs = [(a[title], b[title]) for a, b in zip(ours, theirs, strict=True)]
        ratios = sorted(a / b for a, b in pairs)
        here, there = (statistics.median(side) for side in zip(*pairs, strict=True))
        spread = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        lines.append(f"{title:48} {there:12.3g} {here:12.3g}   {spread}")
    return "\n".join(lines)


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("revision", help="commit, branch or tag to compare with")
    parser.add_argument("--repeats", type=int, default=5, help="rounds")
    parser.add_argument("--seconds", default="0.3", help="length of each row's stretch in a round")
    parser.add_argument("--only", default="", help="rows whose title holds this")
    args = parser.parse_args()
    ours, theirs, words = [], [], ["--seconds", args.seconds, "--only", args.only]
    with checkout(args.revision) as tree:
        for turn in range(args.repeats):
            sides = [(ROOT, ours), (tree, theirs)]
            for folder, side in sides if turn % 2 else reversed(sides):
                side.append(measure(folder, words))
    print(table(ours, theirs, args.revision))


if __name__ == "__main__":
    main()
