"""Providers who see their own side alone, and players with a memory: what they see, and how they are judged."""

import numpy as np
import pytest
import torch

from agents import make_learner
from agents.hyperparameters import RecurrentPPOConfig
from agents.parts.recurrent import StackedGRU
from agents.recurrent import RecurrentPPO
from agents.resuming import get_state, set_state
from ttc_env import MarkovGame, VectorMarket, load_market, per_token_v0
from ttc_env.arrays import as_numpy
from ttc_env.dynamics import Availability, Capacity, Loyalty, Releases, Reputation
from ttc_env.envs.spaces import observation_space, state_space
from ttc_env.evaluation import Task, best_response_lower_bound, find_course
from ttc_env.evaluation.bounded import bounded_figures, is_exact
from ttc_env.observing import USERS, layout, state_index

MARKET = load_market("gpqa/best_of_n", beta=1000.0).select([1, 6, 8])
DYNAMICS = (
    None, Loyalty(0.002), Reputation(0.5), Capacity(queue=1, speed=2000.0), Releases(["base"] * 2, [0.5] * 4),
    Availability(0.5),
)  # fmt: skip


@pytest.mark.parametrize("dynamics", DYNAMICS, ids=lambda one: getattr(one, "name", "none"))
@pytest.mark.parametrize("mechanism", ["per_token", "second_price"])
def test_who_sees_its_own_side_sees_the_own_fields_of_those_who_see_all(mechanism, dynamics):
    if isinstance(dynamics, Reputation) and mechanism == "second_price":
        pytest.skip("reputation needs list prices")
    drawn = np.random.default_rng(0)
    envs = [
        VectorMarket(MARKET, mechanism, 16, dynamics=dynamics, max_cycles=6, **options)
        for options in (
            {}, {"observe": "own"}, {"observe": "own", "shared_record": True}, {"observe": "own", "backend": "torch"},
        )
    ]  # fmt: skip
    fields = layout(envs[0].game)
    users = [field for field in fields.public if field.name == USERS]  # known of the market, and no record of play
    own = fields.own_size + len(users)
    assert list(layout(envs[1].game).public) == users
    assert (*users, *layout(envs[1].game).hidden) == fields.public
    all_seen, own_seen, *_ = seen = [env.reset(seed=1)[0] for env in envs]
    torch_state = None
    for _ in range(8):  # past the end of an episode
        np.testing.assert_array_equal(own_seen, all_seen[..., :own])
        np.testing.assert_array_equal(own_seen[..., : fields.own_size], seen[2].own)
        assert seen[2].public.shape == (16, len(users))
        assert observation_space(envs[1].game).shape == own_seen.shape[2:]
        np.testing.assert_array_equal(envs[0].state(), envs[1].state())
        assert np.all([row in state_space(envs[1].game) for row in envs[1].state()])
        space = envs[0].single_action_space
        high = getattr(space, "nvec", getattr(space, "n", 0))
        actions = drawn.integers(high, size=(16, 3, *space.shape))
        all_seen, own_seen, *_ = seen = [env.step(actions)[0] for env in envs]
        torch_state = as_numpy(seen[3])
    assert torch_state.shape == own_seen.shape  # its draws are torch's own


def test_the_state_shows_in_nothing():
    env = VectorMarket(MARKET, num_markets=2, dynamics=Reputation(0.5), observe="own")
    env.reset(seed=0)
    there = env.put(np.array([[0, 0, 0], [5, 2, 1]]))
    np.testing.assert_array_equal(there[0], there[1])
    with pytest.raises(ValueError, match='observe="own" hides the state'):
        state_index(env.game, there)
    with pytest.raises(ValueError, match="unknown observe 'all'; allowed: public, own"):
        VectorMarket(MARKET, observe="all")
    with pytest.raises(ValueError, match="hides the state"):
        make_learner("nash", lambda **o: VectorMarket(MARKET, dynamics=Loyalty(), observe="own", **o), 10, 0).act(there)


def test_the_pettingzoo_form_shows_the_own_side():
    env = per_token_v0.parallel_env(MARKET, dynamics="loyalty", observe="own")
    seen, _ = env.reset(seed=0)
    for _ in range(3):
        assert all(seen[agent] in env.observation_space(agent) for agent in env.agents)
        seen = env.step(dict.fromkeys(env.agents, 3))[0]
    assert seen[env.agents[0]].shape == (layout(env.engine.game).own_size + 1,)


def test_the_memory_is_that_of_torch_and_empty_where_a_sequence_begins():
    own = StackedGRU(2, 4, 5, [3], 1.0, torch.Generator().manual_seed(0))
    seen, fresh = torch.rand(2, 7, 6, 4), torch.zeros(2, 7, 6, dtype=torch.bool)
    fresh[:, 3, 4] = True
    outputs, memory = own(seen, fresh, start := torch.rand(2, 7, 5))
    assert outputs.shape == (2, 7, 6, 3)
    for copy in range(2):
        unit = torch.nn.GRU(4, 5, batch_first=True)
        with torch.no_grad():
            unit.weight_ih_l0.copy_(own.inward[copy].T), unit.weight_hh_l0.copy_(own.inner[copy].T)
            unit.bias_ih_l0.copy_(own.shift[copy, 0]), unit.bias_hh_l0.copy_(own.inner_shift[copy, 0])
        _, last = unit(seen[copy], start[copy][None])
        anew = unit(seen[copy, 3:4, 4:])[1]
        kept = torch.arange(7) != 3
        torch.testing.assert_close(memory[copy][kept], last[0][kept])
        torch.testing.assert_close(memory[copy, 3:4], anew[0])


