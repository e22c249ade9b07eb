"""Per-token pricing and the auction against naive oracles, their incentives, their chance and their accounting."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import ttc_env
from tests.helpers.strategies import bids, generators, lottery_markets, profiles
from ttc_env.arrays import at
from ttc_env.market import Market
from ttc_env.mechanisms import (
    GRID,
    MECHANISMS,
    Bids,
    Draws,
    FirstPrice,
    PerToken,
    PostedPrice,
    SecondPrice,
    make_mechanism,
)

SETTLEMENTS = ("delivered", "declared")
every_mechanism = pytest.mark.parametrize(
    "mechanism",
    [PerToken(), *map(SecondPrice, SETTLEMENTS), PostedPrice(), PostedPrice(shown=1), FirstPrice()],
    ids=["per_token", *SETTLEMENTS, "posted_price", "shown", "first_price"],
)


def drawn(rng, batch, queries):
    """The draws of `batch` periods, of expected demand if `queries` is None."""
    if queries is None:
        return Draws(tie=rng.random(batch))
    return Draws(rng.random(batch), rng.random((*batch, queries)), rng.random((*batch, queries)))


def any_bids(data, mechanism, market, batch=()):
    """Bids the mechanism can meet: list prices under per-token pricing, anything in the auction."""
    if isinstance(mechanism, PerToken):
        return mechanism.bids(market, data.draw(profiles(market, batch)))
    return data.draw(bids(market, batch))


def two_providers(quality, cost, outside_value=0.0):
    """Two providers with one level each, alpha = 1."""
    tables = (np.reshape(table, (2, 1)) for table in (quality, np.add(cost, 0.1), cost))
    return Market(["a", "b"], [1], *tables, beta=1.0, outside_value=outside_value, answer_value=1.0)


def auction(market, ask, claim, level=(0, 0), **options):
    return SecondPrice(**options).clear(market, Bids(np.array(level), np.array(ask), np.array(claim)))


@given(st.data(), st.sampled_from(SETTLEMENTS), generators, st.sampled_from([None, 1, 3]))
def test_the_auction_is_its_rules_written_out(data, settlement, rng, queries):
    market = data.draw(lottery_markets())
    bid = data.draw(bids(market))
    draws = drawn(rng, (), queries)
    outcome = SecondPrice(settlement=settlement).clear(market, bid, draws)

    scores, reserve = (bid.claim - bid.ask).tolist(), market.outside_value
    expected = np.zeros((4, market.num_providers))  # shares, delivered, payment, cost
    user_value = reserve
    if max(scores) >= reserve:
        tied = [i for i, score in enumerate(scores) if score == max(scores)]
        winner = tied[int(draws.tie * len(tied))]
        second = max([score for i, score in enumerate(scores) if i != winner] + [reserve])
        delivered = market.quality[winner, bid.level[winner]]
        if queries is not None:
            right = np.mean(draws.correct < market.accuracy[winner, bid.level[winner]])
            delivered = market.unit * (market.baseline + (1 - market.baseline) * right)
        payment = (delivered if settlement == "delivered" else bid.claim[winner]) - second
        expected[:, winner] = 1, delivered, payment, market.cost[winner, bid.level[winner]]
        user_value = delivered - payment
    found = (outcome.shares, outcome.delivered, outcome.payment, outcome.cost)
    np.testing.assert_allclose(found, expected, atol=1e-12 * market.unit)
    assert outcome.outside_share == (max(scores) < reserve)
    assert outcome.user_value == pytest.approx(user_value, abs=1e-12 * market.unit)


@given(st.data(), generators, st.sampled_from([1, 7]))
def test_sampled_per_token_demand_is_its_queries_counted(data, rng, queries):
    market = data.draw(lottery_markets())
    profile = data.draw(profiles(market))
    draws = drawn(rng, (), queries)
    outcome = PerToken().clear(market, PerToken().bids(market, profile), draws)

    edges = np.append(0, np.cumsum(market.shares(profile)))
    shares, delivered = np.zeros(market.num_providers), np.zeros(market.num_providers)
    for choice, correct in zip(draws.choice, draws.correct, strict=True):
        for i in range(market.num_providers):
            if edges[i] <= choice < edges[i + 1]:
                shares[i] += 1 / queries
                right = correct < market.accuracy[i, profile[i]]
                delivered[i] += market.unit * (1.0 if right else market.baseline) / queries
    np.testing.assert_allclose(outcome.shares, shares, atol=1e-12)
    np.testing.assert_allclose(outcome.delivered, delivered, atol=1e-12 * market.unit)
    assert outcome.outside_share == pytest.approx(1 - shares.sum(), abs=1e-12)


@given(st.data())
def test_expected_per_token_outcomes_are_the_markets_own(data):
    market = data.draw(lottery_markets())
    profile = data.draw(profiles(market, batch=(2,)))
    outcome = PerToken().clear(market, PerToken().bids(market, profile))
    np.testing.assert_allclose(outcome.shares, market.shares(profile), atol=1e-12)
    np.testing.assert_allclose(outcome.utility, market.utility(profile), atol=1e-12 * market.unit)
    np.testing.assert_allclose(outcome.welfare, market.welfare(profile), atol=1e-12 * market.unit)
    np.testing.assert_allclose(
        outcome.delivered, outcome.shares * at(market.quality, profile), atol=1e-12 * market.unit
    )


@every_mechanism
@given(data=st.data(), rng=generators, queries=st.sampled_from([None, 1, 6]))
def test_the_books_balance(mechanism, data, rng, queries):
    market = data.draw(lottery_markets())
    bid = any_bids(data, mechanism, market, batch=(3,))
    outcome = mechanism.clear(market, bid, drawn(rng, (3,), queries))
    close = {"atol": 1e-12 * market.unit}
    np.testing.assert_allclose(outcome.shares.sum(-1) + outcome.outside_share, 1, atol=1e-12)
    np.testing.assert_allclose(outcome.utility, outcome.payment - outcome.cost, **close)
    np.testing.assert_allclose(outcome.user_value + outcome.utility.sum(-1), outcome.welfare, **close)
    np.testing.assert_allclose(outcome.cost, outcome.shares * at(market.cost, bid.level), **close)
    for amounts in (outcome.delivered, outcome.payment, outcome.cost):
        assert np.all(amounts[outcome.shares == 0] == 0)
    low, high = mechanism.utility_bounds(market)
    if isinstance(mechanism, PerToken):  # the auction's bounds hold for bids on its grid, see test_repeated.py
        assert np.all((low - 1e-12 <= outcome.utility) & (outcome.utility <= high + 1e-12))
    if queries is not None:
        counts = outcome.shares * queries
        np.testing.assert_allclose(counts, np.round(counts), atol=1e-12)


@every_mechanism
@given(data=st.data(), rng=generators, queries=st.sampled_from([None, 5]))
def test_numpy_and_torch_agree(mechanism, data, rng, queries):
    market = data.draw(lottery_markets())
    bid, draws = any_bids(data, mechanism, market, batch=(3,)), drawn(rng, (3,), queries)
    tensors = Bids(*map(torch.tensor, bid)), Draws(*(None if x is None else torch.tensor(x) for x in draws))
    ours, theirs = mechanism.clear(market, bid, draws), mechanism.clear(market.to("torch"), *tensors)
    for name in ("shares", "outside_share", "utility", "delivered", "payment", "cost", "user_value", "welfare"):
        left, right = getattr(ours, name), getattr(theirs, name)
        assert isinstance(right, torch.Tensor)
        np.testing.assert_allclose(left, right, rtol=1e-12, atol=1e-12)


@pytest.mark.long
@every_mechanism
@given(data=st.data(), rng=generators, queries=st.sampled_from([None, 5]))
def test_a_batch_is_a_loop(mechanism, data, rng, queries):
    market = data.draw(lottery_markets())
    bid, draws = any_bids(data, mechanism, market, batch=(2, 3)), drawn(rng, (2, 3), queries)
    together = mechanism.clear(market, bid, draws)
    for index in np.ndindex(2, 3):
        row = Draws(*(None if x is None else x[index] for x in draws))
        alone = mechanism.clear(market, Bids(*(x[index] for x in bid)), row)
        for name in ("shares", "outside_share", "delivered", "payment", "cost", "user_value", "welfare"):
            np.testing.assert_allclose(getattr(together, name)[index], getattr(alone, name), rtol=1e-13)


@given(st.data())
def test_honest_bids_at_the_efficient_level_are_weakly_dominant(data):
    """Against any bids of the others, no level, ask and claim earns more than the truth, whatever the ties."""
    market = data.draw(lottery_markets())
    others, deviation = data.draw(bids(market)), data.draw(bids(market))
    mover = data.draw(st.integers(0, market.num_providers - 1))
    level = np.argmax(market.welfare_contribution[mover])
    honest = (level, market.cost[mover, level], market.quality[mover, level])

    def profit(bid):
        joint = Bids(*(part.copy() for part in others))
        for part, own in zip(joint, bid, strict=True):
            part[mover] = own
        return SecondPrice().clear(market, joint).utility[mover]

    gain = profit([part[mover] for part in deviation]) - profit(honest)
    assert gain <= 1e-12 * market.unit
    assert profit(honest) >= 0


def test_one_bidder_pays_the_users_the_value_of_not_buying():
    market = Market("solo", [1], [[0.9]], [[0.5]], [[0.3]], beta=1.0, outside_value=0.2, answer_value=1.0)
    outcome = auction(market, ask=[0.3], claim=[0.9], level=[0])
    assert outcome.payment == pytest.approx([0.7])
    assert outcome.utility == pytest.approx([0.4])
    assert outcome.user_value == pytest.approx(0.2)


def test_the_winner_is_paid_what_it_adds_over_the_runner_up():
    market = two_providers(quality=[0.9, 0.8], cost=[0.3, 0.4])
    outcome = auction(market, ask=[0.3, 0.4], claim=[0.9, 0.8])
    assert outcome.shares.tolist() == [1, 0]
    assert outcome.payment == pytest.approx([0.5, 0])
    assert outcome.utility == pytest.approx([0.2, 0])
    assert outcome.user_value == pytest.approx(0.4)


@pytest.mark.parametrize(("score", "sold"), [(0.25, True), (0.25 - 1e-9, False), (-3.0, False)])
def test_a_bid_must_reach_the_value_of_not_buying(score, sold):
    market = two_providers(quality=[0.9, 0.8], cost=[0.3, 0.4], outside_value=0.25)
    outcome = auction(market, ask=[0.0, 0.0], claim=[score, score - 1])
    assert outcome.shares.tolist() == [float(sold), 0]
    assert outcome.outside_share == float(not sold)
    assert outcome.user_value == pytest.approx(0.25)
    if not sold:
        assert not outcome.utility.any()


def test_over_claiming_pays_under_the_declared_settlement_only():
    market = two_providers(quality=[0.9, 0.8], cost=[0.3, 0.4])
    truth, lie = {"ask": [0.3, 0.4], "claim": [0.9, 0.8]}, {"ask": [0.3, 0.4], "claim": [0.9, 1.2]}
    loser = {s: [auction(market, **bid, settlement=s).utility[1] for bid in (truth, lie)] for s in SETTLEMENTS}
    assert loser["declared"] == pytest.approx([0, 0.2])  # paid 1.2 - 0.6, at a cost of 0.4
    assert loser["delivered"] == pytest.approx([0, -0.2])  # delivers 0.8, paid 0.8 - 0.6
    assert auction(market, **lie, settlement="declared").user_value == pytest.approx(0.2)


@pytest.mark.parametrize("bidders", range(1, 7))
@pytest.mark.parametrize("losers", [0, 2])
def test_a_tie_goes_to_each_bidder_for_the_same_measure_of_draws(bidders, losers):
    n = bidders + losers
    tables = np.full((n, 1), 0.5)
    market = Market([f"provider {i}" for i in range(n)], [1], tables, tables, tables, beta=1.0, answer_value=1.0)
    tied = np.roll(np.arange(n) < bidders, 1)
    grid = (np.arange(60) + 0.5) / 60
    bid = Bids(np.zeros((60, n), int), np.zeros((60, n)), np.tile(np.where(tied, 0.5, 0.4), (60, 1)))
    outcome = SecondPrice().clear(market, bid, Draws(tie=grid))
    assert outcome.shares.sum(0).tolist() == np.where(tied, 60 / bidders, 0).tolist()
    expected = SecondPrice().clear(market, bid).shares[0]
    np.testing.assert_allclose(expected, outcome.shares.mean(0))
    edges = SecondPrice().clear(market, Bids(*(part[:2] for part in bid)), Draws(tie=np.array([0.0, 1 - 2**-53])))
    assert np.all(edges.shares.sum(-1) == 1)


@pytest.mark.parametrize(
    ("mechanism", "level", "queries"),
    [(PerToken(), (0, 3, 5, 1), 5), (PerToken(), (5, 5, 5, 5), 5), (SecondPrice(), (2, 0, 1, 3), 5)]
    + [(SecondPrice(settlement), "tied", 1) for settlement in SETTLEMENTS],
    ids=["per_token", "per_token-all_alike", "second_price", *(f"second_price-tied-{s}" for s in SETTLEMENTS)],
)
def test_sampled_demand_has_the_expected_market_as_its_mean(mechanism, level, queries):
    """Means over 20,000 queries are within 5 standard errors of the expectation, from the variance per query.

    A query is worth `won * x` to a quantity, won with probability `share`, x a lottery over a right and a wrong
    answer. (In the tied auction all queries of a period go one way, hence one query per period there.)
    """
    market = ttc_env.load_market("gsm8k/majority_voting", providers=[0, 3, 5, 8], beta=200.0, outside_value=0.001)
    level = np.array((0, 0, 0, 0) if level == "tied" else level)
    if isinstance(mechanism, PerToken):
        bid = mechanism.bids(market, level)
    else:
        score = at(market.welfare_contribution, level) if queries > 1 else np.full(4, 0.005)
        bid = Bids(level, at(market.quality, level) - score, at(market.quality, level))
    periods = 20_000 // queries
    many = Bids(*(np.tile(part, (periods, 1)) for part in bid))
    sampled = mechanism.clear(market, many, drawn(np.random.default_rng(1), (periods,), queries))
    expected = mechanism.clear(market, bid)

    share, accuracy = expected.shares, at(market.accuracy, level)
    unpaid = np.zeros(4)
    if isinstance(mechanism, SecondPrice) and mechanism.settlement == "delivered":
        unpaid = np.ones(4)  # the payment moves with the answer
    quality, worth = at(market.quality, level), market.unit * np.array([[market.baseline], [1.0]])
    sold = np.where(share > 0, expected.utility / np.where(share > 0, share, 1), 0)  # profit per query won
    lotteries = {
        "shares": np.ones((2, 4)),
        "delivered": np.broadcast_to(worth, (2, 4)),
        "utility": sold + unpaid * (worth - quality),
    }
    for name, (wrong, right) in lotteries.items():
        mean, square = ((1 - accuracy) * wrong**p + accuracy * right**p for p in (1, 2))
        np.testing.assert_allclose(getattr(expected, name), share * mean, rtol=1e-9, atol=1e-15)
        error = np.sqrt((share * square - (share * mean) ** 2).clip(min=0) / (periods * queries))
        found = getattr(sampled, name).mean(0)
        assert np.all(np.abs(found - getattr(expected, name)) <= 5 * error + 1e-12), name
    assert abs(sampled.outside_share.mean() - expected.outside_share) <= 5 * 0.5 / np.sqrt(periods * queries)


@pytest.mark.parametrize("name", ttc_env.list_markets())
@pytest.mark.parametrize("action_type", ["multi_discrete", "box"])
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_every_honest_bid_is_an_action(name, action_type, backend):
    market = ttc_env.load_market(name).to(backend)
    mechanism = SecondPrice(action_type=action_type)
    xp = np if backend == "numpy" else torch
    levels = xp.asarray(np.indices((market.num_levels, market.num_providers))[0])
    bid = mechanism.bids(market, mechanism.honest(market, levels))
    np.testing.assert_array_equal(bid.level, levels)
    np.testing.assert_array_equal(bid.ask, at(market.cost, levels))
    np.testing.assert_array_equal(bid.claim, at(market.quality, levels))


@pytest.mark.parametrize("num_levels", [1, 2, 6, 7, 49, 1000])
def test_a_box_action_in_single_precision_keeps_its_level(num_levels):
    tables = np.ones((1, num_levels))
    market = Market("solo", range(num_levels), tables, tables, tables, beta=1.0)
    mechanism = SecondPrice(action_type="box")
    levels = np.arange(num_levels)[:, None]
    actions = mechanism.honest(market, levels).astype(np.float32)
    np.testing.assert_array_equal(mechanism.bids(market, actions).level, levels)
    np.testing.assert_array_equal(mechanism.bids(market, actions.astype(np.float64)).level, levels)


@pytest.mark.parametrize("name", ttc_env.list_markets())
def test_the_grid_resolves_the_lead_of_the_winner(name):
    market = ttc_env.load_market(name)
    runner_up, winner = np.sort(market.welfare_contribution.max(axis=1))[-2:]
    assert np.diff(GRID).min() * market.unit < (winner - runner_up) / 4


def test_multi_discrete_actions_are_offsets_from_the_truth():
    market = two_providers(quality=[0.9, 0.8], cost=[0.3, 0.4])
    mechanism = SecondPrice(grid=(-0.1, 0.0, 0.25))
    assert mechanism.action_sizes(market) == (1, 3, 3)
    bid = mechanism.bids(market, np.array([[0, 0, 2], [0, 1, 0]]))
    assert bid.level.tolist() == [0, 0]
    assert bid.ask == pytest.approx([0.2, 0.4])
    assert bid.claim == pytest.approx([1.15, 0.7])


@pytest.mark.parametrize(
    ("action", "level", "offset"),
    [(-1, 0, -0.1), (-0.5, 1, -0.05), (-0.01, 1, -0.001), (0, 2, 0), (0.4, 2, 0.16), (0.5, 3, 0.2), (1, 3, 0.4)],
)
def test_box_actions_are_equal_bins_of_levels_and_scaled_offsets(action, level, offset):
    tables = np.full((1, 4), 0.5)
    market = Market("solo", [1, 2, 4, 8], tables, tables, tables, beta=1.0, answer_value=2.0)
    mechanism = SecondPrice(action_type="box", grid=(-0.1, 0.0, 0.4))
    bid = mechanism.bids(market, np.full((1, 3), float(action)))
    assert bid.level.tolist() == [level]
    assert bid.ask == pytest.approx([0.5 + 2 * offset])
    assert bid.claim == pytest.approx([0.5 + 2 * offset])


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"settlement": "none"}, "settlement 'none'; allowed: delivered, declared"),
        ({"action_type": "discrete"}, "action_type 'discrete'; allowed: multi_discrete, box"),
        ({"grid": ()}, r"grid must .*got \(\)"),
        ({"grid": (0.1, 0.2)}, r"grid must .*contain 0\.0.*got \(0\.1, 0\.2\)"),
        ({"grid": (0.1, 0.0)}, r"grid must increase.*got \(0\.1, 0\.0\)"),
        ({"grid": (0.0, 0.0, 0.1)}, "grid must increase"),
        ({"grid": (0.0, float("nan"))}, "grid.*nan"),
        ({"grid": (0.0, float("inf"))}, "grid.*inf"),
        ({"grid": (0.0, "far")}, "grid.*'far'"),
        ({"reserve": 1.0}, "unknown option 'reserve' of second_price; allowed: settlement, action_type, grid"),
    ],
)
def test_a_bad_option_is_named(options, named):
    with pytest.raises(ValueError, match=named):
        make_mechanism("second_price", **options)


def test_mechanisms_are_made_by_name():
    assert {name: make_mechanism(name).name for name in MECHANISMS} == {name: name for name in MECHANISMS}
    ready = SecondPrice("declared")
    assert make_mechanism(ready) is ready
    with pytest.raises(
        ValueError, match="unknown mechanism 'third_price'; allowed: per_token, second_price, posted_price, first_price"
    ):
        make_mechanism("third_price")
    with pytest.raises(ValueError, match="unknown option 'settlement' of per_token; allowed: none"):
        make_mechanism("per_token", settlement="declared")
    with pytest.raises(ValueError, match="settlement"):
        make_mechanism(ready, settlement="declared")
