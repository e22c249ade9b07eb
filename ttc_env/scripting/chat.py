"""A client for chat servers that speak the OpenAI protocol, hosted ones or one's own: for players and for measuring.

One layer of retries, whose requests are counted; the client library's own is off. The key comes from the environment
and is written nowhere, not even where a server repeats it.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ttc_env.checks import finite, whole

PASSING = (408, 409, 425, 429)
"""statuses below 500 after which the same request may do"""
LONGEST_WAIT = 60.0
"""seconds between two requests, whatever a server asks for"""


class ServerError(OSError):
    """The server cannot be reached, gives no answer, or refuses a request for good."""


@dataclass(frozen=True)
class Endpoint:
    """A server, and how patient its client is.

    Args:
        base_url: of the server, such as `http://127.0.0.1:8000/v1`.
        model: by the name the server has for it.
        key_variable: environment variable with the key; a server that wants none gets the word `none`.
        timeout: seconds one request may take, from its first byte to the last of the answer.
        attempts: requests for one answer at most.
        backoff: seconds before the second one, doubled before each further one, shortened by chance; what the server
            asks for with Retry-After if that is more.
        concurrency: requests at a time.

    Raises:
        ValueError: a value out of range, naming it, or an address that holds a key.
    """

    base_url: str
    model: str
    key_variable: str = "OPENAI_API_KEY"
    timeout: float = 120.0
    attempts: int = 6
    backoff: float = 1.0
    concurrency: int = 16

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"base_url must begin with http:// or https:// and a host, got {self.base_url!r}")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("base_url must hold no user, password or query; a key belongs into the environment")
        if not self.model:
            raise ValueError("model must name a model of the server, got ''")
        whole("attempts", self.attempts)
        whole("concurrency", self.concurrency)
        if finite("timeout", self.timeout) <= 0 or finite("backoff", self.backoff) < 0:
            raise ValueError(f"timeout must be above 0 and backoff at least 0, got {self.timeout} and {self.backoff}")


class Reply(NamedTuple):
    """What a server returned for one question, and what it took.

    text: of the message, empty where it had none.
    model, fingerprint, finish: as the server says.
    prompt_tokens, completion_tokens, reasoning_tokens: as the server counts, the last among the second; None where it
        does not.
    seconds: of the request that was answered.
    faults: what became of the requests before that one, such as `"429"`, `"timeout"`, `"connection"`, `"malformed"`.
    """

    text: str
    model: str | None
    fingerprint: str | None
    finish: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    seconds: float
    reasoning_tokens: int | None = None
    faults: tuple[str, ...] = ()


def with_fields(body: Mapping[str, Any], extra: str) -> dict[str, Any]:
    """A request with further fields, given as JSON; what is None, or null in JSON, is left out.

    Raises:
        ValueError: no JSON object.
    """
    try:
        fields = json.loads(extra)
        if not isinstance(fields, dict):
            raise ValueError
    except ValueError:
        raise ValueError(f"extra must be a JSON object, got {extra!r}") from None
    return {name: value for name, value in ({**body} | fields).items() if value is not None}


class _Passing(Exception):
    """Something that may not happen again; `wait` are the seconds that the server asks for."""

    def __init__(self, fault: str, said: str, wait: float = 0.0) -> None:
        super().__init__(said)
        self.fault, self.said, self.wait = fault, said, wait


class ChatServer:
    """A connection to a server; close it, or use it in a `with`.

    It works in a thread of its own, so that it can be used inside a notebook as well.

    Attributes:
        requests: HTTP requests sent so far.

    Raises:
        ValueError: the client library is not installed.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        try:
            import openai  # takes seconds to load
        except ImportError:
            raise ValueError("asking a server needs the extra: pip install -e '.[language]'") from None
        self.endpoint, self.requests = endpoint, 0
        self._openai = openai
        self._key = os.environ.get(endpoint.key_variable) or "none"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="chat", daemon=True)
        self._thread.start()
        self._client = openai.AsyncOpenAI(
            base_url=endpoint.base_url, api_key=self._key, max_retries=0, timeout=endpoint.timeout
        )

    def ask(self, bodies: Sequence[Mapping[str, Any]], done: Callable[[int, Reply], None]) -> None:
        """Ask all questions, `concurrency` at a time.

        Args:
            bodies: of the requests: `messages`, sampling and the like; the model is that of the endpoint.
            done: told of each reply when it has come, with the place of its question, one at a time.

        Raises:
            ServerError: a question has no answer. Those in flight have been waited for, the others were not asked.
        """
        work = asyncio.run_coroutine_threadsafe(self._ask_all(bodies, done), self._loop)
        try:
            work.result()
        except BaseException:  # a signal, too: nothing stays in flight
            work.cancel()
            raise

    def close(self) -> None:
        """End the connection and its thread."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def __enter__(self) -> ChatServer:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    async def _end(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._client.close()

    async def _ask_all(self, bodies: Sequence[Mapping[str, Any]], done: Callable[[int, Reply], None]) -> None:
        free, failed = asyncio.Semaphore(self.endpoint.concurrency), False

        async def ask(place: int, body: Mapping[str, Any]) -> None:
            nonlocal failed
            async with free:
                if failed:
                    return
                try:
                    done(place, await self._patiently(body))
                except BaseException:
                    failed = True
                    raise

        found = await asyncio.gather(*(ask(*question) for question in enumerate(bodies)), return_exceptions=True)
        for error in found:
            if error is not None:
                raise error

    async def _patiently(self, body: Mapping[str, Any]) -> Reply:
        """A reply, after as many requests as it takes."""
        import tenacity

        faults: list[str] = []

        def wait(state: tenacity.RetryCallState) -> float:
            error = state.outcome and state.outcome.exception()
            pause = self.endpoint.backoff * 2.0 ** (state.attempt_number - 1) * random.uniform(0.5, 1.0)
            return min(max(pause, getattr(error, "wait", 0.0)), LONGEST_WAIT)

        try:
            async for attempt in tenacity.AsyncRetrying(
                stop=tenacity.stop_after_attempt(self.endpoint.attempts),
                retry=tenacity.retry_if_exception_type(_Passing),
                wait=wait,
                reraise=True,
            ):
                with attempt:
                    try:
                        return (await self._once(body))._replace(faults=tuple(faults))
                    except _Passing as error:
                        faults.append(error.fault)
                        raise
        except _Passing as error:
            tried = f"no answer from {self.endpoint.base_url} after {len(faults)} requests ({', '.join(faults)})"
            raise ServerError(f"{tried}: {error.said}") from None
        raise AssertionError("unreachable")

    async def _once(self, body: Mapping[str, Any]) -> Reply:
        """One request."""
        openai, began = self._openai, time.perf_counter()
        self.requests += 1
        try:
            made = await asyncio.wait_for(
                self._client.post(
                    "/chat/completions",
                    body={"model": self.endpoint.model, **body},
                    cast_to=openai.types.chat.ChatCompletion,
                ),
                self.endpoint.timeout,
            )
        except (asyncio.TimeoutError, openai.APITimeoutError):
            raise _Passing("timeout", f"nothing within {self.endpoint.timeout:g} s") from None
        except openai.APIConnectionError as error:
            raise _Passing("connection", self._clean(f"{error.__cause__ or error}")) from None
        except openai.APIStatusError as error:
            said = self._clean(f"status {error.status_code}: {error.message}")
            if error.status_code in PASSING or error.status_code >= 500:
                raise _Passing(str(error.status_code), said, _retry_after(error.response.headers)) from None
            raise ServerError(f"{self.endpoint.base_url} refuses the request, {said}") from None
        except ValueError:  # what cannot be decoded
            raise _Passing("malformed", "the body is not JSON") from None
        return self._reply(made, time.perf_counter() - began)

    def _reply(self, made: Any, seconds: float) -> Reply:
        try:
            (choice,) = made.choices
            text = choice.message.content
            if not isinstance(text, str | None):
                raise TypeError
            usage = made.usage
            return Reply(
                self._clean(text or ""),
                _text(made.model),
                _text(made.system_fingerprint),
                _text(choice.finish_reason),
                _count(getattr(usage, "prompt_tokens", None)),
                _count(getattr(usage, "completion_tokens", None)),
                round(seconds, 6),
                _count(getattr(getattr(usage, "completion_tokens_details", None), "reasoning_tokens", None)),
            )
        except (AttributeError, TypeError, ValueError):
            raise _Passing("malformed", "the body is no chat completion with one choice") from None

    def _clean(self, text: str) -> str:
        """The text without the key."""
        return text.replace(self._key, "***") if self._key != "none" else text


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that the server asks for; dates are not looked at."""
    try:
        return max(0.0, float(headers.get("retry-after", "0")))
    except ValueError:
        return 0.0
