"""Samples from a chat server that speaks the OpenAI protocol: hosted models, and vLLM's own server.

Such a server is asked in messages and answers in texts; how many tokens they are is what it says. One request is one
sample, with a seed of its own, which a server may or may not heed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from curves.engines import Sampling
from ttc_env.scripting.chat import ChatServer, Endpoint, Reply, with_fields


class Asked(NamedTuple):
    """`n` samples of one chat; sample `i` has the seed `seed + i`."""

    messages: list[dict[str, str]]
    n: int
    seed: int
    max_tokens: int


class ServerEngine:
    """A model behind a server.

    Args:
        model: by the name the server has for it.
        base_url: of the server.
        extra: further fields of a request as JSON; null takes one away.
        options: of `ttc_env.scripting.chat.Endpoint`.

    Raises:
        ValueError: see `Endpoint`, or extra fields that are none.
    """

    name = "server"
    in_words = True
    tokenizer = None
    dtype = "as served"
    revision = None

    def __init__(self, model: str, *, base_url: str, extra: str = "{}", **options: Any) -> None:
        with_fields({}, extra)
        self.extra = extra
        self.server = ChatServer(Endpoint(base_url, model, **options))
        self.models: Counter[str] = Counter()

    def converse(self, asked: Sequence[Asked], sampling: Sampling) -> list[list[Reply]]:
        """The replies to every chat, in order.

        Raises:
            ServerError: the server gives none.
            ValueError: the server does not say how many tokens they are.
        """
        places = [(q, i) for q, one in enumerate(asked) for i in range(one.n)]
        found: dict[int, Reply] = {}
        self.server.ask([self._body(asked[q], i, sampling) for q, i in places], found.__setitem__)
        replies: list[list[Reply]] = [[] for _ in asked]
        for place, (q, _) in enumerate(places):
            reply = found[place]
            if reply.prompt_tokens is None or reply.completion_tokens is None:
                raise ValueError(f"{self.server.endpoint.base_url} does not say how many tokens an answer has (usage)")
            self.models[f"{reply.model} {reply.fingerprint or ''}".strip()] += 1
            replies[q].append(reply)
        return replies

    def spent(self) -> dict[str, Any]:
        """Requests so far, and which models have answered them: for the notes on usage."""
        return {"device_seconds": None, "requests": self.server.requests, "served": dict(self.models)}

    def close(self) -> None:
        """End the connection."""
        self.server.close()

    def _body(self, asked: Asked, sample: int, sampling: Sampling) -> dict[str, Any]:
        body: dict[str, Any] = {
            "messages": asked.messages,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": asked.max_tokens,
            "seed": asked.seed + sample,
            "stop": list(sampling.stop) or None,
        }
        return with_fields(body, self.extra)
