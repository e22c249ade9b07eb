"""Sampled demand that replays recorded answers: its mean is the expected market, in every form and backend."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import ttc_env
from tests.helpers.environments import each_variant
from tests.helpers.strategies import generators, replay_markets
from ttc_env import repeated
from ttc_env.arrays import at
from ttc_env.batch import stack_markets
from ttc_env.mechanisms import Bids, Draws, PerToken, SecondPrice
from ttc_env.outcomes import Outcomes

NANO = ttc_env.load_market("nano/best_of_n", outcomes=True)
QUANTITIES = ("shares", "outside_share", "utility", "delivered", "payment", "cost", "user_value", "welfare")
MECHANISMS = [PerToken(), SecondPrice(), SecondPrice("declared")]
every_mechanism = pytest.mark.parametrize("mechanism", MECHANISMS, ids=["per_token", "delivered", "declared"])


def drawn(rng, batch, queries):
    return Draws(rng.random(batch), *(rng.random((*batch, queries)) for _ in range(3)))


def each(change, draws):
    """The draws changed part by part; there is none for what moves between periods here."""
    return Draws(*(part if part is None else change(part) for part in draws))


def honest(mechanism, market, level):
    if isinstance(mechanism, PerToken):
        return mechanism.bids(market, level)
    return Bids(level, at(market.cost, level), at(market.quality, level))


@pytest.mark.parametrize("level", [(0, 0, 0), (1, 3, 5), (5, 2, 0)])
@every_mechanism
def test_the_mean_over_every_draw_is_the_expected_market(mechanism, level):
    """One query: every choice, every recorded question, right and wrong, each with its probability; nothing sampled."""
    market = NANO
    bid = honest(mechanism, market, np.array(level))
    expected = mechanism.clear(market, bid)
    edges = np.concatenate([[0], np.cumsum(expected.shares), [1]])
    questions = market.outcomes.num_questions
    total = dict.fromkeys(QUANTITIES, 0.0)
    for place, q in itertools.product(range(market.num_providers + 1), range(questions)):
        chance = (edges[place + 1] - edges[place]) / questions
        if chance <= 0:
            continue
        served = min(place, market.num_providers - 1)
        right = market.outcomes.accuracy[served, level[served], q]
        for correct, weight in ((right / 2, right), ((1 + right) / 2, 1 - right)):
            middle, question = (edges[place] + edges[place + 1]) / 2, (q + 0.5) / questions
            outcome = mechanism.clear(
                market, bid, Draws(np.array(0.5), *(np.array([x]) for x in (middle, correct, question)))
            )
            for name in QUANTITIES:
                total[name] = total[name] + chance * weight * getattr(outcome, name)
    for name in QUANTITIES:
        np.testing.assert_allclose(total[name], getattr(expected, name), rtol=1e-9, atol=1e-12 * market.unit)


@every_mechanism
def test_the_mean_over_many_periods_is_within_five_standard_errors(mechanism):
    bid = honest(mechanism, NANO, np.array([1, 3, 5]))
    many = Bids(*(np.tile(part, (4000, 1)) for part in bid))
    sampled = mechanism.clear(NANO, many, drawn(np.random.default_rng(1), (4000,), 5))
    expected = mechanism.clear(NANO, bid)
    for name in QUANTITIES:
        found = getattr(sampled, name)
        error = found.std(axis=0) / np.sqrt(len(found))
        assert np.all(abs(found.mean(axis=0) - getattr(expected, name)) <= 5 * error + 1e-12), name


@every_mechanism
@given(data=st.data(), rng=generators, queries=st.sampled_from([1, 6]))
def test_replay_is_its_queries_counted(mechanism, data, rng, queries):
    """A loop over queries: question, provider, answer, bill."""
    market = data.draw(replay_markets())
    level = rng.integers(0, market.num_levels, market.num_providers)
    bid, draws = honest(mechanism, market, level), drawn(rng, (), queries)
    outcome = mechanism.clear(market, bid, draws)
    whole = mechanism.clear(market, bid, Draws(tie=draws.tie))
    edges = np.append(0, np.cumsum(whole.shares))
    delivered, cost, price = np.zeros((3, market.num_providers))
    for choice, correct, question in zip(draws.choice, draws.correct, draws.question, strict=True):
        q = int(question * market.outcomes.num_questions)
        for i, k in enumerate(level):
            if (edges[i] <= choice < edges[i + 1]) if isinstance(mechanism, PerToken) else whole.shares[i] == 1:
                right = correct < market.outcomes.accuracy[i, k, q]
                delivered[i] += market.unit * (1.0 if right else market.baseline) / queries
                cost[i] += market.cost[i, k] * market.outcomes.tokens[i, k, q] / queries
                price[i] += market.price[i, k] * market.outcomes.tokens[i, k, q] / queries
    close = {"atol": 1e-12 * market.unit}
    np.testing.assert_allclose(outcome.delivered, delivered, **close)
    np.testing.assert_allclose(outcome.cost, cost, **close)
    if isinstance(mechanism, PerToken):
        np.testing.assert_allclose(outcome.payment, price, **close)
    else:  # what the winner is paid does not depend on the tokens it spends
        moved = outcome.delivered - whole.delivered if mechanism.settlement == "delivered" else 0
        np.testing.assert_allclose(outcome.payment, whole.payment + moved, **close)
    low, high = mechanism.utility_bounds(market)
    assert np.all((low - 1e-12 <= outcome.utility) & (outcome.utility <= high + 1e-12))
    np.testing.assert_allclose(outcome.user_value + outcome.utility.sum(-1), outcome.welfare, **close)


def test_one_question_is_asked_of_every_provider():
    """Two providers who are right on the same half of the questions are never told apart by their answers."""
    half = np.tile(np.arange(10) % 2, (2, 1, 1))
    outcomes = Outcomes(half, 0.5 + half)
    flat = np.full((2, 1), 0.1)
    market = ttc_env.Market(["a", "b"], [1], flat * 5, flat, flat / 2, 1.0, answer_value=1.0, outcomes=outcomes)
    draws = drawn(np.random.default_rng(0), (500,), 1)
    accuracy, tokens = market.outcomes.on(np.zeros((500, 2), int), draws.question)
    np.testing.assert_array_equal(accuracy[:, 0], accuracy[:, 1])
    np.testing.assert_array_equal(accuracy, tokens - 0.5)
    assert 0.4 < accuracy.mean() < 0.6
    result = PerToken().clear(market, PerToken().bids(market, np.zeros((500, 2), int)), draws)
    sold = result.shares > 0
    np.testing.assert_allclose(result.cost[sold], 0.05 * (0.5 + result.delivered[sold]))  # dear where it is right


@every_mechanism
@given(data=st.data(), rng=generators)
def test_numpy_torch_and_a_loop_over_rows_agree(mechanism, data, rng):
    market = data.draw(replay_markets())
    level = rng.integers(0, market.num_levels, (3, market.num_providers))
    bid, draws = honest(mechanism, market, level), drawn(rng, (3,), 5)
    ours = mechanism.clear(market, bid, draws)
    theirs = mechanism.clear(
        market.to("torch"), Bids(*map(torch.tensor, bid)), each(torch.tensor, draws)
    )  # fmt: skip
    for name in QUANTITIES:
        assert isinstance(getattr(theirs, name), torch.Tensor)
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-12, atol=1e-12)
    for b in range(3):
        row = mechanism.clear(market, Bids(*(part[b] for part in bid)), each(lambda part: part[b], draws))  # noqa: B023
        for name in QUANTITIES:
            np.testing.assert_allclose(getattr(ours, name)[b], getattr(row, name), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_of_different_markets_replay_their_own_outcomes(backend, dtype):
    """Markets of other sizes and numbers of questions in one batch play as each of them alone."""
    rng = np.random.default_rng(0)
    small = NANO.select([2, 0])
    fewer = Outcomes(np.full((1, 2, 3), 0.5), np.array([[[0.5, 1.0, 1.5], [1.0, 2.0, 0.0]]]))
    tiny = ttc_env.Market("x", [1, 2], [[0.5, 0.5]], [[0.1, 0.2]], [[0.1, 0.1]], 9.0, answer_value=1.0, outcomes=fewer)
    markets, rows = [NANO, tiny, small], 6
    batch = stack_markets(markets, rows).to(backend, dtype=dtype)
    draws = each(lambda part: part.astype(dtype), drawn(rng, (rows,), 7))
    level = rng.integers(0, 2, (rows, 3))
    convert = torch.tensor if backend == "torch" else np.asarray
    game = repeated.RepeatedMarket(batch, PerToken(), 7)
    _, together = repeated.transition(game, repeated.initial_state(game, rows), convert(level), each(convert, draws))
    for b in range(rows):
        market = markets[b % 3].to("numpy", dtype=dtype)
        n = market.num_providers
        own = PerToken().bids(market, level[b, :n])
        alone = PerToken().clear(market, own, each(lambda part: part[b], draws))  # noqa: B023
        for name in ("shares", "cost", "utility", "delivered"):
            np.testing.assert_allclose(getattr(together, name)[b, :n], getattr(alone, name), rtol=1e-5, atol=1e-9)
            assert not np.asarray(getattr(together, name))[b, n:].any()
    with pytest.raises(ValueError, match="all 2 markets of a batch carry outcomes or none does, got 1"):
        stack_markets([NANO, ttc_env.load_market("nano/best_of_n")], 2)


@pytest.mark.parametrize("shapes", [[(4,), (4, 3), (4, 3)], [(4, 3), (4, 3), (4, 3)]])
def test_the_question_is_drawn_last_so_other_draws_stay_as_they_were(shapes):
    mechanism = SecondPrice() if shapes[0] == (4,) else PerToken()
    for market, expected in ((NANO, shapes), (ttc_env.load_market("nano/best_of_n"), shapes[:-1])):
        asked = []
        game = repeated.RepeatedMarket(market, mechanism, 3)
        repeated.draw(game, 4, lambda shape, asked=asked: asked.append(shape) or np.zeros(shape))
        assert asked == expected
    with pytest.raises(ValueError, match="a question for each query"):
        PerToken().clear(NANO, PerToken().bids(NANO, np.zeros(3, int)), Draws(None, np.zeros(2), np.zeros(2)))


@each_variant
def test_expected_demand_does_not_look_at_outcomes_and_sampled_demand_does(variant):
    plain = ttc_env.load_market("nano/best_of_n")
    envs = [variant.parallel(market=market) for market in (NANO, plain)]
    rewards = []
    for env in envs:
        env.reset(seed=3)
        actions = {agent: env.action_space(agent).sample() * 0 for agent in env.agents}
        rewards.append(list(env.step(actions)[1].values()))
    if variant.options["demand"] == "expected":
        np.testing.assert_allclose(*rewards, rtol=1e-3, atol=1e-9)  # tables differ by what the CSV rounds away
    else:
        assert rewards[0] != rewards[1]


def test_a_market_with_outcomes_is_their_mean_and_keeps_them():
    plain = ttc_env.load_market("nano/best_of_n", providers=[2, 0])
    market = ttc_env.load_market("nano/best_of_n", providers=[2, 0], beta=7.0, outcomes=True)
    for name in ("quality", "price", "cost"):
        np.testing.assert_allclose(getattr(market, name), getattr(plain, name), rtol=1e-5)
    np.testing.assert_allclose(market.outcomes.accuracy.mean(-1), market.accuracy, rtol=1e-12)
    np.testing.assert_array_equal(market.outcomes.accuracy, NANO.outcomes.accuracy[[2, 0]])
    markets = ttc_env.equilibrium.draw_markets(market, 100, 2, np.random.default_rng(0))
    assert all(one.outcomes is None for one in markets)


@pytest.mark.parametrize("name", ["gsm8k/majority_voting", "aime/best_of_n"])
def test_a_market_without_recorded_outcomes_says_so(name):
    with pytest.raises(ValueError, match=rf"{name} has no recorded outcomes beside its table"):
        ttc_env.load_market(name, outcomes=True)


@pytest.mark.parametrize(
    ("accuracy", "tokens", "fault"),
    [
        (np.ones((3, 6)), np.ones((3, 6)), r"one shape \(providers, levels, questions\)"),
        (np.ones((3, 6, 2)), np.ones((3, 6, 3)), r"one shape \(providers, levels, questions\)"),
        (np.ones((3, 6, 0)), np.ones((3, 6, 0)), r"one shape \(providers, levels, questions\)"),
        (np.full((3, 6, 2), 1.5), np.ones((3, 6, 2)), r"accuracies must be in \[0, 1\]"),
        (np.full((3, 6, 2), np.nan), np.ones((3, 6, 2)), r"accuracies must be in \[0, 1\]"),
        (np.ones((3, 6, 2)), np.full((3, 6, 2), 2.0), "with mean 1"),
        (np.ones((3, 6, 2)), np.tile([3.0, -1.0], (3, 6, 1)), "tokens must be >= 0"),
    ],
)
def test_outcomes_that_cannot_be_are_refused(accuracy, tokens, fault):
    with pytest.raises(ValueError, match=fault):
        Outcomes(accuracy, tokens)


def test_outcomes_of_another_market_are_refused():
    tables = (NANO.quality, NANO.price, NANO.cost)
    with pytest.raises(ValueError, match=r"outcomes must have shape \(\*\(3, 6\), questions\), got \(2, 6\)"):
        ttc_env.Market(NANO.providers, NANO.levels, *tables, 1.0, outcomes=NANO.outcomes.select([0, 1]))
    with pytest.raises(ValueError, match="must be the mean of its outcomes"):
        replace(NANO, outcomes=NANO.outcomes.select([1, 0, 2]))
