"""Shares, utility, welfare and potential: their identities, a naive oracle, two backends, and bad input."""

import copy
import math
import pickle
from decimal import Context, Decimal, localcontext

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import ttc_env
from tests.helpers.markets import market_of
from tests.helpers.strategies import POSITIVE_MARGINS, markets, profiles
from ttc_env.arrays import at
from ttc_env.market import Market, logit_shares

QUANTITIES = ("shares", "utility", "welfare")


def outside_share(market, profile):
    return 1 - market.shares(profile).sum(axis=-1)


def naive(market, profile):
    """The formulas of section 3 word for word, in decimals whose exponent never overflows."""
    with localcontext(Context(prec=60, Emax=10**15, Emin=-(10**15))):
        number = lambda table: [Decimal(float(table[i, k])) for i, k in enumerate(profile)]  # noqa: E731
        beta, outside_value = Decimal(market.beta), Decimal(market.outside_value)
        quality, price, cost = number(market.quality), number(market.price), number(market.cost)
        weights = [(beta * (q - p)).exp() for q, p in zip(quality, price, strict=True)]
        total = (beta * outside_value).exp() + sum(weights)
        shares = [weight / total for weight in weights]
        utility = [share * (p - c) for share, p, c in zip(shares, price, cost, strict=True)]
        welfare = sum(s * (q - c) for s, q, c in zip(shares, quality, cost, strict=True))
        welfare += (1 - sum(shares)) * outside_value
        margins = [p - c for p, c in zip(price, cost, strict=True)]
        log_utility = [s.ln() + x.ln() if x > 0 else None for s, x in zip(shares, margins, strict=True)]
        potential = None
        if min(margins) > 0:
            logit = beta * sum(q - p for q, p in zip(quality, price, strict=True))
            potential = sum(margin.ln() for margin in margins) + logit - total.ln()
    return {
        "shares": np.array(shares, float),
        "utility": np.array(utility, float),
        "welfare": float(welfare),
        "potential": None if potential is None else float(potential),
        "log_utility": log_utility,
    }


@given(st.data())
def test_everything_agrees_with_the_formulas_written_out(data):
    market = data.draw(markets())
    profile = data.draw(profiles(market))
    expected = naive(market, profile)
    # The logits, up to 1e5, are rounded to 1e-16 of themselves before they are exponentiated.
    tolerance = 1e-13 * (10 + market.beta * np.abs(market.user_value).max() + market.beta * abs(market.outside_value))
    for quantity in QUANTITIES:
        size = 1 if quantity == "shares" else np.abs([market.quality, market.price]).max() + abs(market.outside_value)
        np.testing.assert_allclose(getattr(market, quantity)(profile), expected[quantity], atol=tolerance * size)
    if expected["potential"] is not None:
        assert market.potential(profile) == pytest.approx(expected["potential"], abs=tolerance * market.num_providers)


values = st.floats(-100, 100)


@given(st.lists(values, min_size=1, max_size=9), st.floats(1e-6, 1e7), values)
def test_shares_and_the_outside_option_sum_to_one(user_values, beta, outside_value):
    shares, outside = logit_shares(np.array(user_values), beta, outside_value)
    assert np.all((shares >= 0) & (shares <= 1))
    assert shares.sum() + outside == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("beta", [1e-3, 200.0, 1e5, 1e7])
@pytest.mark.parametrize("value", [-50.0, 0.0, 50.0])
def test_no_rationality_or_value_overflows(beta, value):
    market = market_of([[value], [value - 1e-9]], [[0.1], [0.2]], beta, outside_value=value - 1e-9)
    profile = np.array([0, 0])
    shares = market.shares(profile)
    assert shares[1] == pytest.approx(outside_share(market, profile), abs=1e-6)
    assert 0.33 < shares[0] <= 1
    assert all(np.all(np.isfinite(getattr(market, name)(profile))) for name in (*QUANTITIES, "potential"))


