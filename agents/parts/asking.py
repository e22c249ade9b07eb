"""From prompts to actions: questions to a chat server, answers read, asked again where they are none, and counted."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from agents.parts.transcript import Transcript, key_of
from ttc_env.language import Answer, AnswerError, Message, Speaker
from ttc_env.scripting.chat import ChatServer, Reply

QUOTED = 1000
"""characters of an answer that was none, as it is shown to its author"""


class Question(NamedTuple):
    """What a provider is asked: its index, the messages, and what tells this question from all others of a run."""

    provider: int
    messages: list[Message]
    place: tuple[int | str, ...]


@dataclass
class Counts:
    """What answers took: only what the transcript holds, so that a replay counts the same."""

    answers: int = 0
    """periods of a provider for which an answer was wanted"""
    asked: int = 0
    """questions that were answered by the server, those asked again among them"""
    invalid: int = 0
    """answers that were none"""
    fallbacks: int = 0
    """periods of a provider in which no answer could be read, so that the last action was repeated"""
    requests: int = 0
    """HTTP requests"""
    faults: Counter[str] = field(default_factory=Counter)
    """requests that failed, by what happened"""
    prompt_tokens: int = 0
    """as the server counts"""
    completion_tokens: int = 0
    """as the server counts"""
    seconds: float = 0.0
    """of all answered requests, one after another"""
    models: Counter[str] = field(default_factory=Counter)
    """what the server said that answered"""
    finishes: Counter[str] = field(default_factory=Counter)
    """why answers ended"""

    def content(self) -> dict[str, Any]:
        """All of it, in plain types."""
        return {name: dict(value) if isinstance(value, Counter) else value for name, value in vars(self).items()}

    def add(self, reply: Reply) -> None:
        """Count what a reply took."""
        self.asked += 1
        self.requests += 1 + len(reply.faults)
        self.faults.update(reply.faults)
        self.prompt_tokens += reply.prompt_tokens or 0
        self.completion_tokens += reply.completion_tokens or 0
        self.seconds = round(self.seconds + reply.seconds, 6)
        self.models[f"{reply.model} {reply.fingerprint or ''}".strip()] += 1
        self.finishes[str(reply.finish)] += 1


class Asker:
    """Asks for answers until they are read, at most `tries` times each.

    Args:
        speaker: of the market.
        body: of a request: given the JSON schema of the answer and a seed, all but the messages.
        server: gives the server, made when it is first needed.
        identity: names of server and model, part of what stored answers are found by.
        transcript: where answers are kept and looked for first.
        tries: answers asked for at most, the first included.
        counts: to be counted in.
    """

    def __init__(
        self,
        speaker: Speaker,
        body: Callable[[dict[str, Any], int], dict[str, Any]],
        server: Callable[[], ChatServer],
        identity: dict[str, str],
        transcript: Transcript,
        tries: int,
        counts: Counts,
    ) -> None:
        self.speaker, self.body, self.server, self.identity = speaker, body, server, identity
        self.transcript, self.tries, self.counts = transcript, tries, counts

    def ask(self, questions: Sequence[Question]) -> list[Answer | None]:
        """The answer to each question, None where none could be read.

        Raises:
            ServerError: the server gives no reply; what it has replied to the other questions is kept.
        """
        found: list[Answer | None] = [None] * len(questions)
        talks = [list(question.messages) for question in questions]
        left = list(range(len(questions)))
        self.counts.answers += len(questions)
        for sample in range(self.tries):
            replies = self._replies([questions[k] for k in left], [talks[k] for k in left], sample)
            again = []
            for k, reply in zip(left, replies, strict=True):
                self.counts.add(reply)
                try:
                    found[k] = self._read(questions[k].provider, reply)
                except AnswerError as error:
                    self.counts.invalid += 1
                    again.append(k)
                    talks[k] += [
                        {"role": "assistant", "content": reply.text[:QUOTED] or "(nothing)"},
                        {"role": "user", "content": f"This was no answer: {error}. Answer again."},
                    ]
            left = again
            if not left:
                break
        self.counts.fallbacks += len(left)
        return found

    def _read(self, provider: int, reply: Reply) -> Answer:
        if reply.finish == "length":
            raise AnswerError("it was cut off at the limit of its length; be shorter")
        return self.speaker.read(provider, reply.text)

    def _replies(self, questions: Sequence[Question], talks: Sequence[list[Message]], sample: int) -> list[Reply]:
        """A reply to each question, in order: stored ones, and of the server those that are not."""
        bodies, keys = [], []
        for question, messages in zip(questions, talks, strict=True):
            schema = self.speaker.form(question.provider).schema
            bodies.append({"messages": messages, **self.body(schema, _seed(*question.place, sample))})
            keys.append(key_of(self.identity | {"body": bodies[-1], "place": question.place, "sample": sample}))
        missing = [k for k, key in enumerate(keys) if self.transcript.find(key) is None]

        def keep(place: int, reply: Reply) -> None:
            k = missing[place]
            where = {"provider": questions[k].provider, "place": list(questions[k].place), "sample": sample}
            template = {"template": self.speaker.template.name, "template_hash": self.speaker.template.hash}
            self.transcript.add(keys[k], self.identity | {"body": bodies[k]}, reply, where | template)

        if missing:
            self.server().ask([bodies[k] for k in missing], keep)
        return [reply for key in keys if (reply := self.transcript.find(key)) is not None]


def _seed(*place: int | str) -> int:
    """A seed of its own for each place, below 2^31."""
    return int.from_bytes(hashlib.sha256(repr(place).encode()).digest()[:4], "big") >> 1
