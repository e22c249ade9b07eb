"""Layouts in which others publish runs: what the tests write is read again, and what cannot be used is counted."""

import itertools
import json
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ttc_env
from curves.import_runs import Args, layout_of, main
from curves.importing.every_eval_ever import read_every_eval_ever
from curves.importing.inspect_logs import read_inspect
from curves.importing.matharena import read_matharena
from curves.importing.monkeys import read_monkeys

SAMPLES = st.lists(st.tuples(st.integers(0, 999), st.integers(0, 5000)), min_size=3, max_size=3)
RECORDED = st.dictionaries(st.sampled_from(["org/a", "org/b"]), st.lists(SAMPLES, min_size=2, max_size=4), min_size=1)


def row(model, problem, sample, answer, tokens, gold=7, **more):
    return {
        "problem_idx": str(problem), "problem": "?", "model_name": model, "model_config": "c", "idx_answer": sample,
        "answer": f"So \\boxed{{{answer}}}.", "input_tokens": 100, "output_tokens": tokens,
        "cost": 2e-6 * (tokens or 0) + 0.5e-6 * 100,
        "input_cost_per_tokens": 0.5, "output_cost_per_tokens": 2.0, "gold_answer": str(gold),
        "parsed_answer": str(answer), "correct": answer == gold,
    } | more  # fmt: skip


def write(path, rows):
    path.write_text("".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in rows))
    return path


@settings(max_examples=30)
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
    assert run.metadata["tariff"] == [2.0, 0.5]
    assert left == {
        "repeated samples": 1, "incomplete samples": 2, "questions with fewer samples than most": 1, "torn lines": 1,
        "lines without problem, model or sample": 1,
    }  # fmt: skip
    partial = row("m", 0, 7, 7, 10, correct=0.5)  # a proof, judged by its points
    ((_, left),) = read_matharena(write(tmp_path / "o.jsonl", [rows[1], partial]), "imo", None)
    assert left == {"samples that are right in part": 1}
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
        {
            "question": "?",
            "samples": samples,
            "is_corrects": right,
            "gt_answer": "2 + 2 = 4\n#### 4",
            "orig_dset_idx": i,
        }
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
    samples = np.array(market.levels)
    np.testing.assert_allclose(market.price, market.tokens * 2e-6 + 100 * 0.5e-6 * samples, rtol=1e-6)
    provenance = json.loads(out.with_suffix(".json").read_text())
    assert provenance["redistributable"] is True
    assert [model["origin"]["licence"] for model in provenance["models"]] == ["MIT", "MIT"]


EFFORTS = ("low", "medium", "high")


def ladder_rows(rng, models=(("one", 2.0, 0.3), ("two", 8.0, 0.5))):
    """MathArena's habit: an effort is a model of its own."""
    for model, price, skill in models:
        for place, effort in enumerate(EFFORTS):
            for p, s in itertools.product(range(10 + place), range(4)):
                tokens, right = int(rng.integers(50, 90)) * (place + 1), rng.random() < skill + 0.2 * place
                yield row(
                    f"{model} ({effort})", p, s, 7 if right else 8, tokens, output_cost_per_tokens=price,
                    cost=tokens * price * 1e-6 + 100 * 0.5e-6,
                )  # fmt: skip


LEVELS = tuple(f"{model}/{effort}={model} ({effort})" for model in ("one", "two") for effort in EFFORTS)


