"""Measured curves: the shipped markets, tables of one's own, and everything that can be wrong with them."""

import csv
import re
from importlib import resources

import numpy as np
import pytest

import ttc_env
from ttc_env.curves import ANSWER_VALUE, COLUMNS, TABLES, load_curves, load_draws, load_outcomes

NAMES = [f"{b}/{m}" for b in ANSWER_VALUE for m in ("majority_voting", "best_of_n", "reasoning_effort")]
HEADER = ",".join(COLUMNS)
GOOD = [HEADER, "mine,votes,small,1,0.5,100,0.2", "mine,votes,small,4,0.6,400,0.2"]
GOOD += ["mine,votes,large,1,0.7,150,0.9", "mine,votes,large,4,0.75,600,0.9"]


@pytest.fixture
def table(tmp_path):
    """Write lines to a CSV file and return its path."""

    def write(*lines, name="table.csv"):
        path = tmp_path / name
        path.write_bytes(b"".join(line if isinstance(line, bytes) else f"{line}\n".encode() for line in lines))
        return path

    return write


def edited(row, column, text):
    """The good table with one cell replaced; `row` counts from the header, which is 1."""
    cells = GOOD[row - 1].split(",")
    cells[COLUMNS.index(column)] = text
    return [*GOOD[: row - 1], ",".join(cells), *GOOD[row:]]


def test_the_nine_published_and_three_nano_markets_are_listed():
    assert sorted(ttc_env.list_markets()) == sorted(NAMES)
    assert all(name.startswith("nano/") for name in ttc_env.list_markets()[9:])


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_market_is_its_rows_of_the_table(name):
    market = ttc_env.load_market(name)
    files = [resources.files("ttc_env") / "data" / table for table in TABLES]
    lines = [row for file in files for row in csv.DictReader(file.read_text().splitlines())]
    rows = [row for row in lines if f"{row['benchmark']}/{row['method']}" == name]
    assert len(rows) == market.num_providers * market.num_levels
    alpha = ANSWER_VALUE[name.split("/")[0]]
    for row in rows:
        i, k = market.providers.index(row["model"]), market.levels.index(float(row["theta"]))
        price = float(row["tokens"]) * (float(row["price_usd_per_mtok"]) * 1e-6)
        assert market.price[i, k] == price  # to the last bit, as it has always been
        assert market.cost[i, k] == price / 1.25
        assert market.quality[i, k] == alpha * (0.1 + (1 - 0.1) * float(row["accuracy"]))
    assert (market.beta, market.outside_value, market.answer_value, market.baseline) == (1000.0, 0.0, alpha, 0.1)


def test_parameters_reach_the_market():
    curves = load_curves("aime/best_of_n")
    market = curves.market(beta=7.0, answer_value=2.0, baseline=0.5, markup=1.0, outside_value=0.3)
    np.testing.assert_allclose(market.quality, 2.0 * (0.5 + 0.5 * curves.accuracy), rtol=1e-15)
    np.testing.assert_allclose(market.cost, market.price / 2, rtol=1e-15)
    np.testing.assert_allclose(market.accuracy, curves.accuracy, rtol=1e-12)
    assert (market.beta, market.outside_value, market.answer_value, market.baseline) == (7.0, 0.3, 2.0, 0.5)


def test_providers_can_be_chosen_by_name_and_index():
    full = ttc_env.load_market("gsm8k/best_of_n")
    some = ttc_env.load_market("gsm8k/best_of_n", providers=[full.providers[3], 0])
    assert some.providers == (full.providers[3], full.providers[0])
    np.testing.assert_array_equal(some.price, full.price[[3, 0]])


def test_a_table_of_ones_own(table):
    market = ttc_env.load_market(table(*GOOD), answer_value=0.01, beta=50.0)
    assert (market.providers, market.levels) == (("small", "large"), (1, 4))
    np.testing.assert_allclose(market.price, [[2e-5, 8e-5], [1.35e-4, 5.4e-4]])
    np.testing.assert_allclose(market.quality, 0.01 * (0.1 + 0.9 * np.array([[0.5, 0.6], [0.7, 0.75]])))


