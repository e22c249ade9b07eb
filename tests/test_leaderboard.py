"""The leaderboard and its figures, from synthetic records: made by a seeded generator here, not by any learner."""

import csv
import io
import itertools
import math
import random

import matplotlib.image
import numpy as np
import pytest
from rich.console import Console

from train.comparison import figures as benchmark_figures
from train.comparison import leaderboard, tables
from ttc_env.evaluation import statistics

TASKS = ("gsm8k-per-token", "aime-auction")


def record(learner, task, seed, score, reached=None, **metrics):
    """A record as the benchmark writes it, with these figures."""
    steps = [0, 1000, 4000]
    return {
        "suite": "synthetic-v0", "learner": learner, "settings": {}, "task": task, "seed": seed, "version": "0.1.0",
        "metrics": {"score": score, "relative_nash_conv": 0.5 * (1 - score), "welfare_ratio": 0.9, **metrics},
        "curve": {"steps": steps, "score": [0.0, score / 2, score], "seconds": [0.0, 0.1, 0.4],
                  "relative_nash_conv": [0.5, 0.3, 0.5 * (1 - score)]},
        "steps_to_one_percent": reached, "seconds_to_one_percent": reached and reached / 1e4,
        "frozen": {}, "seconds": 2.0 + seed,
    }  # fmt: skip


def synthetic(levels, tasks=TASKS, seeds=6):
    """Records of learners whose scores lie around a level each."""
    for (learner, level), (b, task), seed in itertools.product(levels.items(), enumerate(tasks), range(seeds)):
        noise = np.random.default_rng([len(learner), b, seed]).normal(0, 0.03)
        score = float(np.clip(level - 0.05 * b + noise, 0, 1))
        yield record(learner, task, seed, score, reached=2000 + 10 * seed if score > 0.8 else None)


LEVELS = {"random": 0.0, "nash": 1.1, "ppo": 0.9, "dqn": 0.6, "exp3": 0.62}


def by(table, *keys):
    return {tuple(row[key] for key in keys): row for row in table.rows}


def texts(board):
    """All that must not depend on the order of the records or on wall times."""
    shown = Console(record=True, width=140, file=io.StringIO())
    tables.print_tables(board, shown)
    files = {name: tables.to_csv(table) for name, table in board.tables.items() if name != "timing"}
    return {"terminal": shown.export_text(), "markdown": tables.to_markdown(board), **files}


# Golden: two learners, two tasks, two seeds, worked out by hand


@pytest.fixture(scope="module")
def small():
    table = {("a", "x"): (0.9, 0.5), ("a", "y"): (1.0, 0.8), ("b", "x"): (0.7, 0.5), ("b", "y"): (0.2, 0.0)}
    reached = {("a", "x", 0): 100, ("a", "y", 0): 300, ("a", "y", 1): 200}
    return leaderboard.summarize(
        [record(*cell, seed, score, reached.get((*cell, seed)), **({"profit_gain": 0.25} if cell[1] == "x" else {}))
         for cell, scores in table.items() for seed, score in enumerate(scores)],
        baseline="b",
    )  # fmt: skip


def test_summary_by_hand(small):
    a, b = small.tables["leaderboard"].rows
    assert (a["learner"], b["learner"]) == ("a", "b")
    assert small.leader == "a"
    # a: .5 .8 .9 1 -> middle two; b: 0 .2 .5 .7
    assert (a["iqm"], a["mean"], a["optimality_gap"]) == pytest.approx((0.85, 0.8, 0.2))
    assert (b["iqm"], b["mean"], b["optimality_gap"]) == pytest.approx((0.35, 0.35, 0.65))
    # 0 at the start, half of the final score after 1,000 of 4,000 steps: 1/4 0.5, 1/2 2/3, area (1/4 + 9/4) / 4 of it
    for row in (a, b):
        final = row["iqm"]
        assert (row["quarter"], row["half"], row["area"]) == pytest.approx((final / 2, final * 2 / 3, final * 0.625))
    # on x: .9 beats both, .5 loses to .7 and ties .5 -> 2.5 of 4; on y: all
    assert a["improvement"] == pytest.approx((2.5 / 4 + 1) / 2)
    assert "improvement" not in b
    assert a["relative_nash_conv"] == pytest.approx(0.5 * (0.1 + 0.2) / 2)
    assert (a["steps_to_one_percent"], a["reached"]) == (250, "3/4")  # 100 200 300 inf
    assert (b["steps_to_one_percent"], b["reached"]) == (None, "0/4")
    assert a["iqm_low"] <= a["iqm"] <= a["iqm_high"]


