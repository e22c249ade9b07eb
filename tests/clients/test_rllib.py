"""RLlib's episodes are what the environments play, one provider or all of them, in this process or another."""

import copy

import gymnasium
import numpy as np
import pytest
import ray
from ray.rllib.env.wrappers.pettingzoo_env import ParallelPettingZooEnv
from ray.rllib.utils.spaces.space_utils import unsquash_action

from tests.clients.checks import DRAWN, PERIODS, against_others, check, each_id, module_of, ways_to_act
from tests.clients.with_rllib import all_providers, one_provider, ppo, train


@pytest.fixture(scope="module", autouse=True)
def cluster():
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def listen(config):
    """The pieces of episodes that the learner gets, by copy of the environment, as they come."""
    copies, pieces = {}, {}

    def start(*, episode, env_index, **_):
        copies[episode.id_] = env_index

    def end(*, samples, **_):
        for piece in samples:
            pieces.setdefault(copies[piece.id_], []).append(copy.deepcopy(piece))  # learning writes into them

    config.callbacks(on_episode_start=start, on_sample_end=end)
    return pieces


def found_in(pieces, space):
    """A recording of one provider by the names of `checks.Played`, and what was done."""
    seen = [piece.get_observations() for piece in pieces]
    ends = [np.arange(len(piece)) == len(piece) - 1 for piece in pieces]  # an end belongs to the last step of a piece
    found = {
        "observations": [part[:-1] for part in seen],
        "following": [part[1:] for part in seen],
        "rewards": [piece.get_rewards() for piece in pieces],
        "terminated": [end & piece.is_terminated for piece, end in zip(pieces, ends, strict=True)],
        "truncated": [end & piece.is_truncated for piece, end in zip(pieces, ends, strict=True)],
    }
    actions = np.concatenate([piece.get_actions() for piece in pieces])
    if isinstance(space, gymnasium.spaces.Box):  # a policy's numbers are scaled on the way to the environment
        actions = unsquash_action(actions, space)
    return {name: np.concatenate(parts) for name, parts in found.items()}, actions


def check_learning(figures):
    losses = [policy["total_loss"] for name, policy in figures["learners"].items() if name != "__all_modules__"]
    assert losses
    assert np.isfinite(losses).all()


@ways_to_act("multi_discrete", "box")
def test_one_provider(gymnasium_id, how):
    how = against_others(gymnasium_id, how)
    config = one_provider(gymnasium_id, ppo(seed=3).env_runners(num_envs_per_env_runner=2), **how)
    recorded = listen(config)
    check_learning(train(config))
    env = gymnasium.make(gymnasium_id, **how)
    for index in range(2):
        found, actions = found_in(recorded[index], env.action_space)
        assert len(actions) == 100
        check(found, env, 3 + index, actions)


@each_id
def test_a_batch_of_markets(gymnasium_id):
    how = {"dtype": "float64"} | DRAWN
    config = ppo(seed=3).env_runners(num_envs_per_env_runner=4, gym_env_vectorize_mode="vector_entry_point")
    config = one_provider(gymnasium_id, config, **how)
    recorded = listen(config)
    check_learning(train(config))
    envs = gymnasium.make_vec(gymnasium_id, 4, vectorization_mode="vector_entry_point", autoreset="disabled", **how)
    copies = [found_in(recorded[index], envs.single_action_space) for index in range(4)]
    found = {name: np.stack([found[name] for found, _ in copies], axis=1) for name in copies[0][0]}
    actions = np.stack([actions for _, actions in copies], axis=1)
    assert (found["truncated"] == (np.arange(50) % PERIODS == PERIODS - 1)[:, None]).all()
    # the generator that all copies share draws in steps that reset as well: replayed is the first episode
    first = {name: values[:PERIODS] for name, values in found.items()}
    check(first, envs, 3, actions[:PERIODS])


def play_all(make, module, how):
    """A recording of all providers, and what they did, `(T, 9, ...)`."""
    config = make(module, ppo(seed=3), **how)
    recorded = listen(config)
    check_learning(train(config))
    env = module.parallel_env(**how)
    agents = [
        found_in([piece.agent_episodes[agent] for piece in recorded[0]], env.action_space(agent))
        for agent in env.possible_agents
    ]
    found = {name: np.stack([found[name] for found, _ in agents], axis=1) for name in agents[0][0]}
    return found, np.stack([actions for _, actions in agents], axis=1)


@ways_to_act("multi_discrete", "box")
def test_all_providers(gymnasium_id, how):
    module, how = module_of(gymnasium_id), DRAWN | how
    found, actions = play_all(all_providers, module, how)
    assert actions.shape[:2] == (200, 9)
    check(found, module.parallel_env(**how), 3, actions)


@pytest.mark.xfail(
    strict=True, reason="RLlib 2.60: MultiAgentEpisode is terminated where all agents are done, also if by a cut"
)
def test_a_cut_is_known_as_one_over_the_wrapper_of_rllib(monkeypatch):
    monkeypatch.setattr("tests.clients.with_rllib.Providers", ParallelPettingZooEnv)
    found, _ = play_all(all_providers, module_of("ttc/PerToken-v0"), DRAWN)
    assert found["truncated"].any()
    assert not found["terminated"].any()


def test_in_a_process_of_its_own():
    algorithm = one_provider(config=ppo(seed=3).env_runners(num_env_runners=1), **DRAWN).build_algo()
    pieces = algorithm.env_runner_group.foreach_env_runner(
        lambda runner: runner.sample(num_timesteps=22), local_env_runner=False
    )[0]
    algorithm.stop()
    env = gymnasium.make("ttc/PerToken-v0", **DRAWN)
    found, actions = found_in(pieces, env.action_space)
    check(found, env, 4, actions)  # RLlib adds the number of the process to the seed


def test_the_same_seed_learns_the_same():
    first, again, other = (
        train(one_provider(config=ppo(seed), **DRAWN))["learners"]["default_policy"]["total_loss"] for seed in (0, 0, 1)
    )
    assert first == again != other
