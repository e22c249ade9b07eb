"""The client against a server with every fault: counted retries, or one clear error."""

import contextlib
import threading
import time

import pytest

from tests.helpers.chat_servers import FAULTS, completion, serving
from ttc_env.scripting.chat import ChatServer, Endpoint, ServerError

QUICK = {"timeout": 10.0, "backoff": 0.001}
SHORT = 0.3  # seconds, more than a quick answer takes on a busy machine
BODY = {"messages": [{"role": "user", "content": "hello"}]}


def ask(url, bodies=(BODY,), **options):
    replies = {}
    with ChatServer(Endpoint(url, "tiny", **QUICK | options)) as server:
        server.ask(bodies, replies.__setitem__)
    return [replies[k] for k in range(len(bodies))], server.requests


def test_what_passes_is_tried_again_and_counted():
    """Every fault, one after another; a client takes a moment to be made, and so all share one."""
    names = {"hang": "timeout", "drip": "timeout", "cut": "connection", "cut body": "connection"}
    got = []
    with (
        serving(lambda body: "good") as (url, chat),
        ChatServer(Endpoint(url, "tiny", timeout=SHORT, backoff=0.001)) as server,
    ):
        for fault in FAULTS:
            chat.left = [fault] * 2
            before = server.requests, len(chat.bodies)
            server.ask([BODY], lambda _, reply: got.append(reply))
            name = fault if fault.isdigit() else names.get(fault, "malformed")
            assert (got[-1].text, got[-1].faults[:2]) == ("good", (name, name)), fault
            sent = 1 + len(got[-1].faults)  # one more where the machine was too busy to answer in time
            assert (server.requests, len(chat.bodies)) == (before[0] + sent, before[1] + sent)


def test_what_the_server_returned_is_kept():
    content = completion("x", model="other", system_fingerprint="fp") | {"usage": {"prompt_tokens": 7}}
    content["choices"][0]["finish_reason"] = "length"
    with serving(lambda body: (200, content)) as (url, chat):
        (reply,), _ = ask(url, [BODY | {"temperature": 0.5, "seed": 3}])
    assert reply[1:6] == ("other", "fp", "length", 7, None)
    assert chat.bodies == [{"model": "tiny", **BODY, "temperature": 0.5, "seed": 3}]


def test_a_message_without_content_is_an_empty_text():
    with serving(lambda body: (200, completion(None))) as (url, _):
        assert ask(url)[0][0].text == ""


@pytest.mark.parametrize("fault", ["503", "hang"])
def test_patience_ends_in_one_clear_error(fault):
    said = r"no answer from .* after 2 requests \("
    with serving(faults=[fault] * 9) as (url, chat), pytest.raises(ServerError, match=said) as error:
        ask(url, attempts=2, timeout=SHORT if fault == "hang" else 10.0)
    assert len(chat.bodies) == 2
    assert "\n" not in str(error.value)


def test_what_is_refused_for_good_is_not_tried_again():
    refusal = {"error": {"message": "no such model"}}
    with serving() as (url, chat), ChatServer(Endpoint(url, "tiny", **QUICK)) as server:
        for status in (400, 401, 403, 404, 422):
            chat.answer = lambda body, status=status: (status, refusal)
            with pytest.raises(ServerError, match=f"refuses the request, status {status}: .*no such model"):
                server.ask([BODY], print)
    assert len(chat.bodies) == 5


def test_nobody_there_is_one_clear_error():
    with serving() as (url, _):
        pass
    with pytest.raises(ServerError, match=r"after 2 requests \(connection, connection\)"):
        ask(url, attempts=2)


def test_as_many_requests_at_a_time_as_asked_for():
    def slow(body):
        time.sleep(0.02)
        return body["messages"][0]["content"]

    bodies = [{"messages": [{"role": "user", "content": str(k)}]} for k in range(12)]
    with serving(slow) as (url, chat):
        replies, _ = ask(url, bodies, concurrency=3, timeout=5)
    assert [reply.text for reply in replies] == [str(k) for k in range(12)]
    assert chat.most == 3


def test_answers_in_flight_are_not_lost_when_another_question_fails():
    def answer(body):
        if body["messages"][0]["content"] == "0":
            return 400, {"error": {"message": "bad"}}
        time.sleep(0.05)
        return "late"

    bodies = [{"messages": [{"role": "user", "content": str(k)}]} for k in range(6)]
    got = {}
    endpoint = {"model": "tiny", "timeout": 5, "concurrency": 3}
    with (
        serving(answer) as (url, chat),
        ChatServer(Endpoint(url, **endpoint)) as server,
        pytest.raises(ServerError, match="bad"),
    ):
        server.ask(bodies, got.__setitem__)
    assert sorted(got) == [1, 2]
    assert len(chat.bodies) == 3


def test_retry_after_is_heeded():
    with serving(faults=["429"] * 3) as (url, _):
        began = time.perf_counter()
        ask(url, backoff=0.0)
    assert time.perf_counter() - began >= 0.03


def test_the_key_comes_from_the_environment_and_leaves_no_trace(monkeypatch):
    monkeypatch.setenv("MY_KEY", "sk-very-secret")
    with serving(lambda body: "your key is sk-very-secret") as (url, chat):
        (reply,), _ = ask(url, key_variable="MY_KEY")
    assert chat.headers[0]["authorization"] == "Bearer sk-very-secret"
    assert reply.text == "your key is ***"
    said = {"error": {"message": "wrong key sk-very-secret"}}
    with serving(lambda body: (401, said)) as (url, _), pytest.raises(ServerError) as error:
        ask(url, key_variable="MY_KEY")
    assert "sk-very-secret" not in str(error.value)
    assert "***" in str(error.value)


def gives_up(server):
    with contextlib.suppress(BaseException):
        server.ask([BODY], print)


def test_nothing_stays_when_it_is_closed():
    before = set(threading.enumerate())
    with serving(faults=["hang"] * 9) as (url, _):
        server = ChatServer(Endpoint(url, "tiny", timeout=30))
        asking = threading.Thread(target=lambda: gives_up(server))
        asking.start()
        time.sleep(0.05)
        server.close()
        server.close()
        asking.join(2)
        assert not asking.is_alive()
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name == "chat"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"base_url": "localhost:8000"}, "base_url must begin"),
        ({"base_url": "https://me:key@host/v1"}, "belongs into the environment"),
        ({"base_url": "https://host/v1?key=3"}, "belongs into the environment"),
        ({"model": ""}, "model must name"),
        ({"attempts": 0}, "attempts must be"),
        ({"concurrency": 0}, "concurrency must be"),
        ({"timeout": 0}, "timeout must be"),
        ({"timeout": float("nan")}, "timeout must be"),
        ({"backoff": -1}, "backoff at least"),
    ],
)
def test_endpoints_that_are_none_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        Endpoint(**{"base_url": "http://host/v1", "model": "m"} | options)
