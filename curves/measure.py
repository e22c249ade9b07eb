"""Measure a model on a benchmark: raw records of every sample, from which curves/build.py makes a table.

    python curves/measure.py --model ID_OR_PATH --task gsm8k --samples 128 --engine vllm
    python curves/measure.py --model NAME --engine server --base-url https://HOST/v1 --task arithmetic --samples 8
    python curves/measure.py --model ID_OR_PATH --task aime --budgets 512 1024 2048 --max-tokens 8192 --prompt r1.json

Writes `raw/<name>/`. Stopped or killed at any moment, the same command goes on at the next question.
"""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this checkout before any installed `curves`

import tyro

from curves.engines import Engine, Sampling, load_engine
from curves.records.stamps import commit, now, sha256
from curves.records.store import RawStore
from curves.sampling.machine import EnergyMeter, describe_device, versions
from curves.sampling.plan import Plan, check_seeds
from curves.sampling.recording import Recorder
from curves.tasks import Task, load_task
from curves.tasks.prompts import Prompt, load_prompt
from curves.verify.second_opinion import SecondOpinion
from ttc_env.scripting.console import errors_in_one_line, progress_bar, say

if TYPE_CHECKING:  # torch and transformers take seconds to import, and wrong arguments should not wait for them
    from curves.engines.server_engine import ServerEngine
    from curves.scoring.likelihood import Likelihood
    from curves.scoring.rewards import RewardModel


