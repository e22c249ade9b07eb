"""Help and wrong arguments of every script load nothing that takes seconds, and every script can be stopped."""

import ast
import subprocess
from pathlib import Path

import pytest

from tests.helpers.scripts import ROOT, run_python

SCRIPTS = sorted(
    path.stem for path in (ROOT / "train").glob("*.py") if "__main__" in path.read_text(encoding="utf-8")
)  # fmt: skip
QUICK = [script for script in SCRIPTS if script != "compare_mechanisms"]  # a study of its own, all tables and figures
SLOW = {"torch", "matplotlib", "pandas", "stable_baselines3", "joblib", "tensorboard", "ray"}
CODE = """
import runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as left:
    print("status", left.code)
print(*{name.split(".")[0] for name in sys.modules})
"""
WRONG = {"run": [("--market", "nowhere"), ("--steps", "0"), ("--device", "meta"), ("--config.horizon", "0")]}


@pytest.mark.long
@pytest.mark.parametrize(
    ("script", "words"),
    [(script, words) for script in QUICK for words in [("--help",), ("--no-such-option",), *WRONG.get(script, [])]],
    ids=str,
)
def test_help_and_wrong_arguments_load_nothing_slow(script, words, tmp_path):
    done = run_python(CODE, ROOT / "train" / f"{script}.py", *words, folder=tmp_path)
    status, loaded = done.stdout.splitlines()[-2:]
    assert status == ("status 0" if words == ("--help",) else "status 2"), done.stdout + done.stderr
    assert not SLOW & set(loaded.split())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_ends_in_one_line(script):
    assert "errors_in_one_line(" in (ROOT / "train" / f"{script}.py").read_text(encoding="utf-8")


def test_no_test_starts_a_process_by_itself():
    """What `tests.helpers.scripts` starts, it ends."""
    starts = {"Popen", *(name for name in ("run", "call", "check_call", "check_output") if hasattr(subprocess, name))}
    for path in Path(ROOT / "tests").rglob("*.py"):
        if path.name in ("scripts.py", "run.py", "versions.py") or {"benchmarks", "kills", "mutation"} & {*path.parts}:
            continue  # scripts, no tests
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "subprocess":
                assert node.attr not in starts, f"{path}, line {node.lineno}"