def test_efforts_of_public_models_are_levels_of_one(tmp_path):
    path, out = write(tmp_path / "o.jsonl", ladder_rows(np.random.default_rng(0))), tmp_path / "t.csv"
    given = {"source": path, "task": "aime", "out": out, "draws": 5, "methods": ("reasoning_effort",)}
    main(Args(levels=LEVELS, licence="MIT", redistributable=True, **given))
    market = ttc_env.load_market(out, outcomes=True)
    assert (market.providers, market.levels) == (("one", "two"), (1, 2, 3))
    assert market.outcomes.num_questions == 10
    np.testing.assert_allclose(market.price, market.tokens * [[2e-6], [8e-6]] + 50e-6, rtol=1e-5)
    provenance = json.loads(out.with_suffix(".json").read_text())["models"][1]
    assert provenance["origin"]["left_out"] == {"questions that not every level answered": 2}
    assert [level["licence"] for level in provenance["origin"]["levels"].values()] == ["MIT"] * 3
    for levels, fault in (
        (LEVELS[:4], "every model needs the same levels"),
        ((*LEVELS, LEVELS[0]), "level 'low' of one is given twice"),
        (("one/low=three",), r"no model 'three' in the data; there are one \(low\)"),
        (("low=one (low)",), "levels must be PROVIDER/LEVEL=MODEL, got 'low="),
        (LEVELS[:1], "needs two levels or more"),
    ):
        with pytest.raises(ValueError, match=fault):
            main(Args(levels=levels, **given))
    with pytest.raises(ValueError, match="need the method reasoning_effort alone"):
        main(Args(levels=LEVELS, **given | {"methods": ("majority_voting",)}))
    with pytest.raises(ValueError, match="one: no licence that was stated does not allow"):
        main(Args(levels=LEVELS, redistributable=True, **given))


def test_a_bill_that_list_prices_do_not_explain_is_kept_whole(tmp_path):
    """As where a batch was cheaper, or prices changed: what was paid, per generated token."""
    rows = [row("m", p, s, 7, 10, cost=30e-6) for p in range(2) for s in range(4)]
    ((run, _),) = read_matharena(write(tmp_path / "o.jsonl", rows), "aime", None)
    assert run.metadata["tariff"] == [pytest.approx(3.0)]
    ((run, _),) = read_matharena(write(tmp_path / "o.jsonl", [one | {"cost": None} for one in rows]), "aime", None)
    assert "tariff" not in run.metadata


def evaluated(model, question, answer, tokens, cached=0, gold=7):
    """A line in the schema of Every Eval Ever."""
    usage = {"input_tokens": 60, "output_tokens": tokens, "total_tokens": 60 + tokens, "input_tokens_cache_write": 40}
    return {
        "schema_version": "0.2.2", "evaluation_id": "e", "model_id": model, "evaluation_name": "AIME",
        "sample_id": question, "interaction_type": "single_turn", "input": {"raw": "?", "reference": [str(gold)]},
        "output": {"raw": [f"So \\boxed{{{answer}}}."]}, "messages": None,
        "answer_attribution": [
            {"turn_idx": 0, "source": "output.raw", "extracted_value": f" {answer} ", "extraction_method": "regex",
             "is_terminal": True}
        ],
        "evaluation": {"score": float(answer == gold), "is_correct": answer == gold},
        "token_usage": usage | {"input_tokens_cache_read": cached},
    }  # fmt: skip


def logged(question, epoch, answer, tokens, cached=0, gold=7, scorer="match"):
    """A sample in a log of Inspect."""
    usage = {"input_tokens": 60, "output_tokens": tokens, "total_tokens": 60 + tokens + cached}
    usage |= {"input_tokens_cache_write": 40, "input_tokens_cache_read": cached}
    text = f"So \\boxed{{{answer}}}."
    choice = {"message": {"role": "assistant", "content": text}, "stop_reason": "stop"}
    return {
        "id": question, "epoch": epoch, "input": "?", "target": str(gold),
        "output": {"model": "org/a", "choices": [choice], "completion": text, "usage": usage},
        "scores": {scorer: {"value": "C" if answer == gold else "I", "answer": str(answer)}},
        "model_usage": {"org/a": usage, "org/judge": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}},
    }  # fmt: skip


def write_log(path, samples, model="org/a"):
    header = {"version": 2, "status": "success", "eval": {"model": model, "task": "aime"}}
    if path.suffix == ".json":
        path.write_text(json.dumps(header | {"samples": samples}))
        return path
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for sample in samples:
            text = sample if isinstance(sample, str) else json.dumps(sample)
            name = (
                f"samples/{sample['id']}_epoch_{sample['epoch']}.json" if isinstance(sample, dict) else "samples/x.json"
            )
            file.writestr(name, text)
        file.writestr("header.json", json.dumps(header))
    return path


