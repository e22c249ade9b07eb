"""Run tests of the library under the oldest and the newest dependencies it declares, in environments of their own.

    python tests/versions.py                # Python 3.10 to 3.13, as far as they are on this machine
    python tests/versions.py 3.10           # the oldest alone

The first Python takes the lower bounds in pyproject.toml, all others what is newest. Runs the files in FILES, as far as
they need nothing but the library's dependencies and Pillow. Environments are kept in .venv-versions/.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
FILES = (
    *("test_batch", "test_conformance", "test_curves", "test_describing", "test_golden", "test_mixed_play"),
    *("test_opponents", "test_paper", "test_statistics", "test_suites"),
)
CHOSEN = ("-m", "not slow and not long", "-k", "not torch and not backends")
NAMES = ("numpy", "gymnasium", "pettingzoo", "array-api-compat", "pillow")


def bounds() -> list[str]:
    """The dependencies of the library and of the extra `render` at their lower bounds, as pip's requirements."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    blocks = re.findall(r"^(?:dependencies|render) = \[(.*?)\]$", text, re.M | re.S)
    return [one.replace(">=", "==", 1) for block in blocks for one in re.findall(r'"(.*?)"(?:,|$)', block, re.M)]


def is_here(version: str) -> bool:
    """Whether this Python starts."""
    try:
        return subprocess.run([f"python{version}", "-c", ""], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def environment(version: str) -> Path:
    """The Python of an environment with the library, installed anew where pyproject.toml has changed."""
    folder, wanted = ROOT / ".venv-versions" / version, (ROOT / "pyproject.toml").read_text("utf-8")
    python, stamp = folder / "bin" / "python", folder / "stamp"
    if not stamp.exists() or stamp.read_text("utf-8") != wanted:
        print(f"installing for Python {version}", flush=True)
        subprocess.run([f"python{version}", "-m", "venv", "--clear", folder], check=True)
        oldest = bounds() if version == PYTHONS[0] else []
        words = ["install", "--quiet", "--editable", f"{ROOT}[render]", "pytest", "hypothesis", *oldest]
        subprocess.run([python, "-m", "pip", *words], check=True)
        stamp.write_text(wanted, "utf-8")
    return python


def main() -> int:
    """Run the tests under each Python asked for; 1 where a test failed, or where none could be run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "pythons", nargs="*", metavar="PYTHON", help=f"of {', '.join(PYTHONS)}; all where none is named"
    )
    asked = parser.parse_args().pythons or list(PYTHONS)
    if unknown := set(asked) - set(PYTHONS):
        parser.error(f"Python {', '.join(sorted(unknown))} is not supported; there are {', '.join(PYTHONS)}")
    here = [version for version in asked if is_here(version)]
    for version in asked:
        if version not in here:
            print(f"Python {version} is not on this machine: left out")
    failed = not here
    options = ["-q", "--noconftest", "-o", "addopts=--import-mode=importlib --strict-markers", *CHOSEN]
    for version in here:
        python = environment(version)
        print(f"Python {version}:", end=" ", flush=True)
        said = f"import importlib.metadata as m; print(*(name + ' ' + m.version(name) for name in {NAMES}), sep=', ')"
        subprocess.run([python, "-c", said], check=True)
        files = [ROOT / "tests" / f"{name}.py" for name in FILES]
        failed |= subprocess.run([python, "-m", "pytest", *options, *files], cwd=ROOT, check=False).returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