def test_rows_and_columns_come_in_any_order_with_extra_columns(table):
    given = list(csv.DictReader(GOOD))
    order = ["note", *reversed(COLUMNS)]
    lines = [",".join({**row, "note": "x"}[column] for column in order) for row in reversed(given)]
    shuffled = ttc_env.load_market(str(table("\ufeff" + ",".join(order), *lines)), answer_value=0.01)
    plain = ttc_env.load_market(table(*GOOD, name="plain.csv"), answer_value=0.01)
    assert shuffled.levels == plain.levels
    np.testing.assert_array_equal(shuffled.select(plain.providers).quality, plain.quality)


def test_one_of_several_tables_is_chosen_by_name(table):
    path = table(*GOOD, *(line.replace("votes", "other") for line in GOOD[1:3]))
    assert ttc_env.load_market(path, name="mine/other", answer_value=1.0).providers == ("small",)
    for name in (None, "", "mine/vote"):
        with pytest.raises(ValueError, match=r"mine/votes, mine/other"):
            ttc_env.load_market(path, name=name, answer_value=1.0)


@pytest.mark.parametrize(
    ("lines", "row", "fault"),
    [
        ([], 1, "missing column benchmark, method"),
        ([""], 1, "missing column benchmark, method"),
        ([HEADER], 2, "empty"),
        ([HEADER.replace(",tokens", ""), "mine,votes,small,1,0.5,0.2"], 1, "missing column tokens"),
        (GOOD[1:], 1, "missing column benchmark"),
        (["some notes", "of mine"], 1, "missing column benchmark"),
        (edited(3, "accuracy", "nan"), 3, "accuracy .*nan"),
        (edited(3, "accuracy", "inf"), 3, "accuracy .*inf"),
        (edited(3, "accuracy", "1.01"), 3, r"accuracy .*\[0, 1\].*1\.01"),
        (edited(3, "accuracy", "-0.01"), 3, r"accuracy .*\[0, 1\].*-0\.01"),
        (edited(3, "accuracy", "high"), 3, "accuracy is not a number: 'high'"),
        (edited(3, "accuracy", ""), 3, "accuracy is empty"),
        (edited(4, "tokens", "-1"), 4, "tokens .*>= 0.*-1"),
        (edited(4, "tokens", "nan"), 4, "tokens .*nan"),
        (edited(5, "price_usd_per_mtok", "-0.2"), 5, "price_usd_per_mtok .*>= 0"),
        (edited(5, "price_usd_per_mtok", "0.8"), 5, "large .*more than one price_usd_per_mtok"),
        (edited(5, "theta", "-4"), 5, "theta .*>= 0"),
        (edited(5, "theta", "four"), 5, "theta is not a number: 'four'"),
        (edited(5, "theta", "8"), 5, r"unequal level grids.*large .*\[1.0, 8.0\]"),
        (GOOD[:-1], 4, "unequal level grids.*large"),
        (edited(5, "theta", "1"), 5, "duplicate of row 4"),
        ([*GOOD, GOOD[1]], 6, "duplicate of row 2"),
        (edited(2, "model", " "), 2, "model is empty"),
        ([*GOOD, "mine,votes,large"], 6, "theta is empty"),
        ([*GOOD[:-1], GOOD[-1] + ",1"], 5, "8 cells under 7 columns"),
        ([HEADER + ",tokens", *(line + ",1" for line in GOOD[1:])], 1, "repeated column tokens"),
        (edited(2, "method", "a/b"), 2, "must not contain '/', got 'mine', 'a/b'"),
        (edited(2, "benchmark", "a/b"), 2, "must not contain '/', got 'a/b', 'votes'"),
        ([line.replace(",", ";") for line in GOOD], 1, "separated by ';' here, and must be by ','"),
        ([line.replace(",", "\t") for line in GOOD], 1, r"separated by '\\t' here"),
        ([*GOOD, "x" * 140_000], 6, "field larger than field limit"),
        ([*GOOD, b"mine,votes,\xff\xfe,1,0.5,100,0.2\n"], 6, "not UTF-8"),
    ],
)
def test_a_malformed_table_raises_one_error_with_file_row_and_fault(table, lines, row, fault):
    path = table(*lines)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}, row {row}: .*{fault}"):
        ttc_env.load_market(path, answer_value=1.0)


