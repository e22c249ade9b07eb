"""A provider of a repeated market as an environment of OpenEnv: what is said, and the client that says it."""

from .client import MarketClient
from .models import MarketAction, MarketObservation

__all__ = ["MarketAction", "MarketClient", "MarketObservation"]
