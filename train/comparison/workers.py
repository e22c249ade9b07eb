"""Work spread over processes of this machine or a Ray cluster, by joblib."""

from __future__ import annotations

import itertools
import logging
import os
import signal
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from joblib import Parallel, delayed, parallel_config, register_parallel_backend
from joblib.externals.loky import get_reusable_executor

from ttc_env.scripting.signals import SIGNALS

ROOT = Path(__file__).resolve().parents[2]
NOT_SENT = [".git", ".venv", ".venv-vllm", "runs", "raw", "build", "dist"]  # to the machines of a cluster
LOOK = 1.0  # seconds between two looks of a worker at whether it is still wanted

Item = TypeVar("Item")
Result = tuple[Item, Any, str | None]


def run_all(
    work: Callable[[Item], Any], items: Iterable[Item], jobs: int, backend: str, address: str | None = None
) -> Generator[Result[Item], None, None]:
    """Yield `(item, result, None)` as results come, or `(item, None, traceback)` where the work raised an error.

    Close the generator to end what is still running. Workers end by themselves when this process is killed.

    Args:
        work: a function of a module that the workers can import.
        items: what it is called with, taken one by one as workers are free.
        jobs: how many at a time.
        backend: `"serial"`, in this process; `"processes"`; or `"ray"`.
        address: of a Ray cluster; without one a local Ray is started, and ended at the end.

    Raises:
        ValueError: Ray is not installed or there is no cluster.
    """
    items = iter(items)
    if backend == "serial" or (backend == "processes" and jobs == 1):  # one process is this one
        yield from (_attempt(work, item) for item in items)
    elif (first := next(items, None)) is not None:
        items = itertools.chain([first], items)
        yield from _on_ray(work, items, jobs, address) if backend == "ray" else _in_processes(work, items, jobs)


def _in_processes(work: Callable[[Item], Any], items: Iterable[Item], jobs: int) -> Iterator[Result[Item]]:
    try:
        with parallel_config(backend="loky"), warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"\d+ tasks", UserWarning)  # of those that end when all is stopped
            yield from Parallel(jobs, return_as="generator_unordered", batch_size=1, pre_dispatch=jobs)(
                delayed(_attempt_of)(os.getpid(), os.getcwd(), work, item) for item in items
            )
    except BaseException:
        get_reusable_executor().shutdown(wait=False, kill_workers=True)
        raise


def _on_ray(work: Callable[[Item], Any], items: Iterable[Item], jobs: int, address: str | None) -> Iterator[Result]:
    with _ray(jobs, address):
        yield from Parallel(jobs, return_as="generator_unordered", batch_size=1, pre_dispatch=jobs)(
            delayed(_attempt)(work, item) for item in items
        )


@contextmanager
def _ray(jobs: int, address: str | None) -> Iterator[None]:
    """Joblib on Ray; the workers get a copy of this checkout, and import from this folder too where it exists."""
    try:
        import ray
        from ray.util.joblib.ray_backend import RayBackend
    except ImportError:
        raise ValueError("--backend ray needs the extra `ray`: pip install -e '.[train,ray]'") from None

    class Backend(RayBackend):
        supports_return_generator = True  # its pool calls back; joblib asks for more only of multiprocessing's own

    runtime = {"working_dir": str(ROOT), "excludes": NOT_SENT, "env_vars": {"PYTHONPATH": os.getcwd()}}
    local = {"num_cpus": jobs, "include_dashboard": False} if address is None else {"address": address}
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        ray.init(**local, runtime_env=runtime, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError) as error:
        raise ValueError(f"no Ray cluster at {address}: {error}") from None
    register_parallel_backend("ray", Backend)
    try:
        with parallel_config(backend="ray"):
            yield
    finally:
        ray.shutdown()


def _attempt(work: Callable[[Item], Any], item: Item) -> Result[Item]:
    try:
        return item, work(item), None
    except Exception:
        return item, None, traceback.format_exc()


def _attempt_of(parent: int, folder: str, work: Callable[[Item], Any], item: Item) -> Result[Item]:
    """In a worker: an attempt that lasts no longer than the process that asked for it, in that one's folder."""
    _end_with(parent)
    os.chdir(folder)
    return _attempt(work, item)


_watched: set[int] = set()


def _end_with(parent: int) -> None:
    """End this process when its parent has ended, even by SIGKILL; signals are for the parent, who ends its workers."""
    if parent in _watched:
        return
    _watched.add(parent)
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
