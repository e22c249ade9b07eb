"""Rows of a batch that stand at different periods: each is a market of its own, in every mode and form."""

import numpy as np
import pytest

import ttc_env
from tests.helpers.environments import FORMS, MARKET, VARIANTS, each_id, same, sample
from ttc_env.envs.seats import Seats

BATCHES = [form for form in FORMS if form.autoreset]
each_batch = pytest.mark.parametrize("form", BATCHES, ids=str)
ROWS, LENGTH = 4, 3
RESETS = {1: [False, True, False, True], 2: [False, True, True, False], 8: [True, False, False, False]}


def make(form, variant, rows):
    """Opponents who draw nothing, so that every row can be followed alone."""
    options = {"max_cycles": LENGTH, "autoreset": form.autoreset, "dtype": "float64"}
    if form.kind == "vector_single":
        return variant.vector_single(rows, opponents="nash", **options)
    vector = variant.vector(num_markets=rows, backend=form.backend, **options)
    return Seats(vector, [2, 0], "nash") if form.kind == "seats" else vector


def reset(form, env, rows):
    mask = np.array(rows)
    return env.reset(options={"reset_mask": mask})[0] if form.kind == "vector_single" else env.reset(rows=mask)[0]


@each_id
@each_batch
def test_rows_out_of_phase_are_markets_of_their_own(variant, form):
    together, alone = make(form, variant, ROWS), [make(form, variant, 1) for _ in range(ROWS)]
    rng, size = np.random.default_rng(0), 2 if form.kind == "seats" else 4
    for env in (together, *alone):
        env.reset(seed=0)
    phases = set()
    for period in range(14):
        if period in RESETS:  # in the middle of episodes, and in mode next_step at their end
            seen = reset(form, together, RESETS[period])
            for b in np.flatnonzero(RESETS[period]):
                np.testing.assert_allclose(seen[b], reset(form, alone[b], [True])[0], rtol=1e-12)
        batch = (ROWS,) if form.kind == "vector_single" else (ROWS, size)
        actions = sample(together.single_action_space, rng, batch)
        *seen, info = together.step(actions)
        for b, env in enumerate(alone):
            *own, own_info = env.step(actions[b : b + 1])
            for part, other in zip(seen, own, strict=True):
                np.testing.assert_allclose(np.asarray(part[b]), np.asarray(other[0]), rtol=1e-12, atol=1e-15)
            ended = bool(info["_final_obs"][b]) if "_final_obs" in info else False
            assert ended == ("final_obs" in own_info) == bool(form.autoreset == "same_step" and seen[3][b])
            if ended:
                np.testing.assert_allclose(info["final_obs"][b], own_info["final_obs"][0], rtol=1e-12, atol=1e-15)
            if form.kind != "vector_single" and form.autoreset == "next_step":
                assert bool(info["_outcome"][b]) == bool(own_info["_outcome"][0])
        ends = seen[3]
        phases.add(tuple(np.asarray(ends).tolist()))
        if form.autoreset == "disabled" and bool(ends.any()):
            reset(form, together, np.asarray(ends))
            for b in np.flatnonzero(np.asarray(ends)):
                reset(form, alone[b], [True])
    assert any(any(ends) and not all(ends) for ends in phases)  # they were out of phase


@each_batch
def test_no_row_waits_for_another(form):
    """Each row is truncated after its own `max_cycles` periods since its last reset, never earlier or later."""
    env = make(form, VARIANTS[0], ROWS)
    env.reset(seed=0)
    since = np.zeros(ROWS, dtype=int)
    batch = {"vector_single": (ROWS,), "seats": (ROWS, 2), "vector": (ROWS, 4)}[form.kind]
    for period in range(20):
        if period in RESETS:
            reset(form, env, RESETS[period])
            since[RESETS[period]] = 0
        truncations = np.asarray(env.step(np.zeros(batch, dtype=int))[3])
        since = np.where(since == LENGTH, 0, since + 1)  # next_step: a step spent on the reset
        np.testing.assert_array_equal(truncations, since == LENGTH)
        if form.autoreset == "same_step":
            since[truncations] = 0
        if form.autoreset == "disabled" and truncations.any():
            reset(form, env, truncations)
            since[truncations] = 0


@pytest.mark.parametrize("mechanism", ["per_token", "second_price"])
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_nobody_sees_what_absent_providers_would_have_done(mechanism, backend):
    """In a batch of markets of different size, actions of places without a provider reach no observation or state."""
    markets = [MARKET.select([0, 2]), MARKET, MARKET.select([3])]
    rng, played = np.random.default_rng(0), []
    envs = [ttc_env.VectorMarket(markets, mechanism, backend=backend, dtype="float64") for _ in range(2)]
    absent = ~np.asarray(envs[0].market.to("numpy").present)
    for env in envs:
        env.reset(seed=0)
    for _ in range(3):
        actions = sample(envs[0].single_action_space, rng, (3, 4))
        other = np.where(
            absent if actions.ndim == 2 else absent[..., None],
            sample(envs[0].single_action_space, rng, (3, 4)),
            actions,
        )
        played = [env.step(some) for env, some in zip(envs, (actions, other), strict=True)]
        assert (actions != other).any()
        for step in played:
            del step[-1]["actions"]  # what was asked for, as it was
        assert same(played[0], played[1])
        assert same(np.asarray(envs[0].state()), np.asarray(envs[1].state()))
