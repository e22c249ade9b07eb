"""Markets that carry something over, in every form of the environments."""

import copy
import pickle

import numpy as np
import pytest

import ttc_env
from tests.helpers.environments import FORMS, MARKET, Variant, same
from ttc_env import observing
from ttc_env.dynamics import Availability, Capacity, Loyalty, Releases, Reputation

OTHER = ttc_env.load_market("gsm8k/best_of_n").select([0, 3, 5, 8])
DYNAMICS = {
    "loyalty": Loyalty(0.002),
    "reputation": Reputation(0.3, 1),
    "capacity": Capacity(1, 0.8, 500.0),
    "releases": Releases((None, OTHER), [[0.5, 0.5], [0.2, 0.8]]),
    "availability": Availability(0.5),
}
VARIANTS = [
    Variant("ttc/PerToken-v0", "per_token", "per_token_v0", {"demand": demand, "dynamics": dynamics})
    for dynamics in DYNAMICS.values()
    for demand in ("expected", 5)
] + [
    Variant("ttc/SecondPrice-v0", "second_price", "second_price_v0", {"demand": demand, "dynamics": dynamics})
    for name, dynamics in DYNAMICS.items()
    for demand in ("expected", 5)
    if name != "reputation"
]


def title(variant):
    return f"{variant.mechanism}-{variant.options['dynamics'].name}-{variant.options['demand']}"


each_variant = pytest.mark.parametrize("variant", VARIANTS, ids=title)


@each_variant
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_observations_stay_inside_and_the_state_moves(variant, backend):
    env = variant.vector(num_markets=32, backend=backend, max_cycles=20)
    rng = np.random.default_rng(0)
    space = env.single_action_space
    sizes = space.n if variant.mechanism == "per_token" else space.nvec
    seen, (observations, _) = set(), env.reset(0)
    for _ in range(25):
        shape = (32, 4, *env.single_action_space.shape)
        observations, _, _, _, info = env.step(rng.integers(0, sizes, shape))
        values = np.asarray(observations)
        assert np.all((values >= env.single_observation_space.low) & (values <= env.single_observation_space.high))
        low, high = observing.layout(env.game).state_bounds(4)
        state = np.asarray(env.state())
        assert np.all((state >= low - 1e-6) & (state <= high + 1e-6))
        seen |= set(np.asarray(info["state"]).tolist())
    assert len(seen) > 1


@each_variant
def test_backends_agree(variant):
    """The same draws lead to the same states and rewards on torch."""
    rng, first = np.random.default_rng(1), None
    actions = rng.integers(0, 3, (6, 5, 4, *variant.vector().single_action_space.shape))
    draws = rng.random((2000,)).astype(np.float64)
    for backend in ("numpy", "torch"):
        env = variant.vector(num_markets=5, backend=backend, dtype="float64")
        position = 0

        def uniform(shape, env=env):
            nonlocal position
            size = int(np.prod(shape))
            taken = np.resize(np.roll(draws, -position), size).reshape(shape)
            position += size
            like = env.game.market.quality
            return taken if isinstance(like, np.ndarray) else like.new_tensor(taken)

        env.uniform = uniform
        env.reset()
        played = [env.step(one) for one in actions]
        found = [(np.asarray(rewards), np.asarray(info["state"])) for _, rewards, _, _, info in played]
        if first is not None:
            for (left, here), (right, there) in zip(first, found, strict=True):
                np.testing.assert_allclose(left, right, rtol=1e-10, atol=1e-14)
                np.testing.assert_array_equal(here, there)
        first = found


@pytest.mark.parametrize("variant", VARIANTS[: 2 * len(DYNAMICS) : 2], ids=title)
@pytest.mark.parametrize("form", FORMS, ids=str)
def test_every_form_goes_back_to_where_it_was(variant, form):
    """Copies, pickles and saved states have the same future, in every form of the environments."""
    env, rng = form.make(variant), np.random.default_rng(3)
    form.reset(env, seed=7)
    for _ in range(3):
        form.step(env, form.actions(env, rng))
    saved, twins = env.get_state(), [copy.deepcopy(env), pickle.loads(pickle.dumps(env))]
    moves = [form.actions(env, rng) for _ in range(2)] if form.kind != "aec" else []
    first = [form.step(env, move) for move in moves]
    for twin in twins:
        assert same([form.step(twin, move) for move in moves], first)
    env.set_state(saved)
    assert same([form.step(env, move) for move in moves], first)