@given(st.data())
def test_reordering_the_providers_reorders_the_results(data):
    market = data.draw(markets(POSITIVE_MARGINS))
    profile = data.draw(profiles(market))
    order = np.array(data.draw(st.permutations(range(market.num_providers))))
    mirrored = market.select(order.tolist())
    for quantity in ("shares", "utility"):
        left, right = getattr(mirrored, quantity)(profile[order]), getattr(market, quantity)(profile)[order]
        np.testing.assert_allclose(left, right, rtol=1e-12)
    assert mirrored.welfare(profile[order]) == pytest.approx(market.welfare(profile), rel=1e-9, abs=1e-12)
    assert mirrored.potential(profile[order]) == pytest.approx(market.potential(profile), rel=1e-12, abs=1e-9)


@given(st.data())
def test_a_move_changes_the_potential_as_it_changes_the_movers_log_utility(data):
    market = data.draw(markets(POSITIVE_MARGINS))
    before = data.draw(profiles(market))
    mover = data.draw(st.integers(0, market.num_providers - 1))
    after = before.copy()
    after[mover] = data.draw(st.integers(0, market.num_levels - 1))
    gain = naive(market, after)["log_utility"][mover] - naive(market, before)["log_utility"][mover]
    size = 10 + market.beta * np.abs(market.user_value).max() * market.num_providers
    assert market.potential(after) - market.potential(before) == pytest.approx(float(gain), abs=1e-12 * size)


@given(st.data())
def test_welfare_is_the_users_value_and_the_profits(data):
    market = data.draw(markets())
    profile = data.draw(profiles(market))
    users = market.shares(profile) @ at(market.user_value, profile)
    users += outside_share(market, profile) * market.outside_value
    size = np.abs([market.quality, market.price]).max() + abs(market.outside_value)
    assert market.welfare(profile) == pytest.approx(users + market.utility(profile).sum(), abs=1e-12 * size)


@given(st.data())
def test_a_batch_is_a_loop(data):
    market = data.draw(markets(POSITIVE_MARGINS))
    batch = data.draw(profiles(market, batch=(2, 3)))
    for quantity in (*QUANTITIES, "potential"):
        together = getattr(market, quantity)(batch)
        alone = [[getattr(market, quantity)(profile) for profile in row] for row in batch]
        np.testing.assert_allclose(together, alone, rtol=1e-13)


