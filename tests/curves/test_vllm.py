"""The vLLM engine, and whether it agrees with transformers; run by `make test-vllm` in an environment of its own."""

import os

import numpy as np
import pytest

pytest.importorskip("vllm")
os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")  # GiB; only the CPU build reads it

from curves.build import Args as BuildArgs
from curves.build import main as build
from curves.engines import Request, Sampling, load_engine
from curves.measure import Args, main
from curves.records.runs import read_raw
from ttc_env import load_market

PROMPT, OTHER = (8, 12, 15, 13, 10, 2), (6, 14, 9, 2)


@pytest.fixture(scope="module")
def engines(tiny):
    model = str(tiny / "model")
    vllm = load_engine("vllm", model, dtype="float32", enforce_eager=True, max_model_len=96)
    yield {"vllm": vllm, "transformers": load_engine("transformers", model)}
    vllm.llm.llm_engine.engine_core.shutdown()  # before pytest closes the streams it logs to


def test_samples_end_and_are_scored_as_in_transformers(engines):
    import torch

    batch = engines["vllm"].generate([Request(PROMPT, 20, 0, 16), Request(OTHER, 5, 20, 8)], Sampling(1.0))
    assert [len(samples) for samples in batch.samples] == [20, 5]
    for prompt, limit, samples in zip((PROMPT, OTHER), (16, 8), batch.samples, strict=True):
        for sample in samples:
            with torch.inference_mode():
                logits = engines["transformers"].model(torch.tensor([prompt + sample.tokens])).logits
            scores = logits[0, len(prompt) - 1 : -1].double().log_softmax(-1)
            total = scores[torch.arange(len(sample.tokens)), list(sample.tokens)].sum().item()
            assert sample.logprob == pytest.approx(total, abs=1e-3)
            assert (sample.finish == "stop") == (sample.tokens[-1] == 1)
            assert len(sample.tokens) == limit or sample.finish == "stop"


def test_child_samples_have_consecutive_seeds(engines):
    """The reason why seeds are strided: sample i of a request with seed s is the sample of seed s + i."""
    (children,) = engines["vllm"].generate([Request(PROMPT, 4, 50, 12)], Sampling(1.0)).samples
    alone = engines["vllm"].generate([Request(PROMPT, 1, 50 + i, 12) for i in range(4)], Sampling(1.0)).samples
    assert [child.tokens for child in children] == [sample.tokens for (sample,) in alone]
    assert len({child.tokens for child in children}) > 1


def test_stop_strings_end_a_sample(engines):
    for engine in engines.values():
        (samples,) = engine.generate([Request(PROMPT, 40, 0, 12)], Sampling(1.0, stop=("7",))).samples
        texts = [engine.tokenizer.decode(sample.tokens) for sample in samples]
        assert any("7" in text for text in texts)
        assert all(text.index("7") == len(text) - 1 for text in texts if "7" in text)


@pytest.mark.parametrize("sampling", [Sampling(1.0), Sampling(0.6, 0.9)], ids=str)
def test_engines_agree_within_sampling_error(engines, sampling):
    """Token frequencies at each place, and lengths, of 1500 samples from each engine."""
    counts, lengths = {}, {}
    for name, engine in engines.items():
        (samples,) = engine.generate([Request(PROMPT, 1500, 0, 6)], sampling).samples
        rows = np.array([sample.tokens + (1,) * (6 - len(sample.tokens)) for sample in samples])
        counts[name] = np.array([np.bincount(rows[:, t], minlength=19) for t in range(6)])
        lengths[name] = np.array([len(sample.tokens) for sample in samples])
    first, second = counts["vllm"], counts["transformers"]
    both = first + second
    statistic = ((first - second) ** 2 / np.maximum(both, 1)).sum()
    freedom = (both > 0).sum() - 6
    assert statistic < freedom + 4 * np.sqrt(2 * freedom)
    error = np.hypot(*(length.std() / np.sqrt(len(length)) for length in lengths.values()))
    assert abs(lengths["vllm"].mean() - lengths["transformers"].mean()) <= 4 * error


def test_measurements_agree_within_sampling_error(engines, tiny, tmp_path, monkeypatch):
    """The whole way with both engines: measure, build, market; seeds are distinct across samples and questions."""
    folders, runs = [], {}
    for name, engine in engines.items():
        monkeypatch.setattr("curves.measure.load", lambda args, engine=engine: engine)
        args = Args(
            model=str(tiny / "model"), provider=name, task="arithmetic", limit=20, samples=40, engine=name,
            device="cpu", temperature=1.0, max_tokens=12, budgets=(4,), prompt=tiny / "prompt.json",
            out=tmp_path / "raw",
        )  # fmt: skip
        folders.append(main(args))
        runs[name] = read_raw(folders[-1])
        seeds = [line.split('"seed": ')[1].split(",")[0] for line in (folders[-1] / "records.jsonl").open()]
        free = [seed for i, seed in enumerate(seeds) if i % 80 < 40]
        assert len(set(free)) == 20 * 40
    for statistic in ("tokens", "truncated", "thinking"):
        means = {
            name: np.array([getattr(given, statistic).mean() for given in run.questions.values()])
            for name, run in runs.items()
        }
        difference = means["vllm"] - means["transformers"]
        assert abs(difference.mean()) <= 4 * difference.std(ddof=1) / np.sqrt(len(difference)) + 1e-9
    (tmp_path / "prices.csv").write_text("model,price_usd_per_mtok\nvllm,1\ntransformers,1\n")
    out = tmp_path / "table.csv"
    build(BuildArgs(raw=tuple(folders), out=out, prices=tmp_path / "prices.csv", methods=("reasoning_effort",)))
    assert load_market(out, answer_value=0.01).providers == ("vllm", "transformers")