def test_tasks_and_comparisons_by_hand(small):
    tasks = by(small.tables["tasks"], "task", "learner")
    assert tasks["x", "a"]["score"] == pytest.approx(0.7)
    assert (tasks["x", "a"]["steps_to_one_percent"], tasks["y", "a"]["steps_to_one_percent"]) == (None, 250)
    assert (tasks["x", "a"]["profit_gain"], tasks["y", "a"]["profit_gain"]) == (0.25, None)
    (row,) = small.tables["comparisons"].rows
    # differences on x: .2 0, on y: .8 .8; run means .5 and .4: both signs equal in 2 of 4 sign assignments
    assert (row["difference"], row["p_value"], row["holm_p_value"]) == pytest.approx((0.45, 0.5, 0.5))
    assert (row["difference_low"], row["difference_high"]) == pytest.approx((0.4, 0.5))
    assert (row["worse_tasks"], row["better_tasks"], row["runs"]) == (0, 0, 2)


def test_wall_times_stand_in_a_table_of_their_own(small):
    timing = by(small.tables["timing"], "learner", "task")
    assert (timing["a", "x"]["seconds_sum"], timing["a", "x"]["seconds_median"]) == (5.0, 2.5)
    assert timing["a", "y"]["seconds_to_one_percent"] == pytest.approx(0.025)
    assert timing["b", "y"]["seconds_to_one_percent"] is None
    for name, table in small.tables.items():
        assert name == "timing" or not any("seconds" in field for field in table.fields)


# The same records give the same tables, whatever their order and however long they took


def test_tables_depend_on_nothing_but_the_records():
    records = [
        r for r in synthetic(LEVELS) if r["seed"] != 5 or r["task"] != TASKS[0] or r["learner"] in ("ppo", "nash")
    ]
    first = texts(leaderboard.summarize(records, list(LEVELS), TASKS))
    random.Random(0).shuffle(records)
    slower = [{**r, "seconds": r["seconds"] * 7, "seconds_to_one_percent": None} for r in records]
    assert texts(leaderboard.summarize(slower, list(reversed(LEVELS)), TASKS)) == first


def test_other_learners_change_nothing_in_a_row():
    records = list(synthetic(LEVELS))
    everyone = by(leaderboard.summarize(records).tables["leaderboard"], "learner")
    few = by(leaderboard.summarize(records, ["ppo", "random"]).tables["leaderboard"], "learner")
    assert few == {key: everyone[key] for key in few}


def test_intervals_are_those_of_the_library():
    records = list(synthetic(LEVELS))
    row = by(leaderboard.summarize(records).tables["leaderboard"], "learner")["ppo",]
    scores = [[r["metrics"]["score"] for r in records if (r["learner"], r["task"]) == ("ppo", task)]
              for task in sorted(TASKS)]  # fmt: skip
    found = statistics.estimate(statistics.iqm, scores, seed=leaderboard.BOOTSTRAP_SEED)
    assert (row["iqm"], row["iqm_low"], row["iqm_high"]) == found
    assert row["iqm_low"] < row["iqm"] < row["iqm_high"]


def test_clear_differences_are_found_and_equal_learners_are_not_told_apart():
    records = list(synthetic(LEVELS, seeds=10))
    ppo = [r for r in records if r["learner"] == "ppo"]
    records += [{**r, "learner": "twin"} for r in ppo]
    records += [record("close", r["task"], r["seed"], r["metrics"]["score"] - 1e-9) for r in ppo]
    board = leaderboard.summarize(records)
    rows = by(board.tables["comparisons"], "learner")
    assert board.leader == "ppo"
    assert rows["dqn",]["holm_p_value"] == pytest.approx(6 * 2 / 2**10)
    assert (rows["dqn",]["worse_tasks"], rows["dqn",]["better_tasks"]) == (2, 0)
    assert (rows["nash",]["worse_tasks"], rows["nash",]["better_tasks"]) == (0, 2)
    assert rows["nash",]["difference_high"] < 0
    assert (rows["twin",]["difference"], rows["twin",]["p_value"], rows["twin",]["holm_p_value"]) == (0, 1, 1)
    from_below = leaderboard.summarize(records, ["close", "ppo"], scripted=["ppo"])
    assert -1e-8 < from_below.tables["comparisons"].rows[0]["difference"] < 0
    assert "| ppo * | 0.0000 [0.0000, 0.0000] |" in tables.to_markdown(from_below)


