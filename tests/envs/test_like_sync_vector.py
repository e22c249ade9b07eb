"""The batched Gymnasium form is what Gymnasium's own makes of the single form, attribute by attribute, key by key."""

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers import TimeAwareObservation

from tests.helpers.environments import MARKET, VARIANTS, each_variant, sample
from ttc_env.envs.single import ProviderEnv
from ttc_env.envs.vector import AUTORESET

SEEDS = [3, 14, 15]
each_mode = pytest.mark.parametrize("autoreset", AUTORESET)


def pair(variant, autoreset, **options):
    """Ours and Gymnasium's, three copies each."""
    arguments = variant.arguments({"max_cycles": 4, "opponents": "random", **options})
    ours = gymnasium.make_vec(
        variant.id, 3, vectorization_mode="vector_entry_point", autoreset=autoreset, dtype="float64", **arguments
    )
    mode = {"autoreset_mode": AutoresetMode[autoreset.upper()]}
    return ours, gymnasium.make_vec(variant.id, 3, vectorization_mode="sync", vector_kwargs=mode, **arguments)


def assert_same_info(ours, theirs):
    """Same keys and types; same numbers where the mask is set."""
    assert ours.keys() == theirs.keys()
    for key, value in ours.items():
        if key.startswith("_"):
            np.testing.assert_array_equal(value, theirs[key])
            assert value.dtype == theirs[key].dtype
        elif isinstance(value, dict):
            assert_same_info(value, theirs[key])
        elif key == "final_obs":  # an array here, an array of arrays there
            for own, other in zip(value[ours["_final_obs"]], theirs[key][theirs["_final_obs"]], strict=True):
                np.testing.assert_allclose(own, other, rtol=1e-6, atol=1e-7)
        else:
            assert value.dtype == theirs[key].dtype, key
            np.testing.assert_allclose(value, theirs[key], rtol=1e-12, atol=1e-18, err_msg=key)


@each_variant
@each_mode
def test_it_returns_what_as_many_single_environments_return(variant, autoreset):
    """The same seeds give the same draws, of the market and of its opponents, over many episodes."""
    ours, theirs = pair(variant, autoreset)
    rng = np.random.default_rng(0)
    seen, expected = (envs.reset(seed=SEEDS) for envs in (ours, theirs))
    for period in range(15):
        np.testing.assert_allclose(seen[0], expected[0], rtol=1e-6, atol=1e-7)
        assert seen[0].dtype == expected[0].dtype
        assert_same_info(seen[-1], expected[-1])
        if autoreset == "disabled" and period and seen[3].any():
            mask = {"reset_mask": seen[3].copy()}
            seen, expected = (envs.reset(options=dict(mask)) for envs in (ours, theirs))
            np.testing.assert_allclose(seen[0], expected[0], rtol=1e-6, atol=1e-7)
        actions = sample(ours.single_action_space, rng, (3,))
        seen, expected = (envs.step(actions) for envs in (ours, theirs))
        for own, other in zip(seen[1:4], expected[1:4], strict=True):
            assert own.dtype == other.dtype
            np.testing.assert_allclose(own, other, rtol=1e-9, atol=1e-12)


@each_mode
@pytest.mark.parametrize("render_mode", ["ansi", "rgb_array", "human"])
def test_it_renders_what_as_many_single_environments_render(autoreset, render_mode, capsys):
    ours, theirs = pair(VARIANTS[0], autoreset, render_mode=render_mode)
    for envs in (ours, theirs):
        envs.reset(seed=SEEDS)
    rng = np.random.default_rng(0)
    for _ in range(6):
        actions, shown, printed = rng.integers(0, 6, 3), [], []
        for envs in (ours, theirs):
            over = envs.step(actions)[3]
            printed.append(capsys.readouterr().out)
            shown.append(envs.render())
            capsys.readouterr()
            if autoreset == "disabled" and over.any():
                envs.reset(options={"reset_mask": over})
        assert isinstance(shown[0], tuple)
        assert len(shown[0]) == 3
        for own, other in zip(*shown, strict=True):
            np.testing.assert_array_equal(own, other)
        if render_mode == "human" and "period 1," in printed[1]:
            assert printed[0] == printed[1]


