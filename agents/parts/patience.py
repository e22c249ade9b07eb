"""Hyper-parameters whose best value depends on whether what is done today matters tomorrow.

Found on validation markets that are in no suite; see docs/benchmark.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any


def settle(config: Any, game: Any, alone: Mapping[str, Any], carried: Mapping[str, Any]) -> Any:
    """A configuration whose fields that are None have the values for this game.

    Args:
        config: hyper-parameters.
        game: a `ttc_env.repeated.RepeatedMarket`.
        alone: the values where periods have nothing to do with each other, or the state moves on its own.
        carried: the values where what is played changes the state of the next period.
    """
    matters = game.dynamics is not None and not game.dynamics.exogenous
    values = (carried if matters else alone).items()
    return replace(config, **{name: value for name, value in values if getattr(config, name) is None})
