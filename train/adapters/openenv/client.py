"""The client of a market server."""

from typing import Any

from openenv.core import EnvClient
from openenv.core.client_types import StepResult
from openenv.core.env_server.types import State

from .models import MarketAction, MarketObservation


class MarketClient(EnvClient[MarketAction, MarketObservation, State]):
    """Of a server at `base_url`: `reset(market=..., mechanism=..., provider=...)`, then `step(MarketAction(...))`."""

    def _step_payload(self, action: MarketAction) -> dict[str, Any]:
        return {"answer": action.answer}

    def _parse_result(self, payload: dict[str, Any]) -> StepResult[MarketObservation]:
        outcome = {"done": payload.get("done", False), "reward": payload.get("reward")}
        return StepResult(observation=MarketObservation(**payload.get("observation", {}) | outcome), **outcome)

    def _parse_state(self, payload: dict[str, Any]) -> State:
        return State(**payload)
