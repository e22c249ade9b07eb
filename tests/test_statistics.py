"""Statistics of learners: golden values by hand, naive oracles, properties, coverage."""

import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from ttc_env.evaluation import statistics

EIGHT = np.array([[0.0, 0.9, 0.2, 0.5], [0.7, 0.4, 1.5, 0.3]])
scores = arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=7), elements=st.integers(-4, 8).map(float))


def naive_iqm(values):
    """Leave out the lowest and the highest quarter, rounded down, one value at a time."""
    left = list(values)
    for _ in range(len(values) // 4):
        left.remove(min(left))
        left.remove(max(left))
    return math.fsum(left) / len(left)


def naive_probability(x, y):
    per_task = []
    for a, b in zip(x, y, strict=True):
        points = [1.0 if p > q else 0.5 if p == q else 0.0 for p, q in itertools.product(a, b)]
        per_task.append(math.fsum(points) / len(points))
    return math.fsum(per_task) / len(per_task)


def naive_sign_flip(differences):
    """All sign assignments one by one."""
    sums = [abs(math.fsum(s * d for s, d in zip(signs, differences, strict=True)))
            for signs in itertools.product((1, -1), repeat=len(differences))]  # fmt: skip
    return sum(s >= sums[0] - 1e-9 for s in sums) / len(sums)


# Golden: worked out by hand from the formulas of Agarwal et al. (2021) and Holm (1979)


def test_aggregates_of_eight_scores():
    # sorted 0 .2 .3 .4 .5 .7 .9 1.5: the middle four are .3 .4 .5 .7; task means .4 and .725; 1.5 counts as 1
    assert statistics.iqm(EIGHT) == pytest.approx(1.9 / 4)
    assert statistics.mean(EIGHT) == pytest.approx(4.5 / 8)
    assert statistics.median(EIGHT) == pytest.approx((0.4 + 0.725) / 2)
    assert statistics.optimality_gap(EIGHT) == pytest.approx(1 - 4.0 / 8)
    assert statistics.optimality_gap(EIGHT, gamma=0.5) == pytest.approx(0.5 - (0 + 0.2 + 0.3 + 0.4 + 4 * 0.5) / 8)
    assert statistics.iqm_of_tasks(EIGHT) == pytest.approx([0.35, 0.55])


@pytest.mark.parametrize(
    ("size", "expected"), [(1, 0.0), (3, 5 / 3), (4, 2.5), (5, 14 / 3), (6, 7.5), (7, 11.0), (8, 13.5)]
)
def test_iqm_leaves_out_whole_scores_only(size, expected):
    # of the squares 0 1 4 9 ...: 4 of them keep 1 4; 5 keep 1 4 9; 7 keep 1 4 9 16 25; 8 keep 4 9 16 25
    assert statistics.iqm(np.arange(size)[None] ** 2.0) == pytest.approx(expected)


def test_probability_of_improvement_by_hand():
    # task 1: 2 beats 1, ties 2, 3 beats both -> 3.5 of 4; task 2: 0 loses to both, 1 beats 0.5 and loses to 2 -> 1 of 4
    assert statistics.probability_of_improvement([[2, 3], [0, 1]], [[1, 2], [0.5, 2]]) == pytest.approx(4.5 / 8)


def test_performance_profile_by_hand():
    # above 0: 3 of 4 and 4 of 4; above .5 (strictly): 1 of 4 and 2 of 4; above 1.5: none
    assert statistics.performance_profile(EIGHT, [0.0, 0.5, 1.5]) == pytest.approx([7 / 8, 3 / 8, 0])
    assert statistics.performance_profile(EIGHT, [0.3, 0.4, 0.5, 1], True).tolist() == [1, 0.5, 0.5, 0]


def test_sign_flip_by_hand():
    # +1 +2 +3: of the 8 sums only +6 and -6 are as far from 0; 1 1 -2 sums to 0; 3 -1: 4 2 2 4 -> all
    assert statistics.sign_flip([[1, 2, 3], [1, 1, -2], [0, 0, 0]], seed=0).tolist() == [2 / 8, 1, 1]
    assert statistics.sign_flip([[3.0, -1.0]], seed=0).tolist() == [1.0]


def test_holm_by_hand():
    # sorted .01 .02 .03 .04 -> 4 x .01, 3 x .02, then 2 x .03 = .06, 1 x .04 -> kept at .06
    assert statistics.holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert statistics.holm([0.5, 0.6, 0.001]) == pytest.approx([1, 1, 0.003])
    assert statistics.holm([]).shape == (0,)


# Oracles and properties


@given(scores)
def test_aggregates_agree_with_naive_ones(x):
    assert statistics.iqm(x) == pytest.approx(naive_iqm(x.ravel().tolist()))
    assert statistics.mean(x) == pytest.approx(math.fsum(x.ravel()) / x.size)
    assert statistics.median(x) == pytest.approx(sorted_median([math.fsum(row) / len(row) for row in x]))
    assert statistics.optimality_gap(x, 2) == pytest.approx(math.fsum(2 - min(v, 2) for v in x.ravel()) / x.size)


def sorted_median(values):
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2


@given(st.data())
def test_probability_of_improvement_agrees_with_pairs_one_by_one(data):
    m = data.draw(st.integers(1, 4))
    small = st.integers(-3, 3).map(float)
    x, y = (data.draw(arrays(np.float64, (m, data.draw(st.integers(1, 6))), elements=small)) for _ in range(2))
    probability = statistics.probability_of_improvement(x, y)
    assert probability == pytest.approx(naive_probability(x, y))
    assert probability + statistics.probability_of_improvement(y, x) == pytest.approx(1)
    assert statistics.probability_of_improvement(x, x) == 0.5


@given(scores, st.lists(st.integers(-4, 8).map(float), min_size=1, max_size=5))
def test_profiles_agree_with_counting_and_fall(x, thresholds):
    thresholds = sorted(thresholds)
    profile = statistics.performance_profile(x, thresholds)
    assert profile == pytest.approx([sum(v > tau for v in x.ravel()) / x.size for tau in thresholds])
    assert (np.diff(profile) <= 0).all()
    averages = statistics.performance_profile(x, thresholds, of_task_means=True)
    assert averages == pytest.approx([sum(v > tau for v in x.mean(axis=1)) / len(x) for tau in thresholds])


def test_the_area_under_a_profile_is_the_mean():
    x = np.random.default_rng(3).uniform(size=(3, 20))
    grid = (np.arange(20_000) + 0.5) / 20_000
    assert statistics.performance_profile(x, grid).mean() == pytest.approx(statistics.mean(x), abs=1e-4)


@given(arrays(np.float64, st.tuples(st.integers(1, 3), st.integers(1, 7)), elements=st.integers(-5, 5).map(float)))
def test_sign_flip_agrees_with_enumeration_and_is_blind_to_sign(differences):
    p = statistics.sign_flip(differences, seed=0)
    assert p == pytest.approx([naive_sign_flip(row.tolist()) for row in differences])
    assert p.tolist() == statistics.sign_flip(-differences, seed=0).tolist()


def test_sign_flip_counts_sums_equal_but_for_rounding_as_ties():
    assert statistics.sign_flip([[0.1, 0.2, 0.3, -0.6]], seed=0).tolist() == [1.0]


def test_sampled_sign_flip_is_near_the_exact_one(monkeypatch):
    differences = np.random.default_rng(0).normal(0.4, 1, (3, 12))
    exact = statistics.sign_flip(differences, seed=0)
    monkeypatch.setattr(statistics, "EXACT_RUNS", 11)
    sampled = statistics.sign_flip(differences, seed=0)
    assert sampled == pytest.approx(exact, abs=0.012)  # four standard errors of 20,000 draws, at most
    assert (sampled != exact).all()


def test_sampled_p_values_are_never_zero():
    assert statistics.sign_flip(np.ones((1, 60)), seed=0, draws=999).tolist() == [1 / 1000]


def test_sign_flip_rejects_a_true_hypothesis_as_often_as_it_says():
    differences = np.random.default_rng(1).normal(size=(4000, 8))
    assert np.mean(statistics.sign_flip(differences, seed=0) <= 0.05) == pytest.approx(12 / 256, abs=0.015)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0, 1))
