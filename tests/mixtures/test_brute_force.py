"""Everything exact about mixtures against going through types, absences, ties and actions one by one."""

import itertools

import numpy as np
import pytest

from tests.helpers.markets import BruteForce
from ttc_env import Market, Mixture, load_market
from ttc_env.equilibrium import PrivateGame, honest_auction, sweep, value_of_information
from ttc_env.mechanisms import SecondPrice

CASES = range(300)
SOME_AND_ALL = [pytest.param(range(40), id="some"), pytest.param(CASES, id="all", marks=pytest.mark.slow)]
SECOND_PRICE = SecondPrice(grid=(-0.25, 0.0, 0.25))


def random_mixture(rng):
    """At most 4 types, 3 providers, 3 levels; in eighths, so that ties are exact, and with rows that repeat."""
    num_types, n, m = rng.integers(1, 5), rng.integers(1, 4), rng.integers(1, 4)
    quality = rng.integers(0, 9, (num_types, n, m)) / 8
    cost = rng.integers(0, 5, (num_types, n, m)) / 8
    for i in range(n):  # a provider that cannot tell some types apart
        if rng.random() < 0.5:
            alike = rng.integers(0, num_types, num_types)
            quality[:, i], cost[:, i] = quality[alike, i], cost[alike, i]
    beta, outside = 10.0 ** rng.uniform(-1, 3), rng.choice([0.0, 0.0, 0.375, -0.25], num_types)
    markets = [
        Market([f"provider {i}" for i in range(n)], range(m), q, c + 0.125, c, beta, v0, answer_value=1.0)
        for q, c, v0 in zip(quality, cost, outside, strict=True)
    ]
    return Mixture(markets, rng.uniform(0.1, 1, num_types))


def honest_period(market, there):
    """Winning chances, profits, user value and payment of one auction among those who are there, honestly."""
    n = market.num_providers
    scores = {i: max(market.quality[i] - market.cost[i]) for i in there}
    best = max(scores.values(), default=-np.inf)
    winning, profit = np.zeros(n), np.zeros(n)
    if best < market.outside_value:
        return winning, profit, market.outside_value, 0.0
    tied = [i for i in there if scores[i] == best]
    second = max(sorted([*scores.values(), market.outside_value])[-2], market.outside_value)
    payment = 0.0
    for i in tied:
        level = int(np.argmax(market.quality[i] - market.cost[i]))
        winning[i] = 1 / len(tied)
        profit[i] = (best - second) / len(tied)
        payment += (market.quality[i, level] - second) / len(tied)
    return winning, profit, second, payment


def honest_average(mixture, availability):
    n, totals = mixture.num_providers, [np.zeros(mixture.num_providers), np.zeros(mixture.num_providers), 0.0, 0.0]
    for market, weight in zip(mixture.markets, mixture.weights, strict=True):
        for mask in itertools.product([False, True], repeat=n):
            there = [i for i in range(n) if mask[i]]
            chance = weight * availability ** len(there) * (1 - availability) ** (n - len(there))
            for k, value in enumerate(honest_period(market, there)):
                totals[k] = totals[k] + chance * value
    return totals


@pytest.mark.parametrize("availability", [1.0, 0.7, 0.2])
def test_honest_auctions_equal_the_sum_over_types_and_absences(availability):
    for seed in CASES:
        mixture = random_mixture(np.random.default_rng(seed))
        found = mixture.average(honest_auction(mixture, availability))
        winning, profit, user_value, payment = honest_average(mixture, availability)
        np.testing.assert_allclose(found.winning, winning, atol=1e-14)
        np.testing.assert_allclose(found.provider_profit, profit, atol=1e-14)
        assert found.user_value == pytest.approx(user_value, abs=1e-14)
        assert found.welfare == pytest.approx(user_value + profit.sum(), abs=1e-14)
        assert found.payment == pytest.approx(payment, abs=1e-14)


