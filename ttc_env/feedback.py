"""What a period would have brought: the reward of every own action, and in auctions the score to beat."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ttc_env.arrays import Array, as_numpy, device, namespace
from ttc_env.batch import MarketBatch
from ttc_env.equilibrium import StageGame
from ttc_env.mechanisms import Bids
from ttc_env.repeated import RepeatedMarket

KINDS = ("own", "counterfactual")


def check_feedback(feedback: str, game: RepeatedMarket) -> str:
    """The kind of feedback, if the market can give it.

    Raises:
        ValueError: an unknown kind, or counterfactuals of continuous actions or of a market with dynamics.
    """
    if feedback not in KINDS:
        raise ValueError(f"unknown feedback {feedback!r}; allowed: {', '.join(KINDS)}")
    if feedback == "counterfactual" and game.mechanism.action_type == "box":
        raise ValueError(
            f"feedback='counterfactual' lists every action, but those of {game.mechanism.name} are continuous here; "
            "take feedback='own' or another action_type"
        )
    if feedback == "counterfactual" and game.dynamics is not None:
        raise ValueError(
            "feedback='counterfactual' is of one period, but with dynamics an action changes later ones; "
            "take feedback='own'"
        )
    return feedback


@dataclass(frozen=True, eq=False)
class Counterfactual:
    """Exact expected rewards of all own actions in a period; computed in NumPy, one market of a batch after another."""

    game: RepeatedMarket

    @cached_property
    def parts(self) -> list[tuple[StageGame, slice, np.ndarray]]:
        """The stage game of every different market, the rows it fills, and the number there of every action.

        A level that a market of a batch lacks repeats its highest one.
        """
        market, mechanism = self.game.market, self.game.mechanism
        several = market.markets if isinstance(market, MarketBatch) else (market,)
        sizes, found = mechanism.action_sizes(market), []
        components = np.unravel_index(np.arange(int(np.prod(sizes))), sizes)
        for k, one in enumerate(several):
            numbers = np.ravel_multi_index(components, mechanism.action_sizes(one), mode="clip")
            found.append((StageGame(one, mechanism), slice(k, None, len(several)), numbers))
        return found

    def rewards(self, bids: Bids) -> Array:
        """The reward of each of the `K` actions of each provider against the others' bids `(B, n)`: `(B, n, K)`.

        Actions are in lexicographic order; of providers who are absent, zero.
        """
        made, like = Bids(*map(as_numpy, bids)), self.game.market.quality
        found = np.zeros((*made.level.shape, len(self.parts[0][2])))
        for stage, rows, numbers in self.parts:
            n, most = stage.market.num_providers, stage.market.num_levels - 1
            own = Bids(*(part[rows, :n] for part in made))
            own = own._replace(level=np.minimum(own.level, most))
            found[rows, :n] = stage.deviations_from(own)[..., numbers]
        scale = as_numpy(self.game.usd_per_reward)
        found = found / (scale if scale.ndim == 0 else scale[..., None])
        return namespace(like).asarray(found, dtype=like.dtype, device=device(like))

    def info(self, bids: Bids) -> dict[str, Array]:
        """`counterfactual`, and for auctions `winning_score`, USD, `(B, n)`."""
        score = self.game.mechanism.winning_score(self.game.market, bids)
        found = {"counterfactual": self.rewards(bids)}
        return found if score is None else found | {"winning_score": score}