@pytest.mark.parametrize("layout", ["every_eval_ever", "inspect .eval", "inspect .json"])
@settings(max_examples=30)
@given(st.lists(SAMPLES, min_size=2, max_size=4))
def test_evaluations_in_records_out(tmp_path_factory, layout, recorded):
    folder, ending = tmp_path_factory.mktemp("runs"), layout.partition(" ")[2]
    flat = [(f"q{q}", s, *sample) for q, samples in enumerate(recorded) for s, sample in enumerate(samples)]
    if ending:
        path = write_log(folder / f"log{ending}", [logged(q, s + 1, answer, t, 5 * s) for q, s, answer, t in flat])
        ((run, left),) = read_inspect(path, "aime", "integer")
    else:
        path = write(folder / "x_samples.jsonl", [evaluated("org/a", q, answer, t, 5 * s) for q, s, answer, t in flat])
        ((run, left),) = read_every_eval_ever(path, "aime", "integer")
    assert layout_of(path) == layout.partition(" ")[0]
    assert not left
    assert run.model == "org/a"
    assert run.metadata["verdicts"] == {"compared": len(flat), "disagreement": 0}
    for q, samples in enumerate(recorded):
        read = run.questions[f"q{q}"]
        assert read.correct.tolist() == [answer == 7 for answer, _ in samples]
        assert read.tokens.tolist() == [tokens for _, tokens in samples]
        assert read.input.tolist() == [100, 100, 100]  # what was written to the cache was read as well
        assert read.cached.tolist() == [0, 5, 10]
        assert [read.answer[i] == read.answer[0] for i in range(3)] == [a == samples[0][0] for a, _ in samples]


def test_what_evaluations_lack_is_counted(tmp_path):
    good = [evaluated("a", q, 7, 10) for q in "xxyy"]
    wrong = [
        good[0] | {"token_usage": None}, good[0] | {"error": "timeout"}, good[0] | {"evaluation": {"score": 1}},
        good[0] | {"sample_id": None}, '{"torn',
    ]  # fmt: skip
    ((run, left),) = read_every_eval_ever(write(tmp_path / "a_samples.jsonl", good + wrong), "aime", None)
    assert [len(read.answer) for read in run.questions.values()] == [2, 2]
    assert sum(left.values()) == len(left) == 5
    other = [one | {"evaluation_name": "MATH"} for one in good]
    path = write(tmp_path / "a_samples.jsonl", good + other)
    with pytest.raises(ValueError, match="holds several evaluations; choose with --score one of AIME, MATH"):
        read_every_eval_ever(path, "aime", None)
    ((run, left),) = read_every_eval_ever(path, "aime", None, "MATH")
    assert left == {"lines of other evaluations than MATH": 4}

    samples = [logged(q, e, 7, 10) for q in "xy" for e in (1, 2)]
    faults = [
        samples[0] | {"scores": {"match": {"value": "P"}}}, samples[0] | {"error": {"message": "?"}},
        samples[0] | {"model_usage": {}, "output": {}}, samples[0] | {"epoch": None}, "{torn",
    ]  # fmt: skip
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = write_log(tmp_path / "log.eval", samples + faults + samples[:1])
    ((run, left),) = read_inspect(path, "aime", None)
    assert left["repeated samples"] == 1
    assert sum(left.values()) == 6
    both = [one | {"scores": one["scores"] | {"judge": {"value": 0}}} for one in samples]
    with pytest.raises(ValueError, match="has several scorers; choose with --score one of judge, match"):
        read_inspect(write_log(tmp_path / "log.json", both), "aime", None)
    ((run, _),) = read_inspect(tmp_path / "log.json", "aime", None, "judge")
    assert not run.questions["x"].correct.any()


def test_an_answer_that_was_cut_off_is_no_answer(tmp_path):
    cut = logged("x", 1, 8, 10)
    cut["output"]["choices"][0]["stop_reason"] = "max_tokens"
    ((run, _),) = read_inspect(write_log(tmp_path / "l.json", [cut, logged("x", 2, 7, 10)]), "aime", "integer")
    assert run.questions["x"].truncated.tolist() == [True, False]
    assert run.questions["x"].answer.tolist() == [-1, 1]


