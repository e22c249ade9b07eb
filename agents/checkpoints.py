"""Checkpoints: nested states of arrays and numbers in one safetensors file, which holds data and never code.

Beside the arrays the file has one JSON text: format, version, the tree with references to the arrays, and a hash over
all of it, so that a file that was truncated, damaged, written by something else or by a later version is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

CHECKPOINT, PREVIOUS = "checkpoint.safetensors", "checkpoint.previous.safetensors"
FORMAT, VERSION = "ttc_env checkpoint", 2
ARRAY, TENSOR, TUPLE, PAIRS = "$array", "$tensor", "$tuple", "$pairs"


def write(path: Path, state: Any) -> None:
    """Write nested dicts, lists and tuples of arrays, tensors, numbers, strings, booleans and None; equal states alike.

    Raises:
        TypeError: something else in it.
        OSError: the disk is full.
    """
    from safetensors.numpy import save

    arrays: dict[str, np.ndarray] = {}
    tree = json.dumps(_encoded(state, arrays), sort_keys=True)
    head = {"format": FORMAT, "version": VERSION, "tree": tree, "hash": _hash(tree, arrays)}
    path.write_bytes(save(arrays, metadata={"checkpoint": json.dumps(head)}))


def read(path: Path) -> Any:
    """What `write` was given, tuples that had names as plain ones.

    Raises:
        ValueError: the file is not there, truncated, damaged, foreign, or of a later version; naming it.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            head = json.loads((file.metadata() or {}).get("checkpoint", "null"))
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise ValueError(f"there is no checkpoint {path}") from None
    except (SafetensorError, ValueError) as error:
        raise ValueError(f"{path} is truncated, damaged or no checkpoint: {error}") from None
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise ValueError(f"{path} is no checkpoint of a run")
    lacking = {"version", "tree", "hash"} - set(head)
    if lacking:
        raise ValueError(f"{path} is damaged: it lacks {', '.join(sorted(lacking))}")
    if head["version"] != VERSION:
        raise ValueError(f"{path} is of version {head['version']}, and this reads version {VERSION}")
    if head["hash"] != _hash(head["tree"], arrays):
        raise ValueError(f"{path} is damaged: its content is not what was written")
    return _decoded(json.loads(head["tree"]), arrays)


def latest(folder: Path) -> Any:
    """The last checkpoint of a run that is whole; the one before it where a machine lost the last one.

    Raises:
        ValueError: neither is, saying what is wrong with the last one.
    """
    try:
        return read(folder / CHECKPOINT)
    except ValueError:
        if not (folder / PREVIOUS).exists():
            raise
        return read(folder / PREVIOUS)


def _encoded(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """The value as JSON, its arrays put aside under the numbers that stand for them."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        if all(isinstance(key, str) and not key.startswith("$") for key in value):
            return {key: _encoded(value[key], arrays) for key in sorted(value)}
        return {
            PAIRS: [
                [_encoded(key, arrays), _encoded(inner, arrays)]
                for key, inner in sorted(value.items(), key=lambda pair: repr(pair[0]))
            ]
        }
    if isinstance(value, tuple):
        return {TUPLE: [_encoded(inner, arrays) for inner in value]}
    if isinstance(value, list):
        return [_encoded(inner, arrays) for inner in value]
    is_tensor = hasattr(value, "detach")
    if not (is_tensor or isinstance(value, np.ndarray | np.generic)):
        raise TypeError(f"a checkpoint holds arrays, numbers and strings, got {type(value).__name__}")
    name = f"{len(arrays):05d}"
    arrays[name] = np.array(value.detach().cpu().numpy() if is_tensor else value, order="C")
    return {TENSOR if is_tensor else ARRAY: name}


def _decoded(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, list):
        return [_decoded(inner, arrays) for inner in value]
    if not isinstance(value, dict):
        return value
    if ARRAY in value:
        return arrays[value[ARRAY]]
    if TENSOR in value:
        import torch

        return torch.from_numpy(arrays[value[TENSOR]].copy())
    if TUPLE in value:
        return tuple(_decoded(inner, arrays) for inner in value[TUPLE])
    if PAIRS in value:
        return {_decoded(key, arrays): _decoded(inner, arrays) for key, inner in value[PAIRS]}
    return {key: _decoded(inner, arrays) for key, inner in value.items()}


def _hash(tree: str, arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256(tree.encode())
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()
