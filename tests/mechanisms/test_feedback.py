"""Counterfactual feedback: the reward that each own action would have earned, tried one by one."""

import gymnasium
import numpy as np
import pytest

import ttc_env
from tests.helpers.environments import MARKET
from tests.helpers.foreign import FlatFee
from ttc_env import posted_price_v0, second_price_v0
from ttc_env.mechanisms import FirstPrice, PerToken, PostedPrice, SecondPrice

GRID = (-0.1, 0.0, 0.1)
MECHANISMS = {
    "per_token": PerToken(),
    "second_price": SecondPrice(grid=GRID),
    "declared": SecondPrice("declared", grid=GRID),
    "posted_price": PostedPrice(num_prices=4),
    "shown": PostedPrice(num_prices=4, shown=2),
    "first_price": FirstPrice(grid=GRID),
    "foreign": FlatFee(),
}
each_mechanism = pytest.mark.parametrize("mechanism", MECHANISMS.values(), ids=MECHANISMS)


def random_actions(env, rng):
    space = env.single_action_space
    sizes = space.nvec if hasattr(space, "nvec") else space.n
    return rng.integers(0, sizes, (env.num_markets, env.num_providers, *space.shape))


@each_mechanism
def test_it_is_the_reward_of_each_action_had_it_been_played(mechanism):
    rng = np.random.default_rng(3)
    env = ttc_env.VectorMarket(MARKET, mechanism, 5, dtype="float64", feedback="counterfactual")
    env.reset(seed=0)
    actions = random_actions(env, rng)
    told = env.step(actions)[4]["counterfactual"]
    every = ttc_env.StageGame(MARKET, mechanism).actions
    assert told.shape == (5, 4, len(every))
    for row, seat, number in [
        (int(rng.integers(5)), int(rng.integers(4)), int(k)) for k in rng.integers(0, len(every), 25)
    ]:
        trial = actions[row].copy()
        trial[seat] = every[number]
        earned = ttc_env.StageGame(MARKET, mechanism).utility(trial)[seat] / env.game.usd_per_reward
        assert told[row, seat, number] == pytest.approx(earned, rel=1e-9, abs=1e-12)


@each_mechanism
def test_the_score_to_beat_wins_and_less_does_not(mechanism):
    env = ttc_env.VectorMarket(MARKET, mechanism, 6, dtype="float64", feedback="counterfactual")
    env.reset(seed=0)
    info = env.step(random_actions(env, np.random.default_rng(1)))[4]
    if not isinstance(mechanism, SecondPrice | FirstPrice):
        assert "winning_score" not in info
        return
    for row, seat in np.ndindex(6, 4):
        bids = type(info["bids"])(*(part[row].copy() for part in info["bids"]))
        for step, wins in ((0.0, True), (-1e-9, False)):
            bids.ask[seat] = bids.claim[seat] - info["winning_score"][row, seat] - step
            assert (mechanism.clear(MARKET, bids).shares[seat] > 0) == wins


def test_markets_of_a_batch_are_each_judged_by_their_own_game():
    small = ttc_env.load_market("gpqa/reasoning_effort", beta=500.0)
    env = ttc_env.VectorMarket([MARKET, small], "posted_price", 4, dtype="float64", feedback="counterfactual")
    env.reset(seed=0)
    actions = random_actions(env, np.random.default_rng(0))
    told = env.step(actions)[4]["counterfactual"]
    assert not told[1::2, 3].any()  # who is absent
    game, scale = ttc_env.StageGame(small, "posted_price"), PostedPrice().reward_scale(small)
    own = actions[1, :3] * [1, 1]
    own[:, 0] = np.minimum(own[:, 0], small.num_levels - 1)
    per_level = told[1, :3].reshape(3, 6, 15)
    np.testing.assert_allclose(per_level[:, : small.num_levels].reshape(3, -1), game.deviations(own) / scale, rtol=1e-9)
    np.testing.assert_array_equal(per_level[:, small.num_levels], per_level[:, small.num_levels - 1])


def test_every_form_tells_the_learner_of_its_own_actions():
    arguments = {"market": MARKET, "feedback": "counterfactual"}
    env = second_price_v0.parallel_env(**arguments, grid=GRID)
    env.reset(seed=0)
    actions = {agent: np.array([2, 1, 1]) for agent in env.agents}
    infos = env.step(actions)[4]
    first = infos[MARKET.providers[0]]
    played = np.ravel_multi_index((2, 1, 1), (6, 3, 3))
    assert first["counterfactual"].shape == (54,)
    usd = first["counterfactual"][played] * env.engine.game.usd_per_reward
    assert usd == pytest.approx(first["utility"], abs=1e-15)
    assert first["winning_score"] == max(infos[a]["claim"] - infos[a]["ask"] for a in MARKET.providers[1:])
    single = gymnasium.make("ttc/PostedPrice-v0", **arguments)
    single.reset(seed=0)
    _, reward, _, _, info = single.step(np.array([2, 7]))
    assert info["counterfactual"][2 * 15 + 7] == pytest.approx(reward, rel=1e-9)
    batch = gymnasium.make_vec("ttc/PostedPrice-v0", 3, vectorization_mode="vector_entry_point", **arguments)
    batch.reset(seed=0)
    told = batch.step(np.tile([2, 7], (3, 1)))[4]["counterfactual"]
    np.testing.assert_allclose(told, np.tile(info["counterfactual"], (3, 1)), rtol=1e-5, atol=1e-6)


def test_torch_is_told_the_same():
    told = []
    for backend in ("numpy", "torch"):
        env = ttc_env.VectorMarket(
            MARKET, "first_price", 2, backend=backend, dtype="float64", feedback="counterfactual"
        )
        env.reset(seed=0)
        info = env.step(np.tile([[2, 9, 9], [1, 8, 3], [5, 10, 10], [0, 0, 16]], (2, 1, 1)))[4]
        told.append([np.asarray(info[name]) for name in ("counterfactual", "winning_score")])
    for one, other in zip(*told, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-15)


def test_what_cannot_be_told_is_refused():
    with pytest.raises(ValueError, match="unknown feedback 'full'; allowed: own, counterfactual"):
        posted_price_v0.parallel_env(MARKET, feedback="full")
    with pytest.raises(ValueError, match="those of posted_price are continuous here"):
        posted_price_v0.parallel_env(MARKET, feedback="counterfactual", action_type="box")
    with pytest.raises(ValueError, match="with dynamics an action changes later ones"):
        ttc_env.VectorMarket(MARKET, feedback="counterfactual", dynamics="loyalty", dynamics_options={"cost": 0.001})
