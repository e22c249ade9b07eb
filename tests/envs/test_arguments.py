"""Odd arguments are refused by one clear error, and what environments hand out or take back is nobody else's."""

from dataclasses import replace

import gymnasium
import numpy as np
import pytest

import ttc_env
from tests.helpers.environments import MARKET, VARIANTS, each_form, each_id, same, sample
from ttc_env.envs.single import ProviderEnv, VectorProviderEnv
from ttc_env.envs.vector import AUTORESET

each_backend = pytest.mark.parametrize("backend", ["numpy", "torch"])


@each_id
def test_actions_that_are_no_mapping_are_refused(variant):
    env = variant.parallel()
    env.reset(seed=0)
    before = env.get_state()
    for actions in (None, 3, [0] * 4, "0000"):
        with pytest.raises(ValueError, match="actions must be a mapping with one entry per agent, got"):
            env.step(actions)
    assert same(before, env.get_state())


@each_id
@each_form
def test_no_action_is_no_action(variant, form):
    env = form.make(variant)
    form.reset(env, 0)
    with pytest.raises(ValueError, match=r"actions?( of .*)? must (be|have)"):
        env.step(None)


@pytest.mark.parametrize("mechanism", [None, 3, b"per_token", "", ("per_token",)])
def test_what_is_no_mechanism_is_refused(mechanism):
    with pytest.raises(ValueError, match="mechanism"):
        ttc_env.VectorMarket(MARKET, mechanism)


@each_id
def test_a_render_mode_is_a_name(variant):
    for make in (variant.parallel, variant.aec):
        for mode in (True, 1, "ANSI", ["ansi"], b"ansi"):
            with pytest.raises(ValueError, match=r"unknown render_mode .*; allowed: None, human, ansi"):
                make(render_mode=mode)


def test_a_render_mode_of_the_gymnasium_form_is_a_name():
    with pytest.raises(ValueError, match="unknown render_mode True"):
        ProviderEnv(render_mode=True)
    with pytest.warns(UserWarning, match="render_mode"), pytest.raises(ValueError, match="unknown render_mode 'ANSI'"):
        gymnasium.make("ttc/PerToken-v0", render_mode="ANSI")


@each_id
@each_backend
@pytest.mark.parametrize("autoreset", AUTORESET)
@pytest.mark.parametrize("shared", [False, True])
def test_writing_into_what_was_returned_changes_nothing(variant, backend, autoreset, shared):
    """Observations, rewards, flags, info and its outcome are the caller's own: play goes on as if untouched."""
    options = {"num_markets": 3, "backend": backend, "autoreset": autoreset, "shared_record": shared}
    touched, left = (variant.vector(max_cycles=3, **options) for _ in range(2))
    rng = np.random.default_rng(0)
    spoil(touched.reset(seed=0))
    left.reset(seed=0)
    for _ in range(8):
        actions = sample(left.single_action_space, rng, (3, 4))
        result, expected = touched.step(actions), left.step(actions)
        assert same(result[:4], expected[:4])
        assert same(np.asarray(touched.state()), np.asarray(left.state()))
        assert same(touched.record(), left.record())
        ends = np.asarray(expected[3]).copy()
        spoil(result)
        assert same(np.asarray(touched.state()), np.asarray(left.state()))
        assert same(touched.record(), left.record())
        if autoreset == "disabled" and ends.any():
            result, expected = touched.reset(rows=ends), left.reset(rows=ends)
            assert same(result, expected)
            spoil(result)


def spoil(part):
    """Write nonsense into every array there is."""
    if isinstance(part, dict):
        part = tuple(part.values())
    if isinstance(part, ttc_env.mechanisms.Outcome):
        part = (part.bids, part.shares, part.outside_share, part.utility)
    if isinstance(part, tuple | list):
        for one in part:
            spoil(one)
    elif part is not None:
        part[...] = 1


@each_id
@each_form
def test_a_state_goes_back_where_it_came_from_only(variant, form):
    """That of another number of markets, another market or precision is refused, and nothing has changed."""
    env = form.make(variant)
    form.reset(env, 0)
    form.play(env, np.random.default_rng(0), 2)
    good = env.get_state()
    others = [form.make(replace(variant, market=MARKET.select([0, 1, 2])))]
    if form.kind in ("vector", "seats"):
        others += [form.make(variant, num_markets=8), form.make(variant, dtype="float64")]
    for other in others:
        form.reset(other, 0)
        with pytest.raises(ValueError, match="this state is of other markets"):
            env.set_state(other.get_state())
    for odd in (None, {}, 3):
        with pytest.raises(ValueError, match="set_state takes what get_state returned"):
            env.set_state(odd)
    assert same(good, env.get_state())


def test_one_stream_of_a_batch_is_not_that_of_another():
    one, three = (ttc_env.VectorMarket(MARKET, num_markets=size, demand=3) for size in (2, 3))
    one.reset(seed=[1, 2])
    three.reset(seed=[1, 2, 3])
    state = {"state": three.get_state()["state"], "uniform": one.get_state()["uniform"]}
    with pytest.raises(ValueError, match="this state has 2 generators for 3 markets"):
        three.set_state(state)


@each_backend
@pytest.mark.parametrize("autoreset", AUTORESET)
def test_a_market_with_a_stream_of_its_own_plays_as_alone(backend, autoreset):
    """One seed per market: chance in one row does not depend on the other rows, nor on how many there are."""
    options = {"demand": 5, "max_cycles": 3, "backend": backend, "autoreset": autoreset, "dtype": "float64"}
    seeds, rng = [5, 6, 7], np.random.default_rng(0)
    together = ttc_env.VectorMarket(MARKET, num_markets=3, **options)
    alone = [ttc_env.VectorMarket(MARKET, num_markets=1, **options) for _ in seeds]
    together.reset(seed=seeds)
    for env, seed in zip(alone, seeds, strict=True):
        env.reset(seed=seed)
    for _ in range(8):
        actions = rng.integers(0, 6, (3, 4))
        seen, rewards, _, ends, _ = together.step(actions)
        for b, env in enumerate(alone):
            own, reward, _, _, _ = env.step(actions[b : b + 1])
            np.testing.assert_allclose(np.asarray(seen[b]), np.asarray(own[0]), rtol=1e-12, atol=1e-15)
            np.testing.assert_allclose(np.asarray(rewards[b]), np.asarray(reward[0]), rtol=1e-12, atol=1e-15)
        if autoreset == "disabled" and bool(ends.any()):
            for env in (together, *alone):
                env.reset()
    assert VARIANTS


def test_what_only_looks_like_a_number_is_refused_by_name():
    market = ttc_env.load_market("gsm8k/majority_voting")
    with pytest.raises(ValueError, match="demand"):
        ttc_env.VectorMarket(market, demand=np.ma.masked)
    with pytest.raises(ValueError, match="num_envs"):
        VectorProviderEnv(None, market)
    with pytest.raises(ValueError, match="seed"):
        ttc_env.VectorMarket(market).reset(np.ma.masked)
    with pytest.raises(ValueError, match="num_questions"):
        ttc_env.equilibrium.draw_markets(market, 10**240, 3, np.random.default_rng(0))
