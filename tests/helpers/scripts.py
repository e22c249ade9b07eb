"""Entry points, called in this process, which saves the seconds that importing torch takes, or as a user calls them."""

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parents[2]


def run_here(command_line, folder, *words):
    """Call a script's `command_line` in a folder; returns its `returncode` and what it `said`."""
    said, before = io.StringIO(), Path.cwd()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        os.chdir(folder)
        try:
            code = command_line([str(word) for word in words])
        except SystemExit as left:  # the parser of arguments leaves so
            code = left.code or 0
        finally:
            os.chdir(before)
    return SimpleNamespace(returncode=code, said=said.getvalue())


def run_apart(script, folder, *words, **options):
    """Run a script of the checkout as a process of its own in a folder; returns its `returncode` and what it `said`."""
    command = [sys.executable, str(ROOT / script), *map(str, words)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, **options)
    return SimpleNamespace(returncode=done.returncode, said=done.stdout + done.stderr)
