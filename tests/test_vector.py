"""Batches of markets: independence of the rows, what follows a truncation, masks, precision, and bad arguments."""

import gymnasium
import numpy as np
import pytest
import torch

import ttc_env
from tests.helpers.environments import MARKET, each_id, each_variant, each_vector, same, sample
from ttc_env import arrays
from ttc_env.envs.vector import AUTORESET
from ttc_env.mechanisms import SecondPrice

each_backend = pytest.mark.parametrize("backend", ["numpy", "torch"])
PER_TOKEN = {"market": MARKET, "max_cycles": 3, "dtype": "float64"}


def honest(vector):
    """The same joint action in every market, so that only chance tells the rows apart."""
    shape = (vector.num_markets, vector.num_providers, *vector.single_action_space.shape)
    return np.zeros(shape, vector.single_action_space.dtype)


@each_id
@each_backend
def test_rows_have_draws_of_their_own(variant, backend):
    vector = variant.vector(num_markets=50, backend=backend, demand=50)
    vector.reset(seed=0)
    _, rewards, _, _, info = vector.step(honest(vector))
    results = rewards if variant.mechanism == "per_token" else info["outcome"].delivered
    assert len(np.unique(np.round(np.asarray(results), 6), axis=0)) > 3


@each_id
@each_backend
def test_rows_are_equal_where_there_is_no_chance(variant, backend):
    vector = variant.vector(num_markets=5, backend=backend, demand="expected")
    vector.reset(seed=0)
    observations, rewards, *_ = vector.step(honest(vector))
    assert np.all(np.asarray(observations == observations[:1]))
    assert np.all(np.asarray(rewards == rewards[:1]))


@each_id
@each_vector
def test_a_batch_is_that_many_markets_with_the_same_draws(variant, form):
    """With expected demand and no ties, each row of a batch is a market of its own, also past the end of an episode."""
    batch, *alone = (form.make(variant, num_markets=size, dtype="float64") for size in (4, 1, 1, 1, 1))
    rng = np.random.default_rng(0)
    for vector in (batch, *alone):
        vector.reset(seed=0)
    for _ in range(6):
        actions = form.actions(batch, rng)
        together = form.step(batch, actions)[:2]
        for b, vector in enumerate(alone):
            for row, own in zip(together, form.step(vector, actions[b : b + 1])[:2], strict=True):
                np.testing.assert_allclose(row[b], own[0], rtol=1e-12, atol=1e-15)


@each_backend
def test_autoreset_in_the_same_step(backend):
    vector = ttc_env.VectorMarket(num_markets=2, backend=backend, autoreset="same_step", **PER_TOKEN)
    rng = np.random.default_rng(0)
    first, _ = vector.reset(seed=0)
    for period in (1, 2, 3, 1, 2, 3):
        observations, rewards, terminations, truncations, info = vector.step(
            sample(vector.single_action_space, rng, (2, 4))
        )
        assert truncations.tolist() == [period == 3] * 2
        assert not terminations.any()
        assert bool((rewards > 0).all())
        assert ("final_obs" in info) == ("_final_obs" in info) == (period == 3)
        if period == 3:
            assert same(np.asarray(observations), np.asarray(first))
            assert info["_final_obs"].tolist() == [True, True]
            np.testing.assert_allclose(info["final_obs"][:, 0, -4:], info["outcome"].shares)
        else:
            np.testing.assert_allclose(observations[:, 0, -4:], info["outcome"].shares)


@each_backend
def test_autoreset_in_the_next_step(backend):
    vector = ttc_env.VectorMarket(num_markets=2, backend=backend, autoreset="next_step", **PER_TOKEN)
    rng = np.random.default_rng(0)
    first, _ = vector.reset(seed=0)
    for period in (1, 2, 3, 0, 1, 2, 3, 0):
        observations, rewards, _, truncations, info = vector.step(rng.integers(0, 6, (2, 4)))
        assert truncations.tolist() == [period == 3] * 2
        assert info["_outcome"].tolist() == [period > 0] * 2
        assert bool((rewards > 0).all() if period else (rewards == 0).all())
        assert same(np.asarray(observations), np.asarray(first)) == (period == 0)


