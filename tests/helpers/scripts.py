"""Entry points, called in this process, which saves the seconds that importing torch takes, or as a user calls them.

Every process of a test is started here, and none outlives it: the whole group is ended, whatever happens.
"""

import contextlib
import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 240  # seconds


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
    done = run_command([sys.executable, ROOT / script, *words], folder, **options)
    return SimpleNamespace(returncode=done.returncode, said=done.stdout + done.stderr)


def run_python(code, *words, folder=ROOT, **options):
    """Run a piece of Python as a process of its own; returns its `returncode`, `stdout` and `stderr`."""
    return run_command([sys.executable, "-c", code, *words], folder, **options)


def run_command(command, folder, limit=LIMIT, **options):
    """Run a command; returns its `returncode`, `stdout` and `stderr`."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with started(command, folder, **pipes | options) as process:
        stdout, stderr = process.communicate(timeout=limit)
    return SimpleNamespace(returncode=process.returncode, stdout=stdout, stderr=stderr)


@contextlib.contextmanager
def started(command, folder, **options):
    """A process that leads a group of its own; at the end whoever of the group still runs is killed."""
    options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | options
    process = subprocess.Popen(list(map(str, command)), cwd=folder, start_new_session=True, **options)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe:
                pipe.close()
        process.wait(timeout=30)
