"""`curves/measure.py` and `curves/build.py` as a user runs them, killed and resumed, on a tiny model."""

import json
import multiprocessing
import random
import resource
import shutil
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import ttc_env
from curves.build import Args as BuildArgs
from curves.build import main as build
from curves.measure import Args, command_line, main
from curves.records.runs import read_raw
from curves.reverify import command_line as reverify_command_line
from curves.reverify import reverify
from curves.tasks import load_task
from tests.helpers.scripts import ROOT, run_command, run_here

pytest.importorskip("transformers")
MEASURE, BUILD = (Path(__file__).parents[2] / "curves" / name for name in ("measure.py", "build.py"))
QUESTIONS, SAMPLES, BUDGETS = 12, 6, (0, 4, 8)


def command(tiny, out, *more):
    options = {
        **{"model": tiny / "model", "provider": "org/tiny", "task": "arithmetic", "engine": "transformers"},
        **{"device": "cpu", "threads": 1, "samples": SAMPLES, "limit": QUESTIONS, "max-tokens": 12, "batch": 3},
        **{"temperature": 1.0, "prompt": tiny / "prompt.json", "out": out, "name": "run"},
    }
    budgets = ["--budgets", *map(str, BUDGETS)]
    return [sys.executable, str(MEASURE), *(f"--{name}={value}" for name, value in options.items()), *budgets, *more]


def measure(tiny, out, *more, folder=ROOT, **options):
    return run_command(command(tiny, out, *more), folder, **options)