@each_backend
def test_without_autoreset_rows_are_reset_by_mask(backend):
    vector = ttc_env.VectorMarket(num_markets=3, backend=backend, autoreset="disabled", **PER_TOKEN)
    first, _ = vector.reset(seed=0)
    vector.step(honest(vector))
    mask = np.array([False, True, False])
    for rows in (mask, mask.tolist(), torch.tensor(mask)):
        observations, _ = vector.reset(rows=rows)
        assert vector.record().period.tolist() == [1, 0, 1]
        assert same(np.asarray(observations[1]), np.asarray(first[1]))
        assert not same(np.asarray(observations[0]), np.asarray(first[0]))
    vector.step(honest(vector))
    truncations = vector.step(honest(vector))[3]
    assert truncations.tolist() == [True, False, True]
    with pytest.raises(gymnasium.error.ResetNeeded, match="after 3 periods"):
        vector.step(honest(vector))
    vector.reset(rows=truncations)
    vector.step(honest(vector))


@each_backend
@pytest.mark.parametrize("rows", [[True, False], [0, 1, 0], [[True], [False], [True]], True, "all"])
def test_a_mask_that_is_none_is_refused_and_changes_nothing(backend, rows):
    vector = ttc_env.VectorMarket(num_markets=3, backend=backend, demand=4, **PER_TOKEN)
    vector.reset(seed=0)
    vector.step(honest(vector))
    before = vector.get_state()
    with pytest.raises(ValueError, match=r"rows must be .*, got"):
        vector.reset(seed=5, rows=rows)
    assert same(before, vector.get_state())


@each_variant
@pytest.mark.parametrize("autoreset", AUTORESET)
def test_the_single_provider_batch_is_the_multi_agent_batch_seen_from_one_seat(variant, autoreset):
    scripted = sample(variant.single().action_space, np.random.default_rng(1), (4,))
    seat = variant.vector_single(3, provider=2, opponents=scripted, autoreset=autoreset)
    vector = variant.vector(num_markets=3, autoreset=autoreset)
    rng, some = np.random.default_rng(0), np.array([True, False, True])
    assert autoreset in str(seat.metadata["autoreset_mode"]).lower()  # an enumeration from Gymnasium 1.1 on
    assert same(seat.reset(seed=4)[0], vector.reset(seed=4)[0][:, 2])
    for _ in range(9):
        joint = np.tile(scripted, (3,) + (1,) * scripted.ndim)
        joint[:, 2] = own = sample(seat.single_action_space, rng, (3,))
        seen, rewards, terminations, truncations, info = seat.step(own)
        full = vector.step(joint)
        assert same((seen, rewards), (full[0][:, 2], full[1][:, 2]))
        assert same((terminations, truncations), full[2:4])
        shown = sum(part.get("utility", np.zeros(3)) for part in (info, info.get("final_info", {})))  # zero elsewhere
        played = full[4].get("_outcome", np.ones(3, dtype=bool))
        assert same(shown, np.where(played, full[4]["outcome"].utility[:, 2], 0))
        assert ("final_obs" in info) == ("final_obs" in full[4])
        if "final_obs" in info:
            assert same(info["final_obs"], full[4]["final_obs"][:, 2])
        if autoreset == "disabled" and (truncations | (vector.record().period == 3)).any():
            rows = truncations if truncations.any() else some
            assert same(seat.reset(options={"reset_mask": rows})[0], vector.reset(rows=rows)[0][:, 2])


@each_backend
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_everything_has_the_precision_and_backend_asked_for(backend, dtype):
    vector = ttc_env.VectorMarket(MARKET, "second_price", 2, backend=backend, dtype=dtype, demand=3)
    observations, _ = vector.reset(seed=0)
    _, rewards, terminations, truncations, info = vector.step(honest(vector))
    kind = np.ndarray if backend == "numpy" else torch.Tensor
    for array in (observations, rewards, vector.state(), info["outcome"].payment, info["bids"].ask):
        assert isinstance(array, kind)
        assert str(array.dtype).endswith(dtype)
    assert str(terminations.dtype).endswith("bool")
    assert str(truncations.dtype).endswith("bool")


