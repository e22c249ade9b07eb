"""Scripts end in good order at the first signal, whatever they inherited, and at once at the second."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from tests.helpers.scripts import ROOT, started
from ttc_env.scripting.signals import Stopped, stop_on_signals, undivided

SCRIPT = """
import signal, sys, time
from ttc_env.scripting.console import errors_in_one_line, say
from ttc_env.scripting.signals import undivided
with errors_in_one_line():
    try:
        print("ready", flush=True)
        {body}
    except KeyboardInterrupt:
        print("saved", flush=True)
        {after}
"""
SIGNALS = (signal.SIGINT, signal.SIGTERM)
each_signal = pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)


def script(body="time.sleep(60)", after="raise"):
    ignoring = ["sh", "-c", 'trap "" INT TERM; exec "$@"', "sh"]  # as a script started with `&` inherits it
    command = [*ignoring, sys.executable, "-c", SCRIPT.format(body=body, after=after)]
    return started(command, ROOT, stdout=subprocess.PIPE, text=True)


@each_signal
def test_a_signal_is_taken_though_it_was_inherited_as_ignored(number):
    with script() as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.wait(20) == 128 + number
        assert process.stdout.read() == "saved\nstopped\n"


@each_signal
def test_the_second_signal_ends_it_at_once(number):
    with script(after="time.sleep(60)") as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.stdout.readline() == "saved\n"
        process.send_signal(number)
        assert process.wait(20) == -number


@each_signal
def test_what_is_undivided_comes_to_its_end(number):
    done = []

    def work():
        with stop_on_signals():
            with undivided():
                with undivided():
                    os.kill(os.getpid(), number)
                    done.append("inner")
                done.append("outer")
            done.append("too much")

    with pytest.raises(Stopped) as stop:
        work()
    assert done == ["inner", "outer"]
    assert stop.value.signal == number
    with undivided():  # what follows, such as saving, is not stopped again
        done.append("saved")


def test_patience_with_what_is_undivided_has_an_end(monkeypatch):
    monkeypatch.setattr("ttc_env.scripting.signals.PATIENCE", 0.05)

    def work():
        with stop_on_signals(), undivided():
            os.kill(os.getpid(), signal.SIGTERM)
            for _ in range(1000):
                time.sleep(0.02)

    with pytest.raises(Stopped):
        work()


def test_handlers_are_put_back_and_other_threads_left_alone():
    before = [signal.getsignal(number) for number in SIGNALS]
    with stop_on_signals():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before
    entered = []

    def elsewhere():
        with stop_on_signals(), undivided():
            entered.append(True)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert entered == [True]
