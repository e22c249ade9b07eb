"""Scripted opponents of the single-provider environments."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest

from tests.helpers.environments import MARKET, VARIANTS, each_id, each_variant, sample
from ttc_env import equilibrium
from ttc_env.envs.seats import Seats
from ttc_env.opponents import equilibrium_actions

LEARNER = 2
OTHERS = [0, 1, 3]
PER_TOKEN = next(v for v in VARIANTS if v.mechanism == "per_token")
AUCTIONS = [v for v in VARIANTS if v.mechanism == "second_price" and v.options["demand"] == "expected"]


def bids_of_an_episode(env, actions):
    """What everybody did in each period."""
    env.reset(seed=3)
    bids = []
    for action in actions:
        env.step(action)
        bids.append(env.engine.record().bids)
    return bids


def test_nash_opponents_play_the_equilibrium():
    env = PER_TOKEN.single(provider=LEARNER, opponents="nash")
    nash = equilibrium.pure_nash(MARKET)[0]
    for action, bid in zip(range(6), bids_of_an_episode(env, range(6)), strict=True):
        assert bid.level[0, OTHERS].tolist() == nash[OTHERS].tolist()
        assert bid.level[0, LEARNER] == action


def test_best_response_opponents_answer_the_last_period():
    market = replace(MARKET, beta=1e4)  # rational users, so that the best response depends on the others
    env = PER_TOKEN.single(market=market, provider=LEARNER, opponents="best_response")
    last, seen = np.zeros(4, int), set()
    for bid in bids_of_an_episode(env, [5, 0, 3, 5, 1, 0]):
        assert bid.level[0, OTHERS].tolist() == equilibrium.best_response(market, last)[OTHERS].tolist()
        last = bid.level[0]
        seen.add(tuple(last[OTHERS]))
    assert len(seen) > 1


@pytest.mark.parametrize("variant", AUCTIONS, ids=str)
@pytest.mark.parametrize("opponents", ["nash", "best_response"])
def test_auction_opponents_bid_honestly_at_their_efficient_levels(variant, opponents):
    env = variant.single(provider=LEARNER, opponents=opponents)
    space, levels = env.action_space, np.argmax(MARKET.welfare_contribution, axis=1)[OTHERS]
    actions = sample(space, np.random.default_rng(0), (3,))
    for bid in bids_of_an_episode(env, actions):
        assert bid.level[0, OTHERS].tolist() == levels.tolist()
        np.testing.assert_array_equal(bid.ask[0, OTHERS], MARKET.cost[OTHERS, levels])
        np.testing.assert_array_equal(bid.claim[0, OTHERS], MARKET.quality[OTHERS, levels])


@each_id
def test_random_opponents_use_the_whole_action_space(variant):
    env = variant.single(provider=LEARNER, opponents="random", max_cycles=300)
    actions = sample(env.action_space, np.random.default_rng(0), (300,))
    levels = np.concatenate([bid.level[:, OTHERS] for bid in bids_of_an_episode(env, actions)])
    counts = np.array([np.bincount(column, minlength=6) for column in levels.T])
    assert counts.min() > 50 - 5 * np.sqrt(300 * 5 / 36)


@each_variant
def test_opponents_given_as_actions_a_function_or_functions_play_alike(variant):
    space = variant.single().action_space
    rng = np.random.default_rng(0)
    joint, own = sample(space, rng, (4,)), sample(space, rng, (5,))

    def repeat(action):
        return lambda observations: np.tile(action, (len(observations),) + (1,) * np.ndim(action))

    forms = [
        joint,
        joint.tolist(),
        repeat(joint),
        {name: repeat(joint[i]) for i, name in enumerate(MARKET.providers) if i != LEARNER},
        {i: repeat(joint[i]) for i in range(4)},
    ]
    plays = [bids_of_an_episode(variant.single(provider=LEARNER, opponents=form), own) for form in forms]
    for play in plays:
        np.testing.assert_allclose(play, plays[0], rtol=1e-6)
        for part in play[0]:
            assert part.shape == (1, 4)


@each_id
def test_functions_see_the_observations_of_their_providers(variant):
    seen, whole = {}, []

    def watch(i):
        return lambda observations: seen.update({i: observations}) or idle[None]

    idle = sample(variant.single().action_space, np.random.default_rng(0))
    env = variant.single(provider=LEARNER, opponents={i: watch(i) for i in OTHERS})
    env.reset(seed=3)
    env.step(idle)
    reference = variant.single(provider=LEARNER, opponents=lambda o: whole.append(o) or np.array([[idle] * 4]))
    reference.reset(seed=3)
    reference.step(idle)
    for i in OTHERS:
        np.testing.assert_array_equal(seen[i], whole[0][:, i])


def imitate(observations):
    """Everybody plays the level that the first provider played last."""
    levels = np.round(5 * observations[:, 0, -8]).astype(int)
    return np.repeat(levels[:, None], 4, axis=1)


@pytest.mark.parametrize("form", ["single", "vector_single"])
def test_a_copy_remembers_what_the_opponents_saw(form):
    arguments = {"provider": 0, "opponents": imitate}
    env = PER_TOKEN.single(**arguments) if form == "single" else PER_TOKEN.vector_single(1, **arguments)
    action = 4 if form == "single" else [4]
    env.reset(seed=0)
    env.step(action)
    copies = [copy.deepcopy(env), pickle.loads(pickle.dumps(env))]
    here = env.get_state()
    env.step(action)
    env.set_state(here)
    for one in (env, *copies):
        one.step(action)
        assert one.engine.record().bids.level.tolist() == [[4, 4, 4, 4]]


@pytest.mark.parametrize("provider", [LEARNER, MARKET.providers[LEARNER]])
def test_the_learner_is_named_or_numbered(provider):
    env = PER_TOKEN.single(provider=provider)
    np.testing.assert_allclose(env.reset(seed=0)[0][:6], MARKET.quality[LEARNER] / MARKET.unit, rtol=1e-6)


@each_id
def test_a_lone_provider_needs_no_opponents(variant):
    for opponents in ("nash", "best_response", "random", {}):
        env = variant.single(market=MARKET.select([0]), opponents=opponents)
        env.reset(seed=0)
        assert np.isfinite(env.step(sample(env.action_space, np.random.default_rng(0)))[1])


@pytest.mark.parametrize(
    ("opponents", "message"),
    [
        ("nsh", "unknown opponents 'nsh'; allowed: nash, best_response, random"),
        ([0, 1, 2], r"actions of opponents must have shape \(4,\).*0, 1, 2"),
        ([0, 1, 2, 6], r"actions of opponents must be in Discrete\(6\), got 6 at \[3\]"),
        ([0.0, 1.0, 2.0, 3.0], r"actions of opponents must be in Discrete\(6\), got .*0\., 1\., 2\., 3\."),
        ({0: len, 1: len}, f"missing: {MARKET.providers[3]}"),
        ({0: len, LEARNER: len, 1: len}, f"missing: {MARKET.providers[3]}"),
        ({0: len, 1: len, "nobody": len}, "unknown provider 'nobody'"),
        (None, "actions of opponents .*None"),
    ],
)
def test_bad_opponents_are_refused_at_once(opponents, message):
    with pytest.raises(ValueError, match=message):
        PER_TOKEN.single(provider=LEARNER, opponents=opponents)


@pytest.mark.parametrize(
    ("returned", "message"),
    [([[0, 0, 0]], "shape"), ([[0, 0, 0, 6]], "got 6"), ([[0, 0, 0, np.nan]], "nan"), ("none", "none")],
)
def test_what_a_function_returns_is_checked_each_period(returned, message):
    env = PER_TOKEN.single(provider=LEARNER, opponents=lambda observations: returned)
    env.reset(seed=0)
    before = env.get_state()
    with pytest.raises(ValueError, match=f"actions of opponents .*{message}"):
        env.step(0)
    np.testing.assert_equal(env.get_state(), before)


@pytest.mark.parametrize("provider", ["nobody", 4, -1, 1.0])
def test_an_unknown_learner_is_named(provider):
    with pytest.raises(ValueError, match=f"unknown provider {provider!r}"):
        PER_TOKEN.single(provider=provider)


@each_id
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_seats_are_the_market_with_the_others_scripted(variant, backend):
    seats, plain = (variant.vector(num_markets=3, backend=backend, autoreset="same_step") for _ in range(2))
    seats = Seats(seats, [MARKET.providers[2], 0], "nash")
    assert seats.seats.tolist() == [2, 0]
    assert (seats.num_markets, seats.num_providers) == (3, 2)
    np.testing.assert_array_equal(seats.reset(seed=4)[0], plain.reset(seed=4)[0][:, [2, 0]])
    joint = np.tile(equilibrium_actions(seats.game), (3, 1) + (1,) * len(seats.single_action_space.shape))
    rng = np.random.default_rng(0)
    for _ in range(7):  # past the end of the episode
        actions = sample(seats.single_action_space, rng, (3, 2))
        joint[:, [2, 0]] = actions
        mine, everybody = seats.step(actions), plain.step(joint)
        for part, whole in zip(mine[:2], everybody[:2], strict=True):
            np.testing.assert_array_equal(part, whole[:, [2, 0]])
        np.testing.assert_array_equal(mine[3], everybody[3])
        if "final_obs" in everybody[4]:
            np.testing.assert_array_equal(mine[4]["final_obs"], everybody[4]["final_obs"][:, [2, 0]])


@pytest.mark.parametrize("providers", [[], [1, 1], [9], ["nobody"]])
def test_seats_are_known_providers_named_once(providers):
    with pytest.raises(ValueError, match=str(providers[-1]) if providers else "at least one"):
        Seats(PER_TOKEN.vector(num_markets=2), providers)
