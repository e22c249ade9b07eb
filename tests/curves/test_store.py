"""Raw records survive whatever happens to the process that writes them."""

import contextlib
import json
import sys

import pytest

from curves.records.store import RawStore, complete_questions
from tests.helpers.scripts import ROOT, run_python, started
from ttc_env.scripting.jsonl import read_lines

CONFIG = {"model": "m", "samples": 3}


def lines(name, number=3):
    return [{"sample": i, "text": f"{name} {i}"} for i in range(number)]


def filled(folder):
    with RawStore(folder, CONFIG, 3) as store:
        for name in "abc":
            store.append(name, lines(name))
    return (folder / "records.jsonl").read_bytes()


def test_a_file_cut_at_any_byte_resumes_at_the_question(tmp_path):
    whole = filled(tmp_path)
    ends = [i for i in range(len(whole) + 1) if whole[:i].count(b"\n") % 3 == 0 and (i == 0 or whole[i - 1] == 10)]
    for cut in range(len(whole) + 1):
        (tmp_path / "records.jsonl").write_bytes(whole[:cut])
        with RawStore(tmp_path, CONFIG, 3) as store:
            assert len(store.done) == ends.index(max(end for end in ends if end <= cut))
            for name in "abc":
                if name not in store.done:
                    store.append(name, lines(name))
        assert (tmp_path / "records.jsonl").read_bytes() == whole


def test_notes_cut_short_are_dropped(tmp_path):
    with RawStore(tmp_path, CONFIG, 3) as store:
        store.note("usage", {"seconds": 1})
    with open(tmp_path / "usage.jsonl", "a") as file:
        file.write('{"seco')
    with RawStore(tmp_path, CONFIG, 3) as store:
        store.note("usage", {"seconds": 2})
    seconds = [json.loads(line)["seconds"] for line in (tmp_path / "usage.jsonl").read_text().splitlines()]
    assert seconds == [1, 2]


def test_damage_that_no_killed_process_leaves_is_not_passed_over(tmp_path):
    whole = filled(tmp_path)
    path = tmp_path / "records.jsonl"
    for damaged in (whole.replace(b'"b"', b'"c"', 1), whole.replace(b'{"question": "b"', b"{", 1), whole + whole):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"records\.jsonl, line \d+: damaged"):
            RawStore(tmp_path, CONFIG, 3)


def test_another_configuration_or_process_is_refused(tmp_path):
    filled(tmp_path)
    with pytest.raises(ValueError, match=r"another configuration \(model: 'm' there, 'n' now\)"):
        RawStore(tmp_path, CONFIG | {"model": "n"}, 3)
    with (
        RawStore(tmp_path / "other", CONFIG, 3),
        pytest.raises(ValueError, match="another process is measuring"),
    ):
        RawStore(tmp_path / "other", CONFIG, 3)


def test_a_question_is_written_once_and_whole(tmp_path):
    with RawStore(tmp_path, CONFIG, 3) as store:
        store.append("a", lines("a"))
        with pytest.raises(ValueError, match="'a' is complete"):
            store.append("a", lines("a"))
        with pytest.raises(ValueError, match="2 records are not 3"):
            store.append("b", lines("b", 2))


def test_a_full_disk_keeps_what_was_measured(tmp_path):
    """The limit on the file's size ends a write in its middle, as a full disk does."""
    script = """
import resource, sys
from pathlib import Path
from curves.records.store import RawStore
sys.path.insert(0, "tests/curves")
from test_store import CONFIG, lines
with RawStore(Path(sys.argv[1]), CONFIG, 3) as store:
    store.append("a", lines("a"))
    size = (Path(sys.argv[1]) / "records.jsonl").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 70, size + 70))
    try:
        store.append("b", lines("b"))
    except OSError as error:
        print(type(error).__name__, sorted(store.done))
"""
    done = run_python(script, tmp_path)
    assert done.stdout == "OSError ['a']\n"
    path = tmp_path / "records.jsonl"
    assert len(path.read_text().splitlines()) == 3
    assert complete_questions(path, 3) == ({"a"}, path.stat().st_size)


def test_everything_that_locks_can_be_imported_where_there_is_no_fcntl(tmp_path):
    """As on Windows; where a lock is taken, one line says what to do."""
    script = """
import sys
sys.modules["fcntl"] = None
import curves.build, curves.import_runs, curves.reverify, train.benchmark
from pathlib import Path
from curves.records.store import RawStore
RawStore(Path(sys.argv[1]), {}, 3)
"""
    done = run_python(script, tmp_path)
    assert done.stderr.endswith("OSError: files are locked by fcntl, which Linux and macOS have; on Windows, use WSL\n")


def test_writers_of_one_file_exclude_each_other(tmp_path):
    """Long lines of several processes at once, none of them torn."""
    script = """
import sys
from pathlib import Path
from ttc_env.scripting.jsonl import JsonLines
file = JsonLines(Path(sys.argv[1]))
for i in range(50):
    file.append([{"writer": sys.argv[2], "line": i, "text": "x" * 5000}] * 2)
"""
    path = tmp_path / "lines.jsonl"
    with contextlib.ExitStack() as stack:
        commands = ([sys.executable, "-c", script, path, i] for i in range(3))
        writers = [stack.enter_context(started(command, ROOT)) for command in commands]
        assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    found = [(line["writer"], line["line"]) for line in read_lines(path)]
    assert found[::2] == found[1::2]
    assert sorted(found[::2]) == sorted((str(i), j) for i in range(3) for j in range(50))
