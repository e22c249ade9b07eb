"""The one source of chance under every environment: uniform draws from seeded generators."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from ttc_env.arrays import Array, namespace
from ttc_env.checks import whole


class Uniform:
    """Uniform draws on [0, 1) of the backend, device and type of an example array.

    One generator serves all rows of a batch; after `seed_rows` each row has its own, and its draws are those it would
    get alone; after `seed_parts` so has each of several equal parts.
    """

    def __init__(self, like: Array) -> None:
        self.numpy = isinstance(like, np.ndarray)
        self.kind = {"dtype": like.dtype} if self.numpy else {"dtype": like.dtype, "device": like.device}
        self.generators: list[Any] = []

    def seed(self, seed: int | None) -> None:
        """Start one new stream for all rows; from the operating system's entropy if `seed` is None."""
        self.generators = [self._stream(seed)]

    def seed_rows(self, seeds: Sequence[int | None], rows: Sequence[bool]) -> None:
        """Start a stream for each of the masked rows from its seed; the others' go on, and those whose seed is None.

        Raises:
            ValueError: a seed that is none, another number of seeds than rows, or no stream that could go on.
        """
        if len(seeds) != len(rows):
            raise ValueError(f"seed must be one number or one for each of {len(rows)} markets, got {len(seeds)}")
        wanted = [seed if there else None for seed, there in zip(seeds, rows, strict=True)]
        if self.generators and len(self.generators) != len(rows) and None in wanted:
            raise ValueError(f"market {wanted.index(None)} has no stream of its own that could go on; seed all markets")
        going_on = self.generators if len(self.generators) == len(rows) else [None] * len(rows)
        self.generators = [
            self._stream(seed) if seed is not None or stream is None else stream
            for seed, stream in zip(wanted, going_on, strict=True)
        ]

    def seed_parts(self, seeds: Sequence[int]) -> None:
        """Start a stream for each of as many equal parts of the rows: runs that are played side by side."""
        self.generators = [self._stream(seed) for seed in seeds]

    def __call__(self, shape: tuple[int, ...], resting: Array | None = None) -> Array:
        """Draws of this shape; rows with a stream of their own take none of it where they are `resting`."""
        if not self.generators:
            self.seed(None)
        if len(self.generators) == 1 and resting is None:
            return self._draw(self.generators[0], shape)
        idle = [False] * len(self.generators) if resting is None else resting.tolist()
        streams = [None if rests else stream for stream, rests in zip(self.generators, idle, strict=True)]
        each = shape[0] // len(streams)
        rows = [self._draw(stream, (each, *shape[1:])) for stream in streams]
        return namespace(rows[0]).concat(rows)

    def get_state(self) -> list[Any]:
        """Where the streams stand."""
        return [copy.deepcopy(g.bit_generator.state if self.numpy else g.get_state()) for g in self.generators]

    def set_state(self, state: list[Any]) -> None:
        """Continue from `get_state`.

        Raises:
            ValueError: these are no states of generators of this backend; nothing has changed then.
        """
        generators = [self._stream(0) for _ in state]
        try:
            for generator, stands in zip(generators, state, strict=True):
                if self.numpy:
                    generator.bit_generator.state = stands
                else:
                    generator.set_state(stands)
        except (TypeError, ValueError, KeyError, RuntimeError, OverflowError) as error:
            raise ValueError(f"a generator of this state is none of this backend: {error}") from None
        self.generators = generators

    def _stream(self, seed: int | None) -> Any:
        if seed is not None:
            whole("seed", seed, least=0)
        if self.numpy:
            return np.random.default_rng(seed)
        import torch

        generator = torch.Generator(device=self.kind["device"])
        return generator.manual_seed(int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] >> 1))

    def _draw(self, stream: Any, shape: tuple[int, ...]) -> Array:
        """Draws from a stream; zeros from none."""
        if self.numpy:
            return np.zeros(shape, **self.kind) if stream is None else stream.random(shape, **self.kind)
        import torch

        return torch.zeros(shape, **self.kind) if stream is None else torch.rand(shape, generator=stream, **self.kind)

    def __getstate__(self) -> dict[str, Any]:
        return {"numpy": self.numpy, "kind": self.kind, "state": self.get_state()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.numpy, self.kind = state["numpy"], state["kind"]
        self.set_state(state["state"])