def test_unchecked_actions_are_not_looked_at():
    vector = ttc_env.VectorMarket(num_markets=1, check_actions=False, **PER_TOKEN)
    vector.reset(seed=0)
    _, rewards, *_ = vector.step(np.full((1, 4), -1))
    assert np.isfinite(rewards).all()


def test_a_mechanism_object_is_taken_as_it_is():
    mechanism = SecondPrice("declared", grid=(-0.5, 0.0, 0.5))
    vector = ttc_env.VectorMarket(MARKET, mechanism)
    assert vector.game.mechanism is mechanism
    assert vector.single_action_space.nvec.tolist() == [6, 3, 3]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_markets": 0}, "num_markets must be an integer >= 1, got 0"),
        ({"num_markets": 2.0}, r"num_markets must be an integer >= 1, got 2\.0"),
        ({"mechanism": "barter"}, "unknown mechanism 'barter'; allowed: per_token, second_price"),
        ({"autoreset": "never"}, "unknown autoreset 'never'; allowed: same_step, next_step, disabled"),
        ({"backend": "jax"}, "unknown backend 'jax'; allowed: numpy, torch"),
        ({"dtype": "float16"}, "unknown dtype 'float16'; allowed: float32, float64"),
        ({"device": "cuda"}, "runs on the CPU, got device 'cuda'"),
        ({"settlement": "declared"}, "unknown option 'settlement' of per_token"),
    ],
)
def test_a_bad_argument_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        ttc_env.VectorMarket(**{"market": MARKET, **options})


@each_id
@each_vector
def test_the_shared_record_holds_the_same_numbers(variant, form):
    whole, parts = (form.make(variant, max_cycles=2, shared_record=shared) for shared in (False, True))
    rng = np.random.default_rng(0)
    left, (own, public) = whole.reset(seed=0)[0], parts.reset(seed=0)[0]
    for _ in range(4):
        left, own, public = np.asarray(left), np.asarray(own), np.asarray(public)
        np.testing.assert_array_equal(left[..., : own.shape[-1]], own)
        np.testing.assert_array_equal(
            left[..., own.shape[-1] :], np.broadcast_to(public[:, None], (3, 4, len(public[0])))
        )
        for i in range(4):
            assert parts.single_observation_space.contains((own[0, i], public[0]))
        actions = form.actions(whole, rng)
        left, reward, _, _, info, *_ = form.step(whole, actions)
        (own, public), same_reward, _, _, parts_info, *_ = form.step(parts, actions)
        np.testing.assert_array_equal(reward, same_reward)
        assert ("final_obs" in info) == ("final_obs" in parts_info)


@each_id
@each_vector
def test_without_copy_the_observations_are_one_array(variant, form):
    fast, safe = (form.make(variant, max_cycles=3, copy=copy) for copy in (False, True))
    first, kept = fast.reset(seed=0)[0], safe.reset(seed=0)[0]
    before = np.asarray(kept).copy()
    rng = np.random.default_rng(0)
    for _ in range(7):
        actions = form.actions(fast, rng)
        observations, rewards, _, _, info, *_ = form.step(fast, actions)
        expected, expected_rewards, _, _, expected_info, *_ = form.step(safe, actions)
        assert observations is first
        np.testing.assert_array_equal(observations, expected)
        np.testing.assert_array_equal(rewards, expected_rewards)
        assert ("final_obs" in info) == ("final_obs" in expected_info)
        if "final_obs" in info:
            np.testing.assert_array_equal(info["final_obs"], expected_info["final_obs"])
    np.testing.assert_array_equal(kept, before)


@each_variant
@each_vector
def test_blocks_are_as_the_whole_batch(variant, form, monkeypatch):
    """Large batches are read and written in blocks of rows, for the sake of the cache."""

    def episode(block):
        monkeypatch.setattr(arrays, "BLOCK", block)
        vector = form.make(variant, num_markets=5)
        return [vector.reset(seed=0), *form.play(vector, np.random.default_rng(0), 6)]

    assert same(episode(2), episode(5))
