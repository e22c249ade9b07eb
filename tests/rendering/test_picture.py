"""Pictures of periods: in every form, in the recorders of others, and with whatever names and sizes there are."""

import sys

import gymnasium
import numpy as np
import pytest

import ttc_env
from tests.helpers.environments import MARKET, each_id, sample
from ttc_env.mechanisms import MECHANISMS
from ttc_env.rendering.picture import MarketPicture


def market_of(n, names=None, m=3):
    """Providers with random curves, one of them below cost."""
    rng = np.random.default_rng(n)
    quality = np.sort(rng.uniform(0, 0.01, (n, m)), axis=1)
    price = quality * rng.uniform(0.1, 0.6, (n, 1))
    cost = price / 1.25
    cost[0] = price[0] * 1.5
    return ttc_env.Market(
        names or [f"provider {i}" for i in range(n)], range(1, m + 1), quality, price, cost, beta=300.0
    )


def frame_of(market, mechanism="per_token"):
    env = ttc_env.VectorMarket(market, mechanism, 1, dtype="float64")
    env.reset(seed=0)
    actions = sample(env.single_action_space, np.random.default_rng(1), (1, market.num_providers))
    outcome = env.step(actions)[-1]["outcome"]
    return MarketPicture(market, env.game.mechanism, 7).frame(1, outcome)


@each_id
def test_all_forms_draw_the_same_picture(variant):
    parallel, aec = variant.parallel(render_mode="rgb_array"), variant.aec(render_mode="rgb_array")
    observations, _ = parallel.reset(seed=0)
    before = parallel.render()
    assert before.shape == (400, 640, 3)
    assert before.dtype == np.uint8
    rng = np.random.default_rng(0)
    actions = {agent: sample(parallel.action_space(agent), rng) for agent in observations}
    parallel.step(actions)
    after = parallel.render()
    assert not np.array_equal(before, after)
    aec.reset(seed=0)
    for agent in aec.possible_agents:
        aec.step(actions[agent])
    np.testing.assert_array_equal(aec.render(), after)
    single = variant.single(render_mode="rgb_array", opponents=np.array(list(actions.values())))
    single.reset(seed=0)
    single.step(actions[parallel.possible_agents[0]])
    np.testing.assert_array_equal(single.render(), after)


@pytest.mark.parametrize("n", [1, 2, 9, 10, 24, 50])
def test_any_number_of_providers_fits(n):
    frame = frame_of(market_of(n))
    assert len(np.unique(frame.reshape(-1, 3), axis=0)) > 8
    assert (frame[:, :10] == 255).all()  # nothing runs over the edge
    assert (frame[:6] == 255).all()


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_every_mechanism_is_drawn(mechanism):
    assert not np.array_equal(
        frame_of(MARKET, mechanism), MarketPicture(MARKET, MECHANISMS[mechanism](), 7).frame(0, None)
    )


def test_names_are_text_and_stay_in_their_place():
    plain = frame_of(market_of(4, ["a", "b", "c", "d"]))
    hostile = frame_of(
        market_of(4, ["<script>alert(1)</script>", "$x_1$ \x1b[31m\n\r\0", "模型" * 60, "\N{PILE OF POO}" * 9])
    )
    different = np.flatnonzero((plain != hostile).any(axis=(0, 2)))
    assert different.min() >= 322  # the column of names, and that of its numbers stays
    assert different.max() < 452 - 20


def test_one_level_and_equal_values_are_drawn():
    flat = np.full((2, 1), 0.002)
    market = ttc_env.Market(["a", "b"], [1], flat, flat, flat, beta=100.0)
    assert frame_of(market).shape == (400, 640, 3)


def test_gymnasium_records_and_wraps_it(tmp_path):
    env = gymnasium.make("ttc/PerToken-v0", render_mode="rgb_array", max_cycles=3)
    frames = gymnasium.wrappers.RenderCollection(env, pop_frames=False)
    frames.reset(seed=0)
    for _ in range(3):
        frames.step(frames.action_space.sample())
    assert len(frames.render()) == 4


@pytest.mark.parametrize("batched", [False, True])
def test_gymnasium_records_a_video_and_shows_it(tmp_path, batched, monkeypatch):
    pytest.importorskip("moviepy")
    pytest.importorskip("pygame")
    pytest.importorskip("cv2" if batched else "pygame")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    wrappers = gymnasium.wrappers.vector if batched else gymnasium.wrappers
    make = (lambda **given: gymnasium.make_vec(num_envs=2, **given)) if batched else gymnasium.make
    for wrap in (lambda env: wrappers.RecordVideo(env, str(tmp_path)), wrappers.HumanRendering):
        env = wrap(make(id="ttc/PerToken-v0", render_mode="rgb_array", max_cycles=3))
        env.reset(seed=0)
        for _ in range(4 if batched else 3):
            env.step(env.action_space.sample())
        env.close()
    assert list(tmp_path.glob("*.mp4"))


def test_without_pillow_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr("ttc_env.rendering.picture.Image", None)
    env = ttc_env.per_token_v0.parallel_env(market_of(2), render_mode="rgb_array")
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"pictures need Pillow: pip install 'ttc-env\[render\]'"):
        env.render()
    assert "matplotlib" not in getattr(sys.modules["ttc_env.rendering.picture"], "__dict__", {})