@given(st.data())
def test_numpy_and_torch_agree(data):
    market = data.draw(markets(POSITIVE_MARGINS))
    profile = data.draw(profiles(market, batch=(3,)))
    other = market.to("torch")
    for quantity in (*QUANTITIES, "potential"):
        left, right = getattr(market, quantity)(profile), getattr(other, quantity)(torch.tensor(profile))
        assert isinstance(right, torch.Tensor)
        assert right.dtype == torch.float64
        np.testing.assert_allclose(left, right, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_market_moves_between_backends_and_precisions(backend, dtype):
    market = ttc_env.load_market("gsm8k/best_of_n", beta=200.0, outside_value=0.001)
    there = market.to(backend, dtype=dtype)
    assert str(there.shares(np.zeros(9, int)).dtype).endswith(dtype)
    back = there.to("numpy")
    np.testing.assert_allclose(back.quality, market.quality, rtol=1e-15 if dtype == "float64" else 1e-6)
    assert (back.beta, back.outside_value, back.unit) == (market.beta, market.outside_value, market.unit)


@pytest.mark.parametrize(
    ("backend", "options", "named"),
    [("jax", {}, "jax"), ("numpy", {"dtype": "int64"}, "int64"), ("numpy", {"device": "cuda"}, "cuda")],
)
def test_an_unknown_backend_is_named(backend, options, named):
    with pytest.raises(ValueError, match=named):
        ttc_env.load_market("gsm8k/best_of_n").to(backend, **options)


def test_select_keeps_the_unit_of_the_whole_market():
    market = Market(["a", "b"], [1, 2], [[1.0, 2.0], [3.0, 4.0]], np.ones((2, 2)), np.zeros((2, 2)), 5.0, 0.5)
    small = market.select(["a"])
    assert (small.providers, small.levels, small.beta, small.outside_value) == (("a",), (1, 2), 5.0, 0.5)
    assert small.unit == market.unit == 4.0
    np.testing.assert_array_equal(small.quality, [[1.0, 2.0]])


@pytest.mark.parametrize("duplicate", [copy.deepcopy, copy.copy, lambda market: pickle.loads(pickle.dumps(market))])
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_copied_market_is_the_same_market(duplicate, backend):
    market = ttc_env.load_market("gpqa/best_of_n").to(backend)
    profile = np.arange(market.num_providers) % market.num_levels
    before = market.utility(profile)  # fills the caches
    np.testing.assert_array_equal(duplicate(market).utility(profile), before)


def test_a_market_does_not_change_with_the_tables_it_was_made_of():
    tables = {name: np.ones((1, 1)) for name in ("quality", "price", "cost")}
    market = Market(providers=["a"], levels=[1], beta=1.0, **tables)
    for table in tables.values():
        table[:] = 9.0
    assert market.quality == market.price == market.cost == 1.0
    with pytest.raises(ValueError, match="read-only"):
        market.quality[0, 0] = 2.0


def test_one_provider_with_one_level():
    market = Market("solo", [1], [[1.0]], [[0.4]], [[0.1]], beta=2.0, outside_value=0.6)
    assert market.shares([0]) == pytest.approx([0.5])
    assert market.utility([0]) == pytest.approx([0.15])
    assert market.welfare([0]) == pytest.approx(0.5 * 0.9 + 0.5 * 0.6)
    assert market.potential([0]) == pytest.approx(math.log(0.3) + 1.2 - math.log(2 * math.exp(1.2)))


GOOD = {
    "providers": ["a", "b"],
    "levels": [1, 2, 4],
    "quality": np.full((2, 3), 0.5),
    "price": np.full((2, 3), 0.2),
    "cost": np.full((2, 3), 0.1),
    "beta": 10.0,
}
SPOILT = np.array([[0.5, 0.5, np.nan], [0.5, 0.5, 0.5]])


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("providers", [], r"providers must be non-empty strings, got \(\)"),
        ("providers", ["a", ""], r"providers must be non-empty strings, got \('a', ''\)"),
        ("providers", [1, 2], r"providers must be non-empty strings, got \(1, 2\)"),
        ("providers", ["a", "a"], r"providers must be distinct, got \('a', 'a'\)"),
        ("providers", ["a", "b", "c"], r"quality must have shape .* = \(3, 3\), got \(2, 3\)"),
        ("levels", [], r"levels must be .*, got \(\)"),
        ("levels", [1, 4, 2], r"levels must be .*increasing.*, got \(1, 4, 2\)"),
        ("levels", [1, 2, 2], r"levels must be .*increasing.*, got \(1, 2, 2\)"),
        ("levels", [1, 2, float("nan")], "level must be .*got nan"),
        ("levels", [1, 2, "high"], "level must be .*got 'high'"),
        ("levels", [1, 2], r"quality must have shape .* = \(2, 2\), got \(2, 3\)"),
        ("quality", SPOILT, "quality must be finite everywhere, got .*nan"),
        ("price", -SPOILT, "price must be finite everywhere, got .*nan"),
        ("cost", SPOILT * np.inf, "cost must be finite everywhere, got .*inf"),
        ("cost", torch.tensor(SPOILT), "cost must be finite everywhere, got .*nan"),
        ("quality", np.full((2, 3), 0.5 + 0.1j), "quality must be real numbers"),
        ("quality", torch.full((2, 3), 0.5 + 0.1j), "quality must be real numbers"),
        ("price", np.ma.masked_greater(np.arange(6.0).reshape(2, 3) / 10, 0.4), "price must have no masked entries"),
        ("price", [[0.2, 0.2, 0.2], [0.2, 0.2]], "price must be real numbers in an array"),
        ("price", [["0.2"] * 3] * 2, "price must be real numbers in an array"),
        ("price", np.full((2, 3), True), "price must be real numbers in an array"),
        ("price", [[object()] * 3] * 2, "price must be real numbers in an array"),
        ("cost", torch.full((2, 3), 0.1), "must be of one library and device, got .*'cost': 'Tensor on cpu'"),
        ("providers", None, "providers must be a sequence, got None"),
        ("levels", 5, "levels must be a sequence, got 5"),
        ("beta", 10**400, "beta must be a finite number, got 1000"),
        ("beta", np.complex128(3 + 1j), "beta must be a finite number"),
        ("beta", 1e308, r"must stay in the range of float64, got beta 1e\+308"),
        ("outside_value", -1e308, r"must stay in the range of float64, got .*outside_value -1e\+308"),
        ("answer_value", 5e-324, "must stay in the range of float64, got .*answer_value 5e-324"),
        ("quality", np.full((2, 3), 1e308), r"must stay in the range of float64, got .*tables up to 1e\+308"),
        ("price", [0.2, 0.2], r"price must have shape .* = \(2, 3\), got \(2,\)"),
        ("beta", 0.0, r"beta must be positive .*got 0\.0"),
        ("beta", -5.0, r"beta must be positive .*got -5\.0"),
        ("beta", float("nan"), "beta must be .*got nan"),
        ("beta", float("inf"), "beta must be .*got inf"),
        ("beta", "high", "beta must be .*got 'high'"),
        ("beta", True, "beta must be .*got True"),
        ("outside_value", float("inf"), "outside_value must be .*got inf"),
        ("outside_value", None, "outside_value must be .*got None"),
        ("answer_value", 0.0, r"answer_value must be positive .*got 0\.0"),
        ("answer_value", "dear", "answer_value must be .*got 'dear'"),
        ("baseline", 1.0, r"baseline must be .*got 1\.0"),
        ("baseline", -0.1, r"baseline must be .*got -0\.1"),
    ],
)
def test_a_bad_market_is_refused_with_name_and_value(field, value, message):
    Market(**GOOD)
    with pytest.raises(ValueError, match=message):
        Market(**{**GOOD, field: value})


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("quantity", [*QUANTITIES, "potential"])
@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ([0, 3], r"level indices must be in 0\.\.2, got \[0, 3\]"),
        ([-1, 0], r"level indices must be in 0\.\.2, got \[-1, 0\]"),
        ([0, 1, 2], r"shape \(\.\.\., 2\), got \[0, 1, 2\]"),
        (0, r"shape \(\.\.\., 2\), got 0"),
        ([0.0, 1.0], r"integer level indices, got \[0\.0, 1\.0\]"),
        ([True, False], r"integer level indices, got \[True, False\]"),
    ],
)
def test_a_bad_profile_is_refused_with_its_value(backend, quantity, profile, message):
    with pytest.raises(ValueError, match=message):
        getattr(Market(**GOOD).to(backend), quantity)(profile)


