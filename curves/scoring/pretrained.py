"""Loads what scores answers, without running code that comes with it."""

from __future__ import annotations

from typing import Any


def from_pretrained(kind: Any, model: str, revision: str | None, **options: Any) -> Any:
    """A configuration, tokenizer or model of transformers by its Auto class, remote code off.

    Raises:
        ValueError: it cannot be loaded, with the first line of why.
    """
    try:
        return kind.from_pretrained(model, revision=revision, trust_remote_code=False, **options)
    except Exception as error:  # loaders raise whatever their parts raise
        raise ValueError(f"cannot load reward model {model!r}: {str(error).strip().splitlines()[0]}") from error
