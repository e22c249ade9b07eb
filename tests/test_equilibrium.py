"""The exact solvers against brute force, and the statements of docs/theory.md."""

import itertools
import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import ttc_env
from tests.helpers.markets import KINDS, BruteForce, crowd, ladder, market_of, random_market, without_equilibrium
from ttc_env import equilibrium

seeds = st.integers(0, 2**32 - 1)
kinds = st.sampled_from(KINDS)


def assert_exact(market):
    """Both optima, equilibria and price of anarchy are those of brute force; False if rounding decides the latter."""
    brute = BruteForce(market)
    for optimum, values in (
        (equilibrium.welfare_optimum(market), brute.welfare()),
        (equilibrium.joint_profit_optimum(market), brute.joint_profit()),
    ):
        attained = values[np.ravel_multi_index(optimum.profile, brute.shape)]
        assert attained >= values.max() - 100 * np.finfo(values.dtype).eps * abs(values.max())
        assert optimum.value == pytest.approx(float(values.max()), rel=1e-10, abs=1e-300)
    decided = brute.is_decided()
    if decided:
        equilibria = brute.equilibria()
        np.testing.assert_array_equal(equilibrium.pure_nash(market), equilibria)
        assert_price_of_anarchy(market, brute.welfare(), equilibria, brute.shape)
    return decided


def assert_price_of_anarchy(market, welfare, equilibria, shape):
    welfare = welfare.astype(float)
    anarchy, stability = equilibrium.price_of_anarchy(market), equilibrium.price_of_stability(market)
    if not len(equilibria) or welfare.max() <= 0:
        assert math.isnan(anarchy)
        assert math.isnan(stability)
    elif welfare.max() > 1e-290:  # below, doubles lose digits
        at_equilibria = welfare[np.ravel_multi_index(equilibria.T, shape)]
        for ratio, attained in ((anarchy, at_equilibria.min()), (stability, at_equilibria.max())):
            assert ratio == pytest.approx(welfare.max() / attained if attained > 0 else math.inf, rel=1e-9)


def test_equilibria_are_in_order_where_a_provider_that_earns_nothing_decides_which_there_are():
    quality, price = [[0.25, 0.875], [0.25, 0.75], [0.625, 1.0]], [[0.0, 0.5], [0.25, 0.625], [0.25, 0.125]]
    cost = [[0.0, 0.5], [0.0, 0.375], [0.5, 0.25]]
    market = ttc_env.Market(["a", "b", "c"], [1, 2], quality, price, cost, 30.213133734521158)
    assert equilibrium.pure_nash(market).tolist() == [[0, 1, 1], [1, 1, 0]]
    assert [one.tolist() for one in equilibrium.iterate_nash(market)] == [[0, 1, 1], [1, 1, 0]]


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_bulk_against_brute_force(kind):
    rng = np.random.default_rng(KINDS.index(kind))
    assert sum(assert_exact(random_market(rng, kind)) for _ in range(120)) >= 115


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_long_bulk_against_brute_force(kind):
    rng = np.random.default_rng(100 + KINDS.index(kind))
    assert sum(assert_exact(random_market(rng, kind)) for _ in range(3000)) >= 2970


@given(seeds, st.floats(-16, -8))
@settings(max_examples=120)
def test_near_ties_are_found_if_the_certificate_accepts_them(seed, exponent):
    """Providers and levels that differ by rounding, where nobody else can say what is a tie."""
    rng = np.random.default_rng(seed)
    n, m = rng.integers(1, 6), rng.integers(1, 5)
    alike = rng.normal(size=(1, m)), rng.choice([1, -1]) * rng.uniform(0.1, 1, (1, rng.choice([1, m])))
    value, margin = (table * (1 + 10**exponent * rng.normal(size=(n, m))) for table in alike)
    market = market_of(value, margin, beta=10.0 ** rng.uniform(-1, 3))
    profiles = BruteForce(market).profiles
    np.testing.assert_array_equal(equilibrium.pure_nash(market), profiles[equilibrium.is_nash(market, profiles)])


