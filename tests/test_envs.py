"""Whole episodes of every registered environment in every form: PettingZoo's and Gymnasium's own checks stop early."""

import copy
import math
import pickle
import re

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.error import ResetNeeded

from tests.helpers.environments import FORMS, MARKET, each_form, each_id, each_variant, same, sample
from ttc_env import list_markets, load_market
from ttc_env.market import Market

PERIODS = 6
COPIES = {"deepcopy": copy.deepcopy, "pickle": lambda env: pickle.loads(pickle.dumps(env))}


def tables(quality, price, cost, **options):
    n, m = np.shape(quality)
    return Market([f"provider {i}" for i in range(n)], range(1, m + 1), quality, price, cost, **options)


MARKETS = {
    **{name: load_market(name, outcomes=True) for name in list_markets() if name.startswith("nano/")},
    "one provider": MARKET.select([2]),
    "one level": tables([[0.9], [0.8]], [[0.4], [0.3]], [[0.2], [0.1]], beta=5.0, answer_value=1.0),
    "one provider, one level": tables([[0.9]], [[0.4]], [[0.2]], beta=5.0, answer_value=1.0),
    "twins": tables([[0.5, 0.9]] * 3, [[0.2, 0.4]] * 3, [[0.1, 0.2]] * 3, beta=5.0, answer_value=1.0),
    "fully rational users": tables([[0.5, 0.9], [0.9, 0.5]], [[0.2, 0.4]] * 2, [[0.1, 0.2]] * 2, beta=1e5),
    "nobody buys": tables([[0.5, 0.9]] * 2, [[0.2, 0.4]] * 2, [[0.1, 0.2]] * 2, beta=1e5, outside_value=2.0),
    "negative quality": tables([[-0.5, -0.9]] * 2, [[0.2, 0.4]] * 2, [[0.1, 0.5]] * 2, beta=5.0, outside_value=-1.0),
    "nothing to earn": tables([[0.5, 0.9]] * 2, [[0.2, 0.4]] * 2, [[0.2, 0.4]] * 2, beta=5.0, answer_value=1.0),
}
each_market = pytest.mark.parametrize(  # no lottery has a negative mean
    ("market", "demand"),
    [
        pytest.param(market, demand, id=f"{name}-{demand}")
        for name, market in MARKETS.items()
        for demand in ("expected", 3)
        if demand == "expected" or market.quality.min() >= 0
    ],
)


@each_form
@each_variant
def test_a_seed_fixes_the_whole_episode(form, variant):
    def episode(env, seed):
        start = form.reset(env, seed)
        return [start, *form.play(env, np.random.default_rng(0), form.moves(env, PERIODS))]

    env, twin = form.make(variant), form.make(variant)
    first = episode(env, 5)
    assert same(first, episode(twin, 5))
    again, other = episode(env, None), episode(env, 6)
    assert same(first, episode(env, 5))
    scripted = form.kind in ("single", "seats", "vector_single")  # their opponents play at random
    if variant.options["demand"] != "expected" or scripted:
        assert not same(first, again)
        assert not same(first, other)
    elif variant.mechanism == "per_token":
        assert same(first, again)


@each_form
@each_id
def test_without_a_seed_no_two_environments_draw_alike(form, variant):
    def episode(env):
        form.reset(env)
        return form.play(env, np.random.default_rng(0), form.moves(env, 2))

    env, twin = (form.make(variant, demand=100_000) for _ in range(2))  # so many that counts do not agree by chance
    assert not same(episode(env), episode(twin))


