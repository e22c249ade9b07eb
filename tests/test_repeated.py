"""The repeated market as pure functions: what is seen, what is earned, and that neither batch nor backend matters."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.environments import MARKET, sample
from tests.helpers.strategies import generators, lottery_markets, markets, wild_markets
from ttc_env import observing, repeated
from ttc_env.arrays import at
from ttc_env.envs import spaces
from ttc_env.market import Market
from ttc_env.mechanisms import Draws, PerToken, SecondPrice
from ttc_env.repeated import RepeatedMarket

SETTLEMENTS = ("delivered", "declared")
MECHANISMS = [PerToken(), SecondPrice(), SecondPrice("declared", "box", grid=(-0.5, 0.0, 2.0))]
every_mechanism = pytest.mark.parametrize("mechanism", MECHANISMS, ids=["per_token", "second_price", "declared-box"])


def played(game, rng, periods, batch=3):
    """The states and outcomes of a few periods of random play, NumPy."""
    state, history = repeated.initial_state(game, batch), []
    for _ in range(periods):
        actions = sample(spaces.action_space(game), rng, (batch, game.market.num_providers))
        actions = actions.astype(game.market.quality.dtype) if actions.dtype.kind == "f" else actions
        draws = repeated.draw(game, batch, rng.random)
        state, outcome = repeated.transition(game, state, actions, draws)
        history.append((actions, draws, state, outcome))
    return history


@every_mechanism
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@given(data=st.data(), rng=generators)
def test_what_is_seen_lies_within_the_bounds(mechanism, dtype, data, rng):
    market = data.draw(markets() | lottery_markets() | wild_markets())
    sampled = bool(np.all(market.quality >= market.baseline * market.unit)) and market.quality.max() <= market.unit
    game = RepeatedMarket(market.to("numpy", dtype=dtype), mechanism, 2 if sampled else "expected")
    low, high = observing.layout(game).bounds
    least, most = observing.layout(game).state_bounds(game.market.num_providers)
    states = [repeated.initial_state(game, 3), *(state for _, _, state, _ in played(game, rng, 3))]
    for state in states:
        seen, whole = observing.observe(game, state), observing.global_state(game, state)
        assert seen.dtype == whole.dtype == dtype
        assert seen.shape == (3, market.num_providers, *low.shape)
        assert whole.shape == (3, *least.shape)
        for values, floor, ceiling in ((seen, low, high), (whole, least, most)):
            floor, ceiling = floor.astype(np.float32), ceiling.astype(np.float32)
            assert np.all((floor <= values.astype(np.float32)) & (values.astype(np.float32) <= ceiling))


@every_mechanism
def test_an_observation_is_the_documented_list(mechanism):
    game = RepeatedMarket(MARKET, mechanism, 4, reward_scale=0.002)
    for _, _, state, outcome in played(game, np.random.default_rng(0), 2):
        seen, level = observing.observe(game, state), state.bids.level / 5
        ask, claim = state.bids.ask / MARKET.unit, state.bids.claim / MARKET.unit
        for b, i in np.ndindex(3, 4):
            own = [level[b, i]] if isinstance(mechanism, PerToken) else [level[b, i], ask[b, i], claim[b, i]]
            public = [level[b]] if isinstance(mechanism, PerToken) else [ask[b], claim[b]]
            curves = [table[i] / MARKET.unit for table in (MARKET.quality, MARKET.price, MARKET.cost)]
            reward = outcome.utility[b, i] / 0.002
            users = [np.log10(MARKET.beta * MARKET.unit)] if mechanism.uses_beta else []
            expected = np.concatenate([*curves, [1.0], own, [reward], users, *public, outcome.shares[b]])
            np.testing.assert_allclose(seen[b, i], expected, rtol=1e-12)


@every_mechanism
def test_the_global_state_holds_every_observation_once(mechanism):
    game = RepeatedMarket(MARKET, mechanism, 4)
    (_, _, state, _) = played(game, np.random.default_rng(0), 1)[0]
    seen, whole = observing.observe(game, state), observing.global_state(game, state)
    curves, public = 3 * 6, mechanism.uses_beta + len(mechanism.public) * 4 + 4
    parts = [seen[:, :, :curves].reshape(3, -1), seen[:, :, curves:-public].reshape(3, -1), seen[:, 0, -public:]]
    np.testing.assert_array_equal(whole, np.concatenate(parts, axis=1))


@every_mechanism
def test_before_the_first_period_there_is_no_record(mechanism):
    game = RepeatedMarket(MARKET, mechanism)
    seen = observing.observe(game, repeated.initial_state(game, 2))
    assert np.any(seen[:, :, : 3 * 6])
    record = [name for name in observing.layout(game).places if name not in (*observing.CURVES, observing.USERS)]
    assert not any(np.any(observing.layout(game).read(seen, name)) for name in record)


@every_mechanism
def test_the_reward_is_the_profit_in_units_of_the_scale(mechanism):
    game = RepeatedMarket(MARKET, mechanism, 4, reward_scale=0.25)
    for _, _, state, outcome in played(game, np.random.default_rng(0), 3):
        np.testing.assert_allclose(state.reward, (outcome.payment - outcome.cost) / 0.25)


def test_the_default_scale_is_an_equal_share_at_the_largest_margin_or_the_largest_offset():
    assert RepeatedMarket(MARKET, PerToken()).usd_per_reward == pytest.approx(MARKET.margin.max() / 4)
    assert RepeatedMarket(MARKET, SecondPrice()).usd_per_reward == pytest.approx(0.1 * MARKET.unit)
    assert RepeatedMarket(MARKET, SecondPrice(grid=(0.0,))).usd_per_reward == MARKET.unit
    free = Market(["a"], [1], [[0.5]], [[0.0]], [[0.0]], beta=1.0)
    assert RepeatedMarket(free, PerToken()).usd_per_reward == free.unit


@every_mechanism
@pytest.mark.parametrize("demand", ["expected", 4])
def test_a_batch_is_a_loop(mechanism, demand):
    game = RepeatedMarket(MARKET, mechanism, demand)
    history = played(game, np.random.default_rng(0), 3)
    for b in range(3):
        state = repeated.initial_state(game, 1)
        for actions, draws, together, _ in history:
            row = Draws(*(None if part is None else part[b : b + 1] for part in draws))
            state, _ = repeated.transition(game, state, actions[b : b + 1], row)
            np.testing.assert_allclose(
                observing.observe(game, state)[0], observing.observe(game, together)[b], rtol=1e-13
            )


@every_mechanism
@pytest.mark.parametrize("demand", ["expected", 4])
def test_numpy_and_torch_play_alike(mechanism, demand):
    game = RepeatedMarket(MARKET, mechanism, demand)
    other = RepeatedMarket(MARKET.to("torch"), mechanism, demand)
    state = repeated.initial_state(other, 3)
    for actions, draws, ours, outcome in played(game, np.random.default_rng(0), 4):
        tensors = Draws(*(None if part is None else torch.tensor(part) for part in draws))
        actions = torch.tensor(actions.astype(float) if actions.dtype.kind == "f" else actions)
        state, theirs = repeated.transition(other, state, actions, tensors)
        for left, right in (
            (observing.observe(game, ours), observing.observe(other, state)),
            (observing.global_state(game, ours), observing.global_state(other, state)),
            (outcome.utility, theirs.utility),
        ):
            assert isinstance(right, torch.Tensor)
            np.testing.assert_allclose(left, right, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("mechanism", "demand", "shapes"),
    [
        (PerToken(), "expected", []),
        (PerToken(), 7, [(5, 7), (5, 7)]),
        (SecondPrice(), "expected", [(5,)]),
        (SecondPrice(), 7, [(5,), (5, 7)]),
    ],
)
def test_a_period_draws_what_its_chance_needs(mechanism, demand, shapes):
    asked = []
    repeated.draw(RepeatedMarket(MARKET, mechanism, demand), 5, lambda shape: asked.append(shape) or np.zeros(shape))
    assert asked == shapes


def test_the_horizon_and_the_replacement_of_rows():
    game = RepeatedMarket(MARKET, PerToken(), max_cycles=2)
    first, second = (state for _, _, state, _ in played(game, np.random.default_rng(0), 2))
    assert not repeated.truncated(game, first).any()
    assert repeated.truncated(game, second).all()
    mixed = repeated.replace_rows(np.array([True, False, True]), first, second)
    assert mixed.period.tolist() == [1, 2, 1]
    for field in ("shares", "reward"):
        old, new, both = (getattr(state, field) for state in (second, first, mixed))
        np.testing.assert_array_equal(both, [new[0], old[1], new[2]])
    for old, new, both in zip(second.bids, first.bids, mixed.bids, strict=True):
        np.testing.assert_array_equal(both, [new[0], old[1], new[2]])


@pytest.mark.parametrize("outside_value", [-1.0, 0.0, 0.4])
@pytest.mark.parametrize(
    "mechanism", [PerToken(), *(SecondPrice(settlement, grid=(-0.5, 0.0, 2.0)) for settlement in SETTLEMENTS)], ids=str
)
def test_profits_lie_within_the_mechanisms_bounds_for_all_actions_and_answers(mechanism, outside_value):
    quality, price, cost = [[0.5, 0.9], [0.6, 1.0]], [[0.2, 0.4], [0.5, 0.3]], [[0.1, 0.5], [0.2, 0.3]]
    names, options = ["a", "b"], {"outside_value": outside_value, "answer_value": 1.0, "baseline": 0.2}
    market = Market(names, [1, 2], quality, price, cost, beta=5.0, **options)
    components = [range(size) for size in mechanism.action_sizes(market)]
    own = list(itertools.product(*components))
    actions = np.array(list(itertools.product(own, repeat=2))).reshape(len(own) ** 2, 2, -1)
    actions = actions[..., 0] if actions.shape[-1] == 1 else actions
    low, high = mechanism.utility_bounds(market)
    game = RepeatedMarket(market, mechanism, 1)
    for choice, correct, tie in itertools.product([0.0, 0.99], repeat=3):
        draws = Draws(*(np.full(shape, value) for shape, value in (
            ((len(actions),), tie), ((len(actions), 1), choice), ((len(actions), 1), correct)
        )))  # fmt: skip
        _, outcome = repeated.transition(game, repeated.initial_state(game, len(actions)), actions, draws)
        assert low - 1e-12 <= outcome.utility.min()
        assert outcome.utility.max() <= high + 1e-12


def test_per_token_rewards_of_a_known_period():
    game = RepeatedMarket(MARKET, PerToken(), reward_scale=1.0)
    levels = np.array([[0, 1, 2, 3]])
    state, outcome = repeated.transition(game, repeated.initial_state(game, 1), levels, Draws())
    np.testing.assert_allclose(state.reward, MARKET.utility(levels), rtol=1e-12)
    np.testing.assert_array_equal(state.bids.ask, at(MARKET.price, levels))
    assert outcome.welfare == pytest.approx(MARKET.welfare(levels))


@pytest.mark.parametrize(
    ("option", "values", "message"),
    [
        ("demand", ["sampled", 0, -1, 2.5, True, None, float("nan"), float("inf"), "5"], "demand"),
        ("max_cycles", [0, -1, 2.5, True, None, float("nan"), float("inf"), "5"], "max_cycles must be an integer >= 1"),
        ("reward_scale", [0.0, -1.0, float("nan"), float("inf"), "1", True], "reward_scale must be"),
    ],
)
def test_a_bad_option_is_named_with_its_value(option, values, message):
    for value in values:
        with pytest.raises(ValueError, match=rf"{message}.*got {value!r}"):
            RepeatedMarket(MARKET, PerToken(), **{option: value})


def test_sampled_demand_needs_a_lottery():
    market = Market(["a"], [1], [[-0.5]], [[0.1]], [[0.0]], beta=1.0)
    RepeatedMarket(market, PerToken())
    with pytest.raises(ValueError, match=r"quality must lie in .*-0\.5"):
        RepeatedMarket(market, PerToken(), 10)
