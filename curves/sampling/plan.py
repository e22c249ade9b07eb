"""From questions to records: which samples are asked for with which seeds, and what is written down of each."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from curves.engines import Batch, Engine, Request, Sample, Sampling
from curves.tasks import Question, Task
from curves.tasks.prompts import Prompt
from curves.verify import reader

Record = dict[str, Any]


class Plan(NamedTuple):
    """What is sampled of every question.

    `budgets` are thinking budgets in tokens; the answer that is forced after one has `answer_tokens`.
    """

    samples: int
    max_tokens: int
    budgets: tuple[int, ...]
    answer_tokens: int
    seed: int

    def seed_of(self, index: int, call: int) -> int:
        """First of `samples` seeds for a call of a question; 0 samples it, `1..` force its budgets."""
        return self.seed + (index * (1 + len(self.budgets)) + call) * self.samples


class Draft(NamedTuple):
    """A sample before it is verified: its text, where its answer may be, and tokens of thinking and prompt."""

    budget: int | None
    seed: int
    sample: Sample
    text: str
    thinking: int | None
    prompt_tokens: int


def sample_questions(
    engine: Engine, prompt: Prompt, plan: Plan, sampling: Sampling, questions: Sequence[tuple[int, Question]]
) -> tuple[list[list[Draft]], list[Request], list[Batch]]:
    """All samples of some questions (with their place in the task), and the requests and batches that made them.

    Under a budget the recorded thinking is cut there and the answer is forced; a sample that stopped thinking
    within it stays as it is, so budgets share their luck and cost only short answers.
    """
    prompts = [prompt.encode(engine.tokenizer, question.text) for _, question in questions]
    requests = [
        Request(tokens, plan.samples, plan.seed_of(i, 0), plan.max_tokens)
        for (i, _), tokens in zip(questions, prompts, strict=True)
    ]
    batches = [engine.generate(requests, sampling)]
    free = [
        [_draft(engine, prompt, request, j, sample) for j, sample in enumerate(samples)]
        for request, samples in zip(requests, batches[0].samples, strict=True)
    ]
    found = [list(drafts) for drafts in free]
    force = tuple(engine.tokenizer.encode(prompt.force, add_special_tokens=False))
    for call, budget in enumerate(plan.budgets, 1):
        cut = [
            (q, j, draft)
            for q, drafts in enumerate(free)
            for j, draft in enumerate(drafts)
            if draft.thinking is not None and draft.thinking > budget
        ]
        forced = [
            Request(
                prompts[q] + draft.sample.tokens[:budget] + force, 1, plan.seed_of(questions[q][0], call) + j,
                plan.answer_tokens,
            )
            for q, j, draft in cut
        ]  # fmt: skip
        answers: dict[tuple[int, int], Draft] = {}
        if forced:
            batches.append(engine.generate(forced, sampling))
            for (q, j, draft), request, (sample,) in zip(cut, forced, batches[-1].samples, strict=True):
                kept = draft.sample.tokens[:budget]
                text = engine.tokenizer.decode(kept + force + sample.tokens)
                whole = Sample(kept + sample.tokens, sample.finish, sample.logprob)
                answers[q, j] = Draft(budget, request.seed, whole, text, budget, draft.prompt_tokens)
        requests += forced
        for q, drafts in enumerate(free):
            found[q] += [answers.get((q, j), draft._replace(budget=budget)) for j, draft in enumerate(drafts)]
    return found, requests, batches


def check_seeds(requests: Sequence[Request], used: set[int]) -> None:
    """Add the seeds of these requests to those used.

    Raises:
        RuntimeError: two samples would share a seed.
    """
    for request in requests:
        seeds = set(range(request.seed, request.seed + request.n))
        if seeds & used:
            raise RuntimeError(f"seeds {sorted(seeds & used)[:5]} are used twice: samples would not be independent")
        used |= seeds


def records(
    task: Task, question: Question, prompt: Prompt, plan: Plan, drafts: Sequence[Draft], keep_text: bool
) -> list[Record]:
    """A record per sample; `reward` and `opinion` are filled in by whoever asks for them."""
    found: list[Record] = []
    for place, draft in enumerate(drafts):
        truncated = draft.sample.finish == "length"
        found.append(
            {
                "sample": place % plan.samples,
                "budget": draft.budget,
                "seed": draft.seed,
                "text_sha256": hashlib.sha256(draft.text.encode()).hexdigest(),
                **verdict(prompt.after_thinking(draft.text), task.kind, question.answer, truncated),
                "input_tokens": draft.prompt_tokens,
                "tokens": draft.sample.num_tokens,
                "thinking_tokens": draft.thinking,
                "finish": draft.sample.finish,
                "reward": None,
                "logprob": None if draft.sample.logprob is None else round(draft.sample.logprob, 6),
            }
            | ({"text": draft.text} if keep_text else {})
        )
    return found


def verdict(text: str, verifier: str, truth: str, truncated: bool) -> Record:
    """What a text answers, and whether that is right, in both forms; what was cut off is wrong."""
    answer = reader(verifier)(text)
    return {
        "answer": answer.flexible,
        "strict": answer.strict,
        "correct": not truncated and answer.flexible == truth,
        "correct_strict": not truncated and answer.strict == truth,
    }


def _draft(engine: Engine, prompt: Prompt, request: Request, place: int, sample: Sample) -> Draft:
    text, thinking = engine.tokenizer.decode(sample.tokens), prompt.thinking_tokens(engine.tokenizer, sample.tokens)
    return Draft(None, request.seed + place, sample, text, thinking, len(request.prompt))
