"""How good players are who see observations: by what they play, or where something is carried over by all they would.

Where nothing is carried over, some periods are played and judged (`ttc_env.metrics`). Otherwise the players are asked
what they do in every state, and the Markov policy this makes is judged exactly (`ttc_env.MarkovGame`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from ttc_env.batch import one_market
from ttc_env.dynamics import DISCOUNT, MarkovGame, decode
from ttc_env.envs.seats import Seats
from ttc_env.envs.vector import VectorMarket
from ttc_env.equilibrium import Unanswered, relative_gap
from ttc_env.metrics import evaluate
from ttc_env.playing import play, record_play, replay

Act = Callable[[np.ndarray], Any]
ASKED = 3  # periods until the last answer counts: by then the record of last period is one of the same state


def judge(
    env: VectorMarket | Seats, act: Act, periods: int, enter: Callable[[Any], Any] | None = None
) -> dict[str, Any]:
    """Figures of players beside the analytic ones, with the keys of `ttc_env.metrics.evaluate_play`.

    Args:
        env: one market, backend numpy; where something is carried over, all its providers must be played by `act`.
        act: from observations `(B, n, d)` to actions.
        periods: played where nothing is carried over.
        enter: told of the markets that the next observations come from.

    Raises:
        ValueError: where something is carried over: some providers are scripted, or the game is too large.
    """
    if enter is not None:
        enter(env)
    if env.game.dynamics is None:
        return evaluate(env, play(env, act, periods))
    if isinstance(env, Seats):
        raise ValueError("where something is carried over, all providers are judged together; learners must be all")
    return figures(markov_game(env), markov_policy(env, act, enter))


def judge_each(env: VectorMarket, act: Act, periods: int) -> list[dict[str, Any]]:
    """`judge` of several players at once, where nothing is carried over.

    Args:
        env: copies of one market, one for each player, backend numpy.
        act: from observations `(B, n, d)` to actions, row `k` what player `k` sees and does.
        periods: that are played.
    """
    actions = record_play(env, act, periods, [0] * env.num_markets)
    market, mechanism = one_market(env.market), env.game.mechanism
    return [evaluate(env, replay(market, mechanism, actions[k :: env.num_markets])) for k in range(env.num_markets)]


def markov_game(env: VectorMarket | Seats, discount: float = DISCOUNT) -> MarkovGame:
    """The exact game of a market that carries something over.

    Raises:
        ValueError: nothing is carried over, different markets at once, or too many states.
    """
    if env.game.dynamics is None:
        raise ValueError("nothing is carried over in this market; its game is StageGame(market, mechanism)")
    return _exact(one_market(env.market), env.game.mechanism, env.game.dynamics, discount)


_exact = lru_cache(maxsize=16)(MarkovGame)


def markov_policy(env: VectorMarket, act: Act, enter: Callable[[Any], Any] | None = None) -> np.ndarray:
    """What players do in every state, action indices `(S, n)`.

    All states are played side by side and each is put back after every period, so that the record of last period that
    the players see is that of their own play in the same state.

    Args:
        env: the market; it is left as it is.
        act: from observations `(S, n, d)` to actions.
        enter: told of the markets that the observations come from.
    """
    game = markov_game(env)
    engine = VectorMarket(
        one_market(env.market),
        env.game.mechanism,
        game.num_states,
        max_cycles=ASKED + 1,
        reward_scale=env.game.reward_scale,
        dtype=str(env.game.market.quality.dtype),
        dynamics=env.game.dynamics,
    )
    if enter is not None:
        enter(engine)
    engine.reset(0)
    states = decode(np.arange(game.num_states), game.sizes)
    for _ in range(ASKED):
        actions = np.asarray(act(engine.put(states)))
        engine.step(actions)
    return game.stage_game.numbers(actions)


def shown_figures(env: VectorMarket | Seats, states: np.ndarray, actions: np.ndarray) -> dict[str, Any]:
    """`figures` of players who can only be judged by the play they have shown, where something is carried over.

    Their policy is taken for what they did last in each state. In states that were never played in they are taken to
    do what an equilibrium of that period alone does; `states_shown` is the fraction of states that were.

    Args:
        env: one market.
        states: that were played in, by index, `(T,)`.
        actions: of all providers there, `(T, n)` or `(T, n, c)`.

    Raises:
        ValueError: the game is too large.
    """
    game = markov_game(env)
    policy = np.array(game.stage_policy())
    policy[states] = game.stage_game.numbers(actions)  # of several the last one stays
    return figures(game, policy) | {"states_shown": len(np.unique(states)) / game.num_states}


def figures(game: MarkovGame, policy: np.ndarray) -> dict[str, Any]:
    """Figures of a Markov policy beside those of the equilibrium: of a period from the start on, see `average`.

    `levels` are those in the state that is visited most in the long run, `nash_levels` the equilibrium's there,
    `levels_by_state` and `nash_levels_by_state` those in all states, `policy` and `nash_policy` all action indices.
    `nash_conv` is `(1 - discount)` times that of the whole future. `welfare_optimum` may be a bound, see
    `MarkovGame.welfare_optimum`; `stationary` is how often the `states` are visited in the long run.
    """
    found, rest = game.average(policy), 1 - game.discount
    gap = rest * float(game.nash_conv(policy).total)
    visited = game.stationary(policy)
    state = int(visited.argmax())
    result = _summary(game, policy, "", state) | {
        "relative_nash_conv": relative_gap(gap, found["profits"]),
        "nash_conv": gap,
        "at_equilibrium": bool(game.gains(policy).max() <= 1e-9 * np.abs(game.values(policy)).max()),
        "welfare_optimum": rest * float(game.start_weights @ game.welfare_optimum().values),
        "states": list(game.states),
        "stationary": visited.tolist(),
        "policy": policy.tolist(),
    }
    try:
        nash = _equilibrium(game)
    except Unanswered:
        return result
    return result | _summary(game, nash, "nash_", state) | {"nash_policy": nash.tolist()}


_equilibrium = lru_cache(maxsize=16)(MarkovGame.equilibrium)


def _summary(game: MarkovGame, policy: np.ndarray, prefix: str, state: int) -> dict[str, Any]:
    found = game.average(policy)
    levels = game.stage_game.mechanism.bids(game.market, game.actions[policy]).level
    values = {
        "levels": levels[state].tolist(),
        "levels_by_state": levels.tolist(),
        "welfare": float(found["welfare"]),
        "user_value": float(found["user_value"]),
        "provider_profit": float(found["profits"].sum()),
        "payment": float(found["payments"].sum()),
        "shares": found["shares"].tolist(),
        "profits": found["profits"].tolist(),
    }
    return {prefix + name: value for name, value in values.items()}
