"""From a batch of questions to what is written down of it: samples, their verdicts and rewards, and what they cost."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from curves.engines import Engine, Request, Sampling
from curves.sampling.machine import EnergyMeter
from curves.sampling.plan import Draft, Plan, Record, records, sample_questions
from curves.tasks import Question, Task
from curves.tasks.prompts import Prompt
from curves.verify.second_opinion import SecondOpinion

if TYPE_CHECKING:  # torch and transformers take seconds to import, and wrong arguments should not wait for them
    from curves.engines.server_engine import ServerEngine
    from curves.scoring.likelihood import Likelihood
    from curves.scoring.rewards import RewardModel


@dataclass(frozen=True, eq=False)
class Recorder:
    """What a measurement works with; `devices` is how many GPUs share the model, or 1."""

    task: Task
    prompt: Prompt
    plan: Plan
    sampling: Sampling
    engine: Engine | ServerEngine
    meter: EnergyMeter
    devices: int
    keep_text: bool
    judge: RewardModel | Likelihood | None
    opinion: SecondOpinion | None

    def sample(
        self, questions: Sequence[tuple[int, Question]]
    ) -> tuple[list[list[Draft]], list[Request], dict[str, Any]]:
        """All samples of some questions (with their place in the task), what was asked for, and what it cost."""
        self.meter.lap()
        began = time.perf_counter()
        draw: Any = sample_questions
        if self.engine.in_words:
            from curves.sampling.served import sample_served as draw
        found, requests, batches = draw(self.engine, self.prompt, self.plan, self.sampling, questions)
        usage = {
            "questions": len(questions),
            "device_seconds": (time.perf_counter() - began) * self.devices,
            "prefill_seconds": total([batch.prefill_seconds for batch in batches]),
            "decode_seconds": total([batch.decode_seconds for batch in batches]),
            "prompt_tokens": sum(len(request.prompt) for request in requests)
            + sum(batch.prompt_tokens or 0 for batch in batches),
            "generated_tokens": sum(
                sample.num_tokens for batch in batches for samples in batch.samples for sample in samples
            ),
            "joules": self.meter.lap(),
        }
        return found, requests, usage | getattr(self.engine, "spent", dict)()

    def records(self, question: Question, drafts: Sequence[Draft]) -> list[Record]:
        """A record per sample of a question, scored by the reward model and checked by the second opinion."""
        lines = records(self.task, question, self.prompt, self.plan, drafts, self.keep_text)
        if self.judge is not None:
            scores = self.judge.score(question.text, [self.prompt.prefix + draft.text for draft in drafts])
            lines = [line | {"reward": score} for line, score in zip(lines, scores, strict=True)]
        if self.opinion is not None:
            verdicts = [self.opinion.agrees(question.answer, draft.text) for draft in drafts]
            lines = [line | {"opinion": verdict} for line, verdict in zip(lines, verdicts, strict=True)]
        return lines


def total(values: Sequence[float | None]) -> float | None:
    """Their sum, or None if one is missing."""
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
