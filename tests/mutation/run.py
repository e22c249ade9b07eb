"""Puts one fault at a time into a copy of the project and runs the tests that must notice it.

    python tests/mutation/run.py               # all, some ten minutes
    python tests/mutation/run.py --every 4     # each fourth: the reduced form for CI
    python tests/mutation/run.py --only tie    # those whose description holds the word

Needs a system that forks. Exits with 1 where a fault survives without an explanation, or no longer fits the code.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import gymnasium  # noqa: F401  for the forks
import hypothesis  # noqa: F401
import pettingzoo  # noqa: F401
import pytest
import torch  # noqa: F401

sys.path.insert(0, str(Path(__file__).parent))

from faults import FAULTS, Fault

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 300  # a fault that keeps tests from ending is noticed too
NO_SHRINKING = """
from hypothesis import Phase
settings.register_profile("faults", settings.get_profile("default"), phases=(Phase.explicit, Phase.generate))
settings.load_profile("faults")
"""  # whether a test fails is asked here, not on what example it does
CAUGHT, SURVIVED, EXPLAINED, MISFIT, RED = "caught", "survived", "explained", "does not fit", "red without it"


def copy_of_the_project(folder: Path) -> Path:
    """The files that belong to the project, in a folder of their own."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    with (folder / "tests" / "conftest.py").open("a", encoding="utf-8") as settings:
        settings.write(NO_SHRINKING)
    return folder


def failed(folder: Path, tests: str) -> bool:
    """Whether one of the tests fails in the copy, or does not end; in a fork, which has the slow imports already."""
    child = multiprocessing.get_context("fork").Process(target=_run_tests, args=(folder, tests))
    child.start()
    child.join(SECONDS)
    if child.is_alive():
        child.kill()
        child.join()
        return True
    if child.exitcode in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise ValueError(f"there is no such test: {tests}")
    return child.exitcode != pytest.ExitCode.OK  # an import that fails is noticed as well


def _run_tests(folder: Path, tests: str) -> None:
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    os._exit(int(pytest.main(["-x", "-q", "-m", "not slow", "-p", "no:cacheprovider", *tests.split()])))


def attempt(fault: Fault, folder: Path) -> str:
    """What becomes of a fault."""
    path = folder / fault.file
    content = path.read_text(encoding="utf-8")
    if content.count(fault.before) != 1:
        return MISFIT
    path.write_text(content.replace(fault.before, fault.after), encoding="utf-8")
    try:
        noticed = failed(folder, fault.tests)
    finally:
        path.write_text(content, encoding="utf-8")
    return CAUGHT if noticed else SURVIVED


def main() -> int:
    """Try the faults asked for and say what became of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only each N-th fault")
    parser.add_argument("--only", default="", metavar="WORD", help="only faults whose description or file holds it")
    parser.add_argument("--check-green", action="store_true", help="see first that the tests pass without the fault")
    args = parser.parse_args()
    if args.every < 1:
        parser.error(f"--every must be at least 1, got {args.every}")
    chosen = [fault for fault in FAULTS[:: args.every] if args.only in fault.what or args.only in fault.file]
    fates: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as place:
        folder = copy_of_the_project(Path(place))
        for number, fault in enumerate(chosen, start=1):
            started = time.perf_counter()
            fate = RED if args.check_green and failed(folder, fault.tests) else attempt(fault, folder)
            fate = EXPLAINED if fate == SURVIVED and fault.why else fate
            fates[fate] += 1
            seconds = time.perf_counter() - started
            why = f" ({fault.why})" if fate == EXPLAINED else ""
            print(f"{number:3}/{len(chosen)} {fate:10} {seconds:5.1f} s  {fault.file}: {fault.what}{why}", flush=True)
    print(f"{len(chosen)} faults put in: " + ", ".join(f"{count} {fate}" for fate, count in sorted(fates.items())))
    return int(bool(fates[SURVIVED] + fates[MISFIT] + fates[RED]))


if __name__ == "__main__":
    sys.exit(main())