lattice = st.integers(-4, 4)


@st.composite
def lattice_markets(draw):
    """Small tables of small integers, so that ties abound and failures shrink to something readable."""
    n, m = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    table = st.lists(st.lists(lattice, min_size=m, max_size=m), min_size=n, max_size=n)
    beta = draw(st.sampled_from([2.0**-10, 0.25, 1.0, 2.0, 64.0, 2.0**20]))
    return market_of(draw(table), draw(table), beta, draw(lattice))


@pytest.mark.long
@given(lattice_markets())
@settings(max_examples=400, deadline=None)
def test_lattice_against_brute_force(market):
    assume(assert_exact(market))


@given(seeds, kinds)
@settings(max_examples=100, deadline=None)
def test_optima_are_exact_where_shares_are_not(seed, kind):
    """Between profiles whose values agree to a hundred digits, the solvers still find the better one."""
    market = random_market(np.random.default_rng(seed), kind, max_providers=3, max_levels=3, max_logit=60)
    n, m = market.user_value.shape
    with localcontext() as context:
        context.prec = 600
        weight = [[(Decimal(market.beta) * Decimal(float(v))).exp() for v in row] for row in market.user_value]
        outside = (Decimal(market.beta) * Decimal(market.outside_value)).exp()

        def value(profile, table, outside_value):
            weights = [weight[i][k] for i, k in enumerate(profile)]
            paid = sum(w * Decimal(float(table[i, k])) for i, (k, w) in enumerate(zip(profile, weights, strict=True)))
            return (paid + outside * Decimal(outside_value)) / (sum(weights) + outside)

        for optimum, table, v0 in (
            (equilibrium.welfare_optimum(market), market.welfare_contribution, market.outside_value),
            (equilibrium.joint_profit_optimum(market), market.margin, 0.0),
        ):
            values = {profile: value(profile, table, v0) for profile in itertools.product(range(m), repeat=n)}
            assert values[tuple(optimum.profile)] == max(values.values())


@pytest.mark.long
@given(seeds, kinds)
@settings(max_examples=100, deadline=None)
def test_best_response_is_the_lowest_best_level(seed, kind):
    rng = np.random.default_rng(seed)
    market = random_market(rng, kind, max_logit=100)
    n, m = market.user_value.shape
    profiles = rng.integers(0, m, (4, 3, n))
    responses = equilibrium.best_response(market, profiles)
    assert responses.shape == profiles.shape
    for profile, response in zip(profiles.reshape(-1, n), responses.reshape(-1, n), strict=True):
        np.testing.assert_array_equal(equilibrium.best_response(market, profile), response)
        for i in range(n):
            deviations = np.repeat(profile[None], m, axis=0)
            deviations[:, i] = np.arange(m)
            utility = market.utility(deviations)[:, i]
            assert utility[response[i]] >= utility.max() - 1e-12 * abs(utility.max())
            assert not np.any(utility[: response[i]] > utility.max() + 1e-9 * abs(utility.max()))
            np.testing.assert_allclose(equilibrium.deviation_utility(market, profile)[i], utility, rtol=1e-12)


def test_ties_go_to_the_lowest_level():
    market = market_of([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]], [[2.0, 2.0, 2.0], [0.0, 0.0, 0.0]])
    np.testing.assert_array_equal(equilibrium.best_response(market, [2, 2]), [0, 0])


def test_best_response_exists_where_shares_underflow():
    market = ttc_env.load_market("gsm8k/majority_voting", beta=1e6)
    profile = np.argmin(market.user_value, axis=1)
    profile[8] = 1  # takes everything
    assert np.count_nonzero(market.shares(profile)) < 9
    log_utility = np.log(market.margin) + market.beta * market.user_value  # X_i is the same for all levels, and huge
    np.testing.assert_array_equal(equilibrium.best_response(market, profile)[:8], log_utility.argmax(axis=1)[:8])


