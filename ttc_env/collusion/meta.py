"""Would a firm choose this algorithm? The game in which actions are ways of playing, and what they earn is measured.

`cross_play` lets strategies that were learnt apart meet each other, exactly; `meta_game` averages over what each way of
playing has learnt in several sessions; the result is a payoff table like any other, whose pure equilibria it lists.
`mixed_equilibria` finds those of two firms that mix, by going through all supports.

Source: the meta-game of pretrained pricing agents, arXiv:2602.17203; support enumeration as in Porter, Nudelman,
Shoham 2008, *Simple Search Methods for Finding a Nash Equilibrium*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, product

import numpy as np

from ttc_env.collusion.decisions import check_discount, discounted
from ttc_env.collusion.payoffs import PayoffTable
from ttc_env.collusion.strategies import Strategies

Player = tuple[Strategies, int]
"""strategies that were learnt together, and the provider that plays on"""


def remembered(actions: np.ndarray, states: int) -> np.ndarray:
    """Actions of a provider in so many states, `(states,)`, from those of a shorter memory: the latest periods count.

    Raises:
        ValueError: a memory that is longer.
    """
    if states % len(actions):
        raise ValueError(f"strategies of {len(actions)} states do not fit into a memory of {states} states")
    return np.tile(actions, states // len(actions))


def cross_play(players: Sequence[Player], discount: float, start: int | None = None) -> np.ndarray:
    """What players earn who have never met, USD per period, `(n,)`, discounted.

    Args:
        players: one for each provider of the game, in this order.
        discount: of the next period.
        start: row of the joint action that everybody remembers at first; by default the mean over all pasts.

    Raises:
        ValueError: another number of players than of providers, or players of different games.
    """
    payoffs, discount = players[0][0].payoffs, check_discount(discount)
    if len(players) != payoffs.num_providers or any(s.payoffs is not payoffs for s, _ in players):
        raise ValueError(f"the game is one of {payoffs.num_providers} providers, all of whom must have learnt it")
    longest = max((strategies for strategies, _ in players), key=lambda strategies: strategies.memory)
    actions = [remembered(strategies.actions[:, seat], longest.num_states) for strategies, seat in players]
    met = Strategies(payoffs, longest.memory, np.stack(actions, axis=1))
    values = np.stack([discounted(payoffs.profits[met.joint, i], met.following, discount) for i in range(len(players))])
    if start is None:
        return values.mean(axis=1)
    past = sum(start * payoffs.num_joint**period for period in range(longest.memory))
    return values[:, met.check_state(past)]


def meta_game(ways: Mapping[str, Sequence[Strategies]], discount: float, start: int | None = None) -> PayoffTable:
    """The game of choosing a way of playing: mean profits of every combination, each provider in its own seat.

    Args:
        ways: by its name, what each way of playing has ended in, in one or more sessions. Of the same way, players of
            different sessions meet (self-play across seeds); with one session alone they meet themselves.
        discount: of the next period.
        start: see `cross_play`.

    Returns:
        A table of as many actions as ways, in their order.
    """
    games = [strategies.payoffs for found in ways.values() for strategies in found]
    if not games or any(not found for found in ways.values()):
        raise ValueError("every way of playing needs the strategies of at least one session")
    n, found, profits = games[0].num_providers, list(ways.values()), []
    for choice in product(range(len(found)), repeat=n):
        meetings = [
            [(found[way][(k + i) % len(found[way])], i) for i, way in enumerate(choice)]
            for k in range(max(len(found[way]) for way in choice))
        ]
        profits.append(np.mean([cross_play(players, discount, start) for players in meetings], axis=0))
    return PayoffTable(np.array(profits), len(found))


def regret_of_choices(game: PayoffTable, chances: np.ndarray) -> np.ndarray:
    """What each provider loses by each action against the others' mixed strategies `(n, m)`, USD, `(n, m)`."""
    n, m = game.num_providers, game.num_actions
    regrets = np.empty((n, m))
    for i in range(n):
        others = np.ones(game.num_joint)
        for j in set(range(n)) - {i}:
            others *= chances[j][game.joint_actions[:, j]]
        worth = np.bincount(game.joint_actions[:, i], others * game.profits[:, i], m)
        regrets[i] = worth.max() - worth
    return regrets


def mixed_equilibria(game: PayoffTable) -> list[np.ndarray]:
    """Equilibria of two providers, `(2, m)` probabilities each: all of them where no two supports of a size tie.

    Raises:
        ValueError: another number of providers.
    """
    if game.num_providers != 2:
        raise ValueError(f"mixed equilibria are found for 2 providers, got {game.num_providers}")
    m = game.num_actions
    first, second = np.moveaxis(game.profits.reshape(m, m, 2), -1, 0)
    slack, found = 1e-9 * max(float(np.abs(game.profits).max()), np.finfo(float).tiny), []
    for size in range(1, m + 1):
        for rows, columns in product(combinations(range(m), size), repeat=2):
            x = _indifferent(second.T[np.ix_(columns, rows)])
            y = _indifferent(first[np.ix_(rows, columns)])
            if x is None or y is None:
                continue
            chances = np.zeros((2, m))
            chances[0, list(rows)], chances[1, list(columns)] = x, y
            if (regret_of_choices(game, chances) * (chances > 0)).max() <= slack:
                found.append(chances)
    return found


def _indifferent(payoffs: np.ndarray) -> np.ndarray | None:
    """Positive probabilities of the columns that make all rows worth the same; None if there are none, or many."""
    size = len(payoffs)
    system = np.zeros((size + 1, size + 1))
    system[:size, :size], system[:size, size], system[size, :size] = payoffs, -1, 1
    if np.linalg.matrix_rank(system) <= size:
        return None
    chances = np.linalg.solve(system, np.append(np.zeros(size), 1.0))[:size]
    return chances if (chances > 1e-12).all() else None
