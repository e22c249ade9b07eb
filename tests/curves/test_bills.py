"""Bills with input tokens, cached input and a fee: computed by hand, from a run's samples to the market."""

import csv
import dataclasses

import numpy as np
import pytest

import ttc_env
from curves.build import Args, build
from curves.estimating.methods import curve
from curves.records.runs import Run, answers
from curves.tables.prices import PRICES, Tariff, read_prices
from ttc_env import equilibrium
from ttc_env.curves import AMOUNTS, COLUMNS, TARIFF, load_curves, load_draws, load_outcomes

HEADER = ",".join((*COLUMNS, *AMOUNTS, *TARIFF))
ROWS = (  # accuracy, tokens, output price, input, cached, prices of these, fee; the bill by hand, USD
    ("a", 1, 0.5, 100, 10, 1000, 0, 2, 1, 0.0005, 0.001 + 0.002 + 0 + 0.0005),
    ("a", 4, 0.6, 400, 10, 1000, 3000, 2, 1, 0.0005, 0.004 + 0.002 + 0.003 + 0.0005),
    ("b", 1, 0.7, 200, 5, 800, 0, 1, 0.5, 0, 0.001 + 0.0008 + 0 + 0),
    ("b", 4, 0.8, 800, 5, 800, 2400, 1, 0.5, 0, 0.004 + 0.0008 + 0.0012 + 0),
)


@pytest.fixture
def path(tmp_path):
    lines = [",".join(map(str, ("mine", "votes", *row[:-1]))) for row in ROWS]
    table = tmp_path / "bills.csv"
    table.write_text("\n".join([HEADER, *lines]))
    return table


def without(path, *columns):
    """The table without some columns."""
    rows = list(csv.DictReader(path.read_text().splitlines()))
    names = [name for name in rows[0] if name not in columns]
    path.write_text("\n".join([",".join(names), *(",".join(row[name] for name in names) for row in rows)]))
    return path


def test_a_market_with_input_tokens_and_a_fee_has_the_bills_of_a_hand(path):
    market = ttc_env.load_market(path, answer_value=0.02, beta=500.0)
    bills = np.array([row[-1] for row in ROWS]).reshape(2, 2)
    np.testing.assert_allclose(market.price, bills, rtol=1e-14)
    np.testing.assert_allclose(market.cost, bills / 1.25, rtol=1e-14)
    np.testing.assert_array_equal(market.tokens, [[100, 400], [200, 800]])


def test_oracles_see_the_bills_and_nothing_else(path):
    """Enumeration over the hand-made bills finds what the library finds on the market of the table."""
    market = ttc_env.load_market(path, answer_value=0.02, beta=500.0)
    price = np.array([row[-1] for row in ROWS]).reshape(2, 2)
    value = np.exp(500 * (market.quality - price))
    profit, best = {}, []
    for profile in np.ndindex(2, 2):
        weights = value[[0, 1], profile]
        profit[profile] = weights / (1 + weights.sum()) * (price * 0.2)[[0, 1], profile]
    for first, second in profit:
        if (
            profit[first, second][0] >= profit[1 - first, second][0]
            and profit[first, second][1] >= profit[first, 1 - second][1]
        ):
            best.append([first, second])
    assert equilibrium.pure_nash(market).tolist() == best
    for profile in profit:
        np.testing.assert_allclose(market.utility(profile), profit[profile], rtol=1e-12)
    welfare = market.quality - price / 1.25
    assert equilibrium.second_price_outcome(market).welfare == pytest.approx(welfare.max(), rel=1e-12)


def test_cached_input_without_a_price_of_its_own_costs_as_other_input(path):
    market = ttc_env.load_market(without(path, TARIFF[1]), answer_value=0.02)
    assert market.price[0, 1] == pytest.approx(0.004 + 4000 * 2e-6 + 0.0005, rel=1e-14)


def test_a_two_part_tariff_needs_no_input_tokens(path):
    market = ttc_env.load_market(without(path, *AMOUNTS, *TARIFF[:2]), answer_value=0.02)
    np.testing.assert_allclose(market.price, [[0.0015, 0.0045], [0.001, 0.004]], rtol=1e-14)