def test_a_missing_file_is_not_found(tmp_path):
    with pytest.raises(FileNotFoundError):
        ttc_env.load_market(tmp_path / "nothing.csv")
    with pytest.raises(FileNotFoundError):
        ttc_env.load_market("nothing.csv")


@pytest.mark.parametrize("name", ["table.csv", "X.CSV", "x.txt", "table", "mine.v2"])
def test_a_table_of_the_current_or_home_folder_needs_no_path(table, tmp_path, monkeypatch, name):
    monkeypatch.chdir(table(*GOOD, name=name).parent)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for source in (name, f"./{name}", f"~/{name}", str(tmp_path / name), tmp_path / name):
        assert ttc_env.load_market(source, answer_value=0.01).providers == ("small", "large")
    assert ttc_env.load_market("gsm8k/majority_voting").num_providers == 9
    with pytest.raises(FileNotFoundError):
        ttc_env.load_market(f"~/no-such-{name}")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", "cut", "other"])
def test_what_cannot_be_read_beside_a_table_is_one_error(table, content):
    path = table(*GOOD)
    beside = path.with_suffix(".npz")
    with open(beside, "wb") as file:
        np.savez_compressed(file, **{"votes.accuracy.draws": np.ones((9, 2, 2)), "other": np.ones(3)})
    beside.write_bytes(
        content if isinstance(content, bytes) else beside.read_bytes()[: -40 if content == "cut" else None]
    )
    with pytest.raises(
        ValueError, match=r"table\.npz: (draws|questions) of mine/votes cannot be read; build the table again"
    ):
        load_draws(path)
    with pytest.raises(ValueError, match="cannot be read"):
        load_outcomes(path)


def test_an_unknown_market_is_named_with_a_suggestion():
    with pytest.raises(ValueError, match=r"unknown market 'gsm8k/majority_votin'.*mean gsm8k/majority_voting.*aime/"):
        ttc_env.load_market("gsm8k/majority_votin")
    with pytest.raises(ValueError, match=r"unknown market 'zebra'; allowed: gsm8k/"):
        ttc_env.load_market("zebra")


@pytest.mark.parametrize("provider", ["GPT-0", 9, -1, 1.0, True, None])
def test_an_unknown_provider_is_named(provider):
    with pytest.raises(ValueError, match=rf"unknown provider {provider!r}; allowed: .*0\.\.8"):
        ttc_env.load_market("gsm8k/majority_voting", providers=[provider])


@pytest.mark.parametrize("providers", [[], [0, 0]])
def test_providers_are_some_and_distinct(providers):
    with pytest.raises(ValueError, match="providers must be"):
        ttc_env.load_market("gsm8k/majority_voting", providers=providers)


def test_a_benchmark_of_ones_own_needs_an_answer_value(table):
    with pytest.raises(ValueError, match=r"answer_value .*must be given for benchmark 'mine'.*gsm8k"):
        ttc_env.load_market(table(*GOOD))


@pytest.mark.parametrize(
    ("parameter", "values"),
    [
        ("beta", [0, -1.0]),
        ("answer_value", [0.0, -0.008]),
        ("baseline", [-0.1, 1.0]),
        ("markup", [-0.25]),
        ("outside_value", []),
    ],
)
def test_a_bad_parameter_is_named_with_its_value(parameter, values):
    for value in [*values, float("nan"), float("inf"), -float("inf"), "1000", True, [1.0]]:
        with pytest.raises(ValueError, match=rf"{parameter} must be .*{re.escape(repr(value))}"):
            ttc_env.load_market("gsm8k/majority_voting", **{parameter: value})


def test_a_quality_beyond_all_numbers_is_refused():
    with pytest.raises(ValueError, match="quality must be finite"):
        ttc_env.load_market("gsm8k/reasoning_effort", answer_value=1e39, baseline=1e300)