def records(out):
    return [json.loads(line) for line in (out / "run" / "records.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def clean(tiny, tmp_path_factory):
    """A measurement that nothing disturbed."""
    out = tmp_path_factory.mktemp("clean")
    result = measure(tiny, out, "--reward-model", str(tiny / "reward"), "--keep-text")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "12/12 questions" in result.stdout
    return out


@pytest.mark.long
def test_every_sample_has_its_record(clean):
    found = records(clean)
    assert len(found) == QUESTIONS * SAMPLES * (1 + len(BUDGETS))
    free = [record for record in found if record["budget"] is None]
    assert sorted(record["seed"] for record in free) == sorted({record["seed"] for record in free})
    fields = {"question", "sample", "budget", "seed", "text_sha256", "answer", "strict", "correct", "correct_strict"}
    fields |= {"input_tokens", "tokens", "thinking_tokens", "finish", "reward", "logprob", "text"}
    assert all(set(record) == fields for record in found)
    assert {
        len({record["input_tokens"] for record in found if record["question"] == name})
        for name in {record["question"] for record in found}
    } == {1}  # one prompt, also where an answer is forced
    assert all(not record["correct"] for record in found if record["finish"] == "length")
    assert all(record["logprob"] < 0 and 1 <= record["tokens"] <= 12 for record in free)
    by_sample = {(record["question"], record["sample"]): record for record in free}
    for record in found:
        if record["budget"] is not None:
            whole, budget = by_sample[record["question"], record["sample"]], record["budget"]
            if whole["thinking_tokens"] <= budget:  # it had stopped thinking: nothing to force
                assert record == whole | {"budget": budget, "reward": record["reward"]}
            else:
                assert record["thinking_tokens"] == budget
                assert "</think>" in record["text"]
                assert record["seed"] != whole["seed"]


@pytest.mark.long
def test_a_reward_is_of_the_whole_answer_with_its_prefix(tiny, clean):
    from curves.scoring.rewards import load_reward_model

    judge = load_reward_model(str(tiny / "reward"))
    texts = {question.id: question.text for question in load_task("arithmetic", limit=QUESTIONS).questions}
    for record in records(clean)[::37]:
        (expected,) = judge.score(texts[record["question"]], ["<think>" + record["text"]])
        assert record["reward"] == pytest.approx(expected, abs=1e-5)


def arguments(tiny, out, **more):
    options = {"model": str(tiny / "model"), "provider": "org/tiny", "task": "arithmetic", "engine": "transformers"}
    options |= {"device": "cpu", "samples": SAMPLES, "limit": QUESTIONS, "max_tokens": 12, "batch": 3}
    options |= {"temperature": 1.0, "budgets": BUDGETS, "prompt": tiny / "prompt.json", "out": out, "name": "run"}
    return Args(**options | more)


def fork(call):
    """Call it in a fork of this process, which has loaded the libraries already and ends it at the latest."""
    process = multiprocessing.get_context("fork").Process(target=call, daemon=True)
    process.start()
    return process


def forked(tiny, out, **more):
    """The measurement in a fork."""
    return fork(partial(main, arguments(tiny, out, **more)))


@pytest.mark.long
@pytest.mark.parametrize("number", [4, pytest.param(10, marks=pytest.mark.slow)])
def test_killed_again_and_again_it_records_the_same(tiny, tmp_path, clean, number):
    options = {"reward_model": str(tiny / "reward"), "keep_text": True}
    path, rng, kills = tmp_path / "run" / "records.jsonl", random.Random(0), 0
    ends = set()
    while kills < number:
        before = path.stat().st_size if path.exists() else -1
        process = forked(tiny, tmp_path, **options)
        if kills % 3:  # at any moment, and while records are being written
            time.sleep(rng.uniform(0, 0.3))
        while not kills % 3 and process.is_alive() and (not path.exists() or path.stat().st_size <= before):
            time.sleep(0.0005)
        process.kill()
        process.join()
        if process.exitcode == 0:  # it was done first: begin anew
            shutil.rmtree(tmp_path / "run")
        else:
            kills += 1
            ends.add(path.stat().st_size if path.exists() else 0)
    assert len(ends) > number // 3  # it was killed in different places
    process = forked(tiny, tmp_path, **options)
    process.join()
    assert process.exitcode == 0
    assert path.read_bytes() == (clean / "run" / "records.jsonl").read_bytes()


def test_a_full_disk_is_one_error_and_keeps_what_was_measured(tiny, tmp_path, clean):
    """The limit on the size of files ends a write in its middle, as a full disk does."""
    size = (clean / "run" / "records.jsonl").stat().st_size // 2
    words = command(tiny, tmp_path, "--reward-model", str(tiny / "reward"), "--keep-text")[2:]

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        with (tmp_path / "said").open("w") as said, redirect_stdout(said), redirect_stderr(said):
            command_line(words)

    process = fork(limited)
    process.join()
    assert process.exitcode == 2
    said = (tmp_path / "said").read_text()
    assert "error:" in said
    assert "Traceback" not in said
    kept = records(tmp_path)
    assert 0 < len(kept) < QUESTIONS * SAMPLES * (1 + len(BUDGETS))
    assert kept == records(clean)[: len(kept)]


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        (["--samples=0"], "samples must be at least 1"),
        (["--temperature=-1"], "temperature"),
        (["--budgets", "99"], "budgets must be between 0 and max_tokens"),
        (["--task=mmlu"], "unknown task 'mmlu'"),
        (["--task=gsm8k", "--source=none.jsonl"], "none.jsonl"),
        (["--prompt=bad.json"], "colour"),
        (["--engine=vllm"], "vllm"),
    ],
)
def test_wrong_input_is_one_error(tiny, tmp_path, more, fault):
    (tmp_path / "bad.json").write_text('{"colour": "red"}')
    if more == ["--engine=vllm"] and "vllm" in sys.modules:
        pytest.skip("vLLM is installed here")
    result = run_here(command_line, tmp_path, *command(tiny, tmp_path / "out", *more)[2:])
    assert result.returncode == 2, result.said
    assert fault in " ".join(result.said.split())
    assert not (tmp_path / "out").exists()


