"""Raw runs of others become tables that `load_market` reads, and nothing is left out silently."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ttc_env
from curves.estimating.methods import curve
from curves.import_runs import command_line
from curves.importing.lm_eval import read_lm_eval
from curves.importing.published import read_published
from tests.helpers.scripts import run_here
from ttc_env.curves import load_curves, load_draws, load_outcomes

NAMES = ("meta-llama/Meta-Llama-3-8B-Instruct", "Qwen/Qwen2.5-7B-Instruct")  # with shipped list prices
FILE = "{}--temp-0.6--samples-8--max-512.jsonl"


def published(seed, questions=30, samples=8, reasoning=False, skill=0.6):
    rng = np.random.default_rng(seed)
    for q in range(questions):
        answers = [str(rng.choice([7, 8, 9], p=[skill, (1 - skill) / 2, (1 - skill) / 2])) for _ in range(samples)]
        answers[0] = None if q % 3 == 0 else answers[0]
        tokens = rng.integers(50, 500, samples).tolist()
        yield {
            "qid": q,
            "answers": answers,
            "correct": [answer == "7" for answer in answers],
            "explanations": ["..."] * samples,
            "num_tokens": [[count - 20, count] for count in tokens] if reasoning else tokens,
            "rewards": rng.random(samples).round(3).tolist(),
        }


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def run(*arguments):
    return run_here(command_line, Path.cwd(), *arguments)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    for seed, name in enumerate(NAMES):
        write(folder / FILE.format(name.split("/")[1]), published(seed, skill=0.5 + seed / 5))
    return folder


def test_the_published_layout_becomes_a_market(folder, tmp_path):
    torn = next(iter(folder.glob("*Llama*")))
    with open(torn, "a") as file:
        file.write(json.dumps(next(published(0))) + '\n{"qid": 99, "answers": ["1"]}\n{"qid": 3, "ans')
    out = tmp_path / "gsm8k.csv"
    result = run(folder, "--task", "gsm8k", "--out", out, "--methods", "majority_voting", "best_of_n", "--draws", 50)
    assert result.returncode == 0, result.said
    said = " ".join(result.said.split())
    assert "30 questions, 1 repeated questions, 1 incomplete questions, 1 torn lines" in said
    market = ttc_env.load_market(out, name="gsm8k/majority_voting", beta=1000.0)
    assert market.levels == (1, 4, 8)
    assert market.providers == ("Meta-Llama-3-8B-Instruct", "Qwen2.5-7B-Instruct")
    assert (np.diff(market.accuracy) > 0).all()
    rows = list(csv.DictReader(out.open()))
    assert all(float(row["low"]) < float(row["accuracy"]) < float(row["high"]) for row in rows)
    accuracy, tokens = load_outcomes(out, name="gsm8k/majority_voting")
    np.testing.assert_allclose(accuracy.mean(-1), market.accuracy, atol=1e-6)
    np.testing.assert_allclose(tokens.mean(-1), load_curves(out, name="gsm8k/majority_voting").tokens, rtol=1e-6)
    drawn = load_draws(out, name="gsm8k/best_of_n", beta=200.0)
    assert len(drawn) == 50
    first = ttc_env.load_market(out, name="gsm8k/best_of_n", beta=200.0)
    spread = np.std([one.accuracy for one in drawn], axis=0)
    errors = [float(row["standard_error"]) for row in csv.DictReader(out.open()) if row["method"] == "best_of_n"]
    np.testing.assert_allclose(spread, np.reshape(errors, (2, 3)), rtol=0.4)
    np.testing.assert_allclose(np.mean([one.accuracy for one in drawn], axis=0), first.accuracy, atol=0.04)
    assert {one.beta for one in drawn} == {200.0}
    provenance = json.loads(out.with_suffix(".json").read_text())
    assert provenance["models"][0]["origin"]["left_out"] == {
        "repeated questions": 1, "incomplete questions": 1, "torn lines": 1,
    }  # fmt: skip


def test_a_run_is_read_field_by_field(tmp_path):
    rows = [
        {"qid": "a", "answers": ["1", "2", None], "correct": "1.0", "num_tokens": [10, 512, 30]},
        {
            "qid": "b",
            "answers": ["x", "x", "y"],
            "correct": [True, True, False],
            "num_tokens": [[5, 9], [6, 9], [7, 9]],
        },
        {"qid": "c", "answers": ["1"], "correct": "1", "num_tokens": [10]},
    ]
    run, left = read_published(write(tmp_path / FILE.format("m"), rows), "gsm8k")
    assert left == {"questions with fewer samples than most": 1}
    assert "c" not in run.questions
    assert run.questions["a"].correct.tolist() == [True, False, False]
    assert run.questions["a"].truncated.tolist() == [False, True, False]  # as long as the limit: cut off
    assert run.questions["a"].answer.tolist() == [0, -1, -1]
    assert run.questions["b"].answer.tolist() == [0, 0, 1]
    assert run.questions["b"].thinking.tolist() == [5, 6, 7]
    accuracy, tokens, *_ = curve(run, "majority_voting", [1, 3], ["a", "b"])
    np.testing.assert_allclose(accuracy, [[1 / 3, 2 / 3], [1, 1]])
    np.testing.assert_allclose(tokens, [[184, 9], [552, 27]])
    with pytest.raises(ValueError, match="no rewards were recorded"):
        curve(run, "best_of_n", [1], ["a"])


def test_effort_bins_are_quintiles_of_thinking_within_each_question(tmp_path):
    tokens = [[10 * i, 10 * i + 5] for i in (5, 1, 9, 3, 7, 2, 8, 4, 6, 10)]
    right = [count > 50 for count, _ in tokens]
    row = {"qid": 0, "answers": ["1"] * 10, "correct": right, "num_tokens": tokens}
    run, _ = read_published(write(tmp_path / FILE.format("m"), [row]), "aime")
    accuracy, spent, *_ = curve(run, "reasoning_quantile", [1, 2, 3, 4, 5], ["0"])
    np.testing.assert_allclose(accuracy[:, 0], [0, 0, 0.5, 1, 1])
    np.testing.assert_allclose(spent[:, 0], [20, 40, 60, 80, 100])


def test_samples_of_the_evaluation_harness(tmp_path):
    rows = [
        {"doc_id": 0, "target": "so\n#### 4", "resps": [["2 + 2 = 4\n#### 4", "five: 5"]], "filter": "strict-match"},
        {
            "doc_id": 0,
            "target": "so\n#### 4",
            "resps": [["2 + 2 = 4\n#### 4", "five: 5"]],
            "filter": "flexible-extract",
        },
        {"doc_id": 1, "target": "7", "resps": [["no idea", "7"]], "filter": "strict-match"},
        {"doc_id": 2, "target": "unknown", "resps": [["7", "7"]], "filter": "strict-match"},
    ]
    path = write(tmp_path / "samples_gsm8k.jsonl", rows)
    run, left = read_lm_eval(path, "gsm8k", "m", "number", lambda text: len(text.split()))
    assert left == {"incomplete questions": 1}
    assert [given.correct.tolist() for given in run.questions.values()] == [[True, False], [False, True]]
    assert run.questions["0"].tokens.tolist() == [7, 2]


def test_a_question_under_several_filters_is_no_fault_but_other_responses_are(tmp_path):
    row = {"doc_id": 0, "target": "4", "resps": [["4", "5"]], "filter": "strict-match"}
    rows = [row, row | {"filter": "flexible-extract"}, row | {"resps": [["4", "4"]]}, row | {"doc_id": 1}]
    run, left = read_lm_eval(write(tmp_path / "samples.jsonl", rows), "gsm8k", "m", "number", len)
    assert left == {"lines with other responses to a question that is there already": 1}
    assert [given.correct.tolist() for given in run.questions.values()] == [[True, False], [True, False]]


def test_log_likelihood_samples_are_counted_or_refused_in_one_line(tmp_path):
    """As multiple-choice tasks write them: pairs of a log-likelihood and whether it is the greedy one."""
    choice = {"doc_id": 7, "target": "4", "resps": [[["-3.1", "False"]], [["-0.2", "True"]]]}
    rows = [choice, {"doc_id": 0, "target": "4", "resps": [["4"]]}, choice | {"doc_id": 8}]
    run, left = read_lm_eval(write(tmp_path / "samples.jsonl", rows), "gsm8k", "m", "number", len)
    assert left == {"log-likelihood samples, which have no text": 2}
    assert list(run.questions) == ["0"]
    with pytest.raises(ValueError, match=r"no question can be read \(1 log-likelihood samples, which have no text\)"):
        read_lm_eval(write(tmp_path / "samples.jsonl", [choice]), "gsm8k", "m", "number", len)


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
VALUES = (
    VALUES | st.lists(VALUES | st.lists(VALUES, max_size=2), max_size=3) | st.dictionaries(st.text(max_size=2), VALUES)
)
FIELDS = ("qid", "doc_id", "answers", "correct", "num_tokens", "rewards", "target", "resps", "filter")


@given(st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, VALUES)), max_size=3))
def test_whatever_lines_hold_is_counted_or_refused(tmp_path_factory, rows):
    path = write(tmp_path_factory.mktemp("fuzz") / FILE.format("m"), rows)
    for read in (read_published, lambda path, task: read_lm_eval(path, task, "m", "number", len)):
        try:
            run, left = read(path, "gsm8k")
        except ValueError as refused:
            fault = str(refused)
        else:
            fault = ""
            assert len(run.questions) + sum(left.values()) <= len(rows)
            assert all(np.isfinite(given_answers.tokens).all() for given_answers in run.questions.values())
        assert not fault or "no question can be read" in fault


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["nowhere"], "nowhere does not exist"),
        (["bare"], "holds no MODEL--temp"),
        (["bare", "--layout", "inspect"], "holds no file of layout inspect"),
        (["runs", "--layout", "monkeys", "--model", "m", "--tokenizer", "t"], "holds one model; runs has 2"),
        (["--task", "mmlu", "samples.jsonl", "--model", "m", "--tokenizer", "t"], "no verifier for task 'mmlu'"),
        (["other.jsonl"], "a layout that is not known; its first line has colour"),
        (["runs", "--redistributable"], "no licence that was stated does not allow"),
        (["runs", "--redistributable", "--licence", "CC-BY-NC-SA-4.0"], "CC-BY-NC-SA-4.0 does not allow"),
        (["misnamed"], "the name must be MODEL--temp-T--samples-N--max-M.jsonl"),
        (["empty"], "no question can be read"),
        (["samples.jsonl"], "need --model and --tokenizer"),
        (["unpriced"], "0 prices for 'unheard-of'"),
        (["runs", "--methods", "magic"], "unknown method 'magic'"),
        (["runs", "--methods", "reasoning_effort"], "needs thinking budgets"),
        (["runs", "--draws", "0"], "draws must be at least 1"),
    ],
)
def test_wrong_input_is_one_error(tmp_path, monkeypatch, folder, arguments, fault):
    monkeypatch.chdir(tmp_path)
    for name, file, rows in (
        ("misnamed", "model.jsonl", published(0)),
        ("empty", FILE.format("m"), ()),
        ("unpriced", FILE.format("unheard-of"), published(0)),
    ):
        (tmp_path / name).mkdir()
        write(tmp_path / name / file, rows)
    (tmp_path / "bare").mkdir()
    write(tmp_path / "samples.jsonl", [{"doc_id": 0}])
    write(tmp_path / "other.jsonl", [{"colour": 0}])
    result = run(*arguments)
    assert result.returncode == 2
    assert fault in " ".join(result.said.split())
    assert not list(tmp_path.glob("*.csv"))
