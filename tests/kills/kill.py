"""Kills every script that can go on, at random moments, and counts what is lost.

    python tests/kills/kill.py                                # 20 times kill -9 and 10 times SIGTERM, each script
    python tests/kills/kill.py --kills 2 --terms 1 --only run.py

One half of the moments is anywhere in a run, the other half just after something was finished. After each, what had
been finished before must still be there, no process may be left, and in the end results must equal those of a run
that nothing disturbed. Exits with 1 where anything was lost. Works in a temporary folder; results that differ are kept.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).parent))

from victims import Victim, make_tiny_model, victims

PATIENCE = 30  # seconds in which the workers of what was killed must end
LIMIT = 600  # seconds of one start


def members(group: int) -> int:
    """Processes of a group that still run; zombies do not."""
    found = subprocess.run(["ps", "-o", "stat=", "-g", str(group)], capture_output=True, text=True, check=False)
    return sum(not line.startswith("Z") for line in found.stdout.split())


def begin(victim: Victim, folder: Path) -> subprocess.Popen[bytes]:
    """Start it, or let it go on, as the leader of a group."""
    with open(folder / "said", "ab") as said:
        words = list(map(str, victim.start(folder)))
        return subprocess.Popen(words, cwd=folder, start_new_session=True, stdout=said, stderr=said)


def undisturbed(victim: Victim, folder: Path) -> float:
    """Let it run to its end; returns the seconds this took."""
    started, process = time.monotonic(), begin(victim, folder)
    try:
        if process.wait(LIMIT) != 0:
            raise RuntimeError(
                f"{victim.name} failed by itself: {(folder / 'said').read_text(errors='replace')[-500:]}"
            )
    finally:
        end(process)
    return time.monotonic() - started


def end(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing of the group behind."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(LIMIT)


def interrupt(victim: Victim, folder: Path, how: signal.Signals, seconds: float, rng: random.Random) -> Counter[str]:
    """Start it and end it at a random moment; counts what came of it."""
    counts: Counter[str] = Counter()
    before, process = victim.finished(folder), begin(victim, folder)
    try:
        if rng.random() < 0.5:  # just after something was finished
            deadline = time.monotonic() + LIMIT
            while process.poll() is None and time.monotonic() < deadline and len(_read(victim, folder)) <= len(before):
                time.sleep(0.01)
            time.sleep(rng.uniform(0, 0.2))
        else:
            with suppress(subprocess.TimeoutExpired):
                process.wait(rng.uniform(0, seconds))
        if process.poll() is not None:
            counts["ended first"] += 1
            return counts
        process.send_signal(how)  # to the script alone: its workers must notice
        process.wait(LIMIT)
        counts["kill -9" if how == signal.SIGKILL else "SIGTERM"] += 1
        deadline = time.monotonic() + PATIENCE
        while (left := members(process.pid)) and time.monotonic() < deadline:
            time.sleep(0.1)
        counts["orphans"] += left
    finally:
        end(process)
    now = victim.finished(folder)  # raises where it cannot be read any more
    counts["lost"] += now[: len(before)] != before
    counts["gone on"] += len(now) > len(before)
    return counts


def _read(victim: Victim, folder: Path) -> list[object]:
    try:
        return victim.finished(folder)
    except (OSError, ValueError):  # it is being written just now
        return []


def attack(victim: Victim, place: Path, kills: int, terms: int, rng: random.Random) -> Counter[str]:
    """Kill one script so often, and see what it has in the end."""
    whole, folder = place / "whole", place / "it"
    whole.mkdir(parents=True)
    folder.mkdir()
    seconds = undisturbed(victim, whole)
    expected, counts = victim.result(whole), Counter[str]()
    ways = [signal.SIGKILL] * kills + [signal.SIGTERM] * terms
    rng.shuffle(ways)
    while ways:
        counts += (found := interrupt(victim, folder, ways[-1], seconds, rng))
        if not found["ended first"]:
            ways.pop()
        else:
            counts["different"] += differs(victim.result(folder), expected, folder)
            shutil.rmtree(folder)
            folder.mkdir()
    undisturbed(victim, folder)
    counts["different"] += differs(victim.result(folder), expected, folder)
    return counts


def differs(found: dict[str, object], expected: dict[str, object], folder: Path) -> bool:
    """Whether two results differ; where they do, it says in what and keeps the folder."""
    names = [name for name in expected if found[name] != expected[name]]
    if names:
        kept = Path(tempfile.mkdtemp(prefix="killed-"))
        shutil.copytree(folder, kept / "it")
        shutil.copytree(folder.with_name("whole"), kept / "whole")
        print(f"different: {', '.join(names)}; see {kept}", flush=True)
    return bool(names)


def main() -> int:
    """Attack the scripts asked for and say what was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="times kill -9, each script")
    parser.add_argument("--terms", type=int, default=10, help="times SIGTERM, each script")
    parser.add_argument("--only", default="", metavar="SCRIPT", help="this script alone")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    args = parser.parse_args()
    total, columns = Counter[str](), ("kill -9", "SIGTERM", "gone on", "ended first", "lost", "orphans", "different")
    with tempfile.TemporaryDirectory() as place:
        tiny = Path(place, "tiny")
        tiny.mkdir()
        chosen = [victim for victim in victims(tiny) if args.only in victim.name]
        if any(victim.name == "measure.py" for victim in chosen):
            make_tiny_model(tiny)
        for victim in chosen:
            counts = attack(victim, Path(place, victim.name), args.kills, args.terms, random.Random(args.seed))
            total += counts
            print(f"{victim.name:13}", ", ".join(f"{name} {counts[name]}" for name in columns), flush=True)
    print(f"{'all':13}", ", ".join(f"{name} {total[name]}" for name in columns))
    return int(bool(total["lost"] + total["orphans"] + total["different"]))


if __name__ == "__main__":
    sys.exit(main())
