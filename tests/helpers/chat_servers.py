"""Chat servers in threads: one that answers by a function, with every fault a server can have."""

import json
import re
import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FAULTS = (
    "429", "500", "503", "hang", "drip", "cut", "cut body", "html", "not json", "empty", "no choices", "two choices",
    "content is a number", "array",
)  # fmt: skip
"""what passes: the same request may do the next time"""


class Chat:
    """What a server is told, and what it says.

    Args:
        answer: from the body of a request to the text of the message, or to a whole response `(status, body)`.
        faults: a list of faults that come first, each request takes one; or a function of the number of a request.
    """

    def __init__(self, answer, faults=()):
        self.answer, self.left, self.bodies, self.headers = answer, list(faults), [], []
        self.lock, self.ended = threading.Lock(), threading.Event()
        self.running, self.most = 0, 0

    def next_fault(self, body, headers):
        with self.lock:
            self.bodies.append(body)
            self.headers.append(dict(headers))
            self.running += 1
            self.most = max(self.most, self.running)
            return self.left.pop(0) if self.left else None


def completion(text, **changes):
    message = {"role": "assistant", "content": text}
    return {
        "id": "1", "object": "chat.completion", "created": 1, "model": "tiny-2026", "system_fingerprint": "fp_1",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
    } | changes  # fmt: skip


def streamed(whole):
    """A completion as events of a stream, in one piece."""
    (choice,) = whole["choices"]
    chunk = {name: whole[name] for name in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
    first = {"index": 0, "delta": choice["message"], "finish_reason": choice["finish_reason"]}
    chunks = [chunk | {"choices": [first]}, chunk | {"choices": [], "usage": whole["usage"]}]
    return "".join(f"data: {event}\n\n" for event in [*map(json.dumps, chunks), "[DONE]"]).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_POST(self):
        chat = self.server.chat
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        fault = chat.next_fault(body, self.headers)
        try:
            self.respond(chat, body, fault)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client has lost patience
        finally:
            with chat.lock:
                chat.running -= 1

    def respond(self, chat, body, fault):
        right = completion('{"level": 1}')
        if fault is None:
            said = chat.answer(body)
            status, content = said if isinstance(said, tuple) else (200, completion(said))
            if body.get("stream") and status == 200:
                return self.send(200, streamed(content), "text/event-stream")
            return self.send(status, json.dumps(content).encode())
        if fault.isdigit():
            headers = {"retry-after": "0.01"} if fault == "429" else {}
            return self.send(int(fault), json.dumps({"error": {"message": "busy"}}).encode(), headers=headers)
        if fault == "hang":
            return chat.ended.wait(30)
        if fault == "drip":  # a byte now and then, for ever
            self.start(200, "application/json", 10_000)
            while not chat.ended.wait(0.02):
                self.wfile.write(b" ")
                self.wfile.flush()
            return None
        if fault == "cut":
            self.close_connection = True
            return self.connection.shutdown(socket.SHUT_RDWR)
        if fault == "cut body":
            self.start(200, "application/json", 10_000)
            self.wfile.write(b'{"id": "1"')
            self.close_connection = True
            return None
        contents = {
            "html": (b"<html>gateway</html>", "text/html"),
            "not json": (b'{"id": ', "application/json"),
            "empty": (b"", "application/json"),
            "array": (b"[]", "application/json"),
            "no choices": (json.dumps(right | {"choices": []}).encode(), "application/json"),
            "two choices": (json.dumps(right | {"choices": right["choices"] * 2}).encode(), "application/json"),
            "content is a number": (json.dumps(completion(7)).encode(), "application/json"),
        }
        content, kind = contents[fault]
        return self.send(200, content, kind)

    def send(self, status, content, kind="application/json", headers=()):
        self.start(status, kind, len(content), headers)
        self.wfile.write(content)

    def start(self, status, kind, length, headers=()):
        self.send_response(status)
        for name, value in {"content-type": kind, "content-length": str(length), **dict(headers)}.items():
            self.send_header(name, value)
        self.end_headers()


@contextmanager
def serving(answer=lambda body: '{"level": 1}', faults=()):
    """A server on a free port; yields its address and what it has seen."""
    chat = Chat(answer, faults)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.chat, server.daemon_threads = chat, True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1", chat
    finally:
        chat.ended.set()
        server.shutdown()
        thread.join()
        deadline = time.monotonic() + 2
        while chat.running and time.monotonic() < deadline:
            time.sleep(0.005)
        server.server_close()


def seat_of(body):
    """Which provider a request speaks for, and the period."""
    texts = " ".join(message["content"] for message in body["messages"])
    return int(re.search(r"you are provider (\d+)", texts)[1]), int(re.search(r"Period (\d+) begins", texts)[1])