def test_learners_stand_in_the_order_of_their_interquartile_means():
    steady = [record("steady", "x", seed, 0.7) for seed in range(8)]
    mostly = [record("mostly", "x", seed, score) for seed, score in enumerate([0.0, 0.0] + 6 * [0.8])]
    first, second = leaderboard.summarize(steady + mostly).tables["leaderboard"].rows
    assert (first["learner"], first["iqm"], first["mean"]) == ("mostly", pytest.approx(0.8), pytest.approx(0.6))
    assert (second["learner"], second["iqm"]) == ("steady", pytest.approx(0.7))


def test_players_that_do_not_learn_are_marked_and_never_lead_learners():
    records = list(synthetic(LEVELS))
    board = leaderboard.summarize(records)
    assert board.ranking[:2] == ["nash", "ppo"]
    assert board.leader == "ppo"
    assert "| nash * |" in tables.to_markdown(board)
    assert leaderboard.summarize(records, ["nash", "random"]).leader == "nash"
    assert leaderboard.summarize(records, scripted=()).leader == "nash"


# Missing cells, single runs, absent metrics


def test_incomplete_learners_stand_apart_and_say_what_is_missing():
    kept = [r for r in synthetic(LEVELS) if (r["learner"], r["task"], r["seed"]) != ("ppo", "aime-auction", 4)]
    board = leaderboard.summarize(kept, [*LEVELS, "my:Own"], TASKS)
    rows = by(board.tables["incomplete"], "learner")
    assert rows["ppo",] == {"learner": "ppo", "missing": "aime-auction: seed 4", "cells": "11/12"}
    assert rows["my:Own",] == {"learner": "my:Own", "missing": "all", "cells": "0/12"}
    for name in ("leaderboard", "tasks", "comparisons"):
        assert not {"ppo", "my:Own"} & {row["learner"] for row in board.tables[name].rows}
    assert "ppo" in {row["learner"] for row in board.tables["timing"].rows}
    assert "aime-auction: seed 4" in texts(board)["terminal"]
    assert "aime-auction: seed 4" in tables.to_markdown(board)


def test_cells_asked_for_are_missing_where_no_learner_has_them():
    board = leaderboard.summarize(synthetic(LEVELS, seeds=2), seeds=[0, 1, 2])
    assert not board.ranking
    assert board.leader is None
    assert {row["cells"] for row in board.tables["incomplete"].rows} == {"4/6"}
    assert texts(board)["terminal"]
    assert not leaderboard.summarize(synthetic(LEVELS, seeds=3), seeds=[0, 2]).tables["incomplete"].rows


@pytest.mark.parametrize("full", ["ppo", "dqn"])
def test_learners_with_other_numbers_of_runs_are_compared_over_the_seeds_they_share(full):
    records = [r for r in synthetic({"ppo": 0.9, "dqn": 0.5}) if r["learner"] == full or r["seed"] in (1, 3, 5)]
    board = leaderboard.summarize(records, baseline="dqn")
    (row,) = board.tables["comparisons"].rows
    score = {(r["learner"], r["task"], r["seed"]): r["metrics"]["score"] for r in records}
    assert row["runs"] == 3
    assert row["difference"] == pytest.approx(
        np.mean([score["ppo", task, seed] - score["dqn", task, seed] for task in TASKS for seed in (1, 3, 5)])
    )
    assert {r["learner"]: r["runs"] for r in board.tables["leaderboard"].rows} == {"ppo": 3, "dqn": 3} | {full: 6}


def test_a_single_run_has_no_interval_and_no_test():
    board = leaderboard.summarize(synthetic(LEVELS, seeds=1))
    for name, field in (("leaderboard", "iqm"), ("leaderboard", "improvement"), ("tasks", "score")):
        for row in board.tables[name].rows:
            assert row.get(f"{field}_low") is None
            assert row.get(f"{field}_high") is None
    assert all("p_value" not in row and "difference" not in row for row in board.tables["comparisons"].rows)
    rows = list(csv.DictReader(io.StringIO(tables.to_csv(board.tables["leaderboard"]))))
    assert {row["iqm_low"] for row in rows} == {""}
    assert "[" not in tables.to_markdown(board).split("Brackets")[0]