def test_holm_rejects_what_the_step_down_procedure_rejects(p, alpha):
    adjusted = statistics.holm(p)
    assert (adjusted >= p).all()
    assert (adjusted <= 1).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()
    rejected = set()
    for rank, i in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        if p[i] * (len(p) - rank) > alpha:
            break
        rejected.add(i)
    if alpha < 1:
        assert {i for i in range(len(p)) if adjusted[i] <= alpha} == rejected


@given(scores, st.integers(1, 4))
def test_leading_axes_are_batch(x, size):
    batch = np.stack([x + k for k in range(size)])
    for statistic in (statistics.iqm, statistics.mean, statistics.median, statistics.optimality_gap):
        assert statistic(batch) == pytest.approx([statistic(part) for part in batch])
    assert statistics.probability_of_improvement(batch, batch[::-1]) == pytest.approx(
        [statistics.probability_of_improvement(a, b) for a, b in zip(batch, batch[::-1], strict=True)]
    )
    assert statistics.performance_profile(batch, [0.0, 1.0]).shape == (size, 2)


# Intervals


def test_intervals_agree_with_a_bootstrap_written_with_loops():
    x = np.random.default_rng(0).uniform(size=(2, 6))
    stream, draws = random.Random(5), []
    for _ in range(4000):
        sample = [v for row in x.tolist() for v in stream.choices(row, k=6)]  # within each task
        draws.append(naive_iqm(sample))
    low, high = np.quantile(draws, [0.025, 0.975])
    found = statistics.estimate(statistics.iqm, x, seed=0)
    assert found.value == statistics.iqm(x)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.02)