def test_the_formula_of_ranks():
    """All scores above v0, no ties: `sum_r pi (1 - pi)^(r - 1) S_(r) + (1 - pi)^n v0`."""
    rng, availability = np.random.default_rng(0), 0.6
    for n in (1, 3, 7):
        quality = rng.uniform(1, 2, (n, 1))
        market = Market([f"p{i}" for i in range(n)], [1], quality, 0 * quality, 0 * quality, 1.0, outside_value=0.5)
        ranked = np.sort(quality[:, 0])[::-1]
        chance = availability * (1 - availability) ** np.arange(n)
        expected = chance @ ranked + (1 - availability) ** n * 0.5
        assert honest_auction(Mixture([market]), availability).welfare[0] == pytest.approx(expected, rel=1e-14)


def test_honest_play_and_information_equal_the_auctions_of_all_types():
    for seed in CASES:
        mixture = random_mixture(np.random.default_rng(seed))
        honest, game = mixture.average(honest_auction(mixture)), PrivateGame(mixture, SECOND_PRICE)
        np.testing.assert_allclose(game.utility(game.honest()), honest.provider_profit, atol=1e-14)
        welfare = 0.0  # of bids on the mean row
        mean = sum(w * (one.quality - one.cost) for one, w in zip(mixture.markets, mixture.weights, strict=True))
        levels, scores = mean.argmax(axis=1), mean.max(axis=1)
        for market, weight in zip(mixture.markets, mixture.weights, strict=True):
            winners = np.flatnonzero((scores == scores.max()) & (scores >= market.outside_value))
            served = [market.quality[i, levels[i]] - market.cost[i, levels[i]] for i in winners]
            welfare += weight * (np.mean(served) if len(served) else market.outside_value)
        assert value_of_information(mixture) == pytest.approx(honest.welfare - welfare, abs=1e-14)


def strategies(mixture, rng, actions):
    """A random action for each row that a provider can see."""
    plan = np.empty((mixture.num_types, mixture.num_providers, 3), dtype=int)
    for i in range(mixture.num_providers):
        chosen = {}
        for tau, market in enumerate(mixture.markets):
            row = (tuple(market.quality[i]), tuple(market.cost[i]))
            plan[tau, i] = chosen.setdefault(row, actions[rng.integers(len(actions))])
    return plan


@pytest.mark.parametrize("cases", SOME_AND_ALL)
def test_interim_best_responses_and_nash_conv_equal_going_through_all_maps_from_row_to_action(cases):
    for seed in cases:
        rng = np.random.default_rng(seed)
        mixture = random_mixture(rng)
        game = PrivateGame(mixture, SECOND_PRICE)
        actions = game.games[0].actions
        plan = strategies(mixture, rng, actions)
        base = expected_utility(mixture, plan)
        np.testing.assert_allclose(game.utility(plan), base, atol=1e-14)
        best = game.best_response(plan)
        for i in range(mixture.num_providers):
            gain = 0.0
            rows = {}
            for tau, market in enumerate(mixture.markets):
                rows.setdefault((tuple(market.quality[i]), tuple(market.cost[i])), []).append(tau)
            for types in rows.values():  # what is done on one row is chosen apart from all others
                worth = []
                for action in actions:
                    trial = plan.copy()
                    trial[types, i] = action
                    worth.append(expected_utility(mixture, trial, types)[i])
                gain += max(worth) - expected_utility(mixture, plan, types)[i]
                choice = [tuple(action) for action in actions].index(tuple(best[types[0], i]))
                assert worth[choice] == pytest.approx(max(worth), abs=1e-12)
            assert game.nash_conv(plan).improvements[i] == pytest.approx(gain, abs=1e-12)