@each_mode
def test_copies_are_reset_one_by_one_with_seeds_of_their_own(autoreset):
    """A mask and a list of seeds together: out of phase from then on, in every mode."""
    ours, theirs = pair(VARIANTS[1], autoreset)
    rng = np.random.default_rng(0)
    for envs in (ours, theirs):
        envs.reset(seed=SEEDS)
    for period in range(14):
        if period in (2, 5):
            mask, seeds = np.array([True, False, period == 5]), [50 + period, None, 60 + period]
            seen, expected = (envs.reset(seed=seeds, options={"reset_mask": mask}) for envs in (ours, theirs))
            np.testing.assert_allclose(seen[0], expected[0], rtol=1e-6, atol=1e-7)
        actions = rng.integers(0, 6, 3)
        seen, expected = (envs.step(actions) for envs in (ours, theirs))
        for own, other in zip(seen[:4], expected[:4], strict=True):
            np.testing.assert_allclose(own, other, rtol=1e-6, atol=1e-7)
        assert_same_info(seen[-1], expected[-1])
        if autoreset == "disabled" and seen[3].any():
            for envs in (ours, theirs):
                envs.reset(options={"reset_mask": seen[3].copy()})


@each_variant
@each_mode
def test_its_attributes_are_those_of_the_single_environments(variant, autoreset):
    ours, theirs = pair(variant, autoreset)
    for name in ("num_envs", "autoreset_mode", "render_mode", "closed", "action_space", "observation_space"):
        assert getattr(ours, name) == getattr(theirs, name), name
    for name in ("single_action_space", "single_observation_space"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.metadata == theirs.metadata
    assert ours.spec.id == theirs.spec.id
    assert ours.spec.max_episode_steps == theirs.spec.max_episode_steps
    for envs in (ours, theirs):
        envs.reset(seed=SEEDS)
    assert ours.np_random_seed == theirs.np_random_seed == tuple(SEEDS)
    assert len(ours.np_random) == len(theirs.np_random)
    missing = {name for name in dir(theirs) if not name.startswith("_")} - set(dir(ours))
    assert missing == {"call", "copy", "env_fns", "envs", "get_attr", "observation_mode", "set_attr"}  # as documented


@each_variant
def test_single_precision_rounds_and_changes_nothing_else(variant):
    """By default tables are single precision; rewards come in the type of Gymnasium's own all the same."""
    coarse, fine = (
        gymnasium.make_vec(
            variant.id,
            3,
            vectorization_mode="vector_entry_point",
            **variant.arguments(
                {"demand": "expected", "opponents": sample(variant.single().action_space, generator(), (4,))}
            ),
            **options,
        )
        for options in ({}, {"dtype": "float64"})
    )
    rng = generator()
    np.testing.assert_allclose(coarse.reset(seed=0)[0], fine.reset(seed=0)[0], rtol=1e-6)
    for _ in range(8):
        actions = sample(coarse.single_action_space, rng, (3,))
        (left, left_reward, *_, left_info), (right, right_reward, *_, right_info) = (
            envs.step(actions) for envs in (coarse, fine)
        )
        np.testing.assert_allclose(left, right, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(left_reward, right_reward, rtol=1e-3, atol=1e-4)
        assert left_reward.dtype == right_reward.dtype == np.float64
        assert left_info.keys() == right_info.keys()


def generator():
    return np.random.default_rng(1)


@pytest.mark.parametrize(
    ("seed", "message"),
    [
        ([1, 2], "one for each of 3 markets, got 2"),
        ([1, 2, -3], "seed must be an integer >= 0, got -3"),
        ([1, 2, "x"], "seed must be an integer >= 0, got 'x'"),
        ([1.0, 2, 3], r"seed must be an integer >= 0, got 1\.0"),
        ([1, None, 3], "market 1 has no stream of its own"),
        ("abc", "seed must be an integer >= 0, got 'a'"),
        (-1, "seed must be an integer >= 0, got -1"),
    ],
)
def test_seeds_that_are_none_are_refused_and_change_nothing(seed, message):
    envs = gymnasium.make_vec("ttc/PerToken-v0", 3, vectorization_mode="vector_entry_point", market=MARKET, demand=4)
    envs.reset(seed=0)
    before = envs.get_state()
    with pytest.raises(ValueError, match=message):
        envs.reset(seed=seed)
    after = envs.get_state()
    assert before["seat"]["engine"]["uniform"] == after["seat"]["engine"]["uniform"]
    assert np.array_equal(before["seat"]["observations"], after["seat"]["observations"])


@each_variant
def test_the_spec_knows_how_long_an_episode_is(variant):
    env = gymnasium.make(variant.id, **variant.arguments({"max_cycles": 5, "opponents": "random"}))
    assert env.spec.max_episode_steps == 5
    timed = TimeAwareObservation(env)
    timed.reset(seed=0)
    for _ in range(2):  # made again from its spec, it ends where it did
        ends = [timed.step(timed.action_space.sample())[2:4] for _ in range(5)]
        assert ends == [(False, False)] * 4 + [(False, True)]
        timed = gymnasium.make(env.spec)
        timed.reset(seed=0)
    assert ProviderEnv(MARKET).spec is None
