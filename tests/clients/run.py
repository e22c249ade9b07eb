"""Runs other libraries on these environments, each group in an environment of its own under .venv-clients/.

    python tests/clients/run.py                  # all; the first time minutes, to install
    python tests/clients/run.py torchrl

A group is a file of pinned requirements in tests/clients/requirements/ and the tests named in GROUPS.
Needs Python only.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
GROUPS = {
    "farama": ("test_gymnasium.py", "test_supersuit.py", "test_sb3_contrib.py", "test_cleanrl_style.py"),
    "torchrl": ("test_torchrl.py",),
    "rllib": ("test_rllib.py",),
    "skrl": ("test_skrl.py",),
    "benchmarl": ("test_benchmarl.py",),
    "tianshou": ("test_tianshou.py",),
    "agilerl": ("test_agilerl.py",),
}
SHARED = ("torch==2.13.0", "pytest==9.2.0")


def environment(group: str) -> Path:
    """The Python of a group, installed anew where what it needs has changed."""
    folder, file = ROOT / ".venv-clients" / group, HERE / "requirements" / f"{group}.txt"
    python, stamp, wanted = folder / "bin" / "python", folder / "stamp", "\n".join([*SHARED, file.read_text()])
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"installing {group}", flush=True)
        venv.create(folder, clear=True, with_pip=True, symlinks=True)
        words = ["-m", "pip", "install", "--quiet", *SHARED, "--requirement", file, "--editable", ROOT]
        subprocess.run([python, *words], check=True)
        stamp.write_text(wanted)
    return python


def main() -> int:
    """Run the groups asked for; 1 where a test failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)}; all where none is named")
    groups = parser.parse_args().groups or list(GROUPS)
    if unknown := set(groups) - set(GROUPS):
        parser.error(f"there is no group {', '.join(sorted(unknown))}; groups are {', '.join(GROUPS)}")
    failed = False
    for group in groups:
        # the conftest of all tests needs what these environments do not have
        options = ["-q", "--noconftest", "-o", "addopts=--import-mode=importlib --strict-markers"]
        files = [HERE / name for name in GROUPS[group]]
        command = [environment(group), "-m", "pytest", *options, *files]
        print(group, flush=True)
        done = subprocess.run(command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, check=False)
        failed |= done.returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