def test_surcharges_of_nothing_change_nothing(path):
    rows = [row[:5] for row in ROWS]
    table = path.with_name("zero.csv")
    table.write_text("\n".join([HEADER, *(",".join(map(str, ("m", "v", *row, 7, 9, 0, 0, 0))) for row in rows)]))
    free, plain = ttc_env.load_market(table, answer_value=1.0), None
    plain = ttc_env.load_market(without(table, *AMOUNTS, *TARIFF), answer_value=1.0)
    assert load_curves(table).surcharge is None
    for name in ("quality", "price", "cost", "tokens"):
        np.testing.assert_array_equal(getattr(free, name), getattr(plain, name))


@pytest.mark.parametrize(
    ("columns", "fault"),
    [
        ((TARIFF[0],), "row 1: input_tokens is of no use without input_price_usd_per_mtok"),
        (AMOUNTS, "row 1: input_price_usd_per_mtok is of no use without input_tokens"),
        ((AMOUNTS[0], TARIFF[0]), "row 1: cached_tokens is of no use without input_tokens"),
        ((AMOUNTS[1],), "row 1: cached_price_usd_per_mtok is of no use without cached_tokens"),
    ],
)
def test_amounts_without_prices_and_prices_without_amounts_are_one_error(path, columns, fault):
    with pytest.raises(ValueError, match=fault):
        load_curves(without(path, *columns))


@pytest.mark.parametrize("column", TARIFF)
def test_a_model_has_one_price_of_each_kind(path, column):
    lines = path.read_text().splitlines()
    cells = dict(zip(HEADER.split(","), lines[2].split(","), strict=True)) | {column: "9"}
    path.write_text("\n".join([*lines[:2], ",".join(cells.values()), *lines[3:]]))
    with pytest.raises(ValueError, match=f"row 3: a in mine/votes has more than one {column}"):
        load_curves(path)
    path.write_text("\n".join([*lines[:2], ",".join((cells | {column: ""}).values()), *lines[3:]]))
    with pytest.raises(ValueError, match=f"row 3: {column} is empty"):
        load_curves(path)


SAMPLES = {  # per question: right, generated, read anew, read from a cache
    "q0": [(True, 10, 100, 0), (False, 30, 40, 60), (True, 20, 40, 60), (True, 20, 40, 60)],
    "q1": [(False, 50, 300, 0), (False, 70, 300, 0), (True, 60, 300, 0), (False, 60, 300, 0)],
}


def recorded(model, faster=1):
    def samples(rows):
        return answers(
            {
                "answer": str(right), "correct": right, "tokens": tokens * faster, "finish": "stop",
                "input_tokens": read, "cached_tokens": cached,
            }
            for right, tokens, read, cached in rows
        )  # fmt: skip

    questions = {question: samples(rows) for question, rows in SAMPLES.items()}
    return Run(model, "mine", questions, metadata={"file": "f", "left_out": {}})


@pytest.mark.parametrize(
    ("repeated", "read", "cached"),
    [
        ("input", [220, 1200], [180, 0]),
        ("cached", [55, 300], [45 + 3 * 100, 3 * 300]),
        ("free", [55, 300], [45, 0]),
    ],
)
def test_the_prompt_of_later_samples_is_billed_as_asked(repeated, read, cached):
    """Means of the prompts are 55 anew and 45 cached, and 300 anew."""
    found = curve(recorded("a"), "majority_voting", [1, 4], ["q0", "q1"], repeated)
    np.testing.assert_array_equal(found.tokens, [[20, 60], [80, 240]])
    np.testing.assert_array_equal(found.input, [[55, 300], read])
    np.testing.assert_array_equal(found.cached, [[45, 0], cached])


PRICED = "model,price_usd_per_mtok,input_price_usd_per_mtok,cached_price_usd_per_mtok,fee_usd\n"