@given(seeds, kinds)
@settings(max_examples=50, deadline=None)
def test_permuting_providers_permutes_everything(seed, kind):
    rng = np.random.default_rng(seed)
    market = random_market(rng, kind)
    order = rng.permutation(market.num_providers)
    shuffled = market.select([int(i) for i in order])
    expected = equilibrium.pure_nash(market)[:, order]
    np.testing.assert_array_equal(
        equilibrium.pure_nash(shuffled), expected[np.lexsort(expected.T[::-1])] if len(expected) else expected
    )
    for solver in (equilibrium.welfare_optimum, equilibrium.joint_profit_optimum):
        assert solver(shuffled).value == pytest.approx(solver(market).value, rel=1e-9, abs=1e-300)


def test_without_ties_equilibria_form_a_short_chain():
    rng = np.random.default_rng(0)
    several = 0
    markets = [random_market(rng, "smooth", max_providers=8, max_levels=8, max_logit=100) for _ in range(200)]
    for market in [*markets, *(ladder(steps) for steps in (1, 2, 10))]:
        n, m = market.user_value.shape
        equilibria = equilibrium.pure_nash(market)
        assert 1 <= len(equilibria) <= n * (m - 1) + 1
        values = market.user_value[np.arange(n), equilibria]
        values = values[np.argsort(values.sum(axis=1))]
        assert np.all(np.diff(values, axis=0) >= 0)
        several += len(equilibria) > 1
    assert several >= 3


@pytest.mark.parametrize(("steps", "levels"), [(1, 2), (3, 2), (2, 5), (3, 3), (1, 40)])
def test_ladder_against_brute_force(steps, levels):
    market = ladder(steps, levels)
    assert len(equilibrium.pure_nash(market)) == steps * (levels - 1) + 1
    assert assert_exact(market)


def test_large_ladder():
    equilibria = equilibrium.pure_nash(ladder(20, 10))
    climbed = np.sort(equilibria.sum(axis=1))
    np.testing.assert_array_equal(climbed, 2 * np.arange(20 * 9 + 1))


def test_mixed_signs_of_margins_can_leave_no_pure_equilibrium():
    market = without_equilibrium()
    assert len(equilibrium.pure_nash(market)) == len(BruteForce(market).equilibria()) == 0
    assert math.isnan(equilibrium.price_of_anarchy(market))


def test_too_many_equilibria_are_refused_and_still_come_one_by_one():
    market = market_of(np.zeros((30, 2)), np.zeros((30, 2)))  # nobody earns anything, whatever it does
    with pytest.raises(ValueError, match="limit=1000"):
        equilibrium.pure_nash(market, limit=1000)
    first = next(equilibrium.iterate_nash(market))
    np.testing.assert_array_equal(first, np.zeros(30))


@given(seeds, kinds)
@settings(max_examples=100, deadline=None)
def test_counting_agrees_with_listing(seed, kind):
    market = random_market(np.random.default_rng(seed), kind)
    assert equilibrium.count_nash(market) == len(equilibrium.pure_nash(market))


def test_identical_providers_are_counted_at_once():
    assert equilibrium.count_nash(crowd()) == len(equilibrium.pure_nash(crowd())) == math.comb(12, 5)
    indifferent = market_of(np.tile([0.0, 1.0], (30, 1)), np.zeros((30, 2)))
    assert equilibrium.count_nash(indifferent) == 2**30


@given(seeds)
@settings(max_examples=50, deadline=None)
def test_potential_moves_with_the_deviators_log_utility(seed):
    rng = np.random.default_rng(seed)
    market = random_market(rng, "smooth", max_logit=50)
    n, m = market.user_value.shape
    before = rng.integers(0, m, n)
    i = rng.integers(n)
    after = before.copy()
    after[i] = rng.integers(m)
    change = np.log(market.utility(after)[i] / market.utility(before)[i])
    assert market.potential(after) - market.potential(before) == pytest.approx(change, rel=1e-9, abs=1e-9)


