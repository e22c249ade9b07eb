"""Everything exact about games with dynamics: brute force over all Markov policies, and a second implementation."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

import ttc_env
from tests.dynamics.naive import Naive, by_iteration, random_game, random_market
from ttc_env import MarkovGame
from ttc_env.dynamics import Capacity, Loyalty, Releases, Reputation, encode
from ttc_env.dynamics.protocol import clear
from ttc_env.equilibrium import Unanswered
from ttc_env.period import period_of

KINDS = ("loyalty", "reputation", "capacity", "releases", "availability")
each_kind = pytest.mark.parametrize("kind", KINDS)


def close(left, right):
    np.testing.assert_allclose(left, right, rtol=1e-9, atol=1e-10)


def brute_force(seed, kind):
    """One random game of one or two providers against all its joint Markov policies; whether it has an equilibrium."""
    rng = np.random.default_rng(seed)
    n = 1 if kind == "reputation" and seed % 4 == 0 else 2
    market, dynamics, discount = random_game(rng, kind, n)
    game, naive = MarkovGame(market, "per_token", dynamics, discount), Naive(market, dynamics)
    size, m = game.num_states, market.num_levels
    assert size == len(naive.states) <= 4
    assert game.start == naive.start
    own = np.array(list(itertools.product(range(m), repeat=size)))  # Markov policies of one provider, (P, S)
    index = np.array(list(itertools.product(range(len(own)), repeat=n)))
    policies = own[index].swapaxes(1, 2)  # (P^n, S, n)
    rows, states = policies @ m ** np.arange(n)[::-1], np.arange(size)
    chains = naive.next[states, rows]
    inverse = np.linalg.inv(np.eye(size) - discount * chains)
    values = inverse @ naive.utility[states, rows]
    welfare = (inverse @ naive.welfare[states, rows][..., None])[..., 0]
    table = values.reshape(*(len(own),) * n, size, n)
    best = np.stack([table[..., i].max(axis=i, keepdims=True) + 0 * table[..., i] for i in range(n)], axis=-1)
    best = best.reshape(values.shape)
    gains = best - values
    for k in rng.integers(len(policies), size=3):
        close(game.values(policies[k]), values[k])
        close(game.welfare(policies[k]), welfare[k])
        close(game.user_value(policies[k]), welfare[k] - values[k].sum(axis=-1))
        close(game.gains(policies[k]), gains[k])
        close(game.nash_conv(policies[k]).improvements, naive.first @ gains[k])
        for i in range(n):
            actions, reached = game.best_response(policies[k], i)
            close(reached, best[k, :, i])
            answer = policies[k].copy()
            answer[:, i] = actions
            close(game.values(answer)[:, i], reached)
        visited = game.stationary(policies[k])
        close(visited.sum(), 1)
        close(visited @ chains[k], visited)
    planned, cartel = game.welfare_optimum(), game.joint_profit_optimum()
    assert planned.exact
    close(planned.values, welfare.max(axis=0))
    close(game.welfare(planned.policy), planned.values)
    close(cartel.values, values.sum(axis=-1).max(axis=0))
    close(game.values(cartel.policy).sum(axis=-1), cartel.values)
    stable = policies[gains.max(axis=(1, 2)) < 1e-9]
    if not len(stable):
        with pytest.raises(Unanswered, match="least"):
            game.equilibrium()
        return False
    for one in (game.equilibrium(), *game.equilibria(3)):
        assert np.any(np.all(stable == one, axis=(1, 2)))
    return True


@each_kind
def test_all_markov_policies_of_small_games(kind):
    assert sum(brute_force(seed, kind) for seed in range(8)) >= 7


@pytest.mark.slow
@each_kind
def test_all_markov_policies_of_300_small_games(kind):
    assert sum(brute_force(seed, kind) for seed in range(100, 175)) >= 70


def second_opinion(seed):
    """One random game of three providers against plain loops and value iteration, with pure and mixed policies."""
    rng = np.random.default_rng(seed)
    market, dynamics, discount = random_game(rng, KINDS[seed % len(KINDS)], 3)
    game, naive = MarkovGame(market, "per_token", dynamics, discount), Naive(market, dynamics)
    size, m, joint = game.num_states, market.num_levels, np.array(naive.joint)
    mixed = rng.dirichlet(np.ones(m), (size, 3))
    mixed[rng.random((size, 3)) < 0.3] = np.eye(m)[0]
    pure = rng.integers(m, size=(size, 3))
    for policy, table in ((pure, np.eye(m)[pure]), (mixed, mixed)):
        chances = np.stack([table[:, i, joint[:, i]] for i in range(3)], axis=-1)  # (S, A, n)
        values = game.values(policy)
        for i in range(3):
            own = (joint[:, i] == np.arange(m)[:, None])[None]  # (1, m, A)
            forced = own * np.prod(np.delete(chances, i, axis=-1), axis=-1)[:, None]
            reward = np.einsum("ska,sa->sk", forced, naive.utility[..., i])
            following = np.einsum("ska,sat->skt", forced, naive.next)
            best = by_iteration(reward, following, discount)
            close(game.best_response(policy, i)[1], best)
            reward = np.einsum("sk,sk->s", table[:, i], reward)[:, None]
            following = np.einsum("sk,skt->st", table[:, i], following)[:, None]
            close(values[:, i], by_iteration(reward, following, discount))
            close(game.gains(policy)[:, i], np.maximum(best - values[:, i], 0))
        visited = game.stationary(policy)
        close(visited, visited @ following[:, 0])


@pytest.mark.parametrize("seed", range(8))
def test_three_providers_by_a_second_implementation(seed):
    second_opinion(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 150))
def test_fifty_games_of_three_providers_by_a_second_implementation(seed):
    second_opinion(seed)


def test_the_equilibrium_that_an_independent_solver_found():
    """Providers 1, 6 and 8 with loyalty of .002 USD; a homotopy solver found the same."""
    market = ttc_env.load_market("gsm8k/majority_voting", beta=1000.0).select([1, 6, 8])
    game = MarkovGame(market, "per_token", Loyalty(0.002), discount=0.95)
    policy = game.equilibrium()
    assert policy[game.start].tolist() == [4, 3, 3]
    served = [game.states.index(name) for name in market.providers]
    assert policy[served].tolist() == [[4, 2, 2], [4, 4, 2], [4, 2, 4]]
    assert (1000 * game.values(policy)[game.start]).round(5).tolist() == [0.81654, 1.28501, 1.96781]
    assert game.nash_conv(policy).total < 1e-15
    found = game.equilibria(12)
    np.testing.assert_array_equal(found[0], policy)
    assert max(game.gains(one).max() for one in found) < 1e-15
    assert all(np.array_equal(one[served], policy[served]) for one in found)  # they differ at the start alone


@pytest.mark.parametrize(
    ("name", "stage", "myopic"),
    [("gsm8k/majority_voting", 73, 65), ("gpqa/best_of_n", 53, 41), ("aime/best_of_n", 51, 21)],
)
def test_what_loyalty_leaves_to_be_gained_with_nine_providers(name, stage, myopic):
    game = MarkovGame(ttc_env.load_market(name, beta=1000.0), "per_token", Loyalty(0.004), discount=0.95)
    assert round(100 * game.relative_nash_conv(game.stage_policy())) == stage
    assert round(100 * game.relative_nash_conv(game.myopic_policy())) == myopic
    assert game.relative_nash_conv(game.equilibrium()) < 1e-12
    assert len(game.equilibria(2)) == 1


@each_kind
def test_simulated_play_earns_what_its_values_say(kind):
    """Discounted profits of play by the draws of `advance`, within five standard errors."""
    rng = np.random.default_rng(5)
    market, dynamics, _ = random_game(rng, kind, 2)
    game = MarkovGame(market, "per_token", dynamics, 0.8)
    policy = rng.integers(market.num_levels, size=(game.num_states, 2))
    batch, sizes = 4000, dynamics.sizes(market)
    base, state, total = period_of(market), np.tile(dynamics.start(market), (batch, 1)), np.zeros((batch, 2))
    for t in range(80):
        period = dynamics.period(base, state)
        outcome = clear(dynamics, game.mechanism, period, state, policy[encode(state, sizes)])
        total += 0.8**t * outcome.utility
        state = dynamics.advance(period, state, outcome, rng.random((batch, dynamics.num_draws(market))))
    error = total.std(axis=0) / batch**0.5
    assert np.all(np.abs(total.mean(axis=0) - game.values(policy)[game.start]) < 5 * error + 1e-9)


def test_one_state_is_the_market_without():
    market = random_market(np.random.default_rng(0), 3, 3)
    game, stage = MarkovGame(market, "per_token", Releases(), 0.5), ttc_env.StageGame(market, "per_token")
    np.testing.assert_array_equal(game.stage_policy()[0], stage.equilibrium())
    np.testing.assert_array_equal(game.equilibrium()[0], stage.equilibrium())
    profile = np.array([[2, 0, 1]])
    np.testing.assert_array_equal(game.stage(profile).utility, stage.utility(profile))
    close(game.values(profile), 2 * stage.utility(profile))
    close(game.nash_conv(profile).total, 2 * stage.nash_conv(profile[0]).total)


def test_loyalty_without_cost_is_the_market_without():
    market = ttc_env.load_market("gpqa/majority_voting", beta=1000.0)
    game = MarkovGame(market, "per_token", Loyalty(0.0), 0.9)
    np.testing.assert_array_equal(game.equilibrium(), game.stage_policy())
    close(game.stage(game.stage_policy()).utility, ttc_env.StageGame(market).utility(game.stage_policy()))


def test_releases_are_played_state_by_state():
    market, other = ttc_env.load_market("gsm8k/majority_voting"), ttc_env.load_market("gsm8k/best_of_n")
    game = MarkovGame(market, "per_token", Releases((None, other), [[0.9, 0.1], [0.0, 1.0]]), 0.95)
    expected = [ttc_env.StageGame(one).equilibrium() for one in (market, other)]
    np.testing.assert_array_equal(game.stage_policy(), expected)
    assert game.nash_conv(game.stage_policy()).total < 1e-12
    assert game.stationary(game.stage_policy()).round(9).tolist() == [0, 1]


def test_users_are_worth_fighting_for_in_the_auction():
    """The incumbent's offer is worth more to users, so a sale is worth more than its own profit: asks below cost."""
    market = ttc_env.load_market("gsm8k/best_of_n").select([0, 4, 7])
    mechanism = ttc_env.mechanisms.SecondPrice(grid=(-0.2, -0.1, 0.0, 0.1))
    game = MarkovGame(market, mechanism, Loyalty(0.002), 0.9)
    honest = game.stage_policy()
    stage = game.stage(honest)
    close(stage.user_value + stage.utility.sum(axis=-1), stage.welfare)
    found = game.equilibrium()
    assert np.any(game.actions[found][..., 1] < 2)
    assert game.nash_conv(found).total < 1e-12 < game.nash_conv(honest).total


