"""Different markets in one batch play exactly as each of them alone."""

import gymnasium
import numpy as np
import pytest

import ttc_env
from ttc_env import mechanisms, observing, repeated
from ttc_env.arrays import namespace
from ttc_env.batch import one_market, stack_markets

MARKETS = [
    ttc_env.load_market("gsm8k/majority_voting", beta=200.0),
    ttc_env.load_market("gpqa/best_of_n", beta=1e5, providers=[0, 3, 8]),
    ttc_env.load_market("aime/reasoning_effort", beta=1000.0, outside_value=0.001),
]
ROWS = 6
MECHANISMS = {
    "per_token": mechanisms.PerToken(),
    "second_price": mechanisms.SecondPrice(),
    "posted_price": mechanisms.PostedPrice(shown=2),
    "first_price": mechanisms.FirstPrice(),
    "declared box": mechanisms.SecondPrice(settlement="declared", action_type="box"),
}
each_mechanism = pytest.mark.parametrize("mechanism", MECHANISMS.values(), ids=MECHANISMS)
each_demand = pytest.mark.parametrize("demand", ["expected", 7])


def random_actions(rng, mechanism, market, batch):
    sizes = mechanism.action_sizes(market)
    shape = (batch, market.num_providers, *((len(sizes),) if len(sizes) > 1 else ()))
    if mechanism.action_type == "box":
        return rng.uniform(-1, 1, shape)
    return rng.integers(0, sizes if len(sizes) > 1 else sizes[0], shape)


@each_mechanism
@each_demand
def test_every_row_is_its_own_market(mechanism, demand):
    rng = np.random.default_rng(0)
    batch = stack_markets(MARKETS, ROWS)
    together = repeated.RepeatedMarket(batch, mechanism, demand)
    state = repeated.initial_state(together, ROWS)
    alone = [repeated.RepeatedMarket(market, mechanism, demand) for market in MARKETS]
    states = [repeated.initial_state(game, 1) for game in alone]
    for _ in range(3):
        actions = random_actions(rng, mechanism, batch, ROWS)
        draws = repeated.draw(together, ROWS, rng.random)
        state, outcome = repeated.transition(together, state, actions, draws)
        for b, game in enumerate(alone):
            n, m = game.market.num_providers, game.market.num_levels
            own = actions[[b], :n].copy()
            if mechanism.action_type == "box":  # the same level of the smaller grid, and no level it has not
                level = np.minimum(np.floor((own[..., 0] + 1) * batch.num_levels / 2), m - 1)
                own[..., 0] = (2 * level + 1) / m - 1
            elif own.ndim == 3:
                own[..., 0] = np.minimum(own[..., 0], m - 1)
            else:
                own = np.minimum(own, m - 1)
            mine = mechanisms.Draws(*(None if part is None else part[[b]] for part in draws))
            states[b], single = repeated.transition(game, states[b], own, mine)
            for name in ("shares", "utility", "delivered", "payment", "cost"):
                np.testing.assert_allclose(
                    getattr(outcome, name)[b, :n], getattr(single, name)[0], rtol=1e-12, atol=1e-18
                )
                assert not getattr(outcome, name)[b, n:].any()
            for name in ("user_value", "welfare", "outside_share"):
                np.testing.assert_allclose(getattr(outcome, name)[b], getattr(single, name)[0], rtol=1e-12, atol=1e-18)
            np.testing.assert_allclose(state.reward[b, :n], states[b].reward[0], rtol=1e-12)


@each_mechanism
@each_demand
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_mixed_batch_is_played_inside_its_spaces(mechanism, demand, backend):
    rng = np.random.default_rng(0)
    env = ttc_env.VectorMarket(MARKETS, mechanism, ROWS, demand=demand, backend=backend, max_cycles=4)
    observations, _ = env.reset(seed=0)
    assert tuple(observations.shape) == (ROWS, 9, *env.single_observation_space.shape)
    for _ in range(9):
        for row in np.asarray(observations).reshape(-1, observations.shape[-1]):
            assert env.single_observation_space.contains(row)
        observations, rewards, *_ = env.step(random_actions(rng, mechanism, env.market, ROWS))
        assert not np.asarray(rewards)[~np.asarray(env.market.to("numpy").present)].any()
        assert np.isfinite(np.asarray(env.state())).all()


