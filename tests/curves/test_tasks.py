"""Benchmarks from local files, from the hub's loader, and made on the spot."""

import json

import pytest

from curves.tasks import load_task
from curves.tasks.arithmetic import questions, running_totals
from curves.verify import reader

GPQA = {"Question": "Which?", "Correct Answer": "right", "Record ID": "rec1"} | {
    f"Incorrect Answer {i}": f"wrong {i}" for i in (1, 2, 3)
}


@pytest.fixture
def file(tmp_path):
    def write(*rows):
        path = tmp_path / "task.jsonl"
        path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
        return str(path)

    return write


def test_gsm8k_and_aime_in_their_own_columns(file):
    task = load_task("gsm8k", source=file({"question": "6 * 7?", "answer": "6 * 7 = <<6*7=42>>42\n#### 42"}))
    assert task.questions == (("0", "6 * 7?", "42"),)
    task = load_task("aime", source=file({"ID": "2024-I-1", "Problem": "How many?", "Answer": 25}))
    assert task.questions == (("2024-I-1", "How many?", "25"),)


def test_choices_are_permuted_by_seed_and_id_only(file):
    rows = [GPQA | {"Record ID": f"rec{i}"} for i in range(40)]
    task = load_task("gpqa", source=file(*rows), seed=3)
    assert len({question.answer for question in task.questions}) == 4
    for question in task.questions:
        assert f"({question.answer}) right" in question.text
        assert all(f"wrong {i}" in question.text for i in (1, 2, 3))
    backwards = load_task("gpqa", source=file(*reversed(rows)), seed=3)
    assert set(backwards.questions) == set(task.questions)
    assert load_task("gpqa", source=file(*rows), seed=4).questions != task.questions


def test_made_questions_are_right_distinct_and_reproducible():
    task = load_task("arithmetic", limit=300, seed=1)
    assert len({question.text for question in task.questions}) == 300
    assert all(eval(question.text) == int(question.answer) for question in task.questions)
    assert load_task("arithmetic", limit=10, seed=1).questions == task.questions[:10]
    assert load_task("arithmetic", limit=10, seed=2).questions != task.questions[:10]
    assert load_task("arithmetic", limit=10, seed=1).describe()["sha256"] != task.describe()["sha256"]
    assert all(running_totals(terms)[-1] == sum(terms) for _, terms in questions(20, 0))


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        (['{"question": '], "line 1: not JSON"),
        ([{"question": "x", "answer": "1"}, {"question": "y"}], "line 2: missing answer or Answer; has question"),
        ([{"question": "x", "answer": "many"}], "line 1: no answer of a gsm8k question: 'many'"),
        ([{"question": "x", "answer": "1", "id": "a"}] * 2, r"repeated ids \['a'\]"),
        ([], "no questions"),
        (["[1, 2]"], "line 1: not a JSON object"),
        (["[" * 100_000], "line 1: not JSON"),
    ],
)
def test_a_malformed_file_is_one_error_with_file_line_and_fault(file, rows, fault):
    with pytest.raises(ValueError, match=rf"task\.jsonl.*{fault}"):
        load_task("gsm8k", source=file(*rows))


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1c"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
def test_only_a_line_feed_ends_a_line(tmp_path, mark, end):
    path = tmp_path / "task.jsonl"
    rows = [{"question": f"6{mark}* 7?", "answer": "42"}, {"question": "1?", "answer": "1"}]
    text = "".join(json.dumps(row, ensure_ascii=mark < " ") + end for row in rows)
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    task = load_task("gsm8k", source=str(path))
    assert [question.text for question in task.questions] == [f"6{mark}* 7?", "1?"]
    path.write_bytes(text.encode() + b"\xff\n")
    with pytest.raises(ValueError, match=r"task\.jsonl, line \d: not UTF-8 text"):
        load_task("gsm8k", source=str(path))


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"unknown task 'mmlu'; allowed: gsm8k, aime, gpqa, arithmetic, or a \.jsonl"):
        load_task("mmlu")
    with pytest.raises(ValueError, match="limit must be at least 1, got 0"):
        load_task("arithmetic", limit=0)
    with pytest.raises(FileNotFoundError):
        load_task("gsm8k", source="nowhere.jsonl")


def test_the_hub_loader_reads_a_data_set(tmp_path):
    """The same call that reads the hub, on a folder with a data set in it."""
    pytest.importorskip("datasets")
    (tmp_path / "test.jsonl").write_text('{"question": "6 * 7?", "answer": "#### 42"}\n')
    task = load_task("gsm8k", source=str(tmp_path))
    assert task.questions == (("0", "6 * 7?", "42"),)
    assert task.revision not in ("", "none")


def test_questions_of_ones_own_with_every_verifier(file, monkeypatch, tmp_path):
    (tmp_path / "mine_to_read.py").write_text("def words(text): return str(len(text.split())) if text else None\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for verifier, given, truth, text in (
        ("number", "1/2", "1/2", "The answer is **0.5**."),
        ("integer", "042", "42", "\\boxed{42}"),
        ("exact", "The  Louvre.", "the louvre", "In Paris.\nAnswer: **the Louvre**"),
        ("mine_to_read:words", "3", "3", "one two three"),
    ):
        task = load_task(file({"question": "?", "answer": given}), verifier=verifier)
        assert (task.name, task.kind, task.questions[0].answer) == ("task", verifier, truth)
        assert reader(verifier)(text).flexible == truth
    rows = [{"id": i, "question": "?", "choices": ["x", "y", "z"], "answer": "z" if i % 2 else "C"} for i in range(30)]
    task = load_task(file(*rows), verifier="choice")
    assert {question.answer for question in task.questions} == set("ABC")
    assert all(f"({question.answer}) z" in question.text for question in task.questions)


@pytest.mark.parametrize(
    ("verifier", "row", "fault"),
    [
        (None, {"question": "?", "answer": "1"}, "needs a verifier: number, integer, choice, exact"),
        (
            "colour",
            {"question": "?", "answer": "1"},
            "unknown verifier 'colour'; allowed: number, integer, choice, exact",
        ),
        ("no.such:f", {"question": "?", "answer": "1"}, "cannot load verifier 'no.such:f'"),
        ("json:none", {"question": "?", "answer": "1"}, "cannot load verifier 'json:none'"),
        ("integer", {"question": "?", "answer": "1000"}, "line 1: no answer"),
        ("choice", {"question": "?", "answer": "w", "choices": ["x", "y"]}, "line 1: the answer must be one of"),
        ("choice", {"question": "?", "answer": "C", "choices": ["x", "y"]}, "line 1: the answer must be one of"),
    ],
)
def test_questions_of_ones_own_that_are_wrong_are_one_error(file, verifier, row, fault):
    with pytest.raises(ValueError, match=fault):
        load_task(file(row), verifier=verifier)