def test_tasks_are_strata():
    """Tasks far apart whose runs agree leave nothing to chance."""
    x = np.repeat([[0.0], [10.0], [20.0]], 5, axis=1)
    assert statistics.estimate(statistics.mean, x, seed=0) == (10, 10, 10)


def test_whole_runs_are_drawn_where_asked():
    """Rows that are copies of each other keep the spread of one row; drawn anew for each they would average it out."""
    x = np.repeat(np.random.default_rng(0).normal(size=(1, 12)), 50, axis=0)
    one = statistics.estimate(statistics.mean, x[:1], seed=1)
    whole = statistics.estimate(statistics.mean, x, seed=1, stratified=False)
    assert whole == pytest.approx(one)
    strata = statistics.estimate(statistics.mean, x, seed=1)
    assert strata.high - strata.low < 0.3 * (one.high - one.low)


def test_paired_learners_meet_the_same_resampled_seeds():
    """The difference of scores that move together has a narrow interval only if seeds are drawn together."""
    y = np.random.default_rng(0).normal(size=(2, 10))
    x = y + 0.1

    def difference(a, b):
        return statistics.mean(a) - statistics.mean(b)

    paired = statistics.estimate(difference, x, y, seed=0)
    assert (paired.low, paired.high) == pytest.approx((0.1, 0.1))
    apart = statistics.estimate(difference, x, y, seed=0, paired=False)
    assert apart.low < 0 < apart.high


def test_the_seed_decides_and_the_chunk_size_does_not(monkeypatch):
    x, y = np.random.default_rng(0).uniform(size=(2, 3, 7))
    options = {"repetitions": 1000, "paired": False}
    first = statistics.estimate(statistics.probability_of_improvement, x, y, seed=1, **options)
    assert first == statistics.estimate(statistics.probability_of_improvement, x, y, seed=1, **options)
    other = statistics.estimate(statistics.mean, x, seed=2)
    assert statistics.estimate(statistics.mean, x, seed=1)[1:] != other[1:]
    monkeypatch.setattr(statistics, "CHUNK", 22)
    assert first == statistics.estimate(statistics.probability_of_improvement, x, y, seed=1, **options)


