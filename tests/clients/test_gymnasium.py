"""Gymnasium's own wrappers, single and vector, see what the environment plays and say when an episode is cut."""

import gymnasium
import numpy as np
import pytest
from gymnasium import wrappers

from tests.clients.checks import DRAWN, PERIODS, check, each_id, play

WRAPPERS = [
    wrappers.RecordEpisodeStatistics,
    wrappers.OrderEnforcing,
    wrappers.PassiveEnvChecker,
    wrappers.FlattenObservation,
    lambda env: wrappers.TimeLimit(env, 100),
    lambda env: wrappers.TransformReward(env, lambda reward: reward),
    lambda env: wrappers.DtypeObservation(env, np.float32),
]


@pytest.mark.parametrize("wrap", WRAPPERS, ids=lambda wrap: getattr(wrap, "__name__", "lambda"))
@each_id
def test_wrappers_that_change_nothing_change_nothing(gymnasium_id, wrap):
    env = gymnasium.make(gymnasium_id, **DRAWN)
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(2 * PERIODS)]
    check(play(wrap(env), 3, actions)._asdict(), gymnasium.make(gymnasium_id, **DRAWN), 3, actions)


@each_id
def test_wrappers_that_change_what_is_seen_leave_flags_alone(gymnasium_id):
    env = gymnasium.make(gymnasium_id, **DRAWN)
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(2 * PERIODS)]
    wrapped = wrappers.NormalizeReward(wrappers.NormalizeObservation(env))
    wrapped = wrappers.TimeAwareObservation(wrappers.FrameStackObservation(wrapped, 2), flatten=True)
    played = play(wrapped, 3, actions)
    found = {"terminated": played.terminated, "truncated": played.truncated}
    check(found, gymnasium.make(gymnasium_id, **DRAWN), 3, actions)
    assert np.isfinite(played.observations).all()


@each_id
def test_vector_wrappers(gymnasium_id):
    how = {"vectorization_mode": "vector_entry_point", "autoreset": "same_step", "dtype": "float64"}
    envs = wrappers.vector.RecordEpisodeStatistics(gymnasium.make_vec(gymnasium_id, 3, **how, **DRAWN))
    envs.action_space.seed(0)
    envs.reset(seed=[4, 5, 6])
    steps = [(action, *envs.step(action)) for action in (envs.action_space.sample() for _ in range(2 * PERIODS))]
    actions, _, rewards, terminated, truncated = (np.array(part) for part in list(zip(*steps, strict=True))[:5])
    for copy in range(3):
        found = {"rewards": rewards[:, copy], "terminated": terminated[:, copy], "truncated": truncated[:, copy]}
        check(found, gymnasium.make(gymnasium_id, **DRAWN), 4 + copy, actions[:, copy])
    assert list(envs.length_queue) == [PERIODS] * 6