def test_metrics_that_some_cells_lack_are_left_blank_and_not_averaged_over_the_others():
    records = list(synthetic(LEVELS, seeds=2))
    for r in records:
        if r["task"] == "aime-auction":
            r["metrics"]["truthfulness_gap"] = 0.5
            r["metrics"]["held_out_opponents"] = 0.25
    board = leaderboard.summarize(records)
    assert {row["held_out_opponents"] for row in board.tables["leaderboard"].rows} == {None}
    for row in board.tables["tasks"].rows:
        expected = (0.5, 0.25) if row["task"] == "aime-auction" else (None, None)
        assert (row["truthfulness_gap"], row["held_out_opponents"]) == expected


def test_play_without_profit_has_an_infinite_gap():
    records = [record("a", "x", seed, 0.0, relative_nash_conv=math.inf) for seed in range(2)]
    (row,) = leaderboard.summarize(records).tables["leaderboard"].rows
    assert row["relative_nash_conv"] == math.inf


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: [*r, r[0]], "two records .*'random'.*'gsm8k-per-token'.* 0"),
        (lambda r: [*r[:-1], {**r[-1], "suite": "other-v0"}], "other-v0 synthetic-v0"),
        (lambda r: [*r[:-1], {**r[-1], "settings": {"shared": True}}], "'exp3'.*settings.*shared"),
        (lambda r: [*r[:-1], {**r[-1], "metrics": {}}], "'exp3'.*'aime-auction', seed 5"),
        (lambda r: [*r[:-1], record("exp3", "aime-auction", 5, math.nan)], "'exp3'.*'aime-auction', seed 5"),
        (lambda r: [], "nothing to compare"),
    ],
)
def test_records_that_cannot_be_averaged_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        leaderboard.summarize(change(list(synthetic(LEVELS))))


