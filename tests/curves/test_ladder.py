"""Effort ladders: a run for each level makes the same table as one run that recorded all levels."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import ttc_env
from curves.build import Args, main
from curves.records.ladder import climb, numbered
from curves.records.runs import Run, answers
from curves.tables.table import make_table
from ttc_env.curves import load_draws, load_outcomes


def recorded(rng, questions, model="m"):
    def samples():
        rows = zip(rng.random(4) < 0.6, rng.integers(1, 50, 4), strict=True)
        return answers(
            {"answer": "1" if right else "2", "correct": right, "tokens": int(tokens), "finish": "stop"}
            for right, tokens in rows
        )

    return Run(model, "nano", {f"q{i}": samples() for i in questions})


def test_a_run_for_each_level_equals_one_run_with_all_levels():
    rng = np.random.default_rng(0)
    steps = {name: recorded(rng, range(12)) for name in ("0", "3", "9")}
    whole = Run("m", "nano", steps["0"].questions, {int(name): run.questions for name, run in steps.items()})
    one, other = (make_table([run], "reasoning_effort") for run in (whole, climb(steps)))
    assert one.levels == other.levels == (0, 3, 9)
    assert one.questions == other.questions
    np.testing.assert_array_equal(one.accuracy, other.accuracy)
    np.testing.assert_array_equal(one.tokens, other.tokens)


def test_only_questions_of_all_levels_count_and_the_others_are_counted():
    rng = np.random.default_rng(0)
    run = climb({"low": recorded(rng, range(10)), "high": recorded(rng, range(2, 13))})
    assert list(run.questions) == [f"q{i}" for i in range(2, 10)]
    assert run.metadata["left_out"] == {"questions that not every level answered": 5}
    assert list(run.forced) == [1, 2]


@pytest.mark.parametrize(
    ("steps", "fault"),
    [
        ({"low": range(3)}, "needs two levels or more"),
        ({"low": range(3), "high": range(3, 6)}, "have no question in common"),
        ({"9": range(3), "3": range(3)}, "levels that are numbers must rise, got 9, 3"),
        ({"3": range(3), "03": range(3)}, "must rise"),
    ],
)
def test_what_is_no_ladder_is_one_error(steps, fault):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=fault):
        climb({name: recorded(rng, questions) for name, questions in steps.items()})
    runs = {"low": recorded(rng, range(3)), "high": recorded(rng, range(3), model="other")}
    with pytest.raises(ValueError, match="of one model on one task, got low: m on nano, high: other on nano"):
        climb(runs)


def test_names_are_numbered_unless_they_are_numbers():
    assert numbered(["low", "2"]) == [1, 2]
    assert numbered(["512", "1024"]) == [512, 1024]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Three measurements of two models each, as curves/measure.py writes them."""
    found, rng = {}, np.random.default_rng(1)
    shipped = json.loads((Path(ttc_env.__file__).parent / "data" / "nano_curves.json").read_text())
    origin = shipped["models"][0]["origin"]
    for model, skill in (("a", 0.4), ("b", 0.6)):
        for place, name in enumerate(("low", "medium", "high")):
            folder = found[model, name] = tmp_path_factory.mktemp(f"{model}-{name}")
            config = origin["config"] | {
                "samples": 4,
                "budgets": [],
                "model": origin["config"]["model"] | {"name": model},
            }
            (folder / "config.json").write_text(json.dumps(config))
            records = [
                {
                    "question": f"q{q}", "sample": i, "budget": None, "answer": "1" if right else "2", "strict": None,
                    "correct": bool(right), "correct_strict": False, "tokens": 10 * (place + 1) + i, "finish": "stop",
                }
                for q in range(20 - (name == "high"))
                for i, right in enumerate(rng.random(4) < skill + 0.15 * place)
            ]  # fmt: skip
            (folder / "records.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
            (folder / "sessions.jsonl").write_text(json.dumps(origin["sessions"][0]) + "\n")
            usage = {name: value for name, value in origin["usage"].items() if name != "questions"}
            (folder / "usage.jsonl").write_text(json.dumps(usage) + "\n")
    return found


def ladder(folders):
    return tuple(f"{name}={folder}" for (_, name), folder in folders.items())


def test_a_ladder_becomes_a_market_that_replays_and_has_intervals(folders, tmp_path, capsys):
    out, prices = tmp_path / "ladder.csv", tmp_path / "prices.csv"
    prices.write_text("model,price_usd_per_mtok\na,1\nb,2\n")
    main(Args(levels=ladder(folders), methods=("reasoning_effort",), out=out, prices=prices, draws=7, hourly_usd=1.0))
    assert "a: 19 questions, 1 that not every level answered" in capsys.readouterr().out
    market = ttc_env.load_market(out, answer_value=0.01, outcomes=True)
    assert (market.providers, market.levels) == (("a", "b"), (1, 2, 3))
    assert market.outcomes.num_questions == 19
    assert len(load_draws(out, answer_value=0.01)) == 7
    _, tokens = load_outcomes(out)
    np.testing.assert_allclose(tokens.mean(-1), [[11.5, 21.5, 31.5]] * 2)
    provenance = json.loads(out.with_suffix(".json").read_text())
    assert list(provenance["models"][1]["origin"]["levels"]) == ["low", "medium", "high"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda levels: levels[:1], "needs two levels or more"),
        (lambda levels: (*levels, levels[0]), "level 'low' of a is given twice"),
        (lambda levels: levels[:-1], "every model needs the same levels in the same order"),
        (lambda levels: ("low", *levels[1:]), "levels must be NAME=FOLDER, got 'low'"),
        (lambda levels: ("low=nowhere", *levels[1:]), "nowhere holds no measurement"),
    ],
)
def test_wrong_levels_are_one_error(folders, tmp_path, change, fault):
    with pytest.raises(ValueError, match=fault):
        main(Args(levels=change(ladder(folders)), methods=("reasoning_effort",), out=tmp_path / "t.csv"))
    with pytest.raises(ValueError, match="need the method reasoning_effort alone"):
        main(Args(levels=ladder(folders), out=tmp_path / "t.csv"))
    with pytest.raises(ValueError, match="not both"):
        main(Args(levels=ladder(folders), raw=(tmp_path,), out=tmp_path / "t.csv"))
    assert not list(tmp_path.iterdir())


def test_other_questions_make_no_ladder(folders, tmp_path):
    folder = tmp_path / "other"
    shutil.copytree(folders["a", "high"], folder)
    config = json.loads((folder / "config.json").read_text())
    config["task"]["sha256"] = "x"
    (folder / "config.json").write_text(json.dumps(config))
    levels = (f"low={folders['a', 'low']}", f"high={folder}")
    with pytest.raises(ValueError, match="asked different questions"):
        main(Args(levels=levels, methods=("reasoning_effort",), out=tmp_path / "t.csv"))