def test_the_order_of_learners_changes_nothing():
    stream = np.random.default_rng(0)
    learners = {name: stream.uniform(size=(3, 5)) for name in ("a", "b", "c")}
    forward = statistics.estimates(statistics.iqm, learners, seed=0, repetitions=500)
    backward = statistics.estimates(statistics.iqm, dict(reversed(learners.items())), seed=0, repetitions=500)
    assert forward == backward
    assert list(backward) == ["c", "b", "a"]


@pytest.mark.parametrize(("runs", "coverage"), [(5, 0.888), (10, 0.919), (30, 0.941)])
def test_intervals_cover_the_truth_about_as_often_as_they_say(runs, coverage):
    """Skewed scores of four tasks with the mean 0.7; the coverages written here are of 4,000 data sets each."""
    stream, hits = np.random.default_rng(7), 0
    for _ in range(800):
        x = stream.beta(3.5, 1.5, size=(4, runs))
        found = statistics.estimate(statistics.mean, x, seed=0, repetitions=400)
        hits += found.low <= 0.7 <= found.high
    assert hits / 800 == pytest.approx(coverage, abs=0.03)


def test_paired_differences_say_who_is_better_where():
    stream = np.random.default_rng(0)
    y = stream.uniform(size=(2, 8))
    x = y + np.array([[0.3], [0.0]]) + stream.normal(0, 0.02, (2, 8))
    found = statistics.paired_differences(x, y, seed=0)
    assert found.mean == pytest.approx((x - y).mean(axis=1))
    assert found.low[0] > 0.27
    assert found.p_value[0] == 2 / 2**8
    assert found.p_value[1] > 0.05
    assert (found.low <= found.mean).all()
    assert (found.mean <= found.high).all()
    overall = statistics.paired_differences(*(v.mean(axis=0, keepdims=True) for v in (x, y)), seed=0)
    assert overall.mean == pytest.approx([(x - y).mean()])


# Wrong input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: statistics.iqm([[1.0, 2.0], [3.0]]), "as many runs of every task"),
        (lambda: statistics.iqm([1.0, 2.0]), r"\(2,\)"),
        (lambda: statistics.mean(np.zeros((0, 3))), r"\(0, 3\)"),
        (lambda: statistics.median([[1.0, 2.0], [3.0, np.nan]]), "task 1, run 1 .* nan"),
        (lambda: statistics.iqm([[1.0, None]]), "task 0, run 1"),
        (lambda: statistics.optimality_gap(EIGHT, np.inf), "gamma"),
        (lambda: statistics.performance_profile(EIGHT, 0.5), "thresholds"),
        (lambda: statistics.probability_of_improvement(EIGHT, EIGHT[:1]), "2 and 1 tasks"),
        (lambda: statistics.estimate(statistics.iqm, [[1.0], [2.0]], seed=0), "at least 2 runs"),
        (lambda: statistics.estimate(statistics.iqm, EIGHT, seed=-1), "seed"),
        (lambda: statistics.estimate(statistics.iqm, EIGHT, seed=0, level=95), "95"),
        (lambda: statistics.estimate(statistics.iqm, EIGHT[None], seed=0), r"\(1, 2, 4\)"),
        (lambda: statistics.estimate(statistics.iqm, seed=0), r"\[\]"),
        (lambda: statistics.estimate(lambda a, b: 0, EIGHT, EIGHT[:, :3], seed=0), r"paired.*\(2, 3\)"),
        (lambda: statistics.estimates(statistics.iqm, {"ppo": [[1, np.inf]]}, seed=0), "ppo: task 0, run 1"),
        (lambda: statistics.paired_differences(EIGHT, EIGHT[:, :3], seed=0), r"\(2, 3\)"),
        (lambda: statistics.sign_flip([1.0, 2.0], seed=0), r"\(2,\)"),
        (lambda: statistics.sign_flip(np.ones((1, 40)), seed=0, draws=0), "draws"),
        (lambda: statistics.holm([0.1, 1.2]), r"1\.2"),
        (lambda: statistics.holm([np.nan]), "nan"),
    ],
)
def test_wrong_input_is_refused_and_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