def hidden(**options):
    return VectorMarket(MARKET, num_markets=8, dynamics=Reputation(0.5), observe="own", max_cycles=10, **options)


def learner():
    config = RecurrentPPOConfig(horizon=7, epochs=1, minibatches=2, hidden=(8,), memory=6)
    return RecurrentPPO(hidden(backend="torch", copy=False), 10**6, 0, config)


def test_it_learns_from_what_it_played():
    """Read again in sequences, before anything was learnt, the play has the probabilities with which it was drawn."""
    player = learner()
    for _ in range(2):  # the second one begins amid an episode
        batch = player._collect()
        outputs, _ = player.policy(batch["observations"], player._fresh(batch["observations"]), batch["memory 0"])
        log_probs, _ = player.distribution.log_prob_and_entropy(outputs, batch["actions"])
        torch.testing.assert_close(log_probs, batch["log_probs"])
        assert player._fresh(batch["observations"]).any()


def test_it_goes_on_as_if_nothing_had_happened():
    whole, first, second = learner(), learner(), learner()
    for _ in range(4):
        whole.update()
    for _ in range(2):
        first.update()
    set_state(second, get_state(first))
    for _ in range(2):
        second.update()
    for one, other in zip(whole.parameters, second.parameters, strict=True):
        assert torch.equal(one, other)


def test_one_market_is_enough_to_act_and_to_learn():
    player = RecurrentPPO(VectorMarket(MARKET, backend="torch", copy=False), 10**6, 0, RecurrentPPOConfig(horizon=3))
    assert player.update()["entropy"] > 0
    with pytest.raises(ValueError, match="shared"):
        RecurrentPPO(hidden(backend="torch"), 10, 0, RecurrentPPOConfig(shared=True))


def test_it_remembers_one_play_at_a_time():
    player, env = learner(), hidden()
    seen = [env.reset(seed=0)[0]]
    for _ in range(3):
        seen.append(env.step(player.act(seen[-1], greedy=True))[0])
    before = player._acting.clone()
    player.act(env.reset(seed=1)[0], greedy=True)
    player.enter(env)
    player.act(env.reset(seed=1)[0], greedy=True)
    again = player._acting
    player.act(np.concatenate([seen[0]] * 2), greedy=True)
    assert player._acting.shape[1] == 16
    assert not torch.equal(before, again)


def test_a_bound_is_below_what_can_be_gained():
    """Of play that never changes, in a game small enough to be solved."""
    game = MarkovGame(MARKET, "per_token", Reputation(0.5), 0.9)
    actions = np.array([5, 1, 5])
    found = best_response_lower_bound(
        MARKET, lambda seen: np.tile(actions, (len(seen), 1)), 0, dynamics=Reputation(0.5), discount=0.9, updates=400,
        num_markets=32,
    )  # fmt: skip
    exact = game.nash_conv(np.tile(actions, (game.num_states, 1))).improvements[0] * (1 - game.discount)
    assert 0.7 * exact < found.gain <= exact + 4 * found.standard_error


@pytest.mark.parametrize("observe", ["public", "own"])
def test_figures_with_a_bound_are_those_of_the_exact_game(observe):
    env = VectorMarket(MARKET.select([0, 1]), dynamics=Reputation(1.0), observe=observe, dtype="float64")
    game = MarkovGame(MARKET.select([0, 1]), "per_token", Reputation(1.0), 0.8)
    policy = np.tile([4, 2], (game.num_states, 1))
    entered = []
    found = bounded_figures(
        env, lambda seen: np.tile([4, 2], (len(seen), 1)), entered.append, 0.8, updates=50, num_markets=2
    )  # fmt: skip
    exact = game.average(policy)
    assert entered[0].game.observe == observe
    assert found["levels"] == [4, 2]
    np.testing.assert_allclose(found["profits"], exact["profits"], rtol=1e-3)  # later periods are cut off
    assert found["welfare"] == pytest.approx(exact["welfare"], rel=1e-3)
    assert found["nash_conv"] <= (1 - 0.8) * game.nash_conv(policy).total + 4 * found["nash_conv_error"]
    assert found["nash_conv_bound"] == "lower"
    assert found["at_equilibrium"] is False


def test_what_is_exact_and_what_is_bounded():
    assert is_exact(VectorMarket(MARKET, dynamics=Loyalty()))
    assert not is_exact(VectorMarket(MARKET, dynamics=Loyalty()), remembers=True)
    assert not is_exact(VectorMarket(MARKET, dynamics=Loyalty(), observe="own"))
    assert is_exact(VectorMarket(MARKET, observe="own"), remembers=True)
    assert not is_exact(VectorMarket("gpqa/best_of_n", dynamics="reputation"))
    three = {"source": "gpqa/best_of_n", "providers": [1, 6, 8]}
    task = Task("hidden", (three,), (three,), dynamics="reputation", observe="own")
    assert task.description["observe"] == "own"
    assert type(find_course(task, task.tests[0])).__name__ == "BoundedCourse"
