"""Samples from a transformers model, prompts of equal length at once, on CPU or GPU.

Every sample draws from a generator of its own: apart from rounding it depends on its seed and prompt only, and the same
batch gives the same samples to the last bit.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from curves.engines import Batch, Request, Sample, Sampling, stop_tokens

_TAIL = 32  # tokens among which a stop string is looked for


class _Row(NamedTuple):
    request: int
    prompt: tuple[int, ...]
    seed: int
    max_tokens: int


class TransformersEngine:
    """See `curves.engines.Engine`."""

    name = "transformers"
    in_words = False

    def __init__(
        self,
        model: str,
        *,
        revision: str | None = None,
        dtype: str = "auto",
        device: str = "cpu",
        batch_size: int = 256,
    ) -> None:
        logging.disable_progress_bar()
        self.tokenizer = AutoTokenizer.from_pretrained(model, revision=revision, trust_remote_code=False)
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            model, revision=revision, dtype=dtype, use_safetensors=True, trust_remote_code=False
        )
        self.model = loaded.to(device).eval()
        self.dtype = str(self.model.dtype).removeprefix("torch.")
        self.revision = getattr(self.model.config, "_commit_hash", None) or revision
        self.device, self.batch_size = torch.device(device), batch_size
        self._stop = torch.tensor(stop_tokens(model, revision, self.tokenizer), device=device)

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Batch:
        """Samples for every request, in order; prompts of equal length run together, `batch_size` samples at a time."""
        rows = [
            _Row(q, request.prompt, request.seed + i, request.max_tokens)
            for q, request in enumerate(requests)
            for i in range(request.n)
        ]
        rows.sort(key=lambda row: (len(row.prompt), row.max_tokens))  # stable: samples of a request stay in order
        samples: list[list[Sample]] = [[] for _ in requests]
        prefill = decode = 0.0
        for _, alike in groupby(rows, key=lambda row: (len(row.prompt), row.max_tokens)):
            together = list(alike)
            for start in range(0, len(together), self.batch_size):
                part = together[start : start + self.batch_size]
                found, reading, writing = self._generate(part, sampling)
                prefill, decode = prefill + reading, decode + writing
                for row, sample in zip(part, found, strict=True):
                    samples[row.request].append(sample)
        return Batch(samples, prefill, decode)

    @torch.inference_mode()
    def _generate(self, rows: Sequence[_Row], sampling: Sampling) -> tuple[list[Sample], float, float]:
        """One sample per row; all prompts have the same length, and each distinct one is read once."""
        started, limit = self._clock(), rows[0].max_tokens
        draws = torch.stack([_uniforms(row.seed, limit) for row in rows]).to(self.device)
        distinct = list(dict.fromkeys(row.prompt for row in rows))
        which = torch.tensor([distinct.index(row.prompt) for row in rows], device=self.device)
        output = self.model(input_ids=torch.tensor(distinct, device=self.device), use_cache=True)
        cache = output.past_key_values
        cache.batch_select_indices(which)
        logits = output.logits[:, -1][which]
        read = self._clock()
        tokens = torch.zeros((len(rows), 0), dtype=torch.long, device=self.device)
        logprob = torch.zeros(len(rows), dtype=torch.float64, device=self.device)
        length = torch.full((len(rows),), limit, device=self.device)
        stopped = torch.zeros(len(rows), dtype=torch.bool, device=self.device)
        for t in range(limit):
            logits = logits.double()
            chosen = draw_tokens(logits, draws[:, t], sampling)
            logprob += torch.where(stopped, 0.0, logits.log_softmax(-1).gather(1, chosen[:, None])[:, 0])
            tokens = torch.cat([tokens, chosen[:, None]], dim=1)
            ends = torch.isin(chosen, self._stop) | self._at_stop_string(tokens, sampling.stop)
            length = torch.where(ends & ~stopped, t + 1, length)
            stopped |= ends
            if stopped.all() or t + 1 == limit:
                break
            logits = self.model(input_ids=chosen[:, None], past_key_values=cache, use_cache=True).logits[:, -1]
        columns = zip(tokens.tolist(), length.tolist(), stopped.tolist(), logprob.tolist(), strict=True)
        found = [Sample(tuple(row[:end]), "stop" if done else "length", total) for row, end, done, total in columns]
        return found, read - started, self._clock() - read

    def _at_stop_string(self, tokens: torch.Tensor, stop: tuple[str, ...]) -> torch.Tensor:
        if not stop:
            return torch.zeros(len(tokens), dtype=torch.bool, device=self.device)
        texts = self.tokenizer.batch_decode(tokens[:, -_TAIL:])
        return torch.tensor([any(string in text for string in stop) for text in texts], device=self.device)

    def _clock(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()


def _uniforms(seed: int, number: int) -> torch.Tensor:
    return torch.rand(number, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def draw_tokens(logits: torch.Tensor, uniform: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """A token per row by inverting the distribution at `uniform`, `(n,)`; temperature 0 takes the likeliest.

    `logits` are `(n, vocabulary)` in double precision. `top_p` keeps the likeliest tokens until their probabilities
    reach it.
    """
    if sampling.temperature == 0:
        return logits.argmax(-1)
    chance, order = (logits / sampling.temperature).softmax(-1).sort(dim=-1, descending=True, stable=True)
    total = chance.cumsum(-1)
    kept = (total - chance) < sampling.top_p
    total = torch.where(kept, total, (chance * kept).sum(-1, keepdim=True))
    place = torch.searchsorted(total, (uniform[:, None] * total[:, -1:]), right=True)
    place = torch.minimum(place, kept.sum(-1, keepdim=True) - 1)  # where rounding puts the draw beyond the last
    return order.gather(1, place)[:, 0]