def test_the_potential_needs_positive_margins():
    with pytest.raises(ValueError, match="price <= cost"):
        Market(**{**GOOD, "cost": GOOD["price"]}).potential([0, 0])


def test_accuracy_needs_qualities_that_are_means_of_right_and_wrong_answers():
    market = Market(**GOOD, answer_value=1.0, baseline=0.2)
    np.testing.assert_allclose(market.accuracy, np.full((2, 3), 0.375))
    for options in ({"answer_value": 0.4}, {"answer_value": 1.0, "baseline": 0.6}):
        with pytest.raises(ValueError, match=r"quality must lie in \[baseline, 1\] \* answer_value = .*0\.5"):
            _ = Market(**GOOD, **options).accuracy


def test_a_number_too_long_to_print_is_refused_by_its_size():
    for field in ("beta", "outside_value", "answer_value"):
        with pytest.raises(ValueError, match=f"{field} must be a finite number, got a whole number of 16610 bits"):
            Market(**{**GOOD, field: 10**5000})


def test_the_tables_are_the_markets_own():
    """What the caller does with its arrays afterwards changes no market, in either library."""
    for make in (np.array, torch.tensor):
        tables = {name: make(GOOD[name].tolist()) for name in ("quality", "price", "cost")}
        market = Market(**{**GOOD, **tables})
        for table in tables.values():
            table[:] = 7.0
        assert float(market.quality[0, 0]) == pytest.approx(0.5)
        assert float(market.user_value.max()) == pytest.approx(0.3)
    with pytest.raises(ValueError, match="read-only"):
        Market(**GOOD).quality[0, 0] = 1.0