def test_one_state_is_bitwise_the_market_without():
    for options in ({}, {"demand": 5}):
        plain = ttc_env.VectorMarket(MARKET, num_markets=3, **options)
        carried = ttc_env.VectorMarket(MARKET, num_markets=3, dynamics=Releases(), **options)
        rng = np.random.default_rng(0)
        plain.reset(0), carried.reset(0)
        for _ in range(3 if not options else 1):  # drawn demand shares its stream with the state from then on
            actions = rng.integers(0, 6, (3, 4))
            for left, right in zip(plain.step(actions)[:2], carried.step(actions)[:2], strict=True):
                np.testing.assert_array_equal(left, right)


def test_padded_batches_play_each_market_as_alone():
    small = MARKET.select([0, 1])
    batch = ttc_env.VectorMarket([MARKET, small], num_markets=2, dynamics="loyalty", dtype="float64")
    batch.reset(0)
    for _ in range(10):
        batch.step(np.zeros((2, 4), int))
        carried = batch.record().carried[:, 0]
        assert carried[1] in (0, 1, 4)  # an absent provider is nobody's incumbent


def test_an_auction_without_bidders_has_no_sale():
    """Whoever is absent, because queues are full or markets of a batch are smaller, leaves numbers and not NaN."""
    full = ttc_env.VectorMarket(MARKET, "second_price", 2, dynamics=Capacity(1, arrival=1.0))
    full.reset(0)
    full._state = full._state._replace(carried=0 * full._state.carried + 1)
    alone = ttc_env.Market("one", [1], [[0.1]], [[0.5]], [[0.4]], 10.0, answer_value=1.0)
    padded = ttc_env.VectorMarket([MARKET, alone], "second_price")
    padded.reset(0)
    for env in (full, padded):
        _, rewards, _, _, info = env.step(np.full((2, 4, 3), [0, 8, 8]))
        assert np.isfinite(rewards).all()
        assert info["outcome"].outside_share[1] == 1


def test_loyal_users_are_shown_to_everybody():
    env = ttc_env.VectorMarket(MARKET, num_markets=64, dynamics="loyalty", dynamics_options={"cost": 0.004})
    observations, _ = env.reset(0)
    layout = observing.layout(env.game)
    assert not layout.read(observations, "state.incumbent").any()
    observations, _, _, _, info = env.step(np.zeros((64, 4), int))
    assert np.all(info["state"] == 4)
    shown = layout.read(observations, "state.incumbent")
    np.testing.assert_array_equal(shown[:, 0], shown[:, 3])
    np.testing.assert_array_equal(shown[:, 0].argmax(axis=1), env.record().carried[:, 0])


def test_switching_counts_where_answers_are_drawn():
    """Expected and drawn demand agree on what users are left with in a state."""
    for mechanism in ("per_token", "second_price"):
        options = {"mechanism": mechanism, "dynamics": Loyalty(0.002), "dtype": "float64"}
        expected = ttc_env.VectorMarket(MARKET, num_markets=1, **options)
        drawn = ttc_env.VectorMarket(MARKET, num_markets=4000, demand=50, **options)
        values = []
        for env in (expected, drawn):
            env.reset(0)
            env._state = env._state._replace(carried=0 * env._state.carried + 2)
            action = np.full((env.num_markets, 4, *env.single_action_space.shape), 8)
            action = np.minimum(action, 2) if mechanism == "per_token" else action
            if mechanism == "second_price":
                action[..., 0] = 2
            values.append(env.step(action)[4]["outcome"])
        one, many = values
        for name in ("welfare", "user_value"):
            error = getattr(many, name).std() / 4000**0.5
            assert abs(getattr(many, name).mean() - getattr(one, name).mean()) < 5 * error + 1e-12


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dynamics": "habit"}, "allowed: loyalty"),
        ({"dynamics": "loyalty", "dynamics_options": {"price": 1}}, "allowed: cost"),
        ({"dynamics_options": {"cost": 1}}, "there is none"),
        ({"dynamics": "reputation", "mechanism": "second_price"}, "list prices"),
        ({"dynamics": Loyalty(0.1), "dynamics_options": {"cost": 1}}, "belong to a dynamics's name"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ttc_env.VectorMarket(MARKET, **options)