def test_files(tmp_path):
    board = leaderboard.summarize(synthetic(LEVELS))
    tables.write(tmp_path / "tables", board)
    names = {"leaderboard.md", "leaderboard.csv", "tasks.csv", "comparisons.csv", "incomplete.csv", "timing.csv"}
    assert {path.name for path in (tmp_path / "tables").iterdir()} == names
    with open(tmp_path / "tables" / "leaderboard.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["learner"] for row in rows] == board.ranking
    for row, expected in zip(rows, board.tables["leaderboard"].rows, strict=True):
        assert float(row["iqm"]) == pytest.approx(expected["iqm"], rel=1e-5)
    markdown = (tmp_path / "tables" / "leaderboard.md").read_text(encoding="utf-8")
    blocks = [block.splitlines() for block in markdown.split("\n\n") if block.startswith("|")]
    assert len(blocks) == 2 + len(TASKS)
    for block in blocks:
        assert len({line.count("|") for line in block}) == 1


# Figures


def overlapping(figure):
    """Texts of a figure that lie over each other or beyond its edge, by their boxes; slanted ones are left out."""
    figure.canvas.draw()
    found = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    for axes in figure.axes:
        if not axes.axison:
            continue
        found += [axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label, *axes.texts]
        for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            ticks = axis.get_major_ticks()
            found += [t.label1 for t in ticks if min(low, high) <= t.get_loc() <= max(low, high)]
    shown = [t for t in found if t.get_visible() and t.get_text().strip() and t.get_rotation() % 90 == 0]
    boxes = [(text.get_text(), text.get_window_extent()) for text in shown]
    assert len(boxes) > 5
    beyond = [text for text, box in boxes if box.x0 < 0 or box.x1 > figure.bbox.x1 + 1]
    return beyond + [(a, b) for (a, one), (b, other) in itertools.combinations(boxes, 2) if one.overlaps(other)]


@pytest.fixture
def drawn(monkeypatch):
    """Collects the overlapping texts of each figure that is saved."""
    save, found = benchmark_figures.save, {}

    def look(figure, path):
        found[path.name] = overlapping(figure)
        save(figure, path)

    monkeypatch.setattr(benchmark_figures, "save", look)
    monkeypatch.setattr(benchmark_figures, "REPETITIONS", 50)
    return found


NINE = {f"learner-{k}{'-of.my.own:Learner' * (k % 2)}": 1 - 0.1 * k for k in range(9)} | {"random": 0.0}


@pytest.mark.long
@pytest.mark.parametrize(("count", "seeds"), [(1, 1), (2, 3), pytest.param(7, 2, marks=pytest.mark.slow)])
def test_figures_are_drawn_and_their_labels_do_not_overlap(tmp_path, drawn, count, seeds):
    tasks = [f"gpqa/reasoning_effort, second_price, beta {10**k}" for k in range(count)]
    board = leaderboard.summarize(synthetic(NINE, tasks, seeds), tasks=tasks)
    matrix = np.random.default_rng(0).uniform(-0.1, 1, (10, 10))
    matrix[2, 3:6] = np.nan, -np.inf, -1234.5
    paths = benchmark_figures.draw_all(tmp_path / "figures", board, {"gsm8k/best_of_n": (list(NINE), matrix)})
    assert [path.name for path in paths] == [
        "profiles.png", "learning_curves.png", "nash_conv_curves.png", "cross_play_gsm8k_best_of_n.png",
    ]  # fmt: skip
    assert drawn == {path.name: [] for path in paths}
    for path in paths:
        picture = matplotlib.image.imread(path)
        assert min(picture.shape[:2]) > 300
        assert picture.std() > 0.03


def test_constant_players_and_infinite_distances_can_be_drawn(tmp_path, drawn):
    records = list(synthetic({"ppo": 0.9, "nash": 1.1}, seeds=3))
    for r in records:
        if r["learner"] == "nash":
            r["curve"] = {key: values[-1:] for key, values in r["curve"].items()}
        r["curve"]["relative_nash_conv"][0] = math.inf
    benchmark_figures.draw_all(tmp_path, leaderboard.summarize(records))
    assert len(drawn) == 3


def test_cross_play_shows_the_numbers_it_is_given(tmp_path, monkeypatch):
    seen = {}
    monkeypatch.setattr(benchmark_figures, "save", lambda figure, path: seen.update(figure=figure))
    matrix = [[1.0, 0.256, -0.03], [np.nan, -np.inf, -1234.5], [0.0, 0.5, 1.0]]
    benchmark_figures.draw_cross_play(tmp_path / "m.png", ["a", "b", "c"], np.array(matrix))
    axes = seen["figure"].axes[0]
    texts = {(int(y), int(x)): t.get_text() for t in axes.texts for x, y in [t.get_position()]}
    assert texts == {(0, 0): "1.00", (0, 1): ".26", (0, 2): "-.03", (1, 1): "-inf", (1, 2): "-1234",
                     (2, 0): ".00", (2, 1): ".50", (2, 2): "1.00"}  # fmt: skip
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]
    assert axes.get_ylabel() == "in one seat"


def test_curves_meet_on_a_grid_that_all_runs_span():
    curves = [{"steps": [0, 100], "score": [0.0, 1.0]}, {"steps": [20, 60, 120], "score": [0.2, 0.6, 0.6]}]
    grid, values = benchmark_figures._on_common_grid(curves, "score")
    assert (grid[0], grid[-1]) == (20, 100)
    assert values[:, 0] == pytest.approx(grid / 100)
    assert values[:, 1] == pytest.approx(np.minimum(grid / 100, 0.6))


def test_what_cannot_be_drawn_is_refused(tmp_path):
    board = leaderboard.summarize(synthetic(NINE, seeds=1))
    for highlight in (["sac"], [], list(NINE)[:7]):
        with pytest.raises(ValueError, match=r"1 to 6 of learner-0"):
            benchmark_figures.draw_all(tmp_path, board, highlight=highlight)
    with pytest.raises(ValueError, match=r"\(2, 2\), got \(2, 3\)"):
        benchmark_figures.draw_cross_play(tmp_path / "m.png", ["a", "b"], np.zeros((2, 3)))
    nobody = leaderboard.summarize(synthetic(NINE, seeds=1), seeds=[0, 1])
    with pytest.raises(ValueError, match="none"):
        benchmark_figures.draw_all(tmp_path, nobody)
    assert not list(tmp_path.iterdir())