def expected_utility(mixture, plan, types=None):
    """Profits of a plan over the types, one auction at a time."""
    total = np.zeros(mixture.num_providers)
    for tau in range(mixture.num_types) if types is None else types:
        market, grid = mixture.markets[tau], np.array(SECOND_PRICE.grid)
        levels, own = plan[tau, :, 0], np.arange(mixture.num_providers)
        ask = market.cost[own, levels] + grid[plan[tau, :, 1]]
        scores = market.quality[own, levels] + grid[plan[tau, :, 2]] - ask
        best = scores.max()
        if best < market.outside_value:
            continue
        tied = np.flatnonzero(scores == best)
        second = sorted([*scores, market.outside_value])[-2]
        for i in tied:
            kept = market.quality[i, levels[i]] - second - market.cost[i, levels[i]]
            total[i] += mixture.weights[tau] * kept / len(tied)
    return total


def test_honest_bids_are_dominant_whatever_the_others_know():
    strict = 0
    for seed in range(60):
        mixture = random_mixture(np.random.default_rng(seed))
        game = PrivateGame(mixture, SecondPrice(grid=(-0.25, 0.0)))
        honest = game.honest()
        if game.games[0].num_profiles > 2000:
            continue
        assert np.all(game.largest_gain(honest) <= 1e-15)
        assert game.nash_conv(honest).total <= 1e-15
        strict += np.any(game.best_replies(honest) < 1)
    assert strict > 10


def test_over_claiming_pays_where_the_claim_is_paid():
    mixture = random_mixture(np.random.default_rng(3))
    game = PrivateGame(mixture, SecondPrice(settlement="declared", grid=(0.0, 0.25)))
    assert game.largest_gain(game.honest()).max() > 0


@pytest.mark.parametrize("cases", SOME_AND_ALL)
def test_public_play_equals_going_through_all_profiles_of_each_type(cases):
    for seed in cases:
        mixture = random_mixture(np.random.default_rng(seed))
        average = mixture.average(sweep(mixture.markets))
        optimum, joint, worst = 0.0, 0.0, 0.0
        for market, weight in zip(mixture.markets, mixture.weights, strict=True):
            brute = BruteForce(market)
            optimum += weight * brute.welfare().max()
            joint += weight * brute.joint_profit().max()
            worst += weight * brute.welfare()[brute.regrets() <= 1e-12].min()
        assert average.welfare_optimum == pytest.approx(float(optimum), abs=1e-13)
        assert average.joint_profit_optimum == pytest.approx(float(joint), abs=1e-13)
        assert average.welfare == pytest.approx(float(worst), abs=1e-13)


def test_recorded_questions_of_the_nano_models():
    """What private information on them was found to do, by an independent computation."""
    found = {
        "majority_voting": ((0.15, 0.115, 0.735), 0.048),
        "best_of_n": ((0.255, 0.175, 0.57), 0.028),
        "reasoning_effort": ((0.02, 0.06, 0.92), 0.022),
    }
    for method, (winning, gain) in found.items():
        mixture = load_market(f"nano/{method}", questions=True)
        honest = mixture.average(honest_auction(mixture))
        np.testing.assert_allclose(honest.winning, winning, atol=1e-12)
        value = value_of_information(mixture)
        assert value / (honest.welfare - value) == pytest.approx(gain, abs=5e-4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda mixture: PrivateGame(mixture, "per_token"), "defined for auctions"),
        (lambda mixture: PrivateGame(mixture.markets[0]), "types of a Mixture"),
        (lambda mixture: honest_auction(mixture, 0.0), "availability"),
        (lambda mixture: honest_auction(mixture, 1.5), "availability"),
        (lambda mixture: PrivateGame(mixture).utility(PrivateGame(mixture).honest()[:1]), "actions on 3 types"),
    ],
)
def test_refuses(make, message):
    with pytest.raises(ValueError, match=message):
        make(load_market("mixed/reasoning_effort"))


def test_a_strategy_cannot_use_what_its_provider_does_not_see():
    market = load_market("nano/best_of_n")
    game = PrivateGame(Mixture([market, market]))
    plan = game.honest()
    plan[1, 0, 0] = (plan[1, 0, 0] + 1) % market.num_levels
    with pytest.raises(ValueError, match="cannot tell"):
        game.check(plan)
