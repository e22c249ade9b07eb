"""Samples from a model in vLLM's offline engine: all requests of a batch at once, one GPU or several.

vLLM gives child sample `i` of a request the seed `seed + i`, the same convention as `curves.engines.Request`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vllm import LLM, SamplingParams
from vllm.inputs import TokensPrompt
from vllm.sampling_params import RequestOutputKind

from curves.engines import Batch, Request, Sample, Sampling, stop_tokens


class VLLMEngine:
    """See `curves.engines.Engine`. `options` go to `vllm.LLM`, for example `enforce_eager`, `max_model_len`."""

    name = "vllm"
    in_words = False

    def __init__(
        self, model: str, *, revision: str | None = None, dtype: str = "auto", tensor_parallel: int = 1, **options: Any
    ) -> None:
        self.llm = LLM(
            model=model,
            revision=revision,
            tokenizer_revision=revision,
            dtype=dtype,
            tensor_parallel_size=tensor_parallel,
            load_format="safetensors",
            trust_remote_code=False,
            generation_config="vllm",  # nothing is taken from the model's own sampling defaults
            disable_log_stats=True,
            **options,
        )
        self.tokenizer = self.llm.get_tokenizer()
        config = self.llm.llm_engine.model_config
        self.dtype = str(config.dtype).removeprefix("torch.")
        self.revision = getattr(config.hf_config, "_commit_hash", None) or revision
        self._stop = stop_tokens(model, revision, self.tokenizer)

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Batch:
        """Samples for every request, in order."""
        outputs = self.llm.generate(
            [TokensPrompt(prompt_token_ids=list(request.prompt)) for request in requests],
            [
                SamplingParams(
                    n=request.n,
                    seed=request.seed,
                    max_tokens=request.max_tokens,
                    temperature=sampling.temperature,
                    top_p=sampling.top_p,
                    stop=list(sampling.stop),
                    stop_token_ids=self._stop,
                    logprobs=0,  # of the sampled token only
                    output_kind=RequestOutputKind.FINAL_ONLY,
                )
                for request in requests
            ],
            use_tqdm=False,
        )
        samples = [
            [
                Sample(
                    tuple(sample.token_ids),
                    "length" if sample.finish_reason == "length" else "stop",
                    sample.cumulative_logprob,
                )
                for sample in sorted(output.outputs, key=lambda sample: sample.index)
            ]
            for output in outputs
        ]
        return Batch(samples, None, None)
