"""Layouts in which others publish runs: what the tests write is read again, and what cannot be used is counted."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ttc_env
from curves.import_runs import Args, layout_of, main
from curves.importing.matharena import read_matharena
from curves.importing.monkeys import read_monkeys

SAMPLES = st.lists(st.tuples(st.integers(0, 999), st.integers(0, 5000)), min_size=3, max_size=3)
RECORDED = st.dictionaries(st.sampled_from(["org/a", "org/b"]), st.lists(SAMPLES, min_size=2, max_size=4), min_size=1)


def row(model, problem, sample, answer, tokens, gold=7, **more):
    return {
        "problem_idx": str(problem), "problem": "?", "model_name": model, "model_config": "c", "idx_answer": sample,
        "answer": f"So \\boxed{{{answer}}}.", "input_tokens": 100, "output_tokens": tokens,
        "cost": 2e-6 * (tokens or 0),
        "input_cost_per_tokens": 0.5, "output_cost_per_tokens": 2.0, "gold_answer": str(gold),
        "parsed_answer": str(answer), "correct": answer == gold,
    } | more  # fmt: skip


def write(path, rows):
    path.write_text("".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in rows))
    return path


@given(RECORDED)
def test_matharena_records_in_records_out(tmp_path_factory, recorded):
    rows = [
        row(model, problem, sample, answer, tokens)
        for model, problems in recorded.items()
        for problem, samples in enumerate(problems)
        for sample, (answer, tokens) in enumerate(samples)
    ]
    found = read_matharena(write(tmp_path_factory.mktemp("arena") / "outputs.jsonl", rows), "aime", "integer")
    assert {run.model for run, _ in found} == set(recorded)
    for run, left in found:
        assert not left
        assert run.metadata["verdicts"] == {"compared": 3 * len(recorded[run.model]), "disagreement": 0}
        for problem, samples in enumerate(recorded[run.model]):
            read = run.questions[str(problem)]
            assert read.correct.tolist() == [answer == 7 for answer, _ in samples]
            assert read.tokens.tolist() == [tokens for _, tokens in samples]
            assert [read.answer[i] == read.answer[0] for i in range(3)] == [a == samples[0][0] for a, _ in samples]


def test_matharena_verdicts_are_kept_and_ours_stand_beside_them(tmp_path):
    rows = [row("m", p, s, 7, 10) for p in range(2) for s in range(4)]
    rows[0] |= {"correct": False}  # a verdict of theirs that ours does not share
    rows += [row("m", 0, 0, 7, 10), row("m", 2, 0, 7, 10), row("m", 0, 9, 7, None), row("m", 0, 8, 7, 10, correct=None)]
    rows += ['{"torn', {"problem_idx": "1"}]
    ((run, left),) = read_matharena(write(tmp_path / "o.jsonl", rows), "aime", "integer")
    assert run.questions["0"].correct.tolist() == [False, True, True, True]
    assert run.metadata["verdicts"] == {"compared": 9, "disagreement": 1 / 9}
    assert run.metadata["tariff"] == [pytest.approx(2.0)]
    assert left == {
        "repeated samples": 1, "incomplete samples": 2, "questions with fewer samples than most": 1, "torn lines": 1,
        "lines without problem, model or sample": 1,
    }  # fmt: skip
    ((plain, _),) = read_matharena(tmp_path / "o.jsonl", "any name", None)
    assert "verdicts" not in plain.metadata


def test_matharena_as_parquet_is_the_same(tmp_path):
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rows = [row(model, p, s, 7 + (s == p), 10 + s) for model in "ab" for p in range(3) for s in range(4)]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "o.parquet")
    for (run, left), (other, _) in zip(
        read_matharena(tmp_path / "o.parquet", "aime", "integer"),
        read_matharena(write(tmp_path / "o.jsonl", rows), "aime", "integer"),
        strict=True,
    ):
        assert not left
        assert run.model == other.model
        for question in run.questions:
            np.testing.assert_array_equal(run.questions[question].tokens, other.questions[question].tokens)
            np.testing.assert_array_equal(run.questions[question].correct, other.questions[question].correct)
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(ValueError, match=r"bad\.parquet: not a parquet file"):
        read_matharena(tmp_path / "bad.parquet", "aime", "integer")


@pytest.mark.parametrize("listed", [True, False])
def test_monkeys_keep_their_verdicts_and_count_tokens(tmp_path, listed):
    cases = (
        (["#### 4", "#### 5 5"], [True, False]),
        (["#### 4", "none"], [False, False]),
        (["#### 4"], []),
        ("abc", [True] * 3),
    )
    rows = [
        {"question": "?", "samples": samples, "is_corrects": right, "gt_answer": "4", "orig_dset_idx": i}
        for i, (samples, right) in enumerate(cases)
    ]
    rows.append(rows[0])
    path = tmp_path / ("m.json" if listed else "m.jsonl")
    path.write_text(json.dumps(rows)) if listed else write(path, rows)
    assert layout_of(path) == "monkeys"
    run, left = read_monkeys(path, "gsm8k", "m", "number", lambda text: len(text.split()))
    assert left == {"incomplete questions": 2, "repeated questions": 1}
    assert [read.correct.tolist() for read in run.questions.values()] == [[True, False], [False, False]]
    assert run.questions["0"].tokens.tolist() == [2, 3]
    assert run.metadata["verdicts"] == {"compared": 4, "disagreement": 1 / 4}


def test_a_public_run_becomes_a_market_with_its_licence(tmp_path):
    """Billed prices, no list needed, and a benchmark that no verifier here knows."""
    rng = np.random.default_rng(0)
    rows = [
        row(model, p, s, int(rng.choice([7, 8], p=[skill, 1 - skill])), int(rng.integers(50, 90)))
        for model, skill in (("org/a", 0.5), ("org/b", 0.8))
        for p in range(20)
        for s in range(8)
    ]
    path, out = write(tmp_path / "o.jsonl", rows), tmp_path / "t.csv"
    main(
        Args(
            source=path,
            task="olympiad",
            out=out,
            draws=5,
            licence="MIT",
            origin="here",
            dated="2026",
            redistributable=True,
        )
    )
    market = ttc_env.load_market(out, answer_value=0.01)
    assert market.providers == ("a", "b") or market.providers == ("org/a", "org/b")
    assert market.levels == (1, 4, 8)
    np.testing.assert_allclose(market.price, ttc_env.curves.load_curves(out).tokens * 2e-6, rtol=1e-6)
    provenance = json.loads(out.with_suffix(".json").read_text())
    assert provenance["redistributable"] is True
    assert [model["origin"]["licence"] for model in provenance["models"]] == ["MIT", "MIT"]


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02", b"[]", b"{}", b"5\n", b"\xff\xfe", b"[1, 2"])
@pytest.mark.parametrize("name", ["o.jsonl", "o.json", "o.parquet"])
def test_foreign_files_are_one_error(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    readers = (
        lambda: read_matharena(path, "aime", "integer"),
        lambda: read_monkeys(path, "gsm8k", "m", "number", len),
    )
    for read in readers:
        with pytest.raises(ValueError, match=name):
            read()