@each_form
@each_variant
@pytest.mark.parametrize("duplicate", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("periods", [0, 2.5])
@pytest.mark.pairs
def test_a_copy_in_mid_episode_has_the_same_future(form, variant, duplicate, periods):
    env = form.make(variant)
    form.reset(env, 5)
    played = math.floor(form.moves(env, periods))
    form.play(env, np.random.default_rng(0), played)
    twin, rest = duplicate(env), form.moves(env, PERIODS) - played
    future = form.play(env, np.random.default_rng(1), rest)
    assert same(future, form.play(twin, np.random.default_rng(1), rest))
    assert same(form.reset(env), form.reset(twin))
    assert same(form.move(env, np.random.default_rng(2)), form.move(twin, np.random.default_rng(2)))


@each_form
@each_variant
def test_set_state_returns_to_where_get_state_was(form, variant):
    env = form.make(variant)
    fresh = env.get_state()
    form.reset(env, 5)
    form.play(env, np.random.default_rng(0), math.floor(form.moves(env, 2.5)))
    here = env.get_state()
    future = form.play(env, np.random.default_rng(1), form.moves(env, 3))
    for _ in range(2):  # the state taken is no view of the environment's
        env.set_state(here)
        assert same(future, form.play(env, np.random.default_rng(1), form.moves(env, 3)))
    env.set_state(fresh)
    with pytest.raises(ResetNeeded):
        env.step(None)


@each_variant
def test_set_state_moves_between_environments(variant):
    env, other = variant.parallel(), variant.parallel()
    env.reset(seed=5)
    rng = np.random.default_rng(0)
    actions = [{agent: sample(env.action_space(agent), rng) for agent in env.possible_agents} for _ in range(PERIODS)]
    env.step(actions[0])
    other.set_state(env.get_state())
    assert other.agents == env.agents
    assert same([env.step(a) for a in actions[1:]], [other.step(a) for a in actions[1:]])


@each_form
@each_variant
def test_a_caller_may_overwrite_its_arrays(form, variant):
    def episode(env, overwrite):
        rng, results = np.random.default_rng(0), []
        form.reset(env, 5)
        for _ in range(form.moves(env, PERIODS - 1)):
            actions = form.actions(env, rng)
            result = form.step(env, actions)
            engine = getattr(env.unwrapped if form.kind == "aec" else env, "engine", env)
            results.append(copy.deepcopy((result, engine.state())))
            for array in (actions, result[0], result[1]) if overwrite else ():
                if isinstance(array, torch.Tensor) or (isinstance(array, np.ndarray) and array.flags.writeable):
                    array[...] = 0
            results.append(copy.deepcopy(engine.state()))
        return results

    assert same(episode(form.make(variant), False), episode(form.make(variant), True))


def check_multi_agent(env, observations, rewards):
    for agent in env.possible_agents:
        space = env.observation_space(agent)
        assert space.contains(observations[agent])
        assert observations[agent].dtype == np.float32
        assert np.all(np.isfinite(observations[agent]))
        assert type(rewards[agent]) is float
        assert np.isfinite(rewards[agent])
    assert env.state_space.contains(env.state())
    assert np.all(np.isfinite(env.state()))


@each_id
@each_market
def test_a_whole_episode_stays_inside_the_spaces_and_is_truncated(variant, market, demand):
    rng, arguments = np.random.default_rng(0), {"market": market, "demand": demand}
    parallel, aec, single = variant.parallel(**arguments), variant.aec(**arguments), variant.single(**arguments)
    observations, _ = parallel.reset(seed=1)
    check_multi_agent(parallel, observations, dict.fromkeys(parallel.agents, 0.0))
    aec.reset(seed=1)
    assert single.observation_space.contains(single.reset(seed=1)[0])
    for period in range(1, PERIODS + 1):
        actions = {agent: sample(parallel.action_space(agent), rng) for agent in parallel.agents}
        observations, rewards, terminations, truncations, infos = parallel.step(actions)
        check_multi_agent(parallel, observations, rewards)
        assert infos.keys() == observations.keys()
        assert set(terminations.values()) == {False}
        assert set(truncations.values()) == {period == PERIODS}

        for agent in aec.possible_agents:
            assert aec.agent_selection == agent
            aec.step(actions[agent])
        assert same({agent: aec.observe(agent) for agent in aec.possible_agents}, observations)
        assert aec.state_space.contains(aec.state())

        observation, reward, terminated, truncated, _ = single.step(actions[parallel.possible_agents[0]])
        assert single.observation_space.contains(observation)
        assert type(reward) is float
        assert (terminated, truncated) == (False, period == PERIODS)
    assert parallel.agents == []
    for agent in aec.possible_agents:
        _, reward, terminated, truncated, _ = aec.last()
        assert (aec.agent_selection, terminated, truncated) == (agent, False, True)
        aec.step(None)
    assert aec.agents == []


@each_id
@pytest.mark.parametrize("form", [form for form in FORMS if form.kind in ("vector", "vector_single")], ids=str)
@each_market
@pytest.mark.pairs
def test_the_episodes_of_a_batch_stay_inside_the_spaces_and_are_truncated(variant, form, market, demand):
    for dtype in ("float32", "float64"):
        env, rng = form.make(variant, market=market, demand=demand, dtype=dtype), np.random.default_rng(0)
        space = env.single_observation_space
        form.reset(env, 1)
        cycle = 5 if form.autoreset == "next_step" else 4  # one more step for the reset
        for period in range(1, PERIODS + 1):
            seen, rewards, terminations, truncations, info, *final = form.move(env, rng)
            assert np.asarray(seen).dtype == space.dtype
            assert np.asarray(rewards).dtype == ("float64" if form.kind == "vector_single" else dtype)  # as Gymnasium's
            final += [info["final_obs"]] if "final_obs" in info else []
            rows = [row for array in (seen, *final) for row in np.asarray(array).reshape(-1, *space.shape)]
            assert all(space.contains(row) and np.all(np.isfinite(row)) for row in rows)
            assert np.all(np.isfinite(np.asarray(rewards)))
            assert not terminations.any()
            assert truncations.tolist() == [period % cycle == 4 % cycle] * 3
            assert len(final) == (period % cycle == 4 % cycle and form.autoreset != "next_step")


@each_id
def test_spaces_are_constant_objects_with_seeds_of_their_own(variant):
    for env in (variant.parallel(), variant.aec()):
        env.reset(seed=3)
        spaces = [space(agent) for agent in env.possible_agents for space in (env.action_space, env.observation_space)]
        states = [str(space.np_random.bit_generator.state) for space in spaces]
        assert len(set(states)) == len(spaces)
        assert all(env.action_space(a) is env.action_space(a) for a in env.possible_agents)
        assert all(env.observation_space(a) is env.observation_space(a) for a in env.possible_agents)
        env.reset(seed=3)
        assert states == [str(space.np_random.bit_generator.state) for space in spaces]
        assert spaces[0] is env.action_space(env.possible_agents[0])


@pytest.mark.parametrize("form", [form for form in FORMS if form.autoreset in (None, "disabled")], ids=str)
@each_id
def test_nothing_is_played_before_reset_or_after_the_end(form, variant):
    env, rng = form.make(variant, max_cycles=PERIODS), np.random.default_rng(0)
    actions = None
    with pytest.raises(ResetNeeded, match=r"reset\(\)"):
        env.step(actions)
    form.reset(env, 1)
    form.play(env, rng, form.moves(env, PERIODS) - 1)
    env.step(form.actions(env, rng))
    if form.kind == "aec":
        for _ in env.possible_agents:
            with pytest.raises(ValueError, match="ended"):
                env.step(sample(env.action_space(env.agent_selection), rng))
            env.step(None)
    with pytest.raises(ResetNeeded, match=r"reset\(\)"):
        env.step(actions)
    form.reset(env)
    form.move(env, rng)


NO_NUMBERS = [
    ("one", "'one'"),
    (None, "None"),
    ([0, None, 0], "None"),
    (["a", "b", "c"], "'a'"),
    ([0, 1, [2]], r"\[2\]"),
]


def bad_actions(space):
    """Actions outside a space and what the error must show of each."""
    if isinstance(space, gymnasium.spaces.Discrete):
        nan, inf = float("nan"), float("inf")
        return [(6, "6"), (-1, "-1"), (1.0, r"1\."), (nan, "nan"), (inf, "inf"), ([0, 1], r"0, 1\]"), *NO_NUMBERS]
    zeros = [0] * space.shape[0]
    shapes = [(zeros[1:], str(zeros[1:])[1:]), ([*zeros, 0], str([*zeros, 0])[1:])]
    if isinstance(space, gymnasium.spaces.MultiDiscrete):
        sizes = space.nvec.tolist()
        bad = [[sizes[0], *zeros[1:]], [0, sizes[1], *zeros[2:]], [*zeros[1:], -1]]
        bad = [(action, str(action)[1:]) for action in bad] + shapes + [(1, "1")]
        bad += [([0.0, 1.0, *zeros[2:]], "1."), ([0, float("nan"), *zeros[2:]], "nan")]
    else:
        bad = [([1.5, *zeros[1:]], "1.5"), ([0.0, -1.5, *zeros[2:]], "-1.5"), ([*zeros[1:], float("nan")], "nan")]
        bad += [([float("inf"), *zeros[1:]], "inf"), ([0.5, *zeros[2:]], "0.5"), (0.5, "0.5")]
    return [(action, re.escape(shown)) for action, shown in bad] + NO_NUMBERS


@each_form
@each_variant
def test_a_bad_action_is_named_and_changes_nothing(form, variant):
    env, twin = form.make(variant), form.make(variant)
    for e in (env, twin):
        form.reset(e, 5)
        form.play(e, np.random.default_rng(0), form.moves(e, 1) + (form.kind == "aec"))
    good = form.actions(env, np.random.default_rng(1))
    for bad, shown in bad_actions(variant.single(opponents="random").action_space):
        if form.kind == "parallel":
            actions = {**good, MARKET.providers[1]: bad}
        elif form.kind in ("aec", "single"):
            actions = bad
        else:
            actions = good.tolist()
            (actions if form.kind == "vector_single" else actions[2])[1] = bad
        with pytest.raises(ValueError, match=f"(?s)actions.*{shown}"):
            env.step(actions)
    assert same(form.play(env, np.random.default_rng(2), 3), form.play(twin, np.random.default_rng(2), 3))


@each_id
def test_every_agent_must_act_and_nobody_else(variant):
    env = variant.parallel()
    env.reset(seed=1)
    good = {agent: sample(env.action_space(agent), np.random.default_rng(0)) for agent in env.agents}
    before = env.get_state()
    first, *rest = env.agents
    for bad, named in (({a: good[a] for a in rest}, first), ({**good, "nobody": 0}, "nobody"), ({**good, 3: 0}, "3")):
        with pytest.raises(ValueError, match=named):
            env.step(bad)
    assert same(before, env.get_state())


@each_id
def test_a_bad_seed_is_named_and_changes_nothing(variant):
    env, vector = variant.parallel(), variant.vector()
    for e in (env, vector):
        e.reset(seed=1)
        before = e.get_state()
        for seed in (-1, 1.5, "1", True):
            with pytest.raises(ValueError, match=f"seed must be an integer >= 0, got {seed!r}"):
                e.reset(seed=seed)
        assert same(before, e.get_state())


@each_variant
def test_all_forms_play_the_same_market(variant):
    """The same actions and draws give the same rewards and observations, to the last bit."""
    parallel, aec = variant.parallel(), variant.aec()
    vector = variant.vector(num_markets=1, dtype="float64", autoreset="disabled")
    n, learner = MARKET.num_providers, 2
    rng = np.random.default_rng(0)
    actions = sample(vector.single_action_space, rng, (PERIODS, n))
    period = iter(actions)
    scripted = {"provider": learner, "opponents": lambda observations: next(period)[None]}
    single = variant.single(**scripted)
    observations, _ = parallel.reset(seed=9)
    aec.reset(seed=9)
    seen, _ = vector.reset(seed=9)
    own, _ = single.reset(seed=9)
    for t in range(PERIODS):
        for i, agent in enumerate(parallel.possible_agents):
            assert same(observations[agent], seen[0, i].astype(np.float32))
            assert same(observations[agent], aec.observe(agent))
        assert same(own, observations[parallel.possible_agents[learner]])
        assert same(parallel.state(), vector.state()[0].astype(np.float32))
        observations, rewards, _, _, infos = parallel.step(dict(zip(parallel.possible_agents, actions[t], strict=True)))
        for action in actions[t]:
            aec.step(action)
        seen, profits, _, _, info = vector.step(actions[None, t])
        own, reward, _, _, own_info = single.step(actions[t, learner])
        assert list(rewards.values()) == profits[0].tolist()
        assert rewards == aec.rewards
        assert reward == profits[0, learner]
        assert infos == aec.infos
        assert own_info == infos[parallel.possible_agents[learner]]
        assert [infos[a]["utility"] for a in parallel.possible_agents] == info["outcome"].utility[0].tolist()


@each_variant
def test_info_tells_the_period_in_usd(variant):
    env = variant.parallel(reward_scale=0.5)
    env.reset(seed=1)
    actions = {agent: sample(env.action_space(agent), np.random.default_rng(2)) for agent in env.agents}
    _, rewards, _, _, infos = env.step(actions)
    profits = sum(info["utility"] for info in infos.values())
    for agent, info in infos.items():
        assert info.keys() == {"level", "ask", "claim", "share", "payment", "utility", "user_value", "welfare"}
        assert info["utility"] == pytest.approx(rewards[agent] * 0.5)
        assert info["welfare"] == pytest.approx(info["user_value"] + profits)
        assert type(info["level"]) is int
        assert all(type(value) is float for key, value in info.items() if key != "level")
    if variant.mechanism == "per_token":
        assert [info["level"] for info in infos.values()] == list(actions.values())
        assert infos[env.agents[1]]["ask"] == MARKET.price[1, actions[env.agents[1]]]


@each_id
@pytest.mark.parametrize("form", FORMS[:3], ids=str)
@pytest.mark.filterwarnings("ignore:.*not in the possible render_modes")  # Gymnasium's own, before the error
def test_render_modes(form, variant, capsys):
    env = form.make(variant, render_mode="ansi")
    form.reset(env, 1)
    assert env.render() == "no period has been played"
    form.play(env, np.random.default_rng(2), form.moves(env, 1))
    table = env.render()
    assert "period 1" in table
    assert all(name in table for name in MARKET.providers)
    assert capsys.readouterr().out == ""

    env = form.make(variant, render_mode="human")
    form.reset(env, 1)
    form.play(env, np.random.default_rng(2), form.moves(env, 1))
    assert capsys.readouterr().out == f"{table}\n"
    with pytest.raises(ValueError, match="unknown render_mode 'svg'; allowed: None, human, ansi, rgb_array"):
        form.make(variant, render_mode="svg")


@each_id
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"market": "gsm8k/voting"}, "unknown market 'gsm8k/voting'"),
        ({"beta": 0.0}, r"beta must be positive .*0\.0"),
        ({"beta": float("nan")}, "beta must be .*nan"),
        ({"demand": 0}, "demand.*got 0"),
        ({"demand": "all"}, "demand.*'all'"),
        ({"max_cycles": 0}, "max_cycles.*got 0"),
        ({"reward_scale": -1.0}, r"reward_scale.*-1\.0"),
    ],
)
def test_a_bad_argument_is_named_in_every_form(variant, options, message):
    for make in (variant.parallel, variant.aec, variant.single, variant.vector):
        with pytest.raises(ValueError, match=message):
            make(**options)


@each_id
def test_a_market_comes_by_name_by_path_and_with_another_beta(variant, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(
        "benchmark,method,model,theta,accuracy,tokens,price_usd_per_mtok\n"
        "gsm8k,mine,small,1,0.5,100,0.2\ngsm8k,mine,large,1,0.7,100,0.9\n"
    )
    assert variant.parallel(market=path, beta=3.0).engine.market.beta == 3.0
    assert variant.parallel(market=str(path)).possible_agents == ["small", "large"]
    assert variant.parallel(market="aime/best_of_n").engine.market.beta == 1000.0
    assert variant.parallel(market=MARKET, beta=3.0).engine.market.beta == 3.0
    assert variant.parallel(market=MARKET).engine.market is MARKET
