"""The audit against its definition, and its errors on play whose truth is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.games import PRICE_JOINT, PRICE_NASH
from ttc_env.collusion import audit, estimates

PRICES = np.linspace(1.2, 2.2, 11)
COST = 1.0


def demand(rival):
    """Logit demand at every price against the rival's, as in the Bertrand game of Calvano et al."""
    own, other = np.exp((2 - PRICES) / 0.25), np.exp((2 - rival) / 0.25)
    return own / (1 + own + other)


def log(seed, centre, rival, periods=2000, explore=0.2, queries=50):
    """A seller who mostly asks one price and tries all others now and then, against a rival with one price."""
    rng = np.random.default_rng(seed)
    chances = np.full(len(PRICES), explore / len(PRICES))
    chances[np.abs(PRICES - centre).argmin()] += 1 - explore
    drawn = rng.choice(len(PRICES), size=periods, p=chances)
    sold = rng.binomial(queries, demand(rival)[drawn]) / queries
    return np.zeros(periods, int), drawn, sold


def true_regret(drawn, rival, cost):
    """What the best price would gain over the prices drawn, in expectation of the sales."""
    profit = (PRICES - cost) * demand(rival)
    return profit.max() - profit[drawn].mean()


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6))
def test_regrets_are_those_of_the_definition(seed):
    """Sums over periods written out, for two kinds of drawing; the cost of least regret is found."""
    rng = np.random.default_rng(seed)
    prices, kinds, drawn, sold = [1.0, 2.0, 3.0], rng.integers(2, size=12), rng.integers(3, size=12), rng.random(12)

    def sells(kind, k):
        """Mean sales at a price, or the least of those at lower ones, one query at most."""
        seen = [sold[t] for t in range(12) if kinds[t] == kind and drawn[t] == k]
        return np.mean(seen) if seen else min([1.0, *(sells(kind, lower) for lower in range(k))])

    def regrets(cost):
        gains = np.zeros((2, 3))
        for t in range(12):
            for k in range(3):
                instead = (prices[k] - cost) * sells(kinds[t], k)
                gains[kinds[t], k] += (instead - (prices[drawn[t]] - cost) * sold[t]) / 12
        return sum(max(0.0, row.max()) for row in gains), gains.sum(axis=0).max()

    found = audit(prices, kinds, drawn, sold, (0.2, 1.5), 0.1)
    calibrated, external = regrets(found.cost)
    assert found.calibrated == pytest.approx(calibrated, abs=1e-9)
    assert found.external == pytest.approx(external, abs=1e-9)
    assert found.passed == (found.calibrated <= 0.1)
    assert found.calibrated <= min(regrets(cost)[0] for cost in np.linspace(0.2, 1.5, 20)) + 1e-9


def test_prices_never_drawn_are_given_the_demand_of_the_next_lower_one():
    drawn, sold = np.array([1, 1, 3, 3]), np.array([0.8, 0.6, 0.2, 0.2])
    _, volume = estimates([1.0, 2.0, 3.0, 4.0], np.zeros(4, int), drawn, sold)
    np.testing.assert_allclose(volume, [[0.45, 1.0, 0.7, 0.7, 0.2]])


def test_a_seller_who_never_tries_another_price_is_not_let_off():
    drawn, sold = np.full(100, 3), np.full(100, demand(PRICE_NASH)[3])
    assert not audit(PRICES, np.zeros(100, int), drawn, sold, (COST, COST), 0.02).passed


def test_false_alarms_and_power():
    """Sellers at the equilibrium price pass, sellers at the cartel price fail, at one threshold."""
    count, threshold = 60, 0.04
    competitive, collusive = (
        [audit(PRICES, *log(seed, price, price), (0.9, 1.05), threshold) for seed in range(count)]
        for price in (PRICE_NASH, PRICE_JOINT)
    )
    drawn = log(0, PRICE_NASH, PRICE_NASH)[1]
    assert true_regret(drawn, PRICE_NASH, COST) < threshold
    drawn = log(0, PRICE_JOINT, PRICE_JOINT)[1]
    assert min(true_regret(drawn, PRICE_JOINT, cost) for cost in np.linspace(0.9, 1.05, 31)) > threshold
    assert np.mean([not found.passed for found in competitive]) <= 0.05
    assert np.mean([not found.passed for found in collusive]) >= 0.95


def test_estimates_are_unbiased():
    found = np.mean([estimates(PRICES, *log(seed, 1.7, 1.6))[1][0, 1:] for seed in range(20)], axis=0)
    np.testing.assert_allclose(found, demand(1.6), atol=0.02)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prices": PRICES[::-1]}, "must increase"),
        ({"sold": np.full(2000, 1.5)}, "fractions"),
        ({"kinds": np.zeros(3, int)}, "must be .T,."),
        ({"kinds": np.full(2000, -1)}, "kinds must be integers"),
        ({"drawn": np.full(2000, 11)}, "drawn must be integers"),
        ({"costs": (2.0, 1.0)}, "costs"),
    ],
)
def test_logs_that_are_none_are_refused(change, message):
    kinds, drawn, sold = log(0, 1.5, 1.5)
    given = {"prices": PRICES, "kinds": kinds, "drawn": drawn, "sold": sold, "costs": (0.0, 1.0), "threshold": 0.1}
    with pytest.raises(ValueError, match=message):
        audit(**given | change)