def test_a_naive_exponential_reports_a_cartel_poorer_than_the_equilibrium():
    market = ttc_env.load_market("gpqa/reasoning_effort", beta=1e5)
    profiles = BruteForce(market).profiles
    with np.errstate(invalid="ignore", over="ignore"):
        weight = np.exp(market.beta * market.user_value)[np.arange(3), profiles]
        naive = (weight * market.margin[np.arange(3), profiles]).sum(axis=1) / (1 + weight.sum(axis=1))
    (nash,) = equilibrium.pure_nash(market)
    earned = market.utility(nash).sum()
    assert np.nan_to_num(naive).max() < earned < equilibrium.joint_profit_optimum(market).value


def test_textbook_dinkelbach_stops_too_early():
    """One provider, two levels: the user's favourite adds less welfare, and next to it the other weighs nothing."""
    market = market_of([[1.0, 0.98]], [[0.0, 0.05]], beta=1e5, outside_value=0.5)
    weight = np.exp(market.beta * (market.user_value[0] - 1.0))
    level = 0
    for _ in range(10):
        trial = market.welfare([level])
        level = int(np.argmax(weight * (market.welfare_contribution[0] - trial)))
    assert level == 0
    assert equilibrium.welfare_optimum(market).profile == [1]


def test_any_objective_and_its_negative():
    market = ttc_env.load_market("gsm8k/best_of_n", beta=1000.0).select([0, 4, 7])
    brute = BruteForce(market)
    rng = np.random.default_rng(1)
    for _ in range(20):
        table, outside = rng.normal(size=market.user_value.shape), rng.normal()
        values = brute.objective(table[np.arange(3), brute.profiles], outside)
        assert equilibrium.optimum(market, table, outside=outside).value == pytest.approx(
            float(values.max()), rel=1e-12
        )
        lowest = -equilibrium.optimum(market, -table, outside=-outside).value
        assert lowest == pytest.approx(float(values.min()), rel=1e-12)
    with pytest.raises(ValueError, match="shape"):
        equilibrium.optimum(market, table[0])
    with pytest.raises(ValueError, match="finite"):
        equilibrium.optimum(market, table * np.nan)


@given(seeds, kinds)
@settings(max_examples=50, deadline=None)
def test_nash_conv_is_what_deviations_gain(seed, kind):
    rng = np.random.default_rng(seed)
    market = random_market(rng, kind, max_logit=100)
    n, m = market.user_value.shape
    profiles = rng.integers(0, m, (3, n))
    result = equilibrium.nash_conv(market, profiles)
    assert np.all(result.improvements >= 0)
    np.testing.assert_allclose(result.total, result.improvements.sum(axis=-1))
    for profile, improvements in zip(profiles, result.improvements, strict=True):
        for i in range(n):
            others = np.repeat(profile[None], m, axis=0)
            others[:, i] = np.arange(m)
            gain = market.utility(others)[:, i].max() - market.utility(profile)[i]
            assert improvements[i] == pytest.approx(gain, abs=1e-12 * np.abs(market.margin).max())


def test_torch_tables_are_welcome():
    torch = pytest.importorskip("torch")
    market = ttc_env.load_market("gpqa/majority_voting", beta=1000.0)
    other = market.to("torch")
    (nash,) = equilibrium.pure_nash(market)
    np.testing.assert_array_equal(equilibrium.pure_nash(other), [nash])
    np.testing.assert_array_equal(equilibrium.best_response(other, torch.as_tensor(nash)), nash)
    assert equilibrium.welfare_optimum(other).value == equilibrium.welfare_optimum(market).value
    assert equilibrium.price_of_anarchy(other) == equilibrium.price_of_anarchy(market)
    assert equilibrium.nash_conv(other, nash).total == 0
    assert equilibrium.second_price_outcome(other).winner == equilibrium.second_price_outcome(market).winner


@pytest.mark.parametrize("profile", [[0, 0], [0, 0, 6], [0.0, 0.0, 0.0], 0])
def test_wrong_profiles_are_refused(profile):
    market = ttc_env.load_market("gsm8k/majority_voting", providers=[0, 1, 2])
    for function in (equilibrium.best_response, equilibrium.is_nash, equilibrium.nash_conv):
        with pytest.raises(ValueError, match=r"level ind|per provider"):
            function(market, profile)