def test_a_run_becomes_a_table_whose_bills_draws_and_replays_hold_input(tmp_path):
    out, prices = tmp_path / "t.csv", tmp_path / "prices.csv"
    prices.write_text(PRICED + "a,10,2,1,0.001\nb,20,4,4,0\n")
    args = Args(out=out, prices=prices, draws=6, repeated_prompt="cached")
    build([recorded("a"), recorded("b", 3)], args, "flexible", strict=[])
    market = ttc_env.load_market(out, answer_value=0.02, outcomes=True)
    bill = 1e-6 * np.array(  # generated, read and cached tokens at their prices; questions q0 and q1
        [
            [
                [10 * 20 + 2 * 55 + 1 * 45 + 1000, 10 * 60 + 2 * 300 + 1000],
                [10 * 80 + 2 * 55 + 1 * 345 + 1000, 10 * 240 + 2 * 300 + 900 + 1000],
            ],
            [
                [20 * 60 + 4 * 55 + 4 * 45, 20 * 180 + 4 * 300],
                [20 * 240 + 4 * 55 + 4 * 345, 20 * 720 + 4 * 300 + 4 * 900],
            ],
        ]
    )
    np.testing.assert_allclose(market.price, bill.mean(-1), rtol=1e-6)
    np.testing.assert_allclose(market.outcomes.tokens * market.price[..., None], bill, rtol=1e-6)
    each = ttc_env.load_market(out, questions=True, answer_value=0.02)
    np.testing.assert_allclose(np.moveaxis(each.price, 0, -1), bill, rtol=1e-6)
    _, tokens = load_outcomes(out)
    np.testing.assert_array_equal(tokens[0, 1], [80, 240])
    for drawn in load_draws(out, answer_value=0.02):  # two questions: a draw is either of them, or both
        ends = [np.abs(drawn.price - bill @ weights).max() for weights in ([1, 0], [0.5, 0.5], [0, 1])]
        assert min(ends) < 1e-8


def test_input_that_was_not_recorded_cannot_be_billed(tmp_path):
    run, prices = recorded("a"), tmp_path / "prices.csv"
    lacking = {name: given._replace(input=None) for name, given in run.questions.items()}
    prices.write_text(PRICED + "a,10,2,1,0.001\n")
    with pytest.raises(ValueError, match="not all models have recorded input tokens; leave that column out"):
        build(
            [dataclasses.replace(run, questions=lacking)], Args(prices=prices, out=tmp_path / "t.csv"), "flexible", []
        )
    prices.write_text("model,price_usd_per_mtok,fee_usd\na,10,0.001\n")
    build([dataclasses.replace(run, questions=lacking)], Args(prices=prices, out=tmp_path / "t.csv"), "flexible", [])
    curves = load_curves(tmp_path / "t.csv")
    np.testing.assert_allclose(curves.bill, curves.tokens * 1e-5 + 0.001, rtol=1e-14)


def test_prices_are_what_the_list_says(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("model,fee_usd,price_usd_per_mtok\norg/a,0.5,2\n")
    assert read_prices(path, ["a"]) == {"a": Tariff(2.0, fee=0.5)}
    assert Tariff(2.0, fee=0.5).columns() == {PRICES[0]: 2.0, "fee_usd": 0.5}
    path.write_text("model,fee_usd,price_usd_per_mtok\norg/a,,2\n")
    with pytest.raises(ValueError, match="fee_usd must be finite and >= 0, got ''"):
        read_prices(path, ["a"])


def test_replayed_bills_need_costs_that_follow_them(tmp_path):
    """A cost per generated token does not grow with the prompt of a query, and a replayed bill does."""
    out, prices = tmp_path / "t.csv", tmp_path / "prices.csv"
    prices.write_text(PRICED + "a,10,2,1,0.001\nb,20,4,4,0\n")
    build([recorded("a"), recorded("b", 3)], Args(out=out, prices=prices, draws=2), "flexible", strict=[])
    rows = list(csv.reader(out.read_text().splitlines()))
    out.write_text("\n".join(",".join([*row, "cost_usd_per_mtok" if not i else "5"]) for i, row in enumerate(rows)))
    expected = ttc_env.load_market(out, answer_value=0.02)
    np.testing.assert_allclose(expected.cost, expected.tokens * 5e-6, rtol=1e-12)
    with pytest.raises(ValueError, match=r"mine/majority_voting are replayed with its bills.*costs='markup'"):
        ttc_env.load_market(out, answer_value=0.02, outcomes=True)
    chosen = ttc_env.load_market(out, answer_value=0.02, outcomes=True, costs="markup", providers=["b"])
    np.testing.assert_allclose(chosen.price, expected.price[1:], rtol=1e-6)