def test_a_folder_of_logs_is_a_market_of_models(tmp_path, capsys):
    rng = np.random.default_rng(0)
    for model, skill in (("org/a", 0.5), ("org/b", 0.8)):
        answers = [(q, e, int(rng.choice([7, 8], p=[skill, 1 - skill]))) for q in "uvwxyz" for e in range(4)]
        write_log(tmp_path / f"{model[-1]}.eval", [logged(q, e, a, 20) for q, e, a in answers], model)
    prices = tmp_path / "prices.csv"
    prices.write_text("model,price_usd_per_mtok,input_price_usd_per_mtok\norg/a,1,0.5\norg/b,2,1\n")
    main(Args(source=tmp_path, task="aime", out=tmp_path / "t.csv", prices=prices, draws=3))
    market = ttc_env.load_market(tmp_path / "t.csv")
    np.testing.assert_allclose(market.price, [[20e-6 + 50e-6, 80e-6 + 200e-6], [40e-6 + 100e-6, 160e-6 + 400e-6]])
    assert "our verdicts differ in 0.00% of 24 samples" in " ".join(capsys.readouterr().out.split())


ANY = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["7", "C", "", "\\boxed{7}"])
ANY = ANY | st.lists(ANY, max_size=2) | st.dictionaries(st.sampled_from(["raw", "value", "message"]), ANY, max_size=2)


def damaged(whole):
    """Copies of an object in which some fields, also of objects inside, are gone or hold something else."""
    inner = [name for name, value in whole.items() if isinstance(value, dict)]
    nested = st.fixed_dictionaries(
        {
            name: st.just(whole[name])
            | st.fixed_dictionaries({}, optional={key: st.just(value) | ANY for key, value in whole[name].items()})
            for name in inner
        }
    )
    changes = st.dictionaries(st.sampled_from(list(whole)), ANY, max_size=3)
    return st.builds(lambda one, other: whole | one | other, nested, changes)


@pytest.mark.parametrize("layout", ["matharena", "monkeys", "every_eval_ever", "inspect"])
@settings(max_examples=30)
@given(st.data())
def test_whatever_a_file_holds_is_counted_or_refused(tmp_path_factory, layout, data):
    monkey = {"samples": ["7", "8"], "is_corrects": [True, False], "gt_answer": "7", "orig_dset_idx": 3}
    whole = {"matharena": row("m", 0, 0, 7, 10), "monkeys": monkey, "inspect": logged("x", 1, 7, 10)}
    rows = data.draw(st.lists(damaged(whole.get(layout) or evaluated("m", "x", 7, 10)), max_size=4))
    path = tmp_path_factory.mktemp("fuzz") / ("o.json" if layout == "inspect" else "o.jsonl")
    try:
        if layout == "inspect":
            found = read_inspect(write_log(path, rows), "aime", "integer")
        elif layout == "monkeys":
            found = [read_monkeys(write(path, rows), "aime", "m", "integer", len)]
        else:
            read = read_matharena if layout == "matharena" else read_every_eval_ever
            found = read(write(path, rows), "aime", "integer")
    except ValueError as refused:
        found, fault = [], str(refused)
    else:
        fault = ""
    assert not fault or str(path) in fault
    for run, left in found:
        samples = [len(given_answers.answer) for given_answers in run.questions.values()]
        assert samples
        assert all(np.isfinite(given_answers.tokens).all() for given_answers in run.questions.values())
        assert len(found) > 1 or sum(samples) + sum(left.values()) >= len(rows)


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02", b"[]", b"{}", b"5\n", b"\xff\xfe", b"[1, 2"])
@pytest.mark.parametrize("name", ["o.jsonl", "o.json", "o.parquet"])
def test_foreign_files_are_one_error(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    readers = (
        lambda: read_matharena(path, "aime", "integer"),
        lambda: read_monkeys(path, "gsm8k", "m", "number", len),
        lambda: read_every_eval_ever(path, "gsm8k", "number"),
        lambda: read_inspect(path, "gsm8k", "number"),
    )
    for read in readers:
        with pytest.raises(ValueError, match=name):
            read()