def test_tables_of_two_precisions_take_the_finer_one():
    coarse = Market(**{**GOOD, "price": GOOD["price"].astype(np.float32), "cost": [[1, 0, 1], [0, 1, 0]]})
    assert coarse.quality.dtype == coarse.price.dtype == coarse.cost.dtype == np.float64
    assert not coarse.price.flags.writeable
    every = Market(**{**GOOD, **{name: GOOD[name].astype(np.float32) for name in ("quality", "price", "cost")}})
    assert every.quality.dtype == every.price.dtype == np.float32


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_markets_at_the_ends_of_the_lottery_are_played_in_either_precision(backend, dtype):
    """Accuracies of 0 and 1: rounding of single precision must not refuse a market that double precision takes."""
    ends = np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 0.5]])
    for answer_value in (0.008, 0.02, 0.05, 1.0, 1 / 3, 7e5):
        for baseline in (0.0, 0.1, 0.25, 0.3, 1 / 3, 0.7, 0.9, 0.99, 0.999):
            quality = answer_value * (baseline + (1 - baseline) * ends)
            tables = {"quality": quality, "price": 0 * quality, "cost": 0 * quality}
            market = Market(["a", "b", "c"], [1, 2], **tables, beta=1.0, answer_value=answer_value, baseline=baseline)
            for form in (market, [market, market.select([0])]):
                env = ttc_env.VectorMarket(form, demand=10, backend=backend, dtype=dtype)
                env.reset(seed=0)
                accuracy = np.asarray(env.game.market.accuracy)
                assert accuracy.min() >= 0
                assert accuracy.max() <= 1
                np.testing.assert_allclose(accuracy.reshape(-1, 3, 2)[0], ends, atol=1e-3)
    with pytest.raises(ValueError, match="quality must lie in"):
        _ = Market(["a"], [1], [[0.8001]], [[0.1]], [[0.1]], 1.0, answer_value=0.8).to(backend, dtype=dtype).accuracy


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_what_single_precision_cannot_hold_is_refused(backend):
    """Before, these overflowed with a warning at best: NaN rewards, or all of them zero."""
    market = Market(**{**GOOD, "beta": 1e38})
    large = Market(**{**GOOD, "answer_value": 1e-40})
    for bad in (market, large, [market, market.select([0])], [large, large.select([0])]):
        assert ttc_env.VectorMarket(bad, dtype="float64", backend=backend).num_markets > 0
        with pytest.raises(ValueError, match="must stay in the range of float32, got beta"):
            ttc_env.VectorMarket(bad, dtype="float32", backend=backend)
    with pytest.raises(ValueError, match=r"1e\+300 does not fit float32"):
        Market(**{**GOOD, "beta": 1e-300, "cost": np.full((2, 3), 1e300)}).to(backend, dtype="float32")
    for scale in (1e39, 1e-39):
        assert ttc_env.VectorMarket(Market(**GOOD), reward_scale=scale, dtype="float64", backend=backend).num_markets
        with pytest.raises(ValueError, match=r"reward_scale must be positive .*in the range of float32, got"):
            ttc_env.VectorMarket(Market(**GOOD), reward_scale=scale, backend=backend)
    with pytest.raises(ValueError, match="observations leave the range of float32"):
        ttc_env.VectorMarket(Market(**{**GOOD, "price": 1e5 * GOOD["price"]}), reward_scale=1e-37, backend=backend)
