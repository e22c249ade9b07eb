"""Engines that generate samples: vLLM and transformers behind one interface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from curves.engines.server_engine import ServerEngine


class Request(NamedTuple):
    """`n` samples of one prompt; sample `i` has the seed `seed + i`, so seeds are strided by at least `n`."""

    prompt: tuple[int, ...]
    n: int
    seed: int
    max_tokens: int


class Sampling(NamedTuple):
    """How every token is drawn, and the strings that end a sample besides the model's own end."""

    temperature: float = 1.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()


class Sample(NamedTuple):
    """Generated tokens, why it ended (`length` at the limit), and the sum of the model's log probabilities.

    Of a server there is the number of tokens alone, `served`, and its own word for the end.
    """

    tokens: tuple[int, ...]
    finish: str
    logprob: float | None
    served: int | None = None

    @property
    def num_tokens(self) -> int:
        """How many tokens were generated."""
        return len(self.tokens) if self.served is None else self.served


class Batch(NamedTuple):
    """The samples of each request; seconds spent reading prompts and generating, None where the two overlap."""

    samples: list[list[Sample]]
    prefill_seconds: float | None
    decode_seconds: float | None
    prompt_tokens: int | None = None
    """that were read, where a server says so"""


class Engine(Protocol):
    """A loaded model."""

    name: str
    in_words: bool
    """it is asked in messages, by `converse`, and not in tokens; see `curves.engines.server_engine`"""
    tokenizer: Any
    dtype: str
    revision: str | None

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Batch:
        """Samples for every request, in order."""
        ...


def load_engine(name: Literal["vllm", "transformers", "server"], model: str, **options: Any) -> Engine | ServerEngine:
    """A model in an engine.

    Args:
        name: which engine.
        model: id on the hub, or a folder; safetensors only, and no code of the model's own is run.
        options: `revision`, `dtype`, `device` (transformers), `tensor_parallel` (vllm); of a server those of
            `ServerEngine`.

    Raises:
        ValueError: the model cannot be loaded, or the engine is not installed.
    """
    try:
        if name == "vllm":
            from curves.engines.vllm_engine import VLLMEngine

            return VLLMEngine(model, **options)
        if name == "server":
            from curves.engines.server_engine import ServerEngine

            return ServerEngine(model, **options)
        from curves.engines.transformers_engine import TransformersEngine

        return TransformersEngine(model, **options)
    except ImportError as error:
        raise ValueError(f"engine {name} is not installed here: {error}") from None
    except Exception as error:  # loaders raise whatever their parts raise
        reason = str(error).strip().splitlines()
        raise ValueError(f"cannot load model {model!r}: {reason[0] if reason else type(error).__name__}") from error


def stop_tokens(model: str, revision: str | None, tokenizer: Any) -> list[int]:
    """The tokens that end an answer: of the model's generation configuration, else of its tokenizer."""
    from transformers import GenerationConfig

    try:
        found = GenerationConfig.from_pretrained(model, revision=revision or "main").eos_token_id
    except OSError:
        found = None
    found = tokenizer.eos_token_id if found is None else found
    return sorted({found} if isinstance(found, int) else set(found or ()))
