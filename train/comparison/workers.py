"""Work spread over processes of this machine or a Ray cluster, by joblib."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from joblib import Parallel, delayed, parallel_config, register_parallel_backend

ROOT = Path(__file__).resolve().parents[2]
NOT_SENT = [".git", ".venv", ".venv-vllm", "runs", "raw", "build", "dist"]  # to the machines of a cluster

Item = TypeVar("Item")


def run_all(
    work: Callable[[Item], Any], items: Iterable[Item], jobs: int, backend: str, address: str | None = None
) -> Iterator[tuple[Item, Any, str | None]]:
    """Yield `(item, result, None)` as results come, or `(item, None, traceback)` where the work raised an error.

    Args:
        work: a function of a module that the workers can import.
        items: what it is called with, one by one.
        jobs: how many at a time.
        backend: `"serial"`, in this process; `"processes"`; or `"ray"`.
        address: of a Ray cluster; without one a local Ray is started, and ended at the end.

    Raises:
        ValueError: Ray is not installed or there is no cluster.
    """
    if backend == "serial":
        yield from (_attempt(work, item) for item in items)
        return
    with _ray(jobs, address) if backend == "ray" else parallel_config(backend="loky"):
        yield from Parallel(jobs, return_as="generator_unordered", batch_size=1)(
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
        ray.init(**local, runtime_env=runtime, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, RuntimeError) as error:
        raise ValueError(f"no Ray cluster at {address}: {error}") from None
    register_parallel_backend("ray", Backend)
    try:
        with parallel_config(backend="ray"):
            yield
    finally:
        ray.shutdown()


def _attempt(work: Callable[[Item], Any], item: Item) -> tuple[Item, Any, str | None]:
    try:
        return item, work(item), None
    except Exception:
        return item, None, traceback.format_exc()
