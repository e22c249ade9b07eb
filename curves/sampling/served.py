"""Samples of a server as drafts, like those of an engine that is loaded here."""

from __future__ import annotations

from collections.abc import Sequence

from curves.engines import Batch, Request, Sample, Sampling
from curves.engines.server_engine import Asked, ServerEngine
from curves.sampling.plan import Draft, Plan
from curves.tasks import Question
from curves.tasks.prompts import Prompt


def sample_served(
    engine: ServerEngine, prompt: Prompt, plan: Plan, sampling: Sampling, questions: Sequence[tuple[int, Question]]
) -> tuple[list[list[Draft]], list[Request], list[Batch]]:
    """What `sample_questions` returns; requests hold no tokens of prompts, which a server alone knows.

    Thinking is what the server counts as reasoning, and None where it does not.
    """
    asked = [
        Asked(prompt.messages(question.text), plan.samples, plan.seed_of(i, 0), plan.max_tokens)
        for i, question in questions
    ]
    found, samples, read = [], [], 0
    for one, replies in zip(asked, engine.converse(asked, sampling), strict=True):
        drafts = []
        for j, reply in enumerate(replies):
            sample = Sample((), reply.finish or "unknown", None, reply.completion_tokens)
            read += reply.prompt_tokens or 0
            text, thinking = reply.text, reply.reasoning_tokens
            drafts.append(Draft(None, one.seed + j, sample, text, thinking, reply.prompt_tokens or 0))
        found.append(drafts)
        samples.append([draft.sample for draft in drafts])
    requests = [Request((), one.n, one.seed, one.max_tokens) for one in asked]
    return found, requests, [Batch(samples, None, None, read)]


def check_served(prompt: Prompt, plan: Plan) -> None:
    """Refuse what cannot be asked of a server.

    Raises:
        ValueError: budgets, a prompt without chat, or one that begins the model's answer.
    """
    if plan.budgets:
        raise ValueError("budgets cut the thinking of a model that is loaded here; a server has efforts, see --extra")
    if not prompt.chat or prompt.prefix:
        raise ValueError("a server is asked in messages: the --prompt file must have chat true and no prefix")
