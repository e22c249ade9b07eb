"""Files that are whole or as they were."""

import os
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.scripts import ROOT, run_python, started
from ttc_env.scripting.files import file_name, remove_drafts, replacing, write_text
from ttc_env.scripting.locks import Claims, try_lock


def test_an_error_leaves_what_was_there(tmp_path):
    path = tmp_path / "it.csv"
    write_text(path, "first\n")
    with pytest.raises(TypeError), replacing(path) as draft:
        draft.write_text("half") + "a number"
    assert path.read_text() == "first\n"
    assert os.listdir(tmp_path) == ["it.csv"]


def test_a_full_disk_leaves_what_was_there(tmp_path):
    path = tmp_path / "it.txt"
    write_text(path, "first\n")
    script = """
import resource, sys
from pathlib import Path
from ttc_env.scripting.files import write_text
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    write_text(Path(sys.argv[1]), "x" * 1000)
except OSError as error:
    print("full")
"""
    assert run_python(script, path).stdout == "full\n"
    assert path.read_text() == "first\n"
    assert os.listdir(tmp_path) == ["it.txt"]


def test_a_killed_writer_leaves_a_draft_that_can_be_removed(tmp_path):
    path = tmp_path / "it.txt"
    write_text(path, "first\n")
    script = f"""
import os, time
from pathlib import Path
from ttc_env.scripting.files import replacing
with replacing(Path({str(path)!r})) as draft:
    draft.write_text("half")
    time.sleep(60)
"""

    with started([sys.executable, "-c", script], ROOT) as process:
        for _ in range(1000):
            if len(os.listdir(tmp_path)) == 2:
                break
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait(20)
    assert path.read_text() == "first\n"
    remove_drafts(tmp_path)
    assert os.listdir(tmp_path) == ["it.txt"]


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_is_a_file_name_and_two_texts_are_two(one, other):
    for text in (one, other):
        name = file_name(text)
        assert name
        assert not name.startswith(".")
        assert not set(name) & set('/\\:*?"<>|\n\x00 ')
        assert len(name) < 120
    assert (file_name(one) == file_name(other)) == (one == other)


def test_plain_names_stay():
    assert file_name("gsm8k-per_token-beta1e+05-mine.Mine-seed0") == "gsm8k-per_token-beta1e+05-mine.Mine-seed0"


def test_what_one_process_claims_no_other_does_and_a_dead_one_claims_nothing(tmp_path):

    claims = Claims(tmp_path / "claims")
    assert claims.claim("mine")
    script = f"""
import time
from pathlib import Path
from ttc_env.scripting.locks import Claims
claims = Claims(Path({str(tmp_path / "claims")!r}))
print(claims.claim("mine"), claims.claim("theirs"), flush=True)
time.sleep(60)
"""
    with started([sys.executable, "-c", script], ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "False True\n"
        assert not claims.claim("theirs")
        process.kill()
        process.wait(20)
        assert claims.claim("theirs")
    claims.close()


def test_a_lock_lasts_until_the_file_is_closed(tmp_path):
    path = tmp_path / "it"
    path.touch()
    first, second = (os.open(path, os.O_RDWR) for _ in range(2))
    assert try_lock(first)
    assert not try_lock(second)
    os.close(first)
    assert try_lock(second)
    os.close(second)