@dataclass
class Args:
    """Measure a model on a benchmark."""

    model: str
    """id on the Hugging Face hub, or a folder; safetensors only"""
    task: str = "gsm8k"
    """gsm8k, aime, gpqa, arithmetic (made here, no download), or a .jsonl file of questions of your own"""
    verifier: str | None = None
    """how answers are read: number, integer, choice, exact, or package.module:function of your own"""
    samples: int = 128
    """samples per question; every level of compute up to this number is estimated from them"""
    engine: Literal["vllm", "transformers", "server"] = "vllm"
    """what generates: a model that is loaded here, or a server that speaks the OpenAI protocol"""
    base_url: str = "http://127.0.0.1:8000/v1"
    """address of the server"""
    key_variable: str = "OPENAI_API_KEY"
    """environment variable with the key of the server; it is written nowhere"""
    concurrency: int = 16
    """requests to the server at a time"""
    timeout: float = 600.0
    """seconds one request to the server may take"""
    attempts: int = 6
    """requests to the server for one sample at most"""
    backoff: float = 1.0
    """seconds before the second one, doubled from then on"""
    extra: str = "{}"
    """further fields of requests to the server as JSON, null takes one away: '{"reasoning_effort": "low"}'"""
    source: str | None = None
    """local .jsonl in the benchmark's own columns, or another data set of the hub"""
    task_revision: str | None = None
    """revision of the hub data set"""
    task_seed: int = 0
    """order of the choices (gpqa), and the questions that are made (arithmetic)"""
    limit: int | None = None
    """only the first so many questions"""
    temperature: float = 0.6
    """of sampling"""
    top_p: float = 1.0
    """of sampling"""
    max_tokens: int = 512
    """per sample; what is cut off there counts as wrong"""
    budgets: tuple[int, ...] = ()
    """thinking budgets in tokens: thinking is cut there and an answer forced"""
    answer_tokens: int = 64
    """limit of a forced answer"""
    prompt: Path | None = None
    """JSON file with fields of curves/tasks/prompts.py: template, system, chat, prefix, thinking_end, force, stop"""
    reward_model: str | None = None
    """scores every answer, for best-of-n: a sequence-classification model, or a language model by its likelihood"""
    second_opinion: bool = False
    """record what math-verify says of every answer"""
    keep_text: bool = False
    """record the texts, not only their hashes"""
    seed: int = 0
    """of the first sample; all others follow from it"""
    revision: str | None = None
    """of the model on the hub"""
    reward_revision: str | None = None
    """of the reward model on the hub"""
    dtype: str = "auto"
    """of the weights: auto, float32, bfloat16, float16"""
    device: str = "cuda"
    """where it runs: cuda or cpu"""
    tensor_parallel: int = 1
    """GPUs that share the model (vllm)"""
    enforce_eager: bool = False
    """do not compile or capture graphs (vllm)"""
    batch: int = 16
    """questions in flight at once, and lost if the process is killed"""
    threads: int | None = None
    """CPU threads of torch"""
    out: Path = Path("raw")
    """where folders of measurements go"""
    provider: str | None = None
    """name of the model in tables; by default --model"""
    name: str | None = None
    """folder below --out; by default made from provider and task"""

    def plan(self) -> Plan:
        """What is sampled.

        Raises:
            ValueError: a number out of range, naming it.
        """
        for name in ("samples", "max_tokens", "answer_tokens", "batch", "tensor_parallel"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.temperature < 0 or not 0 < self.top_p <= 1 or self.seed < 0:
            raise ValueError(
                f"temperature and seed must be >= 0 and top_p in (0, 1], "
                f"got {self.temperature}, {self.seed} and {self.top_p}"
            )
        budgets = tuple(sorted(set(self.budgets)))
        if budgets and not 0 <= budgets[0] <= budgets[-1] <= self.max_tokens:
            raise ValueError(f"budgets must be between 0 and max_tokens = {self.max_tokens}, got {self.budgets}")
        return Plan(self.samples, self.max_tokens, budgets, self.answer_tokens, self.seed)


def main(args: Args) -> Path:
    """Measure what is missing; returns the folder."""
    plan = args.plan()
    if args.device == "cpu":
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    task = load_task(
        args.task,
        source=args.source,
        revision=args.task_revision,
        limit=args.limit,
        seed=args.task_seed,
        verifier=args.verifier,
    )
    prompt = load_prompt(task.kind, args.prompt)
    if plan.budgets and not prompt.thinking_end:
        raise ValueError("budgets need a prompt with thinking_end, the string that ends the model's thinking")
    if args.engine == "server":
        from curves.sampling.served import check_served

        check_served(prompt, plan)
    where = "server" if args.engine == "server" else args.device
    meter = EnergyMeter(where, args.tensor_parallel)
    engine = load(args)
    judge = None
    if args.reward_model is not None:
        from curves.scoring.rewards import load_reward_model

        judge = load_reward_model(args.reward_model, args.reward_revision, args.device)
    provider = args.provider or args.model
    folder = args.out / (args.name or f"{provider.strip('/').split('/')[-1]}--{task.name}")
    config = describe(args, plan, task, prompt, engine, judge)
    ending = ExitStack()
    ending.callback(getattr(engine, "close", lambda: None))
    with ending, RawStore(folder, config, plan.samples * (1 + len(plan.budgets))) as store:
        device = describe_device(where, args.tensor_parallel)
        session = {"started": now(), "commit": commit(), "python": sys.version.split()[0], "versions": versions()}
        store.note("sessions", session | {"device": device, "dtype": engine.dtype})
        opinion = SecondOpinion() if args.second_opinion else None
        sampling = Sampling(args.temperature, args.top_p, prompt.stop)
        recorder = Recorder(
            task, prompt, plan, sampling, engine, meter, args.tensor_parallel, args.keep_text, judge, opinion
        )
        try:
            measure(recorder, store, args.batch, f"{args.model.split('/')[-1]} {task.name}")
        finally:
            if opinion is not None:
                opinion.close()
        say(f"{len(store.done)} of {len(task.questions)} questions in ", (folder, "bold"))
    return folder


def load(args: Args) -> Engine | ServerEngine:
    """The engine with the model loaded."""
    if args.engine == "server":
        names = ("base_url", "key_variable", "concurrency", "timeout", "attempts", "backoff", "extra")
        return load_engine("server", args.model, **{name: getattr(args, name) for name in names})
    if args.engine == "vllm":
        options: dict[str, Any] = {"tensor_parallel": args.tensor_parallel, "enforce_eager": args.enforce_eager}
    else:
        import torch

        if args.threads is not None:
            torch.set_num_threads(args.threads)
        options = {"device": args.device}
    return load_engine(args.engine, args.model, revision=args.revision, dtype=args.dtype, **options)


def describe(
    args: Args,
    plan: Plan,
    task: Task,
    prompt: Prompt,
    engine: Engine | ServerEngine,
    judge: RewardModel | Likelihood | None,
) -> dict[str, Any]:
    """All that decides what is recorded; a measurement resumes only with the same."""
    tokenizer = engine.tokenizer
    return {
        "model": {
            "name": args.provider or args.model,
            "revision": engine.revision,
            "tokenizer_sha256": None if tokenizer is None else sha256(tokenizer.get_vocab()),
            "template_sha256": None if tokenizer is None else sha256(tokenizer.chat_template),
        },
        "task": task.describe(),
        "prompt": prompt.describe(),
        "sampling": {"temperature": args.temperature, "top_p": args.top_p, "max_tokens": plan.max_tokens},
        "samples": plan.samples,
        "budgets": list(plan.budgets),
        "answer_tokens": plan.answer_tokens,
        "engine": engine.name,
        "dtype": engine.dtype,
        "reward_model": None
        if judge is None
        else {"name": args.reward_model, "kind": type(judge).__name__, "revision": judge.revision},
        "second_opinion": args.second_opinion,
        "keep_text": args.keep_text,
        "seed": plan.seed,
    } | ({"server": {"base_url": args.base_url, "model": args.model, "extra": args.extra}} if engine.in_words else {})


def measure(recorder: Recorder, store: RawStore, batch: int, title: str) -> None:
    """Sample, verify and record every question that is not recorded yet, `batch` questions at a time."""
    questions, seeds = list(enumerate(recorder.task.questions)), set[int]()
    with progress_bar("questions") as progress:
        bar = progress.add_task(title, total=len(questions))
        progress.advance(bar, len(store.done))
        for start in range(0, len(questions), batch):
            part = questions[start : start + batch]  # the same batches whether interrupted or not
            if all(question.id in store.done for _, question in part):
                continue
            found, requests, usage = recorder.sample(part)
            check_seeds(requests, seeds)
            for (_, question), drafts in zip(part, found, strict=True):
                if question.id not in store.done:
                    store.append(question.id, recorder.records(question, drafts))
                    progress.advance(bar)
            store.note("usage", usage)


def command_line(words: list[str]) -> int:
    """Run the script with these arguments; returns its exit status, or leaves as the parser does."""
    with errors_in_one_line(resumable=True):
        main(tyro.cli(Args, args=words, description=__doc__))
    return 0


if __name__ == "__main__":
    raise SystemExit(command_line(sys.argv[1:]))