def test_an_unreadable_model_is_one_error_and_leaves_nothing(tiny, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(tiny / "model", broken)
    (broken / "model.safetensors").write_bytes(b"not weights")
    for more, fault in (({"model": str(broken)}, "load model"), ({"reward_model": str(broken)}, "load reward model")):
        with pytest.raises(ValueError, match=f"cannot {fault} .*broken"):
            main(arguments(tiny, tmp_path / "out", **more))
    assert not (tmp_path / "out").exists()


def test_another_configuration_does_not_mix(tiny, clean):
    with pytest.raises(ValueError, match="seed: 0 there, 5 now"):
        main(arguments(tiny, clean, seed=5))


def test_the_table_is_a_market_with_its_provenance(tiny, clean, tmp_path):
    out = tmp_path / "table.csv"
    methods = ["majority_voting", "best_of_n", "pass_at_k", "reasoning_effort", "reasoning_quantile"]
    more = ["--prices", tiny / "prices.csv", "--hourly-usd=0.36", "--draws=20", "--methods", *methods]
    build = [sys.executable, BUILD, clean / "run", "--out", out, *more]
    result = run_command(build, ROOT)
    assert result.returncode == 0, result.stdout + result.stderr
    run = read_raw(clean / "run")
    for method in methods:
        market = ttc_env.load_market(out, name=f"arithmetic/{method}", answer_value=0.01)
        assert market.providers == ("org/tiny",)
        assert market.levels == {"reasoning_effort": BUDGETS, "reasoning_quantile": (1, 2, 3, 4, 5)}.get(method, (1, 4))
    first = ttc_env.load_market(out, name="arithmetic/pass_at_k", answer_value=1.0)
    mean = np.mean([given.correct.mean() for given in run.questions.values()])
    assert first.accuracy[0, 0] == pytest.approx(mean, abs=1e-6)
    spent = np.mean([given.tokens.mean() for given in run.questions.values()])
    assert first.price[0, 1] == pytest.approx(4 * spent * 0.5e-6, rel=1e-6)
    provenance = json.loads(out.with_suffix(".json").read_text())
    origin = provenance["models"][0]["origin"]
    assert origin["config"]["task"]["items"] == [str(i) for i in range(QUESTIONS)]
    assert origin["sessions"][0]["device"]["kind"] == "cpu"
    assert origin["usage"]["joules"] is None
    generated = sum(record["tokens"] for record in records(clean) if record["budget"] is None)
    assert generated < origin["usage"]["generated_tokens"] < generated + QUESTIONS * SAMPLES * 64 * len(BUDGETS)
    schema = json.loads((BUILD.parent / "tables" / "metadata.schema.json").read_text())
    for missing in ("commit", "models"):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({key: value for key, value in provenance.items() if key != missing}, schema)


def test_truncated_and_unparsed_answers_are_wrong_and_counted(clean):
    run = read_raw(clean / "run")
    for given in run.questions.values():
        assert not given.correct[given.truncated].any()
        assert (given.answer[given.truncated] == -1).all()
    assert any(given.truncated.any() for given in run.questions.values())


@pytest.mark.long
def test_models_that_were_asked_different_questions_share_no_table(tiny, clean, tmp_path):
    process = forked(tiny, tmp_path, task_seed=1)
    process.join()
    with pytest.raises(ValueError, match="asked different questions"):
        build(BuildArgs(raw=(clean / "run", tmp_path / "run"), prices=tiny / "prices.csv", out=tmp_path / "t.csv"))
    with pytest.raises(ValueError, match="needs different models"):
        build(BuildArgs(raw=(clean / "run", clean / "run"), prices=tiny / "prices.csv", out=tmp_path / "t.csv"))
    with pytest.raises(ValueError, match="holds no measurement"):
        build(BuildArgs(raw=(tmp_path,)))


def test_answers_are_read_again_by_one_command(clean, tmp_path):
    """What an older verifier misread is put right, and nothing else changes."""
    folder = tmp_path / "run"
    shutil.copytree(clean / "run", folder)
    path = folder / "records.jsonl"
    read = path.read_bytes()
    wrong = [record | {"answer": "no", "strict": None, "correct": False} for record in records(clean)]
    path.write_text("".join(json.dumps(record) + "\n" for record in wrong))
    result = run_here(reverify_command_line, tmp_path, folder)
    assert result.returncode == 0, result.said
    assert f"{len(wrong)} of {len(wrong)} answers are read otherwise" in " ".join(result.said.split())
    assert path.read_bytes() == read
    assert reverify(folder) == (0, len(wrong))


@pytest.mark.parametrize(
    ("part", "key", "value", "fault"),
    [
        ("config.json", "keep_text", False, "texts were not kept"),
        ("config.json", "keep_text", None, "lacks 'keep_text'"),
        ("records.jsonl", "text", None, "lacks 'text'"),
        ("task", "sha256", "x", "holds other questions than were measured"),
    ],
)
def test_what_cannot_be_read_again_is_one_error_and_stays(clean, tmp_path, part, key, value, fault):
    folder = tmp_path / "run"
    shutil.copytree(clean / "run", folder)
    file = folder / ("config.json" if part == "task" else part)
    texts = file.read_text().splitlines() if part == "records.jsonl" else [file.read_text()]
    objects = [json.loads(text) for text in texts]
    changed = objects[0]["task"] if part == "task" else objects[0]
    changed.update({key: value}) if value is not None else changed.pop(key)
    file.write_text("".join(json.dumps(one) + "\n" for one in objects))
    before = (folder / "records.jsonl").read_bytes()
    with pytest.raises(ValueError, match=fault):
        reverify(folder)
    assert (folder / "records.jsonl").read_bytes() == before
    with pytest.raises(ValueError, match="holds no measurement"):
        reverify(tmp_path)


@pytest.mark.parametrize(
    ("part", "key"),
    [
        *(("config", key) for key in ("budgets", "samples", "model", "task")),
        *(("record", key) for key in ("tokens", "finish", "budget")),
    ],
)
def test_a_measurement_that_lacks_a_key_is_one_error(clean, tmp_path, part, key):
    folder = tmp_path / "run"
    shutil.copytree(clean / "run", folder)
    if part == "config":
        config = json.loads((folder / "config.json").read_text())
        del config[key]
        (folder / "config.json").write_text(json.dumps(config))
    else:
        lines = [{name: value for name, value in record.items() if name != key} for record in records(clean)]
        (folder / "records.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(ValueError, match=rf"run: config\.json or a record lacks '{key}'"):
        read_raw(folder)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"budgets": 5, "samples": "x"}'])
def test_a_configuration_that_is_none_is_one_error(clean, tmp_path, content):
    folder = tmp_path / "run"
    shutil.copytree(clean / "run", folder)
    (folder / "config.json").write_text(content)
    with pytest.raises(ValueError, match=r"config\.json"):
        read_raw(folder)


@pytest.mark.parametrize(
    ("more", "price", "fault"),
    [
        ({}, "nan", "price_usd_per_mtok must be finite and >= 0, got 'nan'"),
        ({}, "inf", "price_usd_per_mtok must be finite and >= 0, got 'inf'"),
        ({}, "-1", "price_usd_per_mtok must be finite and >= 0, got '-1'"),
        ({}, "free", "price_usd_per_mtok must be finite and >= 0, got 'free'"),
        ({"methods": ("pass_at_k", "pass_at_k")}, "1", "methods must be one or more, each of them once"),
        ({"methods": ()}, "1", "methods must be one or more"),
        ({"benchmark": "a/b"}, "1", "benchmark must be a name without '/', got 'a/b'"),
        ({"benchmark": " "}, "1", "benchmark must be a name"),
        ({"hourly_usd": -5.0}, "1", "hourly-usd must be finite and >= 0, got -5.0"),
        ({"hourly_usd": float("nan")}, "1", "hourly-usd must be finite"),
    ],
)
def test_no_table_is_built_that_no_market_would_take(clean, tmp_path, more, price, fault):
    prices = tmp_path / "prices.csv"
    prices.write_text(f"model,price_usd_per_mtok\norg/tiny,{price}\n")
    with pytest.raises(ValueError, match=fault):
        build(BuildArgs(raw=(clean / "run",), out=tmp_path / "t.csv", prices=prices, draws=2, **more))
    assert not list(tmp_path.glob("t.*"))


@pytest.mark.parametrize("tokens", [float("nan"), float("inf"), -1, None, "many", [1]])
def test_tokens_that_are_no_number_are_damage(clean, tmp_path, tokens):
    folder = tmp_path / "run"
    shutil.copytree(clean / "run", folder)
    lines = [record | {"tokens": tokens} for record in records(clean)]
    (folder / "records.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(ValueError, match="tokens must be finite numbers >= 0"):
        read_raw(folder)