def test_backends_agree_on_a_mixed_batch():
    rng = np.random.default_rng(0)
    envs = [ttc_env.VectorMarket(MARKETS, num_markets=ROWS, backend=b, dtype="float64") for b in ("numpy", "torch")]
    for env in envs:
        env.reset(seed=0)
    for _ in range(3):
        actions = random_actions(rng, mechanisms.PerToken(), envs[0].market, ROWS)
        (left, left_reward, *_), (right, right_reward, *_) = (env.step(actions) for env in envs)
        np.testing.assert_allclose(left, right, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(left_reward, right_reward, rtol=1e-12, atol=1e-15)


def test_a_sweep_of_beta_is_one_call():
    betas = [10.0, 1000.0, 1e5]
    market = ttc_env.load_market("gsm8k/best_of_n")
    names = ttc_env.VectorMarket(["gsm8k/best_of_n"] * 2)
    assert names.num_markets == 2
    env = ttc_env.VectorMarket([ttc_env.load_market("gsm8k/best_of_n", beta=beta) for beta in betas], dtype="float64")
    env.reset(seed=0)
    profile = np.full(9, 3)
    _, _, _, _, info = env.step(np.tile(profile, (3, 1)))
    for b, beta in enumerate(betas):
        expected = ttc_env.load_market("gsm8k/best_of_n", beta=beta).shares(profile)
        np.testing.assert_allclose(info["outcome"].shares[b], expected, rtol=1e-12)
    assert market.num_providers == env.num_providers


def test_what_needs_one_market_says_so():
    batch = stack_markets(MARKETS, ROWS)
    with pytest.raises(ValueError, match="a batch of 3 different ones"):
        one_market(batch)
    with pytest.raises(ValueError, match="multiple of the number of markets 3, got 4"):
        ttc_env.VectorMarket(MARKETS, num_markets=4)
    with pytest.raises(ValueError, match="multiple of the number of markets 0"):
        ttc_env.VectorMarket([])
    with pytest.raises(ValueError, match="a batch of 3 different ones"):
        gymnasium.make_vec("ttc/PerToken-v0", num_envs=3, vectorization_mode="vector_entry_point", market=MARKETS)


SUBSETS = [
    [i for i in range(9) if number >> i & 1]  # of the nine providers, in this order
    for number in range(1, 2**9)
]


@pytest.mark.long
@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("beta", [1e3, 1e5, 1e7])
def test_padding_wins_nothing_at_any_beta(beta, dtype, backend):
    """Every subset of the providers at every level, each as alone: an absent provider must not even lend its logit."""
    full = ttc_env.load_market("aime/majority_voting", beta=beta)
    markets, m = [full.select(subset).to(backend, dtype=dtype) for subset in SUBSETS], full.num_levels
    rows = m * len(markets)  # the markets in turn, first all at the lowest level, last all at the highest
    batch = stack_markets(markets, rows).to(backend, dtype=dtype)
    together = repeated.RepeatedMarket(batch, mechanisms.PerToken())
    levels = np.arange(m).repeat(len(markets))[:, None] + np.zeros((1, 9), dtype=np.int64)
    played = play(together, namespace(batch.quality).asarray(levels))
    for b, market in enumerate(markets):
        n, own = market.num_providers, observing.layout(together).places["public.level"].start
        game = repeated.RepeatedMarket(market, mechanisms.PerToken())
        profiles = namespace(market.quality).asarray(levels[b :: len(markets), :n])
        alone = play(game, profiles)
        for name in ("shares", "utility", "welfare", "user_value", "outside_share", "reward"):
            row = played[name][b :: len(markets)]
            np.testing.assert_allclose(row[:, :n] if row.ndim == 2 else row, alone[name], rtol=2e-6, atol=1e-30)
            assert row.ndim == 1 or not row[:, n:].any()
        seen, seen_alone = played["observation"][b :: len(markets), :n], alone["observation"]
        np.testing.assert_allclose(seen[..., :own], seen_alone[..., :own], rtol=2e-6)
        public = seen[..., own:].reshape(m, n, -1, 9)[..., :n]  # records of all places
        np.testing.assert_allclose(public.reshape(m, n, -1), seen_alone[..., own:], rtol=2e-6, atol=1e-30)


def play(game, actions):
    """One period as NumPy arrays by name."""
    state, outcome = repeated.transition(
        game, repeated.initial_state(game, len(actions)), actions, mechanisms.Draws()
    )  # fmt: skip
    names = ("shares", "utility", "welfare", "user_value", "outside_share")
    arrays = {name: getattr(outcome, name) for name in names}
    arrays |= {"reward": state.reward, "observation": observing.observe(game, state)}
    return {name: np.asarray(array) for name, array in arrays.items()}


@each_mechanism
def test_padding_wins_nothing_where_the_outside_value_swallows_everything(mechanism):
    """At an outside value so large that adding one changes nothing, an absent provider must not tie with it."""
    market = ttc_env.load_market("gsm8k/majority_voting", outside_value=2.0**60)
    batch = stack_markets([market.select([0]), market], 2)
    game = repeated.RepeatedMarket(batch, mechanism)
    honest = np.zeros((2, 9) if mechanism.name == "per_token" else (2, 9, 3), dtype=int)
    played = play(game, honest)
    assert not played["shares"].any()
    assert played["outside_share"].tolist() == [1.0, 1.0]