def test_reputation_is_refused_where_providers_state_a_price():
    market = ttc_env.load_market("gsm8k/best_of_n").select([0, 4])
    with pytest.raises(ValueError, match="list prices"):
        MarkovGame(market, "second_price", Reputation(), 0.9)


def pair():
    return random_market(np.random.default_rng(0), 2, 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Loyalty(-0.1), ">= 0"),
        (lambda: Loyalty(float("nan")), "finite"),
        (lambda: Reputation(1.5), r"\[0, 1\]"),
        (lambda: Reputation(first=-1), "level index"),
        (lambda: Capacity(0), "queue must be an integer >= 1"),
        (lambda: Capacity(10**240), "queue must be at most 1,000 queries"),
        (lambda: Capacity(arrival=-0.5), r"\[0, 1\]"),
        (lambda: Capacity(delay=-1.0), ">= 0"),
        (lambda: Capacity(speed=0.0), "positive"),
        (lambda: Releases((None, None), [[1.0, 0.1], [0.0, 1.0]]), "rows sum to 1"),
        (lambda: Releases((None,), [[1.0]], 1), "0..0"),
        (lambda: Releases(()), "markets"),
        (lambda: MarkovGame(pair(), "per_token", "loyalty", 1.0), r"\[0, 1\)"),
        (lambda: MarkovGame(pair(), "per_token", "habit"), "allowed: loyalty"),
        (lambda: MarkovGame(ttc_env.load_market("gsm8k/best_of_n"), "per_token", "reputation"), "10077696 states"),
        (lambda: MarkovGame(pair(), dynamics=Capacity(speed=(1.0,))), "speed"),
        (lambda: MarkovGame(pair(), dynamics=Reputation(first=2)), "0..1"),
        (lambda: MarkovGame(replace(pair(), tokens=None), dynamics=Capacity()), "tokens"),
        (lambda: MarkovGame(pair(), dynamics=Releases((ttc_env.load_market("gsm8k/best_of_n"),))), "shape"),
        (lambda: ttc_env.dynamics.make_dynamics("loyalty", price=1), "allowed: cost"),
        (lambda: ttc_env.dynamics.make_dynamics(Loyalty), "got the class"),
    ],
)
def test_bad_input_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    "policy", [np.zeros((4, 4), int), np.full((4, 3), 6), np.zeros((4, 3)), np.full((4, 3, 6), 0.5)]
)
def test_wrong_policies_are_refused(policy):
    game = MarkovGame(ttc_env.load_market("gsm8k/best_of_n").select([0, 1, 2]), "per_token", "loyalty", 0.9)
    with pytest.raises(ValueError, match=r"policy|action indices"):
        game.values(policy)


def test_a_bound_on_what_all_could_reach_says_that_it_is_one():
    game = MarkovGame(ttc_env.load_market("gsm8k/majority_voting"), "per_token", Loyalty(0.002), 0.95)
    policy = game.equilibrium()
    for bound, value in (
        (game.welfare_optimum(), game.welfare(policy)),
        (game.joint_profit_optimum(), game.values(policy).sum(axis=-1)),
    ):
        assert bound.exact is (bound.policy is not None)
        assert np.all(bound.values >= value)
